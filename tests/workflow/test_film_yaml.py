"""film.yaml: order, parallelism, retries, waits, and every way a film can end."""

import json
import re
from collections.abc import Callable
from typing import Any, get_args, get_type_hints

import pytest

from localcloud.workflows import engine
from promptreel.domain.edits import parse_edit
from promptreel.domain.identifiers import traceparent
from promptreel.domain.request import Approval
from promptreel.domain.states import JobState
from promptreel.domain.tariffs import ReportedUsage
from promptreel.errors import Refused
from promptreel.ports.models import Declined
from promptreel.usecases import job_lifecycle
from promptreel.usecases.check_continuity import ContinuityChecked
from promptreel.usecases.close_job import JobClosed
from promptreel.usecases.draw_keyframe import KeyframeDrawn
from promptreel.usecases.edit_plan import edit_plan
from promptreel.usecases.open_job import Opened
from promptreel.usecases.poll_clips import ClipsPolled
from promptreel.usecases.write_storyboard import StoryboardWritten
from stitcher_service.jobs.previews import Preview
from stitcher_service.jobs.stitch_film import FilmStitched
from tests.fakes.services import FakeServices
from tests.workflow.film import SOURCE, FilmRun, Interference, Reply

PROMPT = {"prompt": "A lighthouse keeper waits"}
BUG = {"code": "broken", "message": "a bug", "remedy": "", "status": 500}


def test_film_runs_every_step_in_order(world: FakeServices) -> None:
    film = FilmRun(world)

    played = film.play(PROMPT)

    assert played.result["state"] == "complete"
    assert played.result["film_uri"] == "gs://artifacts/film.mp4"
    assert film.job().state is JobState.COMPLETE
    order = [step for step in film.calls if step not in {"draw_keyframe", "poll_clips"}]
    assert order == ["open_job", "write_storyboard", "check_continuity", "stitcher_film", "close_job"]
    assert film.count("draw_keyframe") == 4


def test_film_sends_the_jobs_trace_and_its_execution_to_every_step_after_the_first(world: FakeServices) -> None:
    film = FilmRun(world)

    film.play(PROMPT)

    assert {headers["traceparent"] for headers in film.headers[1:]} == {traceparent(film.job().id)}
    executions = {headers["X-Promptreel-Execution"] for headers in film.headers}
    assert film.job().execution in {world.executions.full_name(execution) for execution in executions}
    assert len(executions) == 1


def test_film_draws_all_sheets_before_its_keyframes_when_it_is_made_with_sheets(world: FakeServices) -> None:
    film = FilmRun(world)

    played = film.play({**PROMPT, "continuity": "sheet"})

    drawn = [step for step in film.calls if step in {"draw_sheet", "draw_keyframe"}]
    assert played.result["state"] == "complete"
    assert drawn == ["draw_sheet"] * 1 + ["draw_keyframe"] * 4
    assert all(len(request.references) == 1 for request in world.images.requests[1:])


def test_film_goes_on_when_its_sheet_is_refused(world: FakeServices) -> None:
    refused = Declined("It will not.", ("SAFETY",), ReportedUsage(input=500, output=40, picture=0))
    world.images.failures = [refused] * 3
    film = FilmRun(world)

    played = film.play({**PROMPT, "continuity": "sheet"})

    assert played.result["state"] == "complete"
    assert "Mira: the film goes on without a sheet of it" in film.job().warnings[0]
    assert all(request.references == () for request in world.images.requests)


def test_film_polls_clips_while_it_draws_keyframes(world: FakeServices) -> None:
    film = FilmRun(world)

    film.play(PROMPT)

    first_poll, last_drawing = film.calls.index("poll_clips"), len(film.calls) - film.calls[::-1].index("draw_keyframe")
    assert first_poll < last_drawing


def test_film_takes_as_long_as_its_last_clip_and_not_their_sum(world: FakeServices) -> None:
    played = FilmRun(world).play(PROMPT)

    assert played.took_s < 60 + 20


def test_execution_fails_with_a_message_and_leaves_no_job_when_the_request_is_invalid(world: FakeServices) -> None:
    film = FilmRun(world)

    played = film.play({"promt": "A fox"})

    assert played.error["code"] == "invalid"
    assert "promt: there is no such field" in played.error["message"]
    assert film.calls == ["open_job"]
    assert list(world.jobs.list_jobs("operators", None, None)) == []


def test_execution_succeeds_and_does_nothing_when_another_one_has_the_job(world: FakeServices) -> None:
    job = world.opened()
    world.executions.active.add("x")

    film = FilmRun(world, lambda step, body: (200, {"state": "superseded", "job_id": job.id, "run": 1}))
    played = film.play({"job_id": job.id, "run": 1})

    assert played.result["state"] == "superseded"
    assert film.calls == ["open_job"]


