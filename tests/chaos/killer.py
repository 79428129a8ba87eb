"""Carry out the kills of a plan, one after another, while jobs are under way."""

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
    """``stop`` ends it before the last kill: once it is set, no program is killed."""

    stack: Stack
    boundaries: Boundaries
    history: History
    seed: int
    boundary_within_s: float
    """A kill whose boundary has not come by then is made all the same."""
    stop: threading.Event = field(default_factory=threading.Event)
    made: int = 0
    at_boundaries: int = 0
    by_process: Counter[str] = field(default_factory=Counter)
    _killed: set[tuple[int, float]] = field(default_factory=set)
    _counting: threading.Lock = field(default_factory=threading.Lock)

    def carry_out(
        self, kills: Sequence[Kill], has_running_jobs: Callable[[], bool], prepare: Callable[[int], None]
    ) -> None:
        """Make these kills in their order; wait while no job is under way. ``prepare`` gets the number before each.

        A kill that waits for its boundary does not delay the next ones.
        """
        with ThreadPoolExecutor(len(kills) or 1, "killer") as pool:
            made = []
            for kill in kills:
                if self.stop.wait(kill.after_s):
                    break
                while not has_running_jobs():
                    if self.stop.wait(0.2):
                        break
                prepare(kill.number)
                self._renew_delivery_faults()
                made.append(pool.submit(self._make, kill))
        for one in made:
            one.result()

    def restart(self, names: Sequence[str]) -> None:
        """Kill these programs at once, in addition to the plan; each restarts with what is deployed now."""
        with ThreadPoolExecutor(len(names) or 1, "restart") as pool:
            list(pool.map(self._kill_program, names))

    def _make(self, kill: Kill) -> None:
        came = kill.boundary and self.boundaries.wait(kill.boundary, self.boundary_within_s, self.stop)
        if self.stop.is_set():
            return
        pid = self._kill_program(kill.process)
        with self._counting:
            self.made += 1
            self.at_boundaries += bool(came)
            self.by_process[kill.process] += 1
        when = f"at {kill.boundary}" if came else f"no {kill.boundary} came" if kill.boundary else ""
        self.history.note("kill", f"{kill.number:3} {kill.process} ({pid}) {when}".rstrip())

    def _kill_program(self, name: str) -> int:
        """Send SIGKILL to the program's process group; wait for a program that is just restarting."""

        def kill_once() -> int | None:
            stack = RunningStack(self.stack.state)
            pid = stack.pid(name)
            with self._counting, suppress(psutil.Error, ProcessLookupError):
                process = psutil.Process(pid)
                which = (pid, process.create_time())  # Linux reuses process ids
                if process.environ().get("CLOUDSDK_CONFIG") == stack.gcloud_folder and which not in self._killed:
                    os.killpg(pid, signal.SIGKILL)
                    self._killed.add(which)
                    return pid
            return None

        return eventually(kill_once, f"{name} started again")

    def _renew_delivery_faults(self) -> None:
        """Order duplicates and reordering of a restarted program: it has forgotten its orders."""
        with suppress(httpx.HTTPError):
            order_delivery_faults(self.stack.state, self.seed)


def order_delivery_faults(state: dict[str, Any], seed: int) -> None:
    """Have tasks and events delivered twice and out of order, unless that is ordered already."""
    for service, order in (("tasks", faults.doubled_tasks(seed)), ("eventarc", faults.disordered_events(seed))):
        url = f"{state[service]}/_local/faults"
        current = loopback.get(url, timeout=2).raise_for_status().json()
        if current["duplicate_rate"] != order["duplicate_rate"]:
            loopback.post(url, json=order, timeout=2).raise_for_status()
