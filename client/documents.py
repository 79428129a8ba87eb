"""Types of the API's JSON documents, for the type checker: at run time they are plain dicts that the server checks.

Amounts are decimal text in USD (`…_usd`) or whole micro-dollars (`…_micros`).
"""

from typing import Any, Literal, NotRequired, TypedDict

FilmRequest = dict[str, Any]  # the server knows the fields and names each wrong one

JobState = Literal[
    "PENDING", "STORYBOARD", "AWAITING_APPROVAL", "KEYFRAMES", "VIDEO_GEN", "STITCH", "COMPLETE", "FAILED", "CANCELLED"
]
FINAL: frozenset[str] = frozenset({"COMPLETE", "FAILED", "CANCELLED"})
WAITING = "AWAITING_APPROVAL"


class Link(TypedDict):
    """A file of the job."""

    url: str  # signed and short-lived
    uri: NotRequired[str]


class InferredValue(TypedDict):
    """A value that was read from the prompt, and the words it was read from."""

    field: str
    value: int | float | str
    words: str
    source: NotRequired[str]  # rules or model


class Treatment(TypedDict):
    """What the text model read of the prompt; all of it lies at ``uri``."""

    language: str
    logline: str
    mood: str
    pacing: str
    uri: str


class PriceRange(TypedDict):
    """What something costs: bounds that nearly every job keeps, and the mean."""

    low_usd: str
    expected_usd: str
    high_usd: str


class StagePrice(PriceRange):
    """What the calls of one stage cost, with those that its refusals cause."""

    stage: str


class Estimate(TypedDict):
    """What a film is expected to cost, and the seconds until it is finished; `calls` are the paid calls together."""

    scenes: dict[Literal["fewest", "most"], int]
    stages: list[StagePrice]
    calls: PriceRange
    platform: PriceRange
    total: PriceRange
    needed_usd: str
    wait_s: dict[Literal["low", "expected", "high"], int]
    refusals: list[dict[str, Any]]


class EstimatedRequest(TypedDict):
    """Answer to a request for an estimate."""

    estimate: Estimate
    models: list["ChosenModel"]
    inferred: list[InferredValue]
    warnings: list[str]


class Reference(TypedDict):
    """A user's own picture as a job keeps it, and what it is drawn into."""

    kind: Literal["character", "place", "product", "style"]
    name: str
    description: str | None
    width_px: int
    height_px: int
    source: str
    consent: str | None
    drawn_into: str
    image: NotRequired[Link | None]


class Continuity(TypedDict):
    """How the keyframes are made to hold together, and why; ``auto`` until the storyboard is written."""

    mode: Literal["chain", "sheet", "auto"]
    reason: str | None


class Sheet(TypedDict):
    """One picture of a character, place, prop or product as it looks in the whole film."""

    id: str
    kind: Literal["character", "place", "prop", "product"]
    name: str
    description: str
    views: list[str]
    image: Link | None
    error: "Problem | None"


class SubmittedJob(TypedDict):
    """Answer to a submission."""

    id: str
    state: JobState
    links: NotRequired[dict[str, str]]
    estimate: NotRequired[Estimate | None]
    inferred: NotRequired[list[InferredValue]]
    references: NotRequired[list[Reference]]
    references_way: NotRequired[str | None]
    continuity: NotRequired[Continuity]
    warnings: NotRequired[list[str]]


class JobSummary(TypedDict):
    """A job in a list."""

    id: str
    state: JobState
    owner: NotRequired[str]  # an e-mail address, or "operators"
    title: str | None  # from the request, or from the storyboard once it exists
    created: str  # ISO 8601, UTC
    updated: str


class Progress(TypedDict):
    """How much of the film is made."""

    stage: str
    scenes_total: int
    scenes_done: int
    fraction: float  # 0 to 1


class Problem(TypedDict):
    """Why a job or a scene failed."""

    code: str
    message: str
    remedy: str
    step: str
    scene: str | None


