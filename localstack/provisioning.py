"""What Terraform does in the cloud: buckets, queues, schedules and the workflow, through the services' own APIs.

Everything may be done twice: it is done again after a stand-in's restart.
"""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import httpx

from localstack.deployment import fill_all, job_id
from localstack.site import Site


class ProvisioningRefused(Exception):
    """A stand-in refused what the configuration asks for; trying again would not help."""


@dataclass(frozen=True, slots=True)
class Provisioner:
    site: Site
    client: httpx.AsyncClient

    async def buckets(self) -> None:
        for bucket in self.site.buckets().values():
            url = f"{self.site.url('storage')}/storage/v1/b"
            answer = await self.client.post(url, params={"project": self.site.project}, json={"name": bucket})
            _accept(answer, f"bucket {bucket}", already=HTTPStatus.CONFLICT)

    async def queues(self) -> None:
        parent = f"{self.site.location()}/queues"
        for name, settings in self.site.deployment.queues.items():
            queue = queue_resource(f"{parent}/{name}", settings, self.site.pace)
            url = f"{self.site.url('tasks')}/v2/{parent}"
            answer = await self.client.post(url, json=queue)
            if answer.status_code == HTTPStatus.CONFLICT:
                answer = await self.client.patch(f"{url}/{name}", json=queue)
            _accept(answer, f"queue {name}")

    async def schedules(self) -> None:
        parent = f"{self.site.location()}/jobs"
        for name, settings in self.site.deployment.schedules.items():
            service = next(each for each in self.site.deployment.services if each.name == settings["service"])
            target, account = self.site.url(service.name), self.site.account("scheduler")
            job = job_resource(
                f"{parent}/{job_id(name)}", settings["every_s"], target, account, deadline_s=service.timeout_s
            )
            url = f"{self.site.url('scheduler')}/v1/{parent}"
            answer = await self.client.post(url, json=job)
            if answer.status_code == HTTPStatus.CONFLICT:
                answer = await self.client.patch(f"{url}/{job_id(name)}", json=job)
            _accept(answer, f"scheduled job {name}")

    async def workflow(self) -> None:
        workflow = self.site.deployment.workflow
        source = self.site.root / workflow.source
        if not source.exists():
            raise ProvisioningRefused(f"workflow {workflow.name}: there is no {source}")
        resource = {
            "sourceContents": source.read_text(),
            "serviceAccount": f"projects/{self.site.project}/serviceAccounts/{self.site.account('workflow')}",
            "userEnvVars": fill_all(workflow.env, self.site.placeholders()),
        }
        url = f"{self.site.url('workflows')}/v1/{self.site.location()}/workflows"
        answer = await self.client.post(url, params={"workflowId": workflow.name}, json=resource)
        if answer.status_code == HTTPStatus.CONFLICT:
            mask = {"updateMask": ",".join(resource)}
            answer = await self.client.patch(f"{url}/{workflow.name}", params=mask, json=resource)
        operation = _accept(answer, f"workflow {workflow.name}")
        if "error" in operation:
            raise ProvisioningRefused(f"workflow {workflow.name}: {operation['error'].get('message')}")

    async def person_token(self, email: str, audience: str, lifetime_s: int) -> str:
        wish = {"email": email, "audience": audience, "lifetime_s": lifetime_s}
        answer = await self.client.post(f"{self.site.url('metadata')}/_local/person", json=wish)
        return str(_accept(answer, f"a token of {email}")["id_token"])


def queue_resource(name: str, settings: Mapping[str, Any], pace: float) -> dict[str, Any]:
    """A Cloud Tasks queue in its REST spelling; rates are raised and waits shortened by the pace.

    No ``maxBurstSize``: it is output only, Google chooses it (10 for queues as slow as ours), and so it is not ours to
    bound. A queue that was idle may thus dispatch 10 tasks more in a minute than its rate says. Whoever must stay under
    a quota for every single minute leaves room for the bursts of all its queues in ``dispatches_per_minute``.
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
    """A Cloud Scheduler job in its REST spelling: an empty JSON object is posted to the target every so often.

    As ``infra/scheduler.tf`` makes it, whose values these are.
    """
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
        ValueError: cron counts in minutes, and only a part of an hour comes at even distances.
    """
    minutes, rest_s = divmod(every_s, 60)
    if rest_s or not 0 < minutes <= 30 or 60 % minutes:  # noqa: PLR2004 - of an hour
        raise ValueError(f"no unix-cron schedule runs every {every_s} s: use the minutes that part an hour evenly")
    return f"*/{minutes} * * * *"


def _duration(seconds: float) -> str:
    """Protobuf's JSON form of a duration, to the millisecond."""
    return f"{seconds:.3f}s"


def _accept(answer: httpx.Response, what: str, already: HTTPStatus | None = None) -> dict[str, Any]:
    if answer.is_server_error:
        raise httpx.RemoteProtocolError(f"{what}: {answer.status_code}")  # not up yet: the supervisor asks again
    if answer.is_error and answer.status_code != already:
        raise ProvisioningRefused(f"{what}: {answer.status_code} {answer.text}")
    document: dict[str, Any] = json.loads(answer.content or b"{}")
    return document
