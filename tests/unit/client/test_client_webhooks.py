"""`promptreel webhooks`: one thing at a time, the secret alone on its line, and an exit code for a failed test."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from client.outcomes import ExitCode

HOOK: dict[str, Any] = {
    "id": "hook-0123456789abcdef0123",
    "url": "https://hooks.example.com/films",
    "events": ["job.complete", "job.failed"],
    "disabled": None,
    "created": "2026-11-21T09:00:00Z",
}
SECRET = "whsec_" + "A" * 44
Run = Callable[..., int]


def test_webhooks_are_listed_with_their_events(
    run: Run, fake_api: Any, answer: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    gone = {**HOOK, "id": "hook-2", "disabled": "the receiver answered 410 Gone"}
    fake_api.on("GET", "/v1/webhooks", answer(200, {"webhooks": [HOOK, gone]}))

    assert run("webhooks", "--json") == 0
    assert json.loads(capsys.readouterr().out)["webhooks"] == [HOOK, gone]
    assert run("webhooks") == 0
    printed = capsys.readouterr().out
    assert HOOK["id"] in printed
    assert "410" in printed


def test_registration_prints_id_and_secret_on_lines_of_their_own(
    run: Run, fake_api: Any, answer: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    fake_api.on("POST", "/v1/webhooks", answer(201, {**HOOK, "secret": SECRET}))

    assert run("webhooks", "--add", HOOK["url"], "--event", "job.complete", "--event", "job.failed") == 0

    assert capsys.readouterr().out.split() == [HOOK["id"], SECRET]
    assert fake_api.requests[0].body == {"url": HOOK["url"], "events": HOOK["events"]}


@pytest.mark.parametrize(
    ("tested", "code", "words"),
    [
        ({"delivered": True, "status": 204, "problem": None}, 0, "answered 204"),
        ({"delivered": False, "status": 500, "problem": None}, ExitCode.FAILED, "answered 500"),
        ({"delivered": False, "status": None, "problem": "it cannot be reached"}, ExitCode.FAILED, "cannot be reached"),
    ],
)
def test_test_exits_by_its_outcome(
    run: Run, fake_api: Any, answer: Any, capsys: pytest.CaptureFixture[str], tested: Any, code: int, words: str
) -> None:
    fake_api.on("POST", f"/v1/webhooks/{HOOK['id']}:test", answer(200, tested))

    assert run("webhooks", "--test", HOOK["id"]) == code

    assert words in capsys.readouterr().out


def test_rotation_prints_the_secret_alone_on_stdout(
    run: Run, fake_api: Any, answer: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    rotated = {"secret": SECRET, "previous_until": "2026-11-22T09:00:00Z"}
    fake_api.on("POST", "/v1/webhooks:rotate", answer(200, rotated))

    assert run("webhooks", "--rotate") == 0

    assert capsys.readouterr().out.strip() == SECRET


def test_webhook_is_removed(run: Run, fake_api: Any, answer: Any) -> None:
    fake_api.on("DELETE", f"/v1/webhooks/{HOOK['id']}", answer(204))

    assert run("webhooks", "--remove", HOOK["id"]) == 0


def test_log_shows_how_often_an_event_was_tried_and_when_it_is_tried_next(
    run: Run, fake_api: Any, answer: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    attempt = {"at": "2026-11-21T09:00:00Z", "status": 503, "problem": None, "duration_ms": 12}
    delivery = {
        "id": "dlv-1", "event": "evt-1", "type": "job.failed", "scene": None, "webhook": "hook-1", "state": "pending",
        "next_attempt": "2026-11-21T09:05:00Z", "attempts": [attempt, attempt], "created": "2026-11-21T09:00:00Z",
    }  # fmt: skip
    fake_api.on("GET", "/v1/jobs/film-3f9a2c/deliveries", answer(200, {"deliveries": [delivery]}))

    assert run("webhooks", "--log", "film-3f9a2c") == 0

    printed = capsys.readouterr().out
    assert all(word in printed for word in ("job.failed", "pending", "2", "503"))


@pytest.mark.parametrize("options", [("--rotate", "--test", "x"), ("--event", "job.complete")])
def test_two_things_at_once_are_refused(run: Run, fake_api: Any, options: tuple[str, ...]) -> None:
    assert run("webhooks", *options) == ExitCode.REFUSED
    assert fake_api.requests == []
