"""Whatever actor dies in whatever state: the state is left by the actor and within the time that the table says.

Afterwards the film goes on to its end, or its job asks a person; nothing waits for the dead.
"""

from enum import StrEnum
from typing import Any

import pytest

from promptreel.domain.states import JobState
from stitcher_service.jobs import stitch_film
from tests.unit.liveness.phases import AT_REST, STATES, Document, Phase
from tests.unit.liveness.stage import MORTAL, Actor, Stage, make_film
from tests.unit.liveness.table import BY_WINDOW, KLING, TABLE, TABLES, VEO, Successor

PATIENCE_S = 3 * 3600.0
DELETED_AFTER_S = 40.0  # clips are being filmed then


@pytest.fixture(autouse=True)
def _cut_without_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stitch_film, "render_film", make_film)


class Death:
    """Kills an actor the moment a phase is entered, and records how the phase is left."""

    def __init__(self, phase: Phase, actor: Actor) -> None:
        self.phase = phase
        self.actor = actor
        self.subject: Any = None
        self.left: Successor | None = None

    def observe(self, stage: Stage) -> None:
        if self.subject is None:
            self.subject = self.phase.find(stage)
            if self.subject is not None:
                stage.kill(self.actor)
        elif self.left is None and not self.phase.holds(stage, self.subject):
            restarted = Actor.SWEEPER in stage.starters and stage.acting is not Actor.SWEEPER
            within_s = stage.now_s - stage.killed_at_s
            self.left = Successor(stage.acting, within_s, woken_by=Actor.SWEEPER if restarted else None)


def play(stage: Stage, phase: Phase, model: str) -> None:
    """One film, until its job is at rest and every call of it is finished."""
    phase.prepare(stage)
    stage.submit(models={"video": model}, checks=False)
    while phase.needs_deletion and stage.now_s < DELETED_AFTER_S:
        stage.tick()
    if phase.needs_deletion:
        stage.delete()
    while stage.now_s < PATIENCE_S and not is_at_rest(stage):
        stage.tick()


def is_at_rest(stage: Stage) -> bool:
    (job,) = stage.jobs
    calls = stage.world.jobs.list_calls(job.id)
    return job.state in AT_REST[Document.JOB] and all(call.value.is_finished for call in calls)


ENTRIES = [
    (model, document, state, actor)
    for model in TABLES
    for (document, state), row in (TABLE if model == VEO else BY_WINDOW).items()
    for actor in row
    if model == VEO or row[actor] != TABLE[document, state][actor]
]


@pytest.mark.parametrize(
    ("model", "document", "state", "actor"), ENTRIES, ids=lambda value: str(value).replace(" ", "_")
)
def test_state_is_left_as_the_table_says_when_an_actor_dies(
    model: str, document: Document, state: StrEnum, actor: Actor
) -> None:
    death = Death(Phase(document, state), actor)
    stage = Stage(death.observe)

    play(stage, death.phase, model)

    wanted = TABLES[model][document, state][actor]
    assert death.left is not None, f"nothing follows {state} of {death.subject}"
    assert (death.left.woken_by, death.left.actor) == (wanted.woken_by, wanted.actor)
    assert death.left.within_s <= wanted.within_s
    (job,) = stage.jobs
    assert is_at_rest(stage), job.state
    assert job.error is None or job.error.remedy


@pytest.mark.parametrize("document", Document)
def test_table_has_an_entry_for_every_state_and_every_actor_unless_the_state_is_at_rest(document: Document) -> None:
    states = {state for known, state in TABLE if known is document}

    assert states | AT_REST[document] == set(STATES[document])
    assert not states & AT_REST[document]
    assert all(set(TABLE[document, state]) == set(MORTAL) for state in states)


@pytest.mark.parametrize("model", TABLES)
def test_table_promises_that_no_state_lasts_longer_than_an_hour_but_those_of_deletion(model: str) -> None:
    longest_s = 70 * 60 if model == KLING else 60 * 60  # what Replicate has lost may come after half an hour, twice
    late = {key for key, row in TABLES[model].items() if max(one.within_s for one in row.values()) > longest_s}

    assert late <= {(Document.JOB, JobState.DELETING)}
