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


def test_connector_sends_the_rest_request_and_gives_its_body_when_called(play: Play, scripted_runtime: Any) -> None:
    played = play(CREATE_TASK, runtime=scripted_runtime(answer=answers({"name": "t1"})))
    (request,) = played.runtime.requests

    assert played.result == "t1"
    assert (request["method"], request["url"]) == (
        "POST",
        "https://cloudtasks.googleapis.com/v2/projects/p/locations/l/queues/q/tasks",
    )
    assert (request["body"], request["auth"]) == ({"task": {"httpRequest": {"url": "http://x"}}}, {"type": "OAuth2"})


def test_query_is_sent_when_given_as_arguments(play: Play, scripted_runtime: Any) -> None:
    played = play(GET_DOCUMENT, runtime=scripted_runtime(answer=answers({"fields": {}})))

    assert played.runtime.requests[0]["query"] == [("mask.fieldPaths", "a"), ("mask.fieldPaths", "b")]


@pytest.mark.parametrize(
    ("source", "codes", "requests"),
    [(GET_DOCUMENT, [502, 504], 3), (CREATE_TASK, [503, 429], 3), (CREATE_TASK, [502], 1), (GET_DOCUMENT, [500], 1)],
)
def test_connector_repeats_only_what_is_safe_when_refused(
    play: Play, scripted_runtime: Any, source: str, codes: list[int], requests: int
) -> None:
    played = play(source, runtime=scripted_runtime(answer=answers(*codes, {"name": "n", "fields": {}})))

    assert len(played.runtime.requests) == requests


def test_operation_is_polled_until_it_is_when_not_done(play: Play, scripted_runtime: Any) -> None:
    running, done = {"name": "operations/1"}, {"name": "operations/1", "done": True, "response": {"ok": True}}
    runtime = scripted_runtime(answer=answers(running, running, done))
    played = play(DELETE_WORKFLOW.replace("PARAMS", "{}"), runtime=runtime)

    assert (played.result, played.runtime.slept_s) == ({"ok": True}, [1, 1.25])
    assert played.runtime.requests[-1]["url"] == "https://workflows.googleapis.com/v1/operations/1"


@pytest.mark.parametrize(
    ("params", "bodies", "tag"),
    [
        ("{}", [{"name": "o", "done": True, "error": {"code": 5}}], "OperationError"),
        ("{}", [{"nothing": 1}], "ResponseTypeError"),
        ("{timeout: 2}", [{"name": "o"}] * 9, "TimeoutError"),
    ],
)
def test_operation_raises_when_it_goes_wrong(
    play: Play, scripted_runtime: Any, params: str, bodies: list[Any], tag: str
) -> None:
    played = play(DELETE_WORKFLOW.replace("PARAMS", params), runtime=scripted_runtime(answer=answers(*bodies)))

    assert played.error["tags"] == [tag]


def test_first_answer_is_the_result_when_polling_is_skipped(play: Play, scripted_runtime: Any) -> None:
    runtime = scripted_runtime(answer=answers({"name": "o"}))

    assert play(DELETE_WORKFLOW.replace("PARAMS", "{skip_polling: true}"), runtime=runtime).result == {"name": "o"}


@pytest.mark.parametrize(
    ("step", "complaint"),
    [
        ("{call: googleapis.cloudtasks.v2.projects.locations.queues.tasks.create}", "needs the argument parent"),
        ("{call: googleapis.cloudtasks.v2.projects.locations.queues.get, args: {name: q, body: {}}}", "'body'"),
        ("{call: googleapis.nosuch}", "unknown function"),
        ("{call: googleapis.nosuch.things.get}", "unknown function"),
        ("{call: googleapis.pubsub.v1.projects.topics.publish, args: {topic: t, bdy: {}}}", "'bdy'"),
    ],
)
def test_deploy_is_refused_when_connector_is_named_or_called_wrongly(
    refusal: Callable[[str], str], step: str, complaint: str
) -> None:
    assert complaint in refusal(f"[{{a: {step}}}]")


def test_connector_deploys_and_fails_at_run_time_saying_so_when_only_its_name_has_the_form(play: Play) -> None:
    source = "[{a: {call: googleapis.translate.v3.projects.locations.translateText, args: {parent: p, body: {}}}}]"

    assert "translateText is not among the connectors" in play(source).error["message"]


def call(name: str, args: str) -> str:
    return f"[{{a: {{call: googleapis.{name}, args: {args}, result: r}}}}, {{give: {{return: '${{r}}'}}}}]"


