"""The stack's last resort: ends every process group when the supervisor is gone, however it went.

Run as a script of its own, with nothing but the standard library, because it must survive what killed the supervisor.
It reads its input: ``+GROUP`` watches a process group, ``-GROUP`` forgets it. The input ends when its only writer,
the supervisor, ends; the groups still watched are then killed.
"""

import contextlib
import os
import signal
import sys
from collections.abc import Iterable


def main(lines: Iterable[str]) -> None:
    # A signal meant for the supervisor's terminal or group must not take its warden with it.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    watched: set[int] = set()
    for line in lines:
        group = int(line[1:])
        if line.startswith("+"):
            watched.add(group)
        else:
            watched.discard(group)
    for group in watched:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(group, signal.SIGKILL)


if __name__ == "__main__":
    main(sys.stdin)
