"""The gcloud program, unmodified, against the stand-in."""

from pathlib import Path
from uuid import uuid4

import pytest

from localcloud.tests.harness import Gcloud, StandIn, Worker, gcloud_against
from localcloud.tests.waiting import eventually


@pytest.fixture
def gcloud(running: StandIn, tmp_path: Path) -> Gcloud:
    return gcloud_against(running, tmp_path, "tasks")


def test_queue_when_created_paused_purged_and_deleted_by_gcloud_then_as_in_the_cloud(gcloud: Gcloud) -> None:
    name = f"q-{uuid4().hex}"
    gcloud("queues", "create", name, "--max-dispatches-per-second=2", "--max-attempts=7", "--min-backoff=2s")
    described = gcloud("queues", "describe", name)
    gcloud("queues", "pause", name)
    paused = gcloud("queues", "describe", name)
    gcloud("queues", "purge", name)
    gcloud("queues", "resume", name)
    gcloud("queues", "update", name, "--max-concurrent-dispatches=3")
    resumed = gcloud("queues", "describe", name)
    listed = gcloud("queues", "list")
    gcloud("queues", "delete", name)

    assert described["rateLimits"] == {
        "maxBurstSize": 10,
        "maxConcurrentDispatches": 1000,
        "maxDispatchesPerSecond": 2.0,
    }
    assert (described["retryConfig"]["maxAttempts"], described["retryConfig"]["minBackoff"]) == (7, "2s")
    assert (described["state"], paused["state"], resumed["state"]) == ("RUNNING", "PAUSED", "RUNNING")
    assert (resumed["rateLimits"]["maxConcurrentDispatches"], resumed["retryConfig"]["maxAttempts"]) == (3, 7)
    assert name in [queue["name"].rpartition("/")[2] for queue in listed]
    assert "NOT_FOUND" in gcloud("queues", "describe", name, ok=False)


def test_task_when_created_listed_and_run_by_gcloud_then_reaches_its_worker(gcloud: Gcloud, worker: Worker) -> None:
    name = f"q-{uuid4().hex}"
    gcloud("queues", "create", name)
    gcloud("queues", "pause", name)
    made = gcloud(
        *("create-http-task", "scene-3", f"--queue={name}", f"--url={worker.url}/work"),
        *("--method=PUT", "--body-content=reel", "--header=X-Film:7"),
    )
    listed = gcloud("list", f"--queue={name}")
    again = gcloud("create-http-task", "scene-3", f"--queue={name}", f"--url={worker.url}/", ok=False)
    gcloud("run", "scene-3", f"--queue={name}")
    got = eventually(lambda: worker.received)[0]

    assert [task["name"] for task in listed] == [made["name"]]
    assert "ALREADY_EXISTS" in again
    assert (got.method, got.path, got.body, got.headers["x-film"]) == ("PUT", "/work", b"reel", "7")
