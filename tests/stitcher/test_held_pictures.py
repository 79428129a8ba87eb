"""A picture that is held lasts as long as its file says, whether it is the only one or the last."""

from fractions import Fraction
from pathlib import Path

import pytest

from stitcher_service.ffmpeg.probe import probe
from tests.stitcher.conftest import ClipMaker, FilmMaker
from tests.stitcher.making import ffmpeg
from tests.stitcher.media import marks, watch


@pytest.mark.parametrize(
    ("name", "codecs"),
    [
        ("still.mp4", "-c:v libx264 -c:a aac"),
        ("still.mp4", "-c:v libx265 -x265-params log-level=error -c:a aac"),
        ("still.mov", "-c:v mjpeg -c:a aac"),
        ("still.mkv", "-c:v libx264 -c:a aac"),
        ("still.ts", "-c:v libx264 -c:a aac"),
        ("still.webm", "-c:v libvpx-vp9 -c:a libopus"),
    ],
)
def test_clip_of_one_picture_fills_its_whole_length_when_the_picture_is_held(
    a_film: FilmMaker, tmp_path: Path, name: str, codecs: str
) -> None:
    picture = "-f lavfi -i testsrc2=s=320x180:r=1/5 -f lavfi -i sine=d=5"
    ffmpeg(tmp_path, f"{picture} -frames:v 1 {codecs} -pix_fmt yuv420p -strict -1 {name}")

    _, report = a_film([{"path": name}, {"path": name, "in_s": 1, "out_s": 2.5}])

    assert report.frames == 120 + 36


@pytest.mark.parametrize("rate", [24, 25, Fraction(30_000, 1001)])
def test_clip_of_one_picture_is_one_frame_long_when_it_lasts_one_frame(tmp_path: Path, rate: Fraction) -> None:
    clip = ffmpeg(tmp_path, f"-f lavfi -i testsrc2=s=320x180:r={rate} -frames:v 1 -c:v libx264 still.mp4")

    track = probe(clip).video

    assert track is not None
    assert track.frames_at(Fraction(rate)) == 1


def held(clip: Path, folder: Path, name: str, last_s: float) -> None:
    """The clip with its last picture shown for `last_s` seconds; one of one codec without reordered pictures."""
    ffmpeg(folder, f"-i {clip} -an -c copy -bsf:v setts=duration='if(eq(N\\,23)\\,{last_s}/TB\\,DURATION)' {name}")


@pytest.mark.parametrize("name", ["clip.mp4", "clip.mov", "clip.mkv"])
@pytest.mark.parametrize("last", [2, 3, 48])
def test_clip_holds_its_last_picture_and_copies_the_others_when_only_that_one_is_long(
    a_clip: ClipMaker, a_film: FilmMaker, tmp_path: Path, name: str, last: int
) -> None:
    smooth = a_clip(mark=2, frames=24, options=(("x264-params", "keyint=24:bframes=0:scenecut=0"),))
    held(smooth, tmp_path, name, last / 24)

    film, report = a_film([{"path": name}, {"path": name, "in_s": 23 / 24}])

    assert marks(watch(film)) == [(2, n) for n in range(24)] + [(2, 23)] * (last - 1) + [(2, 23)] * last
    assert report.frames == 23 + 2 * last
    assert report.copied_frames in {0, 24}


def test_clip_that_plays_at_its_usual_pace_keeps_its_copies_when_its_last_picture_is_held(
    a_clip: ClipMaker, a_film: FilmMaker, tmp_path: Path
) -> None:
    options = (("x264-params", "keyint=24:bframes=0:scenecut=0"),)
    ffmpeg(
        tmp_path,
        f"-i {a_clip(mark=2, frames=72, options=options)} -an -c copy"
        " -bsf:v setts=duration='if(eq(N\\,71)\\,5/24/TB\\,DURATION)' clip.mp4",
    )

    film, report = a_film([{"path": "clip.mp4"}])

    assert marks(watch(film)) == [(2, n) for n in range(72)] + [(2, 71)] * 4
    assert (report.copied_frames, report.encoded_frames) == (72, 4)
