"""``python -m localcloud kill NAME``: end, or freeze, one program of a running stack, to see what becomes of a film.

The stack starts it again: at once when it ends, after a while when it only hangs.
"""

import argparse
import os
import signal
import sys

import psutil

from localstack.running import NotRunning, RunningStack, add_state_file

SIGNALS = ("KILL", "TERM", "STOP", "CONT")


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="of a program, as in the state file's 'processes'")
    parser.add_argument("--signal", choices=SIGNALS, default="KILL", help="STOP lets it hang (default: KILL)")
    add_state_file(parser)


def run(args: argparse.Namespace) -> int:
    try:
        stack = RunningStack.read(args.state_file)
        pid = stack.pid(args.name)
        _check(pid, stack, args.name)
        os.killpg(pid, signal.Signals[f"SIG{args.signal}"])  # the group: a program's children are part of it
    except (NotRunning, ProcessLookupError) as exc:
        sys.stderr.write(f"localcloud kill: {exc}\n")
        return 1
    sys.stdout.write(f"{args.name} ({pid}) was sent SIG{args.signal}\n")
    return 0


def _check(pid: int, stack: RunningStack, name: str) -> None:
    """A stack that was killed outright leaves its state file, and the numbers in it may mean other processes by now."""
    try:
        environ = psutil.Process(pid).environ()
    except psutil.Error as exc:
        raise NotRunning(f"{name} ({pid}) does not run at the moment") from exc
    if environ.get("CLOUDSDK_CONFIG") != stack.mark:
        raise NotRunning(f"process {pid} does not belong to this stack: its state file is old")
