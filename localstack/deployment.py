"""What is deployed, read from ``infra/config``: the files Terraform reads too, so that cloud and local stack agree."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

REGION = "us-central1"

_PEOPLE = "people"
_PLACEHOLDER = re.compile(r"\{([a-z][\w.-]*)\}")


@dataclass(frozen=True, slots=True)
class Service:
    """A service that answers HTTP: a Cloud Function or a Cloud Run container."""

    name: str
    is_function: bool
    timeout_s: int
    concurrency: int
    """Requests that one instance handles at once."""
    instances: int
    invokers: tuple[str, ...]
    """Names of accounts in ``access.json``, not e-mail addresses."""
    people: bool
    """Whether people may call it."""


@dataclass(frozen=True, slots=True)
class Workflow:
    name: str
    source: str
    """Path of the YAML from the repository's root."""
    env: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Deployment:
    """Everything the configuration names; texts may still hold ``{placeholders}``."""

    services: tuple[Service, ...]
    accounts: Mapping[str, str]
    grants: Mapping[str, Sequence[str]]
    """By name of the account, as in ``access.json``."""
    """Short name to account id, the part before ``@``."""
    buckets: Mapping[str, str]
    env: Mapping[str, str]
    workflow: Workflow
    queues: Mapping[str, Mapping[str, Any]]
    triggers: Mapping[str, Mapping[str, Any]]
    schedules: Mapping[str, Mapping[str, Any]]

    @classmethod
    def read(cls, folder: Path) -> Self:
        documents = {
            name: json.loads((folder / f"{name}.json").read_text()) for name in ("services", "access", "queues")
        }
        services, access, queues = documents["services"], documents["access"], documents["queues"]
        return cls(
            services=(
                *_services(services.get("functions", {}), access["invokers"], is_function=True),
                *_services(services.get("services", {}), access["invokers"], is_function=False),
            ),
            accounts=access["accounts"],
            grants=access["grants"],
            buckets=services["buckets"],
            env=services["env"] | services["replicate_env"] | services["local_env"],
            workflow=Workflow(**services["workflow"]),
            queues={name: queue for name, queue in queues.items() if name != "comment"},
            triggers=services.get("triggers", {}),
            schedules=services.get("schedules", {}),
        )


def _services(entries: Mapping[str, Any], invokers: Mapping[str, list[str]], *, is_function: bool) -> list[Service]:
    return [
        Service(
            name=name,
            is_function=is_function,
            timeout_s=entry["timeout_s"],
            concurrency=entry["concurrency"],
            instances=entry["instances"],
            invokers=tuple(invoker for invoker in invokers.get(name, ()) if invoker != _PEOPLE),
            people=_PEOPLE in invokers.get(name, ()),
        )
        for name, entry in entries.items()
    ]


def job_id(schedule: str) -> str:
    """The id that a schedule's job has in Cloud Scheduler."""
    return schedule.replace("_", "-")


def fill(template: str, values: Mapping[str, str]) -> str:
    """The text with every ``{placeholder}`` replaced.

    Raises:
        ValueError: a placeholder has no value.
    """

    def value(match: re.Match[str]) -> str:
        if match[1] not in values:
            raise ValueError(f"{match[0]} in {template!r} has no value")
        return values[match[1]]

    return _PLACEHOLDER.sub(value, template)


def fill_all(templates: Mapping[str, str], values: Mapping[str, str]) -> dict[str, str]:
    return {name: fill(template, values) for name, template in templates.items()}
