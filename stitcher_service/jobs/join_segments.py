"""A reel becomes one file: its strips fetched or made, joined, and what went wrong told by scene, not by file."""

import re
from dataclasses import dataclass
from pathlib import Path

from promptreel.errors import Broken
from stitcher_service.engine.errors import BadInput, RenderFailed
from stitcher_service.engine.report import Report
from stitcher_service.engine.stitch import stitch
from stitcher_service.jobs.film_edit import FilmEdit
from stitcher_service.jobs.scene_segments import ClipDefect, RenderWorkspace, build_segments, segment_error

_CLIP_NAME = re.compile(r"^(?P<scene>scene-\S+)\.mp4\b")


@dataclass(frozen=True, slots=True)
class JoinedSegments:
    """A joined reel as a file, the defects of its clips, and what else is to be said of it."""

    file: Path
    report: Report
    defects: tuple[ClipDefect, ...]
    warnings: tuple[str, ...]


def join_segments(reel: FilmEdit, bench: RenderWorkspace) -> JoinedSegments:
    """Join the strips of `reel` in the bench's folder; the result is as long as planned, to the frame.

    Raises: Broken naming the scene at fault; Transient.
    """
    made = build_segments(reel, bench)
    out = bench.base / "cut.mp4"
    cut_list = reel.cut_list([file.name for file in made.files])
    try:
        report = stitch(cut_list, bench.base, out, bench.runner, bench.room.memory)
    except BadInput as error:
        strip = next(strip for strip in reel.strips if strip.scene.id == Path(error.file).stem)
        raise segment_error(strip, error.reason) from error
    except RenderFailed as error:
        raise Broken(str(error), code="cut_failed") from error
    if report.frames != reel.frames:
        raise Broken(f"The film has {report.frames} frames, {reel.frames} were planned.", code="film_wrong_length")
    named = [(warning, _CLIP_NAME.match(warning)) for warning in report.warnings]
    filmed = {strip.scene.id for strip in reel.strips if strip.is_clip}  # that a still hardly moves is no defect
    seen = (ClipDefect(found["scene"], warning[found.end() :].strip()) for warning, found in named if found)
    defects = (*made.defects, *(defect for defect in seen if defect.scene in filmed))
    return JoinedSegments(out, report, defects, tuple(warning for warning, found in named if not found))
