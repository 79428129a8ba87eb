"""What an owner's attempts tell is counted once for each job, in the batch that ends it, and moves later estimates."""

from typing import Any

import pytest

from promptreel.domain.call import Call, CallSource
from promptreel.domain.job import Job
from promptreel.domain.rates import Counts, ModelAttempts, count_attempts, rates_id
from promptreel.domain.states import CallState, JobState
from promptreel.errors import AnswerLost, Refused
from promptreel.ledger.optimistic_locking import MAX_TRIES
from promptreel.ports.models import Declined, Running
from promptreel.ports.storage import Replace
from promptreel.usecases import job_lifecycle
from promptreel.usecases.end_job import end_job
from promptreel.usecases.estimate_request import estimate_request
from promptreel.usecases.open_job import OpenJob
from tests.factories import a_call
from tests.fakes.hooks import HookedWorld
from tests.fakes.models import USAGE, reported
from tests.fakes.services import FakeServices
from tests.fakes.system import START

WRITER, PAINTER, VEO = "gemini-3.8-flash", "gemini-3.1-flash-image", "veo-3.1-generate-001"
OWNER = "operators"
TEXTS = 2  # of a film before its keyframes: treatment and storyboard


def counts(world: FakeServices, owner: str = OWNER) -> dict[str, tuple[int, int]]:
    rates = world.jobs.get_rates(owner)
    return by_model(rates.value.attempts if rates else ())


def by_model(attempts: Counts) -> dict[str, tuple[int, int]]:
    return {one.model: (one.made, one.in_vain) for one in attempts}


def another_planned(world: FakeServices) -> Job:
    """A second job of the same owner, for which a storyboard was paid."""
    name = f"e-{len(list(world.jobs.list_jobs(None, None, None))) + 1}"
    opened = world.open_job(OpenJob(name, {"prompt": f"A keeper waits, {name}", "cache": False}))
    world.write_storyboard(job_lifecycle.JobRun(opened.job_id, opened.run))
    return world.jobs.get_job(opened.job_id).value


def deliver_all(world: FakeServices, job: Job) -> None:
    world.submit_queued()
    for operation, state in list(world.video.states.items()):
        if isinstance(state, Running):
            world.video.deliver(operation)
    world.clock.pass_s(60)
    world.poll(job)


def complete(world: FakeServices, job: Job) -> None:
    deliver_all(world, job)
    world.give_film(job)
    assert world.close(job) == "complete"


def test_finished_film_counts_each_attempt_once_when_it_is_closed_twice(world: FakeServices) -> None:
    world.images.failures = [Refused("no", codes=("IMAGE_SAFETY",)), Declined("no", ("IMAGE_SAFETY",), reported(USAGE))]
    job = world.drawn()
    complete(world, job)
    world.close(job)

    assert counts(world) == {WRITER: (TEXTS, 0), PAINTER: (6, 2), VEO: (3, 0)}


def test_refused_clips_are_counted_with_the_model_that_refused_them(world: FakeServices) -> None:
    job = world.drawn()
    world.submit_queued()
    world.video.filter("operations/1")
    deliver_all(world, job)
    complete(world, job)

    assert counts(world)[VEO] == (4, 1)


def test_storyboard_that_could_not_be_used_is_counted_in_vain(world: FakeServices) -> None:
    world.text.answers = ["no storyboard"]
    job = world.planned()
    job_lifecycle.cancel(job.id, world)

    assert counts(world) == {WRITER: (TEXTS + 1, 1)}


def test_resumed_job_counts_only_what_came_since_when_it_ends_the_second_time(world: FakeServices) -> None:
    job = world.drawn()
    job_lifecycle.cancel(job.id, world)
    assert counts(world) == {WRITER: (TEXTS, 0), PAINTER: (4, 0)}

    resumed = job_lifecycle.resume(job.id, None, world)
    deliver_all(world, resumed)  # the first delivery queues them for the new run
    deliver_all(world, resumed)
    complete(world, resumed)

    assert counts(world) == {WRITER: (TEXTS, 0), PAINTER: (4, 0), VEO: (3, 0)}
    stored = world.jobs.get_job(job.id).value
    assert by_model(stored.counted) == counts(world)


def test_owners_do_not_share_their_counts(world: FakeServices) -> None:
    job = world.opened(owner="mira@example.com")
    world.write_storyboard(job_lifecycle.JobRun(job.id, 1))
    job_lifecycle.cancel(job.id, world)

    assert counts(world, "mira@example.com") == {WRITER: (TEXTS, 0)}
    assert counts(world) == {}
    assert "mira" not in str(world.jobs.stored(f"rates/{rates_id('mira@example.com')}"))


def test_both_of_two_jobs_are_counted_when_they_end_at_the_same_time() -> None:
    world = HookedWorld()
    first = world.planned()
    second = another_planned(world)

    def end_the_other(_: str) -> None:
        job_lifecycle.cancel(second.id, world)

    world.at(0, end_the_other, only=frozenset({"jobs.write"}))
    job_lifecycle.cancel(first.id, world)

    assert counts(world) == {WRITER: (2 * TEXTS, 0)}