STEPS = ["open_job", "write_storyboard", "draw_keyframe", "poll_clips", "stitcher_film", "close_job"]
TRANSIENT: list[Reply] = [
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
]


@pytest.mark.parametrize(
    ("step", "reply"),
    [*((step, TRANSIENT[0]) for step in STEPS), *(("poll_clips", reply) for reply in TRANSIENT[1:])],
)
def test_step_is_retried_and_the_film_is_complete_after_transient_failures(
    world: FakeServices, step: str, reply: Reply
) -> None:
    failures = [reply, reply]
    film = FilmRun(world, lambda name, body: failures.pop() if name == step and failures else None)

    assert film.play(PROMPT).result["state"] == "complete"
    assert failures == []


def as_it_is(body: Any) -> Any:
    return body


def as_text(body: Any) -> str:
    """The answer, when its media type is not exactly application/json."""
    return json.dumps(body)


def as_bytes(body: Any) -> bytes:
    return json.dumps(body).encode()


@pytest.mark.parametrize(
    ("status", "body", "calls"),
    [
        (500, BUG, 1),
        (404, {"code": "not_found", "message": "no such job"}, 1),
        (503, {"code": "transient", "message": "unavailable"}, 9),
    ],
)
@pytest.mark.parametrize(
    ("step", "encode"),
    [*((step, as_it_is) for step in STEPS[1:]), ("stitcher_film", as_text), ("stitcher_film", as_bytes)],
)
def test_job_and_execution_fail_with_the_problem_of_a_step(
    world: FakeServices, step: str, status: int, body: dict[str, Any], calls: int, encode: Callable[[Any], Any]
) -> None:
    film = FilmRun(world, lambda name, _: (status, encode(body)) if name == step else None)

    played = film.play(PROMPT)

    job = film.job()
    assert played.error["message"] == body["message"]
    assert job.state is JobState.FAILED
    assert job.error is not None
    assert (job.error.code, job.error.message) == (body["code"], body["message"])
    assert film.count(step) == calls


@pytest.mark.parametrize("body", [b"\xff\xfe\x00", "<html>Not Found</html>", b"[1, 2]", "null", None, 7])
def test_job_fails_with_the_http_error_when_the_answer_of_a_step_is_no_problem(world: FakeServices, body: Any) -> None:
    film = FilmRun(world, lambda name, _: (404, body) if name == "stitcher_film" else None)

    film.play(PROMPT)

    error = film.job().error
    assert film.job().state is JobState.FAILED
    assert error is not None
    assert (error.code, error.message) == ("step_failed", "HTTP server responded with error code 404")


def test_filming_branch_ends_when_drawing_fails(world: FakeServices) -> None:
    world.images.failures = [Refused("IMAGE_SAFETY")] * 3

    film = FilmRun(world)
    played = film.play(PROMPT)

    assert played.error["code"] == "keyframe_refused"
    assert played.error["job_id"] == film.job().id, "whoever ran the execution has no other trace of the job"
    assert film.job().state is JobState.FAILED
    assert film.count("stitcher_film") == 0


def test_drawing_branch_stops_when_a_scene_cannot_be_filmed(world: FakeServices) -> None:
    problem = {
        "code": "clip_refused",
        "message": "scene-01: no clip",
        "remedy": "",
        "step": "poll_clips",
        "scene": None,
    }
    failed = {"state": "failed", "wait_s": 0, "redraw": [], "problem": problem}
    film = FilmRun(world, lambda step, _: (200, failed) if step == "poll_clips" else None)

    played = film.play(PROMPT)

    assert played.error["code"] == "clip_refused"
    assert film.count("draw_keyframe") < 4


def limit_polls(polls: int, replies: dict[str, Reply]) -> Interference:
    """Return these replies; fail the test when the execution polls more often."""
    count = 0

    def reply(step: str, _: Any) -> Reply | None:
        nonlocal count
        count += step == "poll_clips"
        assert count <= polls, "the filming branch does not end"
        return replies.get(step)

    return reply


def test_filming_branch_ends_when_drawing_failed_and_the_failure_cannot_be_stored(world: FakeServices) -> None:
    refused = {"code": "keyframe_refused", "message": "scene-01: no start keyframe"}
    film = FilmRun(world, limit_polls(20, {"draw_keyframe": (422, refused), "fail_job": (503, "")}))

    played = film.play(PROMPT)

    assert played.error["code"] == "keyframe_refused"
    assert film.count("stitcher_film") == 0


def test_filming_branch_ends_when_drawing_is_superseded(world: FakeServices) -> None:
    film = FilmRun(world, limit_polls(20, {"draw_keyframe": (200, {"state": "superseded", "wait_s": 0})}))

    assert film.play(PROMPT).result["state"] == "superseded"


