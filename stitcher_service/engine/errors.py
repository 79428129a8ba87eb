"""What can be wrong with a film: errors, by what the caller does next, and warnings, with which it is made.

Every message is one line: it goes to a terminal, a log field and a job's error as it is.
"""

import tempfile
from dataclasses import dataclass
from pathlib import Path


def _one_line(text: str) -> str:
    return " ".join(text.split())


class StitchError(Exception):
    """Base of everything the stitcher raises on purpose."""

    def __init__(self, message: str) -> None:
        super().__init__(_one_line(message))


class BadInput(StitchError):
    """`file`, as the cut list names it, must be changed, for `reason`; repeating is useless (exit code 2, HTTP 422)."""

    def __init__(self, file: str | Path, reason: str) -> None:
        self.file = _one_line(str(file))
        self.reason = _one_line(reason)
        super().__init__(f"{file}: {reason}")


class RenderFailed(StitchError):
    """The inputs looked right and the film still was not made, or did not pass its checks (exit code 1, HTTP 500)."""


class OutOfResources(StitchError):
    """This machine lacks disk, memory or time: repeat it later or elsewhere (exit code 1, HTTP 503)."""

    def __init__(self, reason: str) -> None:
        self.reason = _one_line(reason)
        places = f"where the film and the temporary files go (TMPDIR, now {tempfile.gettempdir()})"
        remedy = f"Free memory, or space {places}, and run it again."
        super().__init__(f"the machine is at its limit: {reason}. {remedy}")


@dataclass(frozen=True, slots=True)
class RenderWarning:
    """Something to know about the film, or about one `clip` of it (its file name in the cut list)."""

    text: str
    clip: str | None = None

    def __str__(self) -> str:
        """The warning as a sentence for the person who ordered the film."""
        return f"{self.clip} {self.text}" if self.clip else self.text
