"""Watch jobs: many callers wait for changes of one job, and the store is asked no more often than for one of them.

One of the callers that wait for a job looks at it every `LOOK_EVERY_S`, for all of them; when it leaves, another one
takes its place. So there is no thread of its own that an instance without requests would freeze, and nothing is kept
of a job that nobody watches. Every instance looks for its own callers (docs/adr/0029).
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Condition, Lock
from typing import Any, TypeVar

from promptreel.domain.job import Job
from promptreel.errors import Transient
from promptreel.services import Services
from promptreel.usecases.view_job import JobView, view_again

T = TypeVar("T")

LOOK_EVERY_S = 2.0
SHORTEST_PAUSE_S = 0.25  # between two looks, however fast the waits of a local stack are
RETRY_AFTER_S = 2
SHARED_S = 600.0  # well below the hour that signed links live
MAX_WATCHERS = 60
"""Callers that may watch at once in one process. The API's other threads stay free for requests that end at once."""


class TooManyWatchers(Transient):
    """Every thread of this process that may wait does."""

    default_code = "too_many_watchers"


@dataclass(slots=True)
class _Feed:
    """What the watchers of one job share. ``changed`` guards the fields below it."""

    job_id: str
    every: timedelta
    changed: Condition = field(default_factory=Condition)
    watchers: int = 0
    is_led: bool = False  # one of them sleeps until the next look, or looks
    begun: int = 0  # looks that were begun
    done: int = 0  # the last look that ended with a view or an error
    view: JobView | None = None
    error: Exception | None = None
    outage: Transient | None = None  # why the latest look gave nothing
    looked_at: datetime | None = None
    shared: "_Shared | None" = None
    sharing: Lock = field(default_factory=Lock)  # guards ``shared``, which may take a while to make


@dataclass(frozen=True, slots=True)
class _Shared:
    """What was made of the view with this tag."""

    tag: str
    made: datetime
    value: Any


class Watchers:
    """The jobs that are watched in this process, and by how many callers."""

    def __init__(self, limit: int = MAX_WATCHERS) -> None:
        self._limit = limit
        self._lock = Lock()
        self._feeds: dict[str, _Feed] = {}
        self._count = 0

    def find_job(self, job_id: str) -> Job | None:
        """The job as its watchers saw it last; None when nobody watches it."""
        with self._lock:
            feed = self._feeds.get(job_id)
        return feed.view.job if feed and feed.view else None

    def watch(self, job_id: str, services: Services) -> "Watch":
        """Begin to watch a job; whether the caller may see it has been checked. Close the watch in the end.

        Raises: TooManyWatchers.
        """
        every = timedelta(seconds=max(SHORTEST_PAUSE_S, LOOK_EVERY_S * services.pace))
        with self._lock:
            if self._count >= self._limit:
                raise TooManyWatchers(
                    f"{self._limit} callers watch jobs here already.",
                    remedy="Ask without waiting, or again in a few seconds.",
                    retry_after_s=RETRY_AFTER_S,
                )
            self._forget_feeds(services.clock.now() - every)
            feed = self._feeds.setdefault(job_id, _Feed(job_id, every))
            self._count += 1
            with feed.changed:
                feed.watchers += 1
                wanted = feed.begun + 1
        return Watch(feed, wanted, services, lambda: self._leave(feed))

    def _leave(self, feed: _Feed) -> None:
        with self._lock:
            self._count -= 1
            with feed.changed:
                feed.watchers -= 1

    def _forget_feeds(self, before: datetime) -> None:
        """A feed outlives its last watcher until its next look is due, so that a caller who returns gets no extra."""
        for job_id, feed in list(self._feeds.items()):
            with feed.changed:
                if feed.watchers == 0 and (feed.looked_at is None or feed.looked_at <= before):
                    del self._feeds[job_id]


class Watch:
    """One caller's watch over one job. It is used by one thread at a time."""

    def __init__(self, feed: _Feed, wanted: int, services: Services, leave: Callable[[], None]) -> None:
        self._feed = feed
        self._wanted = wanted  # the first look that was begun after this watch
        self._services = services
        self._leave = leave
        self._is_open = True

    def close(self) -> None:
        """Stop watching. Idempotent."""
        if self._is_open:
            self._is_open = False
            self._leave()

    def wait(self, seen: str | None, until: datetime) -> JobView | None:
        """Wait until the job has another tag than ``seen``; None when it has not by ``until``.

        Nothing older than this watch is returned, so that a caller never sees a job go back in time. An outage of the
        store is waited out.

        Raises: NotFound once the job is deleted, Transient when nothing could be read until then, Broken.
        """
        feed, leads = self._feed, False
        try:
            while True:
                with feed.changed:
                    if feed.done >= self._wanted:
                        if feed.error is not None:
                            raise feed.error
                        if feed.view is not None and feed.view.tag != seen:
                            return feed.view
                    now = self._services.clock.now()
                    if now >= until:
                        if feed.done < self._wanted and feed.outage is not None:
                            raise feed.outage
                        return None
                    if feed.is_led and not leads:
                        feed.changed.wait((until - now).total_seconds())
                        continue
                    leads = feed.is_led = True
                    due = now if feed.looked_at is None else feed.looked_at + feed.every
                if due > now:
                    self._services.clock.sleep((min(due, until) - now).total_seconds())
                else:
                    self._look_for_all()
        finally:
            if leads:
                with feed.changed:
                    feed.is_led = False
                    feed.changed.notify_all()  # one of the others leads now

    def share(self, view: JobView, make: Callable[[], T]) -> T:
        """What the first caller makes of a view, for all watchers of the job; made anew after `SHARED_S`."""
        feed, now = self._feed, self._services.clock.now()
        with feed.sharing:
            shared = feed.shared
            if shared is None or shared.tag != view.tag or (now - shared.made).total_seconds() >= SHARED_S:
                feed.shared = shared = _Shared(view.tag, now, make())
        value: T = shared.value
        return value

    def _look_for_all(self) -> None:
        feed = self._feed
        with feed.changed:
            feed.begun += 1
            number, before = feed.begun, feed.view
        view, error, outage = before, None, None
        try:
            view = view_again(feed.job_id, before, self._services)
        except Transient as transient:
            outage = transient
        except Exception as other:  # noqa: BLE001 - every watcher raises it
            view, error = None, other
        with feed.changed:
            feed.view, feed.error, feed.outage = view, error, outage
            feed.looked_at = self._services.clock.now()
            if outage is None:
                feed.done = number
            feed.changed.notify_all()
