"""What a scene does when its clip did not come, rule by rule."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from promptreel.domain import recovery
from promptreel.domain.call import JOB_ENDED, Call
from promptreel.domain.job import Job
from promptreel.domain.scene import Attempt, Scene
from promptreel.domain.states import CallState, SceneState
from tests.factories import a_call, a_scene, altered
from tests.fakes.services import FakeServices
from tests.fakes.system import START

LATER = START + timedelta(minutes=5)
RESUMED = START + timedelta(minutes=3)


@pytest.fixture
def job() -> Job:
    return FakeServices().planned()


def filming(**fields: Any) -> Scene:
    return a_scene(state=SceneState.FILMING, **fields)


def refused(*codes: str, reason: str = "refused", at: datetime = LATER) -> Call:
    return a_call(state=CallState.RELEASED, codes=codes, reason=reason, updated=at)


def a_try(remedy: str = "", outcome: str = "refused", reason: str = "before") -> Attempt:
    return Attempt(take=1, attempt=1, call=f"call-{remedy}", outcome=outcome, at=START, reason=reason, remedy=remedy)


def test_remedies_are_available_anew_when_a_person_resumed_the_job(job: Job) -> None:
    scene = filming(tries=(a_try("rewrite"),))

    assert recovery.recover_from_failure(job, scene, refused("57734940"), LATER).is_given_up
    resumed = job.evolve(resumed=RESUMED)
    assert recovery.recover_from_failure(resumed, scene, refused("57734940"), LATER).tries[-1].remedy == "rewrite"


def test_next_attempt_spends_no_remedy_when_the_call_ended_before_a_resume(
    job: Job,
) -> None:
    resumed = job.evolve(resumed=RESUMED)

    after = recovery.recover_from_failure(resumed, filming(), refused("89371032", at=START), LATER)

    assert (after.state, after.attempt, after.dispatch, after.queued_at) == (SceneState.QUEUED, 2, 1, LATER)
    assert [(one.outcome, one.remedy) for one in after.tries] == [("refused", "")]


def test_rewrite_is_named_by_the_attempt_it_is_for(job: Job) -> None:
    """So that words asked for again, later, are other words and another call."""
    after = recovery.recover_from_failure(job, filming(take=2, attempt=3), refused("57734940", reason="hate"), LATER)

    assert after.rewording is not None
    assert (after.rewording.attempt, after.rewording.reason) == ("2-3", "hate")
    assert "hate" in after.rewording.advice


def test_problem_counts_only_attempts_that_were_made(job: Job) -> None:
    never_made = a_try(outcome="never_made")
    scene = filming(tries=(never_made, a_try("reseed"), a_try("rewrite")))

    after = recovery.recover_from_failure(job, scene, refused("22137204", reason="hateful"), LATER)

    assert after.problem is not None
    assert after.problem.message == "scene-01: no clip in 3 tries: hateful"


def test_call_spends_no_remedy_when_it_was_never_made(job: Job) -> None:
    after = recovery.recover_from_failure(job, filming(), refused(JOB_ENDED), LATER)

    assert (after.state, after.attempt, after.tries[-1].outcome) == (SceneState.QUEUED, 2, "never_made")


def test_warnings_give_the_last_reason_and_only_for_scenes_in_the_film() -> None:
    tries = (a_try("rewrite", reason="first"), a_try("redraw", reason="second"), a_try(outcome="delivered"))
    done = a_scene(state=SceneState.DONE, tries=tries)

    assert recovery.remedy_warning(done) == "scene-01 was filmed in milder words, from other pictures: second"
    assert recovery.remedy_warning(altered(done, state=SceneState.FILTERED)) == ""
    assert recovery.remedy_warning(done.evolve(tries=(a_try("reseed"),))) == ""
