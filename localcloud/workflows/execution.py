"""One execution: its states and views; which executions were running when the process ended."""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from localcloud.serving import ApiError
from localcloud.workflows import engine
from localcloud.workflows.deployments import Deployed
from localcloud.workflows.program.frames import Run
from localcloud.workflows.resources import Resource, project_number
from localcloud.workflows.step_entries import Recording, StepEntries
from localcloud.workflows.values import Value


class Remembered:
    def __init__(self, folder: Path | None) -> None:
        """``lost`` names what the last process took with it; None remembers nothing."""
        self._folder = folder
        self.lost: tuple[str, ...] = ()
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            files = sorted(folder.iterdir(), key=lambda file: file.stat().st_mtime_ns)
            self.lost = tuple(unquote(file.read_text()) for file in files)
            for file in files:
                file.unlink()

    def add(self, name: str) -> None:
        if self._folder is not None:
            (self._folder / name.rpartition("/")[2]).write_text(quote(name, safe="/"))

    def discard(self, name: str) -> None:
        if self._folder is not None:
            (self._folder / name.rpartition("/")[2]).unlink(missing_ok=True)


NOWHERE = Remembered(None)


VIEWS = ("", "EXECUTION_VIEW_UNSPECIFIED", "BASIC", "FULL")
UNFINISHED = ("ACTIVE", "QUEUED")
_BASIC = ("name", "startTime", "endTime", "duration", "state", "workflowRevisionId")


@dataclass(slots=True, eq=False)
class Execution:
    """What the API shows of it, and the task that runs it while it is ACTIVE."""

    resource: Resource
    run: Run
    argument: Value
    started_s: float = 0.0
    task: "asyncio.Task[None] | None" = None

    @property
    def name(self) -> str:
        return str(self.resource["name"])

    @property
    def state(self) -> str:
        return str(self.resource["state"])

    @property
    def journal(self) -> StepEntries:
        journal = self.run.journal
        assert isinstance(journal, StepEntries)  # noqa: S101 - `engine.start` makes no other
        return journal

    def shown(self, view: str = "FULL") -> Resource:
        if view == "BASIC":
            return {field: self.resource[field] for field in _BASIC if field in self.resource}
        return {**self.resource, "status": {"currentSteps": engine.current_steps(self.run)}}


def check_view(view: str, default: str) -> str:
    if view not in VIEWS:
        raise ApiError(400, f"view must be BASIC or FULL, not {view!r}")
    return view if view in ("BASIC", "FULL") else default


def recording(deployed: Deployed, given: Resource) -> Recording:
    """An execution's own levels go before those of its workflow."""

    def level(field: str) -> str:
        own = given.get(field, "")
        return str(own if own and not own.endswith("UNSPECIFIED") else deployed.resource.get(field, ""))

    return Recording(level("callLogLevel"), level("executionHistoryLevel") == "EXECUTION_HISTORY_DETAILED")


def environment(deployed: Deployed, execution_id: str) -> dict[str, str]:
    """The user's variables and the service's own."""
    resource: dict[str, Any] = deployed.resource
    _, project, _, location, _, workflow_id = resource["name"].split("/")
    number = project_number(project)
    account = resource.get("serviceAccount") or f"{number}-compute@developer.gserviceaccount.com"
    return {
        **resource.get("userEnvVars", {}),
        "GOOGLE_CLOUD_LOCATION": location,
        "GOOGLE_CLOUD_PROJECT_ID": project,
        "GOOGLE_CLOUD_PROJECT_NUMBER": number,
        "GOOGLE_CLOUD_SERVICE_ACCOUNT_NAME": account.rpartition("/")[2],
        "GOOGLE_CLOUD_WORKFLOW_ID": workflow_id,
        "GOOGLE_CLOUD_WORKFLOW_REVISION_ID": resource["revisionId"],
        "GOOGLE_CLOUD_WORKFLOW_EXECUTION_ID": execution_id,
    }
