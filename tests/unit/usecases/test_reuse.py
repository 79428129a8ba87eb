"""What one owner's earlier film has paid for is copied into an equal film, and paid by nobody else (docs/adr/0016)."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from promptreel.domain.billing import Bill, Verdict
from promptreel.domain.call import JOB_ENDED, Call, add_up, committed_micros
from promptreel.domain.document import Problem
from promptreel.domain.job import Job
from promptreel.domain.scene import KeyframeName, Scene
from promptreel.domain.states import CallState, JobState, SceneState
from promptreel.errors import AnswerLost, Refused
from promptreel.ledger import call_requests
from promptreel.ports.models import Declined, ImageRequest, ImageResult, Running
from promptreel.ports.storage import Replace
from promptreel.usecases import delete_job, filming, job_lifecycle
from promptreel.usecases.draw_keyframe import DrawKeyframe
from promptreel.usecases.job_lifecycle import JobRun
from promptreel.usecases.open_job import OpenJob
from promptreel.usecases.reconcile import reconcile
from promptreel.usecases.submit_clip import SubmitClip
from promptreel.usecases.sweep_jobs import SweepJobs
from tests.factories import a_job, a_request, altered
from tests.fakes.hooks import HookedWorld, Killed
from tests.fakes.models import a_keyframe, a_storyboard
from tests.fakes.services import FakeServices
from tests.fakes.system import START

WRITES = frozenset({"jobs.write", "jobs._update", "artifacts.copy", "queue.enqueue"})
PIECES = 2 + 4 + 3  # treatment, storyboard, keyframes and clips of three scenes


def opened(world: FakeServices, execution: str, **request: Any) -> Job:
    payload = {"prompt": "A lighthouse keeper waits", "checks": False, "owner": "mira@example.com", **request}
    return world.jobs.get_job(world.open_job(OpenJob(execution, payload)).job_id).value


def drawn(world: FakeServices, execution: str, **request: Any) -> Job:
    job = opened(world, execution, **request)
    world.write_storyboard(JobRun(job.id, job.run))
    job = world.jobs.get_job(job.id).value
    world.draw_all(job)
    return job


def film_all(world: FakeServices, job: Job) -> None:
    """Deliver every task of the job and let all its clips come."""
    for task in [task for task in world.queue.tasks if task.job_id == job.id]:
        world.deliver(task)
    for operation in [name for name, state in world.video.states.items() if isinstance(state, Running)]:
        world.video.deliver(operation)
    world.clock.pass_s(60)
    world.poll(job)


def filmed(world: FakeServices, execution: str, **request: Any) -> Job:
    """A job whose clips are all there, ready to be cut."""
    job = drawn(world, execution, **request)
    film_all(world, job)
    assert {one.state for one in scenes(world, job)} == {SceneState.DONE}
    return world.jobs.get_job(job.id).value


def scenes(world: FakeServices, job: Job) -> list[Scene]:
    return [read.value for read in world.jobs.list_scenes(job.id)]


def calls(world: FakeServices, job: Job) -> list[Call]:
    return [read.value for read in world.jobs.list_calls(job.id)]


def call_of(world: FakeServices, job: Job, purpose: str) -> Call:
    return next(call for call in reversed(calls(world, job)) if call.purpose == purpose)


def requests(world: FakeServices) -> int:
    """How many paid requests have left."""
    return world.text.calls + len(world.images.requests) + len(world.video.requests)


def paid(world: FakeServices, make: Callable[[], object]) -> int:
    before = requests(world)
    make()
    return requests(world) - before


def shown(world: FakeServices, job: Job) -> list[bytes]:
    """The content of everything that the film is made of."""
    pieces = [piece for scene in scenes(world, job) for piece in (scene.start, scene.end, scene.clip) if piece]
    assert all(piece.uri.startswith(world.artifacts.uri(f"jobs/{job.id}/")) for piece in pieces)
    return [world.artifacts.get(piece.uri) for piece in pieces]


def test_equal_film_calls_no_model_and_costs_nothing_when_its_owner_has_paid_for_one(world: FakeServices) -> None:
    first = filmed(world, "e-1")

    before = requests(world)
    second = filmed(world, "e-2")

    assert requests(world) == before
    assert shown(world, second) == shown(world, first)
    assert second.require_plan().title == first.require_plan().title
    found = calls(world, second)
    assert add_up(found) == add_up([])
    assert {(call.state, call.cost_micros) for call in found} == {(CallState.SETTLED, 0)}
    origins = {(call.source.job, call.source.call) for call in found if call.source}
    assert origins == {(first.id, call.id) for call in calls(world, first)}
    assert len(origins) == PIECES


@pytest.mark.parametrize(
    "request_2",
    [
        pytest.param({"owner": "other@example.com"}, id="another owner"),
        pytest.param({"cache": False}, id="cache: false"),
        pytest.param({"seed": 7}, id="a seed of its own"),
        pytest.param({"prompt": "Another story"}, id="another prompt"),
    ],
)
def test_film_is_paid_when_it_is_not_the_same_or_is_not_to_be(world: FakeServices, request_2: dict[str, Any]) -> None:
    filmed(world, "e-1")
    # The same storyboard for another prompt: its pictures and clips are equal all the same.
    expected = 2 if "prompt" in request_2 else PIECES

    assert paid(world, lambda: filmed(world, "e-2", **request_2)) == expected


@pytest.mark.parametrize(("seed", "count"), [(7, 0), (8, PIECES)])
def test_film_with_a_seed_is_reused_when_the_seed_is_the_same(world: FakeServices, seed: int, count: int) -> None:
    filmed(world, "e-1", seed=7)

    assert paid(world, lambda: filmed(world, "e-2", seed=seed)) == count


def test_latest_film_is_reused_when_it_was_made_without_the_cache(world: FakeServices) -> None:
    first = filmed(world, "e-1")
    fresh = filmed(world, "e-2", cache=False)
    assert shown(world, fresh) != shown(world, first)

    assert paid(world, lambda: filmed(world, "e-3")) == 0
    job = next(job for job in world.jobs.list_jobs(None, None, None) if job.id not in {first.id, fresh.id})
    assert shown(world, job) == shown(world, fresh)


def test_call_reserves_nothing_more_when_it_was_reused(world: FakeServices) -> None:
    filmed(world, "e-1")
    second = drawn(world, "e-2")
    clips = [call for call in calls(world, second) if call.kind == "video"]
    assert add_up(calls(world, second)).reserved_micros == sum(call.reserved_micros for call in clips) > 0

    world.submit_queued()

    assert committed_micros(calls(world, second)) == 0


def test_reused_call_agrees_with_a_bill_that_has_no_line_for_it(world: FakeServices) -> None:
    filmed(world, "e-1")
    second = filmed(world, "e-2")

    result = reconcile(second.id, Bill(since=START, until=world.clock.now()), world)

    assert {finding.verdict for finding in result.findings} == {Verdict.AGREES}


class TestSource:
    """What cannot be copied is paid for."""

    def test_film_is_paid_when_its_source_is_being_deleted(self, world: FakeServices) -> None:
        first = filmed(world, "e-1")
        delete_job.mark(first.id, world)

        assert paid(world, lambda: filmed(world, "e-2")) == PIECES

    def test_film_is_paid_when_its_source_has_expired(self, world: FakeServices) -> None:
        filmed(world, "e-1")
        world.clock.pass_s(world.keep.total_seconds())

        assert paid(world, lambda: filmed(world, "e-2")) == PIECES

    @pytest.mark.parametrize("purpose", ["storyboard", "keyframe/scene-01/start", "clip/scene-02"])
    @pytest.mark.parametrize("is_replaced", [False, True])
    def test_artifact_is_paid_when_it_is_missing_or_was_replaced(
        self, world: FakeServices, purpose: str, is_replaced: bool
    ) -> None:
        first = filmed(world, "e-1")
        uri = call_of(world, first, purpose).artifact or ""
        content = json.dumps(a_storyboard(title="Tampered with")).encode() if purpose == "storyboard" else b"other"
        world.artifacts.delete(uri)
        if is_replaced:
            world.artifacts.put(uri.removeprefix(world.artifacts.uri("")), content, "")

        second = filmed(world, "e-2")

        call = call_of(world, second, purpose)
        assert (call.source, call.cost_micros > 0) == (None, True)
        assert content not in shown(world, second)
        assert second.require_plan().title == "The keeper"

    def test_clip_is_paid_when_the_earlier_film_could_not_use_it(self, world: FakeServices) -> None:
        first = filmed(world, "e-1")
        world.lower_limit(first, committed_micros(calls(world, first)))  # so that it is not filmed a second time
        reject(world, first)
        assert scenes(world, first)[0].state is SceneState.FAILED

        assert paid(world, lambda: filmed(world, "e-2")) == 1

    def test_film_is_paid_when_the_job_of_an_equal_key_belongs_to_another_owner(self, world: FakeServices) -> None:
        first = filmed(world, "e-1")
        read = world.jobs.get_job(first.id)
        world.jobs.write(Replace(first.id, read, altered(read.value, owner="other@example.com")))

        assert paid(world, lambda: filmed(world, "e-2")) == PIECES

    def test_equal_scenes_of_one_film_are_not_copied_from_each_other(self, world: FakeServices) -> None:
        draw = world.images.generate_image

        def draw_the_same(request: ImageRequest, timeout_s: float) -> ImageResult | Declined:
            drawn = draw(request, timeout_s)
            return replace(drawn, data=a_keyframe()) if isinstance(drawn, ImageResult) else drawn

        world.images.generate_image = draw_the_same  # type: ignore[method-assign]
        story = a_storyboard()
        scene = story["scenes"][0]  # type: ignore[index]
        world.text.answers = [json.dumps({**story, "scenes": [scene] * 3})]

        job = filmed(world, "e-1")

        found = calls(world, job)
        assert len({call.cache_key for call in found}) < len(found)
        assert all(call.source is None for call in found)

    def test_film_plays_when_the_one_it_was_copied_from_is_gone(self, world: FakeServices) -> None:
        first = filmed(world, "e-1")
        second = filmed(world, "e-2")
        content = shown(world, second)
        delete_job.mark(first.id, world)
        for _ in range(20):
            world.clock.pass_s(300)
            world.sweep_jobs(SweepJobs())
        assert world.jobs.get_job(first.id).value.state is JobState.DELETED
        assert world.artifacts.list(f"jobs/{first.id}/") == []

        assert shown(world, second) == content
        assert paid(world, lambda: filmed(world, "e-3")) == 0  # a copy can be copied


class TestSecondAttempt:
    """A remedy's attempt is paid: it must not bring back what it replaces."""

    def test_refused_clip_is_filmed_again_when_an_equal_one_has_come_meanwhile(self, world: FakeServices) -> None:
        one, other = drawn(world, "e-1"), drawn(world, "e-2")  # neither has a clip of the other to copy
        world.video.failures = [Refused("400 unsupported")]
        world.submit_clip(SubmitClip(other.id, 1, "scene-01", 1, 1))
        world.poll(other)
        film_all(world, one)

        film_all(world, other)

        call = call_of(world, other, "clip/scene-01")
        assert (call.attempt, call.source, call.cost_micros > 0) == (2, None, True)

    def test_unusable_copy_is_filmed_again(self, world: FakeServices) -> None:
        filmed(world, "e-1")
        second = filmed(world, "e-2")
        reject(world, second)
        world.poll(second)

        assert paid(world, lambda: film_all(world, second)) == 1
        assert call_of(world, second, "clip/scene-01").take == 2

    def test_rewritten_prompts_are_paid_when_an_earlier_film_rewrote_the_same(self, world: FakeServices) -> None:
        for execution in ("e-1", "e-2"):
            job = drawn(world, execution)
            world.submit_clip(SubmitClip(job.id, 1, "scene-01", 1, 1))
            world.video.filter(call_of(world, job, "clip/scene-01").operation or "", "57734940")
            world.clock.pass_s(60)
            world.poll(job)
            world.submit_clip(SubmitClip(job.id, 1, "scene-01", 1, 2))

        (rewrite,) = [call for call in calls(world, job) if call.purpose.startswith("rewrite/")]
        assert (rewrite.state, rewrite.source, rewrite.cache_key) == (CallState.SETTLED, None, None)

    def test_resumed_job_reuses_what_it_had_not_asked_for_before(self, world: FakeServices) -> None:
        filmed(world, "e-1")
        second = drawn(world, "e-2")
        job_lifecycle.cancel(second.id, world)
        world.sweep_jobs(SweepJobs())
        assert JOB_ENDED in call_of(world, second, "clip/scene-01").codes
        resumed = job_lifecycle.resume(second.id, None, world)
        world.poll(resumed)

        assert paid(world, lambda: film_all(world, resumed)) == 0
        assert call_of(world, second, "clip/scene-01").attempt == 2

    def test_storyboard_is_reused_when_the_first_answer_had_been_unusable(self, world: FakeServices) -> None:
        world.text.answers = ["{}"]
        filmed(world, "e-1")

        assert paid(world, lambda: filmed(world, "e-2")) == 0


