"""The routes of webhooks: what an owner may do with their own, and that others learn nothing."""

from typing import Any

import pytest
from flask.testing import FlaskClient

from promptreel.ports.webhooks import Sent
from promptreel.usecases.deliver_webhook import DeliverWebhook
from tests.fakes.services import FakeServices
from tests.unit.http.api_requests import bearer, submit

URL = "https://hooks.example.com/films"


@pytest.fixture
def registered(http: FlaskClient, world: FakeServices) -> dict[str, Any]:
    world.webhooks.answers[URL] = lambda: Sent(204)
    answer = http.post("/v1/webhooks", json={"url": URL}, headers=bearer())
    assert answer.status_code == 201
    body: dict[str, Any] = answer.get_json()
    return body


def test_first_registration_answers_with_the_secret_and_lists_never_do(
    http: FlaskClient, registered: dict[str, Any]
) -> None:
    secret = registered.pop("secret")

    assert secret.startswith("whsec_")
    assert http.get("/v1/webhooks", headers=bearer()).get_json() == {"webhooks": [registered]}
    assert registered["url"] == URL
    assert registered["disabled"] is None
    again = http.post("/v1/webhooks", json={"url": URL}, headers=bearer()).get_json()
    assert again == {**registered, "secret": None}


def test_secret_is_in_no_document_when_a_registration_has_a_key(http: FlaskClient, world: FakeServices) -> None:
    world.webhooks.answers[URL] = lambda: Sent(204)
    secrets = []
    for path, body in (("/v1/webhooks", {"url": URL}), ("/v1/webhooks:rotate", None)):
        answer = http.post(path, json=body, headers={**bearer(), "Idempotency-Key": path})
        secrets.append(answer.get_json()["secret"])

    stored = repr(world.jobs._documents)

    assert all(secrets)
    assert not any(secret in stored for secret in secrets)


def test_webhook_is_gone_when_it_is_deleted(http: FlaskClient, registered: dict[str, Any]) -> None:
    address = f"/v1/webhooks/{registered['id']}"

    assert http.delete(address, headers=bearer()).status_code == 204

    assert http.get("/v1/webhooks", headers=bearer()).get_json() == {"webhooks": []}
    assert http.delete(address, headers=bearer()).status_code == 404


def test_test_says_how_the_receiver_answered(
    http: FlaskClient, world: FakeServices, registered: dict[str, Any]
) -> None:
    answers = {}
    for sent in (Sent(204), Sent(500), Sent(None, "it cannot be reached")):
        world.webhooks.answers[URL] = lambda sent=sent: sent  # type: ignore[misc]
        answer = http.post(f"/v1/webhooks/{registered['id']}:test", headers=bearer())
        assert answer.status_code == 200
        answers[sent] = answer.get_json()["delivered"]

    assert list(answers.values()) == [True, False, False]


def test_rotation_answers_with_the_new_secret_and_the_end_of_the_old_one(
    http: FlaskClient, registered: dict[str, Any]
) -> None:
    rotated = http.post("/v1/webhooks:rotate", headers=bearer()).get_json()

    assert rotated["secret"] != registered["secret"]
    assert rotated["previous_until"] == "2026-11-22T09:00:00Z"


def test_delivery_log_shows_every_attempt_and_the_next_one_and_no_address(
    http: FlaskClient, world: FakeServices, registered: dict[str, Any]
) -> None:
    world.webhooks.answers[URL] = lambda: Sent(503)
    job_id = submit(http).get_json()["id"]
    http.post(f"/v1/jobs/{job_id}:cancel", headers=bearer())
    (task,) = world.deliveries.tasks.values()
    world.deliver_webhook(DeliverWebhook(task.job_id, task.delivery, task.dispatch))

    answer = http.get(f"/v1/jobs/{job_id}/deliveries", headers=bearer())

    (delivery,) = answer.get_json()["deliveries"]
    assert delivery["type"] == "job.cancelled"
    assert delivery["webhook"] == registered["id"]
    assert (delivery["state"], delivery["next_attempt"]) == ("pending", "2026-11-21T09:00:05Z")
    attempt = {"at": "2026-11-21T09:00:00Z", "status": 503, "problem": None, "duration_ms": 0}
    assert delivery["attempts"] == [attempt]
    assert "hooks.example.com" not in answer.get_data(as_text=True)


def test_stranger_and_caller_without_a_token_learn_nothing(
    http: FlaskClient, world: FakeServices, registered: dict[str, Any]
) -> None:
    job_id = submit(http).get_json()["id"]
    routes = [
        ("GET", "/v1/webhooks"),
        ("POST", "/v1/webhooks:rotate"),
        ("DELETE", f"/v1/webhooks/{registered['id']}"),
        ("POST", f"/v1/webhooks/{registered['id']}:test"),
        ("GET", f"/v1/jobs/{job_id}/deliveries"),
    ]
    stranger = bearer("tom@example.com")

    statuses = [http.open(path, method=method, headers=stranger).status_code for method, path in routes]

    assert statuses == [200, 404, 404, 404, 404]
    assert http.get("/v1/webhooks", headers=stranger).get_json() == {"webhooks": []}
    assert {http.open(path, method=method).status_code for method, path in routes} == {403}
    assert world.webhooks.messages == []


def test_registration_is_a_problem_by_field_when_the_address_is_not_public(http: FlaskClient) -> None:
    answer = http.post("/v1/webhooks", json={"url": "https://10.0.0.8/"}, headers=bearer())

    assert answer.status_code == 422
    assert answer.get_json()["message"].startswith("url: cannot be used")
    assert answer.get_json()["remedy"]
