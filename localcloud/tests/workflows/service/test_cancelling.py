"""Cancelling: at once, whatever the execution waits for, and nothing of it goes on."""

import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from localcloud.tests.waiting import eventually

PARENT = "/v1/projects/local/locations/us-central1"
RUN = "googleapis.workflowexecutions.v1.projects.locations.workflows.executions.run"
NAP = {"call": "sys.sleep", "args": {"seconds": 3600}}
TWO_BRANCHES = [{"a": {"steps": [{"nap": NAP}]}}, {"b": {"steps": [{"doze": NAP}]}}]
WAITS: dict[str, list[Any]] = {
    "sleep": [{"nap": NAP}],
    "parallel": [
        {
            "outer": {
                "parallel": {
                    "for": {
                        "value": "v",
                        "range": [1, 3],
                        "steps": [
                            {"inner": {"parallel": {"branches": TWO_BRANCHES}}}
                        ],
                    }
                }
            }
        }
    ],
    "callback": [
        {"make": {"call": "events.create_callback_endpoint", "args": {"http_callback_method": "GET"}, "result": "c"}},
        {"nap": {"call": "events.await_callback", "args": {"callback": "${c}"}}},
    ],
    "retry": [
        {
            "nap": {
                "try": {"raise": "again"},
                "retry": {"predicate": "${retry.always}", "max_retries": 9, "backoff": {"initial_delay": 3600}},
            }
        }
    ],
    "handler": [{"fall": {"try": {"raise": "x"}, "except": {"as": "e", "steps": [{"nap": NAP}]}}}],
    "subworkflow": [{"go": {"call": "resting"}}],
    "child": [{"nap": {"call": RUN, "args": {"workflow_id": "cancel-sleep"}}}],
    "http": [{"nap": {"call": "http.get", "args": {"url": "SILENT"}}}],
}  # fmt: skip


@pytest.fixture
def silent() -> Iterator[str]:
    """A server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}/"


@pytest.mark.parametrize("kind", sorted(WAITS))
def test_execution_ends_at_once_with_all_its_steps_when_cancelled_while_it_waits(
    stand_in: Any, silent: str, kind: str
) -> None:
    main = json.loads(json.dumps(WAITS[kind]).replace("SILENT", silent))
    for name, steps in {"cancel-sleep": WAITS["sleep"], f"cancel-{kind}": main}.items():
        source = {"main": {"steps": steps}, "resting": {"steps": WAITS["sleep"]}}
        stand_in.post(f"{PARENT}/workflows?workflowId={name}", {"sourceContents": json.dumps(source)})
    execution = stand_in.post(f"{PARENT}/workflows/cancel-{kind}/executions", {})["name"]
    eventually(lambda: "nap" in str(stand_in.get(f"/v1/{execution}/stepEntries")), "the step that waits")
    answer = stand_in.post(f"/v1/{execution}:cancel", {})
    shown = stand_in.get(f"/v1/{execution}")
    entries = stand_in.get(f"/v1/{execution}/stepEntries")["stepEntries"]

    assert (answer["state"], shown["state"], "result" in shown) == ("CANCELLED", "CANCELLED", False)
    assert shown["error"]["payload"] == '"Execution was cancelled"'
    assert {entry["state"] for entry in entries if entry["step"] == "nap"} <= {"STATE_CANCELLED", "STATE_FAILED"}
    assert not any(entry["state"] == "STATE_IN_PROGRESS" for entry in entries)
    assert stand_in.get(f"/v1/{execution}/stepEntries")["totalSize"] == len(entries)


def test_callback_answers_429_when_called_twice_before_the_workflow_takes_one_and_404_after_the_end(
    stand_in: Any,
) -> None:
    steps = [
        {"make": {"call": "events.create_callback_endpoint", "args": {"http_callback_method": "POST"}, "result": "c"}},
        {"nap": NAP},
        {"wait": {"call": "events.await_callback", "args": {"callback": "${c}"}}},
    ]
    stand_in.post(f"{PARENT}/workflows?workflowId=twice", {"sourceContents": json.dumps(steps)})
    execution = stand_in.post(f"{PARENT}/workflows/twice/executions", {})["name"]
    (callback,) = eventually(lambda: stand_in.get(f"/v1/{execution}/callbacks").get("callbacks"), "the callback")
    path = callback["url"].removeprefix(stand_in.rest)
    answers = [stand_in.post(path, {"n": n}) for n in range(2)]
    kept = stand_in.get(f"/v1/{execution}/callbacks")["callbacks"][0]["availablePayloads"]
    stand_in.post(f"/v1/{execution}:cancel", {})
    late = stand_in.post(path, {"n": 3})

    assert (answers[0], answers[1]["error"]["code"], late["error"]["code"]) == ({}, 429, 404)
    assert [json.loads(payload)["http_request"]["body"] for payload in kept] == [{"n": 0}]
