"""The other half of the model: senders, the provider, time, faults and people."""

from collections.abc import Iterator
from typing import NamedTuple

from tests.model.protocol import (
    FINISHED,
    PAID,
    Call,
    Job,
    Operation,
    Scene,
    Stage,
    State,
    Steps,
    Worker,
    draw,
    poll,
    resolve,
    sweep,
)


class Step(NamedTuple):
    """One transition. Those of ``kind`` fault and person are not counted on when everything must come to its end."""

    label: str
    state: State
    kind: str = ""


def steps(state: State, rules: frozenset[str]) -> Iterator[Step]:
    """Every transition out of a state."""
    for actor in (draw, poll, sweep, _time):
        for label, following in actor(state, rules):
            yield Step(label, following)
    for index, worker in enumerate(state.workers):
        for label, following in _submit(state, index, worker, rules):
            yield Step(label, following)
    for label, following in _provider(state):
        yield Step(label, following)
    for label, following in _people(state):
        yield Step(label, following, "person")
    if state.faults:
        poorer = state._replace(faults=state.faults - 1)
        for label, following in _faults(poorer):
            yield Step(label, following, "fault")


def _submit(state: State, index: int, worker: Worker, rules: frozenset[str]) -> Steps:
    """submit_clip in one process: claim, SENT, POST, and the record of its outcome."""
    call = state.call(worker.key)
    if worker.stage == "idle":
        for task in state.tasks:
            yield from _claim(state, index, Worker(task=task), rules)
    elif call is not None:
        mine = call.holder == index or "a sender writes with its own token only" not in rules
        yield from _SENDING[worker.stage](state, index, call, mine, rules)


def _send(state: State, index: int, call: Call, mine: bool, rules: frozenset[str]) -> Steps:
    worker = state.workers[index]
    if state.source and worker.key == (1, 1):
        yield "sender copies an equal clip", state.with_worker(index, worker._replace(stage="copied"))
    elif state.is_current(worker.task) and call.state == "RESERVED" and mine and not call.clock:
        sent = state.put(call._replace(state="SENT"))
        yield "sender writes SENT", sent.with_worker(index, worker._replace(stage="post"))
    else:
        yield "sender is stale or has lost its lease", state.answer(index)


def _settle_copy(state: State, index: int, call: Call, mine: bool, rules: frozenset[str]) -> Steps:
    answered = state.answer(index)
    is_held = call.state == "RESERVED" and mine and not call.clock
    if is_held or ("a copy is settled by the claim's holder only" not in rules and call.state not in FINISHED):
        settled = answered.put(call._replace(state="SETTLED", reused=True))
        if state.is_current(state.workers[index].task) and state.scene.state == "QUEUED":
            settled = settled._replace(scene=state.scene._replace(state="FILMING"))
        yield "sender settles the call by its copy", settled
    else:
        yield "sender has lost its lease and keeps its copy to itself", state.with_worker(index, Worker())


def _post(state: State, index: int, call: Call, mine: bool, rules: frozenset[str]) -> Steps:
    yield "provider accepts", _accept(state, index, "answered")


def _accept(state: State, index: int, stage: Stage) -> State:
    worker = state.workers[index]
    took = state._replace(operations=tuple(sorted([*state.operations, Operation(worker.key, worker.digest)])))
    return took.with_worker(index, worker._replace(stage=stage))


def _store_name(state: State, index: int, call: Call, mine: bool, rules: frozenset[str]) -> Steps:
    stored = state.answer(index)
    if call.state in {"SENT", "UNCERTAIN", "LOST"}:
        stored = stored.put(call._replace(named=True, holder=-1))
    if state.is_current(state.workers[index].task) and state.scene.state == "QUEUED":
        stored = stored._replace(scene=state.scene._replace(state="FILMING"))
    yield "sender stores the operation's name", stored


def _record_lost(state: State, index: int, call: Call, mine: bool, rules: frozenset[str]) -> Steps:
    answered = state.answer(index)
    lost = call._replace(state="UNCERTAIN", holder=-1)
    yield "sender writes UNCERTAIN", answered.put(lost) if call.state == "SENT" and mine else answered


def _record_unpaid(state: State, index: int, call: Call, mine: bool, rules: frozenset[str]) -> Steps:
    """The queue delivers the task once more."""
    idle = state.with_worker(index, Worker())
    yield "sender writes that nothing was paid", idle.put(_unpaid(call)._replace(holder=-1)) if mine else idle


def _record_refused(state: State, index: int, call: Call, mine: bool, rules: frozenset[str]) -> Steps:
    answered = state.answer(index)
    ends = mine and call.state in {"SENT", "UNCERTAIN", "LOST"}
    yield "sender writes RELEASED", answered.put(call._replace(state="RELEASED")) if ends else answered


_SENDING = {
    "send": _send,
    "copied": _settle_copy,
    "post": _post,
    "answered": _store_name,
    "unanswered": _record_lost,
    "unpaid": _record_unpaid,
    "refused": _record_refused,
}


def _unpaid(call: Call) -> Call:
    """Certainly unpaid: it may be claimed again; after LOST it is only released."""
    if call.state in {"SENT", "UNCERTAIN"}:
        return call._replace(state="PLANNED", clock=0)
    return call._replace(state="RELEASED") if call.state == "LOST" else call


