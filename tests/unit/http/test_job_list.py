"""GET /v1/jobs: pages without gaps, filters, and tokens of other lists."""

from typing import Any

import pytest
from flask.testing import FlaskClient

from promptreel.domain.states import JobState
from promptreel.ports.storage import Create
from tests.factories import a_job, later
from tests.fakes.services import FakeServices
from tests.unit.http.api_requests import bearer


def fetch(http: FlaskClient, **query: Any) -> dict[str, Any]:
    answer = http.get("/v1/jobs", query_string=query, headers=bearer())
    return {"status": answer.status_code, **answer.get_json()}


def list_all(http: FlaskClient, **query: Any) -> list[str]:
    ids, token = list[str](), None
    while True:
        page = fetch(http, **query, **({"page_token": token} if token else {}))
        assert len(page["jobs"]) <= query["page_size"]
        ids += [job["id"] for job in page["jobs"]]
        token = page["next_page_token"]
        if token is None:
            return ids


def store(world: FakeServices, count: int) -> None:
    for number in range(count):
        state = JobState.FAILED if number % 2 else JobState.PENDING
        world.jobs.write(
            Create("", a_job(f"job-{number}", created=later(number // 3), state=state, expires=later(9e6)))
        )


@pytest.mark.parametrize("page_size", [1, 2, 3, 7, 100])
def test_every_job_is_listed_once_when_several_have_the_same_time(
    http: FlaskClient, world: FakeServices, page_size: int
) -> None:
    store(world, 7)

    assert list_all(http, page_size=page_size) == [f"job-{number}" for number in (6, 5, 4, 3, 2, 1, 0)]


def test_page_is_full_when_jobs_between_are_hidden(http: FlaskClient, world: FakeServices) -> None:
    store(world, 4)
    world.jobs.write(Create("", a_job("job-9", created=later(0), expires=later(0))))

    assert list_all(http, page_size=2) == ["job-3", "job-2", "job-1", "job-0"]


def test_list_has_the_jobs_of_a_state_and_a_period(http: FlaskClient, world: FakeServices) -> None:
    store(world, 7)
    start, end = later(1).isoformat(), later(2).isoformat()

    assert list_all(http, page_size=1, state="failed") == ["job-5", "job-3", "job-1"]
    assert list_all(http, page_size=1, created_from=start, created_before=end) == ["job-5", "job-4", "job-3"]
    assert list_all(http, page_size=1, created_from=start, state="PENDING") == ["job-6", "job-4"]


@pytest.mark.parametrize("other", [{"state": "FAILED"}, {"created_before": "2027-01-01T00:00:00Z"}])
def test_token_is_refused_when_the_filters_are_others(
    http: FlaskClient, world: FakeServices, other: dict[str, str]
) -> None:
    store(world, 7)
    token = fetch(http, page_size=2)["next_page_token"]

    refused = fetch(http, page_size=2, page_token=token, **other)

    assert (refused["status"], refused["code"]) == (422, "invalid")
    assert "page_token: belongs to a list with other filters" in refused["message"]


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"page_token": "x"}, "page_token: is not one that a list gave"),
        ({"page_token": "é"}, "page_token: is not one that a list gave"),
        ({"page_token": "MjAyNi0xMS0yMVQwOTowMDowMHxqb2ItMXx4"}, "page_token: is not one that a list gave"),
        ({"page_token": "x" * 501}, "page_token: String should have at most 500 characters"),
        ({"page_size": "0"}, "page_size: Input should be greater than or equal to 1"),
        ({"page_size": "101"}, "page_size: Input should be less than or equal to 100"),
        ({"page_size": "many"}, "page_size: Input should be a valid integer"),
        ({"state": "DONE"}, "state: Input should be 'PENDING'"),
        ({"created_from": "2026-11-21"}, "created_from: Input should have timezone info"),
        ({"stat": "FAILED"}, "stat: there is no such field; did you mean `state`?"),
    ],
)
def test_query_is_refused_with_the_name_of_what_is_wrong(
    http: FlaskClient, query: dict[str, str], message: str
) -> None:
    refused = fetch(http, **query)

    assert (refused["status"], refused["code"]) == (422, "invalid")
    assert message in refused["message"]
