"""Breadth-first search over the model: safety in every state, liveness backwards from the states that are at rest."""

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

from tests.model.actors import steps
from tests.model.protocol import FINISHED, PAID, RULES, State


@dataclass(frozen=True, slots=True)
class Finding:
    """What is broken, and the shortest way there."""

    trace: tuple[str, ...]
    state: State


@dataclass(frozen=True, slots=True)
class Explored:
    """``findings`` by the promise that is broken."""

    states: int
    findings: Mapping[str, Finding]


def explore(first: State, rules: frozenset[str] = RULES) -> Explored:
    """Every state that can be reached.

    A state hangs when no course of steps without faults and without people leads from it to a state at rest.
    """
    known, states, parents = {first: 0}, [first], [(-1, "")]
    before: list[list[int]] = [[]]
    broken: dict[str, int] = {}
    waiting = deque([0])
    while waiting:
        number = waiting.popleft()
        for step in steps(states[number], rules):
            following = known.get(step.state)
            if following is None:
                following = known[step.state] = len(states)
                states.append(step.state)
                parents.append((number, step.label))
                before.append([])
                waiting.append(following)
                for promise in _broken_promises(step.state):
                    broken.setdefault(promise, following)
            if not step.kind:
                before[following].append(number)
    hanging = _hanging(states, before)
    if hanging is not None:
        broken["hangs"] = hanging
    return Explored(len(states), {name: _finding(number, states, parents) for name, number in broken.items()})


def is_at_rest(state: State) -> bool:
    """The job has ended or asks a person, its calls are finished, and no process works on it."""
    idle = not state.painter and all(worker.stage == "idle" for worker in state.workers)
    quiet = FINISHED | ({"PLANNED"} if state.job.state == "WAITING" else set())  # the plan stays reserved at a gate
    return state.job.state != "RUNNING" and all(call.state in quiet for call in state.calls) and idle


def _broken_promises(state: State) -> Iterator[str]:
    if state.job.gate and state.operations:
        yield "nothing is filmed before its gate"
    for operation in state.operations:
        call = state.call(operation.key)
        if call is None:
            continue
        if call.reused:
            yield "nothing that was copied is paid"
        if call.named and call.digest != operation.digest:
            yield "a receipt says what was sent"
        if is_at_rest(state) and operation.state == "DELIVERED" and call.state not in PAID:
            yield "no delivered clip is forgotten"
    owed = [operation for operation in state.operations if operation.state not in {"FILTERED", "DELIVERED_LATE"}]
    for one, other in pairwise(owed):
        earlier = state.call(one.key)
        window_over = one.key != other.key and earlier is not None and earlier.clock == 2
        if one.key[0] == other.key[0] and not window_over:
            yield "no clip is paid twice"


def _hanging(states: list[State], before: list[list[int]]) -> int | None:
    """The first state from which no state at rest can be reached."""
    ends = bytearray(len(states))
    waiting = [number for number, state in enumerate(states) if is_at_rest(state)]
    for number in waiting:
        ends[number] = 1
    while waiting:
        for number in before[waiting.pop()]:
            if not ends[number]:
                ends[number] = 1
                waiting.append(number)
    return next((number for number in range(len(states)) if not ends[number]), None)


def _finding(number: int, states: list[State], parents: list[tuple[int, str]]) -> Finding:
    trace = []
    at = number
    while at:
        at, label = parents[at]
        trace.append(label)
    return Finding(tuple(reversed(trace)), states[number])
