"""Every state machine of promptreel, each as one table of the legal moves.

The diagrams in docs/states.md are generated from these tables (``make docs``) and compared by a test.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

from promptreel.errors import Conflict


class JobState(StrEnum):
    """The state of a job: the earliest stage that has unfinished work."""

    PENDING = "PENDING"  # submitted, no storyboard begun
    STORYBOARD = "STORYBOARD"  # the plan is being written
    AWAITING_APPROVAL = "AWAITING_APPROVAL"  # it waits at a gate for a person; no execution works on it
    KEYFRAMES = "KEYFRAMES"  # keyframes are being drawn and checked; without a check, clips may already be filming
    VIDEO_GEN = "VIDEO_GEN"  # every keyframe is drawn, clips are filming
    STITCH = "STITCH"  # every clip is stored, the film is being stitched
    COMPLETE = "COMPLETE"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    DELETING = "DELETING"  # nothing of it is shown, made or paid any more; its objects and documents are being removed
    DELETED = "DELETED"  # a tombstone, so that a late delivery does not create the job again


class SceneState(StrEnum):
    """The state of one scene."""

    PENDING = "PENDING"  # a keyframe is missing, or to be drawn again
    DRAWN = "DRAWN"  # both keyframes are stored; they may await their check
    QUEUED = "QUEUED"  # its clip waits for Veo's quota
    FILMING = "FILMING"  # its clip was requested
    DONE = "DONE"  # its clip is stored
    FILTERED = "FILTERED"  # the provider's safety filter refused it, remedies used up
    FAILED = "FAILED"  # the provider failed it, remedies used up
    TIMED_OUT = "TIMED_OUT"  # its operation never finished; still adoptable on resume


class CallState(StrEnum):
    """The state of one paid call in the ledger."""

    PLANNED = "PLANNED"  # its price is reserved, no worker is making it
    RESERVED = "RESERVED"  # a worker holds its lease and will send it
    SENT = "SENT"  # written before the request leaves
    SETTLED = "SETTLED"  # answered and paid
    RELEASED = "RELEASED"  # certainly unpaid
    UNCERTAIN = "UNCERTAIN"  # perhaps paid: the answer was lost
    ADOPTED = "ADOPTED"  # the answer was lost, the output was found
    LOST = "LOST"  # perhaps paid, output never seen; counted at the reserved price


GIVEN_UP_SCENE_STATES = frozenset({SceneState.FILTERED, SceneState.FAILED, SceneState.TIMED_OUT})

_STOPS = frozenset({JobState.FAILED, JobState.CANCELLED, JobState.DELETING})

JOB_MOVES: Mapping[JobState, frozenset[JobState]] = {
    JobState.PENDING: frozenset({JobState.STORYBOARD} | _STOPS),
    JobState.STORYBOARD: frozenset({JobState.AWAITING_APPROVAL, JobState.KEYFRAMES} | _STOPS),
    JobState.AWAITING_APPROVAL: frozenset({JobState.KEYFRAMES, JobState.VIDEO_GEN, JobState.STITCH} | _STOPS),
    JobState.KEYFRAMES: frozenset({JobState.AWAITING_APPROVAL, JobState.VIDEO_GEN} | _STOPS),
    JobState.VIDEO_GEN: frozenset({JobState.AWAITING_APPROVAL, JobState.KEYFRAMES, JobState.STITCH} | _STOPS),
    JobState.STITCH: frozenset({JobState.VIDEO_GEN, JobState.COMPLETE} | _STOPS),
    JobState.COMPLETE: frozenset({JobState.DELETING}),
    JobState.FAILED: frozenset({JobState.DELETING}),
    JobState.CANCELLED: frozenset({JobState.DELETING}),
    JobState.DELETING: frozenset({JobState.DELETED}),
    JobState.DELETED: frozenset(),
}

SCENE_MOVES: Mapping[SceneState, frozenset[SceneState]] = {
    SceneState.PENDING: frozenset({SceneState.DRAWN, SceneState.FILTERED}),
    SceneState.DRAWN: frozenset({SceneState.QUEUED}),
    SceneState.QUEUED: frozenset({SceneState.PENDING, SceneState.FILMING, SceneState.DONE} | GIVEN_UP_SCENE_STATES),
    SceneState.FILMING: frozenset({SceneState.PENDING, SceneState.QUEUED, SceneState.DONE} | GIVEN_UP_SCENE_STATES),
    SceneState.DONE: frozenset({SceneState.QUEUED, SceneState.FAILED}),  # its clip turned out to be unusable
    SceneState.FILTERED: frozenset(),
    SceneState.FAILED: frozenset(),
    SceneState.TIMED_OUT: frozenset(),
}

CALL_MOVES: Mapping[CallState, frozenset[CallState]] = {
    CallState.PLANNED: frozenset({CallState.RESERVED, CallState.RELEASED}),
    CallState.RESERVED: frozenset({CallState.RESERVED, CallState.SENT, CallState.PLANNED, CallState.SETTLED}),
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

# Final states are left only by a person: resume takes a failed or cancelled job back to its first unfinished stage,
# delete takes any job away. A deleted job is as final as any: no step starts, claims or sends anything for it.
DELETED_JOB_STATES = frozenset({JobState.DELETING, JobState.DELETED})
FINAL_JOB_STATES = frozenset({JobState.COMPLETE, JobState.FAILED, JobState.CANCELLED}) | DELETED_JOB_STATES
LIVE_SCENE_STATES = frozenset({SceneState.QUEUED, SceneState.FILMING})
PAID_CALL_STATES = frozenset({CallState.SETTLED, CallState.ADOPTED})
FINISHED_CALL_STATES = PAID_CALL_STATES | {CallState.RELEASED, CallState.LOST}

S = TypeVar("S", bound=StrEnum)


def move(moves: Mapping[S, frozenset[S]], current: S, target: S) -> S:
    """The state after a legal move. Raises: Conflict for any move that the table does not hold."""
    if target not in moves[current]:
        raise Conflict(f"{type(current).__name__} cannot go from {current} to {target}.", code="illegal_transition")
    return target
