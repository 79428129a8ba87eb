"""Webhooks: which are sent, that their signature is good, that they are repeated until somebody takes them."""

import base64
import json
from typing import Any

import pytest
from replicate.client import Client

from localcloud.replicate.webhooks import signature
from localcloud.tests.harness import Received, Worker
from localcloud.tests.replicate.harness import FakeReplicate, create_prediction
from localcloud.tests.waiting import eventually


def statuses(receiver: Worker) -> list[str]:
    return [json.loads(request.body)["status"] for request in receiver.received]


def end_prediction(replicate: FakeReplicate, receiver: Worker, **options: Any) -> str:
    """A prediction that has ended, with webhooks to the receiver."""
    created = replicate.create(webhook=f"{receiver.url}/told?job=7", **options).json()
    replicate.ended(created["id"])
    return str(created["id"])


def arrived(receiver: Worker, count: int) -> list[Received]:
    eventually(lambda: len(receiver.received) >= count)
    return receiver.received


def test_webhook_is_the_prediction_and_signed_when_it_completes(
    replicate: FakeReplicate, receiver: Worker, client: Client
) -> None:
    replicate.break_with("failed")
    prediction_id = end_prediction(replicate, receiver)
    (request,) = arrived(receiver, 1)

    assert (request.method, request.path) == ("POST", "/told?job=7")
    assert json.loads(request.body) == replicate.state(prediction_id)
    client.webhooks.validate(
        headers=dict(request.headers),
        body=request.body.decode(),
        secret=client.webhooks.default.secret(),
        tolerance=600,
    )


def test_signature_is_that_of_the_published_example_when_signed_with_its_key() -> None:
    key = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    signed = signature(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, '{"test": 2432232314}')

    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_all_events_are_sent_when_all_are_asked_for(replicate: FakeReplicate, receiver: Worker) -> None:
    end_prediction(replicate, receiver, webhook_events_filter=["start", "logs", "output", "completed"])

    arrived(receiver, 4)
    assert sorted(statuses(receiver)) == ["processing", "processing", "starting", "succeeded"]


def test_output_and_end_are_sent_when_no_events_are_named(replicate: FakeReplicate, receiver: Worker) -> None:
    end_prediction(replicate, receiver)
    bodies = [json.loads(each.body) for each in arrived(receiver, 2)]
    running, ended = sorted(bodies, key=lambda body: str(body["status"]))  # they may overtake one another

    assert (running["status"], ended["status"]) == ("processing", "succeeded")
    assert running["output"] == ended["output"]


def test_end_is_sent_when_a_prediction_is_canceled(replicate: FakeReplicate, receiver: Worker) -> None:
    replicate.break_with("never_done")
    created = replicate.create(webhook=receiver.url).json()
    replicate.ask("POST", f"predictions/{created['id']}/cancel")

    arrived(receiver, 1)
    assert statuses(receiver) == ["canceled"]


def test_end_is_sent_again_under_the_same_id_when_the_receiver_fails(
    replicate: FakeReplicate, receiver: Worker
) -> None:
    replicate.control("POST", "profile", {"time_scale": 0.01})
    replicate.break_with("failed")
    receiver.statuses = [500, 302, 429]
    end_prediction(replicate, receiver)
    requests = arrived(receiver, 4)

    assert len({request.headers["webhook-id"] for request in requests}) == 1
    assert len({request.body for request in requests}) == 1


def test_redirect_is_not_followed_when_the_receiver_answers_with_one(
    replicate: FakeReplicate, receiver: Worker
) -> None:
    replicate.control("POST", "profile", {"time_scale": 0.01})
    replicate.break_with("failed")
    receiver.statuses, receiver.answer_headers = [302], {"Location": "/elsewhere"}
    end_prediction(replicate, receiver)

    assert {request.path for request in arrived(receiver, 2)} == {"/told?job=7"}


def test_events_before_the_end_are_sent_only_once_when_the_receiver_fails(
    replicate: FakeReplicate, receiver: Worker
) -> None:
    replicate.control("POST", "profile", {"time_scale": 0.001})
    replicate.break_with("failed")
    receiver.statuses = [500]
    end_prediction(replicate, receiver, webhook_events_filter=["start", "completed"])
    arrived(receiver, 2)

    assert statuses(receiver) == ["starting", "failed"]


@pytest.mark.parametrize(("fault", "count"), [("webhook_dropped", 0), ("webhook_duplicated", 2)])
def test_webhook_comes_so_often_when_a_fault_orders_it(
    replicate: FakeReplicate, receiver: Worker, client: Client, fault: str, count: int
) -> None:
    replicate.break_with("failed")
    replicate.control("POST", "faults", [{"fault": fault, "method": "completed", "nth": [1]}])
    end_prediction(replicate, receiver)
    last = create_prediction(client, webhook=f"{receiver.url}/last")
    replicate.ended(last.id)

    def paths() -> list[str]:
        return [request.path for request in receiver.received]

    eventually(lambda: "/last" in paths() and paths().count("/told?job=7") >= count)
    assert paths().count("/told?job=7") == count
    assert replicate.happened()[fault] == 1
    ids = {request.headers["webhook-id"] for request in receiver.received if request.path != "/last"}
    assert len(ids) == min(count, 1)
