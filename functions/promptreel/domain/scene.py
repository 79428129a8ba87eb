"""The scene document: everything about one scene. Polls and progress are written here, never on the job."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Literal, TypedDict, Unpack, get_args

from promptreel.domain import identifiers, states
from promptreel.domain.document import Document, OptionalText, Part, Problem, UtcDatetime
from promptreel.domain.grade import Look
from promptreel.domain.states import SceneState
from promptreel.domain.storyboard import Camera, SceneTexts
from promptreel.domain.treatment import Line
from promptreel.domain.verdict import check_limits

KeyframeName = Literal["start", "end"]


class Keyframe(Part):
    """A stored keyframe, and the digest of what it was made from."""

    uri: str
    digest: str
    checksum: OptionalText = None  # of its content, as stored
    look: Look | None = None  # measured where the film is graded
    is_own: bool = False  # the user's own picture: fitted to the frame, never drawn


class JudgeAnswer(Part):
    """Where an answer of the judge is stored, and its checksum."""

    uri: str
    checksum: str


class KeyframeVerdict(Part):
    """What the judge said of one picture of a keyframe. Scores by aspect, from 0 (wrong) to 1 (as it must be).

    ``is_final``: the keyframe was to be drawn again and could not be.
    """

    frame: KeyframeName
    take: int
    round: int
    keyframe: Keyframe
    scores: Mapping[str, float]
    drift: OptionalText = None
    worst: OptionalText = None
    is_final: bool = False
    answer: JudgeAnswer | None = None  # that it was read from

    @property
    def passes(self) -> bool:
        """Whether it is good enough in every aspect."""
        return self.quality[0] >= check_limits().passing_score

    @property
    def quality(self) -> tuple[float, float]:
        """The lowest score, then their mean: the larger, the better."""
        scores = self.scores.values()
        return min(scores), sum(scores) / len(scores)


class Clip(Part):
    """A delivered clip and the call that paid for it."""

    uri: str
    call: str
    checksum: OptionalText = None  # of its content, as delivered


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
    """Prompts that are to be rewritten: for which attempt, with which advice, and why."""

    attempt: str
    advice: str
    reason: str


class SceneChanges(TypedDict, total=False):
    """The fields of a scene that a write may change, beside its state."""

    take: int
    attempt: int
    dispatch: int
    queued_at: datetime | None
    redraw: tuple[KeyframeName, ...]
    rewording: RewriteRequest | None
    muted: bool
    video_model: str | None
    clip: Clip | None
    tries: tuple[Attempt, ...]
    verdicts: tuple[KeyframeVerdict, ...]
    problem: Problem | None
    updated: datetime


class SceneCopies(Part):
    """What another film takes over of a scene. ``video_model`` filmed the clip, where it is not the film's own."""

    is_kept: bool
    start: Keyframe | None = None
    end: Keyframe | None = None
    clip: Clip | None = None
    video_model: str | None = None


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
    camera: Camera = Camera()
    characters: tuple[str, ...] = ()  # names of the plan's characters that it shows
    settings: tuple[str, ...] = ()
    props: tuple[str, ...] = ()
    light: OptionalText = None  # time of day and light
    dialogue: tuple[Line, ...] = ()  # in the film's language
    written_scene: int | None = None  # of the prompt's own scenes the one it belongs to, from 1
    heading: OptionalText = None  # that scene's first line
    duration_s: int  # whole seconds that hold the scene: its clip is the shortest one that is as long
    frames: int | None = None  # of the clip that the film shows; None in older documents: all of ``duration_s``
    state: SceneState = SceneState.PENDING
    take: int = 1  # raised when what the clip is made from changes
    attempt: int = 1  # raised by a remedy for the same take
    dispatch: int = 0  # raised by every new task, never reset: a finished task's name stays blocked
    queued_at: UtcDatetime | None = None  # when the last task was made
    start: Keyframe | None = None
    end: Keyframe | None = None
    redraw: tuple[KeyframeName, ...] = ()  # keyframes to be replaced; the old ones are kept until then
    rewording: RewriteRequest | None = None
    muted: bool = False  # filmed without sound, by a remedy
    video_model: OptionalText = None  # other than the plan's, by a remedy
    clip: Clip | None = None
    tries: tuple[Attempt, ...] = ()
    verdicts: tuple[KeyframeVerdict, ...] = ()  # of the continuity check, on every picture that it has seen
    problem: Problem | None = None
    created: UtcDatetime
    updated: UtcDatetime

    def evolve(self, **changes: Unpack[SceneChanges]) -> "Scene":
        """The scene with these fields changed, in the same state."""
        return self._copy_with(changes)

    def to(self, state: SceneState, now: datetime, **changes: Unpack[SceneChanges]) -> "Scene":
        """The scene after a legal move. Raises: Conflict for an illegal one."""
        moved = {"state": states.move(states.SCENE_MOVES, self.state, state), "updated": now}
        return self._copy_with({**moved, **changes})

    def queue_again(self, now: datetime, **changes: Unpack[SceneChanges]) -> "Scene":
        """The scene with its clip waiting for a new call, from whatever state it was in."""
        return self._copy_with({"state": SceneState.QUEUED, "updated": now, **changes})

    def reset_for_resume(self, now: datetime) -> "Scene":
        """The scene of a job that is resumed: without its problem, waiting for a new task if it was given up."""
        if self.is_given_up:
            return self.queue_again(now, problem=None, queued_at=None)
        return self.evolve(problem=None, queued_at=None, updated=now)

    def redraw_damaged(self, damaged: Collection[str], now: datetime) -> "Scene":
        """The scene with those of its keyframes to be drawn again whose addresses are in ``damaged``.

        Take and attempt stay: no clip was sent that was made from them, or it is the one that is still awaited.
        """
        stored: dict[KeyframeName, Keyframe | None] = {"start": self.start, "end": self.end}
        names = tuple(name for name, keyframe in stored.items() if keyframe is not None and keyframe.uri in damaged)
        if not names or not self.precedes_filming:
            return self
        return self._copy_with({"state": SceneState.PENDING, "redraw": names, "updated": now})

    def take_over(self, copies: "SceneCopies", now: datetime) -> "Scene":
        """The scene of a finished film in another one: made of copies, and filmed anew unless its clip is kept.

        It begins with its first take. A scene that was given up and is not filmed anew stays so.
        """
        start, end, clip, video_model = copies.start, copies.end, copies.clip, copies.video_model
        kept = self.state if copies.is_kept else SceneState.DRAWN if start and end else SceneState.PENDING
        return self._copy_with(
            {
                "state": kept,
                "take": 1,
                "attempt": 1,
                "dispatch": 0,
                "queued_at": None,
                "start": start,
                "end": end,
                "redraw": (),
                "rewording": None,
                "muted": self.muted and copies.is_kept,
                "video_model": video_model,
                "clip": clip,
                "tries": (),
                "verdicts": (),
                "problem": self.problem if copies.is_kept else None,
                "created": now,
                "updated": now,
            }
        )

    def with_keyframe(self, name: KeyframeName, keyframe: Keyframe, now: datetime) -> "Scene":
        """The scene with this keyframe in place of the one that it has or awaits, DRAWN if none is missing then."""
        awaited = tuple(other for other in self.redraw if other != name)
        updated = self._copy_with({name: keyframe, "redraw": awaited, "updated": now})
        is_drawn = updated.keyframes_drawn and updated.state is SceneState.PENDING
        return updated.to(SceneState.DRAWN, now) if is_drawn else updated

    def list_verdicts(self, name: KeyframeName) -> tuple[KeyframeVerdict, ...]:
        """What the continuity check has said of the pictures of this keyframe in the current take, oldest first."""
        return tuple(one for one in self.verdicts if one.frame == name and one.take == self.take)

    def criticism(self, name: KeyframeName) -> str | None:
        """What the next picture of a keyframe must do better; None unless the continuity check has it drawn again."""
        stored = self.stored(name)
        verdicts = (one for one in self.list_verdicts(name) if stored and one.keyframe.uri == stored.uri)
        verdict = next(verdicts, None)
        return verdict.drift if verdict is not None and name in self.redraw and not verdict.passes else None

    def with_prompts(self, story: SceneTexts, now: datetime) -> "Scene":
        """The scene with rewritten prompts; how it leads into the next is not rewritten."""
        return self._copy_with(
            {
                "description": story.description,
                "start_prompt": story.start_frame_prompt,
                "end_prompt": story.end_frame_prompt,
                "motion_prompt": story.motion_prompt,
                "rewording": None,
                "updated": now,
            }
        )

    def with_edit(self, values: Mapping[str, object]) -> "Scene":
        """The scene with these fields as a person wants them, which nothing was sent for; see domain/edits.py."""
        return self._copy_with(values)

    def film_frames(self, fps: int) -> int:
        """How long it is in the film."""
        return self.duration_s * fps if self.frames is None else self.frames

    def keyframe(self, name: KeyframeName) -> Keyframe | None:
        """The keyframe to use; None when it is to be drawn, or to be drawn again."""
        return None if name in self.redraw else self.stored(name)

    def stored(self, name: KeyframeName) -> Keyframe | None:
        """The keyframe that is stored, also when it is to be drawn again."""
        return self.start if name == "start" else self.end

    def shares_keyframe(self, following: "Scene") -> bool:
        """Whether the following scene begins with the stored keyframe with which this one ends."""
        return self.end is not None and following.start is not None and self.end.uri == following.start.uri

    def find_checksum(self, uri: str) -> str | None:
        """The checksum of the keyframe, clip or verdict at this address, as stored; None unless the scene has it."""
        clip = self.clip if self.state is SceneState.DONE else None
        answers = (verdict.answer for verdict in self.verdicts)
        pieces = (self.keyframe("start"), self.keyframe("end"), clip, *answers)
        return next((piece.checksum for piece in pieces if piece is not None and piece.uri == uri), None)

    def shows(self, name: str) -> bool:
        """Whether it shows this character, setting, prop or product: it is listed, or its texts name it."""
        wanted, texts = name.casefold(), (self.description, self.start_prompt, self.end_prompt, self.motion_prompt)
        listed = (*self.characters, *self.settings, *self.props)
        return any(wanted == one.casefold() for one in listed) or any(wanted in text.casefold() for text in texts)

    def drawn_names(self) -> tuple[KeyframeName, ...]:
        """Its keyframes that the image model draws: not the user's own pictures."""
        stored = {name: self.stored(name) for name in get_args(KeyframeName)}
        return tuple(name for name, keyframe in stored.items() if keyframe is None or not keyframe.is_own)

    @property
    def is_live(self) -> bool:
        """Queued or filming: poll_clips must look at it."""
        return self.state in states.LIVE_SCENE_STATES

    @property
    def precedes_filming(self) -> bool:
        """Its clip is neither being filmed nor delivered nor given up: its keyframes may still be drawn again."""
        return self.state in {SceneState.PENDING, SceneState.DRAWN, SceneState.QUEUED}

    @property
    def is_given_up(self) -> bool:
        """Its remedies are used up: by the job's policy it becomes a still, is left out, or fails the job."""
        return self.state in states.GIVEN_UP_SCENE_STATES

    @property
    def keyframes_drawn(self) -> bool:
        """Whether both keyframes can be used."""
        return self.keyframe("start") is not None and self.keyframe("end") is not None

    @property
    def clip_purpose(self) -> str:
        """The purpose of the calls that film this scene."""
        return f"clip/{self.id}"

    def clip_call_id(self, job: str) -> str:
        """Id of the call that films the current take and attempt."""
        return identifiers.call_id(job, self.clip_purpose, self.take, self.attempt)

    def keyframe_purpose(self, name: KeyframeName) -> str:
        """The purpose of the calls that draw this keyframe."""
        return f"keyframe/{self.id}/{name}"
