"""Which frames of a clip may enter the film bit for bit. Pure: probes in, frame ranges and reasons out."""

from stitcher_service.engine.render_plan import CopiedSegment, FilmFormat
from stitcher_service.ffmpeg.probe import HIDDEN, VideoTrack

# Fewer copied frames than this are not worth a switch between two encodings within a clip.
MIN_COPIED_FRAMES = 4


def find_copy_obstacle(track: VideoTrack, film: FilmFormat) -> str:
    """Why no frame of this clip can be copied into the film; empty when nothing stands in the way."""
    size = (track.width_px, track.height_px)
    checks = (
        (track.codec != "h264", f"codec is {track.codec}"),
        (size != film.size_px, f"size is {size[0]}x{size[1]}"),
        (track.rotation_deg != 0, f"rotated by {track.rotation_deg} degrees"),
        (not track.is_upright, "mirrored"),
        (track.pixel_aspect != 1, f"pixels are {track.pixel_aspect} wide"),
        (track.pixel_format != "yuv420p", f"pixel format is {track.pixel_format}"),
        (track.is_interlaced, "interlaced"),
        (not track.keeps_time(film.rate), "its frames are not on the film's clock"),
        (track.colour != film.colour, "colour description differs from the film's"),
        (all(frame == HIDDEN for frame in track.packet_frames), "its file does not say in which order it is shown"),
        (not any(track.packet_sets), "not stored as avcC with 4-byte lengths"),
    )
    return next((why for is_so, why in checks if is_so), "")


def find_copied_segments(track: VideoTrack, clip: int, first: int, end: int) -> list[CopiedSegment]:
    """Every run of packets that shows exactly consecutive frames within [first, end) and needs nothing before it.

    A run starts at an IDR picture and keeps to one collection of parameter sets. Its end needs no keyframe: in decode
    order it may stop wherever the frames so far have no gap, because later packets are never needed by earlier ones.
    """
    starts = sorted(
        (frame, at)
        for at, (frame, is_idr) in enumerate(zip(track.packet_frames, track.packet_is_idr, strict=True))
        if is_idr and track.packet_sets[at] and first <= frame < end
    )
    copies: list[CopiedSegment] = []
    copied_end = first
    for frame, at in starts:
        if frame < copied_end:
            continue
        packets = _gapless(track, at, end)
        is_whole = (frame, packets) == (first, end - first)
        if packets >= MIN_COPIED_FRAMES or is_whole:
            copies.append(CopiedSegment(clip=clip, first=frame, frames=packets, packet_first=at))
            copied_end = frame + packets
    return copies


def _gapless(track: VideoTrack, packet_first: int, end: int) -> int:
    """How many packets from `packet_first` on can be copied: up to a gap, to `end`, or to other parameter sets."""
    first, sets = track.packet_frames[packet_first], track.packet_sets[packet_first]
    highest = best = 0
    rest = zip(track.packet_frames[packet_first:], track.packet_sets[packet_first:], strict=True)
    for count, (frame, needed) in enumerate(rest, start=1):
        if frame == HIDDEN or not first <= frame < end or needed != sets:
            break
        highest = max(highest, frame)
        if highest - first == count - 1:
            best = count
    return best
