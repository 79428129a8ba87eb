"""Edits at a gate: what they touch is made again and paid again, and nothing else."""

from typing import Any

import pytest

from promptreel.domain.edits import parse_edit
from promptreel.domain.fitting import PromptTooLong
from promptreel.domain.job import Animatic, Job
from promptreel.domain.request import Approval
from promptreel.domain.scene import Scene
from promptreel.domain.states import CallState, JobState, SceneState
from promptreel.errors import BudgetExceeded, Conflict, Invalid
from promptreel.ports.storage import Replace
from promptreel.usecases import job_lifecycle
from promptreel.usecases.edit_plan import PlanEdited, edit_plan
from promptreel.usecases.sweep_jobs import SweepJobs
from tests.fakes.services import FakeServices

CLIP_MICROS = 400_000  # of one second of the default model


def edit(world: FakeServices, job: Job, revision: int = 1, **fields: Any) -> PlanEdited:
    return edit_plan(job.id, parse_edit({"revision": revision, **fields}), world)


def approve(world: FakeServices, job: Job, **fields: Any) -> Job:
    return job_lifecycle.approve(job.id, Approval.model_validate(fields), world)


def scenes_of(world: FakeServices, job: Job) -> dict[str, Scene]:
    return {read.value.id: read.value for read in world.jobs.list_scenes(job.id)}


def calls_of(world: FakeServices, job: Job, *states: CallState) -> dict[tuple[str, int, int], int]:
    """Purpose, take and attempt of the calls in these states, with what each counts."""
    calls = [read.value for read in world.jobs.list_calls(job.id)]
    return {(call.purpose, call.take, call.attempt): call.counted_micros for call in calls if call.state in states}


def drawn_keyframes(job: Job, redrawn: PlanEdited) -> list[str]:
    return [f"{item.scene}/{item.frame}/{item.take}" for item in redrawn.redrawn]


def finish(world: FakeServices, job: Job) -> str:
    """Draw and film whatever is missing; answers what the last look said."""
    world.draw_all(job)
    return world.film_queued(job)


@pytest.fixture
def board(world: FakeServices) -> Job:
    """A job that waits after its storyboard."""
    return world.planned(approval="storyboard")


@pytest.fixture
def shown(world: FakeServices) -> Job:
    """A job that waits with its animatic."""
    job = world.drawn(approval="animatic")
    read = world.jobs.get_job(job.id)
    world.jobs.write(
        Replace(job.id, read, read.value.evolve(animatic=Animatic(uri="gs://artifacts/a.mp4", frames=432)))
    )
    world.close(job)
    return world.jobs.get_job(job.id).value


def test_nothing_is_redone_and_one_price_changes_when_a_board_is_edited(world: FakeServices, board: Job) -> None:
    before = calls_of(world, board, CallState.PLANNED)

    edited = edit(
        world, board, scenes=[{"scene": "scene-02", "motion_prompt": "The door opens slowly.", "duration_s": 8}]
    )

    assert edited.changed == ("scene-02.motion_prompt", "scene-02.duration_s")
    assert (edited.redrawn, edited.redo_micros, edited.plan.revision) == ((), 0, 2)
    clip = ("clip/scene-02", 1, 1)
    assert calls_of(world, board, CallState.PLANNED) == before | {clip: 8 * CLIP_MICROS}
    assert edited.left_micros == sum(before.values()) + 2 * CLIP_MICROS
    assert edited.plan.planned_frames == (6 + 8 + 6) * 24
    scene = scenes_of(world, board)["scene-02"]
    assert (scene.motion_prompt, scene.duration_s, scene.take) == ("The door opens slowly.", 8, 1)


def test_film_of_an_edited_board_pays_each_piece_once(world: FakeServices, board: Job) -> None:
    edit(
        world,
        board,
        scenes=[{"scene": "scene-01", "end_prompt": "A lamp is lit."}],
        order=["scene-03", "scene-01", "scene-02"],
    )

    approved = approve(world, board)

    assert finish(world, approved) == "done"
    settled = calls_of(world, board, CallState.SETTLED)
    assert {purpose for purpose, _, _ in settled} == {
        "treatment",
        "storyboard",
        "keyframe/scene-03/start",
        *(f"keyframe/scene-0{n}/end" for n in (1, 2, 3)),
        *(f"clip/scene-0{n}" for n in (1, 2, 3)),
    }
    assert len(settled) == 9
    assert any("A lamp is lit." in request.prompt for request in world.images.requests)
    third, first, second = (read.value for read in world.jobs.list_scenes(board.id))
    assert (third.id, first.id, second.id) == ("scene-03", "scene-01", "scene-02")
    assert (first.start, second.start) == (third.end, first.end), "each scene begins where the one before ended"


