"""The call that reads the prompt: paid once, kept by the plan, never the reason that a film fails."""

import json

import pytest

from promptreel.domain.states import CallState, JobState
from promptreel.errors import AnswerLost, CallFailed, Invalid, Refused
from promptreel.usecases.job_lifecycle import JobRun
from tests.fakes.hooks import HookedWorld, write_storyboards_after_a_kill
from tests.fakes.models import TREATMENT
from tests.fakes.services import FakeServices

WRONG = json.dumps({**TREATMENT, "length_s": 480, "length_words": "480 seconds"})


def test_plan_keeps_what_was_read_and_where_all_of_it_lies(world: FakeServices) -> None:
    world.text.treatments = [json.dumps({**TREATMENT, "mood": "quiet", "mood_words": "waits"})]
    plan = world.planned(prompt="A keeper waits, 18 seconds").require_plan()

    assert plan.treatment is not None
    assert (plan.treatment.language, plan.treatment.mood) == ("en", "quiet")
    assert json.loads(world.artifacts.get(plan.treatment.uri or ""))["mood"] == "quiet"
    assert {(one.field, one.source) for one in plan.inferred} == {("duration_s", "rules"), ("mood", "model")}


def test_faults_are_fed_back_and_the_corrected_answer_is_used(world: FakeServices) -> None:
    world.text.treatments = [WRONG]
    job = world.planned()

    first, second = world.text.treatment_requests
    assert "the prompt does not say “480 seconds”" in second.prompt
    assert first.prompt in second.prompt
    assert job.warnings == ()


def test_film_is_planned_by_rules_and_says_so_when_the_model_stays_wrong(world: FakeServices) -> None:
    world.text.treatments = [WRONG] * 3
    job = world.planned(prompt="A keeper waits, 18 seconds")

    assert job.state is JobState.KEYFRAMES
    assert job.require_plan().planned_frames == 18 * 24
    assert len(world.text.treatment_requests) == 3
    assert any("480 seconds" in warning for warning in job.warnings)


@pytest.mark.parametrize("failure", [Refused("SAFETY: blocked"), AnswerLost("reset")])
def test_film_is_planned_when_the_model_reads_nothing(world: FakeServices, failure: CallFailed) -> None:
    world.text.treatments = [failure] * 3
    job = world.planned()

    assert job.state is JobState.KEYFRAMES
    assert job.require_plan().treatment is None
    assert "could not read it" in job.warnings[-1]


def test_job_stops_before_its_storyboard_is_paid_when_only_the_model_found_an_impossible_length(
    world: FakeServices,
) -> None:
    job = world.opened(prompt="En film på nio hundra sekunder")
    said = {"language": "sv", "length_s": 900, "length_words": "nio hundra sekunder"}
    world.text.treatments = [json.dumps({**TREATMENT, **said})]

    with pytest.raises(Invalid, match=r"^duration_s: "):
        world.write_storyboard(JobRun(job.id, job.run))

    assert [read.value.purpose for read in world.jobs.list_calls(job.id)] == ["treatment"]


def test_nothing_is_paid_twice_when_the_step_is_killed_at_any_call() -> None:
    for number, name, world, job in write_storyboards_after_a_kill(HookedWorld.opened):
        calls = [read.value for read in world.jobs.list_calls(job.id) if read.value.kind == "text"]
        sent = [call for call in calls if call.sent_at is not None]
        assert world.jobs.get_job(job.id).value.state is JobState.KEYFRAMES, (number, name)
        assert world.text.calls <= len(sent), (number, name)
        lost = sum(call.state is CallState.LOST for call in calls)
        assert len(sent) == 2 + lost, (number, name)
