"""The film of one job: its working clips become a cut list, the cut list a film, the film an output of the job.

Everything is named by the digest of what is cut, so the same cut asked for again is answered at once (E3).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from promptreel.domain.document import Problem
from promptreel.domain.job import Job, Output
from promptreel.domain.render import Render
from promptreel.domain.scene import Scene
from promptreel.domain.states import JobState
from promptreel.errors import Broken, VersionConflict
from promptreel.ports.storage import Replace
from promptreel.usecases import artifact_integrity, filming
from stitcher_service.engine.errors import RenderFailed
from stitcher_service.engine.workfolder import work_folder
from stitcher_service.ffmpeg.errors import FfmpegFailed
from stitcher_service.ffmpeg.run import Runner
from stitcher_service.jobs import film_edit, previews, segment_commands
from stitcher_service.jobs.chapters import Chapter, write_labels
from stitcher_service.jobs.contact_sheet import save_contact_sheet
from stitcher_service.jobs.film_edit import FilmEdit
from stitcher_service.jobs.join_segments import JoinedSegments, join_segments
from stitcher_service.jobs.poster import save_poster
from stitcher_service.jobs.renders import BUSY_WAIT_S, RenderResult, render_once
from stitcher_service.jobs.scene_segments import ClipsRejected, RenderWorkspace, clip_problem
from stitcher_service.jobs.services import StitcherServices

_MOST_CHAPTER_CHARS = 80


@dataclass(frozen=True, slots=True)
class FilmStitched:
    """``state`` is ``done``, ``busy`` (ask again after ``wait_s``), ``refilm`` or ``superseded``.

    ``refilm``: clips cannot be used, and poll_clips decides by budget and policy what becomes of their scenes.
    """

    state: str
    wait_s: float = 0.0


def stitch_film(job_id: str, run: int | None, room: StitcherServices) -> FilmStitched:
    """Cut the film unless it is cut; somebody else's cutting is waited for.

    Raises: Broken, Transient.
    """
    job = room.jobs.get_job(job_id).value
    if run not in {None, job.run} or job.is_final:
        return FilmStitched("superseded")
    scenes = [read.value for read in room.jobs.list_scenes(job_id)]
    if job.state is JobState.VIDEO_GEN:  # clips were rejected, and the answer that said so was lost
        return FilmStitched("refilm")
    reel = film_edit.edit_film(job, scenes)
    digest = reel.digest("film")
    if job.output is not None and job.output.digest == digest:
        return FilmStitched("done")
    try:
        render = render_once(job_id, digest, room, lambda runner: _make(job, scenes, reel, digest, room, runner))
    except ClipsRejected as error:
        filming.reject_clips(job_id, job.run, error.problems, jobs=room.jobs, clock=room.clock, ids=room.ids)
        return FilmStitched("refilm")
    if render is None:
        return FilmStitched("busy", BUSY_WAIT_S * room.pace)
    return _publish(job_id, job.run, render, room)


def _make(
    job: Job, scenes: Sequence[Scene], reel: FilmEdit, digest: str, room: StitcherServices, runner: Runner
) -> RenderResult:
    _check_artifacts(reel, room)
    calls = [read.value for read in room.jobs.list_calls(job.id)]
    bench = partial(RenderWorkspace, must_sound=job.has_sound, refilmable=filming.refilmable(job, scenes, calls))
    with work_folder() as base:
        cut = join_segments(reel, bench(base, room, runner))
        if cut.defects and job.request.on_scene_failure == "fail":
            raise ClipsRejected({defect.scene: clip_problem(defect.scene, defect.reason) for defect in cut.defects})
        film, picture, sheet = base / "film.mp4", base / "poster.jpg", base / "sheet.jpg"
        try:
            write_labels(cut.file, film, reel.plan.title, chapters(reel))
            cut.file.unlink()
            save_poster(film, picture, runner)
            save_contact_sheet(film, _middles(reel), reel.format.rate, sheet)
        except RenderFailed as error:
            raise Broken(str(error), code="cut_failed") from error
        output = _uploaded(job.id, digest, cut, (film, picture, sheet), room)
        preview = _preview(film, film_edit.edit_preview(job, scenes), room, runner)
    return RenderResult(
        output=output.evolve(preview_uri=preview), warnings=(*reel.warnings, *map(str, cut.defects), *cut.warnings)
    )


def _check_artifacts(reel: FilmEdit, room: StitcherServices) -> None:
    """Raises: ClipsRejected for clips that are missing or replaced; Broken for a picture shown in a clip's place."""
    problems = {}
    for strip in reel.strips:
        if not strip.is_clip:
            artifact_integrity.check_pictures(strip.scene, room.artifacts)
            continue
        try:
            artifact_integrity.check_clip(strip.scene, room.artifacts)
        except artifact_integrity.ArtifactDamaged as error:
            problems[strip.scene.id] = Problem.from_error(error, step="stitch", scene=strip.scene.id)
    if problems:
        raise ClipsRejected(problems)