def test_order_that_is_changed_back_reserves_the_first_keyframe_again(world: FakeServices, board: Job) -> None:
    for revision in (1, 3, 5):
        edit(world, board, revision, order=["scene-02", "scene-01", "scene-03"])
        edit(world, board, revision + 1, order=["scene-01", "scene-02", "scene-03"])

    approved = approve(world, board)

    assert finish(world, approved) == "done"
    starts = [key for key in calls_of(world, board, CallState.SETTLED) if key[0].endswith("/start")]
    assert starts == [("keyframe/scene-01/start", 1, 4)], "attempts that were released unmade do not count as tries"
    assert len(world.images.requests) == 4


def test_motion_and_length_redraw_nothing_when_keyframes_are_drawn(world: FakeServices, shown: Job) -> None:
    edited = edit(world, shown, scenes=[{"scene": "scene-03", "motion_prompt": "He waves.", "duration_s": 4}])

    assert (edited.redrawn, edited.redo_micros, edited.left_micros) == ((), 0, (6 + 6 + 4) * CLIP_MICROS)
    assert edited.job.animatic is None, "it shows the plan as it was"
    assert finish(world, approve(world, shown)) == "done"
    assert len(world.images.requests) == 4


def test_changed_last_picture_redraws_itself_and_what_is_drawn_from_it(world: FakeServices, shown: Job) -> None:
    before = calls_of(world, shown, CallState.SETTLED)
    kept = scenes_of(world, shown)

    edited = edit(world, shown, scenes=[{"scene": "scene-02", "end_prompt": "The door is closed."}])

    assert drawn_keyframes(shown, edited) == ["scene-02/end/2", "scene-03/end/2"]
    scenes = scenes_of(world, shown)
    assert [(one.state, one.take, one.redraw) for one in scenes.values()] == [
        (SceneState.DRAWN, 1, ()),
        (SceneState.PENDING, 2, ("end",)),
        (SceneState.PENDING, 2, ("start", "end")),
    ]
    assert calls_of(world, shown, CallState.RELEASED).keys() == {("clip/scene-02", 1, 1), ("clip/scene-03", 1, 1)}
    released = [read.value for read in world.jobs.list_calls(shown.id) if read.value.state is CallState.RELEASED]
    assert not any(call.counts_as_attempt for call in released), "they were never made"
    planned = calls_of(world, shown, CallState.PLANNED)
    assert planned.keys() == {
        ("keyframe/scene-02/end", 2, 1),
        ("keyframe/scene-03/end", 2, 1),
        ("clip/scene-01", 1, 1),
        ("clip/scene-02", 2, 1),
        ("clip/scene-03", 2, 1),
    }
    assert edited.redo_micros == sum(micros for (purpose, _, _), micros in planned.items() if "keyframe" in purpose)
    assert finish(world, approve(world, shown)) == "done"
    paid = calls_of(world, shown, CallState.SETTLED)
    assert paid.keys() - before.keys() == planned.keys(), "and nothing else is paid"
    after = scenes_of(world, shown)
    assert after["scene-01"].end == kept["scene-01"].end
    assert after["scene-03"].start == after["scene-02"].end != kept["scene-02"].end
    assert len(world.video.requests) == 3


def test_first_picture_redraws_the_whole_chain(world: FakeServices, shown: Job) -> None:
    edited = edit(world, shown, scenes=[{"scene": "scene-01", "start_prompt": "Fog."}])

    assert drawn_keyframes(shown, edited) == ["scene-01/start/2", *(f"scene-0{n}/end/2" for n in (1, 2, 3))]
    assert finish(world, approve(world, shown)) == "done"
    assert len(world.images.requests) == 8


def test_new_order_redraws_only_what_no_longer_follows(world: FakeServices, shown: Job) -> None:
    """Scene 2 keeps both of its pictures; scene 1 begins with its last one, and ends anew; so does scene 3."""
    kept = scenes_of(world, shown)

    edited = edit(world, shown, order=["scene-02", "scene-01", "scene-03"])

    assert drawn_keyframes(shown, edited) == ["scene-01/end/2", "scene-03/end/2"]
    assert finish(world, approve(world, shown)) == "done"
    second, first, third = (read.value for read in world.jobs.list_scenes(shown.id))
    assert (second.start, second.end) == (kept["scene-02"].start, kept["scene-02"].end)
    assert (first.start, third.start) == (second.end, first.end)
    assert len(world.images.requests) == 6


