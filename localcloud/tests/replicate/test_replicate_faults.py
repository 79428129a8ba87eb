"""Faults on order: each happens as ordered, costs what it says, and is counted; and how often the client posts."""

import httpx
import pytest
from replicate.client import Client
from replicate.exceptions import ReplicateError

from localcloud.tests import loopback
from localcloud.tests.replicate.harness import FakeReplicate, create_prediction, shown
from localcloud.tests.waiting import eventually

EVERY_STATUS = [400, 401, 402, 403, 404, 408, 409, 422, 429, 500, 502, 503, 504]


@pytest.mark.parametrize("code", EVERY_STATUS)
def test_client_posts_once_when_the_create_is_refused(replicate: FakeReplicate, client: Client, code: int) -> None:
    replicate.break_with("status", method="models.predictions.create", args={"code": code})
    with pytest.raises(ReplicateError) as refused:
        create_prediction(client)

    assert (refused.value.status, replicate.calls_seen(), replicate.ledger()) == (code, 1, [])


def test_client_posts_once_when_the_connection_is_cut_before_acceptance(
    replicate: FakeReplicate, client: Client
) -> None:
    replicate.break_with("reset_before", method="models.predictions.create")
    with pytest.raises(httpx.ReadError):
        create_prediction(client)

    assert (replicate.calls_seen(), replicate.ledger()) == (1, [])


def test_client_posts_once_and_the_prediction_is_in_the_list_when_the_connection_is_cut_after_acceptance(
    replicate: FakeReplicate, client: Client
) -> None:
    replicate.break_with("reset_after", method="models.predictions.create")
    with pytest.raises(httpx.ReadError):
        create_prediction(client, input={"seed": 4711})

    assert replicate.calls_seen() == 1
    (found,) = client.predictions.list()
    assert found.input is not None
    assert found.input["seed"] == 4711
    assert replicate.ended(found.id)["status"] == "succeeded"
    assert replicate.bills() == [("answer_lost", 4 * 400_000)]


def test_client_posts_once_when_it_gives_up_waiting_for_the_answer(replicate: FakeReplicate, client: Client) -> None:
    replicate.break_with("hang", method="models.predictions.create", args={"s": 8.0})
    replicate.break_with("cold_start")
    with pytest.raises(httpx.ReadTimeout):
        create_prediction(client, wait=1)

    rules = replicate.control("GET", "faults")["rules"]
    assert [rule["seen"] for rule in rules] == [1, 1]
    assert len(client.predictions.list()) == 1


def test_client_waits_for_the_answer_of_a_create_without_limit_when_it_has_a_timeout(replicate: FakeReplicate) -> None:
    replicate.break_with("hang", method="models.predictions.create", args={"s": 1.0})
    replicate.break_with("cold_start")

    assert create_prediction(replicate.client(read_s=0.1)).status == "starting"


def test_client_posts_once_when_nobody_answers(replicate: FakeReplicate) -> None:
    stranger = Client(api_token="r8_local", base_url="http://127.0.0.1:1")
    with pytest.raises(httpx.ConnectError):
        create_prediction(stranger)

    assert replicate.ledger() == []


def test_client_repeats_a_read_when_it_is_throttled(replicate: FakeReplicate, client: Client) -> None:
    replicate.break_with("cold_start")
    created = create_prediction(client)
    replicate.control("DELETE", "faults")
    replicate.break_with("status", method="predictions.get", args={"code": 429}, nth=[1, 2])

    assert client.predictions.get(created.id).status == "starting"
    assert replicate.calls_seen() == 3


def test_answer_is_slow_when_hang_is_ordered(replicate: FakeReplicate, client: Client) -> None:
    replicate.break_with("hang", args={"s": 0.5}, method="*predictions.create")
    replicate.break_with("cold_start")

    assert create_prediction(client).status == "starting"
    assert replicate.bills() == [("delivered", 0)]


def test_prediction_stays_in_processing_when_never_done_is_ordered(replicate: FakeReplicate) -> None:
    replicate.break_with("never_done", nth=[1])
    stuck = replicate.create().json()["id"]
    replicate.break_with("failed")
    replicate.ended(replicate.create().json()["id"])  # as long on its way

    assert replicate.state(stuck)["status"] == "processing"


def test_prediction_fails_with_a_safety_message_when_rai_is_ordered(replicate: FakeReplicate) -> None:
    replicate.break_with("rai")
    done = replicate.ended(replicate.create().json()["id"])

    assert (done["status"], done["output"]) == ("failed", None)
    assert "flagged as sensitive" in done["error"]
    assert "E005" in done["error"]
    assert replicate.bills() == [("filtered", 0)]


def test_prediction_fails_with_these_words_when_failed_is_ordered(replicate: FakeReplicate) -> None:
    replicate.break_with("failed", args={"error": "CUDA out of memory"})
    done = replicate.ended(replicate.create().json()["id"])

    assert (done["status"], done["error"]) == ("failed", "CUDA out of memory")
    assert replicate.bills() == [("failed", 0)]


def test_success_has_no_output_and_is_paid_when_output_missing_is_ordered(replicate: FakeReplicate) -> None:
    replicate.break_with("output_missing")
    done = replicate.ended(replicate.create().json()["id"])

    assert (done["status"], done["output"]) == ("succeeded", None)
    assert replicate.bills() == [("delivered", 4 * 400_000)]


def test_file_is_gone_though_the_prediction_names_it_when_output_expired_is_ordered(
    replicate: FakeReplicate,
) -> None:
    done = replicate.ended(replicate.create().json()["id"])
    replicate.break_with("output_expired", nth=[1])

    assert loopback.get(done["output"]).status_code == 404
    assert replicate.state(done["id"])["output"] == done["output"]
    assert loopback.get(done["output"]).status_code == 200


def test_download_fails_when_a_status_is_ordered_for_it(replicate: FakeReplicate) -> None:
    done = replicate.ended(replicate.create().json()["id"])
    replicate.break_with("status", method="download", args={"code": 503})

    assert loopback.get(done["output"]).status_code == 503


def test_prediction_starts_late_when_cold_start_is_ordered(replicate: FakeReplicate) -> None:
    replicate.break_with("cold_start", args={"s": 3600}, nth=[1])
    cold = replicate.create().json()["id"]
    replicate.break_with("failed")
    replicate.ended(replicate.create().json()["id"])

    assert replicate.state(cold)["status"] == "starting"


def test_clip_is_black_when_a_flaw_is_ordered(replicate: FakeReplicate) -> None:
    replicate.break_with("black_clip")
    done = replicate.ended(replicate.create().json()["id"])
    frames = shown(loopback.get(done["output"]).content)

    assert max(int(frame.max()) for frame in frames) < 16


def test_only_calls_that_the_rule_names_are_counted_when_another_is_made(
    replicate: FakeReplicate, client: Client
) -> None:
    replicate.break_with("status", model="kwaivgi/*")
    replicate.break_with("cold_start")
    eventually(lambda: create_prediction(client).status == "starting")

    assert "status" not in replicate.happened()
