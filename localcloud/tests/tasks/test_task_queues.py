"""Queues, as Google's own client sees them."""

from collections.abc import Callable
from typing import Any

import pytest
from google.api_core import exceptions
from google.cloud import tasks_v2
from google.protobuf.field_mask_pb2 import FieldMask  # type: ignore[attr-defined]

from localcloud.tests import loopback
from localcloud.tests.harness import StandIn, Worker
from localcloud.tests.waiting import eventually

LOCATION = "projects/local/locations/us-central1"


def test_new_queue_has_the_documented_defaults_when_read_back(
    client: tasks_v2.CloudTasksClient, a_queue: Callable[..., tasks_v2.Queue]
) -> None:
    queue = client.get_queue(name=a_queue().name)

    assert queue.state == tasks_v2.Queue.State.RUNNING
    assert queue.rate_limits.max_dispatches_per_second == 500
    assert queue.rate_limits.max_burst_size == 100
    assert queue.rate_limits.max_concurrent_dispatches == 1000
    assert queue.retry_config.max_attempts == 100
    assert queue.retry_config.min_backoff.total_seconds() == 0.1
    assert queue.retry_config.max_backoff.total_seconds() == 3600
    assert queue.retry_config.max_doublings == 16


def test_existing_queue_is_answered_with_409_when_created_again(
    client: tasks_v2.CloudTasksClient, a_queue: Callable[..., tasks_v2.Queue]
) -> None:
    queue = a_queue()

    with pytest.raises(exceptions.Conflict):
        client.create_queue(parent=LOCATION, queue=queue)


def test_queue_name_is_still_taken_when_its_queue_was_just_deleted(
    client: tasks_v2.CloudTasksClient, a_queue: Callable[..., tasks_v2.Queue]
) -> None:
    queue = a_queue()
    client.delete_queue(name=queue.name)

    with pytest.raises(exceptions.NotFound):
        client.get_queue(name=queue.name)
    with pytest.raises(exceptions.BadRequest, match="too recently"):
        client.create_queue(parent=LOCATION, queue=queue)


def test_queue_keeps_its_other_settings_when_one_is_patched(
    client: tasks_v2.CloudTasksClient, a_queue: Callable[..., tasks_v2.Queue]
) -> None:
    queue = a_queue(rate_limits={"max_dispatches_per_second": 3, "max_concurrent_dispatches": 7})
    patch = tasks_v2.Queue(name=queue.name, rate_limits={"max_dispatches_per_second": 40})
    client.update_queue(queue=patch, update_mask=FieldMask(paths=["rate_limits.max_dispatches_per_second"]))
    patched = client.get_queue(name=queue.name)

    assert patched.rate_limits.max_dispatches_per_second == 40
    assert patched.rate_limits.max_concurrent_dispatches == 7
    assert patched.rate_limits.max_burst_size == 10


@pytest.mark.parametrize("path", ["state", "name", "rate_limits.speed", "nothing"])
def test_queue_is_answered_with_400_when_a_field_is_patched_that_cannot_be(
    client: tasks_v2.CloudTasksClient, a_queue: Callable[..., tasks_v2.Queue], path: str
) -> None:
    queue = a_queue()

    with pytest.raises(exceptions.BadRequest):
        client.update_queue(queue=queue, update_mask=FieldMask(paths=[path]))


@pytest.mark.parametrize(
    "settings",
    [
        {"rate_limits": {"max_dispatches_per_second": 501}},
        {"rate_limits": {"max_concurrent_dispatches": 5001}},
        {"retry_config": {"max_attempts": -2}},
        {"retry_config": {"min_backoff": {"seconds": 9}, "max_backoff": {"seconds": 3}}},
    ],
)
def test_impossible_settings_are_answered_with_400_when_a_queue_is_created(
    a_queue: Callable[..., tasks_v2.Queue], settings: dict[str, Any]
) -> None:
    with pytest.raises(exceptions.BadRequest):
        a_queue(**settings)


def test_paused_queue_waits_for_resume_when_a_task_is_created(
    client: tasks_v2.CloudTasksClient,
    a_queue: Callable[..., tasks_v2.Queue],
    a_task: Callable[..., tasks_v2.Task],
    worker: Worker,
) -> None:
    queue, other = a_queue(), a_queue()
    paused = client.pause_queue(name=queue.name)
    client.create_task(parent=queue.name, task=a_task())
    client.create_task(parent=other.name, task=a_task(request={"url": f"{worker.url}/other"}))
    eventually(lambda: worker.received)  # the later task has gone, so the paused one would have gone as well
    before = [request.path for request in worker.received]
    resumed = client.resume_queue(name=queue.name)

    eventually(lambda: len(worker.received) == 2)
    assert before == ["/other"]
    assert (paused.state, resumed.state) == (tasks_v2.Queue.State.PAUSED, tasks_v2.Queue.State.RUNNING)


def test_purged_queue_is_empty_and_names_stay_taken_when_listed(
    client: tasks_v2.CloudTasksClient, a_queue: Callable[..., tasks_v2.Queue], a_task: Callable[..., tasks_v2.Task]
) -> None:
    queue = a_queue()
    client.pause_queue(name=queue.name)
    task = client.create_task(parent=queue.name, task=a_task(name=f"{queue.name}/tasks/one"))
    purged = client.purge_queue(name=queue.name)

    assert purged.purge_time is not None
    assert list(client.list_tasks(parent=queue.name)) == []
    with pytest.raises(exceptions.Conflict):
        client.create_task(parent=queue.name, task=task)


def test_queue_is_listed_once_when_many_are_listed_in_pages(
    client: tasks_v2.CloudTasksClient, a_queue: Callable[..., tasks_v2.Queue]
) -> None:
    made = {a_queue().name for _ in range(5)}
    pages = client.list_queues(request={"parent": LOCATION, "page_size": 2})
    listed = [queue.name for queue in pages]

    assert len(listed) == len(set(listed))
    assert made <= set(listed)


def test_location_is_described_and_those_in_use_are_listed_when_asked_for(
    client: tasks_v2.CloudTasksClient, a_queue: Callable[..., tasks_v2.Queue]
) -> None:
    a_queue()
    one = client.get_location({"name": LOCATION})
    listed = client.list_locations({"name": "projects/local"}).locations

    assert (one.name, one.location_id) == (LOCATION, "us-central1")
    assert LOCATION in [location.name for location in listed]
    assert not client.list_locations({"name": "projects/elsewhere"}).locations


@pytest.mark.parametrize("path", ["/v2/projects/local/nothing", "/v2/projects/local/locations/x/queues/none"])
def test_request_is_answered_with_404_in_googles_envelope_when_its_path_is_unknown(running: StandIn, path: str) -> None:
    answer = loopback.get(running.url + path)

    assert answer.status_code == 404
    assert answer.json()["error"]["status"] == "NOT_FOUND"


def test_request_is_answered_with_400_in_googles_envelope_when_a_field_is_unknown(running: StandIn) -> None:
    answer = loopback.post(f"{running.url}/v2/{LOCATION}/queues", json={"colour": "red"})

    assert answer.status_code == 400
    assert answer.json()["error"]["status"] == "INVALID_ARGUMENT"
