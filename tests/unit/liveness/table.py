"""For every state and every dead actor: who acts next, and within what time. test_dead_actors.py proves each entry.

Times are upper bounds in production seconds for a film of three scenes, from the moment the actor dies to the moment
the state is left, with the sweeps at the worst moments. They follow from the constants that the code itself uses.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from promptreel.domain.call_rules import LEASE_S, SENT_GRACE_S, WINDOW_GRACE_S
from promptreel.domain.models import VideoModel, registry
from promptreel.usecases import poll_clips
from promptreel.usecases.delete_job import IN_FLIGHT_UPLOAD_GRACE_S
from promptreel.usecases.sweep_jobs import OPENING_S, QUIET_S
from stitcher_service.jobs import renders
from tests.unit.liveness.phases import STATES, Document
from tests.unit.liveness.stage import (
    CLIP_TAKES_S,
    MORTAL,
    REDELIVERED_AFTER_S,
    REPEATS,
    SWEEP_EVERY_S,
    TICK_S,
    Actor,
)

VEO, OMNI, KLING = "veo-3.1-generate-001", "gemini-omni-1.2-flash", "kwaivgi/kling-v3-video"
"""A model of each video backend: its window, in which a clip whose answer was lost may still come, is its own."""

_SLACK_S = 2 * TICK_S
_REPEATED_S = sum(2**repeat for repeat in range(REPEATS)) + _SLACK_S  # a step, by its execution
_RESTARTED_S = QUIET_S + SWEEP_EVERY_S + _REPEATED_S
_STARTED_S = OPENING_S + SWEEP_EVERY_S + _REPEATED_S
_REDELIVERED_S = REDELIVERED_AFTER_S + _SLACK_S
_REDISPATCHED_S = 120.0 + poll_clips.LONGEST_S + _SLACK_S
_FILMED_S = CLIP_TAKES_S + poll_clips.LONGEST_S + _SLACK_S
_LEASE_OVER_S = LEASE_S + poll_clips.LONGEST_S + _SLACK_S
_ANSWER_OVER_S = max(model.timeout_s for model in registry().text) + SENT_GRACE_S + _SLACK_S
_CUT_LEASE_OVER_S = renders.LEASE_S + renders.BUSY_WAIT_S + _REPEATED_S
_SWEPT_S = 2 * SWEEP_EVERY_S + _SLACK_S
_UPLOADS_OVER_S = IN_FLIGHT_UPLOAD_GRACE_S + _SWEPT_S


@dataclass(frozen=True, slots=True)
class Successor:
    """Who leaves the state for the next one. ``woken_by`` first starts a new execution."""

    actor: Actor
    within_s: float
    woken_by: Actor | None = None

    def __str__(self) -> str:
        chain = f"{self.woken_by}, {self.actor}" if self.woken_by else str(self.actor)
        return f"{chain}: {self.within_s:.0f} s"


Table = dict[tuple[Document, StrEnum], Mapping[Actor, Successor]]


def _execution(within_s: float) -> Successor:
    return Successor(Actor.EXECUTION, within_s)


def _task(within_s: float) -> Successor:
    return Successor(Actor.TASK, within_s)


def _sweeper(within_s: float) -> Successor:
    return Successor(Actor.SWEEPER, within_s)


def _new_execution(within_s: float, actor: Actor = Actor.EXECUTION) -> Successor:
    return Successor(actor, within_s, woken_by=Actor.SWEEPER)


def _row(usual: Successor, **dead: Successor) -> Mapping[Actor, Successor]:
    """The successor for each dead actor: the usual one, but for those named."""
    return {actor: dead.get(actor.name.lower(), usual) for actor in MORTAL}


def _make_table(video: VideoModel) -> Table:
    lost_s = video.timeout_s + video.longest_latency_s + WINDOW_GRACE_S + poll_clips.LONGEST_S + _SLACK_S
    timed_out_s = 2 * lost_s  # a lost clip is tried once more
    calls_finished_s = lost_s + _SWEPT_S
    at_once = _execution(_REPEATED_S)
    failed_job = {"gemini": at_once}  # no picture: the job fails, with a remedy for its owner
    table: Table = {}

    def rows(document: Document, **states: Mapping[Actor, Successor]) -> None:
        kinds: Any = STATES[document]
        table.update({(document, kinds[state]): row for state, row in states.items()})

    rows(
        Document.JOB,
        PENDING=_row(at_once, worker=_new_execution(_STARTED_S), execution=_new_execution(_STARTED_S)),
        STORYBOARD=_row(at_once, execution=_new_execution(_RESTARTED_S)),
        KEYFRAMES=_row(at_once, execution=_new_execution(_RESTARTED_S)),
        VIDEO_GEN=_row(
            _execution(_FILMED_S),
            execution=_new_execution(_RESTARTED_S),
            task=_execution(_REDISPATCHED_S + _FILMED_S),
            provider=_execution(timed_out_s),
        ),
        STITCH=_row(at_once, execution=_new_execution(_RESTARTED_S)),
        DELETING=_row(
            _sweeper(_UPLOADS_OVER_S),
            sweeper=_sweeper(_UPLOADS_OVER_S + SWEEP_EVERY_S),
            provider=_sweeper(calls_finished_s + _UPLOADS_OVER_S),
        ),
    )
    rows(
        Document.SCENE,
        PENDING=_row(at_once, execution=_new_execution(_RESTARTED_S), **failed_job),
        DRAWN=_row(at_once, execution=_new_execution(_RESTARTED_S)),
        QUEUED=_row(
            _task(_REDELIVERED_S),
            execution=_new_execution(_RESTARTED_S, Actor.TASK),
            task=_task(_REDISPATCHED_S + _REDELIVERED_S),
        ),
        FILMING=_row(
            _execution(_FILMED_S), execution=_new_execution(_RESTARTED_S), provider=_execution(lost_s), **failed_job
        ),
    )
    rows(
        Document.CLIP_CALL,
        PLANNED=_row(
            _task(_REPEATED_S),
            execution=_new_execution(_RESTARTED_S, Actor.TASK),
            task=_task(_REDISPATCHED_S + _REDELIVERED_S),
            gemini=_sweeper(_SWEPT_S),
        ),
        RESERVED=_row(_task(_REDELIVERED_S), worker=_execution(_LEASE_OVER_S)),
        SENT=_row(
            _execution(_FILMED_S),
            worker=_execution(video.timeout_s + SENT_GRACE_S + poll_clips.LONGEST_S),
            execution=_new_execution(_RESTARTED_S),
            provider=_execution(lost_s),
            gemini=_sweeper(_SWEPT_S),
        ),
        UNCERTAIN=_row(_execution(lost_s), execution=_new_execution(lost_s), gemini=_sweeper(calls_finished_s)),
    )
    rows(
        Document.TEXT_OR_IMAGE_CALL,
        PLANNED=_row(at_once, execution=_new_execution(_RESTARTED_S)),
        RESERVED=_row(at_once, worker=_execution(_LEASE_OVER_S), execution=_new_execution(_RESTARTED_S)),
        SENT=_row(at_once, worker=_execution(_ANSWER_OVER_S), execution=_new_execution(_RESTARTED_S)),
        UNCERTAIN=_row(at_once, execution=_new_execution(_RESTARTED_S)),
    )
    rows(
        Document.RENDER,
        RENDERING=_row(at_once, worker=_execution(_CUT_LEASE_OVER_S), execution=_new_execution(_RESTARTED_S)),
    )
    rows(
        Document.TASK,
        TO_BE_MADE=_row(at_once, execution=_new_execution(_RESTARTED_S)),
        WAITING=_row(_task(_REDELIVERED_S), task=_execution(_REDISPATCHED_S)),
        UNDER_WAY=_row(_task(_REDELIVERED_S)),
    )
    rows(
        Document.EXECUTION,
        TO_BE_STARTED=_row(Successor(Actor.OWNER, _SLACK_S), worker=_sweeper(_STARTED_S)),
        STARTED=_row(at_once, execution=_new_execution(_STARTED_S)),
        ACTIVE=_row(
            _execution(_FILMED_S + _REPEATED_S),
            execution=_sweeper(_RESTARTED_S),
            task=_execution(_REDISPATCHED_S + _FILMED_S + _REPEATED_S),
            provider=_execution(timed_out_s + _REPEATED_S),
        ),
    )
    rows(
        Document.TOMBSTONE,
        MARKED=_row(
            _sweeper(_SWEPT_S), sweeper=_sweeper(_SWEPT_S + SWEEP_EVERY_S), provider=_sweeper(calls_finished_s)
        ),
        COUNTED=_row(_sweeper(_UPLOADS_OVER_S)),
    )
    return table


TABLES: Mapping[str, Table] = {model: _make_table(registry().video_model(model)) for model in (VEO, OMNI, KLING)}
TABLE = TABLES[VEO]
BY_WINDOW: Table = {key: row for key, row in TABLES[KLING].items() if row != TABLE[key]}
"""The rows that depend on a model's window, as they are for the longest one."""


def page() -> str:
    """The table as Markdown, and the rows that are others for models on Replicate."""
    assert TABLES[OMNI] == TABLE
    others = f"The same holds for `{OMNI}`. Clips of models on Replicate may come later:"
    return f"{_markdown(TABLE)}\n\n{others}\n\n{_markdown(BY_WINDOW)}"


def _markdown(table: Table) -> str:
    titles = ["document", "state", *(f"dead {actor}" for actor in MORTAL)]
    lines = [" | ".join(titles), " | ".join("---" for _ in titles)]
    for (document, state), row in table.items():
        lines.append(" | ".join([document, state, *(str(row[actor]) for actor in MORTAL)]))
    return "\n".join(f"| {line} |" for line in lines)
