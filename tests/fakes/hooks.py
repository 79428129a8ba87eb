"""Ports that fail or let a test in: a process is killed at a call, a write is lost, others act first."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from promptreel.domain.job import Job
from promptreel.errors import VersionConflict
from promptreel.ports.storage import Change, JobStore
from promptreel.usecases.job_lifecycle import JobRun
from tests.fakes.services import FakeServices

PORTS = ("jobs", "artifacts", "inbox", "text", "images", "video", "queue", "executions", "deliveries")


class Killed(BaseException):
    """The process was killed: nothing catches this."""


class FailingWrites:
    """A worker whose writes fail as `armed` says: after so many more that are made, and how.

    The fault is ``killed_before``, ``killed_after`` or ``answer_lost``.
    """

    armed: tuple[int, str] | None = None

    def fail_writes_of(self, jobs: JobStore) -> None:
        """Let this store's writes fail from now on, whenever one is armed."""
        self._write = jobs.write
        jobs.write = self._maybe_fail  # type: ignore[method-assign]

    def _maybe_fail(self, *changes: Change) -> None:
        if self.armed is None:
            self._write(*changes)
            return
        countdown, fault = self.armed
        self.armed = (countdown - 1, fault) if countdown else None
        if countdown:
            self._write(*changes)
        elif fault == "killed_before":
            raise Killed
        else:
            self._write(*changes)
            raise Killed if fault == "killed_after" else VersionConflict("committed, but the answer was lost")


class Hooked:
    """Passes every call on to a port, with ``before`` and ``after`` around it."""

    def __init__(self, name: str, port: Any, before: Callable[[str], None], after: Callable[[str], None]) -> None:
        self._name = name
        self._port = port
        self._before = before
        self._after = after

    def __getattr__(self, name: str) -> Any:
        if name.startswith("update_"):  # its reads and its write are calls of the port as well
            return partial(getattr(type(self._port), name), self)
        found = getattr(self._port, name)
        if not callable(found):
            return found

        def called(*args: Any, **named: Any) -> Any:
            self._before(f"{self._name}.{name}")
            result = found(*args, **named)
            self._after(f"{self._name}.{name}")
            return result

        return called


class HookedWorld(FakeServices):
    """A world that remembers its ports' calls; ``at`` says what happens at which call, once."""

    def __init__(self) -> None:
        super().__init__()
        self.called: list[str] = []
        self._at: tuple[int, bool, Callable[[str], None]] | None = None
        self._only: frozenset[str] = frozenset()
        for port in PORTS:
            setattr(self, port, Hooked(port, getattr(self, port), self._came, self._went))

    def at(
        self, number: int, act: Callable[[str], None], *, after: bool = False, only: frozenset[str] = frozenset()
    ) -> None:
        """Let ``act`` in at the call of this number, counted from now and from 0.

        ``only`` counts calls of these names, such as ``jobs.write``.
        """
        self.called = []
        self._at = (number, after, act)
        self._only = only

    def is_waiting(self) -> bool:
        """Whether what was ordered has not happened yet."""
        return self._at is not None

    def _came(self, name: str) -> None:
        if not self._only or name in self._only:
            self.called.append(name)
            self._let_in(name, after=False)

    def _went(self, name: str) -> None:
        if not self._only or name in self._only:
            self._let_in(name, after=True)

    def _let_in(self, name: str, *, after: bool) -> None:
        if self._at is not None and self._at[:2] == (len(self.called) - 1, after):
            act, self._at = self._at[2], None
            act(name)


def write_storyboards_after_a_kill(
    open_job: Callable[[HookedWorld], Job],
) -> Iterator[tuple[int, str, HookedWorld, Job]]:
    """For every port call of write_storyboard, a world where it was killed there and repeated until it was done."""
    undisturbed = HookedWorld()
    job = open_job(undisturbed)
    undisturbed.called = []
    undisturbed.write_storyboard(JobRun(job.id, job.run))
    for number, name in enumerate(undisturbed.called):
        world = HookedWorld()
        job = open_job(world)

        def kill(_: str) -> None:
            raise Killed

        world.at(number, kill)
        with pytest.raises(Killed):
            world.write_storyboard(JobRun(job.id, job.run))
        for _ in range(20):
            if world.write_storyboard(JobRun(job.id, job.run)).state == "planned":
                break
            world.clock.pass_s(60)
        yield number, name, world, job
