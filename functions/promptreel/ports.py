"""What the steps need from the world, in the steps' words. Adapters provide it; fakes in tests/fakes stand in.

Errors are promptreel's own: `Transient` for broken I/O, `LostRace` for a lost compare-and-set, `NotFound`; paid calls
end in `Unpaid`, `Refused` or `AnswerLost` when they do not answer.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from pydantic import BaseModel

from promptreel.domain.job import Job
from promptreel.domain.ledger import Call
from promptreel.domain.models import Aspect, PictureSize, Resolution
from promptreel.domain.render import Render
from promptreel.domain.scene import Scene
from promptreel.domain.states import CallState, JobState
from promptreel.domain.tariffs import ReportedUsage
from promptreel.errors import PromptreelError

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


Change = Create | Replace[Job] | Replace[Scene] | Replace[Call] | Replace[Render]


class JobStore(Protocol):
    """Jobs, their scenes and their calls.

    A document that this version cannot read raises UnreadableDocument wherever one job is read, and its whole scenes
    and calls: a missing one would shorten the film, or the bill. Lists across jobs log it and leave it out.
    """

    def job(self, job_id: str) -> Versioned[Job]:
        """Raises: NotFound."""

    def jobs(self, owner: str | None, state: JobState | None, limit: int, before: datetime | None) -> Sequence[Job]:
        """An owner's jobs, or everybody's, newest first, created before the given moment."""

    def jobs_in(self, states: Iterable[JobState]) -> Iterator[Job]:
        """Jobs of all owners in these states, oldest change first, read page by page."""

    def scene(self, job_id: str, scene_id: str) -> Versioned[Scene]:
        """Raises: NotFound."""

    def scenes(self, job_id: str) -> Sequence[Versioned[Scene]]:
        """All scenes in display order."""

    def call(self, job_id: str, call_id: str) -> Versioned[Call] | None: ...

    def calls(self, job_id: str) -> Sequence[Versioned[Call]]:
        """All calls, oldest first."""

    def jobs_with_open_calls(self, now: datetime) -> Iterator[Job]:
        """Jobs of all owners that ended by now and may have unfinished calls, first ended first, page by page."""

    def calls_in(self, states: Iterable[CallState]) -> Iterator[Versioned[Call]]:
        """Calls of all jobs in these states, read page by page."""

    def render(self, digest: str) -> Versioned[Render] | None: ...

    def expired(self, now: datetime) -> Iterator[Job]:
        """Jobs of all owners whose expiry has come, the longest overdue first, read page by page."""

    def erase(self, job_id: str, limit: int) -> int:
        """Remove up to so many of a job's scenes, calls and renders, not the job; how many there were to remove."""

    def write(self, *changes: Change) -> None:
        """All of these or none. Raises: LostRace when a document is not as it was read."""


@dataclass(frozen=True, slots=True)
class Stored:
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

    def checksum(self, uri: str) -> str:
        """A short text that differs when the content differs. Raises: NotFound."""

    def list(self, prefix: str) -> Sequence[Stored]:
        """Objects below a path, oldest first."""

    def delete(self, uri: str) -> None:
        """Remove an object; one that is gone is fine."""

    def signed_urls(self, uris: Iterable[str], expires_s: int) -> dict[str, str]:
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

    def read(self, bucket: str, name: str, generation: str) -> UploadedPrompt:
        """Raises: NotFound, TooLarge."""

    def report(self, name: str, report: dict[str, object]) -> str:
        """Write ``reports/{name}.json`` into the results bucket; answers its URI."""

    def retract(self, name: str, job_id: str) -> None:
        """Remove the report on a file if it speaks of this job; any other object of that name stays."""


@dataclass(frozen=True, slots=True)
class Manuscript:
    """What the writer is asked."""

    model: str
    instruction: str
    prompt: str
    schema: type[BaseModel]
    seed: int
    max_output_tokens: int
    thinking_level: str


@dataclass(frozen=True, slots=True)
class Written:
    """The writer's answer: text as it came, not yet believed."""

    text: str
    usage: ReportedUsage


@dataclass(frozen=True, slots=True)
class Declined:
    """The model answered without output, and the answer is billed: refused in words, filtered, or cut off."""

    reason: str
    codes: tuple[str, ...]
    usage: ReportedUsage


