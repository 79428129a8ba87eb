"""A film that flows is left in peace, and a jump is named: measured on drawn clips with planted jumps."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from promptreel.domain.job import Job
from promptreel.domain.scene import Keyframe
from promptreel.domain.timeline import TransitionKind
from stitcher_service.engine import seams
from stitcher_service.engine.seams import ClipEnds
from stitcher_service.jobs import film_edit
from stitcher_service.jobs.film_edit import FilmEdit
from stitcher_service.jobs.segment_seams import describe_jumps
from tests.fakes.services import FakeServices
from tests.stitcher.jobs import FPS as SLOW_FPS
from tests.stitcher.jobs import FRAMES as SHORT
from tests.stitcher.jobs import a_filmed_job, change_scene, scenes
from tests.stitcher.seam_clips import (
    CAMERAS,
    FPS,
    FRAMES,
    JUMPS,
    PLACES,
    REPEATED,
    Frame,
    Jump,
    encode,
    films,
    flowing,
    in_other_colours,
)

# These change so much by themselves that nobody looks for a jump in them.
RESTLESS = frozenset({"firelight", "fades in", "fades out", "a lamp goes on in between", "grain"})
Found = tuple[str | None, str | None, str | None]


@pytest.fixture(scope="module")
def drawn() -> list[tuple[str, list[Frame]]]:
    return list(films())


def look(frames: Sequence[Frame], folder: Path) -> Found:
    """What is found at the beginning and the end of the first clip, and at the cut."""
    one, other = (
        read(encode(clip, folder / name))
        for name, clip in (("one.mp4", frames[:FRAMES]), ("other.mp4", frames[FRAMES:]))
    )
    return seams.find_jump_at_beginning(one), seams.find_jump_at_end(one), seams.find_jump_between(one, other)


def read(clip: Path) -> ClipEnds:
    ends = seams.read_ends(clip, 0, FRAMES, Fraction(FPS))
    assert ends is not None
    return ends


def plant(frames: Sequence[Frame], jump: Jump) -> list[Frame]:
    """The first clip's first and last frames, the latter also before the cut, do not belong to it any more."""
    last = FRAMES - 1
    changed = list(frames)
    changed[0], changed[last] = jump.plant(frames[0], frames[1]), jump.plant(frames[last], frames[last - 1])
    return changed


def test_no_jump_is_found_in_films_that_flow(drawn: list[tuple[str, list[Frame]]], tmp_path: Path) -> None:
    found = {name: look(frames, tmp_path) for name, frames in drawn}

    assert len(found) >= 22
    assert {name: jumps for name, jumps in found.items() if any(jumps)} == {}


@pytest.mark.parametrize("jump", JUMPS, ids=lambda jump: jump.name)
def test_planted_jump_is_found_at_both_ends_and_at_the_cut(
    drawn: list[tuple[str, list[Frame]]], jump: Jump, tmp_path: Path
) -> None:
    seen = [(name, frames) for name, frames in drawn if name.split(",")[0] not in jump.hides_in | RESTLESS][::2]
    missed = [(name, found) for name, frames in seen if not all(found := look(plant(frames, jump), tmp_path))]

    assert len(seen) >= 5
    assert missed == []


def test_frame_that_is_shown_twice_is_found_where_the_clip_moves(
    drawn: list[tuple[str, list[Frame]]], tmp_path: Path
) -> None:
    seen = [(name, frames) for name, frames in drawn if name.split(",")[0] not in REPEATED.hides_in | RESTLESS]
    found = [jump for _, frames in seen for jump in look(plant(frames, REPEATED), tmp_path)[:2]]

    assert len(found) >= 12
    assert sum(jump is not None and "are the same" in jump for jump in found) >= 0.85 * len(found)


def test_only_the_shown_part_of_a_clip_is_looked_at(drawn: list[tuple[str, list[Frame]]], tmp_path: Path) -> None:
    frames = plant(next(frames for name, frames in drawn if name.startswith("pan")), JUMPS[0])[:FRAMES]
    clip = encode(frames, tmp_path / "clip.mp4")

    shown = seams.read_ends(clip, 1, FRAMES - 1, Fraction(FPS))
    assert shown is not None
    assert seams.find_jump_at_beginning(shown) is None
    assert seams.find_jump_at_end(shown) is None
    assert seams.find_jump_at_beginning(read(clip)) is not None


def test_clip_that_is_too_short_or_damaged_is_left_to_others(tmp_path: Path) -> None:
    file = tmp_path / "clip.mp4"
    file.write_bytes(b"no film")

    assert seams.read_ends(file, 0, FRAMES, Fraction(FPS)) is None
    assert seams.read_ends(file, 0, seams.WINDOW - 1, Fraction(FPS)) is None


@pytest.fixture
def filmed(world: FakeServices, a_clip: Callable[..., Path]) -> Job:
    return a_filmed_job(world, a_clip)


def edit_of(world: FakeServices, job: Job, **plan: Any) -> FilmEdit:
    changed = job.evolve(plan=job.require_plan().evolve(**plan)) if plan else job
    return film_edit.edit_film(changed, scenes(world, job))


def described(edit: FilmEdit, folder: Path) -> list[str]:
    """What is said of two clips that pan slowly, of which the second is in other colours."""
    frames = flowing(CAMERAS["slow pan"], PLACES[0])[: 2 * SHORT]
    encode(frames[:SHORT], folder / "scene-01.mp4", SLOW_FPS)
    encode([in_other_colours(one, one) for one in frames[SHORT:]], folder / "scene-02.mp4", SLOW_FPS)
    return describe_jumps(edit, {f"{one.scene.id}.mp4": one for one in edit.segments}, folder)


def test_cut_that_jumps_is_named_with_both_scenes_and_frames(world: FakeServices, filmed: Job, tmp_path: Path) -> None:
    (jump,) = described(edit_of(world, filmed), tmp_path)

    assert jump.startswith("scene-01 jumps to scene-02: frames 23 and 24 of the film differ by ")


def test_break_that_was_asked_for_is_not_named(world: FakeServices, filmed: Job, tmp_path: Path) -> None:
    faded = edit_of(world, filmed, transition_kind=TransitionKind.CROSSFADE, transition_frames=4)
    assert described(faded, tmp_path) == []

    own = Keyframe(uri="gs://artifacts/another.png", digest="d")
    change_scene(world, filmed, "scene-02", start=own)
    assert described(edit_of(world, filmed), tmp_path) == []


def test_clip_that_another_warning_names_is_not_looked_at(world: FakeServices, filmed: Job, tmp_path: Path) -> None:
    edit = edit_of(world, filmed)
    described(edit, tmp_path)

    assert describe_jumps(edit, {"scene-01.mp4": edit.segments[0]}, tmp_path) == []
