"""``make bench``: how long the local stack takes to become healthy, and how much of one core it uses at rest.

Goal on 2 cores: healthy in under 12 s, under 5 % of a core at rest. Rest starts a minute after the start, when the Java
compilers are finished. The scheduler still calls sweep_jobs every few seconds at rest.
"""

import sys
import tempfile
import time
from pathlib import Path

import psutil

from tests.e2e.stack import Stack, running

SETTLE_S = 60.0
REST_S = 60.0
SHOWN = 6
WANTED_START_S = 12.0
WANTED_REST_PERCENT = 5.0


def cpu_s(stack: Stack) -> dict[int, float]:
    """CPU seconds of every process of the stack so far, by process id."""
    used: dict[int, float] = {}
    for process in stack.processes():
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:  # ended since the list was made
            continue
        used[process.pid] = times.user + times.system
    return used


def names(stack: Stack) -> dict[int, str]:
    """The program that each process belongs to; a child belongs to its parent's program."""
    supervisor, *_ = stack.processes()
    named = {supervisor.pid: "supervisor"}
    for name, pid in stack.state["processes"].items():
        leader = psutil.Process(pid)
        named |= {process.pid: name for process in (leader, *leader.children(recursive=True))}
    return named


def rest_percent(stack: Stack) -> dict[str, float]:
    """CPU of each program, in percent of one core, while the stack gets no requests."""
    before, started = cpu_s(stack), time.monotonic()
    time.sleep(REST_S)
    after, took_s = cpu_s(stack), time.monotonic() - started
    named, shares = names(stack), dict[str, float]()
    for pid, used_s in after.items():
        name = named.get(pid, "others")
        shares[name] = shares.get(name, 0.0) + 100 * (used_s - before.get(pid, 0.0)) / took_s
    return shares


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        started = time.monotonic()
        with running(Path(folder)) as stack:
            start_s = time.monotonic() - started
            start_cpu_s = sum(cpu_s(stack).values())
            time.sleep(SETTLE_S)
            shares = rest_percent(stack)
    rows = [
        (f"cold start until healthy (wanted: under {WANTED_START_S:g} s)", f"{start_s:.1f} s"),
        ("CPU of that start", f"{start_cpu_s:.1f} s"),
        (f"at rest (wanted: under {WANTED_REST_PERCENT:g} % of a core)", f"{sum(shares.values()):.1f} %"),
    ]
    top = sorted(shares.items(), key=lambda share: -share[1])[:SHOWN]
    rows += [(f"  of this {name}", f"{share:.2f} %") for name, share in top]
    for what, figure in rows:
        sys.stdout.write(f"{what:48} {figure}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
