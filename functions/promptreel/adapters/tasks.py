"""The clip queues in Cloud Tasks. A task's name is a hash of its dispatch, so the same dispatch is one task."""

import json
from contextlib import suppress
from dataclasses import asdict
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from promptreel.adapters.google_errors import translate_google_errors
from promptreel.domain import identifiers
from promptreel.errors import NotFound, VersionConflict
from promptreel.ports.orchestration import ClipTask

if TYPE_CHECKING:
    from google.cloud.tasks_v2 import CloudTasksClient

TIMEOUT_S = 20.0
DISPATCH_DEADLINE_S = 330  # submit_clip's own timeout is 300 s: rewrite the prompt, then submit the clip


class CloudTasksQueue:
    """A `ClipQueue`: ``clips`` and ``clips-high`` share Veo's per-minute quota."""

    def __init__(self, project: str, region: str, url: str, target: str, account: str) -> None:
        """Make the client on first use; ``url`` is empty for Google's own address."""
        self._queues = f"projects/{project}/locations/{region}/queues"
        self._url = url
        self._target = target
        self._account = account

    def enqueue(self, task: ClipTask, *, high: bool) -> None:
        """Create the task unless its name was used before."""
        from google.cloud import tasks_v2  # noqa: PLC0415 - cold start

        body = asdict(task)
        del body["dispatch"]  # names the task; the step does not know it
        wanted = tasks_v2.Task(
            name=self._name(task, high=high),
            dispatch_deadline=timedelta(seconds=DISPATCH_DEADLINE_S),
            http_request=tasks_v2.HttpRequest(
                url=self._target,
                http_method=tasks_v2.HttpMethod.POST,
                headers={"Content-Type": "application/json", "traceparent": identifiers.traceparent(task.job_id)},
                body=json.dumps(body).encode(),
                oidc_token=tasks_v2.OidcToken(service_account_email=self._account, audience=self._target),
            ),
        )
        # VersionConflict: this dispatch is in the queue already, or was.
        with suppress(VersionConflict), translate_google_errors("enqueue clip"):
            self._client.create_task(parent=self._queue(high=high), task=wanted, timeout=TIMEOUT_S)

    def contains(self, task: ClipTask, *, high: bool) -> bool:
        """Tell whether the task is in the queue. Needs cloudtasks.tasks.get, which the enqueuer's role does not have.

        Source: https://cloud.google.com/tasks/docs/reference/rest/v2/projects.locations.queues.tasks/get
        """
        try:
            with translate_google_errors("look for clip task"):
                self._client.get_task(name=self._name(task, high=high), timeout=TIMEOUT_S)
        except NotFound:
            return False
        return True

    def _queue(self, *, high: bool) -> str:
        return f"{self._queues}/{'clips-high' if high else 'clips'}"

    def _name(self, task: ClipTask, *, high: bool) -> str:
        parts = (task.job_id, task.scene, task.take, task.attempt, task.run, task.dispatch)
        return f"{self._queue(high=high)}/tasks/{identifiers.digest(*map(str, parts))}"

    @cached_property
    def _client(self) -> "CloudTasksClient":
        from google.cloud.tasks_v2 import CloudTasksClient  # noqa: PLC0415 - cold start

        options = {"api_endpoint": self._url} if self._url else None
        return CloudTasksClient(transport="rest", client_options=options)
