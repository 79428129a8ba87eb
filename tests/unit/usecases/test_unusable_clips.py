"""A paid clip that is late, missing, replaced or damaged: awaited, filmed again within the budget, or substituted."""

from typing import Any

import pytest

from promptreel.domain.call import committed_micros
from promptreel.domain.document import Problem
from promptreel.domain.job import Job
from promptreel.domain.scene import Scene
from promptreel.domain.states import CallState, JobState, SceneState
from promptreel.errors import AnswerLost, Transient
from promptreel.ports.storage import Replace
from promptreel.usecases import filming, job_lifecycle
from promptreel.usecases.fail_job import FailJob
from promptreel.usecases.submit_clip import SubmitClip
from tests.fakes.services import FakeServices

DAMAGED = "its picture is damaged"


def scene(world: FakeServices, job: Job, number: int = 1) -> Scene:
    return world.jobs.get_scene(job.id, f"scene-0{number}").value


def film_all(world: FakeServices, job: Job) -> list[str]:
    """Submit every queued clip and let all of them come; the clips' addresses."""
    world.submit_queued()
    waiting = [name for name, state in world.video.states.items() if type(state).__name__ == "Running"]
    clips = [world.video.deliver(operation) for operation in waiting]
    world.clock.pass_s(60)
    return clips


def filmed(world: FakeServices, **request: Any) -> tuple[Job, list[str]]:
    """A job whose clips are all there, ready to be cut."""
    job = world.drawn(**request)
    clips = film_all(world, job)
    assert world.poll(job).state == "done"
    return job, clips


def reject(world: FakeServices, job: Job, *numbers: int) -> None:
    problems = {
        f"scene-0{number}": Problem(code="clip_defective", message=f"scene-0{number}: {DAMAGED}") for number in numbers
    }
    filming.reject_clips(job.id, job.run, problems, world.jobs, world.clock)


def resume(world: FakeServices, job: Job) -> Job:
    return job_lifecycle.resume(job.id, None, world)


def requests_of(world: FakeServices, number: int) -> int:
    return sum(shot.prompt.startswith(f"motion of {number}") for shot in world.video.requests)


class TestLateClip:
    """An operation that has ended, and whose object is not in the bucket yet."""

    @pytest.fixture
    def awaited(self, world: FakeServices, policy: str) -> tuple[Job, str, bytes]:
        job = world.drawn(on_scene_failure=policy)
        clips = film_all(world, job)
        data = world.artifacts.get(clips[0])
        world.artifacts.delete(clips[0])
        return job, clips[0], data

    @pytest.mark.parametrize("policy", ["still", "omit", "fail"])
    @pytest.mark.parametrize("late_s", [3, 120, 590])
    def test_late_clip_is_taken_when_it_appears_within_minutes(
        self, world: FakeServices, awaited: tuple[Job, str, bytes], late_s: int
    ) -> None:
        job, uri, data = awaited
        paid = len(world.video.requests)

        for _ in range(0, late_s, 10):
            assert world.poll(job).state == "filming"
            world.clock.pass_s(min(10, late_s))
        world.artifacts.put(uri.removeprefix("gs://artifacts/"), data, "video/mp4")

        assert world.poll(job).state == "done"
        assert scene(world, job).state is SceneState.DONE
        assert len(world.video.requests) == paid

    @pytest.mark.parametrize(("policy", "verdict"), [("still", "done"), ("omit", "done"), ("fail", "failed")])
    def test_policy_decides_when_the_clip_never_appears(
        self, world: FakeServices, awaited: tuple[Job, str, bytes], verdict: str
    ) -> None:
        job, uri, _ = awaited
        paid = len(world.video.requests)
        world.poll(job)
        world.clock.pass_s(601)

        polled = world.poll(job)

        assert polled.state == verdict
        assert scene(world, job).state is SceneState.FAILED
        problem = scene(world, job).problem
        assert problem is not None
        assert problem.code == "clip_missing"
        assert uri in problem.message
        assert "Restore the object" in (problem.remedy or "")
        assert len(world.video.requests) == paid, "nothing is bought while a person may restore the clip"

    @pytest.mark.parametrize("policy", ["fail"])
    def test_resumed_job_refilms_the_scene_when_the_clip_stays_missing(
        self, world: FakeServices, awaited: tuple[Job, str, bytes]
    ) -> None:
        job, _, _ = awaited
        world.poll(job)
        world.clock.pass_s(601)
        failed = world.poll(job)
        assert failed.problem is not None
        world.fail_job(FailJob(job.id, 1, failed.problem.model_dump()))

        again = resume(world, job)
        assert world.poll(again).state == "filming"
        assert scene(world, again).take == 1, "it may have been restored a moment ago"
        world.clock.pass_s(601)
        world.poll(again)
        world.poll(again)
        film_all(world, again)

        assert world.poll(again).state == "done"
        assert (scene(world, again).state, scene(world, again).take) == (SceneState.DONE, 2)
        assert requests_of(world, 1) == 2

    @pytest.mark.parametrize("policy", ["fail"])
    def test_resumed_job_takes_the_clip_when_it_was_restored(
        self, world: FakeServices, awaited: tuple[Job, str, bytes]
    ) -> None:
        job, uri, data = awaited
        world.poll(job)
        world.clock.pass_s(601)
        failed = world.poll(job)
        assert failed.problem is not None
        world.fail_job(FailJob(job.id, 1, failed.problem.model_dump()))
        world.artifacts.put(uri.removeprefix("gs://artifacts/"), data, "video/mp4")

        again = resume(world, job)

        assert world.poll(again).state == "done"
        assert requests_of(world, 1) == 1


