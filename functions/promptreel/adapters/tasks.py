"""Tasks in Cloud Tasks, and the clip queues. A task's name is a hash of its dispatch: the same dispatch is one task."""

import json
from contextlib import suppress
from dataclasses import asdict
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from promptreel.adapters.google_errors import translate_google_errors
from promptreel.domain import identifiers
from promptreel.errors import NotFound, VersionConflict
from promptreel.ports.orchestration import ClipTask

if TYPE_CHECKING:
    from google.cloud.tasks_v2 import CloudTasksClient

TIMEOUT_S = 20.0
DISPATCH_DEADLINE_S = 330  # submit_clip's own timeout is 300 s: rewrite the prompt, then submit the clip


class CloudTasks:
    """Creates tasks that post JSON to one address, as one account, each in the trace of its job."""

    def __init__(self, url: str, target: str, account: str, deadline_s: int) -> None:
        """Make the client on first use; ``url`` is empty for Google's own address."""
        self._url = url
        self._target = target
        self._account = account
        self._deadline = timedelta(seconds=deadline_s)

    def _create(self, queue: str, name: str, job_id: str, body: Any, due: datetime | None = None) -> None:
        """Create a task of the name in the queue, to be delivered at once or when it is ``due``."""
        from google.cloud import tasks_v2  # noqa: PLC0415 - cold start

        wanted = tasks_v2.Task(
            name=f"{queue}/tasks/{name}",
            schedule_time=due,
            dispatch_deadline=self._deadline,
            http_request=tasks_v2.HttpRequest(
                url=self._target,
                http_method=tasks_v2.HttpMethod.POST,
                headers={"Content-Type": "application/json", "traceparent": identifiers.traceparent(job_id)},
                body=json.dumps(body).encode(),
                oidc_token=tasks_v2.OidcToken(service_account_email=self._account, audience=self._target),
            ),
        )
        self._client.create_task(parent=queue, task=wanted, timeout=TIMEOUT_S)

    @cached_property
    def _client(self) -> "CloudTasksClient":
        from google.cloud.tasks_v2 import CloudTasksClient  # noqa: PLC0415 - cold start

        options = {"api_endpoint": self._url} if self._url else None
        return CloudTasksClient(transport="rest", client_options=options)


class CloudTasksQueue(CloudTasks):
    """A `ClipQueue`: ``clips`` and ``clips-high`` share Veo's per-minute quota."""

    def __init__(self, project: str, region: str, url: str, target: str, account: str) -> None:
        """``url`` is empty for Google's own address."""
        super().__init__(url, target, account, DISPATCH_DEADLINE_S)
        self._queues = f"projects/{project}/locations/{region}/queues"

    def enqueue(self, task: ClipTask, *, high: bool) -> None:
        """Create the task unless its name was used before."""
        body = asdict(task)
        del body["dispatch"]  # names the task; the step does not know it
        # VersionConflict: this dispatch is in the queue already, or was.
        with suppress(VersionConflict), translate_google_errors("enqueue clip"):
            self._create(self._queue(high=high), _name(task), task.job_id, body)

    def contains(self, task: ClipTask, *, high: bool) -> bool:
        """Tell whether the task is in the queue. Needs cloudtasks.tasks.get, which the enqueuer's role does not have.

        Source: https://cloud.google.com/tasks/docs/reference/rest/v2/projects.locations.queues.tasks/get
        """
        try:
            with translate_google_errors("look for clip task"):
                self._client.get_task(name=f"{self._queue(high=high)}/tasks/{_name(task)}", timeout=TIMEOUT_S)
        except NotFound:
            return False
        return True

    def _queue(self, *, high: bool) -> str:
        return f"{self._queues}/{'clips-high' if high else 'clips'}"


def _name(task: ClipTask) -> str:
    parts = (task.job_id, task.scene, task.take, task.attempt, task.run, task.dispatch)
    return identifiers.digest(*map(str, parts))
