"""Sound stays in time and at its level when it begins late, changes its own layout, or lies about its samples."""

import struct
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from stitcher_service.engine.errors import BadInput
from stitcher_service.ffmpeg.probe import probe
from tests.stitcher.conftest import ClipMaker, FilmMaker
from tests.stitcher.making import beeps, ffmpeg
from tests.stitcher.media import level_of, listen, pitch

FRAME_S = 1 / 24


def joined(folder: Path, parts: list[str], name: str) -> Path:
    """Files one after the other, their packets as they are."""
    (folder / "parts.txt").write_text("".join(f"file {part}\n" for part in parts))
    return ffmpeg(folder, f"-f concat -i parts.txt -c copy {name}")


@pytest.mark.parametrize("name", ["joined.mkv", "joined.ts"])
@pytest.mark.parametrize(
    "kinds",
    [
        ("-c:a ac3 -ac 2", "-c:a ac3 -ac 6"),
        ("-c:a ac3 -ac 6", "-c:a ac3 -ac 2", "-c:a ac3 -ac 6"),
        ("-c:a eac3 -ac 1", "-c:a eac3 -ac 2"),
        ("-c:a ac3 -ar 48000", "-c:a ac3 -ar 44100"),
        ("-c:a libmp3lame -ac 2", "-c:a libmp3lame -ac 1", "-c:a libmp3lame -ac 2 -ar 44100"),
        ("-c:a mp2 -ac 1", "-c:a mp2 -ac 2"),
    ],
    ids=" then ".join,
)
def test_beeps_stay_at_their_seconds_when_the_sound_changes_its_kind_inside_a_clip(
    a_clip: ClipMaker, a_film: FilmMaker, tmp_path: Path, kinds: tuple[str, ...], name: str
) -> None:
    for n, kind in enumerate(kinds):
        ffmpeg(tmp_path, f"PICTURE BEEPS X264 {kind} part{n}.ts")
    joined(tmp_path, [f"part{n}.ts" for n in range(len(kinds))], name)

    film, report = a_film([{"path": name}, {"path": a_clip(mark=1, frames=24)}])

    track = probe(tmp_path / name).video
    assert track is not None
    due = [1 + float(track.times_s[48 * n]) for n in range(len(kinds))]  # a second after its part's first picture
    heard = beeps(listen(film)[:, : round((due[-1] + 0.5) * 48_000)])
    assert len(heard) == len(due)
    assert all(abs(at - time) < FRAME_S for at, time in zip(heard, due, strict=True)), heard
    assert pitch(listen(film), report.duration_s - 0.9, report.duration_s - 0.1) == pytest.approx(440, abs=8)


def test_levels_stay_alike_when_the_sound_changes_from_one_channel_to_two(a_film: FilmMaker, tmp_path: Path) -> None:
    for n, channels in enumerate((1, 2, 1)):
        tone = "-f lavfi -i sine=frequency=1000:sample_rate=48000:duration=2"
        spread = "-af pan=stereo|c0=c0|c1=c0" if channels == 2 else ""
        ffmpeg(tmp_path, f"PICTURE {tone} X264 -c:a ac3 {spread} part{n}.ts")
    joined(tmp_path, ["part0.ts", "part1.ts", "part2.ts"], "joined.mkv")

    film, _ = a_film([{"path": "joined.mkv"}])

    levels = [level_of(listen(film), 1000, at, at + 1.5) for at in (0.25, 2.25, 4.25)]
    assert all(one == pytest.approx(other, rel=0.1) for one, other in pairwise(levels)), levels


