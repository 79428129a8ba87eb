"""The JSON documents that the API answers with, as models: `responses` builds them, and they document the routes.

A field may be added at any time, so a reader ignores fields that it does not know; none is removed within /v1. Amounts
are decimal text in USD (``…_usd``) or whole micro-dollars (``…_micros``). Where a stored text is absent, some answers
have an empty string, as they always had.
"""

from datetime import date
from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from promptreel.domain.billing import BillRow, Verdict
from promptreel.domain.estimate import Stage
from promptreel.domain.models import Aspect, ImageSize, Quality, Resolution, UsagePart, VideoProtocol
from promptreel.domain.own_frames import FrameFit, FrameName
from promptreel.domain.reference import ReferenceKind
from promptreel.domain.request import ContinuityChoice, GateStage
from promptreel.domain.sheet import SheetKind
from promptreel.domain.states import CallState, JobState, SceneState
from promptreel.domain.storyboard import Camera
from promptreel.domain.styles import Palette

ModelKind = Literal["text", "image", "video"]


class AnswerPart(BaseModel):
    """A value of an answer. Every field is always there, except those that have a default here."""

    model_config = ConfigDict(frozen=True, defer_build=True)  # a cold start builds no model that it does not need


class Health(AnswerPart):
    """That the API runs."""

    status: Literal["ok"]


class Problem(AnswerPart):
    """Why a request was refused or could not be carried out (RFC 9457), and what to do about it."""

    type: str = Field(description="The problem's explanation on the page of this deployment.")
    title: str
    status: int
    detail: str
    code: str = Field(description="Stable: programs decide by it.")
    message: str = Field(description="The same as `detail`.")
    remedy: str = Field(description="What to do about it; empty where nothing helps.")
    trace: str = Field(description="The request's trace, for the operators of the deployment.")


class StoredProblem(AnswerPart):
    """Why a job, a scene or a sheet failed."""

    code: str
    message: str
    remedy: str
    step: str
    scene: str | None


class File(AnswerPart):
    """A file of the job."""

    url: str = Field(description="A signed link that works for an hour, without any other proof of identity.")
    uri: str = Field(description="Where it is stored.")


# ---- Estimates


class Price(AnswerPart):
    """What something costs: bounds that nearly every job keeps, and the mean."""

    low_usd: str
    expected_usd: str
    high_usd: str


class StagePrice(Price):
    """What the calls of one stage cost, with those that its refusals cause."""

    stage: Stage


class SceneCount(AnswerPart):
    """The fewest and the most scenes that the film may have."""

    fewest: int
    most: int


class Wait(AnswerPart):
    """Seconds until the film is finished."""

    low: int
    expected: int
    high: int


class AssumedRefusal(AnswerPart):
    """The share of a model's attempts that is taken to be in vain, and how many attempts of the owner tell of it."""

    model: str
    share: float
    attempts: int


class FilmEstimate(AnswerPart):
    """What a film is expected to cost; `calls` are the paid calls of all stages together."""

    scenes: SceneCount
    stages: list[StagePrice]
    calls: Price
    platform: Price
    total: Price
    needed_usd: str = Field(description="A limit that certainly holds the plan.")
    wait_s: Wait
    refusals: list[AssumedRefusal]


class ChosenModel(AnswerPart):
    """A model of the film, and why it was chosen."""

    kind: ModelKind
    id: str
    reason: str


class HintedValue(AnswerPart):
    """A value that rules read from the prompt, and the words it was read from."""

    field: str
    value: int | float | str
    words: str


class InferredValue(HintedValue):
    """A value that was read from the prompt, the words it was read from, and whether rules or the model read it."""

    source: Literal["rules", "model"]


class EstimatedRequest(AnswerPart):
    """The estimate of a request that was not submitted."""

    estimate: FilmEstimate
    models: list[ChosenModel]
    inferred: list[HintedValue]
    warnings: list[str]


# ---- Jobs


class JobLinks(AnswerPart):
    """Where to go on."""

    self: str = Field(description="The job.")


class KeptReference(AnswerPart):
    """A picture of the request as the job keeps it, and what it is drawn into."""

    kind: ReferenceKind
    name: str
    description: str | None
    width_px: int
    height_px: int
    source: str
    consent: str | None
    drawn_into: str


class Reference(KeptReference):
    """A picture of the request with its link."""

    image: File


class KeptFrame(AnswerPart):
    """A keyframe of the user's own as it was taken in. `keyframe` is the place that it fills."""

    scene: int
    frame: FrameName
    fit: FrameFit
    colour: str | None
    width_px: int
    height_px: int
    source: str
    keyframe: str


class Frame(KeptFrame):
    """A keyframe of the user's own with its link."""

    image: File


class Continuity(AnswerPart):
    """How the keyframes are made to hold together, and why; `auto` until the storyboard is written."""

    mode: ContinuityChoice
    reason: str | None


