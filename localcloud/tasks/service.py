"""The operations of Cloud Tasks v2 on the store; everything a client may ask for, apart from how it is spelled in HTTP.

Dispatching is not here: each change that may open or shorten a wait is announced through `wake`.
"""

from collections.abc import Callable, Iterable
from typing import Any
from uuid import uuid4

from localcloud.messages import seconds, set_seconds
from localcloud.names import parent_of
from localcloud.serving import ApiError
from localcloud.tasks import admission, names, queues, wire
from localcloud.tasks.store import Store, StoredTask

_TASK_TAKEN = "The task cannot be created because a task with this name existed too recently."
_QUEUE_TAKEN = "The queue cannot be created because a queue with this name existed too recently."


class Service:
    def __init__(self, store: Store, *, now_s: Callable[[], float], wake: Callable[[], None]) -> None:
        self._store = store
        self._now_s = now_s
        self._wake = wake

    # Queues

    def create_queue(self, location: str, queue: Any) -> Any:
        names.queue_name(queue.name)
        if parent_of(queue.name) != location:
            raise ApiError(400, f"Queue name '{queue.name}' is not in the parent '{location}'.")
        if self._store.queue(queue.name) is not None:
            raise ApiError(409, "Queue already exists")
        return self._add_queue(queue)

    def update_queue(self, queue: Any, mask: Iterable[str]) -> Any:
        """Change the masked fields; a queue that does not exist is created, as the service does."""
        names.queue_name(queue.name)
        old = self._store.queue(queue.name)
        if old is None:
            return self._add_queue(queue)
        new = queues.updated_queue(old, queue, mask)
        self._store.save_queue(new)
        self._wake()
        return new

    def queue(self, name: str) -> Any:
        queue = self._store.queue(names.queue_name(name))
        if queue is None:
            raise ApiError(404, "Queue does not exist. If you just created the queue, wait at least a minute for it.")
        return queue

    def queues(self, location: str) -> list[Any]:
        return self._store.queues(names.location_name(location))

    def all_queues(self) -> list[Any]:
        return self._store.queues()

    def delete_queue(self, name: str) -> None:
        self.queue(name)
        self._store.delete_queue(name, blocked_until_s=self._now_s() + names.QUEUE_NAME_BLOCKED_S)
        self._wake()

    def pause_queue(self, name: str) -> Any:
        return self._set_state(name, wire.PAUSED)

    def resume_queue(self, name: str) -> Any:
        return self._set_state(name, wire.RUNNING)

    def purge_queue(self, name: str) -> Any:
        queue, now_s = self.queue(name), self._now_s()
        self._store.purge_queue(name, blocked_until_s=now_s + names.TASK_NAME_BLOCKED_S)
        set_seconds(queue.purge_time, now_s)
        self._store.save_queue(queue)
        self._wake()
        return queue

    # Tasks

    def create_task(self, queue_name: str, task: Any) -> Any:
        self.queue(queue_name)
        name = self._free_task_name(queue_name, task.name)
        task = admission.accept_task(task, name, self._now_s())
        self._store.add_task(queue_name, StoredTask(task, seconds(task.schedule_time)))
        self._wake()
        return task

    def task(self, name: str) -> Any:
        stored = self._store.task(names.task_name(name))
        if stored is None:
            raise ApiError(404, "The task does not exist: it was never created, or it has finished.")
        return stored.message

    def tasks(self, queue_name: str, *, after: str, limit: int) -> list[Any]:
        self.queue(queue_name)
        return [stored.message for stored in self._store.tasks(queue_name, after=after, limit=limit)]

    def delete_task(self, name: str) -> None:
        self.task(name)
        self._store.delete_task(name, blocked_until_s=self._now_s() + names.TASK_NAME_BLOCKED_S)
        self._wake()

    def _add_queue(self, queue: Any) -> Any:
        if self._store.is_blocked(queue.name, self._now_s()):
            raise ApiError(400, _QUEUE_TAKEN, "FAILED_PRECONDITION")
        queue.ClearField("state")
        queue.ClearField("purge_time")
        admitted = queues.accept_queue(queue)
        self._store.save_queue(admitted)
        return admitted

    def _set_state(self, name: str, state: int) -> Any:
        queue = self.queue(name)
        queue.state = state
        self._store.save_queue(queue)
        self._wake()
        return queue

    def _free_task_name(self, queue_name: str, wanted: str) -> str:
        if not wanted:
            return f"{queue_name}/tasks/{uuid4().int % 10**19:019d}"
        names.task_name(wanted)
        if parent_of(wanted) != queue_name:
            raise ApiError(400, f"Task name '{wanted}' is not in the queue '{queue_name}'.")
        if self._store.task(wanted) is not None:
            raise ApiError(409, "Requested entity already exists")
        if self._store.is_blocked(wanted, self._now_s()):
            raise ApiError(409, _TASK_TAKEN)
        return wanted
