"""Documents, artifacts and uploaded prompts, as the use cases need them."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from promptreel.domain.active_jobs import ActiveJobs
from promptreel.domain.call import Call
from promptreel.domain.job import Job
from promptreel.domain.rates import Rates
from promptreel.domain.render import Render
from promptreel.domain.request import MAX_PROMPT_CHARS
from promptreel.domain.scene import Scene
from promptreel.domain.send_slots import SendSlots
from promptreel.domain.sheet import Sheet
from promptreel.domain.states import CallState, JobState
from promptreel.domain.stored_answer import StoredAnswer
from promptreel.domain.webhooks import Delivery, Webhooks

T = TypeVar("T")
D = TypeVar("D", Job, Scene, Sheet, Call, Render, Rates, SendSlots, ActiveJobs, StoredAnswer, Webhooks, Delivery)


@dataclass(frozen=True, slots=True)
class Versioned(Generic[D]):
    """A document and the version token needed to update it conditionally."""

    value: D
    version: object


@dataclass(frozen=True, slots=True)
class Create:
    """Write a document that must not exist yet. ``job_id`` is the job it belongs to, or that brought it about."""

    job_id: str
    value: Job | Scene | Sheet | Call | Render | Rates | SendSlots | ActiveJobs | StoredAnswer | Webhooks | Delivery


@dataclass(frozen=True, slots=True)
class Replace(Generic[D]):
    """Write ``value`` over the document read as ``read``; refused if it has changed since."""

    job_id: str
    read: Versioned[D]
    value: D


@dataclass(frozen=True, slots=True)
class Delete(Generic[D]):
    """Delete the document read as ``read``; refused if it has changed since."""

    job_id: str
    read: Versioned[D]

    @property
    def value(self) -> D:
        """The document as it was read."""
        return self.read.value


@dataclass(frozen=True, slots=True)
class Update(Generic[D]):
    """A document before and after a conditional update."""

    before: D
    after: D

    @property
    def is_written(self) -> bool:
        """Whether this update wrote; otherwise both values are the document as stored."""
        return self.after is not self.before


Change = (
    Create
    | Replace[Job]
    | Replace[Scene]
    | Replace[Sheet]
    | Replace[Call]
    | Replace[Render]
    | Replace[Rates]
    | Replace[ActiveJobs]
    | Replace[StoredAnswer]
    | Replace[SendSlots]
    | Delete[StoredAnswer]
    | Replace[Webhooks]
    | Replace[Delivery]
)


@dataclass(frozen=True, slots=True)
class JobPlace:
    """Where a job stands in the list of jobs: by its time of creation, and by its id among jobs of the same time."""

    created: datetime
    id: str


@dataclass(frozen=True, slots=True)
class Period:
    """From ``start`` on and before ``end``; None is no bound."""

    start: datetime | None = None
    end: datetime | None = None


ALWAYS = Period()


class JobStore(Protocol):
    """Jobs, their scenes, sheets and calls.

    A document that this version cannot read raises UnreadableDocument wherever one job is read, and its whole scenes
    and calls: a missing one would shorten the film, or the bill. Lists across jobs log it and leave it out.
    """

    def get_job(self, job_id: str) -> Versioned[Job]:
        """Read a job. Raises: NotFound."""

    def list_jobs(
        self, owner: str | None, state: JobState | None, after: JobPlace | None, created: Period = ALWAYS
    ) -> Iterator[Job]:
        """List jobs of an owner, or of all, newest first, page by page, from the one ``after`` this place on.

        Jobs of the same time come with the greater id first.
        """

    def list_jobs_in_states(self, states: Iterable[JobState]) -> Iterator[Job]:
        """List jobs of all owners in these states, oldest change first, page by page."""

    def get_scene(self, job_id: str, scene_id: str) -> Versioned[Scene]:
        """Read a scene. Raises: NotFound."""

    def list_scenes(self, job_id: str) -> Sequence[Versioned[Scene]]:
        """List the scenes of a job in display order."""

    def get_sheet(self, job_id: str, sheet_id: str) -> Versioned[Sheet]:
        """Read a sheet. Raises: NotFound."""

    def list_sheets(self, job_id: str) -> Sequence[Versioned[Sheet]]:
        """List the sheets of a job by their numbers."""

    def get_call(self, job_id: str, call_id: str) -> Versioned[Call] | None:
        """Read a call; None when there is none."""

    def list_calls(self, job_id: str) -> Sequence[Versioned[Call]]:
        """List the calls of a job, oldest first."""

    def list_jobs_with_open_calls(self, now: datetime) -> Iterator[Job]:
        """List jobs of all owners that ended by now and may have unfinished calls, first ended first, page by page."""

    def list_calls_in_states(self, states: Iterable[CallState]) -> Iterator[Versioned[Call]]:
        """List calls of all jobs in these states, page by page."""

    def list_calls_with_key(self, cache_key: str) -> Sequence[Versioned[Call]]:
        """List the calls of all jobs with this cache key, the latest change first."""

    def get_render(self, digest: str) -> Versioned[Render] | None:
        """Read a render; None when there is none."""

    def get_rates(self, owner: str) -> Versioned[Rates] | None:
        """Read how often models gave an owner nothing usable; None before a job of the owner has ended."""

    def get_active_jobs(self, owner: str) -> Versioned[ActiveJobs] | None:
        """Read which jobs of an owner are unfinished; None before the owner has one."""

    def get_answer(self, answer_id: str) -> Versioned[StoredAnswer] | None:
        """Read the request and answer of an Idempotency-Key; None for a new key."""

    def get_webhooks(self, owner: str) -> Versioned[Webhooks] | None:
        """Read where an owner wants to be told of events; None when the owner has never said."""

    def get_delivery(self, job_id: str, delivery_id: str) -> Versioned[Delivery] | None:
        """Read a delivery; None when there is none."""

    def list_deliveries(self, job_id: str) -> Sequence[Versioned[Delivery]]:
        """List the deliveries of a job, oldest first."""

    def list_due_deliveries(self, due: datetime) -> Iterator[Versioned[Delivery]]:
        """List deliveries of all jobs that were due by then, the longest overdue first, page by page."""

    def get_send_slots(self, model: str) -> Versioned[SendSlots] | None:
        """Read until when a video model's send slots are taken; None before its first request."""

    def delete_answers(self, job_id: str) -> None:
        """Delete every answer about this job: they may hold its words."""

    def list_expired_jobs(self, now: datetime) -> Iterator[Job]:
        """List jobs of all owners whose expiry has come, the longest overdue first, page by page."""

    def delete_owned_documents(self, job_id: str, limit: int) -> int:
        """Delete up to ``limit`` of the documents that a job owns, not the job; return how many."""

    def write(self, *changes: Change) -> None:
        """Write all changes or none. Raises: VersionConflict when a document is not as it was read."""

    def retry_on_conflict(self, attempt: Callable[[], T]) -> T:
        """Run ``attempt`` until its batch is written. It must read everything it decides on by itself.

        Raises: VersionConflict when it loses every time.
        """

    def update_job(self, job_id: str, change: Callable[[Job], Job | None]) -> Update[Job]:
        """Replace a job by what ``change`` makes of it; None leaves it as it is.

        ``change`` is called again with the job as stored whenever another writer was first. Everything else that it
        decides on, it must read by itself.

        Raises: NotFound; VersionConflict when it loses every time.
        """

    def update_scene(self, job_id: str, scene_id: str, change: Callable[[Scene], Scene | None]) -> Update[Scene]:
        """`update_job`, for a scene."""

    def update_sheet(self, job_id: str, sheet_id: str, change: Callable[[Sheet], Sheet | None]) -> Update[Sheet]:
        """`update_job`, for a sheet."""

    def update_call(self, job_id: str, call_id: str, change: Callable[[Call], Call | None]) -> Update[Call]:
        """`update_job`, for a call. Every transient error is tried again: unwritten, it counts at its highest price."""

    def update_render(self, job_id: str, digest: str, change: Callable[[Render], Render | None]) -> Update[Render]:
        """`update_job`, for a render."""

    def update_delivery(
        self, job_id: str, delivery_id: str, change: Callable[[Delivery], Delivery | None]
    ) -> Update[Delivery]:
        """`update_job`, for a delivery."""


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object in the bucket. ``checksum`` is what `ArtifactStore.read_checksum` returns for it."""

    uri: str
    created: datetime
    size: int
    checksum: str


class ArtifactStore(Protocol):
    """Files of a job, named by what they were made from; the first writer of a name wins."""

    def uri(self, path: str) -> str:
        """Return the address of an artifact: ``gs://bucket/path``."""

    def put(self, path: str, data: bytes, content_type: str) -> str:
        """Create an object unless it exists; return its address either way."""

    def get(self, uri: str) -> bytes:
        """Read an object. Raises: NotFound."""

    def read_start(self, uri: str, count: int) -> bytes:
        """Read an object's first bytes, no more than ``count``. Raises: NotFound."""

    def read_parts(self, stored: StoredObject) -> Iterator[bytes]:
        """Read a listed object part by part, of which one is in memory at a time.

        Raises: NotFound when it is missing, or after the last part when its content is not what was listed.
        """

    def put_file(self, path: str, file: Path, content_type: str) -> str:
        """Create an object from a file without holding it in memory; otherwise like `put`."""

    def get_file(self, uri: str, file: Path) -> None:
        """Download an object into a file. Raises: NotFound."""

    def copy(self, uri: str, path: str, checksum: str) -> str:
        """Copy an object to a path unless the path exists, by the server; return the copy's address either way.

        Raises: NotFound when there is no object at ``uri``, or when its content is not of this checksum.
        """

    def exists(self, path: str) -> bool:
        """Tell whether an object of this path exists."""

    def read_checksum(self, uri: str) -> str:
        """Return a short text that differs when the content differs. Raises: NotFound."""

    def list(self, prefix: str) -> Sequence[StoredObject]:
        """List the objects below a path, oldest first."""

    def delete(self, uri: str) -> None:
        """Delete an object if it exists."""

    def sign_urls(self, uris: Iterable[str], expires_s: int) -> dict[str, str]:
        """Return for each address a link that needs no other credential and expires."""