def test_drawing_branch_stops_when_filming_failed_and_the_failure_cannot_be_stored(world: FakeServices) -> None:
    replies: dict[str, Reply] = {"poll_clips": (500, BUG), "fail_job": (503, "")}
    film = FilmRun(world, lambda step, _: replies.get(step))

    played = film.play(PROMPT)

    assert played.error["message"] == "a bug"
    assert film.count("draw_keyframe") < 4


def test_execution_succeeds_and_draws_no_more_when_the_job_is_cancelled(world: FakeServices) -> None:
    def cancel(step: str, body: Any) -> None:
        if step == "poll_clips":
            job_lifecycle.cancel(body["job_id"], world)

    film = FilmRun(world, cancel)
    played = film.play(PROMPT)

    assert played.result["state"] == "superseded"
    assert film.job().state is JobState.CANCELLED
    assert film.count("draw_keyframe") < 4


@pytest.mark.parametrize("step", ["write_storyboard", "draw_keyframe", "stitcher_film"])
def test_film_waits_for_a_step_that_another_execution_runs(world: FakeServices, step: str) -> None:
    waits = [(200, {"state": "busy", "wait_s": 7})] * 2
    film = FilmRun(world, lambda name, _: waits.pop() if name == step and waits else None)

    played = film.play(PROMPT)

    assert played.result["state"] == "complete"
    assert played.runtime.slept_s.count(7) == 2


def test_film_is_polled_and_stitched_again_when_the_stitcher_rejects_a_clip(world: FakeServices) -> None:
    rejections = [(200, {"state": "refilm", "wait_s": 0})]
    film = FilmRun(world, lambda name, _: rejections.pop() if name == "stitcher_film" and rejections else None)

    assert film.play(PROMPT).result["state"] == "complete"
    first_stitch = film.calls.index("stitcher_film")
    assert "poll_clips" in film.calls[first_stitch:]
    assert film.count("stitcher_film") == 2


def test_keyframe_is_redrawn_before_the_next_poll(world: FakeServices) -> None:
    redraw = {"scene": "scene-01", "frame": "start", "take": 1}
    orders = [(200, {"state": "filming", "wait_s": 1, "redraw": [redraw], "problem": None})]
    film = FilmRun(world, lambda name, _: orders.pop() if name == "poll_clips" and orders else None)

    assert film.play(PROMPT).result["state"] == "complete"
    assert film.count("draw_keyframe") == 5


def test_execution_shows_the_first_error_when_the_failure_cannot_be_stored(world: FakeServices) -> None:
    replies = {"stitcher_film": (500, BUG), "fail_job": (500, {"code": "broken", "message": "second"})}
    film = FilmRun(world, lambda name, _: replies.get(name))

    played = film.play(PROMPT)

    assert isinstance(played.outcome, engine.Failed)
    assert played.error["message"] == "a bug"
    assert [entry["severity"] for entry in played.runtime.logged] == ["ERROR"]


RESULTS = {
    "job": Opened,
    "plan": StoryboardWritten,
    "drawn": KeyframeDrawn,
    "checked": ContinuityChecked,
    "clips": ClipsPolled,
    "stitched": FilmStitched,
    "preview": Preview,
    "closed": JobClosed,
}


def test_workflow_compares_states_only_with_those_that_a_step_can_return() -> None:
    compared = re.findall(r'(\w+)\.state [!=]= "(\w+)"', SOURCE)

    assert {name for name, _ in compared} == set(RESULTS)
    for name, state in compared:
        assert state in get_args(get_type_hints(RESULTS[name])["state"]), f"{name}.state"


def test_film_stops_at_the_storyboard_and_a_new_execution_makes_it_when_it_is_approved(world: FakeServices) -> None:
    first = FilmRun(world)

    stopped = first.play({**PROMPT, "approval": "storyboard"})

    job = first.job()
    assert stopped.result == {"state": "awaiting_approval", "job_id": job.id, "run": 1}
    assert first.calls == ["open_job", "write_storyboard"]
    job_lifecycle.approve(job.id, Approval(gate="storyboard"), world)
    second = FilmRun(world)
    assert second.play({"job_id": job.id, "run": 2}, execution="e-2").result["state"] == "complete"
    assert (second.count("draw_keyframe"), len(world.text.requests)) == (4, 1)


def play_to_the_end(world: FakeServices, request: dict[str, Any], gates: list[str]) -> list[list[str]]:
    """Play a film with an approval at each gate, in this order. Returns the calls of every execution."""
    film = FilmRun(world)
    played, calls = film.play({**PROMPT, **request}), [film.calls]
    for run, gate in enumerate(gates, start=1):
        job = film.job()
        assert played.result == {"state": "awaiting_approval", "job_id": job.id, "run": run}
        assert job.gate is not None
        assert job.gate.stage == gate
        job_lifecycle.approve(job.id, Approval(gate=job.gate.stage), world)
        film = FilmRun(world)
        played = film.play({"job_id": job.id, "run": run + 1}, execution=f"e-{run + 1}")
        calls.append(film.calls)
    assert played.result["state"] == "complete"
    return calls