def test_output_of_an_earlier_attempt_is_awaited_when_the_bucket_does_not_have_it_yet(world: FakeServices) -> None:
    """The provider says at last that the lost clip is done; its object follows a little later."""
    job = world.drawn()
    world.video.failures = [AnswerLost("reset")]
    world.submit_clip(SubmitClip(job.id, 1, "scene-01", 1, 1))
    world.clock.pass_s(60 + 900 + 121)
    world.poll(job)
    call = world.jobs.get_call(job.id, scene(world, job).evolve(attempt=1).clip_call_id(job.id))
    assert call is not None
    assert call.value.state is CallState.LOST
    late = world.artifacts.put(f"{call.value.prefix}1/sample_0.mp4", b"late", "video/mp4")
    settled = world.ledger.adopt(call.value, late)
    assert settled.state is CallState.ADOPTED
    world.artifacts.delete(late)
    paid = len(world.video.requests)

    with pytest.raises(Transient):
        world.submit_clip(SubmitClip(job.id, 1, "scene-01", 1, 2))
    world.artifacts.put(late.removeprefix("gs://artifacts/"), b"late", "video/mp4")

    assert world.submit_clip(SubmitClip(job.id, 1, "scene-01", 1, 2)).state == "delivered"
    assert len(world.video.requests) == paid