class Verdict(TypedDict):
    """What the check of the keyframes said of one picture: scores by aspect from 0 to 1, and what drifts."""

    frame: Literal["start", "end"]
    round: int
    scores: dict[str, float]
    drift: str | None
    worst: str | None
    uri: str
    is_used: bool  # whether it is the keyframe now


class Check(TypedDict):
    """How the check of the keyframes ended. ``failing`` keyframes do not pass and stay."""

    state: Literal["passed", "drift", "skipped"]
    rounds: int
    redrawn: int
    failing: int
    reason: str | None


class Scene(TypedDict):
    """A scene of the film and its state."""

    id: str
    sequence: int  # from 1; never changes
    display_order: int
    state: str
    description: str
    start_prompt: NotRequired[str]
    end_prompt: NotRequired[str]
    motion_prompt: NotRequired[str]
    transition_note: NotRequired[str]
    duration_s: float
    frames: NotRequired[int]
    keyframes: dict[Literal["start", "end"], Link | None]
    clip: Link | None
    verdicts: NotRequired[list[Verdict]]  # of the check, on every picture that it has seen
    attempts: list[dict[str, Any]]
    error: Problem | None


class Gate(TypedDict):
    """Where the job waits for a person: after which stage, since when, and when the job expires."""

    stage: str
    revision: NotRequired[int]  # of the plan: an edit and an approval name it
    since: str
    expires: str | None
    estimate: NotRequired[Estimate | None]  # of the whole film, with what is paid and planned known


class Output(TypedDict):
    """The finished film and its files."""

    film: Link
    poster: Link | None
    contact_sheet: Link | None
    preview: Link | None
    duration_s: float
    frames: int
    width: int
    height: int


class ChosenModel(TypedDict):
    """A model of the job's plan, and why it was chosen."""

    kind: str
    id: str
    reason: str


class Job(JobSummary):
    """A job with its scenes."""

    request: FilmRequest
    upgraded_from: NotRequired[str | None]  # id of the finished film that it takes over
    progress: Progress
    gate: NotRequired[Gate | None]  # None while the job does not wait
    check: NotRequired[Check | None]  # None before it has ended, and where the request asks for none
    scenes: list[Scene]
    budget: dict[Literal["limit_usd", "reserved_usd", "spent_usd"], str]
    planned_duration_s: float | None
    planned_frames: int | None
    animatic: NotRequired[Link | None]  # the keyframes as a film
    continuity: NotRequired[Continuity]
    sheets: NotRequired[list[Sheet]]
    board: NotRequired[dict[str, Any] | None]  # look, cast and settings of the storyboard
    models: NotRequired[list[ChosenModel]]  # empty before there is a plan
    output: Output | None
    estimate: NotRequired[Estimate | None]  # made when it was accepted
    inferred: NotRequired[list[InferredValue]]
    references: NotRequired[list[Reference]]
    references_way: NotRequired[str | None]  # how they reach the film
    treatment: NotRequired[Treatment | None]
    warnings: list[str]
    error: Problem | None


class EditedPlan(TypedDict):
    """The answer to an edit: what it changed, what is redone, and what that costs at most."""

    id: str
    revision: int
    changed: list[str]
    redo: dict[str, Any]
    left_at_most_usd: str
    limit_usd: str
    planned_duration_s: float


class JobPage(TypedDict):
    """One page of a list of jobs."""

    jobs: list[JobSummary]
    next_page_token: str | None


class Call(TypedDict):
    """One paid call of the ledger."""

    id: str
    kind: str
    model: str
    scene: str | None
    purpose: str
    attempt: int
    state: str
    reserved_micros: int
    cost_micros: int
    counted_micros: int  # the amount that the totals include
    counted_as: str  # "reserved" or "spent"
    at: str
    source: NotRequired[dict[Literal["job", "call"], str] | None]  # the call whose artifact was copied, unpaid
    error: dict[str, Any] | None


