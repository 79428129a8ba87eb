"""A model of how one clip comes to be: its pictures, its task, its calls, the provider, and everything that may fail.

One transition is one atomic action: a compare-and-set, a request, an arrival, or time. A process may die between any
two of its own. Every fault costs one; a step that a person takes costs one of theirs. search.py explores all of it.

``rules`` are those of docs/invariants.md without which something hangs or is paid twice here; without one of them the
naive reading is taken. Left out: budgets, the cut, more than one scene, and the bytes of text and pictures.
"""

from collections.abc import Iterator
from typing import Literal, NamedTuple

RULES = frozenset(
    {
        "poll_clips queues drawn scenes",
        "unsent calls are claimed with the inputs of today",
        "a failed look after the window counts",
        "a sender writes with its own token only",
        "sent calls of ended jobs are finished",
        "planned calls of ended jobs are released",
        "lost only after the window",
        "polls decide from the call",
        "a copy is settled by the claim's holder only",
        "nothing is queued before its gate",
    }
)
TAKES, ATTEMPTS = 2, 2

JobState = Literal["RUNNING", "WAITING", "COMPLETE", "FAILED", "CANCELLED"]
SceneState = Literal["PENDING", "DRAWN", "QUEUED", "FILMING", "DONE", "GIVEN_UP"]
CallState = Literal["PLANNED", "RESERVED", "SENT", "UNCERTAIN", "SETTLED", "ADOPTED", "RELEASED", "LOST"]
Stage = Literal["idle", "send", "copied", "post", "answered", "unanswered", "unpaid", "refused"]
Key = tuple[int, int]  # take, attempt
Task = tuple[int, int, int]  # run, take, attempt

PAID = frozenset({"SETTLED", "ADOPTED"})
FINISHED = PAID | {"RELEASED", "LOST"}


class Job(NamedTuple):
    """``execution``: whether the run's execution lives. ``gate``: a person has to approve the pictures first."""

    state: JobState = "RUNNING"
    run: int = 1
    execution: bool = True
    gate: bool = False


class Scene(NamedTuple):
    """The one scene."""

    state: SceneState = "PENDING"
    take: int = 1
    attempt: int = 1

    @property
    def key(self) -> Key:
        return self.take, self.attempt


class Call(NamedTuple):
    """``clock``: 0 the lease or the answer's time runs, 1 it is over, 2 the window is over too."""

    key: Key
    state: CallState = "PLANNED"
    digest: int = -1  # the template's release that the claim was made from; -1 before the first
    holder: int = -1  # the worker whose token is the lease's; -1 when that process is gone
    clock: int = 0
    named: bool = False  # the operation's name is stored
    ended_with_job: bool = False
    reused: bool = False  # settled by a copy of another job's clip


class Operation(NamedTuple):
    """A request that the provider accepted: the only place where money is owed."""

    key: Key
    digest: int
    state: Literal["RUNNING", "DELIVERED", "DELIVERED_LATE", "FILTERED"] = "RUNNING"


class Worker(NamedTuple):
    """A process of submit_clip, with what it has in hand."""

    stage: Stage = "idle"
    task: Task = (0, 0, 0)
    digest: int = -1

    @property
    def key(self) -> Key:
        return self.task[1:]


class State(NamedTuple):
    """Everything that is stored or under way."""

    faults: int
    people: tuple[str, ...] = ()
    job: Job = Job()
    scene: Scene = Scene()
    calls: tuple[Call, ...] = (Call((1, 1)),)
    operations: tuple[Operation, ...] = ()
    tasks: frozenset[Task] = frozenset()
    workers: tuple[Worker, ...] = (Worker(),)
    painter: bool = False  # has written DRAWN and not queued the clip yet
    template: int = 0
    polls_refused: bool = False
    source: bool = False  # another job has a clip that the first attempt can copy

    def call(self, key: Key) -> Call | None:
        return next((call for call in self.calls if call.key == key), None)

    def put(self, call: Call) -> "State":
        if call.state in FINISHED and call.state != "LOST":
            call = call._replace(clock=0, holder=-1)
        rest = [one for one in self.calls if one.key != call.key]
        return self._replace(calls=tuple(sorted([*rest, call])))

    def queue(self, run: int) -> "State":
        """The scene QUEUED, with a task for its take and attempt."""
        return self._replace(
            scene=self.scene._replace(state="QUEUED"), tasks=self.tasks | {(run, self.scene.take, self.scene.attempt)}
        )

    def operation(self, key: Key) -> Operation | None:
        return next((one for one in self.operations if one.key == key), None)

    def with_worker(self, index: int, worker: Worker) -> "State":
        """With this worker in place of the one there; no call is held by a process that is gone."""
        state = self._replace(workers=(*self.workers[:index], worker, *self.workers[index + 1 :]))
        if worker.stage != "idle":
            return state
        return state._replace(
            calls=tuple(call._replace(holder=-1) if call.holder == index else call for call in self.calls)
        )

    def answer(self, index: int) -> "State":
        """The worker idle, its task answered for good."""
        return self.with_worker(index, Worker())._replace(tasks=self.tasks - {self.workers[index].task})

    def is_current(self, task: Task) -> bool:
        return self.job.state == "RUNNING" and self.job.run == task[0] and self.scene.key == task[1:]

    def end(self, state: JobState) -> "State":
        return self._replace(job=self.job._replace(state=state, execution=False))


