"""googleapis.* connectors: the request they make, what they repeat, what they wait for."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from localcloud.workflows.faults import fault

Play = Callable[..., Any]
PARENT = "/v1/projects/local/locations/us-central1"
CREATE_TASK = """
- make:
    call: googleapis.cloudtasks.v2.projects.locations.queues.tasks.create
    args: {parent: projects/p/locations/l/queues/q, body: {task: {httpRequest: {url: "http://x"}}}}
    result: task
- give: {return: "${task.name}"}
"""
GET_DOCUMENT = """
- read:
    call: googleapis.firestore.v1.projects.databases.documents.get
    args: {name: projects/p/databases/d/documents/jobs/1, mask.fieldPaths: [a, b]}
    result: document
- give: {return: "${document.fields}"}
"""
DELETE_WORKFLOW = """
- remove:
    call: googleapis.workflows.v1.projects.locations.workflows.delete
    args: {name: projects/p/locations/l/workflows/w, connector_params: PARAMS}
    result: done
- give: {return: "${done}"}
"""


def answers(*bodies: Any) -> Callable[[Any], Any]:
    """One body after the other; a number is an HTTP error of that code."""
    left = list(bodies)

    def answer(_: Any) -> Any:
        body = left.pop(0)
        if isinstance(body, int):
            raise fault("HttpError", f"error {body}", code=body)
        return {"code": 200, "headers": {}, "body": body}

    return answer


def test_connector_when_called_then_sends_the_rest_request_and_gives_its_body(play: Play, scripted_world: Any) -> None:
    played = play(CREATE_TASK, world=scripted_world(answer=answers({"name": "t1"})))
    (request,) = played.world.requests

    assert played.result == "t1"
    assert (request["method"], request["url"]) == (
        "POST",
        "https://cloudtasks.googleapis.com/v2/projects/p/locations/l/queues/q/tasks",
    )
    assert (request["body"], request["auth"]) == ({"task": {"httpRequest": {"url": "http://x"}}}, {"type": "OAuth2"})


def test_query_when_given_as_arguments_then_is_sent(play: Play, scripted_world: Any) -> None:
    played = play(GET_DOCUMENT, world=scripted_world(answer=answers({"fields": {}})))

    assert played.world.requests[0]["query"] == [("mask.fieldPaths", "a"), ("mask.fieldPaths", "b")]


@pytest.mark.parametrize(
    ("source", "codes", "requests"),
    [(GET_DOCUMENT, [502, 504], 3), (CREATE_TASK, [503, 429], 3), (CREATE_TASK, [502], 1), (GET_DOCUMENT, [500], 1)],
)
def test_connector_when_refused_then_repeats_only_what_is_safe(
    play: Play, scripted_world: Any, source: str, codes: list[int], requests: int
) -> None:
    played = play(source, world=scripted_world(answer=answers(*codes, {"name": "n", "fields": {}})))

    assert len(played.world.requests) == requests


def test_operation_when_not_done_then_is_polled_until_it_is(play: Play, scripted_world: Any) -> None:
    running, done = {"name": "operations/1"}, {"name": "operations/1", "done": True, "response": {"ok": True}}
    world = scripted_world(answer=answers(running, running, done))
    played = play(DELETE_WORKFLOW.replace("PARAMS", "{}"), world=world)

    assert (played.result, played.world.slept_s) == ({"ok": True}, [1, 1.25])
    assert played.world.requests[-1]["url"] == "https://workflows.googleapis.com/v1/operations/1"


@pytest.mark.parametrize(
    ("params", "bodies", "tag"),
    [
        ("{}", [{"name": "o", "done": True, "error": {"code": 5}}], "OperationError"),
        ("{}", [{"nothing": 1}], "ResponseTypeError"),
        ("{timeout: 2}", [{"name": "o"}] * 9, "TimeoutError"),
    ],
)
def test_operation_when_it_goes_wrong_then_raises(
    play: Play, scripted_world: Any, params: str, bodies: list[Any], tag: str
) -> None:
    played = play(DELETE_WORKFLOW.replace("PARAMS", params), world=scripted_world(answer=answers(*bodies)))

    assert played.error["tags"] == [tag]


def test_polling_when_skipped_then_the_first_answer_is_the_result(play: Play, scripted_world: Any) -> None:
    world = scripted_world(answer=answers({"name": "o"}))

    assert play(DELETE_WORKFLOW.replace("PARAMS", "{skip_polling: true}"), world=world).result == {"name": "o"}


@pytest.mark.parametrize(
    ("step", "complaint"),
    [
        ("{call: googleapis.cloudtasks.v2.projects.locations.queues.tasks.create}", "needs the argument parent"),
        ("{call: googleapis.cloudtasks.v2.projects.locations.queues.get, args: {name: q, body: {}}}", "'body'"),
        ("{call: googleapis.nosuch.v1.things.get, args: {}}", "unknown function"),
    ],
)
def test_connector_when_named_or_called_wrongly_then_the_deploy_is_refused(
    refusal: Callable[[str], str], step: str, complaint: str
) -> None:
    assert complaint in refusal(f"[{{a: {step}}}]")


def test_workflow_when_run_by_another_one_then_its_decoded_result_comes_back(
    stand_in: Any, ended: Callable[[str], Any]
) -> None:
    child = "main: {params: [n], steps: [{check: {switch: [{condition: '${n < 0}', raise: negative}]}}, "
    child += "{give: {return: {twice: '${n * 2}'}}}]}"
    run = "googleapis.workflowexecutions.v1.projects.locations.workflows.executions.run"
    parent = f"main: {{params: [n], steps: [{{a: {{call: {run}, args: {{workflow_id: child, argument: '${{n}}'}}, "
    parent += "result: r}}, {b: {return: '${r.twice}'}}]}"
    stand_in.post(f"{PARENT}/workflows?workflowId=child", {"sourceContents": child})
    stand_in.post(f"{PARENT}/workflows?workflowId=parent", {"sourceContents": parent})
    good = ended(stand_in.post(f"{PARENT}/workflows/parent/executions", {"argument": "21"})["name"])
    bad = ended(stand_in.post(f"{PARENT}/workflows/parent/executions", {"argument": "-1"})["name"])

    assert good["result"] == "42"
    assert json.loads(bad["error"]["payload"])["tags"] == ["OperationError"]
