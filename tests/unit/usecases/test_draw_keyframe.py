"""Keyframes: drawn once, kept once, each from the one before."""

from typing import Any

import pytest

from promptreel.domain.call import CUT_OFF, committed_micros
from promptreel.domain.job import Budget, Job
from promptreel.domain.states import CallState, JobState, SceneState
from promptreel.domain.tariffs import ReportedUsage
from promptreel.errors import AnswerLost, BudgetExceeded, QuotaExhausted, Refused, Rejected, Throttled
from promptreel.ports.models import Declined
from promptreel.ports.storage import Replace
from promptreel.usecases import job_lifecycle
from promptreel.usecases.draw_keyframe import DrawKeyframe
from tests.factories import an_output
from tests.fakes.services import FakeServices


def test_scene_starts_on_the_last_keyframe_of_the_scene_before(world: FakeServices) -> None:
    job = world.drawn()

    first, second, third = (read.value for read in world.jobs.list_scenes(job.id))
    assert first.end == second.start
    assert second.end == third.start
    assert len(world.images.requests) == 4


def test_start_keyframe_is_sent_as_reference_when_the_end_is_drawn(world: FakeServices) -> None:
    job = world.planned()

    world.draw_keyframe(DrawKeyframe(job.id, job.run, "scene-01", "start"))
    world.draw_keyframe(DrawKeyframe(job.id, job.run, "scene-01", "end"))

    start = world.jobs.get_scene(job.id, "scene-01").value.start
    assert start is not None
    assert [sketch.references for sketch in world.images.requests] == [(), (start.uri,)]


@pytest.mark.parametrize(("resolution", "size"), [("720p", "1K"), ("1080p", "2K"), ("4k", "4K")])
def test_picture_of_the_size_that_covers_the_frame_is_reserved_and_requested(
    world: FakeServices, resolution: str, size: str
) -> None:
    job = world.planned(resolution=resolution, budget_usd=100)
    reserved = {read.value.id: read.value.reserved_micros for read in world.jobs.list_calls(job.id)}
    world.draw_all(job)

    assert {request.size for request in world.images.requests} == {size}
    made = [read.value for read in world.jobs.list_calls(job.id) if read.value.kind == "image"]
    assert [call.reserved_micros for call in made] == [reserved[call.id] for call in made]


def test_job_says_that_keyframes_are_enlarged_when_no_size_of_the_image_model_covers_the_frame(
    world: FakeServices,
) -> None:
    job = world.planned(resolution="4k", models={"image": "gemini-3.1-flash-lite-image"}, budget_usd=100)

    (warning,) = (one for one in job.warnings if "enlarged" in one)
    assert warning.startswith("models.image: gemini-3.1-flash-lite-image draws no more than 1376x768")


def test_clip_is_queued_when_both_keyframes_exist_although_later_ones_are_missing(world: FakeServices) -> None:
    job = world.planned()

    world.draw_keyframe(DrawKeyframe(job.id, job.run, "scene-01", "start"))
    assert not world.queue.tasks
    world.draw_keyframe(DrawKeyframe(job.id, job.run, "scene-01", "end"))

    assert [task.scene for task in world.queue.tasks] == ["scene-01"]
    assert [read.value.state for read in world.jobs.list_scenes(job.id)] == [
        SceneState.QUEUED,
        SceneState.PENDING,
        SceneState.PENDING,
    ]
    assert world.jobs.get_job(job.id).value.state is JobState.KEYFRAMES


def test_job_moves_to_filming_when_the_last_keyframe_is_drawn(world: FakeServices) -> None:
    assert world.drawn().state is JobState.VIDEO_GEN


def test_keyframe_is_paid_and_queued_once_when_requested_twice(world: FakeServices) -> None:
    job = world.drawn()
    tasks = dict(world.queue.tasks)

    world.draw_all(job)

    assert len(world.images.requests) == 4
    assert world.queue.tasks == tasks


def test_paid_keyframe_is_used_when_the_step_crashed_before_writing_the_scene(world: FakeServices) -> None:
    job = world.planned()
    scenes = world.jobs.list_scenes
    world.jobs.list_scenes = lambda job_id: 1 / 0  # type: ignore[method-assign,assignment,return-value]
    with pytest.raises(ZeroDivisionError):
        world.draw_keyframe(DrawKeyframe(job.id, job.run, "scene-01", "start"))
    world.jobs.list_scenes = scenes  # type: ignore[method-assign]

    assert world.draw_keyframe(DrawKeyframe(job.id, job.run, "scene-01", "start")).state == "drawn"
    assert world.jobs.get_scene(job.id, "scene-01").value.start is not None
    assert len(world.images.requests) == 1


