"""The REST surface of a running stand-in: deploys, revisions, executions, errors in Google's envelope, restarts."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from localcloud.tests.waiting import eventually

HELLO = 'main:\n  params: [who]\n  steps:\n  - greet:\n      return: ${"hello " + who}\n'
NAP = "main:\n  steps:\n  - nap:\n      call: sys.sleep\n      args: {seconds: 3600}\n"
PARENT = "/v1/projects/local/locations/us-central1"


@pytest.fixture
def deploy(stand_in: Any, request: pytest.FixtureRequest) -> Callable[..., str]:
    """Deploy a source under a name of this test's own; gives the workflow's path."""
    safe = "".join(c if c.isalnum() else "-" for c in request.node.name)[-50:].strip("-")

    def create(source: str, **fields: Any) -> str:
        workflow_id = f"w-{safe}"
        answer = stand_in.post(f"{PARENT}/workflows?workflowId={workflow_id}", {"sourceContents": source, **fields})
        assert answer["done"] is True, answer
        return f"{PARENT}/workflows/{workflow_id}"

    return create


def test_result_is_json_text_when_workflow_is_deployed_and_run(stand_in: Any, deploy: Any, ended: Any) -> None:
    path = deploy(HELLO, labels={"team": "a"})
    started = stand_in.post(f"{path}/executions", {"argument": '"world"', "labels": {"run": "1"}})
    execution = ended(started["name"])

    assert (started["state"], execution["state"], execution["result"]) == ("ACTIVE", "SUCCEEDED", '"hello world"')
    assert execution["labels"] == {"team": "a", "run": "1"}
    assert execution["workflowRevisionId"].startswith("000001-")
    assert execution["duration"].endswith("s")
    assert "error" not in execution


def test_execution_is_failed_with_payload_context_and_trace_when_it_raises(
    stand_in: Any, deploy: Any, ended: Any
) -> None:
    path = deploy('main:\n  steps:\n  - fails:\n      raise: {code: 9, message: "no luck"}\n')
    execution = ended(stand_in.post(f"{path}/executions", {})["name"])

    assert (execution["state"], "result" in execution) == ("FAILED", False)
    assert json.loads(execution["error"]["payload"]) == {"code": 9, "message": "no luck"}
    assert execution["error"]["context"] == 'no luck\nin step "fails", routine "main", line: 4'
    assert execution["error"]["stackTrace"]["elements"] == [
        {"step": "fails", "routine": "main", "position": {"line": "4", "column": "7", "length": "5"}}
    ]


def test_sleeping_execution_ends_at_once_and_cannot_be_cancelled_again_when_cancelled(
    stand_in: Any, deploy: Any
) -> None:
    name = stand_in.post(f"{deploy(NAP)}/executions", {})["name"]
    steps = eventually(lambda: stand_in.get(f"/v1/{name}")["status"]["currentSteps"], "the first step")
    cancelled = stand_in.post(f"/v1/{name}:cancel", {})
    again = stand_in.post(f"/v1/{name}:cancel", {})

    assert steps == [{"routine": "main", "step": "nap"}]
    assert cancelled["state"] == "CANCELLED"
    assert stand_in.get(f"/v1/{name}")["state"] == "CANCELLED"
    assert (again["error"]["code"], again["error"]["status"]) == (400, "FAILED_PRECONDITION")


def test_workflow_has_a_new_revision_and_running_executions_keep_theirs_when_updated(
    stand_in: Any, deploy: Any
) -> None:
    path = deploy(NAP)
    old = stand_in.post(f"{path}/executions", {})
    stand_in.send("PATCH", f"{path}?updateMask=sourceContents", {"sourceContents": HELLO})
    described = stand_in.send("PATCH", f"{path}?updateMask=description", {"description": "d"})["response"]
    revisions = stand_in.get(f"{path}:listRevisions")["workflows"]

    assert described["revisionId"].startswith("000002-")
    assert (described["description"], described["sourceContents"]) == ("d", HELLO)
    assert [revision["revisionId"][:6] for revision in revisions] == ["000002", "000001"]
    assert stand_in.get(f"{path}?revisionId={revisions[1]['revisionId']}")["sourceContents"] == NAP
    assert stand_in.get(f"/v1/{old['name']}")["workflowRevisionId"] == revisions[1]["revisionId"]
    stand_in.post(f"/v1/{old['name']}:cancel", {})


def test_bad_source_is_refused_and_the_old_one_stays_when_deployed(stand_in: Any, deploy: Any) -> None:
    path = deploy(HELLO)
    refused = stand_in.send("PATCH", f"{path}?updateMask=sourceContents", {"sourceContents": "main: {steps: []}"})

    assert (refused["error"]["code"], refused["error"]["status"]) == (400, "INVALID_ARGUMENT")
    assert "line 1" in refused["error"]["message"]
    assert stand_in.get(path)["sourceContents"] == HELLO


def test_environment_holds_the_users_and_the_services_own_when_read_by_a_workflow(
    stand_in: Any, deploy: Any, ended: Any
) -> None:
    names = ["MINE", *(f"GOOGLE_CLOUD_{name}" for name in ("PROJECT_ID", "LOCATION", "WORKFLOW_ID"))]
    items = ", ".join(f"'${{sys.get_env(\"{name}\")}}'" for name in names)
    path = deploy(f"main: {{steps: [{{a: {{return: [{items}]}}}}]}}", userEnvVars={"MINE": "x"})
    execution = ended(stand_in.post(f"{path}/executions", {})["name"])

    assert json.loads(execution["result"]) == ["x", "local", "us-central1", path.rpartition("/")[2]]


def test_executions_come_newest_first_in_pages_without_results_when_listed(
    stand_in: Any, deploy: Any, ended: Any
) -> None:
    path = deploy(HELLO)
    names = [stand_in.post(f"{path}/executions", {"argument": f'"{n}"'})["name"] for n in range(3)]
    for name in names:
        ended(name)
    first = stand_in.get(f"{path}/executions?pageSize=2")
    second = stand_in.get(f"{path}/executions?pageSize=2&pageToken={first['nextPageToken']}")
    full = stand_in.get(f"{path}/executions?view=FULL")["executions"]

    listed = [execution["name"] for execution in first["executions"] + second["executions"]]
    assert listed == names[::-1]
    assert (second["nextPageToken"], "result" in first["executions"][0]) == ("", False)
    assert full[0]["result"] == '"hello 2"'


@pytest.mark.parametrize(
    ("method", "path", "body", "code", "status"),
    [
        ("GET", f"{PARENT}/workflows/none", None, 404, "NOT_FOUND"),
        ("DELETE", f"{PARENT}/workflows/none", None, 404, "NOT_FOUND"),
        ("POST", f"{PARENT}/workflows/none/executions", {}, 404, "NOT_FOUND"),
        ("GET", f"{PARENT}/operations/none", None, 404, "NOT_FOUND"),
        ("GET", f"{PARENT}/nonsense", None, 404, "NOT_FOUND"),
        ("POST", f"{PARENT}/workflows?workflowId=9bad", {"sourceContents": HELLO}, 400, "INVALID_ARGUMENT"),
        ("POST", f"{PARENT}/workflows?workflowId=empty", {}, 400, "INVALID_ARGUMENT"),
        ("POST", f"{PARENT}/workflows?workflowId=env", {"sourceContents": HELLO, "userEnvVars": {"GOOGLE_X": "1"}},
         400, "INVALID_ARGUMENT"),
    ],
)  # fmt: skip
def test_request_is_answered_in_the_error_envelope_when_it_cannot_be_served(
    stand_in: Any, method: str, path: str, body: Any, code: int, status: str
) -> None:
    error = stand_in.send(method, path, body)["error"]

    assert (error["code"], error["status"]) == (code, status)
    assert error["message"]


def test_workflow_is_answered_with_409_when_created_twice(stand_in: Any, deploy: Any) -> None:
    name = deploy(HELLO).rpartition("/")[2]
    error = stand_in.post(f"{PARENT}/workflows?workflowId={name}", {"sourceContents": HELLO})["error"]

    assert (error["code"], error["status"]) == (409, "ALREADY_EXISTS")


@pytest.mark.parametrize("argument", ["not json", '"' + "x" * 32767 + '"'])
def test_argument_is_answered_with_400_when_not_json_or_too_long(stand_in: Any, deploy: Any, argument: str) -> None:
    error = stand_in.post(f"{deploy(HELLO)}/executions", {"argument": argument})["error"]

    assert (error["code"], error["status"]) == (400, "INVALID_ARGUMENT")


def test_stand_in_keeps_every_revision_when_restarted(launch: Any, halt: Any, tmp_path: Path) -> None:
    options = ("--state-dir", str(tmp_path / "state"))
    first = launch(*options)
    workflow = f"{PARENT}/workflows/twice"
    first.post(f"{PARENT}/workflows?workflowId=twice", {"sourceContents": NAP})
    first.send("PATCH", workflow, {"sourceContents": HELLO})
    first.send("PATCH", workflow, {"description": "says hello"})
    revisions = first.get(f"{workflow}:listRevisions")["workflows"]
    halt(first)
    second = launch(*options)
    restored = second.get(f"{workflow}:listRevisions")["workflows"]
    third = second.send("PATCH", workflow, {"sourceContents": NAP})["response"]["revisionId"]

    assert restored == revisions
    assert [found["sourceContents"] for found in restored] == [HELLO, NAP]
    assert second.get(f"{workflow}?revisionId={revisions[1]['revisionId']}") == revisions[1]
    assert third.startswith("000003-")


def test_stand_in_keeps_workflows_but_no_executions_when_restarted(launch: Any, halt: Any, tmp_path: Path) -> None:
    options = ("--state-dir", str(tmp_path / "state"))
    first = launch(*options)
    first.post(f"{PARENT}/workflows?workflowId=kept", {"sourceContents": NAP})
    first.post(f"{PARENT}/workflows?workflowId=gone", {"sourceContents": HELLO})
    first.send("DELETE", f"{PARENT}/workflows/gone")
    first.post(f"{PARENT}/workflows/kept/executions", {})
    exit_code = halt(first)
    second = launch(*options)

    assert exit_code == 0
    assert [found["name"].rpartition("/")[2] for found in second.get(f"{PARENT}/workflows")["workflows"]] == ["kept"]
    assert second.get("/_local/executions") == {"executions": []}


def test_host_map_file_leads_requests_to_loopback_when_given(launch: Any, tmp_path: Path) -> None:
    hosts = tmp_path / "hosts.json"
    hosts.write_text("{}")
    target = launch()
    hosts.write_text(json.dumps({"https://service.run.app": target.rest}))
    caller = launch("--host-map", str(hosts))
    source = (
        "main: {steps: [{a: {call: http.get, args: {url: 'https://service.run.app/_local/health'}, result: r}},"
        " {b: {return: '${r.body.status}'}}]}"
    )
    caller.post(f"{PARENT}/workflows?workflowId=ask", {"sourceContents": source})
    name = caller.post(f"{PARENT}/workflows/ask/executions", {})["name"]

    assert eventually(lambda: caller.get(f"/v1/{name}").get("result"), "the result") == '"ok"'
