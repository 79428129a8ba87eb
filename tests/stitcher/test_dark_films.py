"""A film that is black for a while is a film; one that is black from end to end, unlike its clips, is none."""

from collections.abc import Callable
from pathlib import Path

import pytest

from stitcher_service.ffmpeg.command import Command, InputFile
from stitcher_service.ffmpeg.run import Runner, find_ffmpeg
from tests.stitcher.conftest import ClipMaker, FilmMaker
from tests.stitcher.media import watch

FRAMES = 72


@pytest.fixture
def a_dark_clip(a_clip: ClipMaker, tmp_path: Path) -> Callable[..., Path]:
    """A clip that is black where `black`, an expression over the frame number n, says so."""

    def make(black: str, *options: str, suffix: str = ".mp4") -> Path:
        dark = f"drawbox=t=fill:color=black:enable='{black}'"
        coded = ("-pix_fmt", "yuv420p", "-c:a", "copy", *options)
        out = tmp_path / f"dark{suffix}"
        Runner(find_ffmpeg()).run(Command((InputFile(a_clip(mark=1)),), out, ("-vf", dark, *coded)))
        return out

    return make


@pytest.mark.parametrize("black", ["lt(n,10)", "lt(n,35)", "gte(n,62)", "not(eq(n,31))"])
@pytest.mark.parametrize("group", [1, 24, 250])
def test_clip_of_any_groups_is_copied_when_only_part_of_it_is_black(
    a_dark_clip: Callable[..., Path], a_film: FilmMaker, black: str, group: int
) -> None:
    film, report = a_film([{"path": a_dark_clip(black, "-c:v", "libx264", "-g", str(group))}])

    assert report.copied_frames == report.frames == len(watch(film)) == FRAMES


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".ts"])
@pytest.mark.parametrize("codec", [("libx264", "-bf", "0"), ("libx265", "-x265-params", "log-level=error")])
def test_clip_of_any_container_is_taken_when_it_opens_from_black(
    a_dark_clip: Callable[..., Path], a_film: FilmMaker, suffix: str, codec: tuple[str, ...]
) -> None:
    clip = a_dark_clip("lt(n,10)", "-c:v", *codec, "-g", "250", suffix=suffix)

    _, report = a_film([{"path": clip}])

    assert (report.frames, report.warnings) == (FRAMES, ())


@pytest.mark.parametrize("frames", [1, 2, 4, 5, 10, 11])
def test_film_is_made_when_the_used_part_of_a_clip_is_black(
    a_dark_clip: Callable[..., Path], a_film: FilmMaker, frames: int
) -> None:
    clip = a_dark_clip("lt(n,10)", "-c:v", "libx264", "-g", "250")

    film, report = a_film([{"path": clip, "out_s": frames / 24}])

    assert len(watch(film)) == report.frames == frames
    assert all("encoded anew" not in str(warning) for warning in report.warnings)
