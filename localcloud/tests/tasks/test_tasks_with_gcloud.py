"""The gcloud program, unmodified, against the stand-in."""

from pathlib import Path
from uuid import uuid4

import pytest

from localcloud.tests.harness import Gcloud, StandIn, Worker, gcloud_against
from localcloud.tests.waiting import eventually


@pytest.fixture
def gcloud(running: StandIn, tmp_path: Path) -> Gcloud:
    return gcloud_against(running, tmp_path, "tasks")


def test_gcloud_manages_a_queue_and_its_tasks_as_in_the_cloud(gcloud: Gcloud, worker: Worker) -> None:
    name = f"q-{uuid4().hex}"
    gcloud("queues", "create", name, "--max-dispatches-per-second=2", "--max-attempts=7", "--min-backoff=2s")
    gcloud("queues", "pause", name)
    gcloud("queues", "update", name, "--max-concurrent-dispatches=3")
    described = gcloud("queues", "describe", name)
    made = gcloud(
        *("create-http-task", "task-3", f"--queue={name}", f"--url={worker.url}/work"),
        *("--method=PUT", "--body-content=reel", "--header=X-Film:7"),
    )
    listed = gcloud("list", f"--queue={name}")
    gcloud("run", "task-3", f"--queue={name}")
    got = eventually(lambda: worker.received)[0]
    gcloud("queues", "delete", name)

    assert described["rateLimits"] == {"maxBurstSize": 10, "maxConcurrentDispatches": 3, "maxDispatchesPerSecond": 2.0}
    assert (described["retryConfig"]["maxAttempts"], described["retryConfig"]["minBackoff"]) == (7, "2s")
    assert described["state"] == "PAUSED"
    assert [task["name"] for task in listed] == [made["name"]]
    assert (got.method, got.path, got.body, got.headers["x-film"]) == ("PUT", "/work", b"reel", "7")
    assert "NOT_FOUND" in gcloud("queues", "describe", name, ok=False)
