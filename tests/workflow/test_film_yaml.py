"""The orchestration itself: order, parallelism, retries, waits, and every way a film can end (DESIGN §4, H1, H3)."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from localcloud.workflows import engine
from promptreel.domain.identifiers import traceparent
from promptreel.domain.states import JobState
from promptreel.errors import Refused
from promptreel.usecases import job_lifecycle
from tests.fakes.services import FakeServices
from tests.workflow.film import FilmSet, Interference, Reply

PROMPT = {"prompt": "A lighthouse keeper waits"}
OURS = {"code": "broken", "message": "a bug", "remedy": "", "status": 500}


def test_request_then_becomes_a_film_step_by_step(world: FakeServices) -> None:
    film = FilmSet(world)

    played = film.play(PROMPT)

    assert played.result["state"] == "complete"
    assert played.result["film_uri"] == "gs://film"
    assert film.job().state is JobState.COMPLETE
    order = [step for step in film.calls if step not in {"draw_keyframe", "poll_clips"}]
    assert order == ["open_job", "write_storyboard", "stitcher_film", "close_job"]
    assert film.count("draw_keyframe") == 4


def test_every_step_after_the_first_then_is_asked_in_the_jobs_trace_and_told_its_execution(world: FakeServices) -> None:
    film = FilmSet(world)

    film.play(PROMPT)

    assert {headers["traceparent"] for headers in film.headers[1:]} == {traceparent(film.job().id)}
    executions = {headers["X-Promptreel-Execution"] for headers in film.headers}
    assert film.job().execution in {world.executions.full_name(execution) for execution in executions}
    assert len(executions) == 1


def test_drawing_and_filming_then_go_on_side_by_side(world: FakeServices) -> None:
    film = FilmSet(world)

    film.play(PROMPT)

    first_poll, last_drawing = film.calls.index("poll_clips"), len(film.calls) - film.calls[::-1].index("draw_keyframe")
    assert first_poll < last_drawing


def test_makespan_then_is_the_last_clips_latency_and_not_their_sum(world: FakeServices) -> None:
    played = FilmSet(world).play(PROMPT)

    assert played.took_s < 60 + 20


def test_bad_request_then_fails_the_execution_in_words_and_leaves_no_job(world: FakeServices) -> None:
    film = FilmSet(world)

    played = film.play({"promt": "A fox"})

    assert played.error["code"] == "invalid"
    assert "promt: there is no such field" in played.error["message"]
    assert film.calls == ["open_job"]
    assert list(world.jobs.list_jobs("operators", None, 2, None)) == []


def test_execution_whose_job_another_one_has_then_ends_well_and_does_nothing(world: FakeServices) -> None:
    job = world.opened()
    world.executions.active.add("x")

    film = FilmSet(world, lambda step, body: (200, {"state": "superseded", "job_id": job.id, "run": 1}))
    played = film.play({"job_id": job.id, "run": 1})

    assert played.result["state"] == "superseded"
    assert film.calls == ["open_job"]


@pytest.mark.parametrize(
    "step", ["open_job", "write_storyboard", "draw_keyframe", "poll_clips", "stitcher_film", "close_job"]
)
@pytest.mark.parametrize(
    "reply",
    [
        (503, {"code": "transient"}),
        (429, {"code": "quota"}),
        (500, "<html>"),
        (500, {"error": {"code": 500}}),
        (502, ""),
        (504, None),
        ("ConnectionError", None),
        ("ConnectionFailedError", None),
        ("TimeoutError", None),
        ("AuthError", None),
    ],
)
def test_passing_trouble_at_any_step_then_is_repeated_and_the_film_is_made(
    world: FakeServices, step: str, reply: Reply
) -> None:
    troubles = [reply, reply]
    film = FilmSet(world, lambda name, body: troubles.pop() if name == step and troubles else None)

    assert film.play(PROMPT).result["state"] == "complete"
    assert troubles == []


@pytest.mark.parametrize("step", ["write_storyboard", "draw_keyframe", "poll_clips", "stitcher_film", "close_job"])
@pytest.mark.parametrize(
    ("status", "body", "calls"),
    [
        (500, OURS, 1),
        (404, {"code": "not_found", "message": "gone"}, 1),
        (503, {"code": "transient", "message": "away"}, 9),
    ],
)
@pytest.mark.parametrize("encode", [lambda body: body, json.dumps, lambda body: json.dumps(body).encode()])
def test_lasting_trouble_at_any_step_then_fails_the_job_with_its_reason_and_shows_it_on_the_execution(
    world: FakeServices, step: str, status: int, body: dict[str, Any], calls: int, encode: Callable[[Any], Any]
) -> None:
    """Also when the answer was not decoded, because its media type was not exactly application/json."""
    film = FilmSet(world, lambda name, _: (status, encode(body)) if name == step else None)

    played = film.play(PROMPT)

    job = film.job()
    assert played.error["message"] == body["message"]
    assert job.state is JobState.FAILED
    assert job.error is not None
    assert (job.error.code, job.error.message) == (body["code"], body["message"])
    assert film.count(step) == calls


@pytest.mark.parametrize("body", [b"\xff\xfe\x00", "<html>Not Found</html>", b"[1, 2]", "null", None, 7])
def test_job_fails_with_the_http_error_when_a_step_answers_something_else_than_a_problem(
    world: FakeServices, body: Any
) -> None:
    film = FilmSet(world, lambda name, _: (404, body) if name == "stitcher_film" else None)

    film.play(PROMPT)

    error = film.job().error
    assert film.job().state is JobState.FAILED
    assert error is not None
    assert (error.code, error.message) == ("step_failed", "HTTP server responded with error code 404")


def test_failed_drawing_then_ends_the_filming_loop(world: FakeServices) -> None:
    world.images.failures = [Refused("IMAGE_SAFETY")] * 3

    film = FilmSet(world)
    played = film.play(PROMPT)

    assert played.error["code"] == "keyframe_refused"
    assert film.job().state is JobState.FAILED
    assert film.count("stitcher_film") == 0


def test_scene_that_cannot_be_filmed_then_stops_the_drawing(world: FakeServices) -> None:
    problem = {
        "code": "clip_refused",
        "message": "scene-01: no clip",
        "remedy": "",
        "step": "poll_clips",
        "scene": None,
    }
    failed = {"state": "failed", "wait_s": 0, "redraw": [], "problem": problem}
    film = FilmSet(world, lambda step, _: (200, failed) if step == "poll_clips" else None)

    played = film.play(PROMPT)

    assert played.error["code"] == "clip_refused"
    assert film.count("draw_keyframe") < 4


def polled_at_most(polls: int, replies: dict[str, Reply]) -> Interference:
    """These replies, and an error that ends the test when the execution polls more often."""
    count = 0

    def reply(step: str, _: Any) -> Reply | None:
        nonlocal count
        count += step == "poll_clips"
        assert count <= polls, "the filming branch does not end"
        return replies.get(step)

    return reply


def test_filming_branch_ends_when_drawing_failed_and_the_failure_cannot_be_stored(world: FakeServices) -> None:
    refused = {"code": "keyframe_refused", "message": "scene-01: no start picture"}
    film = FilmSet(world, polled_at_most(20, {"draw_keyframe": (422, refused), "fail_job": (503, "")}))

    played = film.play(PROMPT)

    assert played.error["code"] == "keyframe_refused"
    assert film.count("stitcher_film") == 0


def test_filming_branch_ends_when_drawing_is_superseded(world: FakeServices) -> None:
    film = FilmSet(world, polled_at_most(20, {"draw_keyframe": (200, {"state": "superseded", "wait_s": 0})}))

    assert film.play(PROMPT).result["state"] == "superseded"


def test_drawing_branch_stops_when_filming_failed_and_the_failure_cannot_be_stored(world: FakeServices) -> None:
    replies: dict[str, Reply] = {"poll_clips": (500, OURS), "fail_job": (503, "")}
    film = FilmSet(world, lambda step, _: replies.get(step))

    played = film.play(PROMPT)

    assert played.error["message"] == "a bug"
    assert film.count("draw_keyframe") < 4


def test_cancelled_film_then_ends_well_and_draws_no_more(world: FakeServices) -> None:
    def cancel(step: str, body: Any) -> None:
        if step == "poll_clips":
            job_lifecycle.cancel(
                body["job_id"], jobs=world.jobs, executions=world.executions, clock=world.clock, ids=world.ids
            )

    film = FilmSet(world, cancel)
    played = film.play(PROMPT)

    assert played.result["state"] == "superseded"
    assert film.job().state is JobState.CANCELLED
    assert film.count("draw_keyframe") < 4


@pytest.mark.parametrize("step", ["write_storyboard", "draw_keyframe", "stitcher_film"])
def test_step_that_somebody_else_is_doing_then_is_waited_for(world: FakeServices, step: str) -> None:
    waits = [(200, {"state": "busy", "wait_s": 7})] * 2
    film = FilmSet(world, lambda name, _: waits.pop() if name == step and waits else None)

    played = film.play(PROMPT)

    assert played.result["state"] == "complete"
    assert played.world.slept_s.count(7) == 2


def test_film_is_polled_and_cut_again_when_the_cut_rejects_a_clip(world: FakeServices) -> None:
    rejections = [(200, {"state": "refilm", "wait_s": 0})]
    film = FilmSet(world, lambda name, _: rejections.pop() if name == "stitcher_film" and rejections else None)

    assert film.play(PROMPT).result["state"] == "complete"
    first_cut = film.calls.index("stitcher_film")
    assert "poll_clips" in film.calls[first_cut:]
    assert film.count("stitcher_film") == 2


def test_picture_to_be_redrawn_then_is_drawn_before_the_next_poll(world: FakeServices) -> None:
    redraw = {"scene": "scene-01", "frame": "start", "take": 1}
    orders = [(200, {"state": "filming", "wait_s": 1, "redraw": [redraw], "problem": None})]
    film = FilmSet(world, lambda name, _: orders.pop() if name == "poll_clips" and orders else None)

    assert film.play(PROMPT).result["state"] == "complete"
    assert film.count("draw_keyframe") == 5


def test_failure_that_cannot_be_written_then_still_shows_the_first_error(world: FakeServices) -> None:
    replies = {"stitcher_film": (500, OURS), "fail_job": (500, {"code": "broken", "message": "second"})}
    film = FilmSet(world, lambda name, _: replies.get(name))

    played = film.play(PROMPT)

    assert isinstance(played.outcome, engine.Failed)
    assert played.error["message"] == "a bug"
    assert [entry["severity"] for entry in played.world.logged] == ["ERROR"]
