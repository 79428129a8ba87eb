"""Each step may use the services that functions/main.py declares for it, and no other."""

from dataclasses import fields, replace

import pytest

from main import STEPS
from promptreel.services import Services, UndeclaredService
from promptreel.usecases.job_lifecycle import JobRun
from tests.fakes.services import FakeServices


def test_limited_services_raise_when_an_undeclared_one_is_used(world: FakeServices) -> None:
    limited = world.limited_to({"jobs"})

    assert (limited.jobs, limited.clock, limited.pace) == (world.jobs, world.clock, world.pace)
    with pytest.raises(UndeclaredService, match=r"queue\.enqueue"):
        _ = limited.queue.enqueue


def test_step_fails_when_its_row_does_not_declare_what_it_uses(world: FakeServices) -> None:
    job = world.opened()
    step = replace(STEPS["close_job"], uses=set())

    with pytest.raises(UndeclaredService, match=r"jobs\.\w+ is used"):
        step.run(JobRun(job.id, job.run), world)


def test_steps_declare_services_that_exist() -> None:
    known = {field.name for field in fields(Services)}

    assert all(step.uses <= known for step in STEPS.values())
