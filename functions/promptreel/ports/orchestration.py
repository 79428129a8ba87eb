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
    """The queue that keeps Veo's quota."""

    def enqueue(self, task: ClipTask, *, high: bool) -> None:
        """Enqueue once: the same task put again is the same task."""

    def contains(self, task: ClipTask, *, high: bool) -> bool:
        """Whether the task waits, backs off or is being delivered; False once it is done. Raises: Transient."""


class Executions(Protocol):
    """The orchestrator, seen from outside."""

    def start(self, job_id: str, run: int) -> str:
        """Start an execution for this run; answers its name."""

    def full_name(self, execution_id: str) -> str:
        """Full name of one of the workflow's executions."""

    def cancel(self, name: str) -> None:
        """Stop an execution; one that has ended or is unknown is fine."""

    def is_active(self, name: str) -> bool: ...