@dataclass(frozen=True, slots=True)
class UploadedFile:
    """One generation of a file in the prompts bucket, and what its owner should know of how it was read."""

    name: str
    generation: str
    warnings: tuple[str, ...] = ()


MAX_FILE_BYTES = 4 * MAX_PROMPT_CHARS + 10_000
"""Of a prompt, style or preset file; an inbox reads one byte more of a larger one, and no further."""


@dataclass(frozen=True, slots=True)
class UploadedPrompt:
    """The content of a prompt file, and what its uploader noted on it."""

    data: bytes
    metadata: Mapping[str, str] = field(default_factory=dict)


class Inbox(Protocol):
    """The prompts bucket and the reports about what was found there."""

    def read_prompt(self, bucket: str, name: str, generation: str) -> UploadedPrompt:
        """Read one generation of an uploaded file. Raises: NotFound; Invalid for a bucket that holds no prompts."""

    def read_file(self, name: str) -> bytes:
        """Read the current content of a file in the prompts bucket. Raises: NotFound."""

    def write_report(self, name: str, report: dict[str, object]) -> None:
        """Write ``reports/{name}.json`` into the results bucket, unless it holds a report that is newer."""

    def delete_report(self, name: str, job_id: str) -> None:
        """Delete the report on a file, only if it refers to this job."""
