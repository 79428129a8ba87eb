"""What is shown before there is a film: the animatic, the film so far, one scene's still. Small, cheap, never paid for.

Each is named by the digest of what it shows; asked again while nothing has changed, it is answered at once (B6, E10).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from promptreel.domain.job import Job
from promptreel.domain.render import RenderedClip
from promptreel.domain.scene import Scene
from stitcher_service.engine.workfolder import work_folder
from stitcher_service.ffmpeg.run import Runner
from stitcher_service.jobs import film_edit
from stitcher_service.jobs.film_edit import FilmEdit, SegmentKind
from stitcher_service.jobs.join_segments import join_segments
from stitcher_service.jobs.renders import BUSY_WAIT_S, RenderResult, render_once
from stitcher_service.jobs.scene_segments import RenderWorkspace, build_segments, segment_path
from stitcher_service.jobs.services import StitcherServices


@dataclass(frozen=True, slots=True)
class Preview:
    """``state`` is ``done``, ``busy`` (ask again after ``wait_s``) or ``superseded``; `filmed` counts real clips."""

    state: str
    wait_s: float = 0.0
    uri: str = ""
    frames: int = 0
    duration_s: float = 0.0
    scenes: int = 0
    filmed: int = 0


def make_animatic(job_id: str, run: int | None, room: StitcherServices) -> Preview:
    """The timed animatic. Raises: Conflict before every picture is drawn; Broken, Transient."""
    return _render_preview("animatic", film_edit.edit_animatic, partial(join_preview, "animatic"), job_id, run, room)


def make_preview(job_id: str, run: int | None, room: StitcherServices) -> Preview:
    """The film so far. Raises: Conflict before there is a plan; Broken, Transient."""
    return _render_preview("preview", film_edit.edit_preview, partial(join_preview, "preview"), job_id, run, room)


def make_still(job_id: str, run: int | None, scene_id: str, room: StitcherServices) -> Preview:
    """One scene's still at the film's size, ready for the cut.

    Raises: NotFound; Conflict before it has a picture; Broken, Transient.
    """
    room.jobs.get_scene(job_id, scene_id)

    def one_scene(job: Job, scenes: Sequence[Scene]) -> FilmEdit:
        return film_edit.edit_still(job, scenes, scene_id)

    return _render_preview("still", one_scene, _build_still, job_id, run, room)


def _build_still(reel: FilmEdit, bench: RenderWorkspace) -> str:
    build_segments(reel, bench)
    (strip,) = reel.strips
    return bench.room.artifacts.uri(segment_path(reel, strip))


def join_preview(purpose: str, reel: FilmEdit, bench: RenderWorkspace) -> str:
    """The reel as one small file in the bucket, made unless it stands there; its address.

    Raises: Broken, Transient.
    """
    path, artifacts = preview_path(purpose, reel), bench.room.artifacts
    if artifacts.exists(path):
        return artifacts.uri(path)
    return artifacts.put_file(path, join_segments(reel, bench).file, "video/mp4")


def preview_path(purpose: str, reel: FilmEdit) -> str:
    return f"jobs/{reel.job_id}/{purpose}-{reel.digest(purpose)}.mp4"


def _render_preview(
    purpose: str,
    reel_of: Callable[[Job, Sequence[Scene]], FilmEdit],
    make: Callable[[FilmEdit, RenderWorkspace], str],
    job_id: str,
    run: int | None,
    room: StitcherServices,
) -> Preview:
    job = room.jobs.get_job(job_id).value
    if run not in {None, job.run}:
        return Preview("superseded")
    reel = reel_of(job, [read.value for read in room.jobs.list_scenes(job_id)])

    def made(runner: Runner) -> RenderResult:
        with work_folder() as base:
            return RenderResult(
                clip=RenderedClip(uri=make(reel, RenderWorkspace(base, room, runner)), frames=reel.frames)
            )

    render = render_once(job_id, reel.digest(purpose), room, made)
    if render is None or render.clip is None:
        return Preview("busy", BUSY_WAIT_S * room.pace)
    return Preview(
        state="done",
        uri=render.clip.uri,
        frames=render.clip.frames,
        duration_s=render.clip.frames / reel.plan.fps,
        scenes=len(reel.strips),
        filmed=sum(strip.kind is SegmentKind.CLIP for strip in reel.strips),
    )
