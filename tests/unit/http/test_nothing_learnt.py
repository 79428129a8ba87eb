"""Who may not see a thing learns nothing of it, not even that it exists: over every route of the app."""

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from promptreel.http import routes
from promptreel.ports.webhooks import Sent
from promptreel.usecases.job_lifecycle import JobRun
from promptreel.usecases.open_job import OpenJob
from promptreel.usecases.take_in_pictures import upload_folder
from tests.fakes.services import FakeServices
from tests.picture_files import a_picture, encoded
from tests.unit.http.api_requests import PROMPT, bearer, submit

BAD_REQUEST = 400
PUBLIC = {"/healthz", "/v1/openapi.json", "/docs", "/docs/problems"}
"""What says nothing of anybody."""
FOR_ALL = {"/v1/styles/<name>/picture"}
"""What is the same for every caller that is signed in."""
BODIES: list[Any] = [{}, [], PROMPT, {"revision": 1}, {"lines": []}, {"budget_usd": "1"}, {"quality": "best"}]
HEADERS = [{}, {"If-Match": '"x"'}, {"If-None-Match": "*"}, {"Idempotency-Key": "k"}, {"Accept": "text/event-stream"}]
QUERIES = ["wait=1", "format=csv", "x=1"]


def _app(world: FakeServices) -> Flask:
    return routes.app(lambda: world)


def _routes() -> list[tuple[str, str]]:
    """Every method of every path."""
    rules = _app(FakeServices()).url_map.iter_rules()
    return [(method, rule.rule) for rule in rules for method in sorted(rule.methods or ()) if method != "OPTIONS"]


def _existing(http: FlaskClient, world: FakeServices) -> dict[str, str]:
    """Of each parameter of a path, one that belongs to Mira."""
    job_id = submit(http, {**PROMPT, "approval": "storyboard"}).get_json()["id"]
    world.open_job(OpenJob("e-1", {"job_id": job_id, "run": 1}))
    world.write_storyboard(JobRun(job_id, 1))
    upload_id = http.post("/v1/uploads", json={"content_type": "image/png"}, headers=bearer()).get_json()["id"]
    world.uploads.objects[world.uploads.uri(upload_folder("mira@example.com") + upload_id)] = encoded(a_picture())
    world.webhooks.answers["https://a.example.com/"] = lambda: Sent(204)
    webhook = http.post("/v1/webhooks", json={"url": "https://a.example.com/"}, headers=bearer()).get_json()
    return {"job_id": job_id, "upload_id": upload_id, "webhook_id": webhook["id"]}


MISSING = {
    "job_id": "job-00000000000000000000",
    "upload_id": "00000000000000000000",
    "webhook_id": "hook-00000000000000000000",
}


def _fill(rule: str, values: dict[str, str]) -> str:
    """The path with these values. A parameter that is not among them must be added to `_existing` and `MISSING`."""
    for name, value in values.items():
        rule = rule.replace(f"<{name}>", value)
    assert "<" not in rule, f"say of {rule} what a stranger may not see"
    return rule


def _private() -> list[tuple[str, str]]:
    return [(method, rule) for method, rule in _routes() if "<" in rule and rule not in FOR_ALL]


def _requests(method: str) -> Iterator[dict[str, Any]]:
    """Every body, header and query, the others empty."""
    plain: dict[str, Any] = {"method": method, "headers": {}}
    yield from ({**plain, "headers": headers} for headers in HEADERS)
    yield from ({**plain, "query_string": query} for query in QUERIES)
    if method in {"POST", "PUT", "PATCH", "DELETE"}:
        yield from ({**plain, "json": body} for body in BODIES)


@pytest.mark.parametrize(("method", "rule"), _private())
def test_stranger_gets_the_same_answer_whether_or_not_a_thing_exists(
    http: FlaskClient, world: FakeServices, method: str, rule: str
) -> None:
    existing = _existing(http, world)
    before = dict(world.jobs._documents)
    stranger = bearer("stranger@example.com")

    for request in _requests(method):
        answers = []
        for values in (existing, MISSING):
            key = request["headers"].get("Idempotency-Key")
            own_key = {"Idempotency-Key": values["job_id"]} if key else {}
            headers = {**request["headers"], **stranger, **own_key}
            world.clock.pass_s(1)  # no limit of requests is met
            answer = http.open(_fill(rule, values), **{**request, "headers": headers})
            shown = answer.get_data(as_text=True)
            for name, value in values.items():
                shown = shown.replace(value, f"<{name}>")
            answers.append((answer.status_code, shown, sorted(set(answer.headers.keys()))))
        assert answers[0] == answers[1], request
        assert answers[0][0] >= BAD_REQUEST, request

    after = {key: read for key, read in world.jobs._documents.items() if key[0].__name__ != "StoredAnswer"}
    assert after == {key: read for key, read in before.items() if key[0].__name__ != "StoredAnswer"}


@pytest.mark.parametrize(("method", "rule"), [(m, r) for m, r in _routes() if r not in PUBLIC])
@pytest.mark.parametrize(
    "identity", [{}, {"Authorization": "Bearer x.y.z"}, {**bearer(), "X-Serverless-Authorization": "Bearer a.b.c"}]
)
def test_caller_without_a_verified_identity_gets_one_answer_everywhere(
    http: FlaskClient, world: FakeServices, method: str, rule: str, identity: dict[str, str]
) -> None:
    job_id = submit(http).get_json()["id"]
    existing = {**MISSING, "job_id": job_id, "name": "film-noir"}

    answers = set()
    for values in (existing, {**MISSING, "name": "no-style"}):
        for request in _requests(method):
            headers = {**request["headers"], **identity}
            answer = http.open(_fill(rule, values), **{**request, "headers": headers})
            answers.add((answer.status_code, answer.get_data(as_text=True)))

    assert len(answers) == 1
    assert answers.pop()[0] == 403


def test_every_route_is_reached_by_these_tests() -> None:
    assert len(_private()) >= 12
    assert {rule for _, rule in _routes() if "<" not in rule} >= {"/v1/jobs", "/v1/models", "/v1/estimate"}
