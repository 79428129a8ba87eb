"""The plan of an upgraded film: taken from the finished one, with copies of everything that is not made anew.

The copies are made first; a step that is repeated finds them. Then one batch writes plan, scenes, a settled call of
cost 0 for every copy and a planned call for everything that is to be paid, or nothing (ledger rules 2 and 9).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from promptreel.domain import chapters, upgrading
from promptreel.domain.call import Call, committed_micros
from promptreel.domain.job import Job, LaterChapter, Plan, Upgrade
from promptreel.domain.models import registry
from promptreel.domain.money import format_usd
from promptreel.domain.own_frames import place_of
from promptreel.domain.picture_inputs import PictureSources
from promptreel.domain.scene import Clip, Keyframe, KeyframeName, Scene, SceneCopies
from promptreel.domain.sheet import Sheet
from promptreel.domain.sheet_planning import make_waves
from promptreel.domain.states import CallState, JobState
from promptreel.domain.treatment import TreatmentSummary
from promptreel.errors import BudgetExceeded, NotFound, Rejected
from promptreel.ledger import call_requests
from promptreel.ledger.reuse import PlannedCopy
from promptreel.logging.endings import log_call_ended
from promptreel.ports.storage import Create, Replace
from promptreel.services import Services
from promptreel.usecases import own_frames, read_prompt
from promptreel.usecases.job_lifecycle import JobRun


@dataclass(frozen=True, slots=True)
class _Film:
    """A finished film: its job, its scenes in order, and its calls by the address of what they paid for."""

    job: Job
    scenes: list[Scene]
    sheets: list[Sheet]
    paid: dict[str, Call]


@dataclass(frozen=True, slots=True)
class _TakenOver:
    """What the new film is made of before anything is paid."""

    plan: Plan
    scenes: list[Scene]
    sheets: list[Sheet]
    copies: list[Call]


def take_over_film(cmd: JobRun, services: Services) -> Plan | None:
    """Plan an upgraded film. Idempotent: a repeated call returns the stored plan.

    Returns: the plan; None when the run is stale.

    Raises: Rejected when the finished film, or a part of it, does not exist any more; BudgetExceeded.
    """
    job = services.jobs.get_job(cmd.job_id).value
    if job.upgrade is None:
        raise ValueError(f"{job.id} is no upgrade.")
    film = _read_film(job, job.upgrade, services)
    try:
        taken = _copy(job, job.upgrade, film, services)
    except NotFound as error:
        raise Rejected(
            f"upgrade: a part of {film.job.id} is missing or changed: {error.message}",
            code="source_damaged",
            remedy="Restore the object (soft-deleted or older versions of it may still be there), then resume the job.",
        ) from error
    return services.jobs.retry_on_conflict(lambda: _write_plan(cmd, taken, services))


def _read_film(job: Job, upgrade: Upgrade, services: Services) -> _Film:
    jobs = services.jobs
    film = jobs.get_job(upgrade.job).value
    if film.is_hidden(services.clock.now()) or film.owner != job.owner:
        raise Rejected(
            f"upgrade: {upgrade.job} was deleted before this film was planned.",
            code="source_deleted",
            remedy="Submit the film's request again.",
        )
    scenes = sorted((read.value for read in jobs.list_scenes(film.id)), key=lambda one: one.sequence)
    calls = (read.value for read in jobs.list_calls(film.id))
    sheets = [read.value for read in jobs.list_sheets(film.id)]
    return _Film(film, scenes, sheets, {call.artifact: call for call in calls if call.has_output and call.artifact})


def _copy(job: Job, upgrade: Upgrade, film: _Film, services: Services) -> _TakenOver:
    """Copy treatment, storyboard, keyframes and the clips that are kept. Raises: NotFound."""
    copier = _Copier(job, film, services)
    old = film.job.require_plan()
    storyboard = copier.copy(chapters.PURPOSE, None, old.storyboard_uri, old.storyboard_checksum)
    plan = upgrading.make_plan(job, film.job, film.scenes).evolve(
        storyboard_uri=storyboard.artifact,
        later_chapters=copier.copy_chapters(old.later_chapters),
        treatment=copier.copy_treatment(old.treatment),
    )
    own = own_frames.fit_frames(job, plan, services)
    keeps_keyframes = upgrading.keeps_keyframes(old, registry().video_model(plan.video_model), job.request)
    scenes = []
    for scene in film.scenes:
        is_kept = scene.id not in upgrade.scenes
        video_model = old.video_of(scene).id
        copies = SceneCopies(
            is_kept=is_kept,
            start=own.get(place_of(scene.sequence, "start"))
            or (copier.copy_keyframe(scene, "start") if keeps_keyframes else None),
            end=own.get(place_of(scene.sequence, "end"))
            or (copier.copy_keyframe(scene, "end") if keeps_keyframes else None),
            clip=copier.copy_clip(scene) if is_kept else None,
            video_model=video_model if is_kept and video_model != plan.video_model else None,
        )
        scenes.append(scene.take_over(copies, services.clock.now()))
    sheets = [copier.copy_sheet(sheet) for sheet in film.sheets]
    plan = plan.evolve(waves=own_frames.leave_out(make_waves(plan.continuity, scenes, sheets), scenes))
    return _TakenOver(plan, scenes, sheets, copier.calls)


class _Copier:
    """Copies parts of a film into the folder of a job, each one once, and keeps the calls of the copies."""

    def __init__(self, job: Job, film: _Film, services: Services) -> None:
        self._job_id = job.id
        self._film = film
        self._artifacts = services.artifacts
        self._now = services.clock.now()
        self._made: dict[str, Call] = {}

    @property
    def calls(self) -> list[Call]:
        """The settled calls of all copies."""
        return list(self._made.values())

    def copy_treatment(self, treatment: TreatmentSummary | None) -> TreatmentSummary | None:
        """Copy what was read from the prompt, where the film was planned from it."""
        if treatment is None or treatment.uri is None:
            return treatment
        copy = self.copy(read_prompt.PURPOSE, None, treatment.uri, treatment.checksum)
        return treatment.evolve(uri=copy.artifact)

    def copy_chapters(self, later: Sequence[LaterChapter]) -> tuple[LaterChapter, ...]:
        """Copy the storyboard's chapters after the first."""
        copies = (
            (self.copy(chapters.purpose_of(number), None, one.uri, one.checksum).artifact, one)
            for number, one in enumerate(later, start=2)
        )
        return tuple(one.evolve(uri=artifact) for artifact, one in copies)

    def copy_keyframe(self, scene: Scene, name: KeyframeName) -> Keyframe | None:
        """Copy a keyframe; the one that two scenes share is copied once."""
        keyframe = scene.stored(name)
        if keyframe is None:
            return None
        copy = self.copy(scene.keyframe_purpose(name), scene.id, keyframe.uri, keyframe.checksum)
        return keyframe.evolve(uri=copy.artifact)

    def copy_sheet(self, sheet: Sheet) -> Sheet:
        """Copy a sheet; one that was given up stays so."""
        image = sheet.image
        if image is not None:
            copy = self.copy(sheet.purpose, None, image.uri, image.checksum)
            image = image.evolve(uri=copy.artifact)
        return sheet.evolve(take=1, image=image, redraw=False, updated=self._now)

    def copy_clip(self, scene: Scene) -> Clip | None:
        """Copy a clip; a scene that was given up has none."""
        if scene.clip is None or scene.is_given_up:
            return None
        copy = self.copy(scene.clip_purpose, scene.id, scene.clip.uri, scene.clip.checksum)
        return scene.clip.evolve(uri=copy.artifact, call=copy.id)

    def copy(self, purpose: str, scene: str | None, uri: str, checksum: str | None) -> Call:
        """Copy what is stored at an address, if it is still what was stored. Raises: NotFound."""
        if uri not in self._made:
            paid = self._film.paid.get(uri)
            if paid is None:
                raise NotFound(f"no call paid for {uri}")
            wanted = PlannedCopy(self._job_id, purpose, scene, paid, checksum or self._artifacts.read_checksum(uri))
            self._made[uri] = wanted.make(self._artifacts, self._now)
        return self._made[uri]


