"""A job that its owner cancels."""

import pytest

from promptreel.domain.states import JobState
from promptreel.errors import Conflict
from promptreel.ports.storage import Create
from promptreel.usecases import job_lifecycle
from tests.factories import a_job
from tests.fakes.services import FakeServices


def test_cancel_stops_the_execution(world: FakeServices) -> None:
    job = world.opened()
    world.executions.active.add(str(job.execution))

    job_lifecycle.cancel(job.id, world)

    assert world.executions.active == set()


def test_cancel_is_refused_when_the_job_has_ended(world: FakeServices) -> None:
    world.jobs.write(Create("job-1", a_job(state=JobState.COMPLETE)))

    with pytest.raises(Conflict, match="only a running job can be cancelled"):
        job_lifecycle.cancel("job-1", world)
