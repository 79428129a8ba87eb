"""A job's events as lines of text, oldest first: what happened, when, at what cost. Pure."""

from collections.abc import Sequence

from client import words
from client.shapes import Event

_CALL_WORDS = {
    "call_settled": "paid",
    "call_adopted": "paid, found after its answer was lost",
    "call_released": "not billed",
    "call_lost": "lost, counted as paid",
}


def journal(events: Sequence[Event]) -> list[str]:
    """One line for each event, with the time since the first one."""
    since = [words.clock_time(words.elapsed_s(events[0]["at"], words.moment(event["at"]))) for event in events]
    return [f"{at:>7}  {_line(event)}" for at, event in zip(since, events, strict=True)]


def _line(event: Event) -> str:
    kind = event["event"]
    if kind == "state":
        return _state(event)
    if kind == "try":
        next_up = f"; next: {event['remedy']}" if event["remedy"] else ""
        return words.plain(f"{event['scene']}, try {event['attempt']}: {event['outcome']}{_why(event)}{next_up}")
    about = f"{event['purpose']}, try {event['attempt']}"
    if kind == "call_sent":
        return words.plain(f"{about}: sent to {event['model']}, up to {words.dollars_of(event['reserved_micros'])}")
    cost = f"{words.dollars_of(event['cost_micros'])} after {event['latency_s']:g} s"
    return words.plain(f"{about}: {_CALL_WORDS.get(kind, kind)}, {cost}{_why(event)}")


def _state(event: Event) -> str:
    told = event["state"] if event["run"] == 1 else f"{event['state']}, run {event['run']}"
    error = event.get("error")
    return words.plain(f"{told}: {error['message']} {error['remedy']}" if error else told)


def _why(event: Event) -> str:
    codes, reason = ", ".join(event["codes"]), event["reason"]
    return (f" ({codes})" if codes else "") + (f": {reason}" if reason else "")
