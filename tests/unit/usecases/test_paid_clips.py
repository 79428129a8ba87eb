"""What a clip costs, and how a paid one is found again, by the ways of its backend."""

import json

import pytest

from promptreel.domain.call import Call
from promptreel.domain.job import Job
from promptreel.domain.models import TokenUsage, registry
from promptreel.domain.states import CallState, SceneState
from promptreel.errors import AnswerLost, QuotaExhausted, Throttled, Transient
from promptreel.ports.models import Failed, LostSubmit, Operation, Running, Succeeded
from promptreel.usecases.poll_clips import UNSENT_S
from tests.fakes.models import a_storyboard
from tests.fakes.services import FakeServices

VEO, OMNI, KLING = "veo-3.1-generate-001", "gemini-omni-1.2-flash", "kwaivgi/kling-v3-video"
SEVEN_SECONDS = TokenUsage(input=2_300, output=40, picture=7 * 5_792)


def one_scene(world: FakeServices, model: str, **request: object) -> Job:
    """A job of one drawn scene that this model films."""
    world.text.answers = [json.dumps(a_storyboard(scenes=1))]
    return world.drawn(scenes=1, models={"video": model}, **request)


def clip_call(world: FakeServices, job: Job) -> Call:
    """The only call that films."""
    (call,) = (read.value for read in world.jobs.list_calls(job.id) if read.value.kind == "video")
    return call


def test_clip_costs_the_tokens_of_its_answer_when_it_is_paid_by_them(world: FakeServices) -> None:
    job = one_scene(world, OMNI, duration_s=7)
    world.submit_queued()
    uri = world.video.deliver("operations/1")
    world.video.states["operations/1"] = Succeeded(uri, SEVEN_SECONDS)
    world.clock.pass_s(60)

    assert world.poll(job).state == "done"

    call = clip_call(world, job)
    assert (call.state, call.usage) == (CallState.SETTLED, SEVEN_SECONDS)
    assert call.cost_micros == -(-(2_300 * 1_500_000 + 40 * 9_000_000 + 7 * 5_792 * 12_000_000) // 1_000_000)
    assert call.cost_micros < call.reserved_micros


def test_clip_costs_its_reserved_price_when_its_answer_counts_no_tokens(world: FakeServices) -> None:
    job = one_scene(world, OMNI, duration_s=7)
    world.submit_queued()
    world.video.deliver("operations/1")
    world.clock.pass_s(60)
    world.poll(job)

    call = clip_call(world, job)
    assert (
        call.cost_micros
        == call.reserved_micros
        == registry().video_model(OMNI).max_micros(7, "720p", job.created, audio=True)
    )


def test_refusal_in_words_is_paid_and_followed_by_a_remedy_when_it_reports_tokens(world: FakeServices) -> None:
    job = one_scene(world, OMNI)
    world.submit_queued()
    usage = TokenUsage(input=2_300, output=200)
    world.video.states["operations/1"] = Failed("I cannot film this.", ("64151117",), usage)
    world.clock.pass_s(60)
    world.poll(job)

    refused = clip_call(world, job)
    assert (refused.state, refused.artifact, refused.cost_micros) == (CallState.SETTLED, None, 5_250)
    scene = world.jobs.get_scene(job.id, "scene-01").value
    assert (scene.state, scene.attempt, scene.tries[0].remedy) == (SceneState.QUEUED, 2, "reseed")


def test_lost_submit_is_paid_once_when_its_provider_lists_it(world: FakeServices) -> None:
    job = one_scene(world, KLING)
    world.video.failures = [AnswerLost("reset")]
    assert world.submit_queued() == ["uncertain"]
    call = clip_call(world, job)
    uri = world.artifacts.uri(call.prefix or "")
    world.video.listed[uri] = Operation(KLING, "prediction-9", uri)
    world.video.states["prediction-9"] = Running()
    world.video.prefixes["prediction-9"] = uri

    assert world.poll(job).state == "filming"
    assert clip_call(world, job).operation == "prediction-9"
    world.video.deliver("prediction-9")
    world.clock.pass_s(120)

    assert world.poll(job).state == "done"
    assert len(world.video.requests) == 1
    paid = clip_call(world, job)
    assert (paid.state, paid.cost_micros) == (CallState.SETTLED, paid.reserved_micros)


def test_lost_submit_is_given_up_after_its_window_though_its_provider_never_tells(
    world: FakeServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: LostSubmit) -> Operation | None:
        raise Transient("list predictions: 401")

    monkeypatch.setattr(world.video, "find", fail)
    job = one_scene(world, KLING)
    world.video.failures = [AnswerLost("reset")]
    world.submit_queued()
    world.poll(job)
    assert clip_call(world, job).state is CallState.UNCERTAIN
    world.clock.pass_s(registry().video_model(KLING).longest_latency_s + 300)
    world.poll(job)

    lost = next(read.value for read in world.jobs.list_calls(job.id) if read.value.purpose == "clip/scene-01")
    assert lost.state is CallState.LOST


def test_scene_moves_to_the_next_model_when_its_own_accepts_no_call_for_long(world: FakeServices) -> None:
    job = one_scene(world, VEO)
    for _ in range(2):
        world.video.failures = [Throttled("429")]
        with pytest.raises(QuotaExhausted):
            world.submit_queued()
        assert world.poll(job).state == "filming"
        world.clock.pass_s(10)
    assert clip_call(world, job).state is CallState.PLANNED
    world.clock.pass_s(UNSENT_S)

    world.poll(job)

    scene = world.jobs.get_scene(job.id, "scene-01").value
    assert (scene.state, scene.video_model, scene.tries[0].remedy) == (SceneState.QUEUED, OMNI, "model")
    assert clip_call(world, job).state is CallState.RELEASED
    assert "filming" in world.submit_queued()
    assert world.video.requests[-1].model == OMNI


def test_scene_waits_for_its_own_model_when_no_other_can_film_it(world: FakeServices) -> None:
    job = one_scene(world, KLING)
    world.video.failures = [Throttled("429")]
    with pytest.raises(QuotaExhausted):
        world.submit_queued()
    world.clock.pass_s(2 * UNSENT_S)

    assert world.poll(job).state == "filming"
    assert clip_call(world, job).state is CallState.PLANNED
