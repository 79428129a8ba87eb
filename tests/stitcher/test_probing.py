"""What is read of a file without decoding it is what decoding it tells (E2)."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import pytest

from stitcher_service.ffmpeg.probe import VideoTrack, probe
from tests.stitcher.conftest import ClipMaker


def track_of(clip: Path, *, is_ours: bool = False) -> VideoTrack:
    track = probe(clip, is_ours=is_ours).video
    assert track is not None
    return track


def test_file_of_ours_when_probed_without_decoding_then_only_its_pixel_format_stays_open(a_clip: ClipMaker) -> None:
    whole, quick = track_of(a_clip(mark=1)), track_of(a_clip(mark=1), is_ours=True)

    assert all(quick.packet_sets)
    assert quick == replace(whole, pixel_format=quick.pixel_format)


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
def test_clip_when_probed_then_its_first_picture_tells_whether_it_is_interlaced(
    codec: str, options: dict[str, str], is_interlaced: bool, tmp_path: Path
) -> None:
    track = track_of(a_grey_clip(tmp_path / "clip.mp4", codec, options))

    assert (track.frames, track.is_interlaced) == (6, is_interlaced)
