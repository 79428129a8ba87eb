"""Stitch the film of one job: its clips become a film edit, the edit a film, the film an output of the job.

Everything is named by the digest of what is stitched: a repeated request for the same film returns the stored one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from promptreel.domain.document import Problem
from promptreel.domain.job import Job, Output
from promptreel.domain.render import Render
from promptreel.domain.scene import Scene
from promptreel.domain.states import JobState
from promptreel.errors import Broken
from promptreel.usecases import artifact_integrity, filming
from stitcher_service.engine.assemble import Chapter, Labels
from stitcher_service.engine.workfolder import work_folder
from stitcher_service.ffmpeg.errors import FfmpegFailed
from stitcher_service.ffmpeg.run import Runner
from stitcher_service.jobs import film_edit, segment_commands
from stitcher_service.jobs.film_edit import FilmEdit
from stitcher_service.jobs.film_images import save_contact_sheet, save_poster
from stitcher_service.jobs.previews import preview_path
from stitcher_service.jobs.renders import BUSY_WAIT_S, RenderRequest, RenderResult, render_once
from stitcher_service.jobs.scene_segments import (
    ClipsRejected,
    JoinedSegments,
    RenderWorkspace,
    clip_problem,
    join_segments,
)
from stitcher_service.jobs.services import StitcherServices

_MAX_CHAPTER_CHARS = 80


@dataclass(frozen=True, slots=True)
class FilmStitched:
    """``state`` is ``done``, ``busy`` (repeat after ``wait_s``), ``refilm`` or ``superseded``.

    ``refilm``: clips cannot be used, and poll_clips decides by budget and policy what becomes of their scenes.
    """

    state: Literal["done", "busy", "refilm", "superseded"]
    wait_s: float = 0.0


def stitch_film(cmd: RenderRequest, services: StitcherServices) -> FilmStitched:
    """Stitch the film unless that is done; ``busy`` while another caller is stitching it.

    Raises: Broken, Transient.
    """
    job = services.jobs.get_job(cmd.job_id).value
    if cmd.run not in {None, job.run} or not job.is_running:
        return FilmStitched("superseded")
    scenes = [read.value for read in services.jobs.list_scenes(job.id)]
    if job.state is JobState.VIDEO_GEN:  # clips were rejected, and the answer that said so was lost
        return FilmStitched("refilm")
    edit = film_edit.edit_film(job, scenes)
    digest = edit.digest("film")
    if job.output is not None and job.output.digest == digest:
        return FilmStitched("done")
    try:
        render = render_once(job.id, digest, services, lambda runner: render_film(job, scenes, edit, services, runner))
    except ClipsRejected as error:
        filming.reject_clips(job.id, job.run, error.problems, services.jobs, services.clock)
        return FilmStitched("refilm")
    if render is None:
        return FilmStitched("busy", BUSY_WAIT_S * services.pace)
    return _publish(job, render, services)


def render_film(
    job: Job, scenes: Sequence[Scene], edit: FilmEdit, services: StitcherServices, runner: Runner
) -> RenderResult:
    """The film and what comes with it, stored in the bucket. Raises: ClipsRejected, Broken, Transient."""
    _check_artifacts(edit, services)
    calls = [read.value for read in services.jobs.list_calls(job.id)]
    refilmable = filming.refilmable(job, scenes, calls)
    with work_folder() as folder:
        workspace = RenderWorkspace(folder, services, runner, expects_sound=job.has_sound, refilmable=refilmable)
        joined = join_segments(edit, workspace, Labels(edit.plan.title, chapters(edit)))
        if joined.defects and job.request.on_scene_failure == "fail":
            raise ClipsRejected({defect.scene: clip_problem(defect.scene, defect.reason) for defect in joined.defects})
        poster, sheet = folder / "poster.jpg", folder / "sheet.jpg"
        middles = [start + segment.frames // 2 for start, segment in zip(edit.starts, edit.segments, strict=True)]
        save_poster(joined.file, poster, runner)
        save_contact_sheet(joined.file, middles, edit.format.rate, sheet)
        output = _upload(edit, joined, poster, sheet, services)
        preview = film_edit.edit_preview(job, scenes)
        # What previews show is not graded: the one of a graded film has another name.
        path = preview_path("preview", edit if edit.is_graded else preview)
        preview_uri = _upload_preview(joined.file, path, preview.format.size_px, services, runner)
    warnings = (*edit.warnings, *map(str, joined.defects), *joined.warnings)
    return RenderResult(output=output.evolve(preview_uri=preview_uri), warnings=warnings)


def _check_artifacts(edit: FilmEdit, services: StitcherServices) -> None:
    """Raises: ClipsRejected for clips that are missing or replaced; Broken for a keyframe shown in a clip's place."""
    problems = {}
    for segment in edit.segments:
        if not segment.is_clip:
            artifact_integrity.check_keyframes(segment.scene, services.artifacts)
            continue
        try:
            artifact_integrity.check_clip(segment.scene, services.artifacts)
        except artifact_integrity.ArtifactDamaged as error:
            problems[segment.scene.id] = Problem.from_error(error, step="stitch", scene=segment.scene.id)
    if problems:
        raise ClipsRejected(problems)


def _upload_preview(film: Path, path: str, size_px: tuple[int, int], services: StitcherServices, runner: Runner) -> str:
    """The whole film, small: the last progressive preview if it shows just that, else made from the film."""
    if services.artifacts.exists(path):
        return services.artifacts.uri(path)
    small = film.with_name("preview.mp4")
    try:
        runner.run(segment_commands.scale_film(film, size_px, small))
    except FfmpegFailed as error:
        raise Broken(f"The film's preview could not be made: {error}", code="cut_failed") from error
    return services.artifacts.put_file(path, small, "video/mp4")


def _upload(edit: FilmEdit, joined: JoinedSegments, poster: Path, sheet: Path, services: StitcherServices) -> Output:
    root, digest, put = f"jobs/{edit.job_id}/output", edit.digest("film"), services.artifacts.put_file
    return Output(
        film_uri=put(f"{root}/film-{digest}.mp4", joined.file, "video/mp4"),
        poster_uri=put(f"{root}/poster-{digest}.jpg", poster, "image/jpeg"),
        sheet_uri=put(f"{root}/sheet-{digest}.jpg", sheet, "image/jpeg"),
        digest=digest,
        frames=joined.report.frames,
        width_px=joined.report.width,
        height_px=joined.report.height,
        copied_frames=joined.report.copied_frames,
    )


def chapters(edit: FilmEdit) -> tuple[Chapter, ...]:
    """One chapter for each scene, from its first frame, titled by what happens in it."""
    return tuple(
        Chapter(start, f"{segment.number}. {_shorten(segment.scene.description)}")
        for start, segment in zip(edit.starts, edit.segments, strict=True)
    )


def _shorten(text: str) -> str:
    words = " ".join(text.split())
    if len(words) <= _MAX_CHAPTER_CHARS:
        return words
    return words[: _MAX_CHAPTER_CHARS - 1].rpartition(" ")[0].rstrip(",;:") + "…"


def _publish(stitched: Job, render: Render, services: StitcherServices) -> FilmStitched:
    def add_output(job: Job) -> Job | None:
        if job.run != stitched.run or job.state is not JobState.STITCH:
            return None
        new = tuple(warning for warning in render.warnings if warning not in job.warnings)
        return job.evolve(output=render.output, warnings=(*job.warnings, *new), updated=services.clock.now())

    update = services.jobs.update_job(stitched.id, add_output)
    return FilmStitched("done" if update.is_written else "superseded")
