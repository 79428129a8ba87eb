"""Pictures that are decoded before others they follow, whatever codec and container say about it: every frame exact."""

from collections.abc import Callable
from pathlib import Path

import pytest

from stitcher_service.ffmpeg.command import Command, InputFile
from stitcher_service.ffmpeg.run import Runner, find_ffmpeg
from tests.stitcher.conftest import ClipMaker, FilmMaker
from tests.stitcher.media import marks, watch

FRAMES = 72
GROUPS = "keyint=24:min-keyint=24:scenecut=0"
CODECS = {
    "h264 open": ("libx264", "-x264-params", f"{GROUPS}:open-gop=1:bframes=3"),
    "h264 closed": ("libx264", "-x264-params", f"{GROUPS}:open-gop=0:bframes=5:b-pyramid=normal"),
    "h264 tiny groups": ("libx264", "-x264-params", "keyint=4:min-keyint=4:scenecut=0:open-gop=1:bframes=3"),
    "h264 refreshed": ("libx264", "-x264-params", "keyint=24:intra-refresh=1:bframes=0"),
    "hevc open": ("libx265", "-x265-params", f"log-level=error:{GROUPS}"),
    "hevc closed": ("libx265", "-x265-params", f"log-level=error:{GROUPS}:open-gop=0"),
    "mpeg2": ("mpeg2video", "-bf", "2", "-g", "12", "-q:v", "3"),
}
ClipInContainer = Callable[..., Path]


@pytest.fixture(scope="module")
def a_coded_clip(a_clip: ClipMaker, tmp_path_factory: pytest.TempPathFactory) -> ClipInContainer:
    """`a_coded_clip("hevc open", ".mkv")`: the test clip in that codec and container; each is made once."""
    folder = tmp_path_factory.mktemp("coded")

    def run(source: Path, out: Path, *options: str, first_s: float = 0) -> Path:
        if not out.exists():
            seek = ("-ss", str(first_s)) if first_s else ()
            Runner(find_ffmpeg()).run(Command((InputFile(source, seek),), out, ("-c:a", "copy", *options)))
        return out

    def make(codec: str, suffix: str, *copying: str, first_s: float = 0) -> Path:
        name = codec.replace(" ", "-")
        preset = ("-preset", "ultrafast" if "hevc" in codec else "veryfast") if codec != "mpeg2" else ()
        coded = ("-pix_fmt", "yuv420p", "-c:v", *CODECS[codec], *preset)
        whole = run(a_clip(mark=1, frames=FRAMES), folder / f"{name}.mp4", *coded)
        variant = f"{name}-{abs(hash((copying, first_s)))}{suffix}"
        return run(whole, folder / variant, "-c:v", "copy", *copying, first_s=first_s)

    return make


@pytest.mark.parametrize(("first", "end"), [(1, 72), (23, 48), (24, 49), (40, 41), (47, 71)])
@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
@pytest.mark.parametrize("codec", CODECS)
def test_frames_are_exact_when_a_clip_of_any_groups_is_trimmed_anywhere(
    a_coded_clip: ClipInContainer, a_film: FilmMaker, codec: str, suffix: str, first: int, end: int
) -> None:
    clip = a_coded_clip(codec, suffix)

    film, report = a_film([{"path": clip, "in_s": first / 24, "out_s": end / 24}])

    assert marks(watch(film)) == [(1, n) for n in range(first, end)]
    assert report.warnings == ()


@pytest.mark.parametrize(("first", "end"), [(0, 72), (23, 48), (24, 49), (47, 71)])
@pytest.mark.parametrize("suffix", [".ts", ".avi"])
@pytest.mark.parametrize("codec", ["h264 open", "h264 closed", "hevc open", "mpeg2"])
def test_frames_are_exact_when_a_clip_without_an_index_is_trimmed(
    a_coded_clip: ClipInContainer, a_film: FilmMaker, codec: str, suffix: str, first: int, end: int
) -> None:
    if (codec, suffix) == ("hevc open", ".avi"):
        codec = "mpeg2"  # AVI holds no HEVC
    clip = a_coded_clip(codec, suffix)

    film, _ = a_film([{"path": clip, "in_s": first / 24, "out_s": end / 24}])

    assert marks(watch(film)) == [(1, n) for n in range(first, end)]


@pytest.mark.parametrize("first", [0, 1, 23])
@pytest.mark.parametrize(
    ("codec", "suffix"),
    [
        ("hevc open", ".mkv"),
        ("hevc open", ".ts"),
        ("hevc open", ".mp4"),
        ("h264 open", ".mkv"),
        ("h264 open", ".mp4"),
        ("mpeg2", ".mkv"),
        ("mpeg2", ".ts"),
    ],
)
def test_leading_pictures_that_cannot_be_decoded_are_no_frames_when_a_clip_was_cut_off_before_them(
    a_coded_clip: ClipInContainer, a_film: FilmMaker, codec: str, suffix: str, first: int
) -> None:
    clip = a_coded_clip(codec, suffix, first_s=1)

    film, report = a_film([{"path": clip, "in_s": first / 24}, {"path": clip, "out_s": 10 / 24}])

    assert marks(watch(film)) == [(1, 24 + n) for n in range(first, 48)] + [(1, 24 + n) for n in range(10)]
    assert report.warnings == ()


@pytest.mark.parametrize(("first", "end"), [(0, 72), (11, 49)])
@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
@pytest.mark.parametrize("codec", ["h264 open", "h264 closed", "hevc closed"])
def test_frames_are_in_order_when_the_file_gives_decode_times_only(
    a_coded_clip: ClipInContainer, a_film: FilmMaker, codec: str, suffix: str, first: int, end: int
) -> None:
    clip = a_coded_clip(codec, suffix, "-bsf:v", "setts=pts=N/24/TB:dts=N/24/TB")

    film, report = a_film([{"path": clip, "in_s": first / 24, "out_s": end / 24}])

    assert marks(watch(film)) == [(1, n) for n in range(first, end)]
    assert report.warnings == ()
