"""No owner has more unfinished jobs than the deployment allows, however they come about."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from promptreel.domain.active_jobs import Limits
from promptreel.domain.job import Job
from promptreel.domain.states import JobState
from promptreel.errors import PromptreelError, TooMany
from promptreel.usecases import delete_job, job_lifecycle
from promptreel.usecases.accept_request import accept_request
from promptreel.usecases.accept_upgrade import accept_upgrade
from promptreel.usecases.open_job import OpenJob
from tests.fakes.services import FakeServices

MIRA = "mira@example.com"


def accept(world: FakeServices, name: str, owner: str = MIRA) -> Job:
    return accept_request(f"job-{name}", owner, {"prompt": "A lighthouse keeper waits"}, world)


def allow(world: FakeServices, jobs: int) -> None:
    object.__setattr__(world, "limits", Limits(jobs, 600))


def test_submission_is_refused_when_all_places_are_taken(world: FakeServices) -> None:
    allow(world, 2)
    accept(world, "1")
    accept(world, "2")

    with pytest.raises(TooMany, match=r"has 2 unfinished jobs.*may be 2") as refused:
        accept(world, "3")

    assert (refused.value.status, refused.value.code, refused.value.retry_after_s) == (429, "too_many_jobs", 60)
    assert {job.id for job in world.jobs.list_jobs(None, None, None)} == {"job-1", "job-2"}
    assert accept(world, "4", "other@example.com").owner == "other@example.com"


def test_repeated_submission_is_answered_when_all_places_are_taken(world: FakeServices) -> None:
    allow(world, 1)
    first = accept(world, "1")

    assert accept(world, "1") == first


def test_place_is_free_when_its_job_has_ended_was_deleted_or_is_unknown(world: FakeServices) -> None:
    allow(world, 1)
    accept(world, "1")
    job_lifecycle.cancel("job-1", world)
    accept(world, "2")
    delete_job.mark("job-2", world)
    accept(world, "3")
    del world.jobs._documents[Job, "", "job-3"]

    assert accept(world, "4").id == "job-4"


def test_exactly_as_many_jobs_are_admitted_as_there_are_places_when_all_come_at_once(world: FakeServices) -> None:
    allow(world, 5)

    def submit(number: int) -> bool:
        try:
            accept(world, str(number))
        except TooMany:
            return False
        return True

    with ThreadPoolExecutor(16) as pool:
        admitted = sum(pool.map(submit, range(60)))

    assert admitted == len(list(world.jobs.list_jobs(None, None, None))) == 5


def test_resumption_takes_a_place_and_is_refused_when_there_is_none(world: FakeServices) -> None:
    allow(world, 1)
    accept(world, "1")
    job_lifecycle.cancel("job-1", world)
    accept(world, "2")

    with pytest.raises(TooMany):
        job_lifecycle.resume("job-1", None, world)
    assert world.jobs.get_job("job-1").value.state is JobState.CANCELLED

    job_lifecycle.cancel("job-2", world)
    job_lifecycle.resume("job-1", None, world)
    with pytest.raises(TooMany):
        accept(world, "3")


def test_resumed_job_takes_one_place_when_it_had_one_before(world: FakeServices) -> None:
    allow(world, 2)
    accept(world, "1")
    job_lifecycle.cancel("job-1", world)
    job_lifecycle.resume("job-1", None, world)

    assert accept(world, "2").id == "job-2"


def test_upgrade_takes_a_place(world: FakeServices) -> None:
    job = world.drawn(quality="draft")
    world.film_queued(job)
    world.give_film(job)
    world.close(job)
    film = world.jobs.get_job(job.id).value
    allow(world, 1)
    accept(world, "1", film.owner)

    with pytest.raises(TooMany):
        accept_upgrade("job-2", film, {"quality": "best"}, world)


def test_film_of_an_execution_waits_when_there_is_no_place(world: FakeServices) -> None:
    """The workflow repeats 429 for hours."""
    allow(world, 1)
    world.opened(owner=MIRA)

    with pytest.raises(PromptreelError) as refused:
        world.open_job(OpenJob("e-2", {"prompt": "A lighthouse keeper waits", "owner": MIRA}))

    assert refused.value.status == 429


def test_job_of_a_newer_version_keeps_its_place(world: FakeServices) -> None:
    allow(world, 1)
    accept(world, "1")
    world.jobs.store("jobs/job-1", {**world.jobs.stored("jobs/job-1"), "schema": 2})

    with pytest.raises(TooMany):
        accept(world, "2")
