"""``experimental.executions.*``: results in order, failures as ExecutionError."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from localcloud.workflows.faults import fault

Play = Callable[..., Any]

ENV = {"GOOGLE_CLOUD_PROJECT_ID": "p", "GOOGLE_CLOUD_LOCATION": "l"}
EXECUTIONS = "https://workflowexecutions.googleapis.com/v1/projects/p/locations/l/workflows/child/executions"


class Child:
    """A service whose workflow doubles its argument; it takes one poll, and fails where the argument is ``bad``."""

    def __init__(self) -> None:
        self.arguments: list[Any] = []
        self.parents: list[str] = []

    def __call__(self, request: dict[str, Any]) -> Any:
        if request["method"] == "POST":
            self.parents.append(request["url"])
            self.arguments.append(json.loads(request["body"].get("argument", "null")))
            return self._answer({"name": f"e/{len(self.arguments) - 1}", "state": "ACTIVE"})
        number = int(request["url"].rpartition("/")[2])
        argument = self.arguments[number]
        if argument == "bad":
            return self._answer({"name": f"e/{number}", "state": "FAILED", "error": {"payload": '"bad"'}})
        return self._answer({"name": f"e/{number}", "state": "SUCCEEDED", "result": json.dumps(argument * 2)})

    @staticmethod
    def _answer(body: dict[str, Any]) -> dict[str, Any]:
        return {"code": 200, "headers": {}, "body": body}


def calling(name: str, **arguments: Any) -> str:
    step = {"call": f"experimental.executions.{name}", "args": {"workflow_id": "child", **arguments}, "result": "r"}
    return json.dumps([{"ask": step}, {"give": {"return": "${r}"}}])


def test_decoded_result_comes_back_when_workflow_is_run(play: Play, scripted_runtime: Any) -> None:
    child = Child()
    played = play(calling("run", argument=21), runtime=scripted_runtime(child), env=ENV)

    assert played.result == 42
    assert child.parents == [EXECUTIONS]


def test_results_keep_their_order_when_a_workflow_is_mapped_over_arguments(play: Play, scripted_runtime: Any) -> None:
    arguments = list(range(30))  # more than run at once
    played = play(calling("map", arguments=arguments), runtime=scripted_runtime(Child()), env=ENV)

    assert played.result == [argument * 2 for argument in arguments]


@pytest.mark.parametrize("call", [calling("run", argument="bad"), calling("map", arguments=[1, "bad"])])
def test_caller_gets_an_execution_error_when_the_execution_fails(play: Play, scripted_runtime: Any, call: str) -> None:
    assert play(call, runtime=scripted_runtime(Child()), env=ENV).error["tags"][0] == "ExecutionError"


def test_error_of_the_service_comes_through_when_it_refuses(play: Play, scripted_runtime: Any) -> None:
    def refuse(_: dict[str, Any]) -> Any:
        raise fault("HttpError", "HTTP server responded with error code 404", code=404)

    assert play(calling("run"), runtime=scripted_runtime(refuse), env=ENV).error["code"] == 404