class TestDamagedClip:
    """What the cut finds in a clip when every scene was done."""

    def test_damaged_clip_is_filmed_once_more_and_the_others_stay(self, world: FakeServices) -> None:
        job, _ = filmed(world)
        before = [scene(world, job, number).clip for number in (2, 3)]

        reject(world, job, 1)

        assert world.jobs.get_job(job.id).value.state is JobState.VIDEO_GEN
        assert world.poll(job).state == "filming"
        film_all(world, job)
        assert world.poll(job).state == "done"
        assert world.jobs.get_job(job.id).value.state is JobState.STITCH
        assert (scene(world, job).take, requests_of(world, 1)) == (2, 2)
        assert [scene(world, job, number).clip for number in (2, 3)] == before
        assert scene(world, job).clip is not None
        assert [(one.take, one.outcome, one.remedy) for one in scene(world, job).tries] == [
            (1, "defective", "refilm"),
            (2, "delivered", ""),
        ]

    def test_second_clip_has_another_seed_than_the_damaged_one(self, world: FakeServices) -> None:
        job, _ = filmed(world)
        reject(world, job, 1)
        world.poll(job)
        film_all(world, job)

        first, second = (shot.seed for shot in world.video.requests if shot.prompt.startswith("motion of 1"))
        assert first != second

    @pytest.mark.parametrize(("policy", "verdict"), [("still", "done"), ("omit", "done"), ("fail", "failed")])
    def test_policy_decides_when_the_second_clip_is_damaged_too(
        self, world: FakeServices, policy: str, verdict: str
    ) -> None:
        job, _ = filmed(world, on_scene_failure=policy)
        reject(world, job, 1)
        world.poll(job)
        film_all(world, job)
        world.poll(job)

        reject(world, job, 1)

        polled = world.poll(job)
        assert polled.state == verdict
        assert scene(world, job).state is SceneState.FAILED
        problem = scene(world, job).problem
        assert problem is not None
        assert problem.code == "clip_defective"
        assert requests_of(world, 1) == 2

    @pytest.mark.parametrize(("policy", "verdict"), [("still", "done"), ("omit", "done"), ("fail", "failed")])
    def test_policy_decides_when_the_budget_holds_no_second_clip(
        self, world: FakeServices, policy: str, verdict: str
    ) -> None:
        job, _ = filmed(world, on_scene_failure=policy)
        limit_budget_to_what_is_committed(world, job)

        reject(world, job, 1)

        assert world.poll(job).state == verdict
        assert requests_of(world, 1) == 1

    def test_budget_pays_for_the_first_scenes_when_it_does_not_hold_all_second_clips(self, world: FakeServices) -> None:
        job, _ = filmed(world)
        limit_budget_to_what_is_committed(world, job, more_clips=1)

        reject(world, job, 1, 2)

        states = [scene(world, job, number).state for number in (1, 2, 3)]
        assert states == [SceneState.QUEUED, SceneState.FAILED, SceneState.DONE]

    def test_resumed_job_refilms_the_scene_when_damage_had_ended_it(self, world: FakeServices) -> None:
        job, _ = filmed(world, on_scene_failure="fail")
        limit_budget_to_what_is_committed(world, job)
        reject(world, job, 1)
        failed = world.poll(job)
        assert failed.problem is not None
        world.fail_job(FailJob(job.id, 1, failed.problem.model_dump()))
        again = job_lifecycle.resume(job.id, 100_000_000, world)

        assert world.poll(again).state == "done", "the clip is paid: it is cut once more before another is bought"
        reject(world, again, 1)
        world.poll(again)
        film_all(world, again)

        assert world.poll(again).state == "done"
        assert (scene(world, again).state, requests_of(world, 1)) == (SceneState.DONE, 2)

    def test_rejection_does_nothing_when_repeated_or_stale(self, world: FakeServices) -> None:
        job, _ = filmed(world)
        reject(world, job, 1)
        once = [scene(world, job, number) for number in (1, 2, 3)]

        reject(world, job, 1)
        reject(world, world.jobs.get_job(job.id).value.evolve(run=0), 2)

        assert [scene(world, job, number) for number in (1, 2, 3)] == once

    def test_ledger_counts_both_clips(self, world: FakeServices) -> None:
        job, _ = filmed(world)
        spent = committed_micros([read.value for read in world.jobs.list_calls(job.id)])
        reject(world, job, 1)
        world.poll(job)
        film_all(world, job)
        world.poll(job)

        clips = [read.value for read in world.jobs.list_calls(job.id) if read.value.purpose == "clip/scene-01"]
        assert [call.state for call in clips] == [CallState.SETTLED] * 2
        assert (
            committed_micros([read.value for read in world.jobs.list_calls(job.id)]) == spent + clips[0].reserved_micros
        )


def test_replaced_clip_is_never_taken_for_the_one_that_was_paid(world: FakeServices) -> None:
    job, clips = filmed(world, on_scene_failure="fail")
    world.artifacts.delete(clips[0])
    world.artifacts.put(clips[0].removeprefix("gs://artifacts/"), b"something else", "video/mp4")
    problem = Problem(code="clip_changed", message="scene-01: its clip is no longer what was stored")
    filming.reject_clips(job.id, 1, {"scene-01": problem}, world.jobs, world.clock)
    assert world.poll(job).state == "failed"
    world.fail_job(FailJob(job.id, 1, problem.model_dump()))

    again = resume(world, job)
    world.poll(again)

    assert scene(world, again).state is SceneState.QUEUED
    assert scene(world, again).take == 2, "it was not restored: the scene is filmed again"


def limit_budget_to_what_is_committed(world: FakeServices, job: Job, *, more_clips: int = 0) -> None:
    calls = [read.value for read in world.jobs.list_calls(job.id)]
    price = next(call.reserved_micros for call in calls if call.kind == "video")
    read = world.jobs.get_job(job.id)
    budget = read.value.budget.evolve(limit_micros=committed_micros(calls) + more_clips * price)
    world.jobs.write(Replace(job.id, read, read.value.evolve(budget=budget)))
