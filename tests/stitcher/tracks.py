"""Picture tracks as a probe describes them, for tests that need no file."""

from fractions import Fraction
from typing import Any

from stitcher_service.ffmpeg.avc import ParameterSets
from stitcher_service.ffmpeg.probe import Colour, VideoTrack

UNSPECIFIED = Colour(2, 2, 2)
SETS = ParameterSets((bytes((0x67, 100, 0, 12, 0x80)),), (bytes((0x68, 0x80)),))


def a_track(frames: int = 72, gop: int = 24, b_frames: int = 2, **overrides: Any) -> VideoTrack:
    """A clip like Veo's: closed groups of 24 frames, each P picture decoded before the B pictures it follows."""
    order: list[int] = []
    for start in range(0, frames, gop):
        end = min(start + gop, frames)
        order.append(start)
        for group in range(start + 1, end, b_frames + 1):
            last = min(group + b_frames, end - 1)
            order += [last, *range(group, last)]
    values: dict[str, Any] = {
        "codec": "h264",
        "width_px": 320,
        "height_px": 180,
        "pixel_format": "yuv420p",
        "pixel_aspect": Fraction(1),
        "rotation_deg": 0,
        "is_interlaced": False,
        "colour": UNSPECIFIED,
        "is_indexed": True,
        "start_s": Fraction(0),
        "duration_s": Fraction(frames, 24),
        "times_s": tuple(Fraction(n, 24) for n in range(frames)),
        "tick_s": Fraction(1, 12288),
        "packet_frames": tuple(order),
        "packet_is_idr": tuple(frame % gop == 0 for frame in order),
    }
    values = {**values, **overrides}
    has_sets = values["codec"] == "h264"
    coded = {"packet_sets": (SETS if has_sets else None,) * len(values["packet_frames"]), "keyframes_are_idr": True}
    return VideoTrack(**{**coded, **values})