class AcceptedJob(AnswerPart):
    """The answer to a submission."""

    id: str
    state: JobState
    inferred: list[HintedValue]
    warnings: list[str]
    estimate: FilmEstimate | None
    references: list[KeptReference]
    references_way: str | None
    frames: list[KeptFrame]
    continuity: Continuity
    links: JobLinks


class JobSummary(AnswerPart):
    """A job in a list."""

    id: str
    state: JobState
    owner: str = Field(description="An e-mail address, or `operators`.")
    title: str | None = Field(description="From the request, or from the storyboard once it exists.")
    created: AwareDatetime
    updated: AwareDatetime


class JobPage(AnswerPart):
    """One page of a list of jobs, newest first."""

    jobs: list[JobSummary]
    next_page_token: str | None = Field(description="`page_token` of the next page; null on the last one.")


class DeletedJob(AnswerPart):
    """A job that is being deleted."""

    id: str
    state: JobState


class Treatment(AnswerPart):
    """What the text model read of the prompt; all of it lies at `uri`."""

    language: str
    logline: str
    mood: str
    pacing: str
    uri: str
    checksum: str


class Progress(AnswerPart):
    """How much of the film is made. `fraction` is the share of keyframes and clips, from 0 to 1."""

    stage: JobState
    scenes_total: int
    scenes_done: int
    fraction: float


class WaitingGate(AnswerPart):
    """Where the job waits for a person: after which stage, since when, and when the job expires."""

    stage: GateStage
    revision: int | None = Field(description="Of the plan: an edit and an approval name it.")
    since: AwareDatetime
    expires: AwareDatetime | None
    estimate: FilmEstimate | None = Field(description="Of the whole film, with what is paid and planned known.")


class Check(AnswerPart):
    """How the check of the keyframes ended. `failing` keyframes do not pass and stay."""

    state: Literal["passed", "drift", "skipped"]
    rounds: int
    redrawn: int
    failing: int
    reason: str


class Line(AnswerPart):
    """A line that is spoken."""

    speaker: str
    line: str


class SentPrompt(AnswerPart):
    """The latest prompt that was sent for something; `original` is set where it had to be cut."""

    sent: str
    original: str | None


class ScenePrompts(AnswerPart):
    """The prompts of a scene's keyframes and clip."""

    start: SentPrompt | None
    end: SentPrompt | None
    clip: SentPrompt | None


class SceneKeyframes(AnswerPart):
    """The first and the last picture of a scene."""

    start: File | None
    end: File | None


class KeyframeCheck(AnswerPart):
    """What the check said of one picture: scores by aspect from 0 to 1, and what drifts."""

    frame: FrameName
    take: int
    round: int
    scores: dict[str, float]
    drift: str
    worst: str
    uri: str
    is_used: bool = Field(description="Whether it is the keyframe now.")


class FilmingAttempt(AnswerPart):
    """One attempt to film a scene. `remedy` is what was tried next because of it."""

    take: int
    attempt: int
    call: str
    outcome: str
    at: AwareDatetime
    reason: str
    codes: list[str]
    remedy: str


class Scene(AnswerPart):
    """A scene of the film and its state."""

    id: str
    sequence: int = Field(description="From 1; never changes.")
    display_order: int = Field(description="Its place in the film.")
    state: SceneState
    description: str
    start_prompt: str
    end_prompt: str
    motion_prompt: str
    transition_note: str
    camera: Camera
    characters: list[str]
    settings: list[str]
    props: list[str]
    light: str
    dialogue: list[Line]
    written_scene: int | None
    heading: str
    duration_s: float
    frames: int
    keyframes: SceneKeyframes
    clip: File | None
    prompts: ScenePrompts
    verdicts: list[KeyframeCheck]
    attempts: list[FilmingAttempt]
    error: StoredProblem | None


class JobBudget(AnswerPart):
    """The limit, and what is spent and reserved of it."""

    limit_usd: str
    reserved_usd: str
    spent_usd: str


class BoardStyle(AnswerPart):
    """The look of the whole film."""

    visual_style: str
    palette: list[str]
    camera: str
    style: str | None
    light: str | None
    pacing: str | None
    sound: str | None


class BoardCharacter(AnswerPart):
    """Somebody or something who appears in more than one scene."""

    name: str
    description: str
    clothing: str | None


class BoardThing(AnswerPart):
    """A place or a thing that the film returns to."""

    name: str
    description: str


class Board(AnswerPart):
    """What the storyboard says of the whole film; the scenes have the rest."""

    style_guide: BoardStyle
    characters: list[BoardCharacter]
    settings: list[BoardThing]
    props: list[BoardThing]


class PictureLook(AnswerPart):
    """Mean lightness, mean a* and b*, spread of the lightness, mean chroma (CIELAB)."""

    lightness: float
    a: float
    b: float
    contrast: float
    chroma: float


