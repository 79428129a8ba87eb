"""A clip whose end is missing is refused by name, wherever it was cut off."""

from collections.abc import Callable
from pathlib import Path

import pytest

from stitcher_service.engine.errors import BadInput
from stitcher_service.ffmpeg.command import Command, InputFile
from stitcher_service.ffmpeg.run import Runner, find_ffmpeg
from tests.stitcher.conftest import ClipMaker, FilmMaker
from tests.stitcher.media import marks, watch

CODECS = ("libx264", "libx265")
FRAGMENTED = {
    "a global index": "dash+frag_keyframe+global_sidx",
    "an index for each fragment": "dash+frag_keyframe",
    "no index": "frag_keyframe+empty_moov+default_base_moof",
    "pictures in its first box": "frag_keyframe",
}


@pytest.fixture
def a_fragmented_clip(a_clip: ClipMaker, tmp_path: Path) -> Callable[..., Path]:
    def make(flags: str, codec: str = "libx264", suffix: str = ".mp4") -> Path:
        out = tmp_path / f"clip{suffix}"
        coded = ("copy",) if codec == "libx264" else (codec, "-x265-params", "log-level=error:keyint=24")
        options = ("-c:a", "copy", "-c:v", *coded, *(("-movflags", flags) if flags else ()))
        Runner(find_ffmpeg()).run(Command((InputFile(a_clip(mark=2)),), out, options))
        return out

    return make


def fragments(content: bytes) -> list[int]:
    """Where the fragments of an MP4 begin."""
    return [at - 4 for at in range(len(content)) if content[at : at + 4] == b"moof"]


def truncate(clip: Path, length: int) -> None:
    clip.write_bytes(clip.read_bytes()[:length])


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("number", [1, 2, -1])
@pytest.mark.parametrize("more", [-1, 0, 1, 300])
def test_clip_with_a_global_index_is_refused_when_it_ends_near_a_fragment(
    a_fragmented_clip: Callable[..., Path], a_film: FilmMaker, codec: str, number: int, more: int
) -> None:
    clip = a_fragmented_clip(FRAGMENTED["a global index"], codec)
    truncate(clip, fragments(clip.read_bytes())[number] + more)

    with pytest.raises(BadInput, match=r"^clip\.mp4: is truncated: its last \d+ bytes are missing$"):
        a_film([{"path": "clip.mp4"}])


@pytest.mark.parametrize("flags", FRAGMENTED.values(), ids=FRAGMENTED)
def test_clip_of_any_fragments_is_refused_when_it_ends_inside_one(
    a_fragmented_clip: Callable[..., Path], a_film: FilmMaker, flags: str
) -> None:
    clip = a_fragmented_clip(flags)
    truncate(clip, fragments(clip.read_bytes())[-1] + 2000)

    with pytest.raises(BadInput, match=r"^clip\.mp4: is truncated: "):
        a_film([{"path": "clip.mp4"}])


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("flags", FRAGMENTED.values(), ids=FRAGMENTED)
def test_clip_of_any_fragments_is_taken_when_it_is_whole(
    a_fragmented_clip: Callable[..., Path], a_film: FilmMaker, flags: str, codec: str
) -> None:
    a_fragmented_clip(flags, codec)

    film, _ = a_film([{"path": "clip.mp4"}])

    assert marks(watch(film)) == [(2, n) for n in range(72)]


@pytest.mark.parametrize("suffix", [".mkv", ".avi", ".mov"])
@pytest.mark.parametrize("share", [0.5, 0.9])
def test_clip_in_other_containers_is_refused_when_its_end_is_missing(
    a_fragmented_clip: Callable[..., Path], a_film: FilmMaker, suffix: str, share: float
) -> None:
    clip = a_fragmented_clip("+faststart" if suffix == ".mov" else "", suffix=suffix)
    truncate(clip, int(clip.stat().st_size * share))

    with pytest.raises(BadInput, match=rf"^clip{suffix}: is truncated: "):
        a_film([{"path": clip.name}])


@pytest.mark.parametrize("suffix", [".mkv", ".avi", ".mov"])
def test_clip_in_other_containers_is_taken_when_it_is_whole(
    a_fragmented_clip: Callable[..., Path], a_film: FilmMaker, suffix: str
) -> None:
    clip = a_fragmented_clip("", suffix=suffix)

    _, report = a_film([{"path": clip.name}])

    assert report.frames == 72
