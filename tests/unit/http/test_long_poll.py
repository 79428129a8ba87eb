"""``GET /v1/jobs/{id}`` with ``wait`` and ``If-None-Match``: answered when the job changes or time is over."""

import pytest
from flask.testing import FlaskClient

from promptreel.domain.states import JobState
from promptreel.http import routes
from promptreel.usecases import delete_job
from promptreel.usecases.watch_job import Watchers
from tests.fakes.watching import WatchedWorld
from tests.unit.http.api_requests import bearer

JOB = "/v1/jobs/job-1"


@pytest.fixture
def world() -> WatchedWorld:
    return WatchedWorld(state=JobState.VIDEO_GEN)


@pytest.fixture
def http(world: WatchedWorld) -> FlaskClient:
    return routes.app(lambda: world).test_client()


def seen(http: FlaskClient) -> dict[str, str]:
    """The headers of a caller who has the job as it is."""
    return {**bearer(), "If-None-Match": http.get(JOB, headers=bearer()).headers["ETag"]}


def test_answer_comes_when_the_job_changes(http: FlaskClient, world: WatchedWorld) -> None:
    headers = seen(http)
    world.clock.at(20, world.change_scene)

    answer = http.get(f"{JOB}?wait=60", headers=headers)

    assert answer.status_code == 200
    assert answer.get_json()["progress"]["scenes_done"] == 1
    assert answer.headers["ETag"] != headers["If-None-Match"]
    assert world.clock.since_start_s == 20


def test_answer_comes_at_once_when_the_job_changed_since_it_was_seen(http: FlaskClient, world: WatchedWorld) -> None:
    headers = seen(http)
    world.change_scene()

    assert http.get(f"{JOB}?wait=60", headers=headers).status_code == 200
    assert world.clock.slept == []


def test_answer_is_not_modified_when_the_time_is_over(http: FlaskClient, world: WatchedWorld) -> None:
    answer = http.get(f"{JOB}?wait=7", headers=seen(http))

    assert (answer.status_code, answer.data) == (304, b"")
    assert world.clock.since_start_s == 7


def test_caller_who_names_no_version_waits_from_now_and_gets_the_job_either_way(
    http: FlaskClient, world: WatchedWorld
) -> None:
    world.clock.at(4, world.change_scene)

    changed = http.get(f"{JOB}?wait=60", headers=bearer())
    assert (changed.status_code, world.clock.since_start_s) == (200, 4)
    assert changed.get_json()["progress"]["scenes_done"] == 1

    unchanged = http.get(f"{JOB}?wait=60", headers=bearer())
    assert (unchanged.status_code, world.clock.since_start_s) == (200, 64)
    assert unchanged.get_json() == changed.get_json()


@pytest.mark.parametrize("state", [JobState.COMPLETE, JobState.FAILED, JobState.CANCELLED])
def test_job_that_has_ended_is_answered_at_once(http: FlaskClient, world: WatchedWorld, state: JobState) -> None:
    world.change_job(state=state)

    assert http.get(f"{JOB}?wait=60", headers=bearer()).status_code == 200
    assert http.get(f"{JOB}?wait=60", headers=seen(http)).status_code == 304
    assert world.clock.since_start_s <= 2


def test_job_that_is_deleted_meanwhile_is_not_found(http: FlaskClient, world: WatchedWorld) -> None:
    headers = seen(http)
    world.clock.at(10, lambda: delete_job.mark("job-1", world))

    assert http.get(f"{JOB}?wait=60", headers=headers).status_code == 404
    assert world.clock.since_start_s == 10


def test_foreign_job_is_not_found_at_once_although_its_owner_watches_it(http: FlaskClient, world: WatchedWorld) -> None:
    answers = []
    stranger = bearer("other@example.com")

    def ask() -> None:
        answers.append(http.get(f"{JOB}?wait=60", headers=stranger))
        answers.append(http.get("/v1/jobs/job-2?wait=60", headers=stranger))

    world.clock.at(10, ask)
    http.get(f"{JOB}?wait=20", headers=bearer())

    foreign, unknown = answers
    assert (foreign.status_code, unknown.status_code) == (404, 404)
    assert foreign.get_json() == {**unknown.get_json(), **_naming("job-1")}
    assert world.clock.since_start_s == 20


def test_owner_is_known_without_a_read_while_the_job_is_watched(http: FlaskClient, world: WatchedWorld) -> None:
    http.get(f"{JOB}?wait=1", headers=bearer())
    world.reads.clear()

    assert http.get(f"{JOB}?wait=1", headers=bearer()).status_code == 200

    assert world.reads["jobs.get_job"] == 1


def test_operator_may_wait_for_any_job(http: FlaskClient) -> None:
    assert http.get(f"{JOB}?wait=1", headers=bearer("ops@example.com")).status_code == 200


@pytest.mark.parametrize("wait", ["61", "-1", "1.5", "soon", ""])
def test_wait_is_refused_when_it_is_no_number_of_seconds_up_to_a_minute(http: FlaskClient, wait: str) -> None:
    answer = http.get(f"{JOB}?wait={wait}", headers=bearer())

    assert answer.status_code == 422
    assert answer.get_json()["message"] == f"wait: {wait!r} is not a number of seconds from 0 to 60."


def test_wait_is_refused_while_the_instance_has_as_many_watchers_as_it_may(
    world: WatchedWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routes, "Watchers", lambda: Watchers(limit=0))
    full = routes.app(lambda: world).test_client()

    answer = full.get(f"{JOB}?wait=60", headers=bearer())

    assert (answer.status_code, answer.get_json()["code"]) == (503, "too_many_watchers")
    assert answer.headers["Retry-After"] == "2"
    assert full.get(JOB, headers=bearer()).status_code == 200, "what need not wait is answered"


def _naming(job_id: str) -> dict[str, str]:
    return {"detail": f"There is no job {job_id}.", "message": f"There is no job {job_id}."}
