"""What a command prints besides pictures: JSON, a film's address, and what went wrong."""

import json
from typing import Any, Final

from rich.console import Console
from rich.text import Text

from client.problems import ClientError, NotReachable, ProblemError
from client.shapes import Job

REFUSED: Final = 2
UNREACHABLE: Final = 3


def print_address(job: Job) -> None:
    """The film's signed URL on one line of its own, however narrow the terminal: it is there to be copied."""
    if job["output"] is not None:
        print(job["output"]["film"]["url"])


def print_json(value: Any) -> None:
    print(json.dumps(value, indent=2, ensure_ascii=False))


def say(text: Text) -> None:
    Console(stderr=True).print(text, soft_wrap=True)


def explain(error: ClientError) -> int:
    """Tell a person what went wrong and what to do; the exit code for it."""
    say(Text.assemble(("Error    ", "bold red"), error.message))
    if error.remedy:
        say(Text.assemble(("Way out  ", "bold"), error.remedy))
    if isinstance(error, ProblemError):
        trace = f", trace {error.trace}" if error.trace else ""
        say(Text(f"         {error.code}{trace}", style="dim"))
    away = isinstance(error, NotReachable) or (isinstance(error, ProblemError) and error.may_pass)
    return UNREACHABLE if away else REFUSED
