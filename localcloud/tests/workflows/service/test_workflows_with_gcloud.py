"""The gcloud program, unmodified, against the stand-in."""

import json
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

SOURCE = """\
main:
  params: [input]
  steps:
  - choose:
      switch:
      - condition: ${"nap_s" in input}
        call: sys.sleep
        args: {seconds: "${input.nap_s}"}
      - condition: ${"fail" in input}
        raise: ${input.fail}
  - give:
      return: ${input}
"""

Gcloud = Callable[..., Any]


def test_gcloud_deploys_and_runs_a_workflow_as_in_the_cloud(gcloud: Gcloud, tmp_path: Path) -> None:
    name = f"film-{uuid.uuid4()}"
    source = tmp_path / "film.yaml"
    source.write_text(SOURCE)
    first = gcloud("deploy", name, f"--source={source}", "--set-env-vars=A=b")
    source.write_text(SOURCE.replace("give", "hand_back"))
    second = gcloud("deploy", name, f"--source={source}")
    ran = gcloud("run", name, '--data={"x": [1, "é"]}')
    failed = gcloud("run", name, '--data={"fail": "told to"}')

    assert (first["revisionId"][:6], second["revisionId"][:6]) == ("000001", "000002")
    assert second["userEnvVars"] == {"A": "b"}
    assert (ran["state"], json.loads(ran["result"])) == ("SUCCEEDED", {"x": [1, "é"]})
    assert (failed["state"], failed["error"]["payload"]) == ("FAILED", '"told to"')
    assert name in [found["name"].rpartition("/")[2] for found in gcloud("list")]
    assert gcloud("describe", name)["state"] == "ACTIVE"


def test_gcloud_lists_and_cancels_an_execution_as_in_the_cloud(gcloud: Gcloud, tmp_path: Path) -> None:
    name = f"nap-{uuid.uuid4()}"
    source = tmp_path / "nap.yaml"
    source.write_text(SOURCE)
    gcloud("deploy", name, f"--source={source}")
    started = gcloud("execute", name, '--data={"nap_s": 3600}')
    id_ = started["name"].rpartition("/")[2]
    listed = gcloud("executions", "list", name, "--filter=state=ACTIVE", "--sort-by=~startTime", "--limit=5")
    gcloud("executions", "cancel", id_, f"--workflow={name}")
    described = gcloud("executions", "describe", id_, f"--workflow={name}")
    gcloud("delete", name)

    assert "NOT_FOUND" in gcloud("describe", name, ok=False)
    assert [(found["name"], found["state"]) for found in listed] == [(started["name"], "ACTIVE")]
    assert described["state"] == "CANCELLED"


def test_gcloud_shows_the_complaint_when_a_bad_source_is_deployed(gcloud: Gcloud, tmp_path: Path) -> None:
    source = tmp_path / "bad.yaml"
    source.write_text(SOURCE.replace("input.fail", "inptu.fail"))
    complaint = gcloud("deploy", f"bad-{uuid.uuid4()}", f"--source={source}", ok=False)

    assert "line 10" in complaint
    assert "'inptu'" in complaint
