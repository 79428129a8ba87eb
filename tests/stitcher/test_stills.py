"""A scene's still: exactly the film's size, rate and length, its keyframes at both ends, a steady move."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import pytest

from stitcher_service.engine.colours import BT709
from stitcher_service.engine.render_plan import FilmFormat
from stitcher_service.ffmpeg.probe import probe
from stitcher_service.ffmpeg.run import Runner, find_ffmpeg
from stitcher_service.jobs import segment_commands
from stitcher_service.jobs.segment_commands import FILM_QUALITY, PREVIEW_QUALITY, Quality, Target
from tests.stitcher.jobs import a_picture
from tests.stitcher.media import listen, pitch

RED, BLUE = (200, 30, 30), (30, 30, 200)
SMALL = FilmFormat((320, 180), Fraction(24), BT709)


def a_still(
    folder: Path,
    *,
    film: FilmFormat = SMALL,
    frames: int = 48,
    picture_px: tuple[int, int] | None = None,
    number: int = 0,
    colours: tuple[tuple[int, int, int], tuple[int, int, int]] = (RED, BLUE),
    quality: Quality = FILM_QUALITY,
) -> Path:
    pictures = (folder / "first.png", folder / "last.png")
    for picture, colour in zip(pictures, colours, strict=True):
        picture.write_bytes(a_picture(picture_px or film.size_px, colour))
    target = Target(film, quality, folder / "still.mp4")
    Runner(find_ffmpeg()).run(segment_commands.encode_still(pictures, frames, target, number))
    return target.path


def seen(path: Path) -> list[npt.NDArray[np.float64]]:
    with av.open(str(path)) as container:
        return [
            frame.reformat(format="rgb24", src_colorspace="ITU709").to_ndarray().astype(np.float64)
            for frame in container.decode(video=0)
        ]


@pytest.mark.parametrize(
    ("size", "rate", "frames"),
    [
        ((320, 180), Fraction(24), 48),
        ((180, 320), Fraction(25), 31),
        ((320, 180), Fraction(24000, 1001), 7),
        ((3840, 2160), Fraction(24), 2),
    ],
    ids=["16:9", "9:16, odd length", "NTSC", "4K, two frames"],
)
def test_still_has_the_films_size_and_rate_and_exactly_its_frames(
    tmp_path: Path, size: tuple[int, int], rate: Fraction, frames: int
) -> None:
    info = probe(a_still(tmp_path, film=FilmFormat(size, rate, BT709), frames=frames))

    assert info.video is not None
    assert info.audio is not None
    assert (info.video.width_px, info.video.height_px, info.video.frames) == (*size, frames)
    assert info.video.keeps_time(rate)
    assert info.video.colour == BT709
    assert info.video.pixel_format == "yuv420p"
    assert abs(info.audio.duration_s - frames / rate) <= 1 / rate


def test_still_begins_and_ends_with_its_keyframes(tmp_path: Path) -> None:
    pictures = seen(a_still(tmp_path))

    for shown, name in ((pictures[0], "first.png"), (pictures[-1], "last.png")):
        wanted = seen(tmp_path / name)[0]
        assert 10 * np.log10(255**2 / ((shown - wanted) ** 2).mean()) > 34
    assert pictures[24][:40].mean(axis=(0, 1)) == pytest.approx([115, 30, 115], abs=15)


def test_still_moves_by_less_than_a_pixel_a_frame_and_never_jumps(tmp_path: Path) -> None:
    frames, side = 60, 91  # of the pale square in the middle of a picture 360 high
    film = FilmFormat((640, 360), Fraction(24), BT709)
    fine = Quality("veryfast", crf=1, sound_bits="96k", parameter_set=0)  # what is measured must not be the encoder
    still = a_still(tmp_path, film=film, frames=frames, colours=(RED, RED), quality=fine)
    widths = [square_px(picture) for picture in seen(still)]
    steps = np.diff(widths[: frames // 4])  # before the blend: in on the first picture alone

    assert widths[0] == pytest.approx(side, abs=0.2)
    assert widths[frames // 4] > side + 1
    assert widths[-1] == pytest.approx(side, abs=0.2)
    assert steps.min() > -0.05
    assert steps.max() < 0.35
    assert np.abs(np.diff(steps)).max() < 0.25


def square_px(picture: npt.NDArray[np.float64]) -> float:
    """The width of the pale square along the middle row, in parts of a pixel: how much of the row is pale."""
    row = picture[picture.shape[0] // 2 - 4 : picture.shape[0] // 2 + 4, :, 2].mean(axis=0)
    return float(((row - 30) / (220 - 30)).clip(-0.2, 1.2).sum())


def test_still_fills_the_film_when_its_keyframes_have_another_shape(tmp_path: Path) -> None:
    pictures = seen(a_still(tmp_path, picture_px=(400, 400)))

    for corner in (pictures[0][:8, :8], pictures[0][-8:, -8:]):
        assert corner.mean(axis=(0, 1)) == pytest.approx(RED, abs=14)


def test_still_is_silent_when_it_has_no_number(tmp_path: Path) -> None:
    assert np.abs(listen(a_still(tmp_path))).max() < 1e-3


def test_numbered_still_begins_with_a_soft_cue_and_shows_its_number(tmp_path: Path) -> None:
    still = a_still(tmp_path, number=7)
    sound, picture = listen(still), seen(still)[0]

    assert pitch(sound, 0, 0.1) == pytest.approx(660, abs=15)
    assert np.abs(sound).max() < 0.1
    assert np.abs(sound[:, 24_000:]).max() < 1e-3
    assert read_number(picture, digits=1) == "7"


def test_card_is_as_long_as_its_scene_and_shows_its_number(tmp_path: Path) -> None:
    out = tmp_path / "card.mp4"
    Runner(find_ffmpeg()).run(segment_commands.encode_card(36, Target(SMALL, PREVIEW_QUALITY, out), 40))

    pictures = seen(out)
    assert len(pictures) == 36
    assert read_number(pictures[-1], digits=2) == "40"
    assert np.abs(listen(out)).max() < 1e-3


@pytest.mark.parametrize("number", [1236, 5890])
def test_every_digit_differs_from_the_others(tmp_path: Path, number: int) -> None:
    out = tmp_path / "card.mp4"
    film = FilmFormat((640, 360), Fraction(24), BT709)
    Runner(find_ffmpeg()).run(segment_commands.encode_card(1, Target(film, FILM_QUALITY, out), number))

    assert read_number(seen(out)[0], digits=4) == str(number)


# Which of the seven places are lit: top, upper left, upper right, middle, lower left, lower right, bottom.
_SHAPES = {
    frozenset({0, 1, 2, 4, 5, 6}): "0",
    frozenset({2, 5}): "1",
    frozenset({0, 2, 3, 4, 6}): "2",
    frozenset({0, 2, 3, 5, 6}): "3",
    frozenset({1, 2, 3, 5}): "4",
    frozenset({0, 1, 3, 5, 6}): "5",
    frozenset({0, 1, 3, 4, 5, 6}): "6",
    frozenset({0, 2, 5}): "7",
    frozenset(range(7)): "8",
    frozenset({0, 1, 2, 3, 5, 6}): "9",
}


def read_number(picture: npt.NDArray[np.float64], digits: int) -> str:
    """The number in the lower left corner, read by looking at the middle of each stroke."""
    unit = max(2, picture.shape[0] // 90)
    places = ((2, 0.5), (0.5, 2.7), (3.5, 2.7), (2, 5), (0.5, 7), (3.5, 7), (2, 9.5))
    read = ""
    for digit in range(digits):
        left, top = 3 * unit + 6 * unit * digit, picture.shape[0] - 14 * unit
        lit = {n for n, (x, y) in enumerate(places) if is_lit(picture, left + x * unit, top + y * unit, unit)}
        read += _SHAPES.get(frozenset(lit), "?")
    return read


def is_lit(picture: npt.NDArray[np.float64], x: float, y: float, unit: int) -> bool:
    half = unit / 4
    part = picture[int(y - half) : int(y + half) + 1, int(x - half) : int(x + half) + 1]
    return bool(part.mean() > 150)


def test_still_command_moves_by_fractions_of_a_pixel() -> None:
    target = Target(SMALL, FILM_QUALITY, Path("s.mp4"))
    command = segment_commands.encode_still((Path("a.png"), Path("b.png")), 8, target)
    fill = "scale=320:180:force_original_aspect_ratio=increase:flags=lanczos:out_color_matrix=bt709:out_range=tv"
    first, last = "0.014151*(1-cos(PI*on/5))", "0.014151*(1+cos(PI*on/5))"

    def chain(edge: str) -> str:
        near, far = f"({edge})", f"(1-{edge})"
        places = (("0", near, near), ("1", far, near), ("2", near, far), ("3", far, far))
        corners = ":".join(f"x{n}='W*{x}':y{n}='H*{y}'" for n, x, y in places)
        return (
            f"{fill},crop=320:180,setsar=1,format=yuv420p,loop=loop=5:size=1,settb=1/24,setpts=N,fps=24,"
            f"perspective={corners}:interpolation=cubic:sense=source:eval=frame"
        )

    assert command.graph == (
        f"[0:v:0]{chain(first)}[a];[1:v:0]{chain(last)}[b];"
        "[a][b]xfade=transition=fade:duration=0.166667:offset=0.083333,format=yuv420p,"
        "setparams=color_primaries=1:color_trc=1:colorspace=1:range=tv[v];"
        "anullsrc=r=48000:cl=stereo,atrim=end_sample=16000[s]"
    )
    assert command.options == (
        *("-map", "[v]", "-map", "[s]", "-frames:v", "8"),
        *("-c:v", "libx264", "-preset", "veryfast", "-crf", "18", "-profile:v", "high", "-g", "24"),
        *("-x264-params", "sps-id=2:scenecut=0:open-gop=0", "-video_track_timescale", "12288"),
        *("-c:a", "aac", "-b:a", "192k", "-f", "mp4"),
    )
    assert command.output == Path("s.mp4")
