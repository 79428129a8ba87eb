"""One run of ffmpeg as a frozen value that knows its own arguments. `run.py` runs it.

Which filters and encoders make a film is decided in `stitcher_service.engine.commands`.
"""

from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from stitcher_service.ffmpeg import formats

# A clip must never make ffmpeg open anything but itself.
_ONLY_ITSELF = ("-protocol_whitelist", "file,pipe", "-format_whitelist", formats.ALLOWED)


@dataclass(frozen=True, slots=True)
class InputFile:
    """A file to read, with the options that come before its ``-i``."""

    path: Path
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Command:
    """Read `inputs`, send them through `graph` (a filter_complex, may be empty), write `output` with these `options`.

    Without an output ``-f null`` writes nothing. The level of each log line is printed, so that errors can be
    distinguished from remarks.
    """

    inputs: tuple[InputFile, ...]
    output: Path | None
    options: tuple[str, ...] = ()
    graph: str = ""
    log_level: str = "warning"

    def argv(self) -> tuple[str, ...]:
        """The program's name and its arguments."""
        inputs = [(*_ONLY_ITSELF, *source.options, "-i", str(source.path)) for source in self.inputs]
        graph = ("-filter_complex", self.graph) if self.graph else ()
        quiet = ("-hide_banner", "-nostdin", "-nostats", "-loglevel", f"level+{self.log_level}")
        return ("ffmpeg", *quiet, "-y", *chain(*inputs), *graph, *self.options, str(self.output or "-"))
