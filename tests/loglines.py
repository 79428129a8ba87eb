"""Log lines as Cloud Logging gets them, and the metrics that Terraform makes of them: which line counts where."""

import io
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from promptreel.logging import handler
from tests.infra.policy import declared

METRICS: dict[str, dict[str, Any]] = declared.config("metrics")["metrics"]

Line = dict[str, Any]


def counted_by(line: Line) -> set[str]:
    """The metrics that count a line, as Cloud Logging would."""
    return {
        name
        for name, metric in METRICS.items()
        if all(field in line and ("*" in values or line[field] in values) for field, values in metric["match"].items())
    }


def structured(text: str) -> list[Line]:
    """The JSON lines in what a program wrote; Cloud Logging takes the others as plain text."""
    return [json.loads(line) for line in text.splitlines() if line.startswith('{"')]


class Written:
    """What was written so far."""

    def __init__(self, stream: io.StringIO) -> None:
        self._stream = stream

    def read(self) -> list[Line]:
        return [json.loads(line) for line in self._stream.getvalue().splitlines()]

    def of(self, message: str) -> list[Line]:
        return [line for line in self.read() if line["message"] == message]


@contextmanager
def writing(project: str = "p") -> Iterator[Written]:
    """Logging as a function has it, into memory."""
    stream, root = io.StringIO(), logging.getLogger()
    before = root.handlers[:], root.level
    handler.configure(project)
    (line_handler,) = root.handlers
    assert isinstance(line_handler, logging.StreamHandler)
    line_handler.setStream(stream)
    try:
        yield Written(stream)
    finally:
        root.handlers[:], root.level = before
