"""The events of a job, read from its documents: stages, paid calls, refusals and remedies, in order of time. Pure.

Operators read the same in the log; this is for the owner, for as long as the job is kept.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import chain
from operator import itemgetter
from typing import Any

from promptreel.domain.call import Call
from promptreel.domain.job import Job
from promptreel.domain.scene import Scene
from promptreel.domain.states import JobState
from promptreel.http.responses import format_time

Event = dict[str, Any]


def list_events(job: Job, scenes: Sequence[Scene], calls: Sequence[Call]) -> list[Event]:
    """Every event with ``at`` and ``event``; at the same time, stages before calls before attempts."""
    events = chain(_stages(job), *map(_calls, calls), *map(_attempts, scenes))
    return [{"at": format_time(at), **event} for at, event in sorted(events, key=itemgetter(0))]


def _calls(call: Call) -> Iterator[tuple[datetime, Event]]:
    """``call_sent`` when it left, ``call_settled`` and so on when its outcome was known; ``call_reused`` for a copy."""
    fields = call.model_dump(mode="json", include={"kind", "model", "scene", "purpose", "take", "attempt"})
    fields["call"] = call.id
    if call.source is not None:
        yield call.updated, {"event": "call_reused", **fields, "source": call.source.model_dump()}
    if call.sent_at is None:
        return
    yield call.sent_at, {"event": "call_sent", **fields, "reserved_micros": call.reserved_micros}
    if call.is_finished:
        outcome = {"cost_micros": call.counted_micros, "reason": call.reason, "codes": list(call.codes)}
        latency_s = round((call.updated - call.sent_at).total_seconds(), 3)
        yield call.updated, {"event": f"call_{call.state.lower()}", **fields, **outcome, "latency_s": latency_s}


def _attempts(scene: Scene) -> Iterator[tuple[datetime, Event]]:
    """``try``: how an attempt to film the scene ended, and the remedy that was chosen because of it."""
    for one in scene.tries:
        fields = one.model_dump(mode="json", exclude={"call", "at"})
        yield one.at, {"event": "try", "scene": scene.id, **fields}


def _stages(job: Job) -> Iterator[tuple[datetime, Event]]:
    """``state``: a stage was entered. The last FAILED has the problem of the job."""
    yield job.created, {"event": "state", "state": JobState.PENDING.value, "run": 1}
    for entered in job.history:
        event: Event = {"event": "state", "state": entered.state.value, "run": entered.run}
        if entered.state is JobState.FAILED and entered is job.history[-1] and job.error:
            event["error"] = job.error.model_dump(mode="json")
        yield entered.at, event
