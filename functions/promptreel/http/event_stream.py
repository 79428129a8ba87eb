"""The events of a job as a stream of server-sent events, which a caller resumes where it broke off.

Source: https://html.spec.whatwg.org/multipage/server-sent-events.html. A message without a name is an event of the job
and has an id; ``progress`` says where the job is; ``end``, ``deleted`` and ``problem`` are the last of their stream.

An id is a cursor: it says which events were sent until then, so that any instance can go on from it. Events are sorted
by the time that their writer's clock gave them, and become visible a little later: one may be dated before others that
were sent already. So a cursor names all events of the last `WINDOW_S`, and takes the older ones as sent.
"""

import base64
import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any

from flask import Response

from promptreel.domain.job import Job
from promptreel.errors import Invalid, NotFound
from promptreel.http import responses
from promptreel.http.job_events import Event, list_events
from promptreel.http.problems import make_problem
from promptreel.services import Services
from promptreel.usecases.view_job import JobView, view_again
from promptreel.usecases.watch_job import Watch, Watchers

MEDIA_TYPE = "text/event-stream"
STREAM_S = 270
"""A stream ends after so long, and its caller comes back: below the time limit of the API (infra/config)."""
FIRST_LOOK_S = 20
HEARTBEAT_S = 15  # a comment, by which both sides notice that the other one has gone
RETRY_MS = 2000
WINDOW_S = 120
"""No event becomes visible later than this after the time that it has."""
MAX_NAMES = 900
"""Names in one cursor, so that it fits into a header. With more events in the window, a resumed stream repeats some."""
HEADERS = {"Cache-Control": "no-cache, no-transform", "X-Accel-Buffering": "no"}

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NAME_CHARS = 6
_ID = re.compile(rf"(\d{{1,17}})\.((?:[A-Za-z0-9_-]{{{_NAME_CHARS}}})*)")
_IDENTITY = ("at", "event", "call", "scene", "state", "run", "take", "attempt")


@dataclass(slots=True)
class Cursor:
    """Which events were sent: those up to ``sent_until``, and those named."""

    sent_until: datetime = _EPOCH
    names: dict[str, datetime] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str | None, events: Iterable[Event]) -> "Cursor":
        """The cursor of a ``Last-Event-ID``, for these events of the job. Raises: Invalid."""
        if not text:
            return cls()
        found = _ID.fullmatch(text)
        if found is None:
            raise Invalid(
                "Last-Event-ID: is no id that a stream of this API gave.", remedy="Leave it out to start anew."
            )
        joined = found[2]
        sent = {joined[at : at + _NAME_CHARS] for at in range(0, len(joined), _NAME_CHARS)}
        times = {_name(event): _time(event) for event in events}
        until = _EPOCH + timedelta(microseconds=int(found[1]))
        return cls(until, {name: at for name, at in times.items() if name in sent})

    def list_unsent(self, events: Iterable[Event]) -> list[Event]:
        """The events that were not sent, in their order."""
        return [event for event in events if _time(event) > self.sent_until and _name(event) not in self.names]

    def add(self, event: Event) -> None:
        """Take an event as sent."""
        self.names[_name(event)] = _time(event)
        window = max(self.names.values()) - timedelta(seconds=WINDOW_S)
        self.sent_until = max(self.sent_until, window)
        kept = [(name, at) for name, at in self.names.items() if at > self.sent_until]
        self.names = dict(sorted(kept, key=lambda one: one[1])[-MAX_NAMES:])

    def __str__(self) -> str:
        return f"{(self.sent_until - _EPOCH) // timedelta(microseconds=1)}.{''.join(self.names)}"


@dataclass(slots=True)
class EventStream:
    """The stream of one caller. ``view`` is the job as it is at the start."""

    watch: Watch
    view: JobView
    last_event_id: str | None
    services: Services
    _cursor: Cursor = field(init=False)
    _progress: Any = None

    def __post_init__(self) -> None:
        """Raises: Invalid for an id that no stream gave."""
        self._cursor = Cursor.parse(self.last_event_id, _list(self.view))

    @property
    def is_over(self) -> bool:
        """Whether the caller has seen everything of a job that has ended."""
        resumes, job = self.last_event_id is not None, self.view.job
        return resumes and job.is_final and not self._cursor.list_unsent(_list(self.view))

    def messages(self) -> Iterator[str]:
        """Every message, until the job has ended or the stream's time is over. Close the watch in the end."""
        until = self.services.clock.now() + timedelta(seconds=STREAM_S)
        yield f"retry: {RETRY_MS}\n\n"
        view: JobView | None = self.view
        try:
            while True:
                if view is None:
                    yield ":\n\n"
                else:
                    self.view = view
                    yield from self._news()
                    if view.job.is_final:
                        yield _message({"id": view.job.id, "state": view.job.state.value}, name="end")
                        return
                now = self.services.clock.now()
                if now >= until:
                    return
                view = self.watch.wait(self.view.tag, min(until, now + timedelta(seconds=HEARTBEAT_S)))
        except NotFound:
            yield _message({"id": self.view.job.id}, name="deleted")
        except Exception as error:  # noqa: BLE001 - the status has been sent: what is left is to say it in the stream
            problem, _ = make_problem(error, step="events")
            yield _message(problem, name="problem")

    def _news(self) -> Iterator[str]:
        for event in self._cursor.list_unsent(_list(self.view)):
            self._cursor.add(event)
            yield _message(event, event_id=str(self._cursor))
        progress = responses.job_progress(self.view.job, self.view.scenes, self.view.calls)
        if progress != self._progress:
            self._progress = progress
            yield _message(progress, name="progress")


def stream_events(job: Job, last_event_id: str | None, services: Services, watchers: Watchers) -> Response:
    """The answer with the stream; 204 for a caller who has seen everything, which tells a browser not to return."""
    watch = watchers.watch(job.id, services)
    try:
        first = watch.wait(None, services.clock.now() + timedelta(seconds=FIRST_LOOK_S))
        stream = EventStream(watch, first or view_again(job.id, None, services), last_event_id, services)
        if stream.is_over:
            watch.close()
            return Response(status=HTTPStatus.NO_CONTENT)
    except BaseException:
        watch.close()
        raise
    answer = Response(stream.messages(), content_type=f"{MEDIA_TYPE}; charset=utf-8", headers=HEADERS)
    answer.call_on_close(watch.close)  # also when the caller has gone before the first message
    return answer


def _list(view: JobView) -> list[Event]:
    return list_events(view.job, view.scenes, view.calls)


def _message(data: dict[str, Any], *, name: str = "", event_id: str = "") -> str:
    """One message. JSON has no line breaks, so that one ``data`` line holds it."""
    fields = (("event", name), ("id", event_id), ("data", json.dumps(data, separators=(",", ":"))))
    return "".join(f"{field}: {value}\n" for field, value in fields if value) + "\n"


def _name(event: Event) -> str:
    """36 bits of what makes an event this one; what is said about it may change."""
    identity = json.dumps([event.get(part) for part in _IDENTITY])
    return base64.urlsafe_b64encode(hashlib.sha256(identity.encode()).digest())[:_NAME_CHARS].decode()


def _time(event: Event) -> datetime:
    return datetime.fromisoformat(event["at"])
