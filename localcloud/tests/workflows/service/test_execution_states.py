"""States of executions: waiting for their turn, gone with their workflow, lost with the stand-in; logs and triggers."""

import base64
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from localcloud.tests.waiting import PATIENCE_S, eventually

PARENT = "/v1/projects/local/locations/us-central1"
NAP = "[{nap: {call: sys.sleep, args: {seconds: 3600}}}]"
ECHO = "main: {params: [input], steps: [{give: {return: '${input}'}}]}"


@pytest.fixture
def one_at_a_time(launch: Callable[..., Any]) -> Any:
    made = launch("--at-once", "1")
    made.post(f"{PARENT}/workflows?workflowId=nap", {"sourceContents": NAP})
    return made


def test_execution_is_queued_until_a_place_is_free_when_all_are_taken(one_at_a_time: Any) -> None:
    path = f"{PARENT}/workflows/nap/executions"
    first, second, third = (one_at_a_time.post(path, {}) for _ in range(3))
    one_at_a_time.post(f"/v1/{second['name']}:cancel", {})
    one_at_a_time.post(f"/v1/{first['name']}:cancel", {})
    states = {e["name"]: e["state"] for e in one_at_a_time.get(f"{path}?view=FULL")["executions"]}

    assert [e["state"] for e in (first, second, third)] == ["ACTIVE", "QUEUED", "QUEUED"]
    assert ("startTime" in second, "startTime" in first) == (False, True)
    assert [states[e["name"]] for e in (first, second, third)] == ["CANCELLED", "CANCELLED", "ACTIVE"]
    assert one_at_a_time.get(f"/v1/{second['name']}")["duration"] == "0s"


def test_execution_is_answered_with_429_when_all_places_are_taken_and_it_must_not_wait(one_at_a_time: Any) -> None:
    path = f"{PARENT}/workflows/nap/executions"
    one_at_a_time.post(path, {})
    error = one_at_a_time.post(path, {"disableConcurrencyQuotaOverflowBuffering": True})["error"]

    assert (error["code"], error["status"]) == (429, "RESOURCE_EXHAUSTED")


def test_executions_are_gone_and_a_new_one_begins_anew_when_workflow_is_deleted(stand_in: Any) -> None:
    path = f"{PARENT}/workflows/short-lived"
    stand_in.post(f"{PARENT}/workflows?workflowId=short-lived", {"sourceContents": NAP})
    running = stand_in.post(f"{path}/executions", {})["name"]
    deleted = stand_in.send("DELETE", path)
    again = stand_in.post(f"{PARENT}/workflows?workflowId=short-lived", {"sourceContents": NAP})

    assert (deleted["done"], deleted["metadata"]["verb"]) == (True, "delete")
    assert stand_in.send("GET", f"/v1/{running}")["error"]["status"] == "NOT_FOUND"
    assert again["response"]["revisionId"].startswith("000001-")
    assert stand_in.get(f"{path}/executions")["executions"] == []


