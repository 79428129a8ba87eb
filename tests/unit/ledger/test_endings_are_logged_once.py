"""Each ending is one log line, written by the worker whose update succeeded."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from promptreel.domain.call import Call
from promptreel.domain.call_rules import Receipt
from promptreel.domain.document import Problem
from promptreel.domain.states import CallState, JobState
from promptreel.errors import Transient, VersionConflict
from promptreel.ports.storage import Change, Create
from promptreel.usecases import delete_job, job_lifecycle
from promptreel.usecases.close_job import close_job
from promptreel.usecases.job_lifecycle import JobRun
from promptreel.usecases.sweep_jobs import SweepJobs
from tests.factories import a_call, a_job, a_scene
from tests.fakes.jobs import MemoryJobs
from tests.fakes.services import FakeServices
from tests.fakes.system import START
from tests.loglines import Written, writing

Act = Callable[[FakeServices], object]
OUTPUT = {
    "film_uri": "gs://b/f", "poster_uri": "gs://b/p", "digest": "d", "frames": 96, "width_px": 1280, "height_px": 720,
    "copied_frames": 96,
}  # fmt: skip


@pytest.fixture
def lines() -> Iterator[Written]:
    with writing() as written:
        yield written


def complete(world: FakeServices) -> object:
    return close_job(JobRun("job-1", 1), world)


def fail(world: FakeServices) -> object:
    problem = Problem(code="budget_exceeded", message="m", step="draw_keyframe")
    return job_lifecycle.fail("job-1", 1, problem, world)


def cancel(world: FakeServices) -> object:
    return job_lifecycle.cancel("job-1", world)


def store_film(world: FakeServices) -> None:
    """A job at its last stage, two minutes old, with one paid call and one that is open."""
    world.jobs.write(
        Create("job-1", a_job(state=JobState.STITCH, output=OUTPUT)),
        Create("job-1", a_scene()),
        Create("job-1", a_call("call-1", state=CallState.SETTLED, cost_micros=70)),
        Create("job-1", a_call("call-2", state=CallState.SENT, reserved_micros=30)),
    )
    world.clock.pass_s(120)


@pytest.mark.parametrize(
    ("act", "message"), [(complete, "job_complete"), (fail, "job_failed"), (cancel, "job_cancelled")]
)
def test_job_ending_is_logged_once_with_duration_and_cost(
    act: Act, message: str, world: FakeServices, lines: Written
) -> None:
    store_film(world)

    act(world)
    act(world)

    (line,) = lines.read()
    logged = {
        name: line[name] for name in ("message", "job_id", "makespan_s", "spent_micros", "reserved_micros", "scenes")
    }
    assert logged == {
        "message": message, "job_id": "job-1", "makespan_s": 120, "spent_micros": 70, "reserved_micros": 30,
        "scenes": 1,
    }  # fmt: skip
    assert line["state"] == message.removeprefix("job_").upper()


@pytest.mark.parametrize("act", [complete, fail, cancel])
def test_ending_is_logged_only_by_the_write_that_succeeded(
    act: Act, world: FakeServices, lines: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    store_film(world)
    lose_first_write(world, monkeypatch)

    act(world)

    assert len(lines.read()) == 1


def test_failed_job_is_logged_with_code_and_step(world: FakeServices, lines: Written) -> None:
    store_film(world)

    fail(world)

    (line,) = lines.read()
    assert (line["code"], line["failed_step"]) == ("budget_exceeded", "draw_keyframe")


def test_ending_is_logged_without_totals_when_they_cannot_be_read(
    world: FakeServices, lines: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    store_film(world)

    def away(_: str) -> Any:
        raise Transient("Firestore is away")

    monkeypatch.setattr(world.jobs, "list_calls", away)
    cancel(world)

    (line,) = lines.of("job_cancelled")
    assert "spent_micros" not in line


def test_deletion_is_logged_once_with_its_cost_when_swept_repeatedly(world: FakeServices, lines: Written) -> None:
    world.jobs.write(
        Create("job-1", a_job(state=JobState.COMPLETE)),
        Create("job-1", a_call(state=CallState.SETTLED, cost_micros=70)),
    )
    delete_job.mark("job-1", world)

    for _ in range(4):
        world.sweep_jobs(SweepJobs())
        world.clock.pass_s(delete_job.IN_FLIGHT_UPLOAD_GRACE_S)

    (line,) = lines.of("job_deleted")
    assert (line["spent_micros"], line["state"]) == (70, "DELETED")


def settle(world: FakeServices, call: Call) -> None:
    world.ledger.settle(call, Receipt(55, "gs://b/a"))


def release(world: FakeServices, call: Call) -> None:
    world.ledger.release(call, "filtered", ("64151117",))


def adopt(world: FakeServices, call: Call) -> None:
    world.ledger.adopt(call, "gs://b/a")


@pytest.mark.parametrize(
    ("act", "start", "message", "cost"),
    [
        (settle, CallState.SENT, "call_settled", 55),
        (release, CallState.SENT, "call_released", 0),
        (adopt, CallState.UNCERTAIN, "call_adopted", 3_200_000),
    ],
)
def test_call_ending_is_logged_once_with_its_cost_when_recorded_twice(
    act: Callable[[FakeServices, Call], None],
    start: CallState,
    message: str,
    cost: int,
    world: FakeServices,
    lines: Written,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    call = a_call(state=start, sent_at=START, scene="scene-01", attempt=2)
    world.jobs.write(Create("job-1", call))
    world.clock.pass_s(40)
    lose_first_write(world, monkeypatch)

    act(world, call)
    act(world, call)

    (line,) = lines.read()
    logged = {
        name: line[name] for name in ("message", "call_id", "kind", "scene_id", "attempt", "cost_micros", "before")
    }
    assert logged == {
        "message": message, "call_id": "call-1", "kind": "video", "scene_id": "scene-01", "attempt": 2,
        "cost_micros": cost, "before": start.value,
    }  # fmt: skip
    assert (line["reserved_micros"], round(line["latency_s"])) == (3_200_000, 40)


def test_both_endings_are_logged_when_a_lost_call_is_answered_late(world: FakeServices, lines: Written) -> None:
    call = a_call(kind="image", state=CallState.UNCERTAIN, sent_at=START)
    world.jobs.write(Create("job-1", call))

    world.ledger.give_up(call, world.clock.now(), "nothing to look for")
    settle(world, call)

    assert [(line["message"], line["before"], line["cost_micros"]) for line in lines.read()] == [
        ("call_lost", "UNCERTAIN", 3_200_000),
        ("call_settled", "LOST", 55),
    ]


def test_nothing_is_logged_when_a_call_moves_without_ending(world: FakeServices, lines: Written) -> None:
    call = a_call(state=CallState.SENT, sent_at=START)
    world.jobs.write(Create("job-1", call))

    world.ledger.name_operation(call, "operations/1")
    world.ledger.expire(call)

    assert lines.read() == []


def lose_first_write(world: FakeServices, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody else writes just before: the first write is refused, once."""
    lost: list[bool] = []

    def write(*changes: Change) -> None:
        if not lost:
            lost.append(True)
            raise VersionConflict("another writer was first")
        MemoryJobs.write(world.jobs, *changes)

    monkeypatch.setattr(world.jobs, "write", write)
