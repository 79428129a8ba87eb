"""Slow models: no answer is awaited beyond the end of its request, and the next request continues."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from promptreel.domain.job import DrawItem, Job
from promptreel.domain.models import registry
from promptreel.domain.states import SceneState
from promptreel.errors import Refused
from promptreel.ledger.paid_calls import STORING_S
from promptreel.ports.models import Failed
from promptreel.usecases import draw_keyframe, submit_clip, write_storyboard
from promptreel.usecases.draw_keyframe import DrawKeyframe
from promptreel.usecases.job_lifecycle import JobRun
from promptreel.usecases.submit_clip import SubmitClip
from tests.fakes.services import FakeServices

SERVICES = json.loads((Path(__file__).parents[3] / "infra/config/services.json").read_text())["functions"]
SLOW_S = 119.0
REDRAWN = "29310472"


def slow(world: FakeServices, port: Any, method: str) -> list[float]:
    """Every call of the port takes its time; the seconds since `begin` at which each was sent."""
    answer: Callable[..., Any] = getattr(port, method)
    sent: list[float] = []

    def slowly(*arguments: Any) -> Any:
        sent.append(world.clock.now().timestamp())
        world.clock.pass_s(SLOW_S)
        return answer(*arguments)

    setattr(port, method, slowly)
    return sent


def within_one_request(world: FakeServices, request_s: float, sent: list[float], step: Callable[[], Any]) -> Any:
    """Run a step; every call it sends must be answered within its request, whatever the call's time limit is."""
    begun, before = world.clock.now().timestamp(), len(sent)
    result = step()
    longest_s = max([model.timeout_s for model in registry().text] + [model.timeout_s for model in registry().image])
    assert all(moment - begun + longest_s <= request_s - STORING_S for moment in sent[before:])
    return result


def to_be_redrawn(world: FakeServices) -> tuple[Job, DrawItem]:
    """A job whose first scene wants other words and other pictures."""
    job = world.drawn()
    for _ in range(2):
        world.submit_queued()
        operation = list(world.video.states)[-1] if len(world.video.states) > 3 else "operations/1"
        world.video.states[operation] = Failed(f"Support codes: {REDRAWN}", (REDRAWN,))
        world.clock.pass_s(60)
        (item,) = world.poll(job).redraw or (None,)
    assert item is not None
    return job, item


def test_picture_is_drawn_over_several_requests_when_every_model_is_slow_and_unwilling(world: FakeServices) -> None:
    job, item = to_be_redrawn(world)
    world.text.answers = ["no scene", "no scene"]
    world.images.failures = [Refused("unwilling"), Refused("unwilling")]
    written, painted = slow(world, world.text, "generate_text"), slow(world, world.images, "generate_image")
    command = DrawKeyframe(job.id, job.run, item.scene, item.frame, item.take)
    states: list[str] = []

    while not states or states[-1] == "busy":
        drawn = within_one_request(world, draw_keyframe.REQUEST_S, painted, lambda: world.draw_keyframe(command))
        states.append(drawn.state)

    assert states == ["busy", "busy", "drawn"]
    assert (len(written), len(painted)) == (3, 3)


def test_clip_is_sent_by_the_next_task_when_rewriting_took_the_time_of_this_one(world: FakeServices) -> None:
    job = world.drawn()
    world.submit_queued()
    world.video.states["operations/1"] = Failed("Support codes: 57734940", ("57734940",))
    world.clock.pass_s(60)
    world.poll(job)
    world.text.answers = ["no scene"]
    written = slow(world, world.text, "generate_text")
    command = SubmitClip(job.id, job.run, "scene-01", 1, 2)

    first = within_one_request(world, submit_clip.REQUEST_S, written, lambda: world.submit_clip(command))

    assert (first.state, len(world.video.requests)) == ("busy", 3)
    assert world.jobs.get_scene(job.id, "scene-01").value.state is SceneState.QUEUED
    assert world.submit_clip(command).state == "filming"
    assert len(written) == 2


def test_storyboard_of_three_slow_tries_fits_into_its_request(world: FakeServices) -> None:
    job = world.opened()
    world.text.answers = ["no storyboard", "no storyboard"]
    written = slow(world, world.text, "generate_text")

    planned = within_one_request(
        world,
        write_storyboard.REQUEST_S,
        written,
        lambda: world.write_storyboard(JobRun(job.id, job.run)),
    )

    assert (planned.state, len(written)) == ("planned", 4)


@pytest.mark.parametrize("step", [draw_keyframe, submit_clip, write_storyboard])
def test_request_of_a_step_is_as_long_as_its_service_allows(step: Any) -> None:
    name = step.__name__.rpartition(".")[2]

    assert SERVICES[name]["timeout_s"] == step.REQUEST_S
