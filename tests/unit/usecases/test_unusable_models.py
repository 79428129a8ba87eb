"""Models that are retired, not allowed or not able: a successor takes over, or the job stops before it pays more."""

import json
import logging
from collections.abc import Callable
from typing import Any

import pytest

from promptreel.domain.call import Call
from promptreel.domain.job import Job
from promptreel.domain.models import registry
from promptreel.domain.states import CallState, JobState, SceneState
from promptreel.errors import CallFailed, Misconfigured, Refused, Rejected
from promptreel.ports.models import Failed, Running
from promptreel.usecases import job_lifecycle
from promptreel.usecases.draw_keyframe import DrawKeyframe
from promptreel.usecases.fail_job import FailJob
from promptreel.usecases.job_lifecycle import JobRun
from tests.fakes.services import FakeServices
from tests.fakes.system import START

STANDARD, OMNI, LITE = "veo-3.1-generate-001", "gemini-omni-1.2-flash", "veo-3.1-lite-generate-001"
PAINTER, NEW_PAINTER = "gemini-3.1-flash-image", "gemini-nano-banana-2.1"
WRITER, NEW_WRITER = "gemini-3.8-flash", "gemini-3.5-flash-lite"
MISSING = Refused("404 Publisher Model was not found", codes=("model_unavailable",))
FORBIDDEN = Refused("403 Permission denied", codes=("configuration",))
UNABLE = Refused("400 Your use case is currently not supported", codes=("capability",))


def refuse(port: Any, method: str, error: CallFailed, *models: str) -> None:
    """Every call of these models, or of any, is refused."""
    answer: Callable[..., Any] = getattr(port, method)

    def refused(request: Any, *rest: Any) -> Any:
        if not models or request.model in models:
            port.requests.append(request)
            raise error
        return answer(request, *rest)

    setattr(port, method, refused)


def calls(world: FakeServices, job: Job, kind: str) -> list[Call]:
    return [read.value for read in world.jobs.list_calls(job.id) if read.value.kind == kind]


def paid_calls(world: FakeServices, job: Job) -> list[str]:
    return [read.value.id for read in world.jobs.list_calls(job.id) if read.value.is_paid]


def film(world: FakeServices, job: Job) -> str:
    """Deliver tasks, clips and polls as long as the job films; the last state of poll_clips."""
    for _ in range(12):
        world.submit_queued()
        for operation, state in list(world.video.states.items()):
            if isinstance(state, Running):
                world.video.deliver(operation)
        world.clock.pass_s(130)
        polled = world.poll(job)
        if polled.problem is not None:
            world.fail_job(FailJob(job.id, job.run, polled.problem.model_dump()))
        if polled.state != "filming":
            return polled.state
    return "filming"


@pytest.mark.parametrize("policy", ["still", "omit", "fail"])
@pytest.mark.parametrize(
    ("error", "code"), [(MISSING, "misconfigured"), (FORBIDDEN, "misconfigured"), (UNABLE, "model_unsuitable")]
)
def test_job_fails_and_pays_no_rewrite_and_no_clip_when_no_video_model_can_be_used(
    world: FakeServices, caplog: pytest.LogCaptureFixture, error: CallFailed, code: str, policy: str
) -> None:
    caplog.set_level(logging.INFO)
    refuse(world.video, "submit", error)
    job = world.drawn(on_scene_failure=policy)
    paid = paid_calls(world, job)

    assert film(world, job) == "failed"

    failed = world.jobs.get_job(job.id).value
    assert failed.state is JobState.FAILED
    assert failed.error is not None
    assert failed.error.code == code
    assert str(error) in failed.error.message
    assert "Say more" not in (failed.error.remedy or "")
    assert paid_calls(world, job) == paid
    assert not [read.value for read in world.jobs.list_scenes(job.id) if read.value.is_given_up]
    assert [record.message for record in caplog.records if record.message.startswith("job_")] == ["job_failed"]


def test_forbidden_model_is_called_once_a_scene_and_no_successor_is_tried(world: FakeServices) -> None:
    refuse(world.video, "submit", FORBIDDEN)
    job = world.drawn()
    film(world, job)

    assert [shot.model for shot in world.video.requests] == [STANDARD] * 3


def test_job_goes_on_and_pays_once_when_it_is_resumed_after_the_role_was_granted(world: FakeServices) -> None:
    submit = world.video.submit
    refuse(world.video, "submit", FORBIDDEN)
    job = world.drawn()
    film(world, job)
    world.video.submit = submit  # type: ignore[method-assign]
    world.clock.pass_s(1)

    resumed = job_lifecycle.resume(job.id, None, world)

    assert film(world, resumed) == "done"
    assert [call.model for call in calls(world, job, "video") if call.is_paid] == [STANDARD] * 3


def test_retired_video_model_is_replaced_by_its_successor_at_that_price_with_one_warning(world: FakeServices) -> None:
    refuse(world.video, "submit", MISSING, STANDARD)
    job = world.drawn()

    assert film(world, job) == "done"

    paid = [call for call in calls(world, job, "video") if call.is_paid]
    price_micros = registry().video_model(OMNI).max_micros(6, "720p", START, audio=True)
    assert [(call.model, call.cost_micros) for call in paid] == [(OMNI, price_micros)] * 3
    assert [call.state for call in calls(world, job, "video") if call.model == STANDARD] == [CallState.RELEASED] * 3
    assert not [call for call in calls(world, job, "text") if call.purpose.startswith("rewrite/")]
    world.give_film(job)
    assert world.close(job) == "complete"
    (warning,) = world.jobs.get_job(job.id).value.warnings
    assert STANDARD in warning
    assert OMNI in warning
    assert "to be retired on 2027-05-04 at the earliest" in warning
    assert "404" in warning


