"""Time that passes only while a watcher waits, with what happens meanwhile; and a store that counts what is read."""

from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import Any

from promptreel.domain.states import SceneState
from promptreel.ports.storage import Create, JobStore, Replace
from tests.factories import a_job, a_scene, altered
from tests.fakes.hooks import Hooked
from tests.fakes.services import FakeServices
from tests.fakes.system import START, FakeClock

READS = ("jobs.get_", "jobs.list_")


class EventfulClock(FakeClock):
    """Each sleep moves it on, to let in what happens at those moments."""

    def __init__(self) -> None:
        super().__init__()
        self.slept: list[float] = []
        self._events: list[tuple[float, Callable[[], object]]] = []

    def at(self, seconds: float, act: Callable[[], object]) -> None:
        """Let ``act`` in so many seconds after the start."""
        self._events.append((seconds, act))

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.pass_s(seconds)
        due = [event for event in self._events if event[0] <= self.since_start_s]
        for event in due:
            self._events.remove(event)
            event[1]()

    @property
    def since_start_s(self) -> float:
        return (self.now() - START).total_seconds()


class WatchedWorld(FakeServices):
    """A world with one film of two scenes, which counts the reads of its documents."""

    clock: EventfulClock

    def __init__(self, jobs: JobStore | None = None, **fields: Any) -> None:
        super().__init__()
        self.jobs = jobs or self.jobs  # type: ignore[assignment]
        self.clock = EventfulClock()
        self.reads: Counter[str] = Counter()
        self.jobs.write(Create("job-1", a_job(**fields)), Create("job-1", a_scene(1)), Create("job-1", a_scene(2)))
        self.jobs = Hooked("jobs", self.jobs, self._count, lambda _: None)  # type: ignore[assignment]

    @property
    def deadline(self) -> datetime:
        """A minute after the start."""
        return START.replace(minute=1)

    def change_job(self, **fields: Any) -> None:
        read = self.jobs.get_job("job-1")
        self.jobs.write(Replace("job-1", read, altered(read.value, **fields)))
        self.reads.clear()

    def change_scene(self, state: SceneState = SceneState.DONE) -> None:
        read = self.jobs.get_scene("job-1", "scene-01")
        self.jobs.write(Replace("job-1", read, altered(read.value, state=state)))
        self.reads.clear()

    def _count(self, name: str) -> None:
        if name.startswith(READS):
            self.reads[name] += 1
