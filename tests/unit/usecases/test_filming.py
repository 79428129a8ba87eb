"""Clips, from submit_clip to poll_clips."""

import pytest

from main import STEPS
from promptreel.domain.call import Call
from promptreel.domain.job import Budget, Job
from promptreel.domain.scene import Scene
from promptreel.domain.states import CallState, JobState, SceneState
from promptreel.errors import AnswerLost, QuotaExhausted, Refused, Throttled, Transient, Unpaid
from promptreel.http.step_handler import answer
from promptreel.ledger import call_requests
from promptreel.ports.models import OperationState, Running
from promptreel.ports.orchestration import ClipTask
from promptreel.ports.storage import Replace
from promptreel.usecases import job_lifecycle
from promptreel.usecases.draw_keyframe import DrawKeyframe
from promptreel.usecases.poll_clips import ClipsPolled
from promptreel.usecases.submit_clip import SubmitClip
from tests.fakes.services import FakeServices


def scenes(world: FakeServices, job_id: str) -> list[Scene]:
    return [read.value for read in world.jobs.list_scenes(job_id)]


def test_operation_is_stored_before_any_poll_when_a_clip_is_submitted(world: FakeServices) -> None:
    job = world.drawn()

    assert world.submit_queued() == ["filming"] * 3

    operations = [read.value.operation for read in world.jobs.list_calls(job.id) if read.value.kind == "video"]
    assert operations == ["operations/1", "operations/2", "operations/3"]
    assert {scene.state for scene in scenes(world, job.id)} == {SceneState.FILMING}


def test_one_clip_is_paid_when_a_task_is_delivered_twice(world: FakeServices) -> None:
    world.drawn()
    world.submit_queued()

    assert world.submit_queued() == ["filming"] * 3
    assert len(world.video.requests) == 3


def test_video_request_has_both_keyframes_and_a_prefix_of_its_own(world: FakeServices) -> None:
    job = world.drawn()
    world.submit_queued()

    scene = scenes(world, job.id)[1]
    shot = world.video.requests[1]
    assert scene.start is not None
    assert scene.end is not None
    assert (shot.first_uri, shot.last_uri, shot.seconds) == (scene.start.uri, scene.end.uri, 6)
    assert (
        world.video.prefixes["operations/2"]
        == f"gs://artifacts/jobs/{job.id}/clips/scene-02/{scene.clip_call_id(job.id)}/"
    )
    assert len(set(world.video.prefixes.values())) == 3


def test_delivered_clips_are_settled_at_the_registry_price_and_the_job_moves_to_stitch(
    world: FakeServices,
) -> None:
    job = world.drawn()
    world.submit_queued()
    uris = [world.video.deliver(f"operations/{number}") for number in (1, 2, 3)]
    world.clock.pass_s(60)

    assert world.poll(job).state == "done"

    assert [scene.clip.uri for scene in scenes(world, job.id) if scene.clip] == uris
    assert world.jobs.get_job(job.id).value.state is JobState.STITCH
    video = [read.value for read in world.jobs.list_calls(job.id) if read.value.kind == "video"]
    assert [(call.state, call.cost_micros) for call in video] == [(CallState.SETTLED, 2_400_000)] * 3


def test_clip_is_not_polled_before_it_can_be_ready(world: FakeServices) -> None:
    job = world.drawn()
    world.submit_queued()
    for number in (1, 2, 3):
        world.video.deliver(f"operations/{number}")

    assert world.poll(job).state == "filming"
    world.clock.pass_s(31)
    assert world.poll(job).state == "done"


def test_filtered_clip_is_queued_at_once_with_another_seed_at_no_cost(world: FakeServices) -> None:
    job = world.drawn()
    world.submit_queued()
    world.video.filter("operations/1")
    world.clock.pass_s(60)

    world.poll(job)

    first = scenes(world, job.id)[0]
    assert (first.state, first.attempt) == (SceneState.QUEUED, 2)
    assert [(one.outcome, one.codes) for one in first.tries] == [("refused", ("15236754",))]
    assert ("scene-01", 2) in {(task.scene, task.attempt) for task in world.queue.tasks}
    world.submit_queued()
    seeds = [shot.seed for shot in world.video.requests]
    assert len(seeds) == 4
    assert len(set(seeds)) == 4
    released = next(read.value for read in world.jobs.list_calls(job.id) if read.value.purpose == "clip/scene-01")
    assert (released.state, released.cost_micros) == (CallState.RELEASED, 0)


