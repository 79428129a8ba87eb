"""One run of ffmpeg as a frozen value that can spell its own arguments. Running it is `run.py`'s business.

Only general parts live here; which filters and encoders make a film is said in `stitcher_service.engine.commands`.
"""

from dataclasses import dataclass, field
from pathlib import Path

from stitcher_service.ffmpeg import formats

# A clip must never make ffmpeg open anything but itself.
_ONLY_ITSELF = ("-protocol_whitelist", "file,pipe", "-format_whitelist", formats.ALLOWED)


@dataclass(frozen=True, slots=True)
class InputFile:
    """A file to read, with the options that come before its ``-i``."""

    path: Path
    options: tuple[str, ...] = ()

    def args(self) -> tuple[str, ...]:
        return (*_ONLY_ITSELF, *self.options, "-i", str(self.path))


@dataclass(frozen=True, slots=True)
class OutputFile:
    """Where a run writes, and how: `options` come before the name. ``-`` with ``-f null`` writes nothing."""

    path: Path | None
    options: tuple[str, ...] = ()

    def args(self) -> tuple[str, ...]:
        return (*self.options, str(self.path) if self.path else "-")


@dataclass(frozen=True, slots=True)
class Command:
    """Read `inputs`, send them through `graph` (a filter_complex, may be empty), write `output`.

    The level of each log line is printed, so that errors can be told from remarks; progress goes to stdout.
    """

    inputs: tuple[InputFile, ...]
    output: OutputFile
    graph: str = ""
    log_level: str = "warning"
    globals: tuple[str, ...] = field(default=())

    def argv(self) -> tuple[str, ...]:
        inputs = tuple(arg for source in self.inputs for arg in source.args())
        graph = ("-filter_complex", self.graph) if self.graph else ()
        quiet = ("-hide_banner", "-nostdin", "-nostats", "-loglevel", f"level+{self.log_level}")
        progress = ("-progress", "pipe:1")
        return ("ffmpeg", *quiet, *progress, *self.globals, "-y", *inputs, *graph, *self.output.args())
