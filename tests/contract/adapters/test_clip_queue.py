"""The clip queue's adapter against the stand-in: what submit_clip is sent (docs/adr/0005)."""

import json
from collections.abc import Callable
from dataclasses import replace

import pytest
from google.cloud import tasks_v2

from localcloud.tests.harness import StandIn, Worker
from localcloud.tests.tasks.conftest import LOCATION
from localcloud.tests.waiting import eventually
from promptreel.adapters.tasks import CloudTasksQueue
from promptreel.domain.identifiers import traceparent
from promptreel.ports.orchestration import ClipTask

CLIP = ClipTask(job_id="job-0123456789abcdef0123", run=2, scene="scene-01", take=1, attempt=3, dispatch=1)


@pytest.fixture
def queue(running: StandIn, connect: Callable[[StandIn], tasks_v2.CloudTasksClient], worker: Worker) -> CloudTasksQueue:
    client = connect(running)
    for name in ("clips", "clips-high"):
        client.update_queue(queue=tasks_v2.Queue(name=f"{LOCATION}/queues/{name}"))  # made when it is missing
    queue = CloudTasksQueue("local", "us-central1", running.url, f"{worker.url}/submit", "tasks@local")
    queue.__dict__["_client"] = client  # without a real account's credentials
    return queue


def test_clip_is_submitted_once_in_its_jobs_trace_when_enqueued_twice(queue: CloudTasksQueue, worker: Worker) -> None:
    queue.enqueue(CLIP, high=False)
    queue.enqueue(CLIP, high=False)
    queue.enqueue(replace(CLIP, dispatch=2), high=True)

    eventually(lambda: len(worker.received) == 2)
    assert {request.headers["traceparent"] for request in worker.received} == {traceparent(CLIP.job_id)}
    assert all(json.loads(request.body)["attempt"] == 3 for request in worker.received)


def test_clip_task_is_in_the_queue_from_its_making_until_it_is_done(queue: CloudTasksQueue, worker: Worker) -> None:
    clip = replace(CLIP, dispatch=7)
    queue._client.pause_queue(name=f"{LOCATION}/queues/clips")
    assert not queue.contains(clip, high=False)
    queue.enqueue(clip, high=False)
    assert queue.contains(clip, high=False)
    assert not queue.contains(clip, high=True)
    assert not queue.contains(replace(clip, dispatch=8), high=False)

    queue._client.resume_queue(name=f"{LOCATION}/queues/clips")

    eventually(lambda: not queue.contains(clip, high=False))
    assert len(worker.received) == 1
