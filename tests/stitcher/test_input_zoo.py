"""Every kind of input gives the right film, or one line that names the input, and never half a film."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import pytest

from stitcher_service.engine.errors import BadInput
from stitcher_service.ffmpeg.command import Command, InputFile
from stitcher_service.ffmpeg.probe import probe
from stitcher_service.ffmpeg.run import Runner, find_ffmpeg
from tests.stitcher.conftest import ClipMaker, FilmMaker
from tests.stitcher.media import level_of, listen, marks, pitch, watch

HDR = "keyint=24:min-keyint=24:scenecut=0:open-gop=0:bframes=3:colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc"

UHD: dict[str, Any] = {"mark": 2, "frames": 6, "size": (3840, 2160), "tone_hz": 0}


def test_clip_of_odd_size_fits_the_film(a_clip: ClipMaker, a_film: FilmMaker) -> None:
    odd = a_clip(mark=2, size=(337, 189), pixel_format="yuv444p")

    film, report = a_film([{"path": a_clip(mark=1)}, {"path": odd}])

    assert (report.copied_frames, report.encoded_frames) == (72, 72)
    assert marks(watch(film)) == [(1, n) for n in range(72)] + [(2, n) for n in range(72)]


def test_film_has_one_standard_range_description_when_a_clip_is_tagged_as_hdr(
    a_clip: ClipMaker, a_film: FilmMaker
) -> None:
    bright = a_clip(mark=2, options=(("x264-params", HDR),))
    assert probe(bright).video.colour.transfer == 16  # type: ignore[union-attr]

    film, report = a_film([{"path": a_clip(mark=1)}, {"path": bright}])

    track = probe(film).video
    assert track is not None
    assert track.colour.transfer in {1, 2}
    assert report.copied_frames == 72
    with av.open(str(film)) as container:
        assert {frame.color_trc for frame in container.decode(video=0)} <= {1, 2}


def test_ten_bit_clip_is_encoded_in_eight_bits(a_clip: ClipMaker, a_film: FilmMaker) -> None:
    film, report = a_film([{"path": a_clip(mark=2, pixel_format="yuv420p10le")}])

    assert report.encoded_frames == 72
    assert marks(watch(film)) == [(2, n) for n in range(72)]


def test_clip_in_4k_fits_a_small_film(a_clip: ClipMaker, a_film: FilmMaker) -> None:
    film, report = a_film([{"path": a_clip(**UHD)}])

    assert report.frames == 6
    assert marks(watch(film)) == [(2, n) for n in range(6)]


def test_clips_in_4k_are_copied_into_a_film_in_4k(a_clip: ClipMaker, a_film: FilmMaker) -> None:
    clip = a_clip(**UHD)

    film, report = a_film([{"path": clip}, {"path": clip}], size=(3840, 2160))

    assert (report.width, report.height, report.copied_frames) == (3840, 2160, 12)
    assert marks(watch(film)) == [(2, n) for n in (*range(6), *range(6))]


def test_centre_of_5_1_sound_is_in_both_channels(a_clip: ClipMaker, a_film: FilmMaker) -> None:
    film, report = a_film([{"path": a_clip(mark=1)}, {"path": a_clip(mark=2, channels=6, tone_hz=880)}])

    sound = listen(film)
    assert report.copied_frames == 144
    assert sound.shape[0] == 2
    assert pitch(sound, 3.05, 5.95) == pytest.approx(880, abs=8)
    assert level_of(sound[::-1], 880, 3.1, 5.9) == pytest.approx(level_of(sound, 880, 3.1, 5.9), rel=0.05)


def rewritten(clip: Path, out: Path, *options: str) -> Path:
    Runner(find_ffmpeg()).run(Command((InputFile(clip),), out, options))
    return out


def a_tune(clip: Path, out: Path) -> Path:
    return rewritten(clip, out, "-map", "0:a", "-c", "copy")


def a_photograph(clip: Path, out: Path) -> Path:
    """A JPEG under a clip's name; one picture, which is a film of one frame."""
    picture = rewritten(clip, out.with_suffix(".jpg"), "-frames:v", "1")
    return picture.rename(out)


def a_clip_with_a_wrong_name(clip: Path, out: Path) -> Path:
    """Matroska inside, mp4 by name: the content counts."""
    return rewritten(clip, out.with_suffix(".mkv"), "-c", "copy").rename(out)


def test_sound_file_named_like_a_clip_is_refused_by_name(a_clip: ClipMaker, a_film: FilmMaker, tmp_path: Path) -> None:
    a_tune(a_clip(mark=1), tmp_path / "tune.mp4")

    with pytest.raises(BadInput, match=r"^tune\.mp4: has no picture"):
        a_film([{"path": a_clip(mark=1)}, {"path": "tune.mp4"}])
    assert not (tmp_path / "film.mp4").exists()


@pytest.mark.parametrize(("make", "frames"), [(a_photograph, 1), (a_clip_with_a_wrong_name, 72)])
def test_content_and_not_the_name_decides_what_a_clip_is(
    a_clip: ClipMaker, a_film: FilmMaker, tmp_path: Path, make: Callable[[Path, Path], Path], frames: int
) -> None:
    make(a_clip(mark=2), tmp_path / "clip.mp4")

    film, report = a_film([{"path": a_clip(mark=1)}, {"path": "clip.mp4"}])

    assert report.frames == 72 + frames
    assert marks(watch(film))[72:] == [(2, n) for n in range(frames)]


def test_clips_with_mixed_parameter_sets_are_copied_when_crossfaded(a_clip: ClipMaker, a_film: FilmMaker) -> None:
    """Each clip's sets have the same ids and other contents: they travel with the pictures."""
    profiles = ((("profile", "main"), ("refs", "1")), (("profile", "high"),), (("preset", "medium"), ("refs", "4")))
    clips = [a_clip(mark=n, options=options) for n, options in enumerate(profiles, start=1)]
    fade = {"transition": {"kind": "crossfade", "duration_s": 0.25}}

    film, report = a_film([{"path": clips[0], **fade}, {"path": clips[1], **fade}, {"path": clips[2]}])

    assert report.copied_frames / report.frames > 0.6
    seen = marks(watch(film))
    assert seen[:66] == [(1, n) for n in range(66)]
    assert seen[72:132] == [(2, n) for n in range(6, 66)]
    assert seen[138:] == [(3, n) for n in range(6, 72)]