def test_successor_films_when_an_operation_ends_because_the_model_is_not_able(world: FakeServices) -> None:
    job = world.drawn()
    world.submit_queued()
    for operation in list(world.video.states):
        world.video.states[operation] = Failed("not allowlisted (code 9)", ("capability",))
    world.clock.pass_s(60)
    world.poll(job)

    assert film(world, job) == "done"
    assert [call.model for call in calls(world, job, "video") if call.is_paid] == [OMNI] * 3
    assert {one.remedy for read in world.jobs.list_scenes(job.id) for one in read.value.tries} == {"successor", ""}


def test_second_successor_films_when_the_first_is_retired_too(world: FakeServices) -> None:
    refuse(world.video, "submit", MISSING, STANDARD, OMNI)
    job = world.drawn()

    assert film(world, job) == "done"
    assert {call.model for call in calls(world, job, "video") if call.is_paid} == {LITE}


def test_job_stops_when_the_successor_cannot_film_its_format(world: FakeServices) -> None:
    refuse(world.video, "submit", MISSING, STANDARD, OMNI)
    job = world.drawn(resolution="4k")

    assert film(world, job) == "failed"
    assert {shot.model for shot in world.video.requests} == {STANDARD, OMNI}


def test_scene_whose_remedies_are_used_up_still_goes_on_with_the_successor(world: FakeServices) -> None:
    job = world.drawn()
    world.video.failures = [Refused("refused", codes=("64151117",))] * 3
    for _ in range(3):
        film_once(world, job)
    refuse(world.video, "submit", MISSING, STANDARD)

    assert film(world, job) == "done"


def film_once(world: FakeServices, job: Job) -> None:
    world.submit_queued()
    world.clock.pass_s(60)
    world.poll(job)


def test_retired_painter_is_replaced_by_its_successor_for_every_picture(world: FakeServices) -> None:
    refuse(world.images, "generate_image", MISSING, PAINTER)
    job = world.drawn()

    paid = [call for call in calls(world, job, "image") if call.is_paid]
    assert [call.model for call in paid] == [NEW_PAINTER] * 4
    assert all(0 < call.cost_micros <= call.reserved_micros for call in paid)
    world.draw_all(job)
    assert len([call for call in calls(world, job, "image") if call.is_paid]) == 4
    assert all(read.value.state is SceneState.QUEUED for read in world.jobs.list_scenes(job.id))


@pytest.mark.parametrize(
    ("error", "code"), [(MISSING, "misconfigured"), (FORBIDDEN, "misconfigured"), (UNABLE, "model_unsuitable")]
)
def test_drawing_stops_as_misconfigured_and_not_as_a_refusal_when_no_painter_can_be_used(
    world: FakeServices, error: CallFailed, code: str
) -> None:
    refuse(world.images, "generate_image", error)
    job = world.planned()

    with pytest.raises(Misconfigured) as stopped:
        world.draw_keyframe(DrawKeyframe(job.id, job.run, "scene-01", "start"))

    assert stopped.value.code == code
    assert "Change what this scene shows" not in stopped.value.remedy
    assert not [call for call in calls(world, job, "image") if call.is_paid]


def test_drawing_goes_on_when_the_job_is_resumed_after_the_role_was_granted(world: FakeServices) -> None:
    job = world.planned()
    world.images.failures = [FORBIDDEN]
    with pytest.raises(Misconfigured):
        world.draw_keyframe(DrawKeyframe(job.id, job.run, "scene-01", "start"))
    world.fail_job(FailJob(job.id, job.run, "misconfigured"))
    world.clock.pass_s(1)

    resumed = job_lifecycle.resume(job.id, None, world)

    assert world.draw_keyframe(DrawKeyframe(job.id, resumed.run, "scene-01", "start")).state == "drawn"


def test_retired_text_model_is_replaced_by_its_successor_with_the_same_request(world: FakeServices) -> None:
    refuse(world.text, "generate_text", MISSING, WRITER)
    job = world.planned()

    asked = world.text.treatment_requests + world.text.requests
    assert {request.model for request in asked} == {WRITER, NEW_WRITER}
    assert len({request.prompt for request in asked}) == 2
    assert [call.model for call in calls(world, job, "text") if call.is_paid] == [NEW_WRITER] * 2


def test_storyboard_stops_as_misconfigured_when_no_writer_can_be_used(world: FakeServices) -> None:
    refuse(world.text, "generate_text", FORBIDDEN)
    job = world.opened()

    with pytest.raises(Misconfigured) as stopped:
        world.write_storyboard(JobRun(job.id, job.run))

    assert not isinstance(stopped.value, Rejected)
    assert stopped.value.code == "misconfigured"
    assert len(world.text.requests) == 1


def test_job_stops_when_the_rewriter_cannot_be_used_instead_of_its_task_repeating_for_ever(world: FakeServices) -> None:
    job = world.drawn()
    refuse(world.video, "submit", Refused("hate", codes=("57734940",)))
    refuse(world.text, "generate_text", FORBIDDEN)

    assert film(world, job) == "failed"
    error = world.jobs.get_job(job.id).value.error
    assert error is not None
    assert error.code == "misconfigured"
    assert json.loads(error.model_dump_json())["step"] == "submit_clip"
