"""The film of one job: its working clips become a cut list, the cut list a film, the film an output of the job.

Everything is named by the digest of the cut list, so the same cut asked for again is answered at once (E3).
"""

import json
import tempfile
from dataclasses import dataclass
from datetime import timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

from promptreel.domain import ids as names
from promptreel.domain import timeline
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
from stitcher_service.extras import poster, still
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
    reel = _reel(job, [read.value for read in jobs.scenes(job_id)])
    digest = reel.digest()
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
        output, warnings = _make(job, reel, digest, artifacts)
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


@dataclass(frozen=True, slots=True)
class _Reel:
    """What is cut, in order: filmed scenes, stills in the place of those given up, and what is to be said of it."""

    plan: Plan
    scenes: tuple[Scene, ...]
    warnings: tuple[str, ...]

    @property
    def frames(self) -> int:
        overlap = timeline.overlap_frames(self.plan.transition_kind, self.plan.transition_frames)
        lengths = [scene.duration_s * self.plan.fps for scene in self.scenes]
        return timeline.film_frames(lengths, [overlap] * (len(lengths) - 1))

    def digest(self) -> str:
        plan = self.plan
        look = [plan.size_px, plan.fps, plan.transition_kind.value, plan.transition_frames, LOUDNESS_LUFS]
        return names.digest(RECIPE, json.dumps(look), *map(_made_from, self.scenes))


def _reel(job: Job, scenes: list[Scene]) -> _Reel:
    """The scenes that are shown. Raises: Broken when one that should have a clip has none."""
    omits = job.request.on_scene_failure == "omit"
    shown, warnings = [], []
    for scene in scenes:
        if scene.is_given_up:
            reason = scene.problem.message if scene.problem else scene.state.value
            warnings.append(f"{scene.id} is {'left out' if omits else 'a still'}: {reason}")
        elif scene.clip is None:
            raise Broken(f"{scene.id} has no clip although every clip was reported done.", code="clip_missing")
        if not (scene.is_given_up and omits):
            shown.append(scene)
    return _Reel(job.planned(), tuple(shown), tuple(warnings))


def _made_from(scene: Scene) -> str:
    if scene.clip is not None:
        return scene.clip.uri
    return f"still {scene.duration_s} {scene.start and scene.start.uri} {scene.end and scene.end.uri}"


def _make(job: Job, reel: _Reel, digest: str, artifacts: ArtifactStore) -> tuple[Output, tuple[str, ...]]:
    with tempfile.TemporaryDirectory(prefix="cut-") as folder:
        base = Path(folder)
        files = [_fetch(scene, reel.plan, base, artifacts) for scene in reel.scenes]
        film, picture = base / "film.mp4", base / "poster.jpg"
        report = _stitch(cut_list(reel.plan, files), base, film)
        if report.frames != reel.frames:
            raise Broken(f"The film has {report.frames} frames, {reel.frames} were planned.", code="film_wrong_length")
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
    return output, (*reel.warnings, *report.warnings)


def _fetch(scene: Scene, plan: Plan, base: Path, artifacts: ArtifactStore) -> Path:
    """The scene's clip as a file, or a still made from its two pictures."""
    file = base / f"{scene.id}.mp4"
    try:
        if scene.clip is not None:
            artifacts.get_file(scene.clip.uri, file)
        elif scene.start is not None and scene.end is not None:
            first, last = base / f"{scene.id}-first.png", base / f"{scene.id}-last.png"
            artifacts.get_file(scene.start.uri, first)
            artifacts.get_file(scene.end.uri, last)
            still(first, last, scene.duration_s * plan.fps, plan.size_px, Fraction(plan.fps), file)
    except NotFound as error:
        raise Broken(f"{scene.id}: its clip or picture is gone: {error.message}", code="clip_missing") from error
    return file


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