def _preview(film: Path, reel: FilmEdit, room: StitcherServices, runner: Runner) -> str:
    """The whole film, small: the last progressive preview if it shows just that, else made from the film."""
    path = previews.preview_path("preview", reel)
    if room.artifacts.exists(path):
        return room.artifacts.uri(path)
    small = film.with_name("preview.mp4")
    try:
        runner.run(segment_commands.scale_film(film, reel.format.size_px, small))
    except FfmpegFailed as error:
        raise Broken(f"The film's preview could not be made: {error}", code="cut_failed") from error
    return room.artifacts.put_file(path, small, "video/mp4")


def _uploaded(
    job_id: str, digest: str, cut: JoinedSegments, files: tuple[Path, Path, Path], room: StitcherServices
) -> Output:
    film, picture, sheet = files
    root, put = f"jobs/{job_id}/output", room.artifacts.put_file
    return Output(
        film_uri=put(f"{root}/film-{digest}.mp4", film, "video/mp4"),
        poster_uri=put(f"{root}/poster-{digest}.jpg", picture, "image/jpeg"),
        sheet_uri=put(f"{root}/sheet-{digest}.jpg", sheet, "image/jpeg"),
        digest=digest,
        frames=cut.report.frames,
        width_px=cut.report.width,
        height_px=cut.report.height,
        copied_frames=cut.report.copied_frames,
    )


def chapters(reel: FilmEdit) -> Sequence[Chapter]:
    """One chapter for each scene, from its first frame, titled by what happens in it."""
    return [
        Chapter(start / reel.format.rate, f"{strip.number}. {_short(strip.scene.description)}")
        for start, strip in zip(reel.starts, reel.strips, strict=True)
    ]


def _short(text: str) -> str:
    words = " ".join(text.split())
    if len(words) <= _MOST_CHAPTER_CHARS:
        return words
    return words[: _MOST_CHAPTER_CHARS - 1].rpartition(" ")[0].rstrip(",;:") + "…"


def _middles(reel: FilmEdit) -> list[int]:
    return [start + strip.frames // 2 for start, strip in zip(reel.starts, reel.strips, strict=True)]


def _publish(job_id: str, run: int, render: Render, room: StitcherServices) -> FilmStitched:
    read = room.jobs.get_job(job_id)
    job = read.value
    if job.run != run or job.state is not JobState.STITCH:
        return FilmStitched("superseded")
    told = tuple(warning for warning in render.warnings if warning not in job.warnings)
    shown = job.evolve(output=render.output, warnings=(*job.warnings, *told), updated=room.clock.now())
    try:
        room.jobs.write(Replace(job_id, read, shown))
    except VersionConflict:
        return FilmStitched("busy", BUSY_WAIT_S * room.pace)
    return FilmStitched("done")
