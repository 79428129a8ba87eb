"""The clip queue and the workflow's executions."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class ClipTask:
    """One dispatch of submit_clip."""

    job_id: str
    run: int
    scene: str
    take: int
    attempt: int
    dispatch: int


class ClipQueue(Protocol):
    """The queue that keeps clip submissions within Veo's quota. ``high`` names the queue of higher priority."""

    def enqueue(self, task: ClipTask, *, high: bool) -> None:
        """Add a task; adding it a second time changes nothing. Raises: Transient, Broken."""

    def contains(self, task: ClipTask, *, high: bool) -> bool:
        """Tell whether the task waits, backs off or is being delivered. Raises: Transient, Broken."""


class Executions(Protocol):
    """The executions of the film workflow."""

    def start(self, job_id: str, run: int) -> str:
        """Start an execution for this run of a job and return its full name. Raises: NotFound, Transient, Broken."""

    def full_name(self, execution_id: str) -> str:
        """Return the full name of an execution from its id."""

    def cancel(self, name: str) -> None:
        """Stop an execution; nothing happens when it has ended or is unknown. Raises: Transient."""

    def is_active(self, name: str) -> bool:
        """Tell whether an execution runs or is queued; False for an unknown one. Raises: Transient, Broken."""
