"""Callback endpoints, on a running stand-in and in jumping time."""

import json
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest

from localcloud.tests.waiting import PATIENCE_S, eventually

PARENT = "/v1/projects/local/locations/us-central1"
WAITS = """
main:
  steps:
  - make:
      call: events.create_callback_endpoint
      args: {http_callback_method: METHOD}
      result: callback
  - wait:
      try:
        call: events.await_callback
        args: {callback: "${callback}", timeout: 30}
        result: request
      except:
        as: e
        steps: [{late: {return: "${e.tags}"}}]
  - give: {return: "${request}"}
"""


@pytest.fixture
def waiting(stand_in: Any) -> Callable[..., Any]:
    """Start an execution that waits for a callback; gives its name and the callback."""

    def start(name: str, method: str) -> Any:
        source = WAITS.replace("METHOD", method)
        stand_in.post(f"{PARENT}/workflows?workflowId={name}", {"sourceContents": source})
        execution = stand_in.post(f"{PARENT}/workflows/{name}/executions", {})["name"]
        listed = eventually(lambda: stand_in.get(f"/v1/{execution}/callbacks")["callbacks"], "the callback")
        eventually(lambda: stand_in.get(f"/v1/{execution}/callbacks")["callbacks"][0]["waiters"] == "1", "the waiter")
        return execution, listed[0]

    return start


def test_workflow_gets_the_request_when_callback_is_called(
    stand_in: Any, waiting: Any, ended: Callable[[str], Any]
) -> None:
    execution, callback = waiting("callback-post", "POST")
    path = callback["url"].removeprefix(stand_in.rest)
    wrong = stand_in.send("GET", path)
    answer = stand_in.post(f"{path}?from=test", {"approved": True})
    result = json.loads(ended(execution)["result"])
    late = stand_in.post(path, {})

    assert (wrong["error"]["code"], answer, late["error"]["code"]) == (405, {}, 404)
    assert result["type"] == "HTTP"
    assert result["http_request"]["body"] == {"approved": True}
    assert (result["http_request"]["method"], result["http_request"]["query"]) == ("POST", {"from": "test"})
    assert result["received_time"].endswith("Z")


def test_a_plain_visit_is_enough_when_its_method_is_get(waiting: Any, ended: Callable[[str], Any]) -> None:
    execution, callback = waiting("callback-get", "GET")
    with urllib.request.urlopen(callback["url"], timeout=PATIENCE_S) as answer:
        status = answer.status
    result = ended(execution)["result"]

    assert (status, json.loads(result)["http_request"]["method"]) == (200, "GET")


def test_wait_ends_with_timeout_error_when_nobody_calls(play: Callable[..., Any]) -> None:
    played = play(WAITS.replace("METHOD", "PUT"))

    assert (played.result, played.took_s) == (["TimeoutError"], 30)


def test_request_is_kept_and_a_second_one_is_refused_when_it_arrives_before_the_wait(
    play: Callable[..., Any], scripted_runtime: Any
) -> None:
    source = """
    - make: {call: events.create_callback_endpoint, result: callback}
    - meanwhile: {call: http.get, args: {url: "http://x"}}
    - first: {call: events.await_callback, args: {callback: "${callback}"}, result: one}
    - second:
        try: {call: events.await_callback, args: {callback: "${callback}", timeout: 5}, result: two}
        except: {as: e, steps: [{give: {return: ["${one}", "${e.tags}"]}}]}
    """
    accepted: list[bool] = []
    runtime = scripted_runtime()

    def call_twice(_: Any) -> None:
        (callback,) = runtime.callbacks.by_id.values()
        accepted.extend([callback.deliver({"n": 1}), callback.deliver({"n": 2})])

    runtime.answer = call_twice
    played = play(source, runtime=runtime)

    assert accepted == [True, False]
    assert played.result == [{"n": 1}, ["TimeoutError"]]


@pytest.mark.parametrize(
    ("step", "tag"),
    [
        ("{call: events.await_callback, args: {callback: {url: elsewhere}}}", "ValueError"),
        ("{call: events.await_callback, args: {callback: text}}", "TypeError"),
        ("{call: events.create_callback_endpoint, args: {http_callback_method: TRACE}}", "ValueError"),
    ],
)
def test_callback_raises_when_used_wrongly(play: Callable[..., Any], step: str, tag: str) -> None:
    assert play(f"[{{a: {step}}}]").error["tags"] == [tag]