class Ledger(TypedDict):
    """Every paid call of a job."""

    calls: list[Call]
    totals: dict[Literal["limit_micros", "reserved_micros", "spent_micros"], int]


Event = dict[str, Any]  # `at`, `event` and the fields of that kind of event


class ComparedCall(TypedDict):
    """One call beside a bill; `billed_micros` is None where the bill has no line for it."""

    id: str
    purpose: str
    attempt: int
    state: str
    ledger_micros: int
    billed_micros: int | None
    verdict: str


class Reconciliation(TypedDict):
    """A job's ledger compared with a bill."""

    calls: list[ComparedCall]
    unknown: list[dict[str, Any]]  # lines of the bill about this job that belong to no call
    released: list[str]  # ids of calls that are no longer counted
    totals: dict[Literal["ledger_micros", "billed_micros"], int]  # of all calls, and of the whole bill


class Obstacle(TypedDict):
    """The problem that a request gets which names a model."""

    code: str
    message: str
    remedy: str


class ListedModel(TypedDict):
    """What every model has in a list of models."""

    id: str
    kind: Literal["text", "image", "video", "lipsync"]
    stage: str
    retires_not_before: str | None
    replaced_by: str | None
    has_ended: bool
    ends_soon: bool  # or has ended
    obstacle: Obstacle | None
    price: dict[str, Any]


class ListedVideoModel(ListedModel):
    """A model that films, by resolution: seconds of a clip between two keyframes, pixels by aspect, prices."""

    seconds: dict[str, list[int]]
    frame_px: dict[str, dict[str, list[int]]]
    sound: Literal["never", "optional", "always"]


class ModelList(TypedDict):
    """Every model of the deployment, with the prices of that time."""

    at: str
    models: list[ListedModel]


class ListedStyle(TypedDict):
    """A style; ``people``, ``films`` and ``names`` are what may be typed for it."""

    id: str
    title: str
    sentence: str
    people: list[str]
    films: list[str]
    names: list[str]


class StyleList(TypedDict):
    """Every style."""

    styles: list[ListedStyle]


class ListedTemplate(TypedDict):
    """A kind of film, with the scenes and seconds that it has when the request says neither."""

    id: str
    title: str
    sentence: str
    beats: list[str]
    scenes: int
    duration_s: int


class TemplateList(TypedDict):
    """Every template."""

    templates: list[ListedTemplate]


class Webhook(TypedDict):
    """An address that is told of events; `disabled` says why it is not any more."""

    id: str
    url: str
    events: list[str]
    disabled: str | None
    created: str


class RegisteredWebhook(Webhook):
    """A webhook that was just registered; the first one comes with the secret."""

    secret: str | None


class WebhookList(TypedDict):
    """Every webhook of the caller."""

    webhooks: list[Webhook]


class RotatedSecret(TypedDict):
    """The new signing secret; until then the one before signs as well."""

    secret: str
    previous_until: str


class WebhookTest(TypedDict):
    """How a receiver answered a test event."""

    delivered: bool
    status: int | None
    problem: str | None


class DeliveryAttempt(TypedDict):
    """One attempt to deliver an event."""

    at: str
    status: int | None
    problem: str | None
    duration_ms: int


class Delivery(TypedDict):
    """One event of a job for one webhook."""

    id: str
    event: str
    type: str
    scene: str | None
    webhook: str
    state: Literal["pending", "delivered", "failed", "dropped"]
    next_attempt: str | None
    attempts: list[DeliveryAttempt]
    created: str


class DeliveryList(TypedDict):
    """The delivery log of a job, oldest first."""

    deliveries: list[Delivery]


def agrees(found: Reconciliation) -> bool:
    """Whether ledger and bill agree, after the release of calls that were never billed."""
    agree = all(call["verdict"] == "agrees" or call["id"] in found["released"] for call in found["calls"])
    return agree and not found["unknown"]
