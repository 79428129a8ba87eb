"""Cuts: every frame where it belongs, byte for byte where nothing had to change."""

import shutil
from fractions import Fraction
from pathlib import Path

import pytest

from stitcher_service.ffmpeg.probe import probe
from tests.stitcher.conftest import ClipMaker, FilmMaker
from tests.stitcher.media import likeness_db, listen, marks, pitch, slices, watch


def test_like_clips_are_copied_bit_for_bit(a_clip: ClipMaker, a_film: FilmMaker) -> None:
    first, second, third = a_clip(mark=1), a_clip(mark=2, tone_hz=880), a_clip(mark=3, tone_hz=1320)

    film, report = a_film([{"path": first}, {"path": second}, {"path": third}])

    assert slices(film) == [*slices(first), *slices(second), *slices(third)]
    assert (report.frames, report.copied_frames, report.encoded_frames) == (216, 216, 0)
    assert report.duration_s == 9.0
    assert report.warnings == ()
    seen = watch(film)
    assert marks(seen) == [(mark, n) for mark in (1, 2, 3) for n in range(72)]
    assert [frame.time_s for frame in seen] == [Fraction(n, 24) for n in range(216)]


def test_trimmed_clips_show_exactly_the_chosen_frames(a_clip: ClipMaker, a_film: FilmMaker) -> None:
    first, second = a_clip(mark=1), a_clip(mark=2, tone_hz=880)

    film, report = a_film([{"path": first, "in_s": 0.75, "out_s": 2.7}, {"path": second, "in_s": 1.292}])

    assert marks(watch(film)) == [(1, n) for n in range(18, 65)] + [(2, n) for n in range(31, 72)]
    assert report.copied_frames + report.encoded_frames == report.frames == 88
    source = set(slices(first)) | set(slices(second))
    assert sum(picture in source for picture in slices(film)) == report.copied_frames >= 60


def test_film_shows_the_frame_that_is_sought(a_clip: ClipMaker, a_film: FilmMaker) -> None:
    """Seeking goes through the joints of copied and encoded pictures, as a viewer's does."""
    film, _ = a_film([{"path": a_clip(mark=1), "in_s": 0.5}, {"path": a_clip(mark=2, tone_hz=880), "out_s": 2.5}])
    track = probe(film).video

    assert track is not None
    assert track.packet_is_idr[0]
    assert sum(track.packet_is_idr) >= 5
    assert track.times_s == tuple(Fraction(n, 24) for n in range(120))


def test_encoded_frames_are_so_close_to_their_source_that_joints_are_invisible(
    a_clip: ClipMaker, a_film: FilmMaker
) -> None:
    clip = a_clip(mark=1)

    film, _ = a_film([{"path": clip, "in_s": 0.5}])

    assert likeness_db(film, range(12), clip, 12) > 34
    assert likeness_db(film, range(12, 60), clip, 24) > 100


def test_clips_are_copied_and_decode_correctly_when_their_parameter_sets_differ(
    a_clip: ClipMaker, a_film: FilmMaker
) -> None:
    first = a_clip(mark=1)
    second = a_clip(mark=2, options=(("profile", "main"), ("refs", "1")))
    assert probe(first).video.packet_sets[0] != probe(second).video.packet_sets[0]  # type: ignore[union-attr]

    film, report = a_film([{"path": first}, {"path": second}, {"path": first, "in_s": 1, "out_s": 2}])

    assert report.encoded_frames == 0
    assert marks(watch(film)) == [(1, n) for n in range(72)] + [(2, n) for n in range(72)] + [
        (1, n) for n in range(24, 48)
    ]


@pytest.mark.parametrize("groups", ["open-gop=1", "open-gop=0:keyint=250"])
def test_trimmed_frames_are_exact_in_other_group_structures(a_clip: ClipMaker, a_film: FilmMaker, groups: str) -> None:
    clip = a_clip(mark=4, options=(("x264-params", f"keyint=24:min-keyint=24:scenecut=0:bframes=3:{groups}"),))

    film, _ = a_film([{"path": clip, "in_s": 0.5, "out_s": 2.25}, {"path": clip}])

    assert marks(watch(film)) == [(4, n) for n in range(12, 54)] + [(4, n) for n in range(72)]


def test_clips_at_23_976_are_copied_into_a_film_of_that_rate(a_clip: ClipMaker, a_film: FilmMaker) -> None:
    clip = a_clip(mark=1, fps=Fraction(24000, 1001))

    film, report = a_film([{"path": clip}, {"path": clip}], fps=23.976)

    assert report.copied_frames == 144
    assert [frame.time_s for frame in watch(film)] == [Fraction(n * 1001, 24000) for n in range(144)]


def test_sound_does_not_drift_from_the_picture_over_many_cuts(a_clip: ClipMaker, a_film: FilmMaker) -> None:
    """Ten clips of 47 frames: no clip is a whole number of AAC packets, so joined packets would slide."""
    low, high = a_clip(mark=1, frames=47, tone_hz=440), a_clip(mark=2, frames=47, tone_hz=1320)

    film, _ = a_film([{"path": low}, {"path": high}] * 5)

    sound = listen(film)
    assert abs(sound.shape[1] - 470 * 2000) <= 1024
    for n in range(10):
        joint_s = n * 47 / 24
        assert pitch(sound, joint_s + 0.03, joint_s + 0.13) == pytest.approx(1320 if n % 2 else 440, abs=12)
        end_s = (n + 1) * 47 / 24
        assert pitch(sound, end_s - 0.13, end_s - 0.03) == pytest.approx(1320 if n % 2 else 440, abs=12)


def test_file_names_are_only_names_when_they_look_like_patterns_or_options(
    a_clip: ClipMaker, a_film: FilmMaker, tmp_path: Path
) -> None:
    names = ["it's a %03d clip.mp4", "http:clip.mp4", "-y.mp4", "ünï köde.mp4"]
    for name in names:
        shutil.copy(a_clip(mark=1), tmp_path / name)

    _, report = a_film([{"path": name, "in_s": 0.5, "out_s": 2} for name in names])

    assert report.frames == 4 * 36
