"""Conditional updates of one document: read, change, write, and repeat when another writer was first."""

import pytest

from promptreel.domain.job import Job
from promptreel.errors import NotFound, Transient, VersionConflict
from promptreel.ledger.optimistic_locking import MAX_TRIES
from promptreel.ports.storage import Change, Create, Replace
from tests.factories import a_call, a_job, a_scene
from tests.fakes.services import FakeServices


@pytest.fixture(autouse=True)
def _stored(world: FakeServices) -> None:
    call = a_call("call-1", job="job-1")
    world.jobs.write(Create("job-1", a_job()), Create("job-1", a_scene()), Create("job-1", call))


def count_restart(job: Job) -> Job:
    return job.evolve(restarts=job.restarts + 1)


def test_update_is_made_on_a_fresh_read_when_another_writer_was_first(world: FakeServices) -> None:
    seen = []

    def change(job: Job) -> Job:
        seen.append(job.restarts)
        if len(seen) == 1:
            read = world.jobs.get_job("job-1")
            world.jobs.write(Replace("job-1", read, count_restart(read.value)))
        return count_restart(job)

    update = world.jobs.update_job("job-1", change)

    assert seen == [0, 1]
    assert (update.before.restarts, update.after.restarts, update.is_written) == (1, 2, True)
    assert world.jobs.get_job("job-1").value.restarts == 2


def test_update_writes_nothing_when_the_change_is_none(world: FakeServices) -> None:
    version = world.jobs.get_scene("job-1", "scene-01").version

    update = world.jobs.update_scene("job-1", "scene-01", lambda scene: None)

    assert (update.is_written, update.after.id) == (False, "scene-01")
    assert world.jobs.get_scene("job-1", "scene-01").version == version


def test_update_raises_the_conflict_when_it_loses_every_time(world: FakeServices) -> None:
    tries = []

    def refuse(*changes: Change) -> None:
        tries.append(changes)
        raise VersionConflict("another writer was first")

    world.jobs.write = refuse  # type: ignore[method-assign]

    with pytest.raises(VersionConflict):
        world.jobs.update_job("job-1", count_restart)
    assert len(tries) == MAX_TRIES


def test_update_outlasts_an_unavailable_store_only_when_it_is_of_a_call(world: FakeServices) -> None:
    write, failures = world.jobs.write, [Transient("away")]

    def fail_once(*changes: Change) -> None:
        if failures:
            raise failures.pop()
        write(*changes)

    world.jobs.write = fail_once  # type: ignore[method-assign]

    world.jobs.update_call("job-1", "call-1", lambda call: call.evolve(reason="written"))
    assert world.jobs.list_calls("job-1")[0].value.reason == "written"

    failures.append(Transient("away"))
    with pytest.raises(Transient):
        world.jobs.update_job("job-1", count_restart)


def test_update_of_an_unknown_call_or_render_is_refused(world: FakeServices) -> None:
    with pytest.raises(NotFound):
        world.jobs.update_call("job-1", "call-2", lambda call: call)
    with pytest.raises(NotFound):
        world.jobs.update_render("job-1", "d", lambda render: render)
