"""Join the segments of a film edit into one file, and say by scene, not by file, what is wrong with its clips."""

from dataclasses import dataclass
from pathlib import Path

from promptreel.errors import Broken
from stitcher_service.engine.assemble import Labels
from stitcher_service.engine.errors import BadInput, RenderFailed
from stitcher_service.engine.report import Report
from stitcher_service.engine.stitch import Tools, stitch
from stitcher_service.jobs.film_edit import FilmEdit
from stitcher_service.jobs.scene_segments import ClipDefect, RenderWorkspace, build_segments, segment_error


@dataclass(frozen=True, slots=True)
class JoinedSegments:
    """A film edit as one file, the defects of its clips, and further warnings."""

    file: Path
    report: Report
    defects: tuple[ClipDefect, ...]
    warnings: tuple[str, ...]


def join_segments(edit: FilmEdit, workspace: RenderWorkspace, labels: Labels | None = None) -> JoinedSegments:
    """Join the segments of `edit` in the workspace's folder; the result is as long as planned, to the frame.

    Raises: Broken naming the scene at fault; Transient.
    """
    segments, defects = build_segments(edit, workspace)
    out = workspace.folder / "joined.mp4"
    tools = Tools(workspace.runner, workspace.services.inspections)
    try:
        report = stitch(edit.cut_list(list(segments)), workspace.folder, out, labels, tools)
    except BadInput as error:
        raise segment_error(segments[error.file], error.reason) from error
    except RenderFailed as error:
        raise Broken(str(error), code="cut_failed") from error
    if report.frames != edit.frames:
        raise Broken(f"The film has {report.frames} frames, {edit.frames} were planned.", code="film_wrong_length")
    warnings = []
    for warning in report.warnings:
        if warning.clip is None:
            warnings.append(str(warning))
        elif segments[warning.clip].is_clip:  # that a still hardly moves is no defect
            defects.append(ClipDefect(segments[warning.clip].scene.id, warning.describe()))
    return JoinedSegments(out, report, tuple(defects), tuple(warnings))
