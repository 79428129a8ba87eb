"""The API's JSON, named for the type checker; these are plain dicts at run time and nothing here validates.

The server validates, and tells us what is wrong. Money is decimal text in USD or whole micro-dollars: each name says
which.
"""

from typing import Any, Literal, NotRequired, TypedDict

FilmRequest = dict[str, Any]  # the server names every field it does not like; we do not repeat its rules

JobState = Literal[
    "PENDING",
    "STORYBOARD",
    "AWAITING_APPROVAL",
    "KEYFRAMES",
    "VIDEO_GEN",
    "STITCH",
    "COMPLETE",
    "FAILED",
    "CANCELLED",
]
FINAL: frozenset[str] = frozenset({"COMPLETE", "FAILED", "CANCELLED"})


class Link(TypedDict):
    url: str  # signed and short-lived
    uri: NotRequired[str]


class Inferred(TypedDict):
    """A value that was read from the prompt, and the words it was read from."""

    field: str
    value: int | float | str
    words: str


class Submitted(TypedDict):
    id: str
    state: JobState
    links: NotRequired[dict[str, str]]
    inferred: NotRequired[list[Inferred]]
    warnings: NotRequired[list[str]]


class JobSummary(TypedDict):
    id: str
    state: JobState
    owner: NotRequired[str]  # an e-mail address, or "operators"
    title: str | None  # the writer's, once there is a storyboard
    created: str  # ISO 8601, UTC
    updated: str


class Progress(TypedDict):
    stage: str
    scenes_total: int
    scenes_done: int
    fraction: float  # 0 to 1


class Keyframes(TypedDict):
    start: Link | None
    end: Link | None


class Trouble(TypedDict):
    """Why a job or a scene failed."""

    code: str
    message: str
    remedy: str
    step: str
    scene: str | None


class Scene(TypedDict):
    id: str
    sequence: int  # from 1; never changes
    display_order: int
    state: str
    description: str
    duration_s: float
    keyframes: Keyframes
    clip: Link | None
    attempts: list[dict[str, Any]]
    error: Trouble | None


class Budget(TypedDict):
    limit_usd: str
    reserved_usd: str
    spent_usd: str


class Output(TypedDict):
    film: Link
    poster: Link | None
    contact_sheet: Link | None
    preview: Link | None
    duration_s: float
    frames: int
    width: int
    height: int


class Job(JobSummary):
    request: FilmRequest
    progress: Progress
    scenes: list[Scene]
    budget: Budget
    planned_duration_s: float | None
    planned_frames: int | None
    output: Output | None
    inferred: NotRequired[list[Inferred]]
    warnings: list[str]
    error: Trouble | None


class JobPage(TypedDict):
    jobs: list[JobSummary]
    next_page_token: str | None


class Call(TypedDict):
    id: str
    kind: str
    model: str
    scene: str | None
    purpose: str
    attempt: int
    state: str
    reserved_micros: int
    cost_micros: int
    counted_micros: int  # what the totals count for it
    counted_as: str  # "reserved" or "spent"
    at: str
    error: dict[str, Any] | None


class Totals(TypedDict):
    limit_micros: int
    reserved_micros: int
    spent_micros: int


class Ledger(TypedDict):
    calls: list[Call]
    totals: Totals


Event = dict[str, Any]  # `at`, `event` and what that kind of event tells (README)


class Compared(TypedDict):
    """One call beside a bill; `billed_micros` is None where the bill has no line for it."""

    id: str
    purpose: str
    attempt: int
    state: str
    ledger_micros: int
    billed_micros: int | None
    verdict: str


class BilledAndLedger(TypedDict):
    ledger_micros: int
    billed_micros: int


class Reconciled(TypedDict):
    calls: list[Compared]
    unknown: list[dict[str, Any]]  # lines of the bill about this job that no call explains
    released: list[str]  # ids of calls that are no longer counted
    totals: BilledAndLedger
