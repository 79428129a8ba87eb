"""The film of one job: its working clips become a cut list, the cut list a film, the film an output of the job.

Everything is named by the digest of the cut list, so the same cut asked for again is answered at once (E3).
"""

import json
import tempfile
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from promptreel.domain import ids as names
from promptreel.domain.job import Job, Output, Plan
from promptreel.domain.ledger import Lease
from promptreel.domain.render import Render
from promptreel.domain.scene import Scene
from promptreel.domain.states import JobState
from promptreel.domain.timeline import TransitionKind
from promptreel.errors import Broken, LostRace, NotFound
from promptreel.ports import ArtifactStore, Clock, Create, Ids, JobStore, Replace, Versioned
from stitcher_service.cutlist import CutList
from stitcher_service.errors import BadInput, RenderFailed
from stitcher_service.extras import poster
from stitcher_service.report import Report
from stitcher_service.stitch import stitch

LEASE_S = 900.0
BUSY_WAIT_S = 20.0
RECIPE = "1"  # raised when the same cut list would be cut differently
LOUDNESS_LUFS = -14.0


@dataclass(frozen=True, slots=True)
class FilmCut:
    """``state`` is ``done``, ``busy`` (ask again after ``wait_s``) or ``superseded``."""

    state: str
    wait_s: float = 0.0


def cut_film(
    job_id: str, run: int | None, *, jobs: JobStore, artifacts: ArtifactStore, clock: Clock, ids: Ids, pace: float
) -> FilmCut:
    """Cut the film unless it is cut; somebody else's cutting is waited for.

    Raises: Broken naming scene and clip when a clip is defective; Transient.
    """
    job = jobs.job(job_id).value
    if run not in {None, job.run} or job.is_final:
        return FilmCut("superseded")
    plan = job.planned()
    scenes = [read.value for read in jobs.scenes(job_id)]
    uris = [_clip_uri(scene) for scene in scenes]
    digest = _digest(plan, uris)
    if job.output is not None and job.output.digest == digest:
        return FilmCut("done")
    holder = ids.token()
    try:
        lease = _take(job_id, digest, holder, jobs, clock, pace)
    except LostRace:
        return FilmCut("busy", BUSY_WAIT_S * pace)
    if lease is None:
        return FilmCut("busy", BUSY_WAIT_S * pace)
    render = lease.value
    if render.output is None:
        output, warnings = _make(job, plan, scenes, uris, digest, artifacts)
        render = render.evolve(state="DONE", lease=None, output=output, warnings=warnings, updated=clock.now())
        try:
            jobs.write(Replace(job_id, lease, render))
        except LostRace:
            return FilmCut("busy", BUSY_WAIT_S * pace)  # the lease ran out and another instance has it
    return _publish(job_id, job.run, render, jobs, clock, pace)


def _take(job_id: str, digest: str, holder: str, jobs: JobStore, clock: Clock, pace: float) -> Versioned[Render] | None:
    """The render with its lease ours, or finished; None while somebody else has it. Raises: LostRace."""
    now = clock.now()
    read = jobs.render(digest)
    ours = Lease(holder=holder, until=now + timedelta(seconds=LEASE_S * pace))
    if read is None:
        jobs.write(Create(job_id, Render(id=digest, job=job_id, lease=ours, created=now, updated=now)))
    elif read.value.output is not None:
        return read
    elif read.value.lease is not None and now < read.value.lease.until:
        return None
    else:
        jobs.write(Replace(job_id, read, read.value.evolve(lease=ours, updated=now)))
    return jobs.render(digest)


def _make(
    job: Job, plan: Plan, scenes: list[Scene], uris: list[str], digest: str, artifacts: ArtifactStore
) -> tuple[Output, tuple[str, ...]]:
    with tempfile.TemporaryDirectory(prefix="cut-") as folder:
        base = Path(folder)
        files = [base / f"{scene.id}.mp4" for scene in scenes]
        for uri, file in zip(uris, files, strict=True):
            try:
                artifacts.get_file(uri, file)
            except NotFound as error:
                raise Broken(f"{file.stem}: its clip {uri} is gone.", code="clip_missing") from error
        film, picture = base / "film.mp4", base / "poster.jpg"
        report = _stitch(cut_list(plan, files), base, film)
        if report.frames != plan.planned_frames:
            raise Broken(
                f"The film has {report.frames} frames, {plan.planned_frames} were planned.", code="film_wrong_length"
            )
        poster(film, picture)
        root = f"jobs/{job.id}/output"
        output = Output(
            film_uri=artifacts.put_file(f"{root}/film-{digest}.mp4", film, "video/mp4"),
            poster_uri=artifacts.put_file(f"{root}/poster-{digest}.jpg", picture, "image/jpeg"),
            digest=digest,
            frames=report.frames,
            width_px=report.width,
            height_px=report.height,
            copied_frames=report.copied_frames,
        )
    return output, tuple(report.warnings)


def _stitch(wanted: CutList, base: Path, film: Path) -> Report:
    try:
        return stitch(wanted, base, film)
    except BadInput as error:
        raise Broken(
            f"{Path(error.file).stem}: {error.reason}", code="clip_defective", remedy="Regenerate this scene."
        ) from error
    except RenderFailed as error:
        raise Broken(str(error), code="cut_failed") from error


def cut_list(plan: Plan, files: list[Path]) -> CutList:
    """The cut list of a plan over its clips, in order."""
    transition: dict[str, Any] = {"kind": plan.transition_kind.value}
    if plan.transition_kind is not TransitionKind.CUT:
        transition["duration_s"] = plan.transition_frames / plan.fps
    clips: list[dict[str, Any]] = [{"path": file.name, "transition": transition} for file in files]
    del clips[-1]["transition"]
    wanted = {"size": plan.size_px, "fps": plan.fps, "clips": clips, "loudness_lufs": LOUDNESS_LUFS}
    return CutList.model_validate(wanted)


def _publish(job_id: str, run: int, render: Render, jobs: JobStore, clock: Clock, pace: float) -> FilmCut:
    read = jobs.job(job_id)
    job = read.value
    if job.run != run or job.state is not JobState.STITCH:
        return FilmCut("superseded")
    try:
        jobs.write(
            Replace(
                job_id,
                read,
                job.evolve(output=render.output, warnings=(*job.warnings, *render.warnings), updated=clock.now()),
            )
        )
    except LostRace:
        return FilmCut("busy", BUSY_WAIT_S * pace)
    return FilmCut("done")


def _clip_uri(scene: Scene) -> str:
    if scene.clip is None:
        raise Broken(f"{scene.id} has no clip although every clip was reported done.", code="clip_missing")
    return scene.clip.uri


def _digest(plan: Plan, uris: list[str]) -> str:
    look = [plan.size_px, plan.fps, plan.transition_kind.value, plan.transition_frames, LOUDNESS_LUFS]
    return names.digest(RECIPE, json.dumps(look), *uris)
