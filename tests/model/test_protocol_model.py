"""Every interleaving of a small instance: nothing hangs, nothing is paid twice; without any one rule something does."""

import pytest

from tests.model.protocol import RULES, Job, State, Worker
from tests.model.search import explore

NOTHING_FAILS = State(0)
ONE_FAULT = State(1)
TWO_FAULTS = State(2)
ONE_FAULT_AND_ITS_OWNER = State(1, ("cancel", "resume"))
ONE_FAULT_AND_TWO_WORKERS = State(1, workers=(Worker(), Worker()))
A_SOURCE_AND_TWO_WORKERS = State(1, ("cancel", "delete the source"), workers=(Worker(), Worker()), source=True)

ONE_FAULT_AND_A_GATE = State(1, ("approve", "cancel", "edit", "resume"), Job(gate=True))

NEEDED = {
    "poll_clips queues drawn scenes": (TWO_FAULTS, "hangs"),
    "unsent calls are claimed with the inputs of today": (ONE_FAULT, "hangs"),
    "a failed look after the window counts": (ONE_FAULT, "hangs"),
    "sent calls of ended jobs are finished": (ONE_FAULT, "hangs"),
    "planned calls of ended jobs are released": (ONE_FAULT, "hangs"),
    "polls decide from the call": (ONE_FAULT, "hangs"),
    "a sender writes with its own token only": (ONE_FAULT_AND_TWO_WORKERS, "a receipt says what was sent"),
    "a copy is settled by the claim's holder only": (A_SOURCE_AND_TWO_WORKERS, "nothing that was copied is paid"),
    "nothing is queued before its gate": (
        NOTHING_FAILS._replace(job=Job(gate=True)),
        "nothing is filmed before its gate",
    ),
    "lost only after the window": (NOTHING_FAILS, "no clip is paid twice"),
}


@pytest.mark.parametrize(
    "first",
    [TWO_FAULTS, ONE_FAULT_AND_ITS_OWNER, ONE_FAULT_AND_TWO_WORKERS, A_SOURCE_AND_TWO_WORKERS, ONE_FAULT_AND_A_GATE],
)
def test_protocol_keeps_every_promise_and_never_hangs(first: State) -> None:
    explored = explore(first)

    assert explored.states > 1000
    assert explored.findings == {}


@pytest.mark.parametrize("rule", sorted(RULES))
def test_protocol_breaks_a_promise_when_one_rule_is_left_out(rule: str) -> None:
    first, promise = NEEDED[rule]

    assert promise in explore(first, RULES - {rule}).findings


@pytest.mark.parametrize(
    ("rule", "last"),
    [
        ("poll_clips queues drawn scenes", "painter dies"),
        ("unsent calls are claimed with the inputs of today", "deployment changes the prompt template"),
        ("a failed look after the window counts", "polls are refused for good"),
    ],
)
def test_hanging_course_ends_with_the_fault_that_the_rule_is_for(rule: str, last: str) -> None:
    first, promise = NEEDED[rule]

    assert explore(first, RULES - {rule}).findings[promise].trace[-1] == last
