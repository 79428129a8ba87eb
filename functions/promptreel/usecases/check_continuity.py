"""check_continuity: judge the keyframes before any clip is filmed, and have the worst drawn again.

Each call does what is next: it waits for keyframes that are being drawn again, judges those without a verdict, has the
worst drawn again, or ends the check and queues the clips. All of it follows from the stored documents.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Literal

from promptreel.domain import continuity, identifiers, prompts
from promptreel.domain.call import committed_micros
from promptreel.domain.continuity import CheckQuestion, FilmKeyframe
from promptreel.domain.job import ContinuityCheck, Job, Wave
from promptreel.domain.models import TextModel, registry
from promptreel.domain.picture_inputs import PictureSources, list_looks
from promptreel.domain.scene import JudgeAnswer, KeyframeVerdict, Scene
from promptreel.domain.states import SceneState
from promptreel.domain.verdict import PictureVerdict, Verdict, check_limits, parse_verdict
from promptreel.errors import BudgetExceeded, Misconfigured
from promptreel.ledger import call_requests
from promptreel.ledger.claims import Busy, Superseded
from promptreel.ledger.paid_calls import last_answer
from promptreel.ports.storage import Replace, Versioned
from promptreel.services import Services
from promptreel.usecases import filming, job_lifecycle
from promptreel.usecases.text_calls import NoUsableAnswer, Question, SeenPicture, ask

REQUEST_S = 300.0  # then Cloud Run and the workflow cut the request off (infra/config/services.json)
Judged = list[tuple[FilmKeyframe, KeyframeVerdict]]


@dataclass(frozen=True, slots=True)
class ContinuityChecked:
    """``busy``: call again after ``wait_s`` seconds. ``redraw``: draw the ``waves`` in order, then call again."""

    state: Literal["done", "busy", "redraw", "superseded"]
    wait_s: float = 0.0
    waves: tuple[Wave, ...] = ()


def check_continuity(cmd: job_lifecycle.JobRun, services: Services) -> ContinuityChecked:
    """Take the check one step further. Idempotent: a repeated call makes no paid call again.

    A check that cannot be made is left out with a warning: the budget does not hold it, no text model can be used, or
    its answers cannot.

    Raises: QuotaExhausted, Transient (nothing is paid, call again).
    """
    until = last_answer(services.clock.now(), REQUEST_S)
    job = job_lifecycle.get_running(cmd.job_id, cmd.run, services.jobs)
    if job is None:
        return ContinuityChecked("superseded")
    if not job.awaits_check:
        return ContinuityChecked("done")
    scenes = [read.value for read in services.jobs.list_scenes(job.id)]
    keyframes = continuity.list_keyframes(scenes)
    missing = [one for one in keyframes if one.drawn is None]
    if missing:
        return _redraw(missing)
    if continuity.list_unjudged(keyframes):
        try:
            judged = _judge(job, keyframes, services, until)
        except (BudgetExceeded, Misconfigured) as error:
            return _end_check(job, keyframes, services, _first_sentence(error.message))
        if isinstance(judged, Busy):
            return ContinuityChecked("busy", judged.wait_s)
        if isinstance(judged, Superseded):
            return ContinuityChecked("superseded")
        if isinstance(judged, NoUsableAnswer):
            return _end_check(
                job, keyframes, services, f"no usable verdict came in {judged.tries} tries: {judged.fault}"
            )
        keyframes = services.jobs.retry_on_conflict(partial(_store, job, judged, services))
    chosen = services.jobs.retry_on_conflict(partial(_mark, job, services))
    return _redraw(chosen) if chosen else _end_check(job, keyframes, services)


def _redraw(keyframes: Sequence[FilmKeyframe]) -> ContinuityChecked:
    """In the order of the film and one after the other: in a chain, a keyframe is drawn from the one before it."""
    return ContinuityChecked("redraw", waves=tuple(Wave(items=(one.item,)) for one in keyframes))


def _judge(
    job: Job, keyframes: Sequence[FilmKeyframe], services: Services, until: datetime
) -> Judged | NoUsableAnswer | Busy | Superseded:
    """Verdicts on every keyframe without one; all questions of a round are asked before any is stored."""
    plan, number = job.require_plan(), continuity.next_round(keyframes)
    model = registry().text_model(plan.text_model)
    found: Judged = []
    looks = list_looks(_sources(job, services))
    for place, question in enumerate(continuity.list_questions(plan, keyframes, looks, model), start=1):
        answer = ask(job, model, _question(job, question, f"{number}.{place}", model), services, until)
        if isinstance(answer, NoUsableAnswer | Busy | Superseded):
            return answer
        stored = JudgeAnswer(uri=answer.uri, checksum=services.artifacts.read_checksum(answer.uri))
        found += continuity.to_verdicts(question, answer.value, number, stored)
    return found


def _sources(job: Job, services: Services) -> PictureSources:
    sheets = [read.value for read in services.jobs.list_sheets(job.id)]
    return PictureSources.of(job, job.require_plan(), sheets)


def _question(
    job: Job, question: CheckQuestion, number: str, model: TextModel
) -> Question[Mapping[int, PictureVerdict]]:
    """What the text model is asked. Other pictures make another purpose: a stored answer is about its own pictures."""
    limits, judged = check_limits(), question.judged
    seen = identifiers.digest(*(picture.uri for picture in question.pictures))[:8]
    labels = [picture.label for picture in question.pictures]
    return Question(
        purpose=f"check/{number}/{seen}",
        instruction=prompts.JUDGE_INSTRUCTION,
        prompt=prompts.check_prompt(job.require_plan(), labels, list(judged)),
        schema=Verdict,
        read=lambda text: parse_verdict(text, judged),
        path=f"jobs/{job.id}/check",
        most_tokens=min(limits.answer_tokens + limits.verdict_tokens * len(judged), model.max_output_tokens),
        pictures=tuple(SeenPicture(picture.uri, picture.checksum) for picture in question.pictures),
    )


def _store(job: Job, judged: Judged, services: Services) -> list[FilmKeyframe]:
    """Write all verdicts of a round in one batch; of a keyframe that was drawn again the better picture stays.

    Returns: the keyframes afterwards.
    """
    reads, fence = services.jobs.list_scenes(job.id), _fence(job, services)
    scenes, now = [read.value for read in reads], services.clock.now()
    if fence is None:
        return continuity.list_keyframes(scenes)
    for keyframe, verdict in judged:
        at = next((index for index, scene in enumerate(scenes) if scene.id == keyframe.scene.id), None)
        current = scenes[at].keyframe(verdict.frame) if at is not None else None
        if at is None or current is None or current.uri != verdict.keyframe.uri or scenes[at].take != verdict.take:
            continue
        scenes[at] = scenes[at].evolve(verdicts=(*scenes[at].verdicts, verdict), updated=now)
        best = continuity.choose_best(scenes[at], verdict.frame)
        if best is not None and best.uri != current.uri:
            is_shared = verdict.frame == "end" and at + 1 < len(scenes)
            following = scenes[at + 1].start if is_shared else None
            if following is not None and following.uri == current.uri:
                scenes[at + 1] = scenes[at + 1].with_keyframe("start", best, now)
            scenes[at] = scenes[at].with_keyframe(verdict.frame, best, now)
    _write(job, fence, reads, scenes, services)
    return continuity.list_keyframes(scenes)


def _mark(job: Job, services: Services) -> list[FilmKeyframe]:
    """Have the worst keyframes drawn again, as many as the budget holds beside what is reserved."""
    reads, fence = services.jobs.list_scenes(job.id), _fence(job, services)
    scenes, now = [read.value for read in reads], services.clock.now()
    chosen = continuity.choose_redraws(continuity.list_keyframes(scenes))
    if fence is None or not chosen:
        return []
    left = fence.value.budget.limit_micros - committed_micros([read.value for read in services.jobs.list_calls(job.id)])
    held, sources = [], _sources(job, services)
    for one in chosen:
        tariff = call_requests.keyframe_tariff(sources, one.scene, one.frame, services.images.location)
        left -= tariff.reserved_micros(now)
        if left >= 0:
            held.append(one)
    if held:
        _write(job, fence, reads, continuity.mark_for_redraw(scenes, held, now), services)
    return held


def _fence(job: Job, services: Services) -> Versioned[Job] | None:
    """The job as read now; None when its check has ended or a newer run has begun."""
    read = services.jobs.get_job(job.id)
    return read if read.value.run == job.run and read.value.awaits_check else None


def _write(
    job: Job, fence: Versioned[Job], reads: Sequence[Versioned[Scene]], scenes: Sequence[Scene], services: Services
) -> None:
    """Write the changed scenes, unless the job has changed since: an older run must not write into a newer one."""
    changes = [Replace(job.id, old, new) for old, new in zip(reads, scenes, strict=True) if new is not old.value]
    touched = fence.value.evolve(updated=services.clock.now())
    services.jobs.write(Replace(job.id, fence, touched), *changes)


def _end_check(
    job: Job, keyframes: Sequence[FilmKeyframe], services: Services, reason: str | None = None
) -> ContinuityChecked:
    """End the check and queue the clips. poll_clips queues those that are not queued when this process ends here."""
    warnings = continuity.drift_warnings(keyframes)
    verdicts = [len(one.verdicts) for one in keyframes]
    check = ContinuityCheck(
        state="skipped" if reason and not any(verdicts) else "drift" if warnings else "passed",
        rounds=continuity.next_round(keyframes) - 1,
        redrawn=sum(count - 1 for count in verdicts if count),
        failing=len(warnings),
        reason=reason,
    )
    ended = job_lifecycle.end_check(job, check, services, warnings)
    if ended.run != job.run or not ended.is_running:
        return ContinuityChecked("superseded")
    if not ended.stops_after("keyframes"):
        for read in services.jobs.list_scenes(job.id):
            if read.value.state is SceneState.DRAWN:
                filming.dispatch(ended, read.value.id, services)
    return ContinuityChecked("done")


def _first_sentence(message: str) -> str:
    return message.rstrip(".")
