"""The job document: the state of one film, written only when something changes for the whole film."""

from datetime import datetime
from typing import Literal, Self, TypedDict, Unpack

from promptreel.domain import states
from promptreel.domain.choosing import ChosenModel
from promptreel.domain.document import Document, OptionalText, Part, Problem, UtcDatetime
from promptreel.domain.estimate import Estimate
from promptreel.domain.models import Aspect, Resolution, VideoModel, registry
from promptreel.domain.own_frames import OwnFrame
from promptreel.domain.prompt_hints import Inferred
from promptreel.domain.rates import Counts
from promptreel.domain.reference import Reference
from promptreel.domain.request import FilmRequest, GateStage
from promptreel.domain.scene import Scene
from promptreel.domain.states import JobState
from promptreel.domain.storyboard import Character, Prop, Setting, StyleGuide
from promptreel.domain.styles import Craft, OwnStyle, Style
from promptreel.domain.timeline import TransitionKind
from promptreel.domain.treatment import PlanInference, TreatmentSummary

OPERATORS = "operators"  # the owner of a job whose request names none; every operator is this owner
CHANGES_KEPT = 20  # edits of a plan
HISTORY = 100  # stages kept, so that the document stays small however often a job is resumed
_PROMPT_REMOVED = "(deleted)"


class Budget(Part):
    """The hard limit. ``version`` rises with every extra call, so that two extras cannot both see the last dollar."""

    limit_micros: int
    version: int = 0


class DrawItem(Part):
    """One keyframe to draw, for one take of its scene."""

    scene: str
    frame: Literal["start", "end"]
    take: int = 1


class SheetItem(Part):
    """One sheet to draw, for one take of it."""

    sheet: str
    take: int = 1


class Wave(Part):
    """Keyframes, or sheets, that may be drawn at the same time."""

    items: tuple[DrawItem, ...]
    sheets: tuple[SheetItem, ...] = ()


class PlanChange(Part):
    """One edit of the plan: the fields that it gave other values."""

    revision: int
    at: UtcDatetime
    fields: tuple[str, ...]


class FilmStyle(StyleGuide):
    """The look of the whole film: the storyboard's, where the request's style does not say otherwise.

    ``style`` is the id of a style of the list, or the file of an own one.
    """

    palette: list[str]
    style: str | None = None
    light: str | None = None
    pacing: str | None = None
    sound: str | None = None

    @classmethod
    def of(cls, guide: StyleGuide, style: Craft | None) -> Self:
        """What the request's style says, and the storyboard's guide for what it leaves open."""
        craft = style or Craft()
        return cls(
            visual_style=craft.visual_style or guide.visual_style,
            palette=list(craft.palette or guide.palette),
            camera=craft.camera or guide.camera,
            light=craft.light,
            pacing=craft.pacing,
            sound=craft.sound,
            style=style.id if isinstance(style, Style) else style.source if isinstance(style, OwnStyle) else None,
        )


class LaterChapter(Part):
    """Where the answer for a chapter of the storyboard after the first is stored, and its checksum."""

    uri: str
    checksum: str


ContinuityMode = Literal["chain", "sheet"]


class Continuity(Part):
    """How the keyframes of a film are made to hold together, and why so."""

    mode: ContinuityMode = "chain"
    reason: OptionalText = None


class Plan(Part):
    """What write_storyboard decided: enough to draw, film and stitch without another text call."""

    title: str
    storyboard_uri: str
    storyboard_checksum: OptionalText = None  # of its content, as stored
    later_chapters: tuple[LaterChapter, ...] = ()  # of a long storyboard; its first one lies at storyboard_uri
    style_guide: FilmStyle
    characters: tuple[Character, ...]
    settings: tuple[Setting, ...]
    props: tuple[Prop, ...] = ()
    text_model: str
    image_model: str
    video_model: str
    models: tuple[ChosenModel, ...] = ()  # why each was chosen; older plans do not say
    inferred: tuple[PlanInference, ...] = ()  # what was read from the prompt; older plans leave it to the job
    treatment: TreatmentSummary | None = None  # None when the text model gave none, and in older plans
    aspect: Aspect
    resolution: Resolution
    fps: int
    planned_frames: int
    transition_kind: TransitionKind
    transition_frames: int
    waves: tuple[Wave, ...]
    is_checked: bool = False  # whether its keyframes are checked before they are filmed; older plans' are not
    continuity: Continuity = Continuity()  # older plans are chains
    revision: int = 1  # raised by every edit, so that nobody changes or approves what he has not seen
    changes: tuple[PlanChange, ...] = ()  # the latest edits, oldest first

    def find_checksum(self, uri: str) -> str | None:
        """The checksum of the treatment or storyboard at this address, as stored; None unless the plan follows it."""
        if self.treatment is not None and self.treatment.uri == uri:
            return self.treatment.checksum
        chapters = {chapter.uri: chapter.checksum for chapter in self.later_chapters}
        return self.storyboard_checksum if self.storyboard_uri == uri else chapters.get(uri)

    def video_of(self, scene: Scene) -> VideoModel:
        """The model that films this scene: the plan's, unless a remedy chose another."""
        return registry().video_model(scene.video_model or self.video_model)

    def revise(self, fields: tuple[str, ...], now: datetime) -> "Plan":
        """The plan with the next revision, which gave these fields other values."""
        change = PlanChange(revision=self.revision + 1, at=now, fields=fields)
        return self.evolve(revision=change.revision, changes=(*self.changes, change)[-CHANGES_KEPT:])

    def describe_changes(self, since: int) -> str:
        """What has changed after a revision, for somebody who has looked at that one."""
        fields = [name for change in self.changes if change.revision > since for name in change.fields]
        return ", ".join(dict.fromkeys(fields)) or "nothing that is known"

    def can_be_filmed_by(self, model_id: str, duration_s: int) -> bool:
        """Whether a model films this film's format, so that its clips fit among the others."""
        return registry().video_model(model_id).can_film(duration_s, self.resolution, self.aspect, self.fps)

    def clip_seconds(self, scene: Scene) -> int:
        """Seconds of the clip from which this scene is cut; the scene's own where the model has changed since."""
        return self.video_of(scene).clip_seconds(scene.duration_s, self.resolution) or scene.duration_s

    @property
    def size_px(self) -> tuple[int, int]:
        """Width and height of the film in pixels."""
        return registry().video_model(self.video_model).size_px(self.resolution, self.aspect)