def refuse(world: FakeServices, job: Job, code: str) -> ClipsPolled:
    """Every clip of the first scene is refused with this code, whatever is tried; the others are delivered."""
    while True:
        world.submit_queued()
        first = scenes(world, job.id)[0]
        current = [read.value for read in world.jobs.list_calls(job.id) if read.value.id == first.clip_call_id(job.id)]
        for operation, state in list(world.video.states.items()):
            if isinstance(state, Running):
                mine = current and operation == current[0].operation
                world.video.filter(operation, code) if mine else world.video.deliver(operation)
        world.clock.pass_s(60)
        polled = world.poll(job)
        for item in polled.redraw:
            world.draw_keyframe(DrawKeyframe(job.id, job.run, item.scene, item.frame, item.take))
        if scenes(world, job.id)[0].is_given_up:
            return polled


def test_job_fails_when_a_clip_is_refused_for_good_and_no_substitute_is_allowed(world: FakeServices) -> None:
    job = world.drawn(on_scene_failure="fail")

    polled = refuse(world, job, "15236754")

    assert polled.state == "failed"
    assert polled.problem is not None
    assert (polled.problem.code, polled.problem.scene) == ("clip_refused", "scene-01")
    assert "describe an invented face" in (polled.problem.remedy or "")
    assert scenes(world, job.id)[0].state is SceneState.FILTERED


@pytest.mark.parametrize("policy", ["still", "omit"])
def test_film_continues_at_no_cost_when_a_clip_is_refused_for_good(world: FakeServices, policy: str) -> None:
    job = world.drawn(on_scene_failure=policy)

    assert refuse(world, job, "15236754").state == "done"

    assert world.jobs.get_job(job.id).value.state is JobState.STITCH
    refused = [read.value for read in world.jobs.list_calls(job.id) if read.value.purpose == "clip/scene-01"]
    assert sum(call.cost_micros for call in refused) == 0


@pytest.mark.parametrize(
    ("code", "remedies"),
    [
        ("15236754", ["reseed", "redraw", ""]),
        ("64151117", ["reseed", "rewrite", "redraw", "model", ""]),
        ("57734940", ["rewrite", ""]),
        ("89371032", [""]),
        ("99999999", ["reseed", "rewrite", ""]),
    ],
)
def test_each_remedy_of_a_refusals_code_is_tried_once_and_recorded(
    world: FakeServices, code: str, remedies: list[str]
) -> None:
    job = world.drawn()
    refuse(world, job, code)

    first = scenes(world, job.id)[0]
    assert [(one.outcome, one.codes, one.remedy) for one in first.tries] == [
        ("refused", (code,), remedy) for remedy in remedies
    ]


def test_job_fails_when_every_scene_would_be_left_out(world: FakeServices) -> None:
    job = world.drawn(on_scene_failure="omit")
    world.submit_queued()
    for operation in list(world.video.states):
        world.video.filter(operation, "89371032")
    world.clock.pass_s(60)

    assert world.poll(job).state == "failed"


def test_next_attempt_follows_when_the_request_is_refused(world: FakeServices) -> None:
    job = world.drawn()
    world.video.failures = [Refused("400 unsupported")]

    assert world.submit_queued() == ["refused", "filming", "filming"]
    world.poll(job)

    assert scenes(world, job.id)[0].attempt == 2


def test_queue_gets_429_and_the_same_call_is_sent_later_when_the_quota_is_exhausted(world: FakeServices) -> None:
    job = world.drawn()
    world.video.failures = [Throttled("429")]
    with pytest.raises(QuotaExhausted):
        world.submit_clip(SubmitClip(job.id, job.run, "scene-01", 1, 1))

    assert world.submit_clip(SubmitClip(job.id, job.run, "scene-01", 1, 1)).state == "filming"
    assert len([1 for read in world.jobs.list_calls(job.id) if read.value.purpose == "clip/scene-01"]) == 1


@pytest.mark.parametrize(
    ("failure", "status"), [(Throttled("429"), 429), (Unpaid("never sent: no token"), 500), (Unpaid("refused"), 500)]
)
def test_task_slows_its_queue_only_when_the_quota_was_the_models_own(
    world: FakeServices, failure: Unpaid, status: int
) -> None:
    job = world.drawn()
    world.video.failures = [failure]
    body = {"job_id": job.id, "run": job.run, "scene": "scene-01", "take": 1, "attempt": 1}

    _, answered = answer(STEPS["submit_clip"], body, lambda: world)

    assert answered == status
    assert world.submit_clip(SubmitClip(job.id, job.run, "scene-01", 1, 1)).state == "filming"
    assert len([1 for read in world.jobs.list_calls(job.id) if read.value.purpose == "clip/scene-01"]) == 1


@pytest.mark.parametrize(("failure", "status"), [(Throttled("429"), 429), (Unpaid("never sent: no token"), 503)])
def test_keyframe_step_reports_a_quota_only_when_the_model_answered_429(
    world: FakeServices, failure: Unpaid, status: int
) -> None:
    job = world.planned()
    world.images.failures = [failure]
    body = {"job_id": job.id, "run": job.run, "scene": "scene-01", "frame": "start"}

    assert answer(STEPS["draw_keyframe"], body, lambda: world)[1] == status


