"""The job document: the truth about one film, written only when something changes for the whole film."""

from datetime import datetime
from typing import Literal

from promptreel.domain import states
from promptreel.domain.document import Document, Moment, Part
from promptreel.domain.models import Aspect, Resolution, VideoModel, frame_size_px, registry
from promptreel.domain.problem import Problem
from promptreel.domain.request import FilmRequest
from promptreel.domain.states import JobState
from promptreel.domain.storyboard import Character, Setting, StyleGuide
from promptreel.domain.timeline import TransitionKind

DEFAULT_LIMIT_MICROS = 25_000_000


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

    @property
    def video(self) -> VideoModel:
        return registry().video_model(self.video_model)

    @property
    def size_px(self) -> tuple[int, int]:
        return frame_size_px(self.resolution, self.aspect)


class Output(Part):
    """The finished film. ``frames`` at the plan's rate."""

    film_uri: str
    poster_uri: str
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
    warnings: tuple[str, ...] = ()
    resumed: Moment | None = None  # when a person last asked to go on: tries before this are forgiven
    created: Moment
    updated: Moment

    @property
    def is_final(self) -> bool:
        return self.state in states.FINAL_JOB

    def to(self, state: JobState, now: datetime, **changes: object) -> "Job":
        """The job after a legal move. Raises: Conflict for an illegal one."""
        return self.evolve(state=states.move(states.JOB_MOVES, self.state, state), updated=now, **changes)

    def counts(self, moment: datetime) -> bool:
        """Whether a try that ended at this moment still counts against its limit."""
        return self.resumed is None or moment > self.resumed

    def planned(self) -> Plan:
        """The plan of a job that must have one by now."""
        if self.plan is None:
            raise ValueError(f"job {self.id} has no plan yet")
        return self.plan
