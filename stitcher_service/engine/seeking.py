"""From where a clip is decoded so that a frame in its middle comes out exactly. Pure.

A demuxer seeks to some keyframe not after the time it is given, by decode times as a rule, and pictures that lead a
keyframe are lost when decoding begins there.
"""

from stitcher_service.ffmpeg.probe import VideoTrack


def seek_frame(track: VideoTrack, first: int) -> int:
    """The frame to seek to, at most `first`, so that every frame from `first` on can be decoded; 0: do not seek."""
    if track.codec == "h264" and not track.keyframes_are_idr:
        # A recovery point promises whole pictures only some frames later; decoding starts at an IDR picture.
        starts = (frame for frame, is_idr in zip(track.packet_frames, track.packet_is_idr, strict=True) if is_idr)
        first = max((frame for frame in starts if 0 <= frame <= first), default=0)
    if track.codec == "h264" and track.keyframes_are_idr:
        return first
    return max(0, first - _reach(track))


def _reach(track: VideoTrack) -> int:
    """How many frames at most are shown before one that is decoded earlier."""
    reach = highest = 0
    for frame in track.packet_frames:
        highest = max(highest, frame)
        reach = max(reach, highest - frame)
    return reach
