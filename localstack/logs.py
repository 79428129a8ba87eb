"""``python -m localcloud logs [NAME …] [--job JOB]``: what a running stack's programs have written, line by line."""

import argparse
import contextlib
import sys
import time
from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO

from localstack.state_file import NotRunning, RunningStack, add_state_file_option

_POLL_S = 0.2


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("names", nargs="*", metavar="NAME", help="programs (default: all of them)")
    parser.add_argument("--lines", type=int, default=20, help="how many of the last lines of each (default: 20)")
    parser.add_argument("--job", default="", metavar="JOB", help="only lines that contain this job's id")
    parser.add_argument("--follow", action="store_true", help="print new lines until Ctrl-C")
    add_state_file_option(parser)


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


def _print(logs: dict[str, Path], lines: int, text: str, *, follow: bool) -> None:
    with contextlib.ExitStack() as opened:
        files = {
            name: opened.enter_context(path.open(errors="replace")) for name, path in logs.items() if path.exists()
        }
        _write((name, deque(_containing(text, file), lines)) for name, file in files.items())
        while follow:
            sys.stdout.flush()
            time.sleep(_POLL_S)
            _write((name, _containing(text, read_complete_lines(file))) for name, file in files.items())


def _containing(text: str, lines: Iterable[str]) -> Iterator[str]:
    return (line for line in lines if text in line)


def _write(logs: Iterable[tuple[str, Iterable[str]]]) -> None:
    """Write each line after the name of its program; the last line of a file may lack its end."""
    for name, lines in logs:
        for line in lines:
            sys.stdout.write(f"{name:<16} | {line}" if line.endswith("\n") else f"{name:<16} | {line}\n")


def read_complete_lines(file: IO[str]) -> list[str]:
    """Read the lines completed since the last call; an unfinished line is left for the next one."""
    lines: list[str] = []
    while True:
        start, line = file.tell(), file.readline()
        if not line.endswith("\n"):
            file.seek(start)
            return lines
        lines.append(line)
