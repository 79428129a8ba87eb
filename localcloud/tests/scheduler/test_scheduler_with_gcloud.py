"""The gcloud program, unmodified, against the stand-in (FEATURES H7)."""

from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest

from localcloud.tests.harness import Gcloud, StandIn, Worker, gcloud_against
from localcloud.tests.waiting import eventually


@pytest.fixture
def gcloud(running: StandIn, tmp_path: Path) -> Gcloud:
    return gcloud_against(running, tmp_path, "scheduler", "jobs")


def test_job_when_gcloud_creates_updates_pauses_runs_and_deletes_it_then_as_in_the_cloud(
    gcloud: Gcloud, worker: Worker
) -> None:
    name = f"j-{uuid4().hex}"
    made = gcloud(
        *("create", "http", name, "--schedule=*/5 * * * *", f"--uri={worker.url}/sweep", "--message-body={}"),
        *("--oidc-service-account-email=s@local", "--oidc-token-audience=a", "--attempt-deadline=30s"),
    )
    gcloud("update", "http", name, "--schedule=0 4 * * *", "--max-retry-attempts=2", "--update-headers=X-Film=7")
    described = gcloud("describe", name)
    gcloud("pause", name)
    paused = gcloud("list")
    gcloud("resume", name)
    gcloud("run", name)
    got = eventually(lambda: worker.received)[0]
    cleared = gcloud("update", "http", name, "--clear-auth-token")
    gcloud("delete", name)

    assert (made["httpTarget"]["oidcToken"]["audience"], made["attemptDeadline"]) == ("a", "30s")
    assert (described["schedule"], described["retryConfig"]["retryCount"], described["state"]) == (
        ("0 4 * * *", 2, "ENABLED")
    )
    assert [job["state"] for job in paused if job["name"].endswith(name)] == ["PAUSED"]
    assert (got.method, got.path, got.body, got.headers["x-film"]) == ("POST", "/sweep", b"{}", "7")
    assert got.headers["authorization"] == "Bearer id-token:s@local:a"
    assert "oidcToken" not in cleared["httpTarget"]
    assert "NOT_FOUND" in gcloud("describe", name, ok=False)


def test_wrong_schedule_when_gcloud_creates_then_it_shows_the_services_sentence(
    gcloud: Callable[..., str], worker: Worker
) -> None:
    told = gcloud("create", "http", f"j-{uuid4().hex}", "--schedule=0 0 L * *", f"--uri={worker.url}/", ok=False)

    assert "INVALID_ARGUMENT: Schedule or time zone is invalid." in told