class StrayKeyframe(AnswerPart):
    """A keyframe beyond the tolerance, and how it differs from the target."""

    scene: str
    frame: FrameName
    differs: str


class Grade(AnswerPart):
    """What the film's pictures should look like, and the keyframes that stray."""

    source: Literal["palette", "keyframes"]
    target: PictureLook
    strays: list[StrayKeyframe]


class JobSheet(AnswerPart):
    """One picture of a character, place, prop or product as it looks in the whole film."""

    id: str
    kind: SheetKind
    name: str
    description: str
    views: list[str]
    image: File | None
    prompt: SentPrompt | None
    error: StoredProblem | None


class Output(AnswerPart):
    """The finished film and its files."""

    film: File
    poster: File | None
    contact_sheet: File | None
    preview: File | None
    duration_s: float
    frames: int
    width: int
    height: int


class JobDetail(JobSummary):
    """Everything that its owner may see of a job."""

    warnings: list[str]
    error: StoredProblem | None
    execution: str | None
    inferred: list[InferredValue]
    treatment: Treatment | None
    request: dict[str, Any] = Field(description="The request with its defaults.")
    estimate: FilmEstimate | None = Field(description="Made when the job was accepted.")
    references: list[Reference]
    references_way: str | None = Field(description="How the references reach the film.")
    frames: list[Frame]
    upgraded_from: str | None = Field(description="The finished film that this one takes over.")
    progress: Progress
    gate: WaitingGate | None
    check: Check | None
    scenes: list[Scene]
    sheets: list[JobSheet]
    budget: JobBudget
    planned_duration_s: float | None
    planned_frames: int | None
    animatic: File | None = Field(description="The keyframes as a film.")
    board: Board | None
    continuity: Continuity
    grade: Grade | None
    models: list[ChosenModel] = Field(description="Empty before there is a plan.")
    output: Output | None


class Redone(AnswerPart):
    """What an edit has drawn again, and what that costs at most."""

    sheets: list[str]
    keyframes: list[str]
    at_most_usd: str


class EditedPlan(AnswerPart):
    """The answer to an edit: the new revision, what it changed, what is redone, and what that costs at most."""

    id: str
    revision: int
    changed: list[str]
    redo: Redone
    left_at_most_usd: str
    limit_usd: str
    planned_duration_s: float
    planned_frames: int


class JobEvent(AnswerPart):
    """One event of a job; the other fields follow from `event` (docs/architecture.md)."""

    model_config = ConfigDict(extra="allow")

    at: AwareDatetime
    event: str = Field(description="`state`, `try`, `call_reused`, `call_sent`, or `call_` and the state it ended in.")


class JobEvents(AnswerPart):
    """The events of a job so far, oldest first."""

    events: list[JobEvent]


# ---- The ledger


class TokenCount(AnswerPart):
    """Tokens of one answer. `assumed` names the parts that the provider did not report."""

    input: int
    output: int
    picture: int
    assumed: list[UsagePart]


class CopiedFrom(AnswerPart):
    """The call of another job whose artifact was copied instead of paying."""

    job: str
    call: str


class CallError(AnswerPart):
    """Why a call ended without a usable answer."""

    reason: str
    codes: list[str]


class LedgerCall(AnswerPart):
    """One paid call of the ledger."""

    id: str
    kind: ModelKind
    model: str
    scene: str | None
    purpose: str
    take: int
    attempt: int
    digest: str
    state: CallState
    reserved_micros: int
    cost_micros: int
    counted_micros: int = Field(description="What the totals include of it.")
    counted_as: Literal["spent", "reserved"]
    operation: str | None
    usage: TokenCount | None
    source: CopiedFrom | None
    storage_uri: str | None
    at: AwareDatetime
    error: CallError | None


class LedgerTotals(AnswerPart):
    """What the calls of a job count together."""

    limit_micros: int
    spent_micros: int
    reserved_micros: int


class Ledger(AnswerPart):
    """Every paid call of a job and their totals."""

    calls: list[LedgerCall]
    totals: LedgerTotals


class ComparedCall(AnswerPart):
    """One call beside a bill; `billed_micros` is null where the bill has no line for it."""

    id: str
    purpose: str
    attempt: int
    state: CallState
    ledger_micros: int
    billed_micros: int | None
    verdict: Verdict


class ComparedTotals(AnswerPart):
    """The sum of all calls, and of the bill's lines for them and about the job."""

    ledger_micros: int
    billed_micros: int


class Reconciliation(AnswerPart):
    """A job's ledger compared with a bill. `unknown` lines are about this job and belong to no call of it."""

    calls: list[ComparedCall]
    unknown: list[BillRow]
    released: list[str] = Field(description="Ids of calls that are no longer counted.")
    totals: ComparedTotals


