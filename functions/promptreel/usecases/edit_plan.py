"""Edit the plan of a job that waits at a gate: one batch changes plan, scenes and reservations, or nothing does."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from promptreel.domain import call_rules, edits
from promptreel.domain.call import Call, committed_micros
from promptreel.domain.edits import EditedPlan, PlanEdit
from promptreel.domain.job import DrawItem, Job, Plan
from promptreel.domain.money import format_usd, parse_usd
from promptreel.domain.picture_inputs import PictureSources
from promptreel.domain.scene import Scene
from promptreel.domain.sheet import Sheet
from promptreel.domain.states import CallState
from promptreel.errors import BudgetExceeded, Conflict, NotFound
from promptreel.ledger import call_requests
from promptreel.ledger.claims import CallRequest
from promptreel.logging.endings import log_call_ended
from promptreel.ports.storage import Create, Replace, Versioned
from promptreel.services import Services
from promptreel.usecases.expected_job import refuse_changed

_CallChange = Create | Replace[Call]


@dataclass(frozen=True, slots=True)
class PlanEdited:
    """The job after an edit, the fields that it changed, and the pictures that are drawn again once it is approved.

    ``redo_micros`` is the most that those cost, ``left_micros`` the most that everything costs that is not made yet.
    """

    job: Job
    plan: Plan
    changed: tuple[str, ...]
    redrawn: tuple[DrawItem, ...]
    redrawn_sheets: tuple[Sheet, ...]
    redo_micros: int
    left_micros: int


def edit_plan(job_id: str, edit: PlanEdit, services: Services, expected: Job | None = None) -> PlanEdited:
    """Change texts, lengths, cast and order at a gate before the clips. Nothing is made or paid by it.

    Raises: Conflict for a job at no such gate, and for an edit of an older revision, naming what has changed since;
    Invalid as for a submission; BudgetExceeded with the amount needed.
    """
    return services.jobs.retry_on_conflict(lambda: _edit(job_id, edit, services, expected))


def _edit(job_id: str, edit: PlanEdit, services: Services, expected: Job | None) -> PlanEdited:
    jobs, now = services.jobs, services.clock.now()
    read = jobs.get_job(job_id)  # before the calls are read
    job = read.value
    if job.is_hidden(now):
        raise NotFound(f"There is no job {job_id}.")
    refuse_changed(job, expected)
    plan = _editable_plan(job, edit.revision)
    scenes, sheets, calls = jobs.list_scenes(job_id), jobs.list_sheets(job_id), jobs.list_calls(job_id)
    before = PictureSources.of(job, plan, [sheet.value for sheet in sheets])
    edited = edits.apply_edit(before, [scene.value for scene in scenes], edit, now)
    limit_micros = job.budget.limit_micros if edit.budget_usd is None else parse_usd(edit.budget_usd)
    changed = job.evolve(
        plan=edited.plan,
        animatic=None if edited.changed else job.animatic,  # it shows the plan as it was
        budget=job.budget.evolve(limit_micros=limit_micros, version=job.budget.version + 1),
        updated=now,
    )
    sources = PictureSources.of(changed, edited.plan, edited.sheets)
    unmade = call_requests.unmade_pieces(changed, sources, edited.scenes, services.text.location, now)
    requests = [_first_open_attempt(request, [call.value for call in calls]) for request in unmade]
    reservations = _reserve(requests, calls, now)
    _refuse_small_limit(limit_micros, calls, reservations, requests)
    pieces = (*_write_scenes(job_id, scenes, edited, now), *_write_sheets(job_id, sheets, edited))
    jobs.write(Replace(job_id, read, changed), *pieces, *reservations)
    for change in reservations:
        if isinstance(change.value, Call) and change.value.state is CallState.RELEASED:
            log_call_ended(change.value, CallState.PLANNED)
    redrawn = {(f"keyframe/{item.scene}/{item.frame}", item.take) for item in edited.redrawn}
    redrawn |= {(sheet.purpose, sheet.take) for sheet in edited.redrawn_sheets}
    return PlanEdited(
        job=changed,
        plan=edited.plan,
        changed=edited.changed,
        redrawn=edited.redrawn,
        redrawn_sheets=edited.redrawn_sheets,
        redo_micros=sum(request.price_micros for request in requests if (request.purpose, request.take) in redrawn),
        left_micros=sum(request.price_micros for request in requests),
    )


def _editable_plan(job: Job, revision: int) -> Plan:
    """The plan of a job whose gate is before its clips. Raises: Conflict."""
    if not job.is_waiting or job.gate is None or job.gate.stage == "clips" or job.plan is None:
        where = f"{job.state} after its {job.gate.stage}" if job.is_waiting and job.gate else job.state
        raise Conflict(
            f"The job is {where}; its plan is changed only while it waits after its storyboard or its keyframes.",
            code="not_editable",
            remedy="Submit the film with `approval` set to storyboard or animatic.",
        )
    if revision != job.plan.revision:
        raise Conflict(
            f"The plan has revision {job.plan.revision}, not {revision}; since then changed: "
            f"{job.plan.describe_changes(revision)}.",
            code="plan_changed",
            remedy=f"Look at the plan, then repeat the edit with revision {job.plan.revision}.",
        )
    return job.plan


def _first_open_attempt(request: CallRequest, calls: Sequence[Call]) -> CallRequest:
    """The request with the number of its first attempt that has not ended, where the step looks through attempts."""
    if request.attempt_of_scene:
        return request
    ended = {
        call.attempt
        for call in calls
        if (call.purpose, call.take) == (request.purpose, request.take) and call.is_finished
    }
    number = request.attempt
    while number in ended:
        number += 1
    return replace(request, attempt=number)


def _reserve(requests: Sequence[CallRequest], calls: Sequence[Versioned[Call]], now: datetime) -> list[_CallChange]:
    """Release what the plan no longer needs, reserve what it needs now, and leave everything else as it is."""
    needed = {request.call_id: request for request in requests}
    changes: list[_CallChange] = []
    for read in calls:
        call = read.value
        request = needed.pop(call.id, None)
        if request is not None:
            written = call_rules.reprice(call, request.price_micros, now)
        elif call.kind != "text":
            written = call_rules.withdraw(call, now)
        else:
            written = None
        if written is not None:
            changes.append(Replace(call.job, read, written))
    return [*changes, *(Create(request.job_id, request.planned(now)) for request in needed.values())]


def _refuse_small_limit(
    limit_micros: int,
    calls: Sequence[Versioned[Call]],
    changes: Sequence[Create | Replace[Call]],
    requests: Sequence[CallRequest],
) -> None:
    """Raises: BudgetExceeded when the limit does not hold the changed plan; nothing is written then."""
    after = {read.value.id: read.value for read in calls}
    after |= {change.value.id: change.value for change in changes if isinstance(change.value, Call)}
    unreserved = sum(request.price_micros for request in requests if after[request.call_id].is_finished)
    needed = committed_micros(after.values()) + unreserved
    if needed > limit_micros:
        raise BudgetExceeded(
            f"budget_usd: the changed film needs up to {format_usd(needed)} USD, with what is spent; the limit is "
            f"{format_usd(limit_micros)} USD. Nothing was changed.",
            remedy=f"Set `budget_usd` to at least {format_usd(needed)} in the same edit, or change less.",
        )


def _write_scenes(
    job_id: str, scenes: Sequence[Versioned[Scene]], edited: EditedPlan, now: datetime
) -> list[Replace[Scene]]:
    after = {scene.id: scene for scene in edited.scenes}
    changed = [read for read in scenes if after[read.value.id] != read.value]
    return [Replace(job_id, read, after[read.value.id].evolve(updated=now)) for read in changed]


def _write_sheets(job_id: str, sheets: Sequence[Versioned[Sheet]], edited: EditedPlan) -> list[Replace[Sheet] | Create]:
    stored = {read.value.id: read for read in sheets}
    changes: list[Replace[Sheet] | Create] = []
    for sheet in edited.sheets:
        read = stored.get(sheet.id)
        if read is None:
            changes.append(Create(job_id, sheet))
        elif read.value != sheet:
            changes.append(Replace(job_id, read, sheet))
    return changes
