"""Create what Terraform creates in the cloud: buckets, queues, schedules and the workflow, by the services' own APIs.

Idempotent: it is repeated after a stand-in's restart.
"""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import httpx

from localstack.deployment import fill_all, job_id
from localstack.layout import Layout


class ProvisioningRefused(Exception):
    """A stand-in rejected the configuration; a retry would not help."""


@dataclass(frozen=True, slots=True)
class Provisioner:
    layout: Layout
    client: httpx.AsyncClient

    async def buckets(self) -> None:
        for bucket in self.layout.buckets().values():
            url = f"{self.layout.url('storage')}/storage/v1/b"
            answer = await self.client.post(url, params={"project": self.layout.project}, json={"name": bucket})
            _checked(answer, f"bucket {bucket}", already=HTTPStatus.CONFLICT)

    async def queues(self) -> None:
        parent = f"{self.layout.location()}/queues"
        for name, settings in self.layout.deployment.queues.items():
            queue = queue_resource(f"{parent}/{name}", settings, self.layout.pace)
            url = f"{self.layout.url('tasks')}/v2/{parent}"
            answer = await self.client.post(url, json=queue)
            if answer.status_code == HTTPStatus.CONFLICT:
                answer = await self.client.patch(f"{url}/{name}", json=queue)
            _checked(answer, f"queue {name}")

    async def schedules(self) -> None:
        parent = f"{self.layout.location()}/jobs"
        for name, settings in self.layout.deployment.schedules.items():
            service = next(each for each in self.layout.deployment.services if each.name == settings["service"])
            target, account = self.layout.url(service.name), self.layout.account("scheduler")
            job = job_resource(
                f"{parent}/{job_id(name)}", settings["every_s"], target, account, deadline_s=service.timeout_s
            )
            url = f"{self.layout.url('scheduler')}/v1/{parent}"
            answer = await self.client.post(url, json=job)
            if answer.status_code == HTTPStatus.CONFLICT:
                answer = await self.client.patch(f"{url}/{job_id(name)}", json=job)
            _checked(answer, f"scheduled job {name}")

    async def workflow(self) -> None:
        workflow = self.layout.deployment.workflow
        source = self.layout.root / workflow.source
        if not source.exists():
            raise ProvisioningRefused(f"workflow {workflow.name}: there is no {source}")
        resource = {
            "sourceContents": source.read_text(),
            "serviceAccount": f"projects/{self.layout.project}/serviceAccounts/{self.layout.account('workflow')}",
            "userEnvVars": fill_all(workflow.env, self.layout.placeholders()),
        }
        url = f"{self.layout.url('workflows')}/v1/{self.layout.location()}/workflows"
        answer = await self.client.post(url, params={"workflowId": workflow.name}, json=resource)
        if answer.status_code == HTTPStatus.CONFLICT:
            mask = {"updateMask": ",".join(resource)}
            answer = await self.client.patch(f"{url}/{workflow.name}", params=mask, json=resource)
        operation = _checked(answer, f"workflow {workflow.name}")
        if "error" in operation:
            raise ProvisioningRefused(f"workflow {workflow.name}: {operation['error'].get('message')}")

    async def person_token(self, email: str, audience: str, lifetime_s: int) -> str:
        request = {"email": email, "audience": audience, "lifetime_s": lifetime_s}
        answer = await self.client.post(f"{self.layout.url('metadata')}/_local/person", json=request)
        return str(_checked(answer, f"a token of {email}")["id_token"])


def queue_resource(name: str, settings: Mapping[str, Any], pace: float) -> dict[str, Any]:
    """A Cloud Tasks queue as a REST resource; the pace raises rates and shortens waits.

    ``maxBurstSize`` is output only: Google chooses it, 10 for a queue as slow as these. A queue that was idle may thus
    dispatch 10 tasks more in a minute than its rate says. To stay under a quota in every single minute,
    ``dispatches_per_minute`` must leave room for the bursts of all queues.
    """
    retry = settings["retry"]
    return {
        "name": name,
        "rateLimits": {
            "maxDispatchesPerSecond": settings["dispatches_per_minute"] / 60 / pace,
            "maxConcurrentDispatches": settings["max_concurrent_dispatches"],
        },
        "retryConfig": {
            "maxAttempts": retry["max_attempts"],
            "minBackoff": _duration(retry["min_backoff_s"] * pace),
            "maxBackoff": _duration(retry["max_backoff_s"] * pace),
            "maxDoublings": retry["max_doublings"],
        },
    }


def job_resource(name: str, every_s: int, target: str, account: str, *, deadline_s: int) -> dict[str, Any]:
    """A Cloud Scheduler job as a REST resource, with the values of ``infra/scheduler.tf``."""
    return {
        "name": name,
        "schedule": cron(every_s),
        "timeZone": "Etc/UTC",
        "attemptDeadline": f"{deadline_s}s",
        "retryConfig": {"retryCount": 1, "minBackoffDuration": "10s", "maxBackoffDuration": "60s"},
        "httpTarget": {
            "uri": target,
            "headers": {"Content-Type": "application/json"},
            "body": base64.b64encode(b"{}").decode(),
            "oidcToken": {"serviceAccountEmail": account, "audience": target},
        },
    }


def cron(every_s: int) -> str:
    """The unix-cron schedule of that period.

    Raises:
        ValueError: cron counts in minutes, and only a divisor of an hour gives even intervals.
    """
    minutes, rest_s = divmod(every_s, 60)
    if rest_s or not 0 < minutes <= 30 or 60 % minutes:  # noqa: PLR2004 - of an hour
        raise ValueError(f"no unix-cron schedule runs every {every_s} s: use a number of minutes that divides an hour")
    return f"*/{minutes} * * * *"


def _duration(seconds: float) -> str:
    """Protobuf's JSON form of a duration, to the millisecond."""
    return f"{seconds:.3f}s"


def _checked(answer: httpx.Response, what: str, already: HTTPStatus | None = None) -> dict[str, Any]:
    if answer.is_server_error:
        raise httpx.RemoteProtocolError(f"{what}: {answer.status_code}")  # not ready yet: the supervisor tries again
    if answer.is_error and answer.status_code != already:
        raise ProvisioningRefused(f"{what}: {answer.status_code} {answer.text}")
    document: dict[str, Any] = json.loads(answer.content or b"{}")
    return document
