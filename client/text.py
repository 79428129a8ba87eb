"""Amounts, times, changes of a job and its events as plain text: for log files, pipes and table cells."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from client.documents import Event, Job, Scene

MICROS_PER_USD = 1_000_000
_CALL_WORDS = {
    "call_settled": "paid",
    "call_adopted": "paid, found after its answer was lost",
    "call_released": "not billed",
    "call_lost": "lost, counted as paid",
}


def plain(text: str) -> str:
    """Return one line without control characters: a model wrote the text, and a terminal obeys escape sequences."""
    return "".join(character for character in " ".join(text.split()) if character.isprintable())


def dollars(usd: str | Decimal) -> str:
    """Format with at least two decimal places and no more than needed: ``$0.40``, ``$0.000125``."""
    amount = Decimal(usd)
    cents = amount.quantize(Decimal("0.01"))
    return f"${cents}" if cents == amount else f"${amount.normalize():f}"


def dollars_from_micros(micros: int) -> str:
    """Format micro-dollars as `dollars` does."""
    return dollars(Decimal(micros) / MICROS_PER_USD)


def clock_time(seconds: float) -> str:
    """Format as ``0:07``, ``12:30``, ``1:02:03``."""
    minutes, second = divmod(max(0, int(seconds)), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"


def film_time(seconds: float) -> str:
    """Format as ``32 s``, ``31.5 s``."""
    return f"{seconds:g} s"


def elapsed_time(start: str, end: datetime) -> str:
    """Format the time between an ISO 8601 time of the API and another time."""
    return clock_time((end - datetime.fromisoformat(start)).total_seconds())


def keyframes_drawn(scene: Scene) -> int:
    """Count the scene's keyframes that exist: 0 to 2."""
    return sum(keyframe is not None for keyframe in (scene["keyframes"]["start"], scene["keyframes"]["end"]))


def change_lines(before: Job | None, job: Job, now: datetime) -> list[str]:
    """Return one line for the job if its state changed, and one for each scene that changed."""
    known = [_scene_line(scene) for scene in before["scenes"]] if before else []
    scenes = [_scene_line(scene) for scene in sorted(job["scenes"], key=lambda each: each["display_order"])]
    lines = [] if before and before["state"] == job["state"] else [_job_line(job)]
    lines += [line for line in scenes if line not in known]
    return [f"{elapsed_time(job['created'], now):>7}  {line}" for line in lines]


def event_lines(events: Sequence[Event]) -> list[str]:
    """Return one line for each event, with the time since the first one."""
    times = [elapsed_time(events[0]["at"], datetime.fromisoformat(event["at"])) for event in events]
    return [f"{at:>7}  {plain(_event_line(event))}" for at, event in zip(times, events, strict=True)]


def _job_line(job: Job) -> str:
    spent, limit = dollars(job["budget"]["spent_usd"]), dollars(job["budget"]["limit_usd"])
    return f"{job['id']}  {job['state']}  {job['progress']['fraction']:.0%}  {spent} of {limit}"


def _scene_line(scene: Scene) -> str:
    attempts = len(scene["attempts"])
    parts = (
        f"{scene['id']}  {scene['state']}  keyframes {keyframes_drawn(scene)}/2",
        f"attempt {attempts}" if attempts > 1 else "",
        plain(scene["error"]["message"]) if scene["error"] else "",
    )
    return "  ".join(filter(None, parts))


def _event_line(event: Event) -> str:
    kind = event["event"]
    if kind == "state":
        state = event["state"] if event["run"] == 1 else f"{event['state']}, run {event['run']}"
        error = event.get("error")
        return f"{state}: {error['message']} {error['remedy']}" if error else state
    if kind == "try":
        remedy = f"; next: {event['remedy']}" if event["remedy"] else ""
        return f"{event['scene']}, attempt {event['attempt']}: {event['outcome']}{_reason(event)}{remedy}"
    call = f"{event['purpose']}, attempt {event['attempt']}"
    if kind == "call_sent":
        return f"{call}: sent to {event['model']}, up to {dollars_from_micros(event['reserved_micros'])}"
    cost = f"{dollars_from_micros(event['cost_micros'])} after {event['latency_s']:g} s"
    return f"{call}: {_CALL_WORDS.get(kind, kind)}, {cost}{_reason(event)}"


def _reason(event: Event) -> str:
    codes, reason = ", ".join(event["codes"]), event["reason"]
    return (f" ({codes})" if codes else "") + (f": {reason}" if reason else "")