class Writer(Protocol):
    """A model that writes."""

    @property
    def location(self) -> str:
        """Where the model is called: its price depends on it."""

    def write(self, manuscript: Manuscript, timeout_s: float) -> Written | Declined:
        """One paid call. Raises: Unpaid, Refused, AnswerLost."""


@dataclass(frozen=True, slots=True)
class Sketch:
    """What the painter is asked. References are ``gs://`` addresses of PNG pictures it must see, in this order."""

    model: str
    prompt: str
    references: tuple[str, ...]
    aspect: Aspect
    size: PictureSize
    frame_px: tuple[int, int]
    seed: int
    max_output_tokens: int
    thinking_level: str


@dataclass(frozen=True, slots=True)
class Painted:
    """A PNG picture of exactly the frame's size, whatever size the model drew, which is ``drawn_px``."""

    data: bytes
    usage: ReportedUsage
    drawn_px: tuple[int, int]


class Painter(Protocol):
    """A model that draws."""

    @property
    def location(self) -> str:
        """Where the model is called: its price depends on it."""

    def paint(self, sketch: Sketch, timeout_s: float) -> Painted | Declined:
        """One paid call. Raises: Unpaid, Refused, AnswerLost."""


@dataclass(frozen=True, slots=True)
class Shot:
    """What the filmer is asked: from the first picture to the last, in whole seconds."""

    model: str
    prompt: str
    first_uri: str
    last_uri: str
    seconds: int
    aspect: Aspect
    resolution: Resolution
    audio: bool
    seed: int


@dataclass(frozen=True, slots=True)
class Running:
    """The operation has not ended."""


@dataclass(frozen=True, slots=True)
class Delivered:
    """The clip is in the bucket."""

    uri: str


@dataclass(frozen=True, slots=True)
class Ended:
    """The operation ended without a clip and without a bill: filtered, or failed. ``codes`` say which remedy fits."""

    reason: str
    codes: tuple[str, ...]


FilmingState = Running | Delivered | Ended


class Filmer(Protocol):
    """A model that films."""

    def submit(self, shot: Shot, output_uri: str, timeout_s: float) -> str:
        """One paid call; answers the operation's full name. Raises: Unpaid, Refused, AnswerLost."""

    def poll_all(self, operations: Iterable[str], within_s: float) -> Mapping[str, FilmingState | PromptreelError]:
        """Poll these operations at the same time; free and repeatable.

        Returns: what is known of each after at most ``within_s`` seconds: its state, or why its poll failed (NotFound
        when the operation is unknown). Operations whose poll has not been answered by then are left out.
        """


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

    def put(self, task: ClipTask, *, high: bool) -> None:
        """Enqueue once: the same task put again is the same task."""

    def has(self, task: ClipTask, *, high: bool) -> bool:
        """Whether the task waits, backs off or is being delivered; False once it is done. Raises: Transient."""


class Executions(Protocol):
    """The orchestrator, seen from outside."""

    def start(self, job_id: str, run: int) -> str:
        """Start an execution for this run; answers its name."""

    def name(self, execution_id: str) -> str:
        """Full name of one of the workflow's executions."""

    def cancel(self, name: str) -> None:
        """Stop an execution; one that has ended or is unknown is fine."""

    def is_active(self, name: str) -> bool: ...


class Clock(Protocol):
    """Time, injected."""

    def now(self) -> datetime:
        """Aware, UTC."""

    def sleep(self, seconds: float) -> None: ...


class Ids(Protocol):
    """Randomness, injected."""

    def token(self) -> str:
        """Unguessable, new every time; fits an id."""

    def jitter(self) -> float:
        """0.0 up to 1.0."""


class Headers(Protocol):
    """A request's headers, whatever the case of their names."""

    def get(self, key: str, default: str) -> str: ...
    def __contains__(self, key: str, /) -> bool: ...


class Identity(Protocol):
    """Whatever stands before us and knows who is asking."""

    def caller(self, headers: Headers) -> str:
        """A verified e-mail address. Raises: NotAllowed."""


class Operators(Protocol):
    """The people who run this deployment."""

    def include(self, email: str) -> bool:
        """Whether this verified address is an operator's; False also when that cannot be found out now."""