def test_output_is_adopted_from_its_prefix_when_the_answer_was_lost(
    world: FakeServices,
) -> None:
    job = world.drawn()
    world.video.failures = [AnswerLost("reset")]
    assert world.submit_clip(SubmitClip(job.id, job.run, "scene-01", 1, 1)).state == "uncertain"

    assert world.submit_clip(SubmitClip(job.id, job.run, "scene-01", 1, 1)).state == "busy"
    world.poll(job)
    call = next(read.value for read in world.jobs.list_calls(job.id) if read.value.purpose == "clip/scene-01")
    assert call.state is CallState.UNCERTAIN
    world.artifacts.put(f"{call.prefix}77/sample_0.mp4", b"clip", "video/mp4")
    world.poll(job)

    first = scenes(world, job.id)[0]
    assert first.state is SceneState.DONE
    adopted = next(read.value for read in world.jobs.list_calls(job.id) if read.value.purpose == "clip/scene-01")
    assert (adopted.state, adopted.cost_micros) == (CallState.ADOPTED, 2_400_000)
    assert len(world.video.requests) == 1


def test_call_is_lost_and_the_next_attempt_follows_when_its_window_is_over(world: FakeServices) -> None:
    job = world.drawn()
    world.video.failures = [AnswerLost("reset")]
    world.submit_clip(SubmitClip(job.id, job.run, "scene-01", 1, 1))
    world.clock.pass_s(60 + 900 + 119)
    world.poll(job)
    assert scenes(world, job.id)[0].attempt == 1

    world.clock.pass_s(2)
    world.poll(job)

    lost = next(read.value for read in world.jobs.list_calls(job.id) if read.value.purpose == "clip/scene-01")
    assert lost.state is CallState.LOST
    assert scenes(world, job.id)[0].attempt == 2


def first_clip_lost(world: FakeServices) -> tuple[Job, Call]:
    """A job whose first clip's answer never came, its whole window over."""
    job = world.drawn()
    world.video.failures = [AnswerLost("reset")]
    world.submit_clip(SubmitClip(job.id, job.run, "scene-01", 1, 1))
    world.clock.pass_s(60 + 900 + 121)
    world.poll(job)
    lost = next(read.value for read in world.jobs.list_calls(job.id) if read.value.purpose == "clip/scene-01")
    return job, lost


def test_late_output_is_taken_before_the_next_attempt_is_paid(
    world: FakeServices,
) -> None:
    job, lost = first_clip_lost(world)
    uri = world.artifacts.put(f"{lost.prefix}7/sample_0.mp4", b"clip", "video/mp4")

    assert world.submit_clip(SubmitClip(job.id, job.run, "scene-01", 1, 2)).state == "delivered"

    first = scenes(world, job.id)[0]
    assert (first.state, first.clip and first.clip.uri) == (SceneState.DONE, uri)
    assert len(world.video.requests) == 1
    assert len([1 for read in world.jobs.list_calls(job.id) if read.value.purpose == "clip/scene-01"]) == 1


def test_lost_task_is_dispatched_under_another_name(world: FakeServices) -> None:
    job = world.drawn()
    world.queue.tasks.clear()
    world.poll(job)
    assert not world.queue.tasks

    world.clock.pass_s(121)
    world.poll(job)

    assert {(task.scene, task.dispatch) for task in world.queue.tasks} == {(f"scene-0{n}", 2) for n in (1, 2, 3)}


@pytest.mark.parametrize("look", ["it waits", "the queue is away"])
def test_task_is_left_alone_when_it_still_waits_or_the_queue_cannot_be_read(world: FakeServices, look: str) -> None:
    job = world.drawn()
    tasks = dict(world.queue.tasks)
    if look == "the queue is away":
        world.queue.tasks.clear()
        tasks = {}

        def away(task: ClipTask, *, high: bool) -> bool:
            raise Transient("503")

        world.queue.contains = away  # type: ignore[method-assign]
    for _ in range(10):
        world.clock.pass_s(121)
        world.poll(job)

    assert world.queue.tasks == tasks


def test_task_is_redispatched_when_it_ended_while_another_sender_held_the_call(world: FakeServices) -> None:
    job = world.drawn()
    scene = world.jobs.get_scene(job.id, "scene-01").value
    world.ledger.claim(call_requests.clip(job, job.require_plan(), scene, "digest", world.clock.now()))
    assert world.submit_queued() == ["busy", "filming", "filming"]
    world.clock.pass_s(121)
    world.poll(job)

    world.poll(job)

    assert [(task.scene, task.dispatch) for task in world.queue.tasks if task not in world.queue.done] == [
        ("scene-01", 2)
    ]


