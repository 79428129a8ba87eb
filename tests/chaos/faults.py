"""What goes wrong besides the kills: faults of both providers, doubled tasks, doubled and reordered events.

Every fault that the stand-ins know is ordered, but for those of webhooks, which promptreel does not use. A black,
frozen, silent or short clip is not ordered for ``plan.STEADY_MODEL``: a film whose scenes must not fail cannot take it,
and "every job ends COMPLETE" would not hold.
"""

from collections.abc import Mapping
from typing import Any, Literal

Provider = Literal["vertex", "replicate"]

TEXT, PICTURES, CLIPS, OMNI, KLING = "gemini-3.8-*", "*image*", "veo-*", "gemini-omni-*", "kwaivgi/*"
REFUSABLE = ("veo-3.1-generate-*", "veo-3.1-fast-*")  # not plan.STEADY_MODEL; each has a successor
RETIRABLE = (*REFUSABLE, OMNI)
LATENCIES_S: Mapping[Provider, Mapping[str, list[int]]] = {
    "vertex": {TEXT: [4, 16], PICTURES: [6, 16], CLIPS: [60, 120], OMNI: [60, 120]},
    "replicate": {KLING: [60, 120]},
}
# What the providers call a request for a clip, and a look at what became of it.
SUBMIT, POLL = "predictLongRunning", "fetchPredictOperation"
CREATE, GET = "createInteraction", "getInteraction"
PREDICT, READ, LIST, DOWNLOAD = "models.predictions.create", "predictions.get", "predictions.list", "download"

# Support codes of each kind: worth another seed, useless to repeat, unknown.
_CODES = (["15236754"], ["29310472"], ["61493863"], ["99999999"], ["17301594", "90789179"])


def profile(provider: Provider, seed: int, pace: float) -> dict[str, Any]:
    """A provider's own latencies and quota, at the stack's pace."""
    quota = dict.fromkeys((CLIPS, OMNI, KLING), 50)
    return {"time_scale": pace, "latency_s": dict(LATENCIES_S[provider]), "quota_per_min": quota, "seed": seed}


def rules(strength: float) -> Mapping[Provider, list[dict[str, Any]]]:
    """The rules of a long run, their rates multiplied by this factor. The seed decides which calls they hit."""
    ordered: Mapping[Provider, list[dict[str, Any]]] = {
        "vertex": [
            *(*_text(), *_pictures(), *_submissions(), *_operations(), *_refusals(), *_polls()),
            *(*_interactions(), *_flaws(OMNI, CREATE), *_trouble(OMNI, GET)),
        ],
        "replicate": [*_predictions(), *_flaws(KLING, PREDICT), *_trouble(KLING, READ), *_lists(), *_downloads()],
    }
    return {
        provider: [rule | {"rate": round(rule["rate"] * strength, 4)} for rule in of_provider]
        for provider, of_provider in ordered.items()
    }


def retirement(model: str) -> list[dict[str, Any]]:
    """The provider offers these models no more: it answers 404 to every request for a clip."""
    return [_rule(model, "status", 1.0, method, code=404) for method in (SUBMIT, CREATE)]


def quick_rules() -> Mapping[Provider, list[dict[str, Any]]]:
    """Some of every sort, each on calls of its own, and none whose remedy is to wait for a whole window."""
    return {
        "vertex": [
            _nth(TEXT, "usage", 1),
            _nth(TEXT, "malformed_json", 2),
            _nth(PICTURES, "reset_after", 3),
            _nth(PICTURES, "status", 5, code=429),
            _nth(CLIPS, "op_lost", 1, SUBMIT),
            _nth(CLIPS, "status", 3, POLL, code=503),
            _nth(OMNI, "status", 1, CREATE, code=429),
            _nth(OMNI, "usage_missing", 2, CREATE),
            _nth(OMNI, "reset_after", 3, CREATE),
            _nth(OMNI, "reset_after", 2, GET),
        ],
        "replicate": [
            _nth(KLING, "rai", 1, PREDICT),
            _nth(KLING, "reset_after", 2, PREDICT),
            _nth(KLING, "ignored_last_frame", 2, PREDICT),
            _nth(KLING, "status", 2, READ, code=503),
            _nth(KLING, "reset_before", 1, DOWNLOAD),
        ],
    }


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
        _rule(PICTURES, "other_words", 0.15, **{"from": "red coat", "to": "green coat"}),  # the check finds it
        _rule(PICTURES, "bars", 0.02, shape="letterbox"),
        *(_rule(PICTURES, "odd_file", 0.01, kind=kind) for kind in ("square", "jpeg", "turned", "transparent", "cmyk")),
        _rule(PICTURES, "hang", 0.03, s=2),
        _rule(PICTURES, "usage", 0.03),
        _rule(PICTURES, "usage", 0.02, missing=["candidatesTokensDetails"]),
    ]


