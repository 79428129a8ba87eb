"""What is shown before there is a film: the animatic, the film so far, one scene's still. Small, cheap, never paid for.

Each is named by the digest of what it shows: a repeated request returns the stored file while nothing has changed.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Literal

from promptreel.domain.job import Animatic, Job
from promptreel.domain.render import RenderedClip
from promptreel.domain.scene import Scene
from stitcher_service.engine.workfolder import work_folder
from stitcher_service.ffmpeg.run import Runner
from stitcher_service.jobs import film_edit
from stitcher_service.jobs.film_edit import FilmEdit
from stitcher_service.jobs.renders import BUSY_WAIT_S, Id, RenderRequest, RenderResult, render_once
from stitcher_service.jobs.scene_segments import RenderWorkspace, build_segments, join_segments, segment_path
from stitcher_service.jobs.services import StitcherServices

Purpose = Literal["animatic", "preview", "still"]


@dataclass(frozen=True, slots=True)
class MakeStill(RenderRequest):
    """The same for one scene."""

    scene: Id = field(kw_only=True)


@dataclass(frozen=True, slots=True)
class Preview:
    """``state`` is ``done``, ``busy`` (repeat after ``wait_s``) or ``superseded``; `filmed` counts real clips."""

    state: Literal["done", "busy", "superseded"]
    wait_s: float = 0.0
    uri: str = ""
    frames: int = 0
    duration_s: float = 0.0
    scenes: int = 0
    filmed: int = 0


def make_animatic(cmd: RenderRequest, services: StitcherServices) -> Preview:
    """The timed animatic, stored on the job. Raises: Conflict before every keyframe is drawn; Broken, Transient."""
    made = _render_preview(cmd, "animatic", film_edit.edit_animatic, services)
    if made.state != "done":
        return made

    def add(job: Job) -> Job | None:
        if cmd.run not in {None, job.run} or not job.is_running:
            return None
        animatic = Animatic(uri=made.uri, frames=made.frames)
        return None if job.animatic == animatic else job.evolve(animatic=animatic, updated=services.clock.now())

    job = services.jobs.update_job(cmd.job_id, add).after
    return made if cmd.run in {None, job.run} else Preview("superseded")


def make_preview(cmd: RenderRequest, services: StitcherServices) -> Preview:
    """The film so far. Raises: Conflict before there is a plan; Broken, Transient."""
    return _render_preview(cmd, "preview", film_edit.edit_preview, services)


def make_still(cmd: MakeStill, services: StitcherServices) -> Preview:
    """One scene's still at the film's size, ready to be stitched.

    Raises: NotFound; Conflict before it has a keyframe; Broken, Transient.
    """
    services.jobs.get_scene(cmd.job_id, cmd.scene)
    return _render_preview(cmd, "still", partial(film_edit.edit_still, scene_id=cmd.scene), services)


def preview_path(purpose: Purpose, edit: FilmEdit) -> str:
    """Where in the bucket a preview is stored."""
    return f"jobs/{edit.job_id}/{purpose}-{edit.digest(purpose)}.mp4"


def _render_preview(
    cmd: RenderRequest,
    purpose: Purpose,
    build_edit: Callable[[Job, Sequence[Scene]], FilmEdit],
    services: StitcherServices,
) -> Preview:
    job = services.jobs.get_job(cmd.job_id).value
    if cmd.run not in {None, job.run}:
        return Preview("superseded")
    edit = build_edit(job, [read.value for read in services.jobs.list_scenes(cmd.job_id)])

    def render(runner: Runner) -> RenderResult:
        with work_folder() as folder:
            uri = _store(purpose, edit, RenderWorkspace(folder, services, runner))
        return RenderResult(clip=RenderedClip(uri=uri, frames=edit.frames))

    rendered = render_once(cmd.job_id, edit.digest(purpose), services, render)
    if rendered is None or rendered.clip is None:
        return Preview("busy", BUSY_WAIT_S * services.pace)
    return Preview(
        state="done",
        uri=rendered.clip.uri,
        frames=rendered.clip.frames,
        duration_s=rendered.clip.frames / edit.plan.fps,
        scenes=len(edit.segments),
        filmed=sum(segment.is_clip for segment in edit.segments),
    )


def _store(purpose: Purpose, edit: FilmEdit, workspace: RenderWorkspace) -> str:
    artifacts = workspace.services.artifacts
    if purpose == "still":
        build_segments(edit, workspace)
        return artifacts.uri(segment_path(edit, edit.segments[0]))
    path = preview_path(purpose, edit)
    if artifacts.exists(path):
        return artifacts.uri(path)
    return artifacts.put_file(path, join_segments(edit, workspace).file, "video/mp4")