def test_extra_attempt_is_not_sent_when_it_exceeds_the_budget(world: FakeServices) -> None:
    generous = world.drawn()
    planned = sum(read.value.reserved_micros or 0 for read in world.jobs.list_calls(generous.id))
    tight = FakeServices()
    job = tight.drawn(budget_usd=f"{planned / 1_000_000:.6f}")
    tight.submit_queued()
    tight.video.filter("operations/1")
    for number in (2, 3):
        tight.video.deliver(f"operations/{number}")
    tight.clock.pass_s(60)
    tight.poll(job)
    spare = tight.jobs.get_job(job.id)
    tight.jobs.write(Replace(job.id, spare, spare.value.evolve(budget=Budget(limit_micros=5_000_000))))

    assert "budget_exceeded" in tight.submit_queued()
    polled = tight.poll(job)

    assert polled.state == "failed"
    assert polled.problem is not None
    assert polled.problem.code == "budget_exceeded"
    assert len(tight.video.requests) == 3


def test_stale_task_pays_nothing(world: FakeServices) -> None:
    job = world.drawn()

    assert world.submit_clip(SubmitClip(job.id, job.run + 1, "scene-01", 1, 1)).state == "superseded"
    assert world.submit_clip(SubmitClip(job.id, job.run, "scene-01", 2, 1)).state == "superseded"
    assert world.submit_clip(SubmitClip(job.id, job.run, "scene-01", 1, 2)).state == "superseded"
    assert world.video.requests == []


def test_operation_is_recorded_when_the_job_is_cancelled_during_the_request(world: FakeServices) -> None:
    job = world.drawn()
    submit = world.video.submit

    def cancelled_meanwhile(*arguments: object) -> str:
        job_lifecycle.cancel(job.id, world)
        return submit(*arguments)  # type: ignore[arg-type]

    world.video.submit = cancelled_meanwhile  # type: ignore[method-assign,assignment]
    world.submit_clip(SubmitClip(job.id, job.run, "scene-01", 1, 1))

    call = next(read.value for read in world.jobs.list_calls(job.id) if read.value.purpose == "clip/scene-01")
    assert call.operation == "operations/1"


def raise_attempt(world: FakeServices, job: Job) -> None:
    read = world.jobs.get_scene(job.id, "scene-01")
    world.jobs.write(Replace(job.id, read, read.value.evolve(attempt=read.value.attempt + 1)))


def test_outcome_of_a_request_is_not_written_on_the_next_attempt(
    world: FakeServices,
) -> None:
    job = world.drawn()
    submit = world.video.submit

    def overtaken(*arguments: object) -> str:
        raise_attempt(world, job)
        return submit(*arguments)  # type: ignore[arg-type]

    world.video.submit = overtaken  # type: ignore[method-assign,assignment]
    world.submit_clip(SubmitClip(job.id, job.run, "scene-01", 1, 1))

    assert (scenes(world, job.id)[0].attempt, scenes(world, job.id)[0].state) == (2, SceneState.QUEUED)


def test_late_output_is_not_written_as_the_next_attempt(
    world: FakeServices,
) -> None:
    job, lost = first_clip_lost(world)
    world.artifacts.put(f"{lost.prefix}7/sample_0.mp4", b"clip", "video/mp4")
    found = world.artifacts.list

    def overtaken(prefix: str) -> object:
        raise_attempt(world, job)
        return found(prefix)

    world.artifacts.list = overtaken  # type: ignore[method-assign,assignment]
    world.submit_clip(SubmitClip(job.id, job.run, "scene-01", 1, 2))

    assert (scenes(world, job.id)[0].attempt, scenes(world, job.id)[0].clip) == (3, None)


def test_outcome_is_not_written_on_the_scene_when_its_attempt_is_stale(world: FakeServices) -> None:
    job = world.drawn()
    world.submit_queued()
    world.video.deliver("operations/1")
    world.clock.pass_s(60)
    poll = world.video.poll

    def edited_meanwhile(operation: str) -> OperationState:
        read = world.jobs.get_scene(job.id, "scene-01")
        if read.value.take == 1:
            world.jobs.write(Replace(job.id, read, read.value.evolve(take=2)))
        return poll(operation)

    world.video.poll = edited_meanwhile  # type: ignore[method-assign]
    world.poll(job)

    first = scenes(world, job.id)[0]
    assert (first.take, first.clip, first.tries) == (2, None, ())
    paid = next(read.value for read in world.jobs.list_calls(job.id) if read.value.purpose == "clip/scene-01")
    assert paid.state is CallState.SETTLED