Steps = Iterator[tuple[str, State]]


def resolve(state: State, call: Call, rules: frozenset[str]) -> Call | None:
    """What one look at a call writes; None when it writes nothing."""
    operation = state.operation(call.key)
    outcome = operation.state if operation else "RUNNING"
    delivered = outcome.startswith("DELIVERED")
    if call.state == "RESERVED":
        return call._replace(state="PLANNED") if call.clock else None
    if call.state == "SENT" and not call.named:
        return call._replace(state="UNCERTAIN") if call.clock else None
    if call.state not in {"SENT", "UNCERTAIN", "LOST"}:
        return None
    window_over = call.clock == 2 or "lost only after the window" not in rules
    lost = call._replace(state="LOST") if window_over and call.state != "LOST" else None
    if not call.named:
        return call._replace(state="ADOPTED") if delivered else lost
    if state.polls_refused and "a failed look after the window counts" not in rules:
        return None
    if delivered:
        return call._replace(state="SETTLED")
    if outcome == "FILTERED" and not state.polls_refused:
        return call._replace(state="RELEASED")
    return lost


def draw(state: State, rules: frozenset[str]) -> Steps:
    """draw_keyframe, of a wave or of a redraw, and its repetition by the execution."""
    lives = state.job.state == "RUNNING" and state.job.execution
    held = state.job.gate and "nothing is queued before its gate" in rules
    if lives and state.job.gate and state.scene.state == "DRAWN":
        yield "execution ends at the gate", state._replace(job=state.job._replace(state="WAITING", execution=False))
    if state.painter:
        queued = state.queue(state.job.run) if state.job.state == "RUNNING" and state.scene.state == "DRAWN" else state
        yield "painter queues the clip", queued._replace(painter=False)
    elif lives and state.scene.state == "PENDING":
        yield "painter writes DRAWN", state._replace(scene=state.scene._replace(state="DRAWN"), painter=not held)
    elif lives and not held and state.scene.state == "DRAWN" and state.scene.take == 1:  # the waves know take 1
        yield "wave finds its scene drawn and queues it", state.queue(state.job.run)


def poll(state: State, rules: frozenset[str]) -> Steps:
    """poll_clips."""
    if state.job.state != "RUNNING" or not state.job.execution:
        return
    if state.job.gate and "nothing is queued before its gate" in rules:
        return
    scene = state.scene
    if scene.state in {"DONE", "GIVEN_UP"}:
        yield "the film is cut", state.end("COMPLETE")
    if scene.state == "DRAWN" and "poll_clips queues drawn scenes" in rules:
        yield "poller queues a drawn scene", state.queue(state.job.run)
    by_call = "polls decide from the call" in rules
    if scene.state == "FILMING" or (scene.state == "QUEUED" and by_call):
        yield from _poll_call(state, rules)
    elif scene.state == "QUEUED":
        yield "poller dispatches again", state.queue(state.job.run)


def _poll_call(state: State, rules: frozenset[str]) -> Steps:
    """What poll_clips does about the call of a live scene."""
    scene = state.scene
    call = state.call(scene.key)
    if call is None or call.state == "PLANNED":
        task = (state.job.run, *scene.key)
        if task not in state.tasks:
            yield "poller dispatches again", state._replace(tasks=state.tasks | {task})
        return
    looked = resolve(state, call, rules)
    if looked is not None:
        yield f"poller {call.state} to {looked.state}", state.put(looked)
    if call.state in PAID:
        yield "poller takes the clip over", state._replace(scene=scene._replace(state="DONE"))
    elif call.state in FINISHED:
        if call.ended_with_job or scene.attempt < ATTEMPTS:
            following = state._replace(scene=scene._replace(attempt=scene.attempt + 1))
            yield "poller goes to the next attempt", following.queue(state.job.run)
        if call.state == "RELEASED" and not call.ended_with_job and scene.take < TAKES:
            yield "poller has the pictures redrawn", state._replace(scene=Scene("PENDING", scene.take + 1, 1))
        if scene.attempt >= ATTEMPTS and not call.ended_with_job:
            yield "poller gives the scene up", state._replace(scene=scene._replace(state="GIVEN_UP"))


def sweep(state: State, rules: frozenset[str]) -> Steps:
    """sweep_jobs."""
    final = state.job.state not in {"RUNNING", "WAITING"}
    if state.job.state == "RUNNING" and not state.job.execution:
        yield "sweeper restarts", state._replace(job=state.job._replace(run=state.job.run + 1, execution=True))
    for call in state.calls:
        if not final and call.key == state.scene.key:
            continue
        if call.state == "PLANNED":
            if final and "planned calls of ended jobs are released" in rules:
                yield "sweeper releases", state.put(call._replace(state="RELEASED", ended_with_job=True))
        elif call.state == "RESERVED" or "sent calls of ended jobs are finished" in rules:
            looked = resolve(state, call, rules)
            if looked is not None:
                yield f"sweeper {call.state} to {looked.state}", state.put(looked)