class TestInterrupted:
    """Nothing is sent and nothing is half written, whoever dies or comes at the same time."""

    @pytest.mark.parametrize("after", [False, True])
    def test_film_is_finished_unpaid_when_a_step_was_killed_at_any_write(self, after: bool) -> None:
        def die(name: str) -> None:
            raise Killed(name)

        def step(world: HookedWorld, job: Job) -> None:
            world.write_storyboard(JobRun(job.id, job.run))
            frames: tuple[KeyframeName, ...] = ("start", "end")
            for frame in frames:
                world.draw_keyframe(DrawKeyframe(job.id, job.run, "scene-01", frame))
            world.submit_clip(SubmitClip(job.id, job.run, "scene-01", 1, 1))

        killed = 0
        for number in range(200):
            world = HookedWorld()
            filmed(world, "e-1")
            job, before = opened(world, "e-2"), requests(world)
            world.at(number, die, after=after, only=WRITES)
            try:
                step(world, job)
            except Killed:
                killed += 1
            if world.is_waiting():
                break
            world.clock.pass_s(61)  # the lease of the worker that died is over
            for _ in range(2):  # one finds the lease over, the next one claims
                step(world, job)
            world.draw_all(world.jobs.get_job(job.id).value)
            film_all(world, job)

            assert requests(world) == before
            assert {scene.state for scene in scenes(world, job)} == {SceneState.DONE}
            assert committed_micros(calls(world, job)) == 0
        assert killed == number >= 18

    def test_second_worker_waits_while_the_first_one_copies(self) -> None:
        world, job, submit = self.about_to_copy_a_clip()
        states: list[str] = []
        world.at(0, lambda _: states.append(submit()), only=frozenset({"artifacts.copy"}))

        assert submit() == "filming"
        assert states == ["busy"]
        assert call_of(world, job, "clip/scene-01").source is not None

    def test_late_copy_settles_nothing_when_another_worker_has_sent_the_call(self) -> None:
        world, job, submit = self.about_to_copy_a_clip()
        states: list[str] = []

        def overtake(_: str) -> None:
            world.clock.pass_s(61)  # the lease is over
            first = next(one for one in world.jobs.list_jobs(None, None, None) if one.id != job.id)
            delete_job.mark(first.id, world)
            states.extend((submit(), submit()))

        world.at(0, overtake, after=True, only=frozenset({"artifacts.copy"}))
        before = len(world.video.requests)

        assert submit() in {"busy", "filming"}
        assert states[-1] == "filming"
        call = call_of(world, job, "clip/scene-01")
        assert (call.state, call.source, len(world.video.requests)) == (CallState.SENT, None, before + 1)

    def test_copy_of_a_worker_that_died_is_not_taken_for_the_output_of_the_call_itself(self) -> None:
        world, job, submit = self.about_to_copy_a_clip()

        def die(name: str) -> None:
            raise Killed(name)

        world.at(0, die, after=True, only=frozenset({"artifacts.copy"}))
        with pytest.raises(Killed):
            submit()
        first = next(one for one in world.jobs.list_jobs(None, None, None) if one.id != job.id)
        delete_job.mark(first.id, world)
        world.clock.pass_s(61)
        world.video.failures.append(AnswerLost("reset"))
        assert submit() == "uncertain"

        world.poll(job)

        assert call_of(world, job, "clip/scene-01").state is CallState.UNCERTAIN

    def test_copy_is_removed_when_its_job_is_deleted_meanwhile(self) -> None:
        world, job, submit = self.about_to_copy_a_clip()

        def delete(_: str) -> None:
            delete_job.mark(job.id, world)

        world.at(0, delete, only=frozenset({"artifacts.copy"}))
        submit()

        for _ in range(20):
            world.clock.pass_s(300)
            world.sweep_jobs(SweepJobs())

        assert world.jobs.get_job(job.id).value.state is JobState.DELETED
        assert world.artifacts.list(f"jobs/{job.id}/") == []
        assert world.jobs.get_job(job.id).value.spent_micros == 0

    def about_to_copy_a_clip(self) -> tuple[HookedWorld, Job, Callable[[], str]]:
        world = HookedWorld()
        filmed(world, "e-1")
        job = drawn(world, "e-2")
        return world, job, lambda: world.submit_clip(SubmitClip(job.id, 1, "scene-01", 1, 1)).state


def reject(world: FakeServices, job: Job) -> None:
    """The film check finds the first clip damaged."""
    problem = Problem(code="clip_defective", message="scene-01: its picture is damaged")
    read = world.jobs.get_job(job.id)
    assert read.value.state is JobState.STITCH
    filming.reject_clips(job.id, job.run, {"scene-01": problem}, world.jobs, world.clock)


def test_cache_key_differs_by_owner_and_by_a_seed_that_is_named() -> None:
    jobs = [
        a_job(owner=owner, request=a_request(seed=seed))
        for owner in ("mira@example.com", "other@example.com")
        for seed in (None, 7)
    ]

    assert len({call_requests.cache_key(job, 7, "text", "A prompt") for job in jobs}) == 4
    assert call_requests.cache_key(jobs[0], 7, "text") == call_requests.cache_key(jobs[0], 8, "text")


def test_old_plan_without_a_checksum_is_no_source(world: FakeServices) -> None:
    first = filmed(world, "e-1")
    read = world.jobs.get_job(first.id)
    old = first.require_plan().evolve(storyboard_checksum=None)
    world.jobs.write(Replace(first.id, read, read.value.evolve(plan=old)))

    assert paid(world, lambda: filmed(world, "e-2")) == 1
