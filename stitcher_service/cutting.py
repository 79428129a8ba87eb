"""A reel becomes one file: its strips fetched or made, joined, and what went wrong told by scene, not by file."""

import re
from dataclasses import dataclass
from pathlib import Path

from promptreel.errors import Broken
from stitcher_service.chunks import Bench, chunks, unusable
from stitcher_service.errors import BadInput, RenderFailed
from stitcher_service.reel import Kind, Reel
from stitcher_service.report import Report
from stitcher_service.stitch import stitch

_CLIP_NAME = re.compile(r"^(?P<scene>scene-\S+)\.mp4\b")


@dataclass(frozen=True, slots=True)
class Cut:
    """A joined reel as a file, and the defects of its clips, each naming its scene."""

    file: Path
    report: Report
    defects: tuple[str, ...]


def cut_reel(reel: Reel, bench: Bench) -> Cut:
    """Join the strips of `reel` in the bench's folder; the result is as long as planned, to the frame.

    Raises: Broken naming the scene at fault; Transient.
    """
    made = chunks(reel, bench)
    out = bench.base / "cut.mp4"
    cut_list = reel.cut_list([file.name for file in made.files])
    try:
        report = stitch(cut_list, bench.base, out, bench.runner, bench.room.memory)
    except BadInput as error:
        raise unusable(Path(error.file).stem, error.reason) from error
    except RenderFailed as error:
        raise Broken(str(error), code="cut_failed") from error
    if report.frames != reel.frames:
        raise Broken(f"The film has {report.frames} frames, {reel.frames} were planned.", code="film_wrong_length")
    return Cut(out, report, (*made.defects, *_by_scene(report.warnings, reel)))


def _by_scene(warnings: tuple[str, ...], reel: Reel) -> tuple[str, ...]:
    """What the stitcher remarked about files, said of their scenes; that a still hardly moves is no defect."""
    drawn = {strip.scene.id for strip in reel.strips if strip.kind is not Kind.CLIP}
    named = ((_CLIP_NAME.match(warning), warning) for warning in warnings)
    return tuple(
        _CLIP_NAME.sub(r"\g<scene>", warning) for found, warning in named if not found or found["scene"] not in drawn
    )
