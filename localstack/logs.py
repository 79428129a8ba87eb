"""``python -m localcloud logs [NAME …] [--job JOB]``: what a running stack's programs have written, line by line."""

import argparse
import contextlib
import sys
import time
from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO

from localstack.running import NotRunning, RunningStack, add_state_file

_LOOK_S = 0.2


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("names", nargs="*", metavar="NAME", help="of a program (default: all of them)")
    parser.add_argument("--lines", type=int, default=20, help="the last so many of each (default: 20)")
    parser.add_argument("--job", default="", metavar="JOB", help="only lines that name this job")
    parser.add_argument("--follow", action="store_true", help="go on until Ctrl-C")
    add_state_file(parser)


def run(args: argparse.Namespace) -> int:
    try:
        stack = RunningStack.read(args.state_file)
        logs = {name: stack.log(name) for name in args.names or stack.names}
    except NotRunning as exc:
        sys.stderr.write(f"localcloud logs: {exc}\n")
        return 1
    with contextlib.suppress(KeyboardInterrupt, BrokenPipeError):
        _print(logs, args.lines, args.job, follow=args.follow)
    return 0


def _print(logs: dict[str, Path], lines: int, word: str, *, follow: bool) -> None:
    with contextlib.ExitStack() as opened:
        files = {
            name: opened.enter_context(path.open(errors="replace")) for name, path in logs.items() if path.exists()
        }
        for line in prefixed((name, deque(naming(word, file), lines)) for name, file in files.items()):
            sys.stdout.write(line)
        while follow:
            sys.stdout.flush()
            time.sleep(_LOOK_S)
            for line in prefixed((name, naming(word, news(file))) for name, file in files.items()):
                sys.stdout.write(line)


def naming(word: str, lines: Iterable[str]) -> Iterator[str]:
    """The lines with this word in them; all of them for an empty one."""
    return (line for line in lines if word in line)


def prefixed(logs: Iterable[tuple[str, Iterable[str]]]) -> Iterator[str]:
    """Each line under the name of its program; whole, also the last one of a file."""
    for name, lines in logs:
        for line in lines:
            yield f"{name:<16} | {line}" if line.endswith("\n") else f"{name:<16} | {line}\n"


def news(file: IO[str]) -> list[str]:
    """The lines that became whole since the last look; what is still being written stays for the next one."""
    lines: list[str] = []
    while True:
        begin, line = file.tell(), file.readline()
        if not line.endswith("\n"):
            file.seek(begin)
            return lines
        lines.append(line)
