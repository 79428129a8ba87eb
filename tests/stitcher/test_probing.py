"""What only the pictures of a file say is read from its first one."""

from pathlib import Path
from typing import Any

import av
import pytest

from stitcher_service.ffmpeg.probe import probe


def a_grey_clip(clip: Path, codec: str, options: dict[str, str]) -> Path:
    with av.open(str(clip), "w") as container:
        stream: Any = container.add_stream(codec, rate=24, options=options)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for _ in range(6):
            container.mux(stream.encode(av.VideoFrame(64, 48, "yuv420p")))
        container.mux(stream.encode(None))
    return clip


@pytest.mark.parametrize(
    ("codec", "options", "is_interlaced"),
    [
        ("libx264", {"x264-params": "tff=1"}, True),
        ("libx264", {"x264-params": "bframes=3"}, False),
        ("libvpx-vp9", {}, False),
        ("mpeg4", {}, False),
    ],
)
def test_first_picture_decides_whether_a_clip_is_interlaced(
    codec: str, options: dict[str, str], is_interlaced: bool, tmp_path: Path
) -> None:
    track = probe(a_grey_clip(tmp_path / "clip.mp4", codec, options)).video

    assert track is not None
    assert (track.frames, track.is_interlaced) == (6, is_interlaced)