# ---- Uploads, models, styles


class OfferedUpload(AnswerPart):
    """A signed link for one upload. `headers` are sent as they are: the signature covers them."""

    id: str
    uri: str = Field(description="What a request for a film names.")
    method: Literal["PUT", "POST"]
    url: str
    headers: dict[str, str]
    max_bytes: int
    expires: AwareDatetime


class UploadProblem(AnswerPart):
    """Why no request can use an upload."""

    code: str
    message: str
    remedy: str


class InspectedUpload(AnswerPart):
    """What was uploaded, found by decoding it; type and size are null when no request can use it."""

    id: str
    uri: str
    kind: Literal["picture"]
    bytes: int
    sha256: str
    content_type: str | None
    width_px: int | None
    height_px: int | None
    remarks: list[str]
    problem: UploadProblem | None


class Obstacle(AnswerPart):
    """The problem that a request gets which names the model."""

    code: str
    message: str
    remedy: str


class _ListedModel(AnswerPart):
    id: str
    stage: Literal["preview", "ga", "retired"]
    released: date | None
    retires_not_before: date | None
    replaced_by: str | None
    provider: str
    location: str | None
    has_ended: bool
    ends_soon: bool = Field(description="Or has ended.")
    usable: bool
    obstacle: Obstacle | None
    qualities: list[Quality]


class TextTokenPrices(AnswerPart):
    """Micro-dollars per million tokens."""

    input: int
    output: int


class ListedTextPrice(AnswerPart):
    """What a text costs."""

    since: date
    per_million_tokens_micros: TextTokenPrices


class ListedTextModel(_ListedModel):
    """A model that writes text."""

    kind: Literal["text"]
    protocol: None
    max_output_tokens: int
    price: ListedTextPrice


class ImageTokenPrices(AnswerPart):
    """Micro-dollars per million tokens."""

    input: int
    text_output: int
    picture_output: int


class ListedImagePrice(AnswerPart):
    """What an image costs."""

    since: date
    per_million_tokens_micros: ImageTokenPrices
    per_image_micros: dict[ImageSize, int]


class ListedImageModel(_ListedModel):
    """A model that draws images."""

    kind: Literal["image"]
    protocol: None
    max_prompt_tokens: int
    max_references: int
    price: ListedImagePrice


class SecondsPrices(AnswerPart):
    """Micro-dollars per second of video, by resolution; null for what the model does not film."""

    with_audio: dict[Resolution, int] | None
    silent: dict[Resolution, int] | None


class VideoTokenPrices(AnswerPart):
    """Micro-dollars per million tokens."""

    input: int
    text_output: int
    video_output: int


class ListedVideoPrice(AnswerPart):
    """What a clip costs."""

    since: date
    per_second_micros: SecondsPrices
    per_million_tokens_micros: VideoTokenPrices | None


class ListedVideoModel(_ListedModel):
    """A model that films: seconds of a clip between two keyframes, and pixels by aspect, by resolution."""

    kind: Literal["video"]
    protocol: VideoProtocol
    aspects: list[Aspect]
    sound: Literal["never", "optional", "always"]
    max_references: int
    max_prompt_chars: int
    quota_per_minute: int | None
    seconds: dict[Resolution, list[int]]
    frame_px: dict[Resolution, dict[Aspect, list[int]]]
    price: ListedVideoPrice


class ListedLipsyncPrice(AnswerPart):
    """What a second costs."""

    since: date
    per_output_second_micros: int


class ListedLipsyncModel(_ListedModel):
    """A model that moves the lips of a filmed person to a voice."""

    kind: Literal["lipsync"]
    protocol: VideoProtocol
    inputs: list[str]
    unconfirmed: list[str]
    price: ListedLipsyncPrice


class ModelList(AnswerPart):
    """Every model of the deployment, with the prices of that time."""

    at: AwareDatetime
    models: list[ListedTextModel | ListedImageModel | ListedVideoModel | ListedLipsyncModel]


class ListedStyle(AnswerPart):
    """A style; `people`, `films` and `names` are what may be typed for it."""

    id: str
    title: str
    sentence: str
    phrase: str
    visual_style: str
    palette: Palette
    camera: str
    light: str
    pacing: str
    sound: str
    people: list[str]
    films: list[str]
    names: list[str]
    picture: str


class Styles(AnswerPart):
    """Every style."""

    styles: list[ListedStyle]


class ListedTemplate(AnswerPart):
    """A kind of film, with the scenes and seconds that it has when the request says neither."""

    id: str
    title: str
    sentence: str
    beats: list[str]
    must_show: list[str]
    pacing: str
    look: str
    scenes: int
    duration_s: int
    aspect: Aspect
    style: str | None
    picture: str


class Templates(AnswerPart):
    """Every template."""

    templates: list[ListedTemplate]
