"""Carries out the kills of a plan, one after another, while there is somebody left to hurt."""

import os
import signal
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import httpx
import psutil

from localcloud.tests import loopback
from localcloud.tests.waiting import eventually
from localstack.state_file import RunningStack
from tests.chaos import faults
from tests.chaos.boundaries import Boundaries
from tests.chaos.history import History
from tests.chaos.plan import Kill
from tests.e2e.stack import Stack


@dataclass(slots=True)
class Killer:
    """``enough`` ends it before the last kill: when set, nobody is killed any more."""

    stack: Stack
    boundaries: Boundaries
    history: History
    seed: int
    boundary_within_s: float
    """A kill whose boundary has not come by then is made all the same."""
    enough: threading.Event = field(default_factory=threading.Event)
    made: int = 0
    at_boundaries: int = 0
    by_process: Counter[str] = field(default_factory=Counter)
    _killed: set[tuple[int, float]] = field(default_factory=set)
    _counting: threading.Lock = field(default_factory=threading.Lock)

    def carry_out(
        self, kills: Sequence[Kill], someone_lives: Callable[[], bool], prepare: Callable[[int], None]
    ) -> None:
        """Make these kills in their order; wait while no job is under way. ``prepare`` gets the number before each.

        One that waits for its boundary lies in wait while the next ones are made.
        """
        with ThreadPoolExecutor(len(kills) or 1, "killer") as pool:
            made = []
            for kill in kills:
                if self.enough.wait(kill.after_s):
                    break
                while not someone_lives():
                    if self.enough.wait(0.2):
                        break
                prepare(kill.number)
                self._keep_disorder()
                made.append(pool.submit(self._make, kill))
        for one in made:
            one.result()

    def restart(self, names: Sequence[str]) -> None:
        """End these programs all at once, beside the kills of the plan; each is started again as it is deployed now."""
        with ThreadPoolExecutor(len(names) or 1, "restart") as pool:
            list(pool.map(self._strike, names))

    def _make(self, kill: Kill) -> None:
        came = kill.boundary and self.boundaries.wait(kill.boundary, self.boundary_within_s, self.enough)
        if self.enough.is_set():
            return
        pid = self._strike(kill.process)
        with self._counting:
            self.made += 1
            self.at_boundaries += bool(came)
            self.by_process[kill.process] += 1
        when = f"at {kill.boundary}" if came else f"no {kill.boundary} came" if kill.boundary else ""
        self.history.note("kill", f"{kill.number:3} {kill.process} ({pid}) {when}".rstrip())

    def _strike(self, name: str) -> int:
        """SIGKILL for the program's whole group; one that is just being started again is waited for."""

        def strike() -> int | None:
            stack = RunningStack(self.stack.state)
            pid = stack.pid(name)
            with self._counting, suppress(psutil.Error, ProcessLookupError):
                process = psutil.Process(pid)
                which = (pid, process.create_time())  # Linux gives numbers out again
                if process.environ().get("CLOUDSDK_CONFIG") == stack.gcloud_folder and which not in self._killed:
                    os.killpg(pid, signal.SIGKILL)
                    self._killed.add(which)
                    return pid
            return None

        return eventually(strike, f"{name} started again")

    def _keep_disorder(self) -> None:
        """Doubling and reordering end with the program that was told to: tell its successor."""
        with suppress(httpx.HTTPError):
            order_disorder(self.stack.state, self.seed)


def order_disorder(state: dict[str, Any], seed: int) -> None:
    """Have tasks and events doubled and reordered, unless they are already."""
    for service, order in (("tasks", faults.doubled_tasks(seed)), ("eventarc", faults.disordered_events(seed))):
        url = f"{state[service]}/_local/faults"
        standing = loopback.get(url, timeout=2).raise_for_status().json()
        if standing["duplicate_rate"] != order["duplicate_rate"]:
            loopback.post(url, json=order, timeout=2).raise_for_status()
