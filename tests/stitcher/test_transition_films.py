"""Transitions: only they are encoded, and they look and sound as ordered."""

from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from tests.stitcher.conftest import ClipMaker, FilmMaker
from tests.stitcher.media import level, likeness_db, listen, marks, pitch, slices, watch


def led(path: Any, kind: str, duration_s: float, **more: Any) -> dict[str, Any]:
    return {"path": path, "transition": {"kind": kind, "duration_s": duration_s}, **more}


def test_crossfade_turns_one_clip_into_the_other_and_copies_the_rest(a_clip: ClipMaker, a_film: FilmMaker) -> None:
    dark, bright = a_clip(mark=1), a_clip(mark=3, tone_hz=880)

    film, report = a_film([led(dark, "crossfade", 0.5), {"path": bright}])

    seen = watch(film)
    assert report.frames == len(seen) == 132
    assert marks(seen[:60]) == [(1, n) for n in range(60)]
    assert marks(seen[72:]) == [(3, n) for n in range(12, 72)]
    mixed = [frame.brightness for frame in seen[60:73]]
    assert all(later > earlier for earlier, later in pairwise(mixed))
    source = set(slices(dark)) | set(slices(bright))
    assert sum(picture in source for picture in slices(film)) == report.copied_frames >= 104


def test_crossfade_has_both_tones_at_equal_power(a_clip: ClipMaker, a_film: FilmMaker) -> None:
    film, _ = a_film([led(a_clip(mark=1), "crossfade", 1.0), {"path": a_clip(mark=3, tone_hz=880)}])

    sound = listen(film)
    assert pitch(sound, 1.8, 1.98) == pytest.approx(440, abs=8)
    assert pitch(sound, 3.02, 3.2) == pytest.approx(880, abs=8)
    assert level(sound, 2.4, 2.6) == pytest.approx(level(sound, 1.0, 1.5), rel=0.1)


def test_fade_through_black_lowers_and_restores_light_and_sound(a_clip: ClipMaker, a_film: FilmMaker) -> None:
    film, report = a_film([led(a_clip(mark=2), "fade_black", 1.0), {"path": a_clip(mark=3, tone_hz=880)}])

    seen = watch(film)
    assert report.frames == len(seen) == 144
    assert marks(seen[:60]) == [(2, n) for n in range(60)]
    assert marks(seen[84:]) == [(3, n) for n in range(12, 72)]
    light = [frame.brightness for frame in seen]
    assert all(later < earlier for earlier, later in pairwise(light[60:72]))
    assert all(later > earlier for earlier, later in pairwise(light[72:84]))
    assert min(light[71:73]) < 3
    sound = listen(film)
    assert level(sound, 2.98, 3.02) < 0.1 * level(sound, 1, 2)


@pytest.mark.parametrize(
    ("transition", "middle"),
    [
        ({"kind": "fade_white"}, (255, 255, 255)),
        ({"kind": "dip"}, (0, 0, 0)),
        ({"kind": "dip", "colour": "#C03020"}, (0xC0, 0x30, 0x20)),
    ],
    ids=["white", "dip", "dip to red"],
)
def test_fade_through_a_colour_reaches_the_colour_and_returns(
    a_clip: ClipMaker, a_film: FilmMaker, transition: dict[str, str], middle: tuple[int, int, int]
) -> None:
    first = {"path": a_clip(mark=2), "transition": {**transition, "duration_s": 1.0}}

    film, report = a_film([first, {"path": a_clip(mark=3, tone_hz=880)}])

    seen = watch(film)
    assert report.frames == len(seen) == 144
    assert marks(seen[:60]) == [(2, n) for n in range(60)]
    assert marks(seen[84:]) == [(3, n) for n in range(12, 72)]
    assert min(np.abs(np.subtract(colour_at(film, n), middle)).max() for n in (71, 72)) <= 6
    assert report.copied_frames >= 104
    sound = listen(film)
    assert level(sound, 2.98, 3.02) < 0.1 * level(sound, 1, 2)


def test_coloured_fade_does_not_shift_its_first_frame(a_clip: ClipMaker, a_film: FilmMaker) -> None:
    clip = a_clip(mark=2)

    film, _ = a_film([led(clip, "fade_white", 1.0), {"path": a_clip(mark=3)}])

    assert likeness_db(film, range(59, 61), clip, 59) > 34


def colour_at(film: Path, number: int) -> list[float]:
    """Red, green and blue of a frame, on average."""
    with av.open(str(film)) as container:
        frame = next(islice(container.decode(video=0), number, None))
    picture = frame.to_ndarray(format="rgb24", src_colorspace="ITU709")
    return [float(value) for value in picture.reshape(-1, 3).mean(axis=0)]


def test_clip_of_nothing_but_transitions_keeps_every_frame(a_clip: ClipMaker, a_film: FilmMaker) -> None:
    short = a_clip(mark=2, frames=24, tone_hz=880)

    film, report = a_film(
        [led(a_clip(mark=1), "crossfade", 0.5), led(short, "crossfade", 0.5), {"path": a_clip(mark=3, tone_hz=1320)}]
    )

    seen = watch(film)
    assert report.frames == len(seen) == 72 + 24 + 72 - 24
    assert marks(seen[:60]) == [(1, n) for n in range(60)]
    assert marks(seen[84:]) == [(3, n) for n in range(12, 72)]
    assert marks(seen[72:73]) == [(2, 12)]


def test_film_of_all_transitions_and_trims_is_as_long_as_its_arithmetic(a_clip: ClipMaker, a_film: FilmMaker) -> None:
    clips = [
        led(a_clip(mark=1), "crossfade", 0.25, in_s=0.3),
        led(a_clip(mark=2, tone_hz=880), "fade_black", 0.3, out_s=2.6),
        led(a_clip(mark=3, tone_hz=1320), "cut", 0.0, in_s=0.2, out_s=2.2),
        {"path": a_clip(mark=4, tone_hz=300)},
    ]

    film, report = a_film(clips)

    frames = (72 - 7) + 62 + (53 - 5) + 72 - 6
    assert report.frames == len(watch(film)) == frames
    assert marks(watch(film)[-72:]) == [(4, n) for n in range(72)]
