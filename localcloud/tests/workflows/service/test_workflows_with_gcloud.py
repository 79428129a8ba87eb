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


def test_workflow_when_deployed_run_and_described_by_gcloud_then_works_as_in_the_cloud(
    gcloud: Gcloud, tmp_path: Path
) -> None:
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


def test_execution_when_started_listed_and_cancelled_by_gcloud_then_works_as_in_the_cloud(
    gcloud: Gcloud, tmp_path: Path
) -> None:
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

    assert [(found["name"], found["state"]) for found in listed] == [(started["name"], "ACTIVE")]
    assert described["state"] == "CANCELLED"
    assert name not in [found["name"].rpartition("/")[2] for found in gcloud("list")]


def test_workflow_when_deployed_again_by_gcloud_then_only_what_is_named_changes(gcloud: Gcloud, tmp_path: Path) -> None:
    name = f"full-{uuid.uuid4()}"
    source = tmp_path / "full.yaml"
    source.write_text(SOURCE)
    first = gcloud(
        "deploy", name, f"--source={source}", "--description=a film", "--labels=team=film",
        "--set-env-vars=A=b,C=d", "--service-account=me@local.iam.gserviceaccount.com",
        "--call-log-level=log-all-calls",
    )  # fmt: skip
    second = gcloud("deploy", name, "--description=a longer film", "--update-env-vars=A=z")
    (listed,) = gcloud("list", f"--filter=name:{name}")

    assert first["serviceAccount"] == "projects/-/serviceAccounts/me@local.iam.gserviceaccount.com"
    assert (first["labels"]["team"], first["callLogLevel"]) == ("film", "LOG_ALL_CALLS")
    assert (second["description"], second["labels"], second["serviceAccount"]) == (
        "a longer film", first["labels"], first["serviceAccount"],
    )  # fmt: skip
    assert second["userEnvVars"] == {"A": "z", "C": "d"}
    assert (listed["revisionId"], listed["sourceContents"]) == (second["revisionId"], SOURCE)


def test_last_execution_when_waited_for_and_described_by_gcloud_then_is_the_one_just_started(
    gcloud: Gcloud, tmp_path: Path
) -> None:
    name = f"last-{uuid.uuid4()}"
    source = tmp_path / "last.yaml"
    source.write_text(SOURCE)
    gcloud("deploy", name, f"--source={source}")
    started = gcloud("execute", name, '--data={"nap_s": 0.2}', "--labels=take=two")
    waited = gcloud("executions", "wait-last", place=False)
    described = gcloud("executions", "describe-last", place=False)
    again = gcloud("executions", "wait", started["name"].rpartition("/")[2], f"--workflow={name}")

    assert (waited["name"], waited["state"], waited["labels"]) == (started["name"], "SUCCEEDED", {"take": "two"})
    assert described == waited == again


def test_wrong_name_when_given_to_gcloud_then_it_says_what_is_missing(gcloud: Gcloud) -> None:
    assert "NOT_FOUND" in gcloud("describe", "no-such-workflow", ok=False)
    assert "does not exist" in gcloud("run", "no-such-workflow", ok=False)


def test_bad_source_when_deployed_by_gcloud_then_the_complaint_is_shown(gcloud: Gcloud, tmp_path: Path) -> None:
    source = tmp_path / "bad.yaml"
    source.write_text(SOURCE.replace("input.fail", "inptu.fail"))
    complaint = gcloud("deploy", f"bad-{uuid.uuid4()}", f"--source={source}", ok=False)

    assert "line 10" in complaint
    assert "'inptu'" in complaint
