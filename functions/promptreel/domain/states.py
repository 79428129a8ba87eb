"""Every state machine of promptreel, each as one table. All there is to say about transitions is said here.

The diagrams in docs/states.md are generated from these tables (``make docs``) and compared by a test.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

from promptreel.errors import Conflict


class JobState(StrEnum):
    """Where a job stands: the earliest stage that has unfinished work."""

    PENDING = "PENDING"  # submitted, no storyboard begun
    STORYBOARD = "STORYBOARD"  # the plan is being written
    KEYFRAMES = "KEYFRAMES"  # pictures are being drawn; clips may already be filming
    VIDEO_GEN = "VIDEO_GEN"  # every picture stands, clips are filming
    STITCH = "STITCH"  # every clip stands, the film is being cut
    COMPLETE = "COMPLETE"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


class SceneState(StrEnum):
    """Where one scene stands."""

    PENDING = "PENDING"  # a keyframe is missing
    DRAWN = "DRAWN"  # both keyframes stand
    QUEUED = "QUEUED"  # its clip waits for a place in Veo's quota
    FILMING = "FILMING"  # its clip has been asked for
    DONE = "DONE"  # its clip is here
    FILTERED = "FILTERED"  # the provider's safety filter refused it, remedies used up
    FAILED = "FAILED"  # the provider failed it, remedies used up
    TIMED_OUT = "TIMED_OUT"  # its operation never finished; still adoptable on resume


class CallState(StrEnum):
    """Where one paid call stands in the ledger."""

    PLANNED = "PLANNED"  # its price is reserved, nobody is making it
    RESERVED = "RESERVED"  # somebody holds its lease and will send it
    SENT = "SENT"  # written before the request leaves
    SETTLED = "SETTLED"  # answered and paid
    RELEASED = "RELEASED"  # certainly unpaid
    UNCERTAIN = "UNCERTAIN"  # perhaps paid: the answer was lost
    ADOPTED = "ADOPTED"  # the answer was lost, the output was found
    LOST = "LOST"  # perhaps paid, output never seen; counted at the reserved price


JOB_MOVES: Mapping[JobState, frozenset[JobState]] = {
    JobState.PENDING: frozenset({JobState.STORYBOARD, JobState.FAILED, JobState.CANCELLED}),
    JobState.STORYBOARD: frozenset({JobState.KEYFRAMES, JobState.FAILED, JobState.CANCELLED}),
    JobState.KEYFRAMES: frozenset({JobState.VIDEO_GEN, JobState.FAILED, JobState.CANCELLED}),
    JobState.VIDEO_GEN: frozenset({JobState.KEYFRAMES, JobState.STITCH, JobState.FAILED, JobState.CANCELLED}),
    JobState.STITCH: frozenset({JobState.COMPLETE, JobState.FAILED, JobState.CANCELLED}),
    JobState.COMPLETE: frozenset(),
    JobState.FAILED: frozenset(),
    JobState.CANCELLED: frozenset(),
}

SCENE_MOVES: Mapping[SceneState, frozenset[SceneState]] = {
    SceneState.PENDING: frozenset({SceneState.DRAWN}),
    SceneState.DRAWN: frozenset({SceneState.QUEUED}),
    SceneState.QUEUED: frozenset(
        {SceneState.FILMING, SceneState.DONE, SceneState.FILTERED, SceneState.FAILED, SceneState.TIMED_OUT}
    ),
    SceneState.FILMING: frozenset(
        {SceneState.QUEUED, SceneState.DONE, SceneState.FILTERED, SceneState.FAILED, SceneState.TIMED_OUT}
    ),
    SceneState.DONE: frozenset(),
    SceneState.FILTERED: frozenset(),
    SceneState.FAILED: frozenset(),
    SceneState.TIMED_OUT: frozenset(),
}

CALL_MOVES: Mapping[CallState, frozenset[CallState]] = {
    CallState.PLANNED: frozenset({CallState.RESERVED, CallState.RELEASED}),
    CallState.RESERVED: frozenset({CallState.RESERVED, CallState.SENT, CallState.PLANNED}),
    CallState.SENT: frozenset(
        {CallState.SETTLED, CallState.PLANNED, CallState.RELEASED, CallState.UNCERTAIN, CallState.LOST}
    ),
    CallState.UNCERTAIN: frozenset(
        {CallState.SETTLED, CallState.ADOPTED, CallState.LOST, CallState.PLANNED, CallState.RELEASED}
    ),
    CallState.LOST: frozenset({CallState.SETTLED, CallState.ADOPTED, CallState.RELEASED}),
    CallState.SETTLED: frozenset(),
    CallState.ADOPTED: frozenset(),
    CallState.RELEASED: frozenset(),
}

# Final states are left only by a person: resume takes a failed or cancelled job back to its first unfinished stage.
FINAL_JOB = frozenset({JobState.COMPLETE, JobState.FAILED, JobState.CANCELLED})
GIVEN_UP_SCENE = frozenset({SceneState.FILTERED, SceneState.FAILED, SceneState.TIMED_OUT})
LIVE_SCENE = frozenset({SceneState.QUEUED, SceneState.FILMING})
PAID_CALL = frozenset({CallState.SETTLED, CallState.ADOPTED})
FINISHED_CALL = PAID_CALL | {CallState.RELEASED, CallState.LOST}

S = TypeVar("S", bound=StrEnum)


def move(moves: Mapping[S, frozenset[S]], now: S, to: S) -> S:
    """The state after a legal move.

    Raises: Conflict for any move the table does not hold; nothing has changed then.
    """
    if to not in moves[now]:
        raise Conflict(f"{type(now).__name__} cannot go from {now} to {to}.", code="illegal_transition")
    return to