def _write_plan(cmd: JobRun, taken: _TakenOver, services: Services) -> Plan | None:
    """Write plan, scenes and calls in one batch, or nothing."""
    jobs, now = services.jobs, services.clock.now()
    read = jobs.get_job(cmd.job_id)  # before the calls are read
    job, plan = read.value, taken.plan
    if job.run != cmd.run or job.is_final:
        return None
    if job.plan is not None:
        return job.plan
    planned = _planned_calls(job, taken, services)
    committed = committed_micros([call.value for call in jobs.list_calls(job.id)])
    needed = committed + sum(call.reserved_micros for call in planned)
    if needed > job.budget.limit_micros:
        raise BudgetExceeded(
            f"budget_usd: this upgrade needs up to {format_usd(needed)} USD; "
            f"the limit is {format_usd(job.budget.limit_micros)} USD. Nothing was paid.",
            remedy=f"Resume with a limit of at least {format_usd(needed)} USD, or upgrade fewer scenes.",
        )
    jobs.write(
        Replace(job.id, read, job.to(JobState.KEYFRAMES, now, plan=plan)),
        *(Create(job.id, scene) for scene in taken.scenes),
        *(Create(job.id, sheet) for sheet in taken.sheets),
        *(Create(job.id, call) for call in (*taken.copies, *planned)),
    )
    for call in taken.copies:
        log_call_ended(call, CallState.PLANNED)
    return plan


def _planned_calls(job: Job, taken: _TakenOver, services: Services) -> list[Call]:
    """The calls of everything that is to be paid."""
    now = services.clock.now()
    sources = PictureSources.of(job, taken.plan, taken.sheets)
    keyframes = call_requests.keyframes(job, sources, taken.scenes, services.text.location, now)
    clips = [
        call_requests.clip(job, taken.plan, scene, None, now)
        for scene in taken.scenes
        if scene.clip is None and not scene.is_given_up
    ]
    stored = (keyframe for scene in taken.scenes for keyframe in (scene.start, scene.end))
    is_redrawn = all(keyframe is None or keyframe.is_own for keyframe in stored)
    sheets = call_requests.sheets(job, sources, taken.scenes, services.text.location, now)
    drawn = (*sheets, *keyframes) if is_redrawn else ()
    return [request.planned(now) for request in (*drawn, *clips)]
