"""What can go wrong with a film, by what the caller does next.

    StitchError
    ├── BadInput        a file or the cut list must be changed; repeating is useless (exit code 2, HTTP 422)
    ├── RenderFailed    the inputs looked right and the film still did not come out (exit code 1, HTTP 500)
    └── OutOfResources  this machine lacks disk, memory or time: repeat it later or elsewhere (exit code 1, HTTP 503)

Every message is one line: it goes to a terminal, a log field and a job's error as it is.
"""

import tempfile
from pathlib import Path


def _one_line(text: str) -> str:
    return " ".join(text.split())


class StitchError(Exception):
    """Base of everything the stitcher raises on purpose."""


class BadInput(StitchError):
    """`file` cannot be used, for `reason`."""

    def __init__(self, file: str | Path, reason: str) -> None:
        """`file` as the cut list names it."""
        self.file = _one_line(str(file))
        self.reason = _one_line(reason)
        super().__init__(f"{self.file}: {self.reason}")


class RenderFailed(StitchError):
    """The film could not be made, or was made and did not pass its checks."""

    def __init__(self, reason: str) -> None:
        """`reason` becomes one line."""
        super().__init__(_one_line(reason))


class OutOfResources(StitchError):
    """The machine could not do the work, for `reason`; nothing is wrong with the inputs."""

    def __init__(self, reason: str) -> None:
        """The message says where disk is needed."""
        self.reason = _one_line(reason)
        places = f"where the film and the temporary files go (TMPDIR, now {tempfile.gettempdir()})"
        remedy = f"Free memory, or space {places}, and run it again."
        super().__init__(f"the machine is at its limit: {self.reason}. {remedy}")
