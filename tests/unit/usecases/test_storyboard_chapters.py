"""A long storyboard is written chapter by chapter: each is paid, checked, reused and copied by itself."""

import json
from typing import Any

import pytest

from promptreel.domain import planning
from promptreel.domain.call import CUT_OFF, Call
from promptreel.domain.job import Job
from promptreel.domain.states import CallState, JobState
from promptreel.domain.tariffs import ReportedUsage
from promptreel.errors import AnswerLost, Rejected
from promptreel.ports.models import Declined
from promptreel.usecases import delete_job
from promptreel.usecases.accept_upgrade import accept_upgrade
from promptreel.usecases.job_lifecycle import JobRun
from promptreel.usecases.open_job import OpenJob
from promptreel.usecases.sweep_jobs import SweepJobs
from tests.factories import an_output
from tests.fakes.hooks import HookedWorld, write_storyboards_after_a_kill
from tests.fakes.models import a_chapter, a_storyboard
from tests.fakes.services import FakeServices
from tests.fakes.system import START

LONG: dict[str, Any] = {
    "checks": False,
    "prompt": "A lighthouse keeper waits",
    "scenes": 45,
    "budget_usd": 200,
    "owner": "mira@x.org",
}
PURPOSES = ["storyboard", "storyboard/2", "storyboard/3"]


def opened(world: FakeServices, execution: str = "e-1", **request: Any) -> Job:
    return world.jobs.get_job(world.open_job(OpenJob(execution, {**LONG, **request})).job_id).value


def planned(world: FakeServices, execution: str = "e-1", **request: Any) -> Job:
    job = opened(world, execution, **request)
    assert world.write_storyboard(JobRun(job.id, job.run)).state == "planned"
    return world.jobs.get_job(job.id).value


def chapters(world: FakeServices, job: Job) -> list[Call]:
    calls = (read.value for read in world.jobs.list_calls(job.id))
    return [call for call in calls if call.purpose.startswith("storyboard")]


def test_long_storyboard_is_one_film_of_several_paid_answers(world: FakeServices) -> None:
    job = planned(world)
    plan, calls = job.require_plan(), chapters(world, job)

    assert [call.purpose for call in calls] == PURPOSES
    assert [call.artifact for call in calls] == [plan.storyboard_uri, *(one.uri for one in plan.later_chapters)]
    assert [read.value.start_prompt for read in world.jobs.list_scenes(job.id)] == [
        f"start of {number}" for number in (*range(1, 16), *range(16, 46))
    ]
    assert [one.name for one in plan.characters] == ["Mira", "Guest 16", "Guest 31"]
    assert job.warnings == ()
    assert [request.max_output_tokens for request in world.text.requests] == [4096 + 15 * 500] * 3
    _, second, third = (request.prompt for request in world.text.requests)
    assert "Its last picture: end of 15" in second
    assert "Its last picture: end of 30" in third
    assert "Character Guest 16: a green hat" in third


def test_film_of_one_chapter_is_asked_for_as_a_whole(world: FakeServices) -> None:
    world.text.answers = [json.dumps(a_storyboard(20))]
    job = planned(world, scenes=20)

    assert [call.purpose for call in chapters(world, job)] == ["storyboard"]
    assert world.text.requests[0].prompt.startswith("Plan a film of exactly 20 scenes.")
    assert job.require_plan().later_chapters == ()


def test_repeated_step_makes_no_paid_call(world: FakeServices) -> None:
    job = planned(world)
    before = world.text.calls

    assert world.write_storyboard(JobRun(job.id, job.run)).state == "planned"
    assert world.text.calls == before


def test_nothing_is_paid_twice_when_the_step_is_killed_at_any_call() -> None:
    undisturbed = HookedWorld()
    job = opened(undisturbed)
    undisturbed.write_storyboard(JobRun(job.id, job.run))
    asked = [(one.seed, one.prompt) for one in undisturbed.text.requests]
    for number, name, world, job in write_storyboards_after_a_kill(opened):
        calls = [read.value for read in world.jobs.list_calls(job.id) if read.value.kind == "text"]
        sent = [call for call in calls if call.sent_at is not None]
        lost = sum(call.state is CallState.LOST for call in calls)
        assert world.jobs.get_job(job.id).value.state is JobState.KEYFRAMES, (number, name)
        assert world.text.calls <= len(sent), (number, name)
        assert len(sent) == 4 + lost, (number, name)
        assert lost or [(one.seed, one.prompt) for one in world.text.requests] == asked, (number, name)


def test_fault_of_one_chapter_is_fed_back_and_the_others_are_not_written_again(world: FakeServices) -> None:
    stranger: Any = a_chapter(15, 16)
    stranger["scenes"][3]["characters"] = ["Nobody"]
    world.text.answers = [json.dumps(a_storyboard(15)), json.dumps(stranger)]
    job = planned(world)

    assert [call.purpose for call in chapters(world, job)] == [*PURPOSES[:2], *PURPOSES[1:]]
    assert "scenes.3.characters: 'Nobody'" in world.text.requests[2].prompt
    assert world.text.requests[2].prompt.startswith(world.text.requests[1].prompt)


