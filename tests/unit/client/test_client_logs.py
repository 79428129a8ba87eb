"""`promptreel logs`: a job's events as lines of text."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from client.views import event_lines

EVENTS: list[dict[str, Any]] = [
    {"at": "2026-11-21T10:00:00Z", "event": "state", "state": "PENDING", "run": 1},
    {
        "at": "2026-11-21T10:00:04Z", "event": "call_sent", "purpose": "clip/scene-01", "attempt": 1, "model": "veo",
        "reserved_micros": 400_000,
    },
    {
        "at": "2026-11-21T10:01:00.500000Z", "event": "call_released", "purpose": "clip/scene-01", "attempt": 1,
        "model": "veo", "cost_micros": 0, "latency_s": 56.5, "reason": "filtered", "codes": ["22137204"],
    },
    {
        "at": "2026-11-21T10:01:01Z", "event": "try", "scene": "scene-01", "attempt": 1, "outcome": "refused",
        "reason": "", "codes": ["22137204"], "remedy": "reseed",
    },
    {
        "at": "2026-11-21T10:02:00Z", "event": "call_settled", "purpose": "clip/scene-01", "attempt": 2, "model": "veo",
        "cost_micros": 400_000, "latency_s": 50.0, "reason": "", "codes": [],
    },
    {
        "at": "2026-11-21T10:03:00Z", "event": "call_reused", "purpose": "clip/scene-02", "attempt": 1, "model": "veo",
        "source": {"job": "job-0", "call": "call-0"},
    },
    {
        "at": "2026-11-21T11:00:00Z", "event": "state", "state": "FAILED", "run": 2,
        "error": {"code": "broken", "message": "It broke.", "remedy": "Resume it."},
    },
]  # fmt: skip


def test_event_lines_show_time_cost_and_remedy_of_each_event() -> None:
    assert event_lines(EVENTS) == [
        "   0:00  PENDING",
        "   0:04  clip/scene-01, attempt 1: sent to veo, up to $0.40",
        "   1:00  clip/scene-01, attempt 1: not billed, $0.00 after 56.5 s (22137204): filtered",
        "   1:01  scene-01, attempt 1: refused (22137204); next: reseed",
        "   2:00  clip/scene-01, attempt 2: paid, $0.40 after 50 s",
        "   3:00  clip/scene-02, attempt 1: copied from job-0",
        "1:00:00  FAILED, run 2: It broke. Resume it.",
    ]


def test_logs_prints_lines_or_the_unchanged_events(
    run: Callable[..., int], fake_api: Any, answer: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    fake_api.on("GET", "/v1/jobs/film-3f9a2c/events", answer(200, {"events": EVENTS}))

    assert run("logs", "film-3f9a2c") == 0
    assert capsys.readouterr().out.splitlines() == event_lines(EVENTS)
    assert run("logs", "film-3f9a2c", "--json") == 0
    assert json.loads(capsys.readouterr().out) == EVENTS
