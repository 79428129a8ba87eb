"""Soundtrack, ducking and loudness mean what the cut list says."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from stitcher_service.engine import commands
from stitcher_service.engine.colours import BT709
from stitcher_service.engine.cutlist import CutList
from stitcher_service.engine.loudness import MasteredSound, parse_summary
from stitcher_service.engine.project import Clip, Project, Sound
from stitcher_service.engine.render_plan import FilmFormat, RenderPlan
from stitcher_service.engine.sound_mix import Samples, mix_sound
from stitcher_service.engine.timeline import Shot, Timeline
from stitcher_service.ffmpeg.probe import AudioTrack
from stitcher_service.ffmpeg.run import Runner, find_ffmpeg
from tests.stitcher.conftest import ClipMaker, FilmMaker
from tests.stitcher.media import level, level_of, listen, pitch, write_samples, write_wave
from tests.stitcher.tracks import a_track


def raw(path: Path, seconds: float, value: float) -> Path:
    np.full((round(seconds * 48_000), 2), value, np.float32).tofile(path)
    return path


def a_sound(samples: Path) -> Sound:
    return Sound(samples.name, samples, AudioTrack("aac", 2, Fraction(1)))


def a_heard_clip(samples: Path | None, start_s: Fraction = Fraction(0)) -> Clip:
    return Clip("a.mp4", Path("a.mp4"), a_track(start_s=start_s), a_sound(samples) if samples else None)


def mixed(folder: Path, shots: tuple[Shot, ...], clips: list[Clip], music: Path | None = None) -> Samples:
    """The mix of raw samples; the music is looped."""
    soundtrack = {"path": music.name, "loop": True} if music else None
    entries = [{"path": clip.name} for clip in clips]
    cut_list = CutList.model_validate({"size": [320, 180], "fps": 24, "clips": entries, "soundtrack": soundtrack})
    timeline, plan = Timeline(Fraction(24), shots), RenderPlan(FilmFormat((320, 180), Fraction(24), BT709), ())
    project = Project(cut_list, tuple(clips), a_sound(music) if music else None, timeline, plan)
    mix_sound(project, {sound.path: sound.path for sound in project.sounds}, folder / "mix.f32")
    return np.fromfile(folder / "mix.f32", np.float32).reshape(-1, 2)


def decibels(ratio: float) -> float:
    return float(20 * np.log10(ratio))


def test_mix_has_each_sample_where_its_frame_is(tmp_path: Path) -> None:
    shots = (Shot(0, 12, 7), Shot(1, 0, 5))
    first = np.arange(48_000, dtype=np.float32)
    np.stack([first, first], axis=1).tofile(tmp_path / "a.f32")

    film = mixed(tmp_path, shots, [a_heard_clip(tmp_path / "a.f32"), a_heard_clip(raw(tmp_path / "b.f32", 1, 0.5))])

    assert len(film) == 24_000
    assert film[0, 0] == 24_000
    assert film[13_999, 0] == 37_999
    assert film[14_000, 0] == 0.5


def test_silence_fills_the_sound_when_it_is_shorter_than_its_picture(tmp_path: Path) -> None:
    shots = (Shot(0, 0, 24), Shot(1, 0, 24))
    short, late = raw(tmp_path / "a.f32", 0.5, 0.25), raw(tmp_path / "b.f32", 1, 0.5)

    film = mixed(tmp_path, shots, [a_heard_clip(short), a_heard_clip(late, Fraction(-1, 10))])

    assert film[23_999, 0] == 0.25
    assert film[24_000:52_800].max() == 0
    assert film[52_800, 0] == 0.5


def test_powers_add_up_to_one_in_a_crossfade(tmp_path: Path) -> None:
    shots = (Shot(0, 0, 24, overlap=12), Shot(1, 0, 24))
    sound = a_heard_clip(raw(tmp_path / "a.f32", 1, 1.0))

    down = mixed(tmp_path, shots, [sound, a_heard_clip(None)])
    up = mixed(tmp_path, shots, [a_heard_clip(None), sound])

    assert len(down) == 72_000
    assert np.allclose(down[:, 0] ** 2 + up[:, 0] ** 2, 1, atol=1e-5)


def test_soundtrack_is_mixed_under_the_film_at_its_gain(a_clip: ClipMaker, a_film: FilmMaker, tmp_path: Path) -> None:
    music = write_wave(tmp_path / "music.wav", 300, 10)

    film, report = a_film([{"path": a_clip(mark=1)}], soundtrack={"path": music.name, "gain_db": -6.0})

    sound = listen(film)
    assert report.frames == 72
    assert abs(sound.shape[1] - 144_000) <= 1024
    assert decibels(level_of(sound, 300, 0.5, 2.5) / 0.1) == pytest.approx(-6, abs=0.5)
    assert decibels(level_of(sound, 440, 0.5, 2.5) / 0.1) == pytest.approx(0, abs=0.5)


def test_ducked_soundtrack_sinks_while_clips_are_heard_and_recovers(
    a_clip: ClipMaker, a_film: FilmMaker, tmp_path: Path
) -> None:
    music = write_wave(tmp_path / "music.wav", 300, 20)
    music_entry = {"path": music.name, "gain_db": -3.0, "duck_db": -9.0}

    film, _ = a_film([{"path": a_clip(mark=1)}, {"path": a_clip(mark=2, tone_hz=0)}], soundtrack=music_entry)

    sound = listen(film)
    assert decibels(level_of(sound, 300, 0.5, 2.5) / 0.1) == pytest.approx(-12, abs=0.7)
    assert decibels(level_of(sound, 300, 3.5, 5.5) / 0.1) == pytest.approx(-3, abs=0.7)


def test_only_its_own_sound_is_missing_when_a_clip_is_muted(a_clip: ClipMaker, a_film: FilmMaker) -> None:
    clip = a_clip(mark=1)

    film, _ = a_film(
        [{"path": clip, "mute": True}, {"path": clip}, {"path": a_clip(mark=2, tone_hz=880), "mute": True}]
    )

    sound = listen(film)
    assert pitch(sound, 0.1, 2.9) == 0
    assert pitch(sound, 3.1, 5.9) == pytest.approx(440, abs=8)
    assert pitch(sound, 6.1, 8.9) == 0


def test_short_soundtrack_fades_and_ends_when_it_is_not_looped(
    a_clip: ClipMaker, a_film: FilmMaker, tmp_path: Path
) -> None:
    music = {"path": write_wave(tmp_path / "music.wav", 300, 2).name, "fade_in_s": 0.5, "fade_out_s": 1.0}

    film, _ = a_film([{"path": a_clip(mark=1, tone_hz=0)}], soundtrack=music)

    sound = listen(film)
    assert level(sound, 0, 0.1) < 0.25 * level(sound, 0.6, 0.9)
    assert level(sound, 0.6, 0.9) == pytest.approx(0.1, rel=0.05)
    assert level(sound, 1.48, 1.52) == pytest.approx(0.1 * 2**-0.5, rel=0.1)
    assert level(sound, 2.1, 2.9) < 1e-3


def test_fade_of_a_long_soundtrack_ends_with_the_film(a_clip: ClipMaker, a_film: FilmMaker, tmp_path: Path) -> None:
    music = {"path": write_wave(tmp_path / "music.wav", 300, 10).name, "fade_out_s": 1.0}

    film, _ = a_film([{"path": a_clip(mark=1, tone_hz=0)}], soundtrack=music)

    sound = listen(film)
    assert abs(sound.shape[1] - 144_000) <= 1024
    assert level(sound, 2.48, 2.52) == pytest.approx(0.1 * 2**-0.5, rel=0.1)
    assert level(sound, 2.95, 2.999) < 0.01


def test_short_soundtrack_continues_without_a_gap_when_it_is_looped(tmp_path: Path) -> None:
    shots = (Shot(0, 0, 72),)
    ramp = np.arange(60_000, dtype=np.float32)
    np.stack([ramp, ramp], axis=1).tofile(tmp_path / "ramp.f32")

    film = mixed(tmp_path, shots, [a_heard_clip(None)], tmp_path / "ramp.f32")

    assert (film[:, 1] == np.arange(144_000) % 60_000).all()


def test_chunks_of_a_long_mix_join_without_a_seam(tmp_path: Path) -> None:
    """25 s are mixed in three chunks; a fade and the music go across their borders."""
    shots = (Shot(0, 0, 300, overlap=120), Shot(1, 0, 420))
    ramp = np.arange(26 * 48_000, dtype=np.float32) / (26 * 48_000)
    np.stack([ramp, ramp], axis=1).tofile(tmp_path / "ramp.f32")
    clip = a_heard_clip(raw(tmp_path / "a.f32", 20, 0.5))

    film = mixed(tmp_path, shots, [clip, clip], tmp_path / "ramp.f32")

    assert len(film) == 25 * 48_000
    steepest_of_a_fade = 0.5 * np.pi / 2 / (5 * 48_000)
    assert np.abs(np.diff(film[:, 0] - ramp[: len(film)])).max() < 2 * steepest_of_a_fade


def test_loud_film_has_no_true_peak_above_minus_one_when_loudness_is_ordered(
    a_clip: ClipMaker, a_film: FilmMaker, tmp_path: Path
) -> None:
    """Short loud beats over near silence: to reach the loudness, the limiter has much to do."""
    beats = np.tile(np.concatenate([np.random.default_rng(1).normal(0, 0.3, 2400), np.zeros(21_600)]), 8)
    write_samples(tmp_path / "beats.wav", np.clip(beats, -1, 1))

    film, report = a_film([{"path": a_clip(mark=1, level=0.01)}], soundtrack={"path": "beats.wav"}, loudness_lufs=-14)

    log = Runner(find_ffmpeg()).run(commands.measure_encoded_sound(film))
    loudness_lufs, true_peak_db = parse_summary(log)
    assert -3 <= true_peak_db <= -1.0
    assert loudness_lufs == report.loudness_lufs


def test_warning_names_the_loudness_when_peaks_prevent_the_target() -> None:
    mastered = MasteredSound(Path("sound.mp4"), -17.2, -1.1)

    missed = mastered.find_missed_loudness(-14)

    assert missed is not None
    assert str(missed) == "the film has -17.2 LUFS, ordered were -14: its peaks are in the way"
    assert mastered.find_missed_loudness(-16.5) is None
    assert mastered.find_missed_loudness(None) is None


@pytest.mark.parametrize("target", [-14.0, -23.0])
def test_film_has_the_ordered_loudness_and_no_peak_is_clipped(
    a_clip: ClipMaker, a_film: FilmMaker, target: float
) -> None:
    film, report = a_film([{"path": a_clip(mark=1)}, {"path": a_clip(mark=2, level=0.02)}], loudness_lufs=target)

    assert report.loudness_lufs == pytest.approx(target, abs=1)
    assert np.abs(listen(film)).max() < 0.95


def test_levels_stay_as_they_are_when_no_loudness_is_ordered(a_clip: ClipMaker, a_film: FilmMaker) -> None:
    film, _ = a_film([{"path": a_clip(mark=1)}, {"path": a_clip(mark=2, level=0.02)}])

    sound = listen(film)
    assert level(sound, 0.5, 2.5) == pytest.approx(0.1, rel=0.03)
    assert level(sound, 3.5, 5.5) == pytest.approx(0.02, rel=0.03)


def test_silence_is_not_raised_when_loudness_is_ordered(a_clip: ClipMaker, a_film: FilmMaker) -> None:
    film, report = a_film([{"path": a_clip(mark=1, tone_hz=0)}], loudness_lufs=-14)

    assert report.loudness_lufs is None
    assert np.abs(listen(film)).max() < 1e-3


def test_last_integrated_value_of_the_summary_counts() -> None:
    log = ["[Parsed_ebur128_0 @ 0x5] [info] Summary:", "", "  Integrated loudness:", "    I:         -17.7 LUFS"]

    assert parse_summary(log) == (-17.7, float("-inf"))
    assert parse_summary([*log, "    I:         -70.0 LUFS", "    Peak:       -1.5 dBFS"]) == (None, -1.5)
    assert parse_summary([]) == (None, float("-inf"))
