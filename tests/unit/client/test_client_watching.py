"""Follow a job to its end, and show it on a terminal or in a log."""

import io
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from rich.console import Console

from client.api import PromptreelClient
from client.errors import NotReachable, ProblemError
from client.watching import follow, show

JOB = "/v1/jobs/film-3f9a2c"


class Clock:
    """A clock that advances only by `sleep`."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def time(self) -> float:
        return self.now_s

    def sleep(self, wait_s: float) -> None:
        self.now_s += wait_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.mark.parametrize("final", ["COMPLETE", "FAILED", "CANCELLED", "AWAITING_APPROVAL"])
def test_follow_yields_every_state_until_the_job_ends_or_waits_for_approval(
    fake_api: Any, api_client: PromptreelClient, answer: Any, clock: Clock, job_json: Callable[..., Any], final: str
) -> None:
    states = ["PENDING", "STORYBOARD", final, "KEYFRAMES", "COMPLETE"]
    fake_api.on("GET", JOB, *(answer(200, job_json(state=state)) for state in states))

    jobs = [job["state"] for job in follow(api_client, "film-3f9a2c", sleep=clock.sleep, clock=clock.time)]

    assert jobs == ["PENDING", "STORYBOARD", final]
    assert clock.now_s == 2.0


def test_follow_lets_the_api_wait_for_a_change_of_what_it_has_seen(
    fake_api: Any, api_client: PromptreelClient, answer: Any, clock: Clock, job_json: Callable[..., Any]
) -> None:
    first, unchanged = answer(200, job_json(), {"ETag": '"one"'}), answer(304, b"", {"ETag": '"one"'})
    news = answer(200, job_json(state="VIDEO_GEN"), {"ETag": '"two"'})
    fake_api.on("GET", JOB, first, unchanged, unchanged, news, answer(200, job_json(state="COMPLETE")))

    jobs = [job["state"] for job in follow(api_client, "film-3f9a2c", sleep=clock.sleep, clock=clock.time)]

    assert jobs == ["PENDING", "VIDEO_GEN", "COMPLETE"], "what has not changed is not shown again"
    asked = [(request.path, request.headers.get("if-none-match")) for request in fake_api.requests]
    waiting = f"{JOB}?wait=25"
    assert asked == [(JOB, None), *[(waiting, '"one"')] * 3, (waiting, '"two"')]


def test_follow_asks_at_once_when_the_api_has_let_it_wait(
    fake_api: Any, api_client: PromptreelClient, answer: Any, job_json: Callable[..., Any]
) -> None:
    fake_api.on("GET", JOB, answer(200, job_json()), answer(200, job_json(state="COMPLETE")))
    seconds = iter(range(0, 100, 5))
    slept: list[float] = []

    list(follow(api_client, "film-3f9a2c", sleep=slept.append, clock=lambda: next(seconds)))

    assert slept == []


def test_follow_asks_now_and_then_where_too_many_watch_already(
    fake_api: Any, api_client: PromptreelClient, answer: Any, clock: Clock, job_json: Callable[..., Any]
) -> None:
    full = [answer(503, {"code": "too_many_watchers"})] * 4  # as often as one request is tried
    job, done = answer(200, job_json()), answer(200, job_json(state="COMPLETE"))
    fake_api.on("GET", JOB, job, *full, job, *full, done)

    list(follow(api_client, "film-3f9a2c", outage_limit_s=5, sleep=clock.sleep, clock=clock.time))

    assert [request.path for request in fake_api.requests if "wait" not in request.path] == [JOB] * 3
    assert clock.now_s == 1 + 10 + 1 + 10


def test_follow_continues_after_a_short_outage(
    fake_api: Any, api_client: PromptreelClient, answer: Any, clock: Clock, job_json: Callable[..., Any]
) -> None:
    away = [answer(503)] * 16  # four requests of four attempts each: shorter than the limit, but twice
    back, done = answer(200, job_json()), answer(200, job_json(state="COMPLETE"))
    fake_api.on("GET", JOB, back, *away, back, *away, done)

    jobs = list(follow(api_client, "film-3f9a2c", outage_limit_s=6, sleep=clock.sleep, clock=clock.time))

    assert [job["state"] for job in jobs] == ["PENDING", "PENDING", "COMPLETE"]
    assert clock.now_s == 10.0


def test_follow_raises_the_problem_after_a_long_outage(
    fake_api: Any, api_client: PromptreelClient, answer: Any, clock: Clock
) -> None:
    fake_api.on("GET", JOB, answer(503))

    with pytest.raises(ProblemError):
        list(follow(api_client, "film-3f9a2c", outage_limit_s=5, sleep=clock.sleep, clock=clock.time))

    assert clock.now_s == 5.0


def test_follow_raises_not_reachable_when_answers_break_off_for_too_long(
    api_client: PromptreelClient, fake_api: Any, answer: Any, clock: Clock, job_json: Callable[..., Any]
) -> None:
    fake_api.on("GET", JOB, answer(200, job_json(), cut_at=10))

    with pytest.raises(NotReachable):
        list(follow(api_client, "film-3f9a2c", outage_limit_s=2, sleep=clock.sleep, clock=clock.time))


def test_follow_raises_at_once_when_there_is_no_such_job(
    fake_api: Any, api_client: PromptreelClient, clock: Clock
) -> None:
    with pytest.raises(ProblemError):
        list(follow(api_client, "film-3f9a2c", sleep=clock.sleep, clock=clock.time))

    assert len(fake_api.requests) == 1


def test_show_prints_only_changes_and_the_result_into_a_log(
    job_json: Callable[..., Any], scene_json: Callable[..., Any], film_output: dict[str, Any]
) -> None:
    console = Console(file=io.StringIO(), record=True, width=30)
    filming = job_json(state="VIDEO_GEN", scenes=[scene_json(1, drawn=2, state="FILMING")])
    done = job_json(state="COMPLETE", scenes=[scene_json(1, drawn=2, state="DONE")], output=film_output)

    last = show(iter([filming, filming, done]), console, lambda: datetime(2026, 11, 21, 9, 2, tzinfo=UTC))

    assert last == done
    assert [line.rstrip() for line in console.export_text().splitlines()] == [
        "   2:00  film-3f9a2c  VIDEO_GEN  0%  $0.00 of $5.00",
        "   2:00  scene-01  FILMING  keyframes 2/2",
        "   2:00  film-3f9a2c  COMPLETE  0%  $0.00 of $5.00",
        "   2:00  scene-01  DONE  keyframes 2/2",
        "Film     32 s, 768 frames",
    ]


def test_show_leaves_the_last_table_on_a_terminal(
    job_json: Callable[..., Any], scene_json: Callable[..., Any], film_output: dict[str, Any]
) -> None:
    screen = io.StringIO()
    console = Console(file=screen, width=100, force_terminal=True, color_system=None)
    done = job_json(state="COMPLETE", scenes=[scene_json(1, drawn=2, state="DONE")], output=film_output)

    show(iter([job_json(), done]), console)

    shown = screen.getvalue()
    assert "Mira walks on, part 1" in shown
    assert "32 s, 768 frames" in shown