def test_chapter_that_stays_wrong_is_mended_and_the_warning_names_its_scenes(world: FakeServices) -> None:
    stranger: Any = a_chapter(15, 16)
    stranger["scenes"][3]["characters"] = ["Nobody"]
    world.text.answers = [json.dumps(a_storyboard(15)), *[json.dumps(stranger)] * 3]
    job = planned(world)

    assert len(world.text.requests) == 5
    assert world.jobs.get_scene(job.id, "scene-19").value.characters == ()
    assert [one for one in job.warnings if one.startswith("scenes 16 to 30: storyboard: mended")]


def test_job_is_refused_when_a_later_chapter_does_not_fit_its_answer(world: FakeServices) -> None:
    job = opened(world)
    cut_off = Declined("MAX_TOKENS: the answer ends at its output limit", (CUT_OFF,), ReportedUsage(900, 5596, 0))
    world.text.answers = [json.dumps(a_storyboard(15)), *[cut_off] * 3]

    with pytest.raises(Rejected, match="answer of 46384 tokens, tried 3 times") as error:
        world.write_storyboard(JobRun(job.id, job.run))

    assert error.value.code == "storyboard_too_long"


def test_answer_that_was_lost_is_asked_for_again_for_its_chapter_alone(world: FakeServices) -> None:
    world.text.answers = [json.dumps(a_storyboard(15)), AnswerLost("reset")]
    job = planned(world)

    assert [call.purpose for call in chapters(world, job)] == [*PURPOSES[:2], *PURPOSES[1:]]


@pytest.mark.parametrize("prompt", ["A lighthouse", "A lighthouse " + "海" * 19_900], ids=["short", "long"])
@pytest.mark.parametrize("scenes", [3, 20, 21, 45, 60])
def test_no_chapter_is_reserved_higher_than_the_estimate_counts_it(
    world: FakeServices, scenes: int, prompt: str
) -> None:
    if scenes <= 20:
        world.text.answers = [json.dumps(a_storyboard(scenes))]
    job = planned(world, prompt=prompt, scenes=scenes, budget_usd=300)
    request, spec = job.request, planning.specify_film(job.request, job.created, world.protocols)
    counted = [tariff.reserved_micros(START) for tariff in planning.text_tariffs(request, spec, scenes)]
    reserved = [call.reserved_micros for call in chapters(world, job)]

    assert len(counted) == 1 + len(reserved)
    assert all(most >= paid > most / 4 for most, paid in zip(counted[1:], reserved, strict=True))


def test_equal_film_copies_every_chapter_and_pays_for_none(world: FakeServices) -> None:
    first = planned(world)
    before = world.text.calls
    second = planned(world, "e-2")

    assert world.text.calls == before
    assert {call.source.job for call in chapters(world, second) if call.source} == {first.id}
    assert len(chapters(world, second)) == 3


def test_chapter_is_paid_when_the_earlier_answer_was_replaced(world: FakeServices) -> None:
    first = planned(world)
    uri = first.require_plan().later_chapters[0].uri
    world.artifacts.delete(uri)
    world.artifacts.put(uri.removeprefix(world.artifacts.uri("")), json.dumps(a_chapter(15, 16)).encode() + b" ", "")
    before = len(world.text.requests)
    second = planned(world, "e-2")

    assert [call.purpose for call in chapters(world, second) if call.source is None] == ["storyboard/2"]
    assert len(world.text.requests) == before + 1


def test_upgraded_film_keeps_all_chapters_when_the_first_one_is_deleted(world: FakeServices) -> None:
    film = planned(world, scenes=21, models={"video": "gemini-omni-1.2-flash"})
    world.draw_all(film)
    for task in list(world.queue.tasks):
        world.deliver(task)
    for operation in list(world.video.states):
        world.video.deliver(operation)
    world.clock.pass_s(60)
    world.poll(film)
    world.give_film(film)
    assert world.close(film) == "complete"
    film = world.jobs.get_job(film.id).value
    assert film.output == an_output()
    job = accept_upgrade("job-up", film, {"scenes": [1], "models": {"video": "veo-3.1-generate-001"}}, world)
    world.open_job(OpenJob("e-up", {"job_id": job.id, "run": 1}))
    before = world.text.calls
    assert world.write_storyboard(JobRun(job.id, 1)).state == "planned"
    delete_job.mark(film.id, world)
    for _ in range(20):
        world.clock.pass_s(300)
        world.sweep_jobs(SweepJobs())

    assert world.artifacts.list(f"jobs/{film.id}/") == []
    assert world.text.calls == before
    plan = world.jobs.get_job(job.id).value.require_plan()
    assert [call.purpose for call in chapters(world, job)] == PURPOSES[:2]
    assert [world.artifacts.read_checksum(one.uri) for one in plan.later_chapters] == [
        one.checksum for one in plan.later_chapters
    ]
    assert plan.later_chapters[0].uri.startswith(world.artifacts.uri(f"jobs/{job.id}/"))


def test_chapter_that_does_not_go_on_from_the_scene_before_it_is_asked_for_again(world: FakeServices) -> None:
    first: Any = a_storyboard(15)
    first["scenes"][-1]["characters"] = ["Mira"]
    elsewhere: Any = a_chapter(15, 16)
    elsewhere["scenes"][0] = {**elsewhere["scenes"][0], "characters": ["Guest 16"]}
    world.text.answers = [json.dumps(first), json.dumps(elsewhere)]
    job = planned(world)

    assert [call.purpose for call in chapters(world, job)] == [*PURPOSES[:2], *PURPOSES[1:]]
    assert "scenes.0: it shares neither character nor setting with the scene before it" in world.text.requests[2].prompt