@pytest.mark.parametrize("late_s", [0.5, 0.5 + FRAME_S, 0.5 - FRAME_S, 0.02])
@pytest.mark.parametrize(
    ("name", "codecs"),
    [
        ("late.ts", "-c copy"),
        ("late.m2ts", "-c copy"),
        ("late.mpg", "-c:v mpeg2video -c:a mp2"),
        ("late.mkv", "-c copy"),
        ("late.mp4", "-c copy"),
        ("late.mov", "-c copy"),
        ("late.flv", "-c copy"),
        ("late.ts", "-c copy -copyts -output_ts_offset 95000"),
    ],
)
def test_beep_is_as_late_as_its_clip_says_when_the_sound_begins_after_the_picture(
    a_film: FilmMaker, tmp_path: Path, name: str, codecs: str, late_s: float
) -> None:
    ffmpeg(tmp_path, "PICTURE BEEPS X264 -c:a aac plain.mp4")
    ffmpeg(tmp_path, f"-i plain.mp4 -itsoffset {late_s} -i plain.mp4 -map 0:v -map 1:a {codecs} {name}")

    film, _ = a_film([{"path": name}])

    assert beeps(listen(film)) == [pytest.approx(1 + late_s, abs=FRAME_S)]


@pytest.mark.parametrize("name", ["early.ts", "early.mpg", "early.mkv"])
@pytest.mark.parametrize("early_s", [0.5, 0.5 + FRAME_S])
def test_beep_stays_with_its_picture_when_the_sound_begins_before_it(
    a_film: FilmMaker, tmp_path: Path, name: str, early_s: float
) -> None:
    ffmpeg(tmp_path, "PICTURE BEEPS X264 -c:a aac plain.mp4")
    codecs = "-c:v mpeg2video -fps_mode passthrough -c:a mp2" if name.endswith("mpg") else "-c copy"
    ffmpeg(tmp_path, f"-itsoffset {early_s} -i plain.mp4 -i plain.mp4 -map 0:v -map 1:a {codecs} {name}")

    film, report = a_film([{"path": name}])

    assert report.frames == 48
    assert beeps(listen(film))[0] == pytest.approx(1 - early_s, abs=FRAME_S)


def test_soundtrack_begins_with_the_film_when_its_own_times_begin_late(
    a_clip: ClipMaker, a_film: FilmMaker, tmp_path: Path
) -> None:
    ffmpeg(tmp_path, "BEEPS -c:a aac -output_ts_offset 10 music.ts")

    film, _ = a_film([{"path": a_clip(mark=1, tone_hz=0)}], soundtrack={"path": "music.ts"})

    assert beeps(listen(film)) == [pytest.approx(1, abs=FRAME_S)]


def write_floats(path: Path, samples: np.ndarray[tuple[int], np.dtype[np.float64]], kind: str) -> None:
    """A mono WAV file of 32- or 64-bit floats, which may hold anything."""
    data = samples.astype(kind).tobytes()
    width = np.dtype(kind).itemsize
    head = struct.pack("<IHHIIHH", 16, 3, 1, 48_000, 48_000 * width, width, 8 * width)
    body = b"WAVEfmt " + head + b"data" + struct.pack("<I", len(data)) + data
    path.write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)


@pytest.mark.parametrize("kind", ["<f4", "<f8"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e30])
@pytest.mark.parametrize("count", [1, 10, 48_000])
def test_soundtrack_is_refused_by_name_and_time_when_some_samples_are_no_sound(
    a_clip: ClipMaker, a_film: FilmMaker, tmp_path: Path, value: float, count: int, kind: str
) -> None:
    samples = np.zeros(96_000)
    samples[48_000 : 48_000 + count] = value
    write_floats(tmp_path / "music.wav", samples, kind)

    with pytest.raises(BadInput, match=r"^music\.wav: its sound is damaged \(the sample at 1\.000 s is not a number"):
        a_film([{"path": a_clip(mark=1)}], soundtrack={"path": "music.wav"})


def test_soundtrack_is_heard_when_its_samples_are_floats_beyond_full_scale(
    a_clip: ClipMaker, a_film: FilmMaker, tmp_path: Path
) -> None:
    write_floats(tmp_path / "music.wav", 3 * np.sin(2 * np.pi * 880 * np.arange(96_000) / 48_000), "<f4")

    film, _ = a_film([{"path": a_clip(mark=1, tone_hz=0)}], soundtrack={"path": "music.wav"})

    assert pitch(listen(film), 0.5, 1.5) == pytest.approx(880, abs=8)
