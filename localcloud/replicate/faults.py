"""The faults of this stand-in: Vertex's engine (rules, counts, seeded chances) with other names.

Deciding lives there and here; misbehaving lives where the call is served.
"""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from fnmatch import fnmatchcase
from typing import Any

from localcloud.vertex import faults as engine
from localcloud.vertex.faults import Hits, Rule

CREATE, READ, DOWNLOAD, WEBHOOK = "create", "read", "download", "webhook"
_EVERY = frozenset({CREATE, READ})
_CREATED = frozenset({CREATE})

APPLIES: Mapping[str, frozenset[str]] = {
    "status": _EVERY | {DOWNLOAD},  # refused with args.code, .title and .detail; nothing accepted
    "reset_before": _EVERY | {DOWNLOAD},  # connection reset, nothing accepted
    "reset_after": _EVERY,  # accepted, then the connection is reset
    "hang": _EVERY | {DOWNLOAD},  # accepted, answered only after args.s seconds
    "cold_start": _CREATED,  # args.s seconds more in state starting
    "late_output": _CREATED,  # args.s seconds more in state processing
    "never_done": _CREATED,  # stays in state processing
    "rai": _CREATED,  # fails with a safety message; args.error
    "failed": _CREATED,  # fails with args.error
    "output_missing": _CREATED,  # succeeds, and is paid, without an output
    "output_expired": frozenset({DOWNLOAD}),  # the file is gone though its hour is not over
    "webhook_dropped": frozenset({WEBHOOK}),  # method is the event: start, logs, output, completed
    "webhook_duplicated": frozenset({WEBHOOK}),
    # Flaws that show in the clip, as the stand-in of Vertex renders them.
    "black_clip": _CREATED,
    "frozen_clip": _CREATED,
    "short_clip": _CREATED,
    "wrong_size": _CREATED,
    "no_audio": _CREATED,
    "ignored_last_frame": _CREATED,
}
FLAWS = ("black_clip", "frozen_clip", "short_clip", "no_audio", "ignored_last_frame")


class Faults(engine.Faults):
    """The rules in force and what they have done."""

    def add(self, data: Sequence[Mapping[str, Any]]) -> None:
        self.rules += [_rule(each) for each in data]

    def load(self, data: Mapping[str, Any]) -> None:
        self.rules = [_rule(each) for each in data["rules"]]
        self.happened.update(data["happened"])

    def strike(self, model_id: str, method: str, kind: str, seed: int) -> Hits:
        hits: dict[str, Mapping[str, Any]] = {}
        for place, rule in enumerate(self.rules):
            if kind not in APPLIES[rule.fault] or not _matches(rule, model_id, method):
                continue
            rule.seen += 1
            if rule.strikes(seed, place):
                rule.happened += 1
                self.happened[rule.fault] += 1
                hits.setdefault(rule.fault, rule.args)
        return Hits(hits)


def _matches(rule: Rule, model_id: str, method: str) -> bool:
    return fnmatchcase(model_id, rule.model) and fnmatchcase(method, rule.method)


def _rule(data: Mapping[str, Any]) -> Rule:
    if unknown := data.keys() - {each.name for each in fields(Rule)}:
        raise ValueError(f"a fault rule has no {', '.join(sorted(unknown))}")
    fault = str(data.get("fault"))
    if fault not in APPLIES:
        raise ValueError(f"no fault is called {fault!r}; known: {', '.join(APPLIES)}")
    nth = data.get("nth", ())
    return Rule(
        model=str(data.get("model", "*")),
        method=str(data.get("method", "*")),
        fault=fault,
        nth=(nth,) if isinstance(nth, int) else tuple(int(each) for each in nth),
        rate=float(data.get("rate", 1.0)),
        args=dict(data.get("args", {})),
        seen=int(data.get("seen", 0)),
        happened=int(data.get("happened", 0)),
    )
