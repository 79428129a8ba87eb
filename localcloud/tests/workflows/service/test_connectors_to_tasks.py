"""Connectors against another stand-in, over the wire: a workflow makes a queue and tasks, and a task is dispatched."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from localcloud.tests.loopback import answers, free_port
from localcloud.tests.waiting import eventually

PARENT = "/v1/projects/local/locations/us-central1"
QUEUES = "googleapis.cloudtasks.v2.projects.locations.queues"
SOURCE = f"""
main:
  params: [url]
  steps:
  - place:
      assign:
      - parent: projects/local/locations/us-central1
      - queue: ${{parent + "/queues/q"}}
      - conflict: null
  - make: {{call: {QUEUES}.create, args: {{parent: "${{parent}}", body: {{name: "${{queue}}"}}}}}}
  - look: {{call: {QUEUES}.get, args: {{name: "${{queue}}"}}, result: found}}
  - later:
      call: {QUEUES}.tasks.create
      args:
        parent: ${{queue}}
        body:
          task:
            name: ${{queue + "/tasks/later"}}
            scheduleTime: ${{time.format(sys.now() + 3600)}}
            httpRequest: {{url: "${{url}}", httpMethod: POST}}
      result: waiting
  - again:
      try:
        call: {QUEUES}.tasks.create
        args: {{parent: "${{queue}}", body: {{task: {{name: "${{waiting.name}}", httpRequest: {{url: "${{url}}"}}}}}}}}
      except: {{as: e, steps: [{{keep: {{assign: [{{conflict: "${{e}}"}}]}}}}, {{on: {{next: list}}}}]}}
  - list: {{call: {QUEUES}.tasks.list, args: {{parent: "${{queue}}"}}, result: listed}}
  - delete: {{call: {QUEUES}.tasks.delete, args: {{name: "${{waiting.name}}"}}}}
  - now:
      call: {QUEUES}.tasks.create
      args:
        parent: ${{queue}}
        body:
          task:
            httpRequest:
              url: ${{url}}
              httpMethod: POST
              headers: {{content-type: application/json}}
              body: e30=
  - give:
      return: ["${{found.state}}", "${{waiting.name}}", "${{len(listed.tasks)}}", "${{conflict.code}}"]
"""


@pytest.fixture
def tasks_url() -> Iterator[str]:
    port = free_port()
    words = ("-m", "localcloud", "tasks", "--port", str(port), "--grpc-port", str(free_port()))
    with subprocess.Popen([sys.executable, *words]) as process:
        url = f"http://127.0.0.1:{port}"
        eventually(lambda: answers(f"{url}/_local/health"), "a healthy tasks stand-in")
        yield url
        process.terminate()


def test_task_reaches_its_target_when_made_by_a_workflow(
    launch: Callable[..., Any], tasks_url: str, tmp_path: Path
) -> None:
    hosts = tmp_path / "hosts.json"
    hosts.write_text(json.dumps({"https://cloudtasks.googleapis.com": tasks_url}))
    made = launch("--host-map", str(hosts))
    for name, source in {"calls": SOURCE, "target": "[{a: {return: reached}}]"}.items():
        made.post(f"{PARENT}/workflows?workflowId={name}", {"sourceContents": source})
    target = f"{PARENT}/workflows/target/executions"
    name = made.post(f"{PARENT}/workflows/calls/executions", {"argument": json.dumps(made.rest + target)})["name"]
    execution = eventually(
        lambda: found if (found := made.get(f"/v1/{name}"))["state"] != "ACTIVE" else None, "the end of the execution"
    )

    assert execution.get("error") is None
    assert json.loads(execution["result"]) == [
        "RUNNING",
        "projects/local/locations/us-central1/queues/q/tasks/later",
        1,
        409,
    ]
    assert eventually(lambda: made.get(target)["executions"], "the dispatched task")