def test_refused_keyframe_is_drawn_with_another_seed_at_no_cost_of_the_refusal(
    world: FakeServices,
) -> None:
    job = world.planned()
    world.images.failures = [Refused("IMAGE_SAFETY", codes=("15236754",))]

    assert world.draw_keyframe(DrawKeyframe(job.id, job.run, "scene-01", "start")).state == "drawn"

    refused, paid = (
        read.value for read in world.jobs.list_calls(job.id) if read.value.purpose == "keyframe/scene-01/start"
    )
    assert (refused.state, refused.cost_micros, refused.codes) == (CallState.RELEASED, 0, ("15236754",))
    assert paid.state is CallState.SETTLED
    assert len({sketch.seed for sketch in world.images.requests}) == 2


def test_picture_refused_in_words_costs_its_usage_and_is_drawn_with_another_seed(world: FakeServices) -> None:
    job = world.planned()
    usage = ReportedUsage(input=1690, output=1720, picture=0)
    world.images.failures = [Declined("No picture came: I cannot draw this.", (), usage)]
    picture = DrawKeyframe(job.id, job.run, "scene-01", "start")

    assert [world.draw_keyframe(picture).state for _ in range(2)] == ["drawn", "drawn"]

    declined, paid = (
        read.value for read in world.jobs.list_calls(job.id) if read.value.purpose == "keyframe/scene-01/start"
    )
    assert (declined.state, declined.cost_micros) == (CallState.SETTLED, (1690 * 500_000 + 1720 * 3_000_000) // 10**6)
    assert paid.artifact is not None
    assert len({sketch.seed for sketch in world.images.requests}) == 2


def test_cut_off_picture_is_drawn_with_more_room(world: FakeServices) -> None:
    job = world.planned()
    world.images.failures = [Declined("MAX_TOKENS", (CUT_OFF,), ReportedUsage(500, 2200, 0))] * 2

    assert world.draw_keyframe(DrawKeyframe(job.id, job.run, "scene-01", "start")).state == "drawn"

    assert [sketch.max_output_tokens for sketch in world.images.requests] == [2200, 4400, 8800]
    calls = [read.value for read in world.jobs.list_calls(job.id) if read.value.purpose == "keyframe/scene-01/start"]
    assert [call.reserved_micros for call in calls] == sorted({call.reserved_micros for call in calls})


def test_budget_stops_the_next_picture_when_refusals_in_words_have_used_it_up(world: FakeServices) -> None:
    job = world.planned()
    needed = committed_micros([read.value for read in world.jobs.list_calls(job.id)])
    read = world.jobs.get_job(job.id)
    world.jobs.write(Replace(job.id, read, read.value.evolve(budget=Budget(limit_micros=needed))))
    world.images.failures = [Declined("unwilling", (), ReportedUsage())]

    with pytest.raises(BudgetExceeded, match="do not hold keyframe/scene-01/start"):
        world.draw_keyframe(DrawKeyframe(job.id, job.run, "scene-01", "start"))


def test_error_gives_the_reason_when_a_keyframe_is_refused_three_times(world: FakeServices) -> None:
    job = world.planned()
    world.images.failures = [Refused("IMAGE_SAFETY")] * 3

    with pytest.raises(Rejected, match="scene-01: no start picture in 3 tries: IMAGE_SAFETY") as refusal:
        world.draw_keyframe(DrawKeyframe(job.id, job.run, "scene-01", "start"))
    assert refusal.value.remedy.startswith("Change what this scene shows")


def test_remedy_is_to_resume_when_the_last_answer_of_a_keyframe_was_lost(world: FakeServices) -> None:
    job = world.planned()
    world.images.failures = [Refused("IMAGE_SAFETY"), AnswerLost("reset"), AnswerLost("reset")]

    with pytest.raises(Rejected, match="no start picture in 3 tries: reset") as refusal:
        world.draw_keyframe(DrawKeyframe(job.id, job.run, "scene-01", "start"))
    assert refusal.value.remedy.startswith("Resume the job")


def test_same_call_is_claimed_later_when_the_quota_is_exhausted(world: FakeServices) -> None:
    job = world.planned()
    world.images.failures = [Throttled("429")]
    with pytest.raises(QuotaExhausted):
        world.draw_keyframe(DrawKeyframe(job.id, job.run, "scene-01", "start"))

    assert world.draw_keyframe(DrawKeyframe(job.id, job.run, "scene-01", "start")).state == "drawn"
    assert len([1 for read in world.jobs.list_calls(job.id) if read.value.purpose == "keyframe/scene-01/start"]) == 1


def test_nothing_is_drawn_when_the_job_is_cancelled(world: FakeServices) -> None:
    job = world.planned()
    job_lifecycle.cancel(job.id, world)

    assert world.draw_keyframe(DrawKeyframe(job.id, job.run, "scene-01", "start")).state == "superseded"
    assert world.images.requests == []


def test_new_take_is_untouched_when_a_keyframe_of_the_old_one_arrives(world: FakeServices) -> None:
    job = world.planned()
    paint = world.images.generate_image

    def edited_meanwhile(*arguments: Any) -> Any:
        read = world.jobs.get_scene(job.id, "scene-01")
        world.jobs.write(Replace(job.id, read, read.value.evolve(take=2)))
        return paint(*arguments)

    world.images.generate_image = edited_meanwhile  # type: ignore[method-assign,assignment]

    world.draw_keyframe(DrawKeyframe(job.id, job.run, "scene-01", "start"))

    assert world.jobs.get_scene(job.id, "scene-01").value.start is None


SQUARE = (1024, 1024)


def draw_start(world: FakeServices, job: Job) -> str:
    return world.draw_keyframe(DrawKeyframe(job.id, job.run, "scene-01", "start")).state


@pytest.mark.parametrize(
    ("shape", "draws"), [((1376, 768), 1), ((1344, 768), 1), (SQUARE, 2), ((768, 1376), 2), ((1248, 832), 2)]
)
def test_picture_of_another_shape_is_drawn_once_more(world: FakeServices, shape: tuple[int, int], draws: int) -> None:
    job = world.planned()
    world.images.shapes = [shape]

    assert draw_start(world, job) == "drawn"
    assert draw_start(world, job) == "drawn"

    assert len(world.images.requests) == draws
    calls = [read.value for read in world.jobs.list_calls(job.id) if read.value.purpose == "keyframe/scene-01/start"]
    assert [call.state for call in calls] == [CallState.SETTLED] * draws
    assert all(call.cost_micros > 0 for call in calls), "what was drawn is paid, whatever its shape"


@pytest.mark.parametrize("shapes", [[SQUARE, SQUARE], [SQUARE, (768, 1376)]])
def test_picture_of_another_shape_is_kept_with_a_warning_when_the_second_one_is_no_better(
    world: FakeServices, shapes: list[tuple[int, int]]
) -> None:
    job = world.planned()
    world.images.shapes = list(shapes)

    assert draw_start(world, job) == "drawn"
    film(world, job)

    assert len(world.images.requests) == 5
    (warning,) = world.jobs.get_job(job.id).value.warnings
    width, height = shapes[1]
    assert warning.startswith(f"scene-01: its start picture came as {width}x{height}, so that ")
    assert warning.endswith("% of it is cropped")


def test_picture_of_another_shape_is_kept_at_once_when_the_budget_holds_no_other(world: FakeServices) -> None:
    job = world.planned()
    read = world.jobs.get_job(job.id)
    committed = committed_micros([call.value for call in world.jobs.list_calls(job.id)])
    world.jobs.write(Replace(job.id, read, read.value.evolve(budget=Budget(limit_micros=committed))))
    world.images.shapes = [SQUARE]

    assert draw_start(world, job) == "drawn"
    assert len(world.images.requests) == 1


@pytest.mark.parametrize(
    ("content", "draws"),
    [
        ((1376, 720), 1),  # bars that a crop to the frame hides
        ((1376, 600), 2),  # too little is left
        ((688, 384), 2),  # of the frame's shape, but half of its detail is gone
        ((1100, 768), 2),
    ],
)
def test_picture_with_bars_is_drawn_once_more_when_what_they_leave_is_no_frame(
    world: FakeServices, content: tuple[int, int], draws: int
) -> None:
    job = world.planned()
    world.images.shapes, world.images.contents = [(1376, 768)], [content]

    assert draw_start(world, job) == "drawn"
    assert len(world.images.requests) == draws


def test_picture_with_bars_is_kept_with_a_warning_when_the_second_one_has_them_too(world: FakeServices) -> None:
    job = world.planned()
    world.images.shapes, world.images.contents = [(1376, 768)] * 2, [(1376, 600)] * 2

    assert draw_start(world, job) == "drawn"
    film(world, job)

    assert len(world.images.requests) == 5
    (warning,) = world.jobs.get_job(job.id).value.warnings
    assert warning.startswith(
        "scene-01: its start picture came as 1376x768 with bars around 1376x600, which are cut off"
    )


def test_picture_smaller_than_asked_is_kept_with_a_warning(world: FakeServices) -> None:
    job = world.planned()
    world.images.shapes = [(688, 384)]

    assert draw_start(world, job) == "drawn"
    film(world, job)

    assert len(world.images.requests) == 4
    (warning,) = world.jobs.get_job(job.id).value.warnings
    assert warning.endswith("came as 688x384, less than was asked for: it is enlarged")


def film(world: FakeServices, job: Job) -> None:
    """Draw, film and cut the rest."""
    world.draw_all(job)
    world.submit_queued()
    for operation in list(world.video.states):
        world.video.deliver(operation)
    world.clock.pass_s(60)
    assert world.poll(job).state == "done"
    read = world.jobs.get_job(job.id)
    world.jobs.write(Replace(job.id, read, read.value.evolve(output=an_output())))
    assert world.close(job) == "complete"
