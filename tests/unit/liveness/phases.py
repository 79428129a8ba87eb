"""Where each document of a film can be while something is still to be done for it, seen from the stores.

States come from the code's own tables, so a new one is here at once; tasks, executions and tombstones have no table,
their phases are named here.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from promptreel.domain.call import Call
from promptreel.domain.render import Render
from promptreel.domain.states import FINISHED_CALL_STATES, CallState, JobState, SceneState
from promptreel.errors import AnswerLost
from promptreel.ports.orchestration import ClipTask
from tests.unit.liveness.stage import Stage


class Document(StrEnum):
    """What a film consists of in the stores, the queue and the orchestrator."""

    JOB = "job"
    SCENE = "scene"
    CLIP_CALL = "call of a clip"
    TEXT_OR_IMAGE_CALL = "call of a text or picture"
    RENDER = "render"
    TASK = "task"
    EXECUTION = "execution"
    TOMBSTONE = "tombstone"


class TaskPhase(StrEnum):
    """A dispatch of submit_clip."""

    TO_BE_MADE = "TO_BE_MADE"  # its scene is QUEUED, the task is not in the queue yet
    WAITING = "WAITING"
    UNDER_WAY = "UNDER_WAY"  # delivered, not answered
    ANSWERED = "ANSWERED"


class ExecutionPhase(StrEnum):
    """A run of the workflow."""

    TO_BE_STARTED = "TO_BE_STARTED"  # its job is stored
    STARTED = "STARTED"  # and has not opened its job yet
    ACTIVE = "ACTIVE"
    ENDED = "ENDED"


class TombstonePhase(StrEnum):
    """What is left of a deleted job."""

    MARKED = "MARKED"  # what it owns is being removed
    COUNTED = "COUNTED"  # only the job is left; uploads under way may still arrive
    BURIED = "BURIED"


class RenderState(StrEnum):
    """`Render.state`, which is a Literal."""

    RENDERING = "RENDERING"
    DONE = "DONE"


STATES: Mapping[Document, type[StrEnum]] = {
    Document.JOB: JobState,
    Document.SCENE: SceneState,
    Document.CLIP_CALL: CallState,
    Document.TEXT_OR_IMAGE_CALL: CallState,
    Document.RENDER: RenderState,
    Document.TASK: TaskPhase,
    Document.EXECUTION: ExecutionPhase,
    Document.TOMBSTONE: TombstonePhase,
}

Subject = Any
"""Which one of its kind: an id, or what else tells two apart."""


@dataclass(frozen=True, slots=True)
class Phase:
    """One state of one document."""

    document: Document
    state: StrEnum

    def find(self, stage: Stage) -> Subject | None:
        """A document that is in this state now."""
        return next(iter(FINDERS[self.document](stage, self.state)), None)

    def holds(self, stage: Stage, subject: Subject) -> bool:
        """Whether that document still is in this state."""
        return subject in FINDERS[self.document](stage, self.state)

    def prepare(self, stage: Stage) -> None:
        """Lay in what leads to a state that an undisturbed film does not come to."""
        if self.state is CallState.UNCERTAIN:
            stage.world.video.failures = [AnswerLost("reset")]
            stage.world.images.failures = [AnswerLost("reset")]

    @property
    def needs_deletion(self) -> bool:
        return self.document is Document.TOMBSTONE or self.state is JobState.DELETING


def _jobs(stage: Stage, state: StrEnum) -> list[Subject]:
    return [job.id for job in stage.jobs if job.state is state]


def _scenes(stage: Stage, state: StrEnum) -> list[Subject]:
    scenes = [read.value for read in stage.scenes if not stage.jobs[0].is_final]  # at rest with their job
    return [(scene.id, scene.take, scene.attempt) for scene in scenes if scene.state is state]


def _clip_calls(stage: Stage, state: StrEnum) -> list[Subject]:
    return [call.id for call in _calls(stage, state) if call.kind == "video"]


def _other_calls(stage: Stage, state: StrEnum) -> list[Subject]:
    return [call.id for call in _calls(stage, state) if call.kind != "video"]


def _calls(stage: Stage, state: StrEnum) -> list[Call]:
    calls = [read.value for read in stage.world.jobs.list_calls("job-1")]
    return [call for call in calls if call.state is state]


def _renders(stage: Stage, state: StrEnum) -> list[Subject]:
    return [render.id for render in stage.world.jobs._all(Render) if render.state == state.value]


def _tasks(stage: Stage, state: StrEnum) -> list[Subject]:
    made = stage.world.queue.tasks.keys()
    run = stage.jobs[0].run if stage.jobs else 0
    scenes = [read.value for read in stage.scenes if not stage.jobs[0].is_final]
    dispatched = [
        ClipTask("job-1", run, scene.id, scene.take, scene.attempt, scene.dispatch)
        for scene in scenes
        if scene.state is SceneState.QUEUED and scene.queued_at is not None
    ]
    found: Mapping[StrEnum, list[ClipTask]] = {
        TaskPhase.TO_BE_MADE: [task for task in dispatched if task not in made],
        TaskPhase.WAITING: [task for task in dispatched if task in made - stage.answered and task != stage.under_way],
        TaskPhase.UNDER_WAY: [task for task in dispatched if task == stage.under_way],
    }
    return [(task.scene, task.take, task.attempt) for task in found[state]]


def _executions(stage: Stage, state: StrEnum) -> list[Subject]:
    running = [job for job in stage.jobs if not job.is_final]
    started = set(stage.world.executions.started)
    found: Mapping[StrEnum, list[Subject]] = {
        ExecutionPhase.TO_BE_STARTED: [(j.id, j.run) for j in running if (j.id, j.run) not in started],
        ExecutionPhase.STARTED: [j.id for j in running if (j.id, j.run) in started and j.execution is None],
        ExecutionPhase.ACTIVE: [(j.run, j.execution) for j in running if j.execution is not None],
    }
    return found[state]


def _tombstones(stage: Stage, state: StrEnum) -> list[Subject]:
    deleting = [job for job in stage.jobs if job.state is JobState.DELETING]
    counted = state is TombstonePhase.COUNTED
    return [job.id for job in deleting if (job.spent_micros is not None) is counted]


FINDERS: Mapping[Document, Callable[[Stage, StrEnum], list[Subject]]] = {
    Document.JOB: _jobs,
    Document.SCENE: _scenes,
    Document.CLIP_CALL: _clip_calls,
    Document.TEXT_OR_IMAGE_CALL: _other_calls,
    Document.RENDER: _renders,
    Document.TASK: _tasks,
    Document.EXECUTION: _executions,
    Document.TOMBSTONE: _tombstones,
}

# Nothing is to be done in these until a person acts; what is stored stays, or is forgotten by the database.
AT_REST: Mapping[Document, frozenset[StrEnum]] = {
    Document.JOB: frozenset(
        {JobState.AWAITING_APPROVAL, JobState.COMPLETE, JobState.FAILED, JobState.CANCELLED, JobState.DELETED}
    ),
    Document.SCENE: frozenset({SceneState.DONE, SceneState.FILTERED, SceneState.FAILED, SceneState.TIMED_OUT}),
    Document.CLIP_CALL: FINISHED_CALL_STATES,
    Document.TEXT_OR_IMAGE_CALL: FINISHED_CALL_STATES,
    Document.RENDER: frozenset({RenderState.DONE}),
    Document.TASK: frozenset({TaskPhase.ANSWERED}),
    Document.EXECUTION: frozenset({ExecutionPhase.ENDED}),
    Document.TOMBSTONE: frozenset({TombstonePhase.BURIED}),
}