class Gate(Part):
    """The gate at which the job waits for a person, after the stage that names it."""

    stage: GateStage
    since: UtcDatetime
    reminders: int = 0  # events that were logged because it waits for days


class Animatic(Part):
    """The keyframes as a film of the planned length, with a soft cue at every scene. ``frames`` at the plan's rate."""

    uri: str
    frames: int


class ContinuityCheck(Part):
    """How the check of the keyframes ended; the scenes have the verdicts. ``reason`` says why it was left out.

    ``redrawn`` counts pictures that were drawn because of it, ``failing`` the keyframes that do not pass and stay.
    """

    state: Literal["passed", "drift", "skipped"]
    rounds: int = 0
    redrawn: int = 0
    failing: int = 0
    reason: OptionalText = None


class Upgrade(Part):
    """The finished film that this one takes over, and what of it is filmed anew."""

    job: str
    scenes: tuple[str, ...]  # ids of those that are filmed anew; the others keep their clips
    video: ChosenModel
    seed: str  # what the seeds of its calls follow from when the request names none: the first film's


class StageEntry(Part):
    """A stage the job entered, in which run and when."""

    state: JobState
    run: int
    at: UtcDatetime


class Output(Part):
    """The finished film. ``frames`` at the plan's rate; films of older stitchers have no sheet and no preview."""

    film_uri: str
    poster_uri: str
    sheet_uri: str | None = None  # one image of each scene
    preview_uri: str | None = None  # the whole film, small
    digest: str
    frames: int
    width_px: int
    height_px: int
    copied_frames: int


class JobChanges(TypedDict, total=False):
    """The fields of a job that a write may change, beside its state."""

    run: int
    restarts: int
    request: FilmRequest
    budget: Budget
    upgrade: Upgrade | None
    plan: Plan | None
    gate: Gate | None
    approved: tuple[GateStage, ...]
    next_gate: GateStage | None
    animatic: Animatic | None
    check: ContinuityCheck | None
    execution: str | None
    error: Problem | None
    output: Output | None
    inferred: tuple[Inferred, ...]
    warnings: tuple[str, ...]
    estimate: Estimate | None
    counted: Counts
    references: tuple[Reference, ...]
    frames: tuple[OwnFrame, ...]
    resumed: datetime | None
    upload: str | None
    expires: datetime | None
    forget: datetime | None
    open_calls_since: datetime | None
    spent_micros: int | None
    updated: datetime


