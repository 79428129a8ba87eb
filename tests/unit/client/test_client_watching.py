"""Following a job to its end, and drawing it on a terminal or into a log."""

import io
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest
from rich.console import Console

from client.api import PromptreelClient
from client.problems import NotReachable, ProblemError
from client.show import show
from client.watching import follow

JOB = "/v1/jobs/film-3f9a2c"


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def time(self) -> float:
        return self.now_s

    def sleep(self, wait_s: float) -> None:
        self.now_s += wait_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.mark.parametrize("final", ["COMPLETE", "FAILED", "CANCELLED"])
def test_job_when_followed_then_every_look_is_told_until_it_is_final(
    fake_api: Any, api_client: PromptreelClient, answer: Any, clock: Clock, job_json: Callable[..., Any], final: str
) -> None:
    states = ["PENDING", "STORYBOARD", final, "KEYFRAMES", "COMPLETE"]
    fake_api.on("GET", JOB, *(answer(200, job_json(state=state)) for state in states))

    looks = [job["state"] for job in follow(api_client, "film-3f9a2c", sleep=clock.sleep, clock=clock.time)]

    assert looks == ["PENDING", "STORYBOARD", final]
    assert clock.now_s == 2.0


def test_watching_looks_ever_more_rarely_while_nothing_changes(
    fake_api: Any,
    api_client: PromptreelClient,
    answer: Any,
    clock: Clock,
    job_json: Callable[..., Any],
    scene_json: Any,
) -> None:
    quiet = [answer(200, job_json(output=None, scenes=[scene_json()])) for _ in range(30)]
    news = answer(200, job_json(scenes=[scene_json(state="FILMING")]))
    done = answer(200, job_json(state="COMPLETE"))
    fake_api.on("GET", JOB, *quiet, news, news, done)

    looks = follow(api_client, "film-3f9a2c", sleep=clock.sleep, clock=clock.time)
    waits = [after - before for before, after in pairwise([clock.now_s for _ in looks])]
    assert waits[:4] == [1.0, 1.5, 2.25, 3.375]
    assert waits[10:29] == [10.0] * 19
    assert waits[30:] == [1.0, 1.5], "news: one look a second again"


def test_api_when_away_for_a_moment_then_watching_goes_on(
    fake_api: Any, api_client: PromptreelClient, answer: Any, clock: Clock, job_json: Callable[..., Any]
) -> None:
    away = [answer(503)] * 16  # four looks of four tries each: shorter than our patience, but twice
    back, done = answer(200, job_json()), answer(200, job_json(state="COMPLETE"))
    fake_api.on("GET", JOB, back, *away, back, *away, done)

    looks = list(follow(api_client, "film-3f9a2c", patience_s=6, sleep=clock.sleep, clock=clock.time))

    assert [job["state"] for job in looks] == ["PENDING", "PENDING", "COMPLETE"]
    assert clock.now_s == 10.5


def test_api_when_away_too_long_then_watching_ends_with_its_problem(
    fake_api: Any, api_client: PromptreelClient, answer: Any, clock: Clock
) -> None:
    fake_api.on("GET", JOB, answer(503))

    with pytest.raises(ProblemError):
        list(follow(api_client, "film-3f9a2c", patience_s=5, sleep=clock.sleep, clock=clock.time))

    assert clock.now_s == 5.0


def test_api_when_gone_too_long_then_watching_ends_as_not_reachable(
    api_client: PromptreelClient, fake_api: Any, answer: Any, clock: Clock, job_json: Callable[..., Any]
) -> None:
    fake_api.on("GET", JOB, answer(200, job_json(), cut_at=10))

    with pytest.raises(NotReachable):
        list(follow(api_client, "film-3f9a2c", patience_s=2, sleep=clock.sleep, clock=clock.time))


def test_job_when_it_is_not_ours_then_no_patience_is_wasted(
    fake_api: Any, api_client: PromptreelClient, clock: Clock
) -> None:
    with pytest.raises(ProblemError):
        list(follow(api_client, "film-3f9a2c", sleep=clock.sleep, clock=clock.time))

    assert len(fake_api.asked) == 1


def test_job_when_shown_in_a_log_then_only_news_and_the_film_are_printed(
    job_json: Callable[..., Any], scene_json: Callable[..., Any], film_output: dict[str, Any]
) -> None:
    console = Console(file=io.StringIO(), record=True, width=30)
    filming = job_json(state="VIDEO_GEN", scenes=[scene_json(1, drawn=2, state="FILMING")])
    done = job_json(state="COMPLETE", scenes=[scene_json(1, drawn=2, state="DONE")], output=film_output)

    last = show(iter([filming, filming, done]), console, lambda: datetime(2026, 11, 21, 9, 2, tzinfo=UTC))

    assert last == done
    assert [line.rstrip() for line in console.export_text().splitlines()] == [
        "   2:00  film-3f9a2c  VIDEO_GEN  0%  $0.00 of $5.00",
        "   2:00  scene-01  FILMING  frames 2/2",
        "   2:00  film-3f9a2c  COMPLETE  0%  $0.00 of $5.00",
        "   2:00  scene-01  DONE  frames 2/2",
        "Film     32 s, 768 frames",
    ]


def test_job_when_shown_on_a_terminal_then_the_last_picture_stays(
    job_json: Callable[..., Any], scene_json: Callable[..., Any], film_output: dict[str, Any]
) -> None:
    screen = io.StringIO()
    console = Console(file=screen, width=100, force_terminal=True, color_system=None)
    done = job_json(state="COMPLETE", scenes=[scene_json(1, drawn=2, state="DONE")], output=film_output)

    show(iter([job_json(), done]), console)

    shown = screen.getvalue()
    assert "Mira walks on, part 1" in shown
    assert "32 s, 768 frames" in shown