def test_character_redraws_from_the_first_scene_that_names_it(world: FakeServices, shown: Job) -> None:
    read = world.jobs.get_job(shown.id)
    person = {"name": "Nobody else", "description": "a hat"}
    plan = shown.require_plan().evolve(characters=({"name": "Zoe", "description": "a coat"}, person))
    world.jobs.write(Replace(shown.id, read, read.value.evolve(plan=plan)))
    edit(world, shown, scenes=[{"scene": "scene-03", "description": "Zoe waves."}])

    unnamed = edit(world, shown, revision=2, characters=[{"name": "Nobody else", "description": "no hat"}])
    named = edit(world, shown, revision=3, characters=[{"name": "Zoe", "description": "a red coat"}])
    moved = edit(world, shown, revision=4, scenes=[{"scene": "scene-01", "motion_prompt": "Nobody else comes."}])

    assert (unnamed.changed, named.changed) == (("characters.Nobody else",), ("characters.Zoe",))
    assert drawn_keyframes(shown, named) == ["scene-03/end/2"]
    assert moved.redrawn == named.redrawn, "motion that names somebody redraws nothing"


def test_second_edit_before_approval_adds_to_the_first(world: FakeServices, shown: Job) -> None:
    edit(world, shown, scenes=[{"scene": "scene-03", "end_prompt": "Night."}])

    second = edit(world, shown, revision=2, scenes=[{"scene": "scene-02", "end_prompt": "Dusk."}])

    assert drawn_keyframes(shown, second) == ["scene-02/end/2", "scene-03/end/2"]
    assert finish(world, approve(world, shown)) == "done"
    assert len(world.images.requests) == 6


def test_redrawn_keyframes_are_shown_before_they_are_filmed_when_the_approval_says_so(
    world: FakeServices, shown: Job
) -> None:
    edit(world, shown, scenes=[{"scene": "scene-03", "end_prompt": "Night."}])

    drawing = approve(world, shown, gate="keyframes", stop_after="keyframes")

    assert (drawing.state, drawing.approved) == (JobState.KEYFRAMES, ())
    world.draw_all(drawing)
    assert world.poll(drawing).state == "held"
    assert world.queue.tasks == {}
    read = world.jobs.get_job(shown.id)
    world.jobs.write(
        Replace(shown.id, read, read.value.evolve(animatic=Animatic(uri="gs://artifacts/b.mp4", frames=432)))
    )
    assert world.close(drawing) == "awaiting_approval"
    with pytest.raises(Conflict, match="since then changed: keyframes"):
        approve(world, shown, gate="keyframes", revision=2)
    assert approve(world, shown, gate="keyframes", revision=3).state is JobState.VIDEO_GEN


def test_stop_that_is_behind_the_gate_is_refused(world: FakeServices, board: Job) -> None:
    with pytest.raises(Invalid, match="stop_after: the job is past its storyboard"):
        approve(world, board, stop_after="storyboard")
    assert approve(world, board, stop_after="keyframes").next_gate == "keyframes"


def test_second_of_two_editors_is_told_what_the_first_has_changed(world: FakeServices, board: Job) -> None:
    edit(world, board, scenes=[{"scene": "scene-02", "motion_prompt": "Slow."}])

    with pytest.raises(Conflict, match=r"revision 2, not 1; since then changed: scene-02\.motion_prompt\.") as refused:
        edit(world, board, scenes=[{"scene": "scene-01", "motion_prompt": "Fast."}])

    assert refused.value.code == "plan_changed"
    assert scenes_of(world, board)["scene-01"].motion_prompt != "Fast."


def test_approval_of_an_older_revision_is_a_conflict(world: FakeServices, board: Job) -> None:
    edit(world, board, scenes=[{"scene": "scene-02", "motion_prompt": "Slow."}])

    with pytest.raises(Conflict, match="The plan has revision 2, not 1"):
        approve(world, board, gate="storyboard", revision=1)


def test_edit_is_a_conflict_when_the_job_was_approved_meanwhile(world: FakeServices, board: Job) -> None:
    write = world.jobs.write

    def approve_first(*changes: object) -> None:
        world.jobs.write = write  # type: ignore[method-assign]
        approve(world, board)
        write(*changes)  # type: ignore[arg-type]

    world.jobs.write = approve_first  # type: ignore[method-assign]
    with pytest.raises(Conflict, match="The job is KEYFRAMES"):
        edit(world, board, scenes=[{"scene": "scene-02", "duration_s": 8}])
    assert calls_of(world, board, CallState.PLANNED)["clip/scene-02", 1, 1] == 6 * CLIP_MICROS


def test_edit_is_a_conflict_when_the_clips_are_filmed(world: FakeServices) -> None:
    job = world.drawn(stop_after="clips")
    finish(world, job)
    world.close(job)

    with pytest.raises(Conflict, match="AWAITING_APPROVAL after its clips"):
        edit(world, job, order=["scene-03", "scene-02", "scene-01"])


