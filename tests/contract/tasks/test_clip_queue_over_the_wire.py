"""The clip queue's adapter against the stand-in: what submit_clip is sent (H6, docs/adr/0005)."""

import json
from collections.abc import Callable
from dataclasses import replace

from google.cloud import tasks_v2

from promptreel.adapters.tasks import CloudTasksQueue
from promptreel.domain.ids import traceparent
from promptreel.ports import ClipTask
from tests.contract.tasks.conftest import LOCATION
from tests.contract.tasks.harness import StandIn, Worker
from tests.waiting import eventually

CLIP = ClipTask(job_id="job-0123456789abcdef0123", run=2, scene="scene-01", take=1, attempt=3, dispatch=1)


def test_clip_when_enqueued_twice_then_asked_for_once_in_its_jobs_trace(
    running: StandIn, connect: Callable[[StandIn], tasks_v2.CloudTasksClient], worker: Worker
) -> None:
    client = connect(running)
    for name in ("clips", "clips-high"):
        client.create_queue(parent=LOCATION, queue=tasks_v2.Queue(name=f"{LOCATION}/queues/{name}"))
    queue = CloudTasksQueue("local", "us-central1", running.url, f"{worker.url}/submit", "tasks@local")
    queue.__dict__["_client"] = client  # without a real account's credentials

    queue.put(CLIP, high=False)
    queue.put(CLIP, high=False)
    queue.put(replace(CLIP, dispatch=2), high=True)

    eventually(lambda: len(worker.received) == 2)
    assert {request.headers["traceparent"] for request in worker.received} == {traceparent(CLIP.job_id)}
    assert all(json.loads(request.body)["attempt"] == 3 for request in worker.received)
