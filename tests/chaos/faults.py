"""What goes wrong besides the kills: faults of the fake Vertex, doubled tasks, doubled and reordered events.

Every fault that the stand-in knows is ordered. A black, frozen, silent or short clip is not ordered for
``plan.STEADY_MODEL``: a film whose scenes must not fail cannot take it, and "every job ends COMPLETE" would not hold.
"""

from collections.abc import Mapping
from typing import Any

TEXT, PICTURES, CLIPS = "gemini-3.8-*", "*image*", "veo-*"
REFUSABLE = ("veo-3.1-generate-*", "veo-3.1-fast-*")  # not plan.STEADY_MODEL; each has a successor
LATENCIES_S: Mapping[str, list[int]] = {TEXT: [4, 16], PICTURES: [6, 16], CLIPS: [60, 120]}

# Support codes of each kind: worth another seed, useless to repeat, unknown.
_CODES = (["15236754"], ["29310472"], ["61493863"], ["99999999"], ["17301594", "90789179"])


def profile(seed: int, pace: float) -> dict[str, Any]:
    """Vertex's own latencies and quota, at the stack's pace."""
    return {"time_scale": pace, "latency_s": dict(LATENCIES_S), "quota_per_min": {CLIPS: 50}, "seed": seed}


def rules(strength: float) -> list[dict[str, Any]]:
    """The rules of a long run, their rates multiplied by this factor. The seed decides which calls they hit."""
    ordered = [*_text(), *_pictures(), *_submissions(), *_operations(), *_refusals(), *_polls()]
    return [rule | {"rate": round(rule["rate"] * strength, 4)} for rule in ordered]


def retirement(model: str) -> dict[str, Any]:
    """The provider offers these models no more: it answers 404 to every request for a clip."""
    return _rule(model, "status", 1.0, "predictLongRunning", code=404)


def quick_rules() -> list[dict[str, Any]]:
    """Some of every sort, each on calls of its own, and none whose remedy is to wait for a whole window."""
    submitted, polled = "predictLongRunning", "fetchPredictOperation"
    return [
        _nth(TEXT, "usage", 1),
        _nth(TEXT, "malformed_json", 2),
        _nth(PICTURES, "reset_after", 3),
        _nth(PICTURES, "status", 5, code=429),
        _nth(CLIPS, "status", 1, submitted, code=429),
        _nth(CLIPS, "reset_after", 3, submitted),
        _nth(CLIPS, "rai", 4, submitted, codes=["15236754"]),
        _nth(CLIPS, "op_lost", 2, submitted),
        _nth(CLIPS, "ignored_last_frame", 5, submitted),
        _nth(CLIPS, "status", 3, polled, code=503),
        _nth(CLIPS, "reset_after", 4, polled),
    ]


def _nth(model: str, fault: str, nth: int, method: str = "*", **args: Any) -> dict[str, Any]:
    return {"model": model, "method": method, "fault": fault, "nth": [nth], "args": args}


def _rule(model: str, fault: str, rate: float, method: str = "*", **args: Any) -> dict[str, Any]:
    return {"model": model, "method": method, "fault": fault, "rate": rate, "args": args}


def _text() -> list[dict[str, Any]]:
    return [
        _rule(TEXT, "status", 0.03, code=503),
        _rule(TEXT, "status", 0.03, code=429),
        _rule(TEXT, "reset_before", 0.02),
        _rule(TEXT, "reset_after", 0.03),
        _rule(TEXT, "malformed_json", 0.04),
        _rule(TEXT, "malformed_json", 0.02, body=True),
        _rule(TEXT, "truncated", 0.03),
        _rule(TEXT, "blocked", 0.01),
        _rule(TEXT, "rai", 0.01, codes=[56562880]),
        _rule(TEXT, "hang", 0.03, s=2),
        _rule(TEXT, "usage", 0.03),
        _rule(TEXT, "usage", 0.02, missing=["promptTokenCount"]),
    ]


def _pictures() -> list[dict[str, Any]]:
    return [
        _rule(PICTURES, "status", 0.02, code=503),
        _rule(PICTURES, "status", 0.02, code=429),
        _rule(PICTURES, "reset_before", 0.02),
        _rule(PICTURES, "reset_after", 0.03),
        _rule(PICTURES, "blocked", 0.01),
        _rule(PICTURES, "words", 0.01),
        _rule(PICTURES, "rai", 0.02, codes=[15236754]),
        _rule(PICTURES, "wrong_size", 0.03),
        _rule(PICTURES, "hang", 0.03, s=2),
        _rule(PICTURES, "usage", 0.03),
        _rule(PICTURES, "usage", 0.02, missing=["candidatesTokensDetails"]),
    ]


def _submissions() -> list[dict[str, Any]]:
    method = "predictLongRunning"
    return [
        _rule(CLIPS, "status", 0.02, method, code=503),
        _rule(CLIPS, "status", 0.04, method, code=429),
        _rule(REFUSABLE[0], "status", 0.03, method, code=404),  # retired: its successor films
        _rule(REFUSABLE[1], "status", 0.02, method, code=400),
        _rule(CLIPS, "reset_before", 0.02, method),
        _rule(CLIPS, "reset_after", 0.05, method),
        _rule(CLIPS, "hang", 0.03, method, s=3),
    ]


def _operations() -> list[dict[str, Any]]:
    method = "predictLongRunning"
    return [
        _rule(CLIPS, "op_error", 0.02, method),
        _rule(CLIPS, "op_lost", 0.03, method),
        _rule(REFUSABLE[1], "op_lost", 0.02, method, output=False),
        _rule(REFUSABLE[1], "never_done", 0.02, method),
        _rule(CLIPS, "late_output", 0.03, method, s=20),
        _rule(CLIPS, "wrong_size", 0.03, method),
        _rule(CLIPS, "ignored_last_frame", 0.03, method),
        *(
            _rule(model, kind, rate, method, **args)
            for model in REFUSABLE
            for kind, rate, args in (
                ("no_audio", 0.05, {}),
                ("frozen_clip", 0.02, {}),
                ("black_clip", 0.02, {}),
                ("short_clip", 0.02, {"share": 0.75}),  # its middle frame is there to be compared
            )
        ),
    ]


def _refusals() -> list[dict[str, Any]]:
    """Of one call in ten, by codes of every kind."""
    some = [_rule(model, "rai_some", 0.01) for model in REFUSABLE]
    return some + [_rule(model, "rai", 0.02, codes=codes) for model in REFUSABLE for codes in _CODES]


def _polls() -> list[dict[str, Any]]:
    method = "fetchPredictOperation"
    return [
        _rule(CLIPS, "status", 0.05, method, code=503),
        _rule(CLIPS, "reset_before", 0.03, method),
        _rule(CLIPS, "reset_after", 0.03, method),
        _rule(CLIPS, "hang", 0.02, method, s=2),
    ]


def doubled_tasks(seed: int) -> dict[str, Any]:
    return {"duplicate_rate": 0.3, "seed": seed}


def disordered_events(seed: int) -> dict[str, Any]:
    return {"duplicate_rate": 0.5, "reorder_rate": 0.3, "hold_s": 2.0, "seed": seed}
