"""Clips whose pictures change in the middle, as joined files do: one form in the film, and copies that decode."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import pytest

from stitcher_service.ffmpeg import avc
from stitcher_service.ffmpeg.command import Command, InputFile
from stitcher_service.ffmpeg.run import Runner, find_ffmpeg
from tests.stitcher.conftest import ClipMaker, FilmMaker
from tests.stitcher.media import SIZE, marks, slices, watch

MAIN = ("libx264", "-profile:v", "main", "-coder", "0", "-bf", "0", "-refs", "1", "-g", "24")
HEVC = ("libx265", "-preset", "ultrafast", "-x265-params", "log-level=error:keyint=24:repeat-headers=1")
VP9 = ("libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-b:v", "2M", "-g", "24")
FRAMES = 48
Joiner = Callable[..., Path]


@pytest.fixture(scope="module")
def a_joined_clip(a_clip: ClipMaker, tmp_path_factory: pytest.TempPathFactory) -> Joiner:
    """`a_joined_clip(((320, 180), MAIN), ((640, 360), HEVC), suffix=".mkv")`: one stream of two encodings."""
    folder = tmp_path_factory.mktemp("joined")

    def run(inputs: tuple[str, ...], source: Path, out: Path, *options: str) -> Path:
        Runner(find_ffmpeg()).run(Command((InputFile(source, inputs),), out, options))
        return out

    def make(*parts: tuple[tuple[int, int], tuple[str, ...]], suffix: str = ".mp4") -> Path:
        made = []
        for number, (size, codec) in enumerate(parts, start=1):
            clip = a_clip(mark=number, frames=FRAMES, size=size)
            # Matroska does not tell all decode times, MP4 does.
            name = folder / f"{abs(hash((number, size, codec)))}.mp4"
            coded = ("-c:v", *codec, "-pix_fmt", "yuv420p") if codec else ("-c:v", "copy")
            made.append(run((), clip, name, *coded, "-an"))
        joined = folder / f"joined-{abs(hash(parts))}{suffix}"
        with av.open(str(joined), "w") as container:
            _join(container, made)
        return joined

    return make


def _join(container: av.container.OutputContainer, files: list[Path]) -> None:
    """Put the packets of `files` behind one another, with the parameter sets of each in front of its keyframes."""
    shift = 0
    stream = None
    for file in files:
        with av.open(str(file)) as source:
            picture = source.streams.video[0]
            if stream is None:
                stream = container.add_stream_from_template(picture)
            sets = avc.ParameterSets.from_avcc(bytes(picture.codec_context.extradata or b""))
            for packet in source.demux(picture):
                if not packet.size or packet.pts is None or packet.dts is None:
                    continue
                data = (sets.in_band() if sets and packet.is_keyframe else b"") + bytes(packet)
                joined = av.Packet(data)
                joined.stream, joined.time_base = stream, packet.time_base
                joined.pts, joined.dts = packet.pts + shift, packet.dts + shift
                joined.duration, joined.is_keyframe = packet.duration, packet.is_keyframe
                container.mux_one(joined)
            shift += round(FRAMES / 24 / Fraction(picture.time_base or 1))


def forms(film: Path) -> set[tuple[int, int, str]]:
    with av.open(str(film)) as container:
        return {(frame.width, frame.height, frame.format.name) for frame in container.decode(video=0)}


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
@pytest.mark.parametrize(("first", "end"), [(0, 96), (1, 95), (24, 72), (47, 49), (48, 96)])
def test_each_part_of_a_joined_clip_is_copied_with_its_own_parameter_sets(
    a_joined_clip: Joiner, a_clip: ClipMaker, a_film: FilmMaker, suffix: str, first: int, end: int
) -> None:
    joined = a_joined_clip((SIZE, ()), (SIZE, MAIN), suffix=suffix)
    other = a_clip(mark=3, frames=FRAMES)

    film, report = a_film([{"path": joined, "in_s": first / 24, "out_s": end / 24}, {"path": other}])

    wanted = [(1 + n // FRAMES, n % FRAMES) for n in range(first, end)]
    assert marks(watch(film)) == [*wanted, *((3, n) for n in range(FRAMES))]
    assert report.warnings == ()
    source = {*slices(joined), *slices(other)}
    assert sum(picture in source for picture in slices(film)) == report.copied_frames
    assert report.encoded_frames <= {(1, 95): 23 + 3, (47, 49): 2}.get((first, end), 0)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
@pytest.mark.parametrize("other", [(640, 360), (160, 90), (180, 320), (322, 182)])
def test_film_has_one_size_when_that_of_a_clip_changes(
    a_joined_clip: Joiner, a_film: FilmMaker, suffix: str, other: tuple[int, int]
) -> None:
    joined = a_joined_clip((SIZE, ()), (other, ()), suffix=suffix)

    film, report = a_film([{"path": joined}])

    assert forms(film) == {(*SIZE, "yuv420p")}
    assert (report.frames, report.copied_frames, report.warnings) == (2 * FRAMES, FRAMES, ())
    assert marks(watch(film))[:FRAMES] == [(1, n) for n in range(FRAMES)]


@pytest.mark.parametrize(
    ("codec", "suffix"), [((), ".mp4"), (MAIN, ".mkv"), (HEVC, ".mkv"), (VP9, ".webm"), (MAIN, ".ts")], ids=str
)
@pytest.mark.parametrize(("first", "end"), [(0, 96), (1, 95), (47, 49), (40, 60)])
def test_frames_are_exact_when_a_clip_of_any_codec_changes_its_size(
    a_joined_clip: Joiner, a_film: FilmMaker, codec: tuple[str, ...], suffix: str, first: int, end: int
) -> None:
    joined = a_joined_clip((SIZE, codec), ((640, 360), codec), suffix=suffix)

    film, _ = a_film([{"path": joined, "in_s": first / 24, "out_s": end / 24}])

    assert forms(film) == {(*SIZE, "yuv420p")}
    assert marks(watch(film)) == [(1 + n // FRAMES, n % FRAMES) for n in range(first, end)]