def test_nothing_changes_when_the_limit_does_not_hold_the_edit(world: FakeServices, board: Job) -> None:
    read = world.jobs.get_job(board.id)
    spent = sum(call.value.counted_micros for call in world.jobs.list_calls(board.id))
    tight = board.budget.evolve(limit_micros=spent)
    world.jobs.write(Replace(board.id, read, board.evolve(budget=tight)))
    before = (scenes_of(world, board), calls_of(world, board, *CallState), world.jobs.get_job(board.id))

    with pytest.raises(BudgetExceeded, match="Nothing was changed") as refused:
        edit(world, board, scenes=[{"scene": "scene-01", "duration_s": 8}])

    assert (scenes_of(world, board), calls_of(world, board, *CallState), world.jobs.get_job(board.id)) == before
    assert "`budget_usd` to at least" in refused.value.remedy
    raised = edit(world, board, scenes=[{"scene": "scene-01", "duration_s": 8}], budget_usd=30)
    assert raised.job.budget.limit_micros == 30_000_000


def test_pieces_released_by_a_cancel_still_count_when_a_plan_is_edited(world: FakeServices, board: Job) -> None:
    job_lifecycle.cancel(board.id, world)
    world.sweep_jobs(SweepJobs())
    job_lifecycle.resume(board.id, None, world)

    edited = edit(world, board, scenes=[{"scene": "scene-02", "motion_prompt": "Slow."}])

    assert edited.left_micros > 18 * CLIP_MICROS
    with pytest.raises(BudgetExceeded):
        edit(world, board, revision=2, budget_usd=1)
    assert finish(world, approve(world, board)) == "done"
    assert len(world.images.requests) == 4


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"scenes": [{"scene": "scene-09"}]}, "scenes: the plan has no 'scene-09'"),
        ({"scenes": [{"scene": "scene-01", "duration_s": 9}]}, "no clip of .* can be cut to 9 s"),
        ({"scenes": [{"scene": "scene-01", "duration_s": 2.5}]}, "no clip of .* can be cut to 2.5 s"),
        ({"scenes": [{"scene": "scene-01", "moton_prompt": "x"}]}, "did you mean `motion_prompt`"),
        ({"scenes": [{"scene": "scene-01", "motion_prompt": " "}]}, "motion_prompt"),
        ({"scenes": [{"scene": "scene-01"}, {"scene": "scene-01"}]}, "scenes names one twice"),
        ({"scenes": [{"scene": "scene-02", "start_prompt": "x"}]}, "its first picture is the last one of scene-01"),
        ({"order": ["scene-01", "scene-02"]}, "order: must name every scene exactly once"),
        ({"characters": [{"name": "Zoe", "description": "a hat"}]}, "characters: the plan has no 'Zoe'"),
    ],
)
def test_edit_is_refused_with_the_field_and_changes_nothing(
    world: FakeServices, board: Job, fields: dict[str, Any], message: str
) -> None:
    before = scenes_of(world, board)

    with pytest.raises(Invalid, match=message):
        edit(world, board, **fields)

    assert scenes_of(world, board) == before
    assert world.jobs.get_job(board.id).value == board


def test_edit_that_changes_nothing_keeps_revision_and_animatic(world: FakeServices, shown: Job) -> None:
    same = scenes_of(world, shown)["scene-02"]

    edited = edit(world, shown, scenes=[{"scene": "scene-02", "end_prompt": same.end_prompt, "duration_s": 6}])

    assert (edited.changed, edited.redrawn, edited.plan.revision) == ((), (), 1)
    assert edited.job.animatic is not None


def test_edit_is_refused_by_scene_when_its_prompt_cannot_fit_the_model(world: FakeServices) -> None:
    job = world.planned(approval="storyboard", models={"video": "kwaivgi/kling-v3-video"}, scenes=3)
    before = world.jobs.get_job(job.id).value
    long = {"motion_prompt": "word " * 399, "description": "word"}
    read = world.jobs.get_scene(job.id, "scene-02")

    assert edit(world, job, scenes=[{"scene": "scene-02", **long}]).changed  # it fits, with all else left out
    with pytest.raises(PromptTooLong, match="scene-02: the prompt of its end picture"):
        edit(world, job, 2, scenes=[{"scene": "scene-02", "end_prompt": "Waves " + "🌊" * 1990}])

    assert world.jobs.get_job(job.id).value.require_plan().revision == before.require_plan().revision + 1
    assert world.jobs.get_scene(job.id, "scene-02").value.end_prompt == read.value.end_prompt
