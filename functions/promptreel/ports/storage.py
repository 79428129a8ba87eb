"""Documents, artifacts and uploaded prompts, as the use cases need them."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from promptreel.domain.call import Call
from promptreel.domain.job import Job
from promptreel.domain.render import Render
from promptreel.domain.scene import Scene
from promptreel.domain.states import CallState, JobState
from promptreel.errors import Transient, VersionConflict

D = TypeVar("D", Job, Scene, Call, Render)


@dataclass(frozen=True, slots=True)
class Versioned(Generic[D]):
    """A document as read, with what a compare-and-set needs to know that it is still so."""

    value: D
    version: object


@dataclass(frozen=True, slots=True)
class Create:
    """Write a document that must not exist yet. ``job_id`` is the job it belongs to."""

    job_id: str
    value: Job | Scene | Call | Render


@dataclass(frozen=True, slots=True)
class Replace(Generic[D]):
    """Write ``value`` over the document read as ``read``; refused if it has changed since."""

    job_id: str
    read: Versioned[D]
    value: D


@dataclass(frozen=True, slots=True)
class Update(Generic[D]):
    """A document before and after a conditional update."""

    before: D
    after: D

    @property
    def is_written(self) -> bool:
        """Whether this update wrote; otherwise both values are the document as stored."""
        return self.after is not self.before


Change = Create | Replace[Job] | Replace[Scene] | Replace[Call] | Replace[Render]


class JobStore(Protocol):
    """Jobs, their scenes and their calls.

    A document that this version cannot read raises UnreadableDocument wherever one job is read, and its whole scenes
    and calls: a missing one would shorten the film, or the bill. Lists across jobs log it and leave it out.
    """

    def get_job(self, job_id: str) -> Versioned[Job]:
        """Raises: NotFound."""

    def list_jobs(
        self, owner: str | None, state: JobState | None, limit: int, before: datetime | None
    ) -> Sequence[Job]:
        """An owner's jobs, or everybody's, newest first, created before the given moment."""

    def list_jobs_in_states(self, states: Iterable[JobState]) -> Iterator[Job]:
        """Jobs of all owners in these states, oldest change first, read page by page."""

    def get_scene(self, job_id: str, scene_id: str) -> Versioned[Scene]:
        """Raises: NotFound."""

    def list_scenes(self, job_id: str) -> Sequence[Versioned[Scene]]:
        """All scenes in display order."""

    def get_call(self, job_id: str, call_id: str) -> Versioned[Call] | None: ...

    def list_calls(self, job_id: str) -> Sequence[Versioned[Call]]:
        """All calls, oldest first."""

    def list_jobs_with_open_calls(self, now: datetime) -> Iterator[Job]:
        """Jobs of all owners that ended by now and may have unfinished calls, first ended first, page by page."""

    def list_calls_in_states(self, states: Iterable[CallState]) -> Iterator[Versioned[Call]]:
        """Calls of all jobs in these states, read page by page."""

    def get_render(self, digest: str) -> Versioned[Render] | None: ...

    def list_expired_jobs(self, now: datetime) -> Iterator[Job]:
        """Jobs of all owners whose expiry has come, the longest overdue first, read page by page."""

    def delete_owned_documents(self, job_id: str, limit: int) -> int:
        """Remove up to so many of a job's scenes, calls and renders, not the job; how many there were to remove."""

    def write(self, *changes: Change) -> None:
        """All of these or none. Raises: VersionConflict when a document is not as it was read."""

    def update_job(self, job_id: str, change: Callable[[Job], Job | None]) -> Update[Job]:
        """Replace a job by what ``change`` makes of it; None leaves it as it is.

        ``change`` is called again with the job as stored whenever another writer was first. Everything else that it
        decides on, it must read by itself.

        Raises: NotFound; VersionConflict when it loses every time.
        """

    def update_scene(self, job_id: str, scene_id: str, change: Callable[[Scene], Scene | None]) -> Update[Scene]:
        """`update_job`, for a scene."""

    def update_call(
        self,
        job_id: str,
        call_id: str,
        change: Callable[[Call], Call | None],
        retry_on: type[Transient] = VersionConflict,
    ) -> Update[Call]:
        """`update_job`, for a call. ``retry_on``: errors that are tried again."""


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object in the bucket."""

    uri: str
    created: datetime
    size: int


class ArtifactStore(Protocol):
    """Files of a job, named by what they were made from; the first writer of a name wins."""

    def uri(self, path: str) -> str:
        """Where an artifact of this path lives: ``gs://bucket/path``."""

    def put(self, path: str, data: bytes, content_type: str) -> str:
        """Create an object unless it exists; answers its URI either way."""

    def get(self, uri: str) -> bytes:
        """Raises: NotFound."""

    def put_file(self, path: str, file: Path, content_type: str) -> str:
        """`put` from a file, without holding it in memory."""

    def get_file(self, uri: str, file: Path) -> None:
        """`get` into a file. Raises: NotFound."""

    def exists(self, path: str) -> bool: ...

    def read_checksum(self, uri: str) -> str:
        """A short text that differs when the content differs. Raises: NotFound."""

    def list(self, prefix: str) -> Sequence[StoredObject]:
        """Objects below a path, oldest first."""

    def delete(self, uri: str) -> None:
        """Remove an object; one that is gone is fine."""

    def sign_urls(self, uris: Iterable[str], expires_s: int) -> dict[str, str]:
        """For each address a link that needs no other credential and stops working."""


@dataclass(frozen=True, slots=True)
class UploadedPrompt:
    """A prompt file as a bucket event names it."""

    bucket: str
    name: str
    generation: str
    content_type: str
    owner: str | None
    data: bytes


class Inbox(Protocol):
    """The prompts bucket and the reports about what was found there."""

    def read_prompt(self, bucket: str, name: str, generation: str) -> UploadedPrompt:
        """Raises: NotFound, TooLarge."""

    def write_report(self, name: str, report: dict[str, object]) -> str:
        """Write ``reports/{name}.json`` into the results bucket; answers its URI."""

    def delete_report(self, name: str, job_id: str) -> None:
        """Remove the report on a file if it speaks of this job; any other object of that name stays."""
