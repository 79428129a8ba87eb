"""Batches of tasks, as Google's own client asks for them."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from google.api_core import exceptions
from google.cloud import tasks_v2

from localcloud.tests.harness import Worker
from localcloud.tests.waiting import PATIENCE_S, eventually

Client = tasks_v2.CloudTasksClient
MakeTask = Callable[..., tasks_v2.Task]
MakeQueue = Callable[..., tasks_v2.Queue]

State = tasks_v2.BatchCreateTasksMetadata.State


@pytest.fixture
def paused(client: Client, a_queue: MakeQueue) -> str:
    """The name of a queue whose tasks stay."""
    queue = a_queue()
    client.pause_queue(name=queue.name)
    return queue.name


def named(queue: str, *names: str) -> list[str]:
    return [f"{queue}/tasks/{name}" for name in names]


def batch(queue: str, *tasks: tasks_v2.Task, **fields: Any) -> dict[str, Any]:
    return {"parent": queue, "requests": [{"parent": queue, "task": task} for task in tasks], **fields}


def test_every_task_reaches_its_worker_when_batch_is_created(
    client: Client, a_queue: MakeQueue, a_task: MakeTask, worker: Worker
) -> None:
    queue = a_queue().name
    operation = client.batch_create_tasks(request=batch(queue, a_task(name=named(queue, "a")[0]), a_task()))
    made = operation.result(timeout=PATIENCE_S)
    eventually(lambda: len(worker.received) == 2)

    assert made.tasks[0].name == named(queue, "a")[0]
    assert operation.metadata.state == State.SUCCEEDED
    assert operation.metadata.start_time <= operation.metadata.end_time


def test_batch_creates_the_other_tasks_and_says_which_when_some_are_refused(
    client: Client, paused: str, a_task: MakeTask
) -> None:
    taken, new = named(paused, "taken", "new")
    client.create_task(parent=paused, task=a_task(name=taken))
    wish = batch(paused, a_task(name=taken), a_task(name=new), a_task(request={"url": "nonsense"}))
    operation = client.batch_create_tasks(request=wish)

    assert [task.name for task in operation.result(timeout=PATIENCE_S).tasks] == [new]
    assert operation.metadata.state == State.PARTIALLY_SUCCEEDED
    assert {place: status.code for place, status in operation.metadata.failed_requests.items()} == {0: 6, 2: 3}
    assert {task.name for task in client.list_tasks(parent=paused)} == {taken, new}


def test_operation_is_aborted_when_every_task_is_refused(client: Client, paused: str, a_task: MakeTask) -> None:
    operation = client.batch_create_tasks(request=batch(paused, a_task(request={"url": "nonsense"})))

    with pytest.raises(exceptions.Aborted, match="None of the requests succeeded"):
        operation.result(timeout=PATIENCE_S)


def test_nothing_is_created_twice_when_batch_is_sent_again_with_its_request_id(
    client: Client, paused: str, a_task: MakeTask
) -> None:
    wish = batch(paused, a_task(), request_id=str(uuid4()))
    first, second = (client.batch_create_tasks(request=wish) for _ in range(2))

    assert first.operation == second.operation
    assert len(list(client.list_tasks(parent=paused))) == 1


def test_operation_is_told_again_when_asked_for_by_its_name(client: Client, paused: str, a_task: MakeTask) -> None:
    operation = client.batch_create_tasks(request=batch(paused, a_task()))
    told = client.get_operation({"name": operation.operation.name})

    assert (told.done, told.response) == (True, operation.operation.response)
    with pytest.raises(exceptions.NotFound):
        client.get_operation({"name": f"{operation.operation.name}0"})


def test_tasks_are_gone_and_a_missing_one_is_named_when_deleted_in_a_batch(
    client: Client, paused: str, a_task: MakeTask
) -> None:
    names = named(paused, "a", "b", "missing")
    client.batch_create_tasks(request=batch(paused, *(a_task(name=name) for name in names[:2])))
    operation = client.batch_delete_tasks(request={"parent": paused, "names": names})
    operation.result(timeout=PATIENCE_S)

    assert list(client.list_tasks(parent=paused)) == []
    assert {place: status.code for place, status in operation.metadata.failed_requests.items()} == {2: 5}
    with pytest.raises(exceptions.Aborted):
        client.batch_delete_tasks(request={"parent": paused, "names": names}).result(timeout=PATIENCE_S)


@pytest.mark.parametrize("count", [0, 101])
def test_batch_of_no_or_too_many_tasks_is_answered_with_400_when_created(
    client: Client, paused: str, a_task: MakeTask, count: int
) -> None:
    with pytest.raises(exceptions.BadRequest, match="between 1 and 100"):
        client.batch_create_tasks(request=batch(paused, *[a_task()] * count))


def test_batch_is_answered_with_400_and_does_nothing_when_it_names_several_queues(
    client: Client, paused: str, a_queue: MakeQueue, a_task: MakeTask
) -> None:
    other = a_queue().name
    wish = batch(paused, a_task(), a_task())
    wish["requests"][1]["parent"] = other

    with pytest.raises(exceptions.BadRequest, match="parent"):
        client.batch_create_tasks(request=wish)
    with pytest.raises(exceptions.BadRequest, match="in the queue"):
        client.batch_delete_tasks(request={"parent": paused, "names": named(other, "a")})
    assert list(client.list_tasks(parent=paused)) == []


def test_batch_is_answered_with_404_when_its_queue_does_not_exist(client: Client, a_task: MakeTask) -> None:
    missing = f"projects/local/locations/us-central1/queues/q-{uuid4().hex}"

    with pytest.raises(exceptions.NotFound):
        client.batch_create_tasks(request=batch(missing, a_task()))
