"""Title and chapters are in the film, as players show them, and nothing else of the film is touched."""

from pathlib import Path
from typing import Any

import av
import pytest

from stitcher_service.engine.assemble import Chapter, Labels
from stitcher_service.engine.cutlist import CutList
from stitcher_service.engine.stitch import stitch
from stitcher_service.ffmpeg.completeness import read_boxes
from tests.stitcher.conftest import ClipMaker, FilmMaker
from tests.stitcher.media import listen, marks, watch

LABELS = Labels("The Lighthouse ✨", (Chapter(0, "1. Dawn"), Chapter(72, "2. Möwen über dem Meer")))


def labelled_film(clips: list[Path], out: Path, labels: Labels | None) -> Path:
    entries = [{"path": str(clip)} for clip in clips]
    cut_list = CutList.model_validate({"size": [320, 180], "fps": 24, "clips": entries})
    stitch(cut_list, out.parent, out, labels)
    return out


@pytest.fixture
def film(a_clip: ClipMaker, tmp_path: Path) -> Path:
    return labelled_film([a_clip(mark=1), a_clip(mark=2)], tmp_path / "film.mp4", None)


@pytest.fixture
def labelled(a_clip: ClipMaker, tmp_path: Path) -> Path:
    return labelled_film([a_clip(mark=1), a_clip(mark=2)], tmp_path / "labelled.mp4", LABELS)


def packets(path: Path) -> list[tuple[Any, ...]]:
    """Every packet of picture and sound."""
    with av.open(str(path)) as container:
        return [
            (packet.stream_index, packet.pts, packet.dts, packet.duration, packet.is_keyframe, bytes(packet))
            for packet in container.demux(container.streams.video[0], container.streams.audio[0])
            if packet.size
        ]


def seconds(chapter: Any, edge: str) -> float:
    return float(chapter[edge] * chapter["time_base"])


def test_labelled_film_has_title_and_a_standard_chapter_track(labelled: Path) -> None:
    with av.open(str(labelled)) as container:
        chapters = [
            (seconds(one, "start"), seconds(one, "end"), one["metadata"]["title"]) for one in container.chapters()
        ]

        assert container.metadata["title"] == LABELS.title
        assert chapters == [(0.0, 3.0, "1. Dawn"), (3.0, pytest.approx(6.0), "2. Möwen über dem Meer")]
        assert [stream.type for stream in container.streams] == ["video", "audio", "data"]
    assert b"chap" in labelled.read_bytes(), "the picture track does not refer to the chapters"


def test_labelled_film_begins_with_its_index(labelled: Path) -> None:
    with labelled.open("rb") as file:
        assert [box.name for box in read_boxes(file) if box.name != "free"] == ["ftyp", "moov", "mdat"]


def test_labelled_film_has_the_packets_and_times_of_the_film_without_labels(film: Path, labelled: Path) -> None:
    assert packets(labelled) == packets(film)
    assert marks(watch(labelled)) == marks(watch(film))
    assert (listen(labelled) == listen(film)).all()


def test_film_without_chapters_has_no_chapter_track(film: Path) -> None:
    with av.open(str(film)) as container:
        assert container.chapters() == []
        assert [stream.type for stream in container.streams] == ["video", "audio"]


def test_chapter_title_is_cut_between_characters_when_it_is_too_long(a_clip: ClipMaker, tmp_path: Path) -> None:
    long = Labels(None, (Chapter(0, "x" + "ü" * 200),))

    film = labelled_film([a_clip(mark=1)], tmp_path / "long.mp4", long)

    with av.open(str(film)) as container:
        assert container.chapters()[0]["metadata"]["title"] == "x" + "ü" * 127


def test_labelled_film_can_be_stitched_like_any_clip(labelled: Path, a_film: FilmMaker) -> None:
    _, report = a_film([{"path": labelled}])

    assert report.frames == report.copied_frames == 144