def _submissions() -> list[dict[str, Any]]:
    method = SUBMIT
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
    return [
        _rule(CLIPS, "op_error", 0.02, SUBMIT),
        _rule(CLIPS, "op_lost", 0.03, SUBMIT),
        _rule(REFUSABLE[1], "op_lost", 0.02, SUBMIT, output=False),
        _rule(REFUSABLE[1], "never_done", 0.02, SUBMIT),
        _rule(CLIPS, "late_output", 0.03, SUBMIT, s=20),
        _rule(CLIPS, "wrong_size", 0.03, SUBMIT),
        _rule(CLIPS, "ignored_last_frame", 0.03, SUBMIT),
        *(rule for model in REFUSABLE for rule in _flaws(model, SUBMIT)),
    ]


def _flaws(model: str, method: str) -> list[dict[str, Any]]:
    """What shows in the clip."""
    return [
        _rule(model, "no_audio", 0.05, method),
        _rule(model, "frozen_clip", 0.02, method),
        _rule(model, "black_clip", 0.02, method),
        _rule(model, "short_clip", 0.02, method, share=0.75),  # its middle frame is there to be compared
    ]


def _refusals() -> list[dict[str, Any]]:
    """Of one call in ten, by codes of every kind."""
    some = [_rule(model, "rai_some", 0.01) for model in REFUSABLE]
    return some + [_rule(model, "rai", 0.02, codes=codes) for model in REFUSABLE for codes in _CODES]


def _polls() -> list[dict[str, Any]]:
    return _trouble(CLIPS, POLL)


def _trouble(model: str, method: str) -> list[dict[str, Any]]:
    """A look that says nothing."""
    return [
        _rule(model, "status", 0.05, method, code=503),
        _rule(model, "reset_before", 0.03, method),
        _rule(model, "reset_after", 0.03, method),
        _rule(model, "hang", 0.02, method, s=2),
    ]


def _interactions() -> list[dict[str, Any]]:
    return [
        _rule(OMNI, "status", 0.02, CREATE, code=503),
        _rule(OMNI, "status", 0.04, CREATE, code=429),
        _rule(OMNI, "status", 0.02, CREATE, code=400),
        _rule(OMNI, "reset_before", 0.02, CREATE),
        _rule(OMNI, "reset_after", 0.05, CREATE),
        _rule(OMNI, "hang", 0.03, CREATE, s=3),
        _rule(OMNI, "op_error", 0.02, CREATE),
        _rule(OMNI, "op_lost", 0.03, CREATE),
        _rule(OMNI, "op_lost", 0.02, CREATE, output=False),
        _rule(OMNI, "never_done", 0.02, CREATE),
        _rule(OMNI, "late_output", 0.03, CREATE, s=20),
        _rule(OMNI, "wrong_size", 0.03, CREATE),
        _rule(OMNI, "ignored_last_frame", 0.03, CREATE),
        _rule(OMNI, "usage_missing", 0.1, CREATE),
        _rule(OMNI, "hidden_cut", 0.1, CREATE),  # not where the prompt asks for one shot
        _rule(OMNI, "inexact_length", 0.1, CREATE),
        *(_rule(OMNI, "rai", 0.02, CREATE, codes=codes) for codes in _CODES),
    ]


def _predictions() -> list[dict[str, Any]]:
    return [
        _rule(KLING, "status", 0.02, PREDICT, code=503),
        _rule(KLING, "status", 0.04, PREDICT, code=429),
        _rule(KLING, "status", 0.02, PREDICT, code=422),
        _rule(KLING, "reset_before", 0.02, PREDICT),
        _rule(KLING, "reset_after", 0.05, PREDICT),
        _rule(KLING, "hang", 0.03, PREDICT, s=3),
        _rule(KLING, "cold_start", 0.05, PREDICT, s=5),
        _rule(KLING, "late_output", 0.03, PREDICT, s=20),
        _rule(KLING, "never_done", 0.02, PREDICT),
        _rule(KLING, "rai", 0.05, PREDICT),
        _rule(KLING, "failed", 0.04, PREDICT),
        _rule(KLING, "output_missing", 0.02, PREDICT),
        _rule(KLING, "wrong_size", 0.03, PREDICT),
        _rule(KLING, "ignored_last_frame", 0.03, PREDICT),
    ]


def _lists() -> list[dict[str, Any]]:
    """The list of predictions belongs to no model."""
    return _trouble("*", LIST)


def _downloads() -> list[dict[str, Any]]:
    return [
        _rule(KLING, "status", 0.05, DOWNLOAD, code=503),
        _rule(KLING, "reset_before", 0.05, DOWNLOAD),
        _rule(KLING, "hang", 0.03, DOWNLOAD, s=2),
        _rule(KLING, "output_expired", 0.02, DOWNLOAD),
    ]


def doubled_tasks(seed: int) -> dict[str, Any]:
    return {"duplicate_rate": 0.3, "seed": seed}


def disordered_events(seed: int) -> dict[str, Any]:
    return {"duplicate_rate": 0.5, "reorder_rate": 0.3, "hold_s": 2.0, "seed": seed}
