"""The fault engine: rules ordered by a test decide which calls go wrong, and every fault that happened is counted.

Deciding lives here; misbehaving lives where the call is served (see ``APPLIES`` for what can befall which call).
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, ClassVar

from localcloud.vertex import chance

# Kinds of call: answering a text or picture prompt, submitting a clip (to Veo, or as an interaction), polling one,
# counting tokens.
_EVERY = frozenset({"text", "image", "video", "interaction", "poll", "count"})
_CLIP = frozenset({"video", "interaction"})
_INTERACTION = frozenset({"interaction"})

APPLIES: Mapping[str, frozenset[str]] = {
    "status": _EVERY,  # refused with args.code, .message, .status and .details, never billed; 404 is a retired model
    "reset_before": _EVERY,  # connection reset, nothing accepted
    "reset_after": _EVERY,  # accepted and billed, then the connection is reset
    "hang": _EVERY,  # accepted, answered only after args.s seconds
    "malformed_json": frozenset({"text"}),  # an answer that is not JSON; args.body breaks the whole body
    "truncated": frozenset({"text"}),  # cut at the output limit
    "blocked": frozenset({"text", "image"}),  # the prompt is refused; args.reason
    "rai": frozenset({"text", "image"}) | _CLIP,  # the output is filtered; args.codes, or a clip's args.reason
    "words": frozenset({"image"}),  # a refusal in words instead of a picture
    "usage": frozenset({"text", "image"}),  # usage lacks args.missing: some of its fields, or all of it if not given
    "rai_some": _CLIP,  # the last sample is filtered
    "op_error": _CLIP,  # the operation fails; args.code (google.rpc), args.message
    "op_lost": _CLIP,  # polls answer 404; the output still appears unless args.output is false
    "never_done": _CLIP,
    "late_output": _CLIP,  # args.s seconds later than due
    "black_clip": _CLIP,
    "frozen_clip": _CLIP,
    "short_clip": _CLIP,  # args.share of the frames
    "wrong_size": frozenset({"image"}) | _CLIP,
    "other_words": frozenset({"image"}),  # painted as if the prompt said args.to where it says args.from
    "bars": frozenset({"image"}),  # bars along two edges; args.shape letterbox or pillarbox, .share of each, .colour
    "odd_file": frozenset({"image"}),  # args.kind: square, jpeg, turned (by EXIF), transparent, cmyk, deep, palette
    "no_audio": _CLIP,
    "ignored_last_frame": _CLIP,  # the clip ends on black instead of the given picture
    "usage_missing": _INTERACTION,  # a completed interaction does not say what it used; it is billed all the same
    "hidden_cut": _INTERACTION,  # cut in the middle, unless the prompt says "one continuous shot"
    "inexact_length": _INTERACTION,  # the sound track ends with a whole AAC frame: 3 s are 3.008 s long
}


@dataclass(frozen=True, slots=True)
class Hits:
    """What befalls one call: fault names with their arguments."""

    by_name: Mapping[str, Mapping[str, Any]]

    def get(self, fault: str) -> Mapping[str, Any] | None:
        return self.by_name.get(fault)

    def __contains__(self, fault: str) -> bool:
        return fault in self.by_name


@dataclass(slots=True)
class Rule:
    """One line of the table. ``nth`` counts matching calls from 1, since the rule was posted."""

    model: str
    method: str
    fault: str
    nth: tuple[int, ...] = ()
    rate: float = 1.0
    args: Mapping[str, Any] = field(default_factory=dict)
    seen: int = 0
    happened: int = 0

    def strikes(self, seed: int, place: int) -> bool:
        if self.nth:
            return self.seen in self.nth
        return chance.fraction(seed, "fault", place, self.fault, self.seen) < self.rate

    def json(self) -> dict[str, Any]:
        choice = {"nth": list(self.nth)} if self.nth else {"rate": self.rate}
        counts = {"seen": self.seen, "happened": self.happened}
        return {"model": self.model, "method": self.method, **choice, "fault": self.fault, "args": self.args, **counts}


class Faults:
    """The rules in force and what they have done. All rules that match a call apply to it together.

    ``applies`` names each fault and the kinds of call that it can befall: another stand-in has others.
    """

    applies: ClassVar[Mapping[str, frozenset[str]]] = APPLIES

    def __init__(self) -> None:
        self.rules: list[Rule] = []
        self.happened: Counter[str] = Counter()

    def add(self, data: Sequence[Mapping[str, Any]]) -> None:
        """Raises: ValueError, and then none of the rules counts."""
        self.rules += [_rule(each, self.applies) for each in data]

    def strike(self, model_id: str, method: str, kind: str, seed: int) -> Hits:
        """What befalls this call; asking counts the call."""
        hits: dict[str, Mapping[str, Any]] = {}
        for place, rule in enumerate(self.rules):
            if kind not in self.applies[rule.fault] or not _matches(rule, model_id, method):
                continue
            rule.seen += 1
            if rule.strikes(seed, place):
                rule.happened += 1
                self.happened[rule.fault] += 1
                hits.setdefault(rule.fault, rule.args)
        return Hits(hits)

    def json(self) -> dict[str, Any]:
        """Rules with their own counts, and totals that outlive `forget`."""
        return {"rules": [rule.json() for rule in self.rules], "happened": dict(self.happened)}

    def load(self, data: Mapping[str, Any]) -> None:
        """Go on from what `json` gave before a restart."""
        self.rules = [_rule(each, self.applies) for each in data["rules"]]
        self.happened = Counter(data["happened"])

    def forget(self) -> None:
        """Drop the rules; what happened stays on record."""
        self.rules = []


def _matches(rule: Rule, model_id: str, method: str) -> bool:
    return fnmatchcase(model_id, rule.model) and fnmatchcase(method, rule.method)


def _rule(data: Mapping[str, Any], applies: Mapping[str, frozenset[str]]) -> Rule:
    known = {"model", "method", "nth", "rate", "fault", "args", "seen", "happened"}
    if unknown := data.keys() - known:
        raise ValueError(f"a fault rule has no {', '.join(sorted(unknown))}")
    fault = str(data.get("fault"))
    if fault not in applies:
        raise ValueError(f"no fault is called {fault!r}; known: {', '.join(applies)}")
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
