"""draw_sheet: draw one sheet, from which the keyframes are drawn that show the same person, thing or place.

A sheet that cannot be drawn is given up, and its film goes on without it: words say what the sheet would have shown.
"""

from dataclasses import dataclass
from typing import Literal

from promptreel.domain import prompts
from promptreel.domain.document import Problem
from promptreel.domain.job import Job
from promptreel.domain.picture_inputs import list_sheet_inputs
from promptreel.domain.sheet import SHEET_PX, Sheet, SheetImage
from promptreel.errors import BudgetExceeded
from promptreel.ledger.claims import Busy, Superseded
from promptreel.ledger.paid_calls import last_answer
from promptreel.services import Services
from promptreel.usecases import artifact_integrity, job_lifecycle
from promptreel.usecases.image_calls import Drawing, NotDrawn, draw

REQUEST_S = 300.0  # then Cloud Run and the workflow cut the request off (infra/config/services.json)
_REMEDY = "Nothing need be done. Where the film drifts, describe it in other words and submit again."


@dataclass(frozen=True, slots=True)
class DrawSheet:
    """Draw one sheet, for one take of it."""

    job_id: str
    run: int
    sheet: str
    take: int = 1


@dataclass(frozen=True, slots=True)
class SheetDrawn:
    """``busy``: call again after ``wait_s`` seconds. ``outdated``: the sheet has a newer take.

    ``given_up``: it cannot be drawn, and the film goes on without it.
    """

    state: Literal["drawn", "busy", "superseded", "outdated", "given_up"]
    wait_s: float = 0.0


def draw_sheet(cmd: DrawSheet, services: Services) -> SheetDrawn:
    """Draw one sheet. Idempotent: a repeated call returns the stored result and makes no paid call.

    Raises: Misconfigured when no image model can be used.
    """
    jobs = services.jobs
    until = last_answer(services.clock.now(), REQUEST_S)
    job = job_lifecycle.get_running(cmd.job_id, cmd.run, jobs)
    if job is None:
        return SheetDrawn("superseded")
    sheet = jobs.get_sheet(cmd.job_id, cmd.sheet).value
    if sheet.take != cmd.take:
        return SheetDrawn("outdated")
    if not sheet.is_awaited:
        return SheetDrawn("given_up" if sheet.problem else "drawn")
    drawing = _describe(job, sheet)
    try:
        drawn = draw(job, drawing, services, until)
    except BudgetExceeded as error:  # the first attempt is reserved with the plan: the limit holds no other one
        return _give_up(cmd, error.message, services)
    if isinstance(drawn, Busy):
        return SheetDrawn("busy", drawn.wait_s)
    if isinstance(drawn, Superseded):
        return SheetDrawn("superseded")
    if isinstance(drawn, NotDrawn):
        return _give_up(cmd, f"no picture in {drawn.tries} tries: {drawn.reason}", services)
    checksum = artifact_integrity.sheet_checksum(sheet, drawn.uri, services.artifacts)
    image = SheetImage(uri=drawn.uri, digest=drawn.digest, checksum=checksum)

    def store(read: Sheet) -> Sheet | None:
        if read.take != cmd.take or not read.is_awaited:
            return None
        return read.evolve(image=image, redraw=False, updated=services.clock.now())

    jobs.update_sheet(cmd.job_id, cmd.sheet, store)
    return SheetDrawn("drawn")


def _describe(job: Job, sheet: Sheet) -> Drawing:
    plan = job.require_plan()
    return Drawing(
        purpose=sheet.purpose,
        what=f"{sheet.id}: its picture",
        path=f"jobs/{job.id}/sheets/{sheet.id}",
        list_pictures=lambda model: list_sheet_inputs(job.references, sheet, model),
        compose=lambda model, pictures: prompts.sheet_prompt(plan, sheet, model, pictures),
        aspect="16:9",
        frame_px=SHEET_PX,
        take=sheet.take,
        damaged=frozenset({sheet.image.uri} if sheet.image else ()),
    )


def _give_up(cmd: DrawSheet, reason: str, services: Services) -> SheetDrawn:
    """Let the film go on without this sheet; its keyframes no longer wait for it."""

    def change(read: Sheet) -> Sheet | None:
        if read.take != cmd.take or not read.is_awaited:
            return None
        message = f"{read.name}: the film goes on without a sheet of it: {reason}"
        problem = Problem(code="sheet_refused", message=message, remedy=_REMEDY, step="draw_sheet")
        return read.evolve(problem=problem, updated=services.clock.now())

    services.jobs.update_sheet(cmd.job_id, cmd.sheet, change)
    return SheetDrawn("given_up")
