"""The scene document: everything about one scene. Polls and progress write here, never on the job."""

from datetime import datetime
from typing import Literal

from promptreel.domain import identifiers, states
from promptreel.domain.document import Document, Part, Problem, UtcDatetime
from promptreel.domain.states import SceneState

KeyframeName = Literal["start", "end"]


class Keyframe(Part):
    """A picture that stands in the bucket, and the digest of what it was made from."""

    uri: str
    digest: str
    checksum: str = ""  # of its content, as stored


class Clip(Part):
    """A delivered clip and the call that paid for it."""

    uri: str
    call: str
    checksum: str = ""  # of its content, as delivered


class Attempt(Part):
    """One attempt to film a scene, as its owner may read it."""

    take: int
    attempt: int
    call: str
    outcome: str
    at: UtcDatetime
    reason: str = ""
    codes: tuple[str, ...] = ()
    remedy: str = ""  # what was tried next because of it


class RewriteRequest(Part):
    """Milder words that are asked for and not yet written: for which attempt, to what end, and why."""

    attempt: str
    advice: str
    reason: str


class Scene(Document):
    """One scene. ``sequence`` is its identity and never changes; ``display_order`` is its place in the film."""

    id: str
    sequence: int
    display_order: int
    description: str
    start_prompt: str
    end_prompt: str
    motion_prompt: str
    transition_note: str
    duration_s: int
    state: SceneState = SceneState.PENDING
    take: int = 1  # raised when what the clip is made from changes
    attempt: int = 1  # raised by a remedy for the same take
    dispatch: int = 0  # raised by every new task, never reset: a finished task's name stays blocked
    queued_at: UtcDatetime | None = None  # when the last task was made
    start: Keyframe | None = None
    end: Keyframe | None = None
    redraw: tuple[KeyframeName, ...] = ()  # pictures to be replaced; the old ones stand until then
    rewording: RewriteRequest | None = None
    muted: bool = False  # filmed without sound, by a remedy
    video_model: str = ""  # other than the plan's, by a remedy
    clip: Clip | None = None
    tries: tuple[Attempt, ...] = ()
    problem: Problem | None = None
    created: UtcDatetime
    updated: UtcDatetime

    def to(self, state: SceneState, now: datetime, **changes: object) -> "Scene":
        """The scene after a legal move. Raises: Conflict for an illegal one."""
        return self.evolve(state=states.move(states.SCENE_MOVES, self.state, state), updated=now, **changes)

    def reset_for_resume(self, now: datetime) -> "Scene":
        """The scene of a job that goes on: given up or queued, it waits for its clip again, with no task on its way."""
        state = SceneState.QUEUED if self.is_given_up else self.state
        return self.evolve(state=state, problem=None, queued_at=None, updated=now)

    def keyframe(self, name: KeyframeName) -> Keyframe | None:
        """The picture that stands; None when it is still to be drawn, or to be drawn anew."""
        if name in self.redraw:
            return None
        return self.start if name == "start" else self.end

    @property
    def is_live(self) -> bool:
        """Queued or filming: poll_clips must look at it."""
        return self.state in states.LIVE_SCENE_STATES

    @property
    def is_given_up(self) -> bool:
        """Its remedies are used up: by the job's policy it becomes a still, is left out, or fails the job."""
        return self.state in states.GIVEN_UP_SCENE_STATES

    @property
    def keyframes_drawn(self) -> bool:
        return self.keyframe("start") is not None and self.keyframe("end") is not None

    @property
    def clip_purpose(self) -> str:
        return f"clip/{self.id}"

    def clip_call_id(self, job: str) -> str:
        """Id of the call that films the current take and attempt."""
        return identifiers.call_id(job, self.clip_purpose, self.take, self.attempt)

    def keyframe_purpose(self, name: KeyframeName) -> str:
        return f"keyframe/{self.id}/{name}"
