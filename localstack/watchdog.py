"""Kills every process group of the stack when the supervisor ends without having done so.

Run as a script of its own, with nothing but the standard library, because it must survive what killed the supervisor.
It reads commands from its input: ``+GROUP`` registers a process group, ``-GROUP`` removes it. The input ends when its
only writer, the supervisor, ends; the groups that are then still registered are killed.
"""

import contextlib
import os
import signal
import sys
from collections.abc import Iterable


def main(commands: Iterable[str]) -> None:
    # A signal meant for the supervisor's terminal or group must not end the watchdog too.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    registered: set[int] = set()
    for command in commands:
        group = int(command[1:])
        if command.startswith("+"):
            registered.add(group)
        else:
            registered.discard(group)
    for group in registered:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(group, signal.SIGKILL)


if __name__ == "__main__":
    main(sys.stdin)
