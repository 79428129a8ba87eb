"""Clips that differ from the film are made to fit it; those beside them are still copied."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest

from stitcher_service.ffmpeg.command import Command, InputFile
from stitcher_service.ffmpeg.probe import probe
from stitcher_service.ffmpeg.run import Runner, find_ffmpeg
from tests.stitcher.conftest import ClipMaker, FilmMaker
from tests.stitcher.media import listen, marks, pitch, watch

UNEVEN_MS = tuple(n * 33 + n // 7 * 100 for n in range(60))


@pytest.mark.parametrize(
    "unlike",
    [
        {"size": (640, 360)},
        {"pixel_format": "yuv444p"},
        {"codec": "mpeg4"},
        {"pixel_format": "yuvj420p", "codec": "mjpeg"},
    ],
    ids=["size", "pixel format", "codec", "full range"],
)
def test_unlike_clip_between_others_has_every_frame_once(
    a_clip: ClipMaker, a_film: FilmMaker, unlike: dict[str, Any]
) -> None:
    plain = a_clip(mark=4)

    film, report = a_film([{"path": plain}, {"path": a_clip(mark=1, **unlike)}, {"path": plain, "in_s": 1}])

    assert (report.copied_frames, report.encoded_frames) == (120, 72)
    seen = watch(film)
    assert marks(seen) == [(4, n) for n in range(72)] + [(1, n) for n in range(72)] + [(4, n) for n in range(24, 72)]
    assert seen[80].brightness == pytest.approx(90, abs=4)


def test_each_time_shows_its_picture_when_30_frames_a_second_become_24(a_clip: ClipMaker, a_film: FilmMaker) -> None:
    film, report = a_film([{"path": a_clip(mark=1, fps=Fraction(30), frames=90)}])

    assert report.frames == 72
    for n, frame in enumerate(watch(film)):
        assert abs(frame.frame / 30 - n / 24) <= 1 / 30


def test_each_time_shows_its_picture_when_a_clip_is_uneven(a_clip: ClipMaker, a_film: FilmMaker) -> None:
    clip = a_clip(mark=1, frames=60, times_ms=UNEVEN_MS)
    track = probe(clip).video
    assert track is not None
    assert not track.keeps_time(Fraction(24))

    film, report = a_film([{"path": clip, "in_s": 0.5}])

    assert report.frames == round(track.duration_s * 24) - 12
    for n, frame in enumerate(watch(film), start=12):
        due = [shown for shown, at in enumerate(UNEVEN_MS) if at / 1000 <= n / 24 + 1 / 48 + 0.001]
        assert frame.frame in {due[-1], due[-1] - 1}


def rewrapped(clip: Path, out: Path, *options: str, from_s: float = 0) -> Path:
    """The same packets in another container."""
    source = InputFile(clip, ("-ss", f"{from_s}") if from_s else ())
    Runner(find_ffmpeg()).run(Command((source,), out, ("-c", "copy", *options)))
    return out


def test_hidden_frames_of_a_clip_stay_hidden(a_clip: ClipMaker, a_film: FilmMaker, tmp_path: Path) -> None:
    """A copy cut off a keyframe starts earlier than it shows: an edit list hides the frames before."""
    clip = rewrapped(a_clip(mark=2), tmp_path / "hidden.mp4", from_s=0.6)

    film, report = a_film([{"path": clip}])

    assert marks(watch(film)) == [(2, n) for n in range(15, 72)]
    assert report.copied_frames == 48


@pytest.mark.parametrize(
    ("name", "options", "copied"),
    [
        ("clip.ts", (), 0),
        ("clip.mkv", (), 65),
        ("clip.mp4", ("-movflags", "+frag_keyframe+empty_moov"), 65),
    ],
)
def test_frames_are_counted_from_the_first_picture_in_every_container(
    a_clip: ClipMaker, a_film: FilmMaker, tmp_path: Path, name: str, options: tuple[str, ...], copied: int
) -> None:
    clip = rewrapped(a_clip(mark=2), tmp_path / name, *options)

    film, report = a_film([{"path": clip, "in_s": 0.5, "out_s": 2}, {"path": clip, "in_s": 1}])

    assert marks(watch(film)) == [(2, n) for n in range(12, 48)] + [(2, n) for n in range(24, 72)]
    assert report.copied_frames == pytest.approx(copied, abs=8)


def test_turned_clip_is_upright_in_a_film_without_rotation(a_clip: ClipMaker, a_film: FilmMaker) -> None:
    turned = a_clip(mark=1, size=(180, 320), rotation_deg=90)
    source = probe(turned).video
    assert source is not None
    assert source.rotation_deg

    film, report = a_film([{"path": turned}])

    track = probe(film).video
    assert track is not None
    assert (track.width_px, track.height_px, track.rotation_deg) == (320, 180, 0)
    assert report.encoded_frames == 72
    assert _corner(film) > 30  # no bars: it fills the picture once it is upright


def test_tall_clip_has_bars_beside_it_in_a_wide_film(a_clip: ClipMaker, a_film: FilmMaker) -> None:
    film, _ = a_film([{"path": a_clip(mark=4, size=(180, 320))}])

    with av.open(str(film)) as container:
        grey = next(container.decode(video=0)).to_ndarray(format="gray")
    assert grey[:, :100].max() < 20
    assert grey[:, -100:].max() < 20
    assert grey[100:, 130:190].mean() > 150


@pytest.mark.parametrize(
    "sound", [{"channels": 1}, {"sound_rate_hz": 44_100}, {"channels": 1, "sound_rate_hz": 22_050}], ids=str
)
def test_pitch_time_and_level_stay_when_sound_is_converted(
    a_clip: ClipMaker, a_film: FilmMaker, sound: dict[str, Any]
) -> None:
    film, _ = a_film([{"path": a_clip(mark=1)}, {"path": a_clip(mark=2, tone_hz=880, **sound)}])

    heard = listen(film)
    assert pitch(heard, 2.8, 2.97) == pytest.approx(440, abs=8)
    assert pitch(heard, 3.03, 3.2) == pytest.approx(880, abs=8)
    assert abs(heard[:, 150_000:280_000]).max() == pytest.approx(0.1414, rel=0.1)


def test_clip_without_sound_is_silent_and_moves_no_other_sound(a_clip: ClipMaker, a_film: FilmMaker) -> None:
    film, _ = a_film([{"path": a_clip(mark=1)}, {"path": a_clip(mark=2, tone_hz=0)}, {"path": a_clip(mark=3)}])

    heard = listen(film)
    assert pitch(heard, 3.05, 5.95) == 0
    assert pitch(heard, 6.03, 6.2) == pytest.approx(440, abs=8)


def test_late_sound_stays_late(a_clip: ClipMaker, a_film: FilmMaker) -> None:
    film, _ = a_film([{"path": a_clip(mark=1, sound_delay_s=0.5)}])

    heard = listen(film)
    assert pitch(heard, 0, 0.47) == 0
    assert pitch(heard, 0.53, 0.7) == pytest.approx(440, abs=8)


def _corner(film: Any) -> float:
    with av.open(str(film)) as container:
        return float(next(container.decode(video=0)).to_ndarray(format="gray")[-20:, -20:].mean())
