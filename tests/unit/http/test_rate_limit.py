"""Requests of one caller to one instance."""

from flask.testing import FlaskClient

from promptreel.domain.active_jobs import Limits
from promptreel.http import rate_limit
from promptreel.http.rate_limit import RateLimiter
from tests.fakes.services import FakeServices
from tests.fakes.system import FakeClock
from tests.unit.http.api_requests import bearer, submit


def test_requests_are_refused_over_the_limit_until_time_has_passed(http: FlaskClient, world: FakeServices) -> None:
    object.__setattr__(world, "limits", Limits(20, 10))
    statuses = [http.get("/v1/styles", headers=bearer()).status_code for _ in range(10)]

    refused = http.get("/v1/jobs", headers=bearer())

    assert statuses == [200] * 10
    assert (refused.status_code, refused.get_json()["code"]) == (429, "rate_limited")
    assert refused.headers["Retry-After"] == "6"
    assert http.get("/v1/jobs", headers=bearer("other@example.com")).status_code == 200
    world.clock.pass_s(6)
    assert http.get("/v1/jobs", headers=bearer()).status_code == 200
    assert http.get("/v1/jobs", headers=bearer()).status_code == 429


def test_refused_submission_leaves_its_key_free(http: FlaskClient, world: FakeServices) -> None:
    object.__setattr__(world, "limits", Limits(1, 600))
    first = submit(http).get_json()["id"]
    refused = submit(http, **{"Idempotency-Key": "k"})
    http.post(f"/v1/jobs/{first}:cancel", headers=bearer())

    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "60")
    assert submit(http, **{"Idempotency-Key": "k"}).status_code == 202


def test_liveness_is_not_counted(http: FlaskClient, world: FakeServices) -> None:
    object.__setattr__(world, "limits", Limits(20, 10))

    assert {http.get("/healthz").status_code for _ in range(30)} == {200}


def test_only_the_callers_of_late_are_remembered() -> None:
    limiter, now = RateLimiter(), FakeClock().now()
    for number in range(rate_limit.MAX_CALLERS + 5):
        limiter.take(f"{number}@example.com", 1.0, 1, now)

    assert len(limiter._buckets) == rate_limit.MAX_CALLERS
    assert limiter.take(f"{rate_limit.MAX_CALLERS + 4}@example.com", 1.0, 1, now) == 1.0
    assert limiter.take("0@example.com", 1.0, 1, now) == 0.0
