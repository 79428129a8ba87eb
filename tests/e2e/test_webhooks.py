"""Webhooks of one film: to a receiver on this machine that is down at first, signed, told of every event."""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from localcloud.tests.harness import Received, Worker, listening
from localcloud.tests.waiting import eventually
from tests.e2e.stack import ONE_SHORT_SCENE, Stack

DOWN = 2  # answers of 503 before the receiver is well


@pytest.fixture
def receiver() -> Iterator[Worker]:
    with listening(Worker(statuses=[503] * DOWN)) as server:
        yield server


def is_signed(secret: str, request: Received) -> bool:
    """Whether the message is signed with the secret, by the specification and not by the library that signs."""
    signed = f"{request.headers['webhook-id']}.{request.headers['webhook-timestamp']}.".encode() + request.body
    digest = hmac.new(base64.b64decode(secret.removeprefix("whsec_")), signed, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}" in request.headers["webhook-signature"].split(" ")


def test_receiver_that_was_down_is_told_of_every_event_of_a_film(stack: Stack, receiver: Worker) -> None:
    url = f"https://port-{urlsplit(receiver.url).port}.test/films"
    registered = stack.api("POST", "/v1/webhooks", json={"url": url})
    assert registered.status_code == 201, registered.text
    webhook = registered.json()
    try:
        job_id = stack.submit("One scene of a heron at dawn", stop_after="storyboard", cache=False, **ONE_SHORT_SCENE)
        stack.wait(job_id, "AWAITING_APPROVAL")
        rotated = stack.api("POST", "/v1/webhooks:rotate").json()
        assert stack.api("POST", f"/v1/jobs/{job_id}:approve", json={}).status_code == 202
        assert stack.wait(job_id)["state"] == "COMPLETE"

        wanted = {"job.awaiting_approval", "scene.done", "job.complete"}
        deliveries = eventually(lambda: all_delivered(stack, job_id), "every event is delivered")

        assert {one["type"] for one in deliveries} == wanted
        received = [one for one in receiver.received if json.loads(one.body)["data"]["job"] == job_id]
        assert {json.loads(one.body)["type"] for one in received} == wanted
        assert {one.headers["webhook-id"] for one in received} == {one["event"] for one in deliveries}
        assert all(one.method == "POST" and one.path == "/films" for one in received)
        assert all(is_signed(rotated["secret"], one) or is_signed(webhook["secret"], one) for one in received)
        last = received[-1]
        assert is_signed(rotated["secret"], last)
        assert is_signed(webhook["secret"], last)
        attempts = [attempt["status"] for one in deliveries for attempt in one["attempts"]]
        assert sorted(attempts) == [200] * len(deliveries) + [503] * DOWN
        tested = stack.api("POST", f"/v1/webhooks/{webhook['id']}:test").json()
        assert tested == {"delivered": True, "status": 200, "problem": None}
    finally:
        assert stack.api("DELETE", f"/v1/webhooks/{webhook['id']}").status_code == 204


def all_delivered(stack: Stack, job_id: str) -> list[dict[str, Any]] | None:
    """The deliveries of a film, once each has arrived."""
    answer = stack.api("GET", f"/v1/jobs/{job_id}/deliveries")
    deliveries: list[dict[str, Any]] = answer.json()["deliveries"]
    is_whole = len(deliveries) == 3 and all(one["state"] == "delivered" for one in deliveries)
    return deliveries if is_whole else None
