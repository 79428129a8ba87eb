"""``python -m localcloud kill NAME``: end, or freeze, one program of a running stack, to test how a film recovers.

The stack restarts the program: at once when it ends, after a while when it only hangs.
"""

import argparse
import os
import signal
import sys

import psutil

from localstack.state_file import NotRunning, RunningStack, add_state_file_option

SIGNALS = ("KILL", "TERM", "STOP", "CONT")


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="a program, as in the state file's 'processes'")
    parser.add_argument("--signal", choices=SIGNALS, default="KILL", help="STOP freezes it (default: KILL)")
    add_state_file_option(parser)


def run(args: argparse.Namespace) -> int:
    try:
        stack = RunningStack.read(args.state_file)
        pid = stack.pid(args.name)
        _check_ownership(pid, stack, args.name)
        os.killpg(pid, signal.Signals[f"SIG{args.signal}"])  # the group: a program's children are part of it
    except (NotRunning, ProcessLookupError) as exc:
        sys.stderr.write(f"localcloud kill: {exc}\n")
        return 1
    sys.stdout.write(f"{args.name} ({pid}) was sent SIG{args.signal}\n")
    return 0


def _check_ownership(pid: int, stack: RunningStack, name: str) -> None:
    """A stack that was killed leaves its state file behind, and by now other processes may have its process ids."""
    try:
        environ = psutil.Process(pid).environ()
    except psutil.Error as exc:
        raise NotRunning(f"{name} ({pid}) does not run at the moment") from exc
    if environ.get("CLOUDSDK_CONFIG") != stack.gcloud_folder:
        raise NotRunning(f"process {pid} does not belong to this stack: its state file is old")
