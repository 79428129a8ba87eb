"""Title and chapters are in the film's index and nothing else of the film is touched (E5)."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest

from stitcher_service.engine.errors import RenderFailed
from stitcher_service.jobs.chapters import Chapter, labelled_index, write_labels
from tests.stitcher.conftest import ClipMaker, FilmMaker
from tests.stitcher.media import listen, marks, watch

CHAPTERS = [Chapter(Fraction(0), "1. Dawn"), Chapter(Fraction(3), "2. Möwen über dem Meer")]


@pytest.fixture
def film(a_film: FilmMaker, a_clip: ClipMaker) -> Path:
    path, _ = a_film([{"path": a_clip(mark=1)}, {"path": a_clip(mark=2)}])
    return path


@pytest.fixture
def labelled(film: Path, tmp_path: Path) -> Path:
    write_labels(film, tmp_path / "labelled.mp4", "The Lighthouse ✨", CHAPTERS)
    return tmp_path / "labelled.mp4"


def packets(path: Path) -> list[tuple[Any, ...]]:
    with av.open(str(path)) as container:
        return [
            (packet.stream_index, packet.pts, packet.dts, packet.duration, packet.is_keyframe, bytes(packet))
            for packet in container.demux()
            if packet.size
        ]


def seconds(chapter: Any, edge: str) -> float:
    return float(chapter[edge] * chapter["time_base"])


def test_labelled_film_then_tells_its_title_and_chapters(labelled: Path) -> None:
    with av.open(str(labelled)) as container:
        chapters = [
            (seconds(one, "start"), seconds(one, "end"), one["metadata"]["title"]) for one in container.chapters()
        ]

        assert container.metadata["title"] == "The Lighthouse ✨"
        assert chapters == [(0.0, 3.0, "1. Dawn"), (3.0, pytest.approx(6.0), "2. Möwen über dem Meer")]
        assert [stream.type for stream in container.streams] == ["video", "audio"]


def test_labelled_film_then_keeps_every_packet_and_every_time(film: Path, labelled: Path) -> None:
    assert packets(labelled) == packets(film)
    assert marks(watch(labelled)) == marks(watch(film))
    assert (listen(labelled) == listen(film)).all()


def test_labelled_film_when_labelled_again_then_has_the_new_labels_alone(labelled: Path, tmp_path: Path) -> None:
    write_labels(labelled, tmp_path / "again.mp4", "Other", CHAPTERS[:1])

    with av.open(str(tmp_path / "again.mp4")) as container:
        assert container.metadata["title"] == "Other"
        assert len(container.chapters()) == 1
    assert packets(tmp_path / "again.mp4") == packets(labelled)


def test_long_chapter_title_then_is_cut_between_characters(film: Path, tmp_path: Path) -> None:
    write_labels(film, tmp_path / "long.mp4", "", [Chapter(Fraction(0), "x" + "ü" * 200)])

    with av.open(str(tmp_path / "long.mp4")) as container:
        assert container.chapters()[0]["metadata"]["title"] == "x" + "ü" * 127


def test_labelled_film_then_can_be_cut_again_like_any_clip(labelled: Path, a_film: FilmMaker) -> None:
    _, report = a_film([{"path": labelled}])

    assert report.frames == report.copied_frames == 144


def test_film_whose_index_stands_behind_then_is_refused(a_clip: ClipMaker, tmp_path: Path) -> None:
    with pytest.raises(RenderFailed, match="does not stand in front"):
        write_labels(a_clip(mark=1), tmp_path / "no.mp4", "", [])


def a_box(name: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return (8 + len(body)).to_bytes(4) + name + body


def an_index(table: bytes) -> bytes:
    path = (b"stbl", b"minf", b"mdia", b"trak")
    for name in path:
        table = a_box(name, table)
    return table


def test_addresses_of_both_widths_then_move_by_what_the_labels_add() -> None:
    narrow = a_box(b"stco", bytes(4), (2).to_bytes(4), (1000).to_bytes(4), (2000).to_bytes(4))
    wide = a_box(b"co64", bytes(4), (1).to_bytes(4), (2**33).to_bytes(8))
    body = an_index(narrow) + an_index(wide)

    index = labelled_index(body, "T", CHAPTERS)

    added = len(index) - 8 - len(body)
    assert added > 0
    assert (1000 + added).to_bytes(4) + (2000 + added).to_bytes(4) in index
    assert (2**33 + added).to_bytes(8) in index


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (an_index(a_box(b"stco", bytes(4), (1).to_bytes(4), (2**32 - 1).to_bytes(4))), "too large for its own index"),
        (bytes((0, 0, 0, 3)) + b"trak", "not made of whole boxes"),
        (bytes((0, 0, 1, 0)) + b"trak", "not made of whole boxes"),
    ],
    ids=["address too high", "box too small", "box too large"],
)
def test_index_that_cannot_be_labelled_then_is_refused(body: bytes, told: str) -> None:
    with pytest.raises(RenderFailed, match=told):
        labelled_index(body, "T", [])