@pytest.mark.parametrize(
    ("name", "args", "request_line", "body"),
    [
        ("cloudtasks.v2.projects.locations.queues.tasks.delete", "{name: q/tasks/t}",
         "DELETE https://cloudtasks.googleapis.com/v2/q/tasks/t", None),
        ("cloudtasks.v2.projects.locations.queues.tasks.list", "{parent: q, pageSize: 5, responseView: FULL}",
         "GET https://cloudtasks.googleapis.com/v2/q/tasks?pageSize=5&responseView=FULL", None),
        ("firestore.v1.projects.databases.documents.createDocument",
         "{parent: d/documents, collectionId: jobs, documentId: '1', body: {fields: {}}}",
         "POST https://firestore.googleapis.com/v1/d/documents/jobs?documentId=1", {"fields": {}}),
        ("firestore.v1.projects.databases.documents.patch",
         "{name: d/documents/a/b, updateMask.fieldPaths: [x, y], currentDocument.exists: true, body: {}}",
         ("PATCH https://firestore.googleapis.com/v1/d/documents/a/b?currentDocument.exists=true"
          "&updateMask.fieldPaths=x&updateMask.fieldPaths=y"), {}),
        ("firestore.v1.projects.databases.documents.runQuery", "{parent: d/documents, body: {structuredQuery: {}}}",
         "POST https://firestore.googleapis.com/v1/d/documents:runQuery", {"structuredQuery": {}}),
        ("storage.v1.objects.get", "{bucket: b, object: a%2Fb.json, alt: media}",
         "GET https://storage.googleapis.com/storage/v1/b/b/o/a%2Fb.json?alt=media", None),
        ("storage.v1.objects.list", "{bucket: b, prefix: jobs/}",
         "GET https://storage.googleapis.com/storage/v1/b/b/o?prefix=jobs/", None),
        ("storage.v1.objects.insert", "{bucket: b, name: a/b.txt, body: hello}",
         "POST https://storage.googleapis.com/upload/storage/v1/b/b/o?name=a/b.txt&uploadType=media", b"hello"),
        ("storage.v1.objects.delete", "{bucket: b, object: o}",
         "DELETE https://storage.googleapis.com/storage/v1/b/b/o/o", None),
        ("pubsub.v1.projects.topics.publish", "{topic: projects/p/topics/t, body: {messages: [{data: aGk=}]}}",
         "POST https://pubsub.googleapis.com/v1/projects/p/topics/t:publish", {"messages": [{"data": "aGk="}]}),
        ("secretmanager.v1.projects.secrets.versions.access", "{name: projects/p/secrets/s/versions/1}",
         "GET https://secretmanager.googleapis.com/v1/projects/p/secrets/s/versions/1:access", None),
        ("workflowexecutions.v1.projects.locations.workflows.executions.cancel", "{name: w/executions/e}",
         "POST https://workflowexecutions.googleapis.com/v1/w/executions/e:cancel", None),
    ],
)  # fmt: skip
def test_method_is_the_request_of_the_discovery_document_when_called(
    play: Play, scripted_runtime: Any, name: str, args: str, request_line: str, body: Any
) -> None:
    played = play(call(name, args), runtime=scripted_runtime(answer=answers({"ok": 1})))
    (request,) = played.runtime.requests
    query = "&".join(f"{key}={value}" for key, value in request["query"])

    assert played.result == {"ok": 1}
    assert f"{request['method']} {request['url']}" + (f"?{query}" if query else "") == request_line
    assert request["body"] == body


@pytest.mark.parametrize(
    ("body", "more", "content_type", "wire"),
    [
        ("text", "", "text/plain; charset=utf-8", b"text"),
        ("{a: 1}", "", "application/json; charset=utf-8", {"a": 1}),
        ("'[1]'", ", contentType: application/json", "application/json", b"[1]"),
    ],
)
def test_content_travels_as_it_is_when_object_is_inserted(
    play: Play, scripted_runtime: Any, body: str, more: str, content_type: str, wire: Any
) -> None:
    args = f"{{bucket: b, name: n, body: {body}{more}}}"
    played = play(call("storage.v1.objects.insert", args), runtime=scripted_runtime(answer=answers({})))
    (request,) = played.runtime.requests

    assert (request["headers"], request["body"]) == ({"Content-Type": content_type}, wire)
    assert ("contentType", "application/json") not in request["query"]


SECRET = {"payload": {"data": "aMOpbGxv"}}  # héllo


