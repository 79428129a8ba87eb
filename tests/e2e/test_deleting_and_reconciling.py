"""Reconcile a ledger with a bill, and delete a job with all it owns, over the emulated stores."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from localcloud.tests import loopback
from localcloud.tests.waiting import PATIENCE_S, eventually
from tests.e2e.stack import BY_VEO, FOUR_SCENES, ONE_SHORT_SCENE, ROOT, Stack


def promptreel(stack: Stack, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the command as the owner."""
    state = stack.state
    env = {**os.environ, "PROMPTREEL_API": state["api"], "PROMPTREEL_TOKEN": state["tokens"]["owner"], "COLUMNS": "140"}
    command = [sys.executable, "-m", "client.cli", *words]
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False, timeout=PATIENCE_S)


def objects(stack: Stack, name: str, bucket: str = "artifacts") -> list[str]:
    """Names of a job's objects in a bucket, or of the report on a file."""
    url = f"{stack.state['storage']}/storage/v1/b/{stack.project}-{bucket}/o"
    prefix = f"reports/{name}" if bucket == "results" else f"jobs/{name}/"
    listed = loopback.get(url, params={"prefix": prefix}).raise_for_status().json()
    return [item["name"] for item in listed.get("items", [])]


def documents(stack: Stack, path: str) -> list[dict[str, Any]]:
    """Documents of a collection in the Firestore emulator."""
    root = f"http://{stack.state['firestore']}/v1/projects/{stack.project}/databases/(default)/documents"
    answer = loopback.get(f"{root}/{path}", headers={"Authorization": "Bearer owner"}).raise_for_status()
    return list(answer.json().get("documents", []))


def test_reconcile_releases_a_lost_call_when_it_was_never_billed(stack: Stack, tmp_path: Path) -> None:
    stack.vertex("POST", "faults", [{"model": "*image*", "method": "*", "nth": [1], "fault": "reset_before"}])
    begun = len(stack.bill())
    job_id = stack.submit("One scene of a fox in the snow", **ONE_SHORT_SCENE)
    job = stack.wait(job_id)
    assert job["state"] == "COMPLETE", job["error"]
    table = loopback.get(f"{stack.state['vertex']}/_local/ledger.csv").text.splitlines()
    bill = tmp_path / "bill.csv"
    bill.write_text("\n".join([table[0], *table[1 + begun :]]))
    time = ("--since", job["created"], "--until", (datetime.now(UTC) + timedelta(hours=1)).isoformat())

    compared = promptreel(stack, "reconcile", job_id, "--bill", str(bill), *time)
    assert (compared.returncode, "never billed" in compared.stdout) == (1, True), compared.stdout + compared.stderr
    (lost,) = [call for call in stack.ledger(job_id)["calls"] if call["state"] == "LOST"]
    applied = promptreel(stack, "reconcile", job_id, "--bill", str(bill), *time, "--apply")

    assert (applied.returncode, "released" in applied.stdout) == (0, True), applied.stdout + applied.stderr
    ledger = stack.ledger(job_id)
    assert {call["id"]: call["state"] for call in ledger["calls"]}[lost["id"]] == "RELEASED"
    assert ledger["totals"]["spent_micros"] == sum(line["micros"] for line in stack.bill()[begun:])


def test_nothing_is_served_and_nothing_is_left_when_a_finished_job_is_deleted(stack: Stack) -> None:
    request = {"prompt": "One scene of an owl", "owner": "owner@example.com", **ONE_SHORT_SCENE}
    stack.upload("ideas/owl.json", json.dumps(request).encode(), "application/json")
    job_id = stack.report("ideas/owl.json")["job_id"]
    job = stack.wait(job_id)
    assert job["state"] == "COMPLETE", job["error"]
    film = job["output"]["film"]["url"]
    assert loopback.get(film).status_code == 200
    assert stack.api("DELETE", f"/v1/jobs/{job_id}", person="stranger").status_code == 404

    deleted = promptreel(stack, "delete", job_id, "--yes")

    assert (deleted.returncode, deleted.stdout) == (0, "DELETING\n"), deleted.stderr
    assert stack.api("GET", f"/v1/jobs/{job_id}").status_code == 404
    assert job_id not in [one["id"] for one in stack.api("GET", "/v1/jobs").json()["jobs"]]
    eventually(
        lambda: not objects(stack, job_id) and not documents(stack, f"jobs/{job_id}/calls"),
        "the deletion of all objects and calls",
        60,
    )
    assert documents(stack, f"jobs/{job_id}/scenes") == []
    assert [one for one in documents(stack, "renders") if job_id in str(one)] == []
    assert objects(stack, "ideas/owl.json", "results") == []
    assert loopback.get(film).status_code == 404
    assert stack.api("DELETE", f"/v1/jobs/{job_id}").status_code == 202


def test_nothing_more_is_paid_and_nothing_is_left_when_a_running_job_is_deleted(stack: Stack) -> None:
    stack.vertex("POST", "profile", {"time_scale": 0.05, "latency_s": {"*image*": 30, "veo-*": 60}})
    job_id = stack.submit(FOUR_SCENES, scenes=4, duration_s=16, **BY_VEO)
    eventually(lambda: stack.bill(job_id), "a first clip")

    assert stack.api("DELETE", f"/v1/jobs/{job_id}").status_code == 202
    eventually(lambda: not documents(stack, f"jobs/{job_id}/calls"), "the deletion of every call", 90)

    paid = stack.bill(job_id)
    assert len(paid) < 4
    assert objects(stack, job_id) == []
    (tombstone,) = [one for one in documents(stack, "jobs") if job_id in one["name"]]
    assert "seed falls" not in str(tombstone)
    assert stack.bill(job_id) == paid
