"""A clip is inspected once for what it holds, under every name and in every film that uses it."""

import shutil
from pathlib import Path

import pytest

from promptreel.domain.states import SceneState
from stitcher_service.engine import inspection
from stitcher_service.engine.cutlist import CutList
from stitcher_service.engine.errors import BadInput
from stitcher_service.engine.inspection import Inspection, InspectionCache, TimeSpan, cache_key
from stitcher_service.engine.stitch import Report, Tools, stitch
from stitcher_service.ffmpeg.probe import probe
from stitcher_service.jobs.previews import make_preview
from stitcher_service.jobs.renders import RenderRequest
from tests.fakes.services import FakeServices
from tests.stitcher.conftest import ClipMaker
from tests.stitcher.jobs import a_filmed_job, change_scene, scenes, stitcher_services

FOUND = Inspection(("cut short",), (TimeSpan(0, 1.5),), (TimeSpan(2, float("inf")),))


class Counted(InspectionCache):
    """Keeps count of what had to be found out."""

    def __init__(self) -> None:
        super().__init__()
        self.puts = 0

    def __setitem__(self, key: str, found: Inspection) -> None:
        self.puts += 1
        super().__setitem__(key, found)


def key(clip: Path) -> str:
    track = probe(clip).video
    assert track is not None
    return cache_key(clip, track)


def film_of(clips: list[Path], folder: Path, memory: InspectionCache) -> Report:
    entries = [{"path": str(clip)} for clip in clips]
    cut_list = CutList.model_validate({"size": [320, 180], "fps": 24, "clips": entries})
    return stitch(cut_list, folder, folder / "film.mp4", tools=Tools(inspections=memory))


def test_clip_is_inspected_once_when_it_has_two_names_and_is_in_two_films(a_clip: ClipMaker, tmp_path: Path) -> None:
    memory = Counted()
    again = Path(shutil.copy(a_clip(mark=1), tmp_path / "again.mp4"))

    film_of([a_clip(mark=1), a_clip(mark=2), again], tmp_path, memory)
    film_of([again, a_clip(mark=2)], tmp_path, memory)

    assert memory.puts == 2


def test_only_new_clips_are_inspected_for_the_next_preview(world: FakeServices, a_clip: ClipMaker) -> None:
    memory = Counted()
    services = stitcher_services(world, inspections=memory)
    job = a_filmed_job(world, a_clip)
    clip = scenes(world, job)[1].clip
    change_scene(world, job, "scene-02", state=SceneState.FILMING, clip=None)
    make_preview(RenderRequest(job.id, None), services)
    inspected = memory.puts

    change_scene(world, job, "scene-02", state=SceneState.DONE, clip=clip)
    make_preview(RenderRequest(job.id, None), services)

    assert (inspected, memory.puts) == (2, 3)


def test_oldest_findings_are_dropped_when_the_cache_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inspection, "MAX_CACHED_CLIPS", 2)
    memory = InspectionCache()
    for key in ("first", "second", "third"):
        memory[key] = FOUND

    assert [memory.get(key) for key in ("first", "second", "third")] == [None, FOUND, FOUND]


def test_cached_findings_have_the_same_effect(a_clip: ClipMaker, tmp_path: Path) -> None:
    damaged, dark = InspectionCache(), InspectionCache()
    damaged[key(a_clip(mark=1))] = Inspection(damage=("a slice is missing",))
    dark[key(a_clip(mark=1))] = Inspection(black=(TimeSpan(0, 3),))

    with pytest.raises(BadInput, match="its picture is damaged"):
        film_of([a_clip(mark=1)], tmp_path, damaged)
    assert len(film_of([a_clip(mark=1)], tmp_path, dark).warnings) == 1


def test_clip_has_another_key_when_one_byte_differs(a_clip: ClipMaker, tmp_path: Path) -> None:
    other = tmp_path / "other.mp4"
    other.write_bytes(a_clip(mark=1).read_bytes()[:-1] + b"!")

    assert key(other) != key(a_clip(mark=1))