@pytest.mark.parametrize(
    ("args", "name"),
    [
        ("{secret_id: s}", "projects/home/secrets/s/versions/latest"),
        ("{secret_id: s, version: '3', project_id: p}", "projects/p/secrets/s/versions/3"),
        ("{secret_id: s, version: 3}", "projects/home/secrets/s/versions/3"),
    ],
)
def test_secret_is_decoded_when_accessed_as_string(play: Play, scripted_runtime: Any, args: str, name: str) -> None:
    source = call("secretmanager.v1.projects.secrets.versions.accessString", args)
    played = play(source, runtime=scripted_runtime(answer=answers(SECRET)), env={"GOOGLE_CLOUD_PROJECT_ID": "home"})

    assert played.result == "héllo"
    assert played.runtime.requests[0]["url"] == f"https://secretmanager.googleapis.com/v1/{name}:access"


def test_secret_takes_positional_arguments_when_accessed_in_an_expression(play: Play, scripted_runtime: Any) -> None:
    name = "googleapis.secretmanager.v1.projects.secrets.versions.accessString"
    played = play(
        f'[{{a: {{return: \'${{{name}("s", "3", "p")}}\'}}}}]', runtime=scripted_runtime(answer=answers(SECRET))
    )

    assert played.result == "héllo"
    assert played.runtime.requests[0]["url"].endswith("/v1/projects/p/secrets/s/versions/3:access")


def test_secret_raises_when_its_data_is_no_text(play: Play, scripted_runtime: Any) -> None:
    source = call("secretmanager.v1.projects.secrets.versions.accessString", "{secret_id: s}")
    played = play(source, runtime=scripted_runtime(answer=answers({"payload": {"data": "/w=="}})))

    assert played.error["tags"] == ["ValueError"]


def test_secret_is_encoded_when_added_as_string(play: Play, scripted_runtime: Any) -> None:
    source = call("secretmanager.v1.projects.secrets.addVersionString", "{secret_id: s, project_id: p, data: héllo}")
    played = play(source, runtime=scripted_runtime(answer=answers({"name": "v1"})))
    (request,) = played.runtime.requests

    assert request["url"] == "https://secretmanager.googleapis.com/v1/projects/p/secrets/s:addVersion"
    assert request["body"] == SECRET


def test_execution_is_waited_for_when_job_is_run(play: Play, scripted_runtime: Any) -> None:
    started = {"name": "projects/p/locations/l/operations/1", "metadata": {}}
    done = {**started, "done": True, "response": {"name": "executions/1", "succeededCount": 1}}
    params = "{polling_policy: {initial_delay: 3, multiplier: 2, max_delay: 5}}"
    source = call("run.v2.projects.locations.jobs.run", f"{{name: j, connector_params: {params}}}")
    played = play(source, runtime=scripted_runtime(answer=answers(started, started, started, started, done)))

    assert played.result == done["response"]
    assert played.runtime.slept_s == [3, 5, 5, 5]
    assert [request["method"] for request in played.runtime.requests] == ["POST", "GET", "GET", "GET", "GET"]
    assert played.runtime.requests[1]["url"] == "https://run.googleapis.com/v2/projects/p/locations/l/operations/1"


def test_error_carries_the_operation_when_it_failed(play: Play, scripted_runtime: Any) -> None:
    failed = {"name": "o", "done": True, "error": {"code": 9, "message": "no"}}
    played = play(DELETE_WORKFLOW.replace("PARAMS", "{}"), runtime=scripted_runtime(answer=answers(failed)))

    assert (played.error["tags"], played.error["operation"]) == (["OperationError"], failed)
    assert played.error["error"] == failed["error"]


def test_scopes_are_asked_of_the_token_when_given(play: Play, scripted_runtime: Any) -> None:
    source = call("cloudtasks.v2.projects.locations.queues.get", "{name: q, connector_params: {scopes: [a, b]}}")
    played = play(source, runtime=scripted_runtime(answer=answers({})))

    assert played.runtime.requests[0]["auth"] == {"type": "OAuth2", "scopes": ["a", "b"]}


@pytest.mark.parametrize(
    ("params", "tag"),
    [
        ("text", "TypeError"),
        ("{skip_polling: 1}", "TypeError"),
        ("{timeout: soon}", "TypeError"),
        ("{timeout: 0}", "ValueError"),
        ("{patience: 1}", "ValueError"),
        ("{polling_policy: []}", "TypeError"),
        ("{polling_policy: {max_delay: -1}}", "ValueError"),
    ],
)
def test_nothing_is_sent_when_connector_params_are_wrong(play: Play, params: str, tag: str) -> None:
    played = play(DELETE_WORKFLOW.replace("PARAMS", params))

    assert (played.error["tags"], played.runtime.requests) == ([tag], [])


def test_decoded_result_comes_back_when_workflow_is_run_by_another_one(
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
    error = json.loads(bad["error"]["payload"])
    assert (error["tags"], error["operation"]["state"]) == (["OperationError"], "FAILED")
    assert json.loads(error["operation"]["error"]["payload"]) == "negative"
