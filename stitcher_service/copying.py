"""Which frames of a clip may enter the film bit for bit. Pure: probes in, frame ranges and reasons out."""

from stitcher_service.ffmpeg.probe import HIDDEN, VideoTrack
from stitcher_service.segments import Copy, FilmFormat

# Fewer copied frames than this are not worth a switch between two encodings within a clip.
MIN_COPIED_FRAMES = 4


def obstacle(track: VideoTrack, film: FilmFormat) -> str:
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
        (track.parameter_sets is None, "not stored as avcC with 4-byte lengths"),
    )
    return next((why for is_so, why in checks if is_so), "")


def copied_range(track: VideoTrack, clip: int, first: int, end: int) -> Copy | None:
    """The longest run of packets that shows exactly consecutive frames within [first, end) and needs nothing before it.

    It starts at the first IDR picture at or after `first`. Its end needs no keyframe: in decode order it may stop
    wherever the frames so far have no gap, because later packets are never needed by earlier ones.
    """
    starts = (
        (at, frame)
        for at, (frame, is_idr) in enumerate(zip(track.packet_frames, track.packet_is_idr, strict=True))
        if is_idr and first <= frame < end
    )
    start = min(starts, key=lambda found: found[1], default=None)
    if start is None:
        return None
    packet_first, copied_first = start
    packets = _gapless(track.packet_frames, packet_first, copied_first, end)
    is_whole = (copied_first, packets) == (first, end - first)
    if packets < MIN_COPIED_FRAMES and not is_whole:
        return None
    return Copy(clip=clip, first=copied_first, frames=packets, packet_first=packet_first)


def _gapless(packet_frames: tuple[int, ...], packet_first: int, copied_first: int, end: int) -> int:
    highest = best = 0
    for count, frame in enumerate(packet_frames[packet_first:], start=1):
        if frame == HIDDEN or not copied_first <= frame < end:
            break
        highest = max(highest, frame)
        if highest - copied_first == count - 1:
            best = count
    return best