def test_job_ends_uncounted_when_other_jobs_are_always_faster(
    world: FakeServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = world.planned()
    others = [another_planned(world) for _ in range(MAX_TRIES)]
    read_rates = world.jobs.get_rates

    def be_late(owner: str) -> Any:
        found = read_rates(owner)
        if others:
            monkeypatch.setattr(world.jobs, "get_rates", read_rates)
            job_lifecycle.cancel(others.pop().id, world)
            monkeypatch.setattr(world.jobs, "get_rates", be_late)
        return found

    monkeypatch.setattr(world.jobs, "get_rates", be_late)
    job_lifecycle.cancel(job.id, world)

    stored = world.jobs.get_job(job.id).value
    assert (stored.state, stored.counted, others) == (JobState.CANCELLED, (), [])
    assert counts(world) == {WRITER: (MAX_TRIES * TEXTS, 0)}


def test_job_ends_when_one_of_its_calls_cannot_be_read(world: FakeServices) -> None:
    job = world.planned()
    world.jobs.store(f"jobs/{job.id}/calls/call-x", {"schema": 2})

    def cancel(read: Job) -> Job | None:
        return read.to(JobState.CANCELLED, world.clock.now())

    assert end_job(job.id, cancel, world).after.state is JobState.CANCELLED
    assert counts(world) == {}


def a_made_call(**fields: Any) -> Call:
    artifact = {"artifact": "gs://artifacts/clip.mp4", "state": CallState.SETTLED, "sent_at": START}
    return a_call(**{**artifact, **fields})


@pytest.mark.parametrize(
    ("fields", "made"),
    [
        ({}, 1),
        ({"source": CallSource(job="job-0", call="call-0")}, 0),
        ({"state": CallState.LOST, "artifact": None}, 0),
        ({"state": CallState.SENT, "artifact": None}, 0),
        ({"state": CallState.RELEASED, "artifact": None, "codes": ("job_ended",)}, 0),
        ({"state": CallState.RELEASED, "artifact": None, "codes": ("model_unavailable",)}, 0),
        ({"state": CallState.RELEASED, "artifact": None, "codes": ("58061214",)}, 1),
        ({"state": CallState.RELEASED, "artifact": None, "sent_at": None}, 0),
    ],
    ids=str,
)
def test_only_calls_that_were_answered_tell_of_their_model(fields: dict[str, Any], made: int) -> None:
    assert sum(one.made for one in count_attempts([a_made_call(**fields)])) == made


def test_lost_answer_is_not_counted(world: FakeServices) -> None:
    world.images.failures = [AnswerLost("reset")]
    complete(world, world.drawn())

    assert counts(world)[PAINTER] == (4, 0)


def test_estimate_of_an_owner_follows_from_what_was_counted(world: FakeServices) -> None:
    payload = {"prompt": "A lighthouse", "scenes": 3}
    before = estimate_request(OWNER, payload, START, world).estimate
    job = world.drawn()
    for _ in range(4):
        world.submit_queued()
        for operation, state in list(world.video.states.items()):
            if isinstance(state, Running):
                world.video.filter(operation, "64151117")
        world.clock.pass_s(60)
        world.poll(job)
    job_lifecycle.cancel(job.id, world)

    after = estimate_request(OWNER, payload, START, world).estimate
    assert after.refusals[2].attempts == counts(world)[VEO][0] >= 3
    assert after.clips.expected < before.clips.expected
    assert estimate_request("mira@example.com", payload, START, world).estimate == before


def test_rates_that_another_version_wrote_are_left_alone_and_not_used(world: FakeServices) -> None:
    world.jobs.store(f"rates/{rates_id(OWNER)}", {"schema": 2})

    assert estimate_request(OWNER, {"prompt": "A lighthouse"}, START, world).estimate.refusals[0].attempts == 0
    job = world.planned()
    job_lifecycle.cancel(job.id, world)
    assert world.jobs.get_job(job.id).value.state is JobState.CANCELLED


def test_rates_keep_fields_that_this_version_does_not_know(world: FakeServices) -> None:
    path = f"rates/{rates_id(OWNER)}"
    stored = {
        "schema": 1,
        "id": rates_id(OWNER),
        "attempts": [{"model": VEO, "made": 5, "in_vain": 1, "new": 3}],
        "newer": 7,
    }
    world.jobs.store(path, {**stored, "created": START.isoformat(), "updated": START.isoformat()})
    read = world.jobs.get_rates(OWNER)
    assert read is not None

    more = read.value.plus((ModelAttempts(model=VEO, made=1), ModelAttempts(model=WRITER, made=1)), START)
    world.jobs.write(Replace("job-1", read, more))

    after = world.jobs.stored(path)
    assert after["newer"] == 7
    assert after["attempts"] == [
        {"model": VEO, "made": 6, "in_vain": 1, "new": 3},
        {"model": WRITER, "made": 1, "in_vain": 0},
    ]
