"""Soundtrack, ducking and loudness mean what the cut list says."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from stitcher_service.loudness import read_loudness
from stitcher_service.sound import ClipSound, Music, Samples, mix
from stitcher_service.timeline import Shot, Timeline
from tests.stitcher.conftest import ClipMaker, FilmMaker
from tests.stitcher.media import level, level_of, listen, write_wave


def raw(path: Path, seconds: float, value: float) -> Path:
    np.full((round(seconds * 48_000), 2), value, np.float32).tofile(path)
    return path


def mixed(folder: Path, timeline: Timeline, clips: list[ClipSound], music: Music | None = None) -> Samples:
    mix(timeline, clips, music, folder / "mix.f32")
    return np.fromfile(folder / "mix.f32", np.float32).reshape(-1, 2)


def decibels(ratio: float) -> float:
    return float(20 * np.log10(ratio))


def test_clips_when_mixed_then_each_sample_is_where_its_frame_is(tmp_path: Path) -> None:
    timeline = Timeline(Fraction(24), (Shot(0, 12, 7), Shot(1, 0, 5)))
    first = np.arange(48_000, dtype=np.float32)
    np.stack([first, first], axis=1).tofile(tmp_path / "a.f32")

    film = mixed(tmp_path, timeline, [ClipSound(tmp_path / "a.f32"), ClipSound(raw(tmp_path / "b.f32", 1, 0.5))])

    assert len(film) == 24_000
    assert film[0, 0] == 24_000
    assert film[13_999, 0] == 37_999
    assert film[14_000, 0] == 0.5


def test_sound_shorter_than_its_picture_when_mixed_then_silence_fills_it(tmp_path: Path) -> None:
    timeline = Timeline(Fraction(24), (Shot(0, 0, 24), Shot(1, 0, 24)))
    short, late = raw(tmp_path / "a.f32", 0.5, 0.25), raw(tmp_path / "b.f32", 1, 0.5)

    film = mixed(tmp_path, timeline, [ClipSound(short), ClipSound(late, first_sample=-4800)])

    assert film[23_999, 0] == 0.25
    assert film[24_000:52_800].max() == 0
    assert film[52_800, 0] == 0.5


def test_crossfade_when_mixed_then_powers_add_up_to_one(tmp_path: Path) -> None:
    timeline = Timeline(Fraction(24), (Shot(0, 0, 24, overlap=12), Shot(1, 0, 24)))
    sound = ClipSound(raw(tmp_path / "a.f32", 1, 1.0))

    down = mixed(tmp_path, timeline, [sound, ClipSound(None)])
    up = mixed(tmp_path, timeline, [ClipSound(None), sound])

    assert len(down) == 72_000
    assert np.allclose(down[:, 0] ** 2 + up[:, 0] ** 2, 1, atol=1e-5)


def test_soundtrack_when_stitched_then_it_lies_under_the_film_at_its_gain(
    a_clip: ClipMaker, a_film: FilmMaker, tmp_path: Path
) -> None:
    music = write_wave(tmp_path / "music.wav", 300, 10)

    film, report = a_film([{"path": a_clip(mark=1)}], soundtrack={"path": music.name, "gain_db": -6.0})

    sound = listen(film)
    assert report.frames == 72
    assert abs(sound.shape[1] - 144_000) <= 1024
    assert decibels(level_of(sound, 300, 0.5, 2.5) / 0.1) == pytest.approx(-6, abs=0.5)
    assert decibels(level_of(sound, 440, 0.5, 2.5) / 0.1) == pytest.approx(0, abs=0.5)


def test_soundtrack_with_ducking_when_clips_are_heard_then_it_sinks_and_comes_back(
    a_clip: ClipMaker, a_film: FilmMaker, tmp_path: Path
) -> None:
    music = write_wave(tmp_path / "music.wav", 300, 20)
    wish = {"path": music.name, "gain_db": -3.0, "duck_db": -9.0}

    film, _ = a_film([{"path": a_clip(mark=1)}, {"path": a_clip(mark=2, tone_hz=0)}], soundtrack=wish)

    sound = listen(film)
    assert decibels(level_of(sound, 300, 0.5, 2.5) / 0.1) == pytest.approx(-12, abs=0.7)
    assert decibels(level_of(sound, 300, 3.5, 5.5) / 0.1) == pytest.approx(-3, abs=0.7)


@pytest.mark.parametrize("target", [-14.0, -23.0])
def test_loudness_when_ordered_then_the_film_has_it_and_no_peak_is_cut(
    a_clip: ClipMaker, a_film: FilmMaker, target: float
) -> None:
    film, report = a_film([{"path": a_clip(mark=1)}, {"path": a_clip(mark=2, level=0.02)}], loudness_lufs=target)

    assert report.loudness_lufs == pytest.approx(target, abs=1)
    assert np.abs(listen(film)).max() < 0.95


def test_no_loudness_ordered_when_stitched_then_levels_stay_as_they_are(a_clip: ClipMaker, a_film: FilmMaker) -> None:
    film, _ = a_film([{"path": a_clip(mark=1)}, {"path": a_clip(mark=2, level=0.02)}])

    sound = listen(film)
    assert level(sound, 0.5, 2.5) == pytest.approx(0.1, rel=0.03)
    assert level(sound, 3.5, 5.5) == pytest.approx(0.02, rel=0.03)


def test_silent_film_when_loudness_is_ordered_then_silence_is_not_raised(a_clip: ClipMaker, a_film: FilmMaker) -> None:
    film, report = a_film([{"path": a_clip(mark=1, tone_hz=0)}], loudness_lufs=-14)

    assert report.loudness_lufs is None
    assert np.abs(listen(film)).max() < 1e-3


def test_loudness_summary_when_read_then_the_last_integrated_value_counts() -> None:
    log = ["[Parsed_ebur128_0 @ 0x5] [info] Summary:", "", "  Integrated loudness:", "    I:         -17.7 LUFS"]

    assert read_loudness(log) == -17.7
    assert read_loudness(["    I:         -70.0 LUFS"]) is None
    assert read_loudness([]) is None
