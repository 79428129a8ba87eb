"""If-Match on writes, ETag and If-None-Match on reads."""

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from promptreel.domain.states import JobState
from promptreel.ports.storage import Replace
from promptreel.usecases.job_lifecycle import JobRun
from promptreel.usecases.open_job import OpenJob
from tests.fakes.services import FakeServices
from tests.unit.http.api_requests import PROMPT, bearer, submit

WRITES: dict[str, tuple[str, str, object]] = {
    "cancel": ("POST", ":cancel", None),
    "approve": ("POST", ":approve", {}),
    "edit": ("PATCH", "/plan", {"revision": 1, "scenes": [{"scene": "scene-01", "motion_prompt": "Slower."}]}),
    "delete": ("DELETE", "", None),
}


def at_gate(http: FlaskClient, world: FakeServices) -> str:
    job_id: str = submit(http, {**PROMPT, "approval": "storyboard"}).get_json()["id"]
    world.open_job(OpenJob("e-1", {"job_id": job_id, "run": 1}))
    world.write_storyboard(JobRun(job_id, 1))
    return job_id


def read_tag(http: FlaskClient, job_id: str) -> str:
    tag = http.get(f"/v1/jobs/{job_id}", headers=bearer()).headers["ETag"]
    assert tag.startswith('"')
    return tag


def write(http: FlaskClient, name: str, job_id: str, tag: str) -> TestResponse:
    method, path, body = WRITES[name]
    options = {} if body is None else {"json": body}
    headers = {**bearer(), "If-Match": tag}
    return http.open(f"/v1/jobs/{job_id}{path}", method=method, headers=headers, **options)  # type: ignore[arg-type]


def touch(world: FakeServices, job_id: str) -> None:
    """What any other writer does to the job."""
    read = world.jobs.get_job(job_id)
    world.jobs.write(Replace(job_id, read, read.value.evolve(warnings=("another",))))


@pytest.mark.parametrize("name", WRITES)
def test_write_is_done_when_the_job_is_as_the_caller_has_seen_it(
    http: FlaskClient, world: FakeServices, name: str
) -> None:
    job_id = at_gate(http, world)

    assert write(http, name, job_id, read_tag(http, job_id)).status_code in {200, 202}


@pytest.mark.parametrize("name", WRITES)
def test_write_is_refused_and_has_no_effect_when_the_job_has_changed(
    http: FlaskClient, world: FakeServices, name: str
) -> None:
    job_id = at_gate(http, world)
    tag = read_tag(http, job_id)
    touch(world, job_id)
    before = world.jobs.get_job(job_id)

    refused = write(http, name, job_id, tag)

    assert (refused.status_code, refused.get_json()["code"]) == (412, "changed_since")
    assert world.jobs.get_job(job_id) == before
    assert write(http, name, job_id, f'{tag}, "x", {read_tag(http, job_id)}').status_code in {200, 202}


@pytest.mark.parametrize("name", WRITES)
def test_write_is_refused_when_the_job_changes_after_its_tag_was_compared(
    http: FlaskClient, world: FakeServices, name: str
) -> None:
    job_id = at_gate(http, world)
    tag = read_tag(http, job_id)
    list_calls: Callable[[str], object] = world.jobs.list_calls

    def change_meanwhile(job: str) -> object:
        """The calls are the last thing read for the tag."""
        world.jobs.list_calls = list_calls  # type: ignore[method-assign,assignment]
        touch(world, job_id)
        return list_calls(job)

    world.jobs.list_calls = change_meanwhile  # type: ignore[method-assign,assignment]

    refused = write(http, name, job_id, tag)

    assert (refused.status_code, refused.get_json()["code"]) == (412, "changed_since")
    assert world.jobs.get_job(job_id).value.state is JobState.AWAITING_APPROVAL


def test_resumption_is_refused_when_the_job_has_changed(http: FlaskClient, world: FakeServices) -> None:
    job_id = at_gate(http, world)
    http.post(f"/v1/jobs/{job_id}:cancel", headers=bearer())
    stale = read_tag(http, job_id)
    touch(world, job_id)

    refused = http.post(f"/v1/jobs/{job_id}:resume", headers={**bearer(), "If-Match": stale})
    resumed = http.post(f"/v1/jobs/{job_id}:resume", headers={**bearer(), "If-Match": read_tag(http, job_id)})

    assert (refused.status_code, resumed.status_code) == (412, 202)


@pytest.mark.parametrize("path", [":upgrade", "/ledger:reconcile"])
def test_write_beside_the_job_is_refused_when_the_job_has_changed(
    http: FlaskClient, world: FakeServices, path: str
) -> None:
    job_id = at_gate(http, world)

    refused = http.post(f"/v1/jobs/{job_id}{path}", json={}, headers={**bearer(), "If-Match": '"x"'})

    assert (refused.status_code, refused.get_json()["code"]) == (412, "changed_since")


def test_weak_tag_never_matches_and_a_star_always_does(http: FlaskClient, world: FakeServices) -> None:
    job_id = at_gate(http, world)

    assert write(http, "cancel", job_id, f"W/{read_tag(http, job_id)}").status_code == 412
    assert write(http, "cancel", job_id, "*").status_code == 200


@pytest.mark.parametrize("path", ["/v1/models", "/v1/styles", "/v1/jobs", "/v1/jobs/{job}/ledger", "/v1/jobs/{job}"])
def test_read_is_answered_304_until_something_changes(http: FlaskClient, world: FakeServices, path: str) -> None:
    job_id = at_gate(http, world)
    address = path.format(job=job_id)
    tag = http.get(address, headers=bearer()).headers["ETag"]

    unchanged = http.get(address, headers={**bearer(), "If-None-Match": tag})
    other = http.get(address, headers={**bearer(), "If-None-Match": '"x"'})

    assert (unchanged.status_code, unchanged.get_data(), unchanged.headers["ETag"]) == (304, b"", tag)
    assert other.status_code == 200
    if path == "/v1/jobs":
        http.post(f"/v1/jobs/{job_id}:cancel", headers=bearer())
        assert http.get(address, headers={**bearer(), "If-None-Match": tag}).status_code == 200


def test_refusal_has_no_tag(http: FlaskClient) -> None:
    assert "ETag" not in http.get("/v1/jobs/job-1", headers=bearer()).headers
