"""open_job: the first step of every execution. A raw request, an uploaded prompt or a known job becomes an open job."""

import json
from dataclasses import dataclass
from datetime import timedelta
from pathlib import PurePosixPath
from typing import Any

import yaml

from promptreel.domain import ids as names
from promptreel.domain.job import OPERATORS, Job
from promptreel.domain.request import FilmRequest, parse_request
from promptreel.errors import Invalid, NotFound, Rejected
from promptreel.ports import Clock, Executions, Ids, Inbox, JobStore, Replace, UploadedPrompt
from promptreel.protocol import lifecycle
from promptreel.protocol.races import until_won


@dataclass(frozen=True, slots=True)
class OpenJob:
    """``input`` is the execution's argument: ``{job_id, run}``, a request, or a bucket event."""

    execution: str
    input: Any


@dataclass(frozen=True, slots=True)
class Opened:
    """``state`` is ``open``, or ``superseded`` when another execution has this job."""

    state: str
    job_id: str
    run: int


def open_job(
    cmd: OpenJob,
    *,
    jobs: JobStore,
    inbox: Inbox,
    executions: Executions,
    clock: Clock,
    ids: Ids,
    keep: timedelta,
) -> Opened:
    """Create or load the job and make this execution its own; the first to do so has it.

    Raises: Rejected in words for whoever started the execution; a bad uploaded file also gets a report object.
    """
    execution = executions.name(cmd.execution)
    job_id, run = _find(cmd, execution, jobs=jobs, inbox=inbox, clock=clock, keep=keep)
    return until_won(lambda: _take(job_id, run, execution, jobs, clock), clock, ids)


def _take(job_id: str, run: int, execution: str, jobs: JobStore, clock: Clock) -> Opened:
    read = jobs.job(job_id)
    job = read.value
    if job.run != run or job.is_final or job.is_absent(clock.now()) or job.execution not in {None, execution}:
        return Opened("superseded", job_id, run)
    if job.execution is None:
        jobs.write(Replace(job_id, read, job.evolve(execution=execution, updated=clock.now())))
    return Opened("open", job_id, run)


def _find(
    cmd: OpenJob, execution: str, *, jobs: JobStore, inbox: Inbox, clock: Clock, keep: timedelta
) -> tuple[str, int]:
    wish = cmd.input
    if isinstance(wish, dict) and "job_id" in wish:
        return _known(wish)
    if isinstance(wish, dict) and isinstance(wish.get("data"), dict) and "bucket" in wish["data"]:
        job = _from_upload(wish["data"], inbox=inbox, jobs=jobs, clock=clock, keep=keep)
    else:
        owner, request = _owned(wish)
        job_id = names.job_id("execution", execution)
        job = lifecycle.create(lifecycle.new_job(job_id, owner, request, clock.now(), keep=keep), jobs)
    return job.id, 1


def _known(wish: dict[str, Any]) -> tuple[str, int]:
    job_id, run = wish["job_id"], wish.get("run")
    if (
        not isinstance(job_id, str)
        or not names.ID.match(job_id)
        or not isinstance(run, int)
        or set(wish) - {"job_id", "run"}
    ):
        raise Invalid('job_id: an existing job is opened with {"job_id": "job-…", "run": 1} and nothing else.')
    return job_id, run


def _owned(wish: Any) -> tuple[str, FilmRequest]:
    """A request by ``gcloud workflows run`` or in a file may name its owner."""
    if not isinstance(wish, dict):
        return OPERATORS, parse_request(wish)
    owner = wish.get("owner", OPERATORS)
    if not isinstance(owner, str) or not owner or len(owner) > 254:  # noqa: PLR2004 - longest e-mail address
        raise Invalid("owner: must be an e-mail address of at most 254 characters.")
    return owner, parse_request({field: value for field, value in wish.items() if field != "owner"})


def _from_upload(data: dict[str, Any], *, inbox: Inbox, jobs: JobStore, clock: Clock, keep: timedelta) -> Job:
    bucket, name, generation = (str(data.get(key, "")) for key in ("bucket", "name", "generation"))
    job_id = names.job_id("upload", bucket, name, generation)
    try:
        upload = inbox.read(bucket, name, generation)
        owner, request = _owned(_decode(upload))
        wanted = lifecycle.new_job(job_id, upload.owner or owner, request, clock.now(), keep=keep, upload=name)
        job = lifecycle.create(wanted, jobs)
    except NotFound:
        return jobs.job(job_id).value  # deleted or replaced since: the job may stand already, else NotFound says so
    except Rejected as error:
        report = {"state": "rejected", "code": error.code, "message": error.message, "remedy": error.remedy}
        inbox.report(name, {"object": f"gs://{bucket}/{name}", "generation": generation, **report})
        raise
    if job.is_absent(clock.now()):
        return job  # the same event again, long after: its report went with the job
    inbox.report(
        name, {"object": f"gs://{bucket}/{name}", "generation": generation, "state": "accepted", "job_id": job.id}
    )
    return job


def _decode(upload: UploadedPrompt) -> Any:
    """The request in a file, by its ending: .json and .yaml hold a request, .txt and .md hold a prompt."""
    try:
        text = upload.data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Invalid(
            f"{upload.name}: not UTF-8 text (byte {error.start}).", remedy="Save the file as UTF-8."
        ) from error
    ending = PurePosixPath(upload.name).suffix.lower()
    if ending in {".txt", ".md"}:
        return {"prompt": text}
    try:
        if ending == ".json":
            return json.loads(text)
        if ending in {".yaml", ".yml"}:
            return yaml.safe_load(text)
    except (ValueError, yaml.YAMLError, RecursionError) as error:
        where = " ".join(str(error).split())
        raise Invalid(f"{upload.name}: cannot be read: {where}", remedy="Mend the file and upload it again.") from error
    raise Invalid(
        f"{upload.name}: prompts end in .txt, .md, .json or .yaml, not {ending or 'nothing'!r}.",
        code="unknown_file_type",
        remedy="Rename the file and upload it again.",
    )