def _claim(state: State, index: int, worker: Worker, rules: frozenset[str]) -> Steps:
    answered = state._replace(tasks=state.tasks - {worker.task})
    if not state.is_current(worker.task):
        yield "task is stale", answered
        return
    for earlier in state.calls:
        if earlier.state == "LOST" and earlier.key[0] == worker.key[0] and earlier.key < worker.key:
            late = resolve(state, earlier, rules)
            if late is not None and late.state in PAID:
                done = answered.put(late)._replace(scene=state.scene._replace(state="DONE"))
                yield "sender takes a late clip instead", done
                return
    call = state.call(worker.key) or Call(worker.key)
    if call.state == "PLANNED" or (call.state == "RESERVED" and call.clock):
        if call.digest not in {-1, state.template} and "unsent calls are claimed with the inputs of today" not in rules:
            yield "claim is taken for stale", answered
            return
        claimed = call._replace(state="RESERVED", digest=state.template, holder=index, clock=0)
        holder = worker._replace(stage="send", digest=state.template)
        yield "sender claims", state.put(claimed).with_worker(index, holder)
    else:
        yield f"call is {call.state}: nothing to send", answered


def _provider(state: State) -> Steps:
    for operation in state.operations:
        if operation.state == "RUNNING":
            call = state.call(operation.key)
            late = call is not None and call.clock == 2
            rest = [one for one in state.operations if one is not operation]
            delivered = operation._replace(state="DELIVERED_LATE" if late else "DELIVERED")
            yield "clip is delivered", state._replace(operations=tuple(sorted([*rest, delivered])))
        call = state.call(operation.key)
        if call is not None and call.state in {"UNCERTAIN", "LOST"} and not call.named:
            yield "a look finds the operation in the provider's list", state.put(call._replace(named=True))


def _time(state: State, rules: frozenset[str]) -> Steps:
    """Leases and windows end; an output comes before its window ends, unless a fault makes it late."""
    posting = {worker.key for worker in state.workers if worker.stage == "post"}
    for call in state.calls:
        most = 1 if call.state == "RESERVED" else 2
        open_call = call.state in {"RESERVED", "SENT", "UNCERTAIN"} and call.key not in posting
        operation = state.operation(call.key)
        running = call.clock == 1 and operation is not None and operation.state == "RUNNING"
        if open_call and call.clock < most and not running:
            yield "time passes", state.put(call._replace(clock=call.clock + 1))


def _people(state: State) -> Steps:
    for act in state.people:
        left = state._replace(people=tuple(one for one in state.people if one is not act))
        if act == "delete the source":
            yield "owner deletes the other job", left._replace(source=False)
        if act == "cancel" and state.job.state in {"RUNNING", "WAITING"}:
            yield "owner cancels", left.end("CANCELLED")
        if act == "approve" and state.job.state == "WAITING":
            yield "owner approves", left._replace(job=Job(run=state.job.run + 1))
        if act == "edit" and state.job.state == "WAITING":
            yield "owner changes what a picture shows", _edit(left)
        if act == "resume" and state.job.state in {"FAILED", "CANCELLED"}:
            scene = state.scene._replace(state="QUEUED") if state.scene.state == "GIVEN_UP" else state.scene
            resumed = left._replace(job=state.job._replace(state="RUNNING", run=state.job.run + 1, execution=True))
            yield "owner resumes", resumed._replace(scene=scene)


def _edit(state: State) -> State:
    """Other pictures are another take: one write releases the planned call and plans its successor."""
    scene = Scene("PENDING", state.scene.take + 1)
    old = state.call(state.scene.key)
    released = state.put(old._replace(state="RELEASED", ended_with_job=True)) if old else state
    return released.put(Call(scene.key))._replace(scene=scene)


def _faults(state: State) -> Steps:
    """Everything that may fail; the state given has paid for it."""
    for index, worker in enumerate(state.workers):
        if worker.stage != "idle":
            yield "sender dies", state.with_worker(index, Worker())
        if worker.stage == "post":
            yield "provider accepts, answer lost", _accept(state, index, "unanswered")
            for stage in _UNACCEPTED:
                yield f"request ends {stage}", state.with_worker(index, worker._replace(stage=stage))
    yield from _faults_of_operations(state)
    yield from _faults_of_quotas(state)
    for task in state.tasks:
        yield "task is lost", state._replace(tasks=state.tasks - {task})
    if state.painter:
        yield "painter dies", state._replace(painter=False)
    if state.job.execution:
        yield "execution dies", state._replace(job=state.job._replace(execution=False))
        yield "step fails for good", state.end("FAILED")
    if not state.template:
        yield "deployment changes the prompt template", state._replace(template=1)
    if not state.polls_refused and state.operations:
        yield "polls are refused for good", state._replace(polls_refused=True)


_UNACCEPTED: tuple[Stage, ...] = ("unanswered", "unpaid", "refused")


def _faults_of_quotas(state: State) -> Steps:
    waiting = state.call(state.scene.key)
    if waiting is not None and waiting.state == "PLANNED" and state.scene.state == "QUEUED":
        yield "poller gives up a call that is never accepted", state.put(waiting._replace(state="RELEASED"))


def _faults_of_operations(state: State) -> Steps:
    for operation in state.operations:
        if operation.state != "RUNNING":
            continue
        rest = [one for one in state.operations if one is not operation]
        filtered = operation._replace(state="FILTERED")
        yield "operation is filtered", state._replace(operations=tuple(sorted([*rest, filtered])))
        call = state.call(operation.key)
        if call is not None and call.clock == 1 and call.state not in FINISHED:
            yield "operation is late", state.put(call._replace(clock=2))