def test_next_one_says_which_executions_are_gone_when_stand_in_is_killed(
    launch: Callable[..., Any], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    options = ("--state-dir", str(tmp_path / "state"))
    first = launch(*options)
    first.post(f"{PARENT}/workflows?workflowId=nap", {"sourceContents": NAP})
    first.post(f"{PARENT}/workflows?workflowId=echo", {"sourceContents": ECHO})
    lost = first.post(f"{PARENT}/workflows/nap/executions", {})["name"]
    cancelled = first.post(f"{PARENT}/workflows/nap/executions", {})["name"]
    first.post(f"/v1/{cancelled}:cancel", {})
    first.process.kill()
    first.process.wait(PATIENCE_S)
    launch(*options)
    said = capfd.readouterr().err

    assert f"{lost} was running" in said
    assert cancelled not in said


def has_failed(stand_in: Any, execution: str) -> bool:
    return bool(stand_in.get(f"/v1/{execution}")["state"] == "FAILED")


def test_every_call_and_failure_is_a_line_when_calls_are_logged(
    launch: Callable[..., Any], capfd: pytest.CaptureFixture[str]
) -> None:
    made = launch()
    source = "[{wait: {call: sys.sleep, args: {seconds: 0}}}, {set: {assign: [{x: 1}]}}, "
    source += "{bad: {call: sys.sleep, args: {seconds: -1}}}]"
    made.post(f"{PARENT}/workflows?workflowId=w", {"sourceContents": source, "callLogLevel": "LOG_ALL_CALLS"})
    for given in ({}, {"callLogLevel": "LOG_ERRORS_ONLY"}, {"callLogLevel": "LOG_NONE"}):
        name = made.post(f"{PARENT}/workflows/w/executions", given)["name"]
        eventually(partial(has_failed, made, name), "the failure")
    lines = [json.loads(line[line.index("{") :]) for line in capfd.readouterr().err.splitlines() if "STEP_" in line]

    assert [(line["severity"], line["data"]["event"], line["data"]["step"]) for line in lines] == [
        ("INFO", "begun", "wait"),
        ("INFO", "returned", "wait"),
        ("INFO", "begun", "bad"),
        ("ERROR", "raised", "bad"),
        ("ERROR", "raised", "bad"),
    ]
    assert "ValueError" in lines[-1]["data"]["exception"]


@pytest.mark.parametrize(
    ("attributes", "data", "expected"),
    [
        ({"k": "v"}, "hi", {"type": "google.cloud.pubsub.topic.v1.messagePublished", "id": "7",
                            "data.message.data": "aGk=", "data.message.attributes.k": "v"}),
        ({"ce-type": "google.cloud.storage.object.v1.finalized", "ce-id": "e1", "ce-source": "//s"}, '{"name": "o"}',
         {"type": "google.cloud.storage.object.v1.finalized", "id": "e1", "source": "//s", "data.name": "o"}),
    ],
)  # fmt: skip
def test_workflow_gets_the_cloud_event_when_pubsub_push_is_received(
    stand_in: Any, ended: Callable[[str], Any], attributes: dict[str, str], data: str, expected: dict[str, str]
) -> None:
    stand_in.post(f"{PARENT}/workflows?workflowId=triggered", {"sourceContents": ECHO})
    message = {"data": base64.b64encode(data.encode()).decode(), "messageId": "7", "attributes": attributes}
    body = {
        "message": message,
        "subscription": "projects/local/subscriptions/s",
        "GCPCloudEventsMode": "CE_PUBSUB_BINDING",
    }
    started = stand_in.post(f"{PARENT}/workflows/triggered:triggerPubsubExecution", body)
    event = json.loads(ended(started["name"])["result"])

    for path, value in expected.items():
        found = event
        for name in path.split("."):
            found = found[name]
        assert found == value


@pytest.mark.parametrize(
    "body", [{}, {"message": {"data": ""}}, {"message": "x", "subscription": "projects/p/subscriptions/s"}]
)
def test_pubsub_push_is_answered_with_400_when_incomplete(stand_in: Any, body: Any) -> None:
    stand_in.post(f"{PARENT}/workflows?workflowId=triggered", {"sourceContents": ECHO})
    answer = stand_in.post(f"{PARENT}/workflows/triggered:triggerPubsubExecution", body)

    assert answer["error"]["status"] == "INVALID_ARGUMENT"


def test_execution_shows_null_and_views_show_what_they_promise_when_no_argument_is_given(
    stand_in: Any, ended: Callable[[str], Any]
) -> None:
    stand_in.post(f"{PARENT}/workflows?workflowId=plain", {"sourceContents": ECHO, "labels": {"a": "b"}})
    execution = ended(stand_in.post(f"{PARENT}/workflows/plain/executions", {})["name"])
    basic = stand_in.get(f"/v1/{execution['name']}?view=BASIC")
    wrong = stand_in.send("GET", f"/v1/{execution['name']}?view=SOME")

    assert (execution["argument"], execution["result"]) == ("null", "null")
    assert sorted(basic) == ["duration", "endTime", "name", "startTime", "state", "workflowRevisionId"]
    assert wrong["error"]["status"] == "INVALID_ARGUMENT"


def test_only_those_are_listed_when_executions_are_filtered_by_label_and_time(
    stand_in: Any, ended: Callable[[str], Any]
) -> None:
    stand_in.post(f"{PARENT}/workflows?workflowId=labelled", {"sourceContents": ECHO})
    path = f"{PARENT}/workflows/labelled/executions"
    red, blue = (stand_in.post(path, {"labels": {"colour": colour}})["name"] for colour in ("red", "blue"))
    ended(red)
    ended(blue)

    def listed(text: str) -> list[str]:
        return [found["name"] for found in stand_in.get(f"{path}?filter={text}")["executions"]]

    assert listed("label.colour%3Dred") == [red]
    assert listed('state%3D"SUCCEEDED"%20AND%20startTime%3E"2023-08-01"') == [blue, red]
    assert listed("state%3DFAILED%20OR%20labels.colour%3Dblue") == [blue]
    assert listed(f"executionId%3D{red.rpartition('/')[2]}") == [red]
    assert listed("duration%3E1000s") == []
