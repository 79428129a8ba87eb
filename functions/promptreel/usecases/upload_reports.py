"""The report on an uploaded file, beside others in the results bucket: what became of it, from acceptance to the film.

The worker that ends or resumes the job writes it, and may die before. The sweeper looks at every job that has ended
and writes it again.
"""

import logging
from contextlib import suppress
from typing import Any

from promptreel.domain.call import add_up
from promptreel.domain.estimate import describe_estimate
from promptreel.domain.job import Job
from promptreel.domain.money import format_usd
from promptreel.domain.states import JobState
from promptreel.errors import PromptreelError, Rejected, TooMany, Transient
from promptreel.ports.storage import UploadedFile
from promptreel.services import Services

log = logging.getLogger(__name__)

_FAILED_REMEDY = "Upload the file again; if it fails again, tell the operators what this report says."
_WAITING_REMEDY = "The file waits for a place for some hours; after that, upload it again."
_LATER_REMEDY = "It is tried again for a few minutes. If this report stays as it is, upload the file again."


def report_job(job: Job, services: Services) -> None:
    """Write where the job of an uploaded file is. Nothing is written for other jobs, and for deleted ones."""
    now = services.clock.now()
    if job.upload is None or job.is_hidden(now):
        return
    services.inbox.write_report(
        job.upload,
        {
            "generation": job.upload_generation or "0",
            "job_id": job.id,
            "updated": job.updated.isoformat(),
            **_describe(job, services),
        },
    )


def report_job_soon(job: Job, services: Services) -> None:
    """`report_job`, where the job's own course matters more: the sweeper repeats what fails."""
    try:
        report_job(job, services)
    except PromptreelError as error:
        log.warning("left to the next sweep", extra={"json_fields": {"job_id": job.id, "error": str(error)}})


def report_failure(file: UploadedFile, error: Exception, services: Services) -> None:
    """Write why no job was made of a file: it is refused, or something broke. The caller raises the error."""
    report: dict[str, Any] = {"state": "failed", "code": "internal", "remedy": _FAILED_REMEDY}
    report["message"] = f"Something broke inside promptreel ({type(error).__name__})."
    if isinstance(error, PromptreelError):
        report |= {"code": error.code, "message": error.message, "remedy": error.remedy or _FAILED_REMEDY}
    if isinstance(error, Rejected):
        report |= {"state": "rejected", "remedy": error.remedy}
    if isinstance(error, Transient):
        remedy = f"{error.remedy} {_WAITING_REMEDY}" if isinstance(error, TooMany) else _LATER_REMEDY
        report |= {"state": "delayed", "remedy": remedy}
    stamped = {"generation": file.generation, "updated": services.clock.now().isoformat(), **report}
    with suppress(PromptreelError):  # the error that is reported says more
        services.inbox.write_report(file.name, stamped)


def _describe(job: Job, services: Services) -> dict[str, Any]:
    if not job.is_final:
        gates = {"gates": list(job.request.gates)} if job.request.gates else {}  # it waits there until it is approved
        estimate = job.estimate and describe_estimate(job.estimate)
        return {"state": "accepted", "estimate": estimate, "warnings": list(job.warnings), **gates}
    spent = add_up(read.value for read in services.jobs.list_calls(job.id)).spent_micros
    ended: dict[str, Any] = {"state": job.state.value.lower(), "spent_usd": format_usd(spent)}
    if job.output is not None and job.state is JobState.COMPLETE:
        ended |= {"film_uri": job.output.film_uri, "poster_uri": job.output.poster_uri, "warnings": list(job.warnings)}
    if job.error is not None:
        ended |= {name: value for name, value in job.error.model_dump().items() if value}
    return ended