class Job(Document):
    """One film, from the accepted request to the finished file."""

    id: str
    state: JobState = JobState.PENDING
    run: int = 1  # fencing: raised by every new start; a step of an older run does nothing
    restarts: int = 0  # starts made by sweep_jobs since a person last acted
    owner: str
    origin: str  # digest of request and owner, to tell a repeated request from a clash of ids
    request: FilmRequest
    budget: Budget
    upgrade: Upgrade | None = None  # of a finished film; then the plan comes from there
    plan: Plan | None = None
    gate: Gate | None = None  # where it waits, or waited when it was cancelled; a resumed job returns there
    approved: tuple[GateStage, ...] = ()  # gates that a person has let it pass
    next_gate: GateStage | None = None  # beside those of the request, named by the latest approval
    animatic: Animatic | None = None  # of the keyframes as they are now
    check: ContinuityCheck | None = None  # of the keyframes as they are now; None before it has ended
    execution: str | None = None
    error: Problem | None = None
    output: Output | None = None
    inferred: tuple[Inferred, ...] = ()  # fields that were read from the prompt
    warnings: tuple[str, ...] = ()
    estimate: Estimate | None = None  # made when it was accepted
    counted: Counts = ()  # those of its attempts that its owner's rates contain
    resumed: UtcDatetime | None = None  # when a person last resumed it: attempts before this do not count
    references: tuple[Reference, ...] = ()  # its owner's own pictures, stored under the job
    frames: tuple[OwnFrame, ...] = ()  # its owner's own keyframes, as they were taken in
    upload: OptionalText = None  # name of the uploaded file that requested it; its report is deleted with the job
    upload_generation: OptionalText = None  # of that file; older jobs do not say
    expires: UtcDatetime | None = None  # from then on it is treated as deleted
    forget: UtcDatetime | None = None  # when a tombstone may be removed; Firestore's TTL policy reads this field
    open_calls_since: UtcDatetime | None = None  # when it ended, until every call of it is known to be finished
    spent_micros: int | None = None  # what a deleted job had cost, kept when its calls are removed
    history: tuple[StageEntry, ...] = ()  # the latest stages it entered, oldest first
    created: UtcDatetime
    updated: UtcDatetime

    @property
    def is_final(self) -> bool:
        """Whether only a person can take it further."""
        return self.state in states.FINAL_JOB_STATES

    @property
    def seed_base(self) -> str:
        """What the seeds of its calls follow from, unless the request names one."""
        return self.upgrade.seed if self.upgrade else self.id

    @property
    def is_waiting(self) -> bool:
        """Whether it waits at a gate: until a person acts, nothing is made or paid for it."""
        return self.state is JobState.AWAITING_APPROVAL

    @property
    def is_running(self) -> bool:
        """Whether an execution works on it, or is to."""
        return not self.is_final and not self.is_waiting

    @property
    def awaits_check(self) -> bool:
        """Whether its keyframes are drawn or checked: until the check has ended, no clip is queued."""
        is_checked = self.plan is not None and self.plan.is_checked
        return is_checked and self.check is None and self.state is JobState.KEYFRAMES

    def stops_after(self, stage: GateStage) -> bool:
        """Whether there is a gate after this stage that the job has not passed."""
        return stage in {*self.request.gates, self.next_gate} and stage not in self.approved

    def wait_after(self, stage: GateStage, now: datetime) -> "Job":
        """The job at the gate after this stage. Raises: Conflict when no stage ends there."""
        return self.to(JobState.AWAITING_APPROVAL, now, gate=Gate(stage=stage, since=now))

    def is_hidden(self, now: datetime) -> bool:
        """Deleted or expired: no caller sees it and no worker continues it."""
        return self.state in states.DELETED_JOB_STATES or (self.expires is not None and now >= self.expires)

    def tombstone_has_expired(self, now: datetime) -> bool:
        """Whether the database may remove the tombstone, or has removed it already."""
        return self.forget is not None and now >= self.forget

    def expiry_from(self, now: datetime) -> datetime | None:
        """When a job that is resumed now expires: it is kept as long as it was given before."""
        return None if self.expires is None else now + (self.expires - (self.resumed or self.created))

    def evolve(self, **changes: Unpack[JobChanges]) -> "Job":
        """The job with these fields changed, in the same state."""
        return self._copy_with(changes)

    def to(self, state: JobState, now: datetime, **changes: Unpack[JobChanges]) -> "Job":
        """The job after a legal move. Raises: Conflict for an illegal one."""
        return self.enter_state(states.move(states.JOB_MOVES, self.state, state), now, **changes)

    def enter_state(self, state: JobState, now: datetime, **changes: Unpack[JobChanges]) -> "Job":
        """The job in this state, with the entry in its history. The caller knows that the move is legal."""
        ended = state in states.FINAL_JOB_STATES and state is not JobState.DELETED
        entry = StageEntry(state=state, run=changes.get("run", self.run), at=now)
        moved = {
            "state": state,
            "updated": now,
            "open_calls_since": now if ended else None,
            "history": (*self.history, entry)[-HISTORY:],
        }
        return self._copy_with({**moved, **changes})

    def mark_deleted(self, now: datetime) -> "Job":
        """The job the moment it is deleted: its identity, without anything that was requested or made."""
        return self.without_unknown_fields().to(
            JobState.DELETING,
            now,
            request=FilmRequest(prompt=_PROMPT_REMOVED),
            upgrade=None,
            plan=None,
            gate=None,
            animatic=None,
            check=None,
            output=None,
            error=None,
            inferred=(),
            warnings=(),
            estimate=None,
            counted=(),
            references=(),
            frames=(),
            expires=None,
        )

    def counts_toward_limit(self, ended: datetime) -> bool:
        """Whether an attempt that ended at this time counts against its limit."""
        return self.resumed is None or ended > self.resumed

    def has_sound(self, scene: Scene) -> bool:
        """Whether this scene is heard in the film."""
        return self.request.clip_audio and not scene.muted

    def require_plan(self) -> Plan:
        """The plan of a job that must have one by now. Raises: ValueError when it has none."""
        if self.plan is None:
            raise ValueError(f"job {self.id} has no plan yet")
        return self.plan