def test_no_clip_is_filmed_before_the_animatic_is_approved(world: FakeServices) -> None:
    before, after = play_to_the_end(world, {"approval": "animatic"}, ["keyframes"])

    assert before[-2:] == ["stitcher_animatic", "close_job"]
    assert (before.count("draw_keyframe"), before.count("poll_clips")) == (4, 1)
    assert "stitcher_film" not in before
    assert len(world.images.requests) == 4, "approved keyframes are not drawn again"
    assert len(world.video.requests) == 3
    assert after[-2:] == ["stitcher_film", "close_job"]


def test_film_is_not_stitched_before_its_clips_are_approved(world: FakeServices) -> None:
    before, after = play_to_the_end(world, {"stop_after": "clips"}, ["clips"])

    assert before[-2:] == ["poll_clips", "close_job"]
    assert "stitcher_film" not in before
    assert len(world.video.requests) == 3, "approved clips are not filmed again"
    assert after.count("stitcher_film") == 1


def test_film_stops_at_every_gate_that_approval_and_stop_after_name(world: FakeServices) -> None:
    play_to_the_end(world, {"approval": "storyboard", "stop_after": "keyframes"}, ["storyboard", "keyframes"])


def test_film_stops_once_where_approval_and_stop_after_name_the_same_gate(world: FakeServices) -> None:
    play_to_the_end(world, {"approval": "animatic", "stop_after": "keyframes"}, ["keyframes"])


def test_film_waits_for_an_animatic_that_another_execution_makes(world: FakeServices) -> None:
    waits = [(200, {"state": "busy", "wait_s": 7})] * 2
    film = FilmRun(world, lambda name, _: waits.pop() if name == "stitcher_animatic" and waits else None)

    played = film.play({**PROMPT, "approval": "animatic"})

    assert played.result["state"] == "awaiting_approval"
    assert played.runtime.slept_s.count(7) == 2


def test_job_fails_with_the_problem_of_its_animatic(world: FakeServices) -> None:
    film = FilmRun(world, lambda name, _: (500, BUG) if name == "stitcher_animatic" else None)

    film.play({**PROMPT, "approval": "animatic"})

    assert film.job().state is JobState.FAILED
    resumed = job_lifecycle.resume(film.job().id, None, world)
    again = FilmRun(world).play({"job_id": resumed.id, "run": 2}, execution="e-2")
    assert again.result["state"] == "awaiting_approval"
    assert len(world.images.requests) == 4


@pytest.mark.parametrize("continuity", ["chain", "sheet"])
def test_edit_redraws_every_shared_keyframe_once_although_both_branches_ask_for_it(
    world: FakeServices, continuity: str
) -> None:
    first = FilmRun(world)
    first.play({**PROMPT, "continuity": continuity, "approval": "animatic"})
    job = first.job()
    before = [request.prompt for request in world.images.requests]
    edit_plan(job.id, parse_edit({"revision": 1, "characters": [{"name": "Mira", "clothing": "a hat"}]}), world)
    job_lifecycle.approve(job.id, Approval(gate="keyframes"), world)

    played = FilmRun(world).play({"job_id": job.id, "run": 2}, execution="e-2")

    assert played.result["state"] == "complete"
    assert len(world.images.requests) == 2 * len(before)
    scenes = [read.value for read in world.jobs.list_scenes(job.id)]
    assert [scene.start for scene in scenes[1:]] == [scene.end for scene in scenes[:-1]]


def test_edited_sheet_is_drawn_before_the_keyframes_that_the_other_branch_asks_for(world: FakeServices) -> None:
    first = FilmRun(world)
    first.play({**PROMPT, "continuity": "sheet", "approval": "animatic"})
    job, drawn = first.job(), len(world.images.requests)
    edit_plan(job.id, parse_edit({"revision": 1, "characters": [{"name": "Mira", "clothing": "a hat"}]}), world)
    job_lifecycle.approve(job.id, Approval(gate="keyframes"), world)
    second = FilmRun(world)

    played = second.play({"job_id": job.id, "run": 2}, execution="e-2")

    assert played.result["state"] == "complete"
    sheet, *keyframes = world.images.requests[drawn:]
    assert (sheet.references, len(keyframes)) == ((), 4)
    (image,) = [read.value.image for read in world.jobs.list_sheets(job.id)]
    assert image is not None
    assert all(request.references == (image.uri,) for request in keyframes)
