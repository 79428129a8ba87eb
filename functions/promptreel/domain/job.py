"""The job document: the truth about one film, written only when something changes for the whole film."""

from datetime import datetime
from typing import Literal

from promptreel.domain import states
from promptreel.domain.document import Document, Part, Problem, UtcDatetime
from promptreel.domain.models import Aspect, Resolution, VideoModel, frame_size_px, registry
from promptreel.domain.prompt_hints import Inferred
from promptreel.domain.request import FilmRequest
from promptreel.domain.scene import Scene
from promptreel.domain.states import JobState
from promptreel.domain.storyboard import Character, Setting, StyleGuide
from promptreel.domain.timeline import TransitionKind

DEFAULT_LIMIT_MICROS = 25_000_000
OPERATORS = "operators"  # the owner of a job whose request names none; every operator is this owner
HISTORY = 100  # stages kept: the document stays small however often a job goes on
_WORDS_REMOVED = "(deleted)"


class Budget(Part):
    """The hard limit. ``version`` rises with every extra call, so that two extras cannot both see the last dollar."""

    limit_micros: int
    version: int = 0


class DrawItem(Part):
    """One picture to draw. ``take`` says for which version of the scene."""

    scene: str
    frame: Literal["start", "end"]
    take: int = 1


class Wave(Part):
    """Pictures that may be drawn at the same time."""

    items: tuple[DrawItem, ...]


class Plan(Part):
    """What write_storyboard decided: enough to draw, film and cut without asking again."""

    title: str
    storyboard_uri: str
    style_guide: StyleGuide
    characters: tuple[Character, ...]
    settings: tuple[Setting, ...]
    text_model: str
    image_model: str
    video_model: str
    aspect: Aspect
    resolution: Resolution
    fps: int
    planned_frames: int
    transition_kind: TransitionKind
    transition_frames: int
    waves: tuple[Wave, ...]

    def video_of(self, scene: Scene) -> VideoModel:
        """The model that films this scene: the plan's, unless a remedy chose another."""
        return registry().video_model(scene.video_model or self.video_model)

    def can_be_filmed_by(self, model_id: str, duration_s: int) -> bool:
        """Whether a model films this film's format, so that its clips fit among the others."""
        model = registry().video_model(model_id)
        legal = duration_s in model.durations_s.get(self.resolution, ())
        return legal and model.fps == self.fps and self.aspect in model.aspects and model.first_and_last_frame

    @property
    def size_px(self) -> tuple[int, int]:
        return frame_size_px(self.resolution, self.aspect)


class StageEntry(Part):
    """A stage the job entered, in which run and when."""

    state: JobState
    run: int
    at: UtcDatetime


class Output(Part):
    """The finished film. ``frames`` at the plan's rate; films of older stitchers have no sheet and no preview."""

    film_uri: str
    poster_uri: str
    sheet_uri: str | None = None  # one picture of each scene
    preview_uri: str | None = None  # the whole film, small
    digest: str
    frames: int
    width_px: int
    height_px: int
    copied_frames: int


class Job(Document):
    """One film: asked for, planned, made."""

    id: str
    state: JobState = JobState.PENDING
    run: int = 1  # fencing: raised by every new start; a step of an older run does nothing
    restarts: int = 0  # starts made by sweep_jobs since a person last acted
    owner: str
    origin: str  # what made it: the digest of request and owner, to tell a repeat from a clash
    request: FilmRequest
    budget: Budget
    plan: Plan | None = None
    execution: str | None = None
    error: Problem | None = None
    output: Output | None = None
    inferred: tuple[Inferred, ...] = ()  # what was read from the prompt beside the story
    warnings: tuple[str, ...] = ()
    resumed: UtcDatetime | None = None  # when a person last asked to go on: tries before this are forgiven
    upload: str = ""  # name of the uploaded file that asked for it: its report goes when the job goes
    expires: UtcDatetime | None = None  # from then on it is treated as deleted
    forget: UtcDatetime | None = None  # when a tombstone may go; Firestore's TTL policy reads this field
    open_calls_since: UtcDatetime | None = None  # when it ended, until every call of it is known to be finished
    spent_micros: int | None = None  # what a deleted job had cost, kept when its calls are gone
    history: tuple[StageEntry, ...] = ()  # the latest stages it entered, oldest first
    created: UtcDatetime
    updated: UtcDatetime

    @property
    def is_final(self) -> bool:
        return self.state in states.FINAL_JOB_STATES

    def is_hidden(self, now: datetime) -> bool:
        """Deleted or expired: it is not shown, and nobody goes on with it."""
        return self.state in states.DELETED_JOB_STATES or (self.expires is not None and now >= self.expires)

    def tombstone_has_expired(self, now: datetime) -> bool:
        """A tombstone whose time is over, whether or not the database has removed it yet."""
        return self.forget is not None and now >= self.forget

    def expiry_from(self, now: datetime) -> datetime | None:
        """When a job that goes on now expires: it is kept as long as it was given before."""
        return None if self.expires is None else now + (self.expires - (self.resumed or self.created))

    def mark_deleted(self, now: datetime) -> "Job":
        """The job the moment it is deleted: enough to know it again by, and not a word of what was asked or made."""
        return self.without_unknown_fields().to(
            JobState.DELETING,
            now,
            request=FilmRequest(prompt=_WORDS_REMOVED),
            plan=None,
            output=None,
            error=None,
            inferred=(),
            warnings=(),
            expires=None,
        )

    def to(self, state: JobState, now: datetime, **changes: object) -> "Job":
        """The job after a legal move. Raises: Conflict for an illegal one."""
        return self.enter_state(states.move(states.JOB_MOVES, self.state, state), now, **changes)

    def enter_state(self, state: JobState, now: datetime, **changes: object) -> "Job":
        """The job in this stage, which its history tells; whether the move is legal is the caller's to know."""
        ended = state in states.FINAL_JOB_STATES and state is not JobState.DELETED
        changed = self.evolve(state=state, updated=now, open_calls_since=now if ended else None, **changes)
        entered = StageEntry(state=state, run=changed.run, at=now)
        return changed.evolve(history=(*self.history, entered)[-HISTORY:])

    def counts_toward_limit(self, moment: datetime) -> bool:
        """Whether a try that ended at this moment still counts against its limit."""
        return self.resumed is None or moment > self.resumed

    def has_sound(self, scene: Scene) -> bool:
        """Whether this scene is filmed with sound."""
        return self.request.clip_audio and not scene.muted

    def require_plan(self) -> Plan:
        """The plan of a job that must have one by now."""
        if self.plan is None:
            raise ValueError(f"job {self.id} has no plan yet")
        return self.plan
