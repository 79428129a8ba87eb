"""The gcloud program, unmodified, against the stand-in."""

from pathlib import Path
from uuid import uuid4

import pytest

from localcloud.tests.harness import Gcloud, StandIn, Worker, gcloud_against
from localcloud.tests.waiting import eventually


@pytest.fixture
def gcloud(running: StandIn, tmp_path: Path) -> Gcloud:
    return gcloud_against(running, tmp_path, "scheduler", "jobs")


def test_gcloud_manages_and_runs_a_job_as_in_the_cloud(gcloud: Gcloud, worker: Worker) -> None:
    name = f"j-{uuid4().hex}"
    made = gcloud(
        *("create", "http", name, "--schedule=*/5 * * * *", f"--uri={worker.url}/sweep", "--message-body={}"),
        *("--oidc-service-account-email=s@local", "--oidc-token-audience=a", "--attempt-deadline=30s"),
    )
    gcloud("update", "http", name, "--schedule=0 4 * * *", "--max-retry-attempts=2", "--update-headers=X-Film=7")
    gcloud("run", name)
    got = eventually(lambda: worker.received)[0]
    gcloud("pause", name)
    (listed,) = [job for job in gcloud("list") if job["name"].endswith(name)]
    gcloud("delete", name)

    assert (made["httpTarget"]["oidcToken"]["audience"], made["attemptDeadline"]) == ("a", "30s")
    assert (listed["schedule"], listed["retryConfig"]["retryCount"], listed["state"]) == ("0 4 * * *", 2, "PAUSED")
    assert (got.method, got.path, got.body, got.headers["x-film"]) == ("POST", "/sweep", b"{}", "7")
    assert got.headers["authorization"] == "Bearer id-token:s@local:a"
    assert "NOT_FOUND" in gcloud("describe", name, ok=False)
