"""open_job: the first step of every execution. A raw request, an uploaded prompt or a known job becomes an open job."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from promptreel.domain import identifiers
from promptreel.domain.characters import check_characters
from promptreel.domain.job import OPERATORS, Job
from promptreel.errors import Invalid, NotFound, Rejected
from promptreel.ledger.optimistic_locking import retry_on_conflict
from promptreel.ports.orchestration import Executions
from promptreel.ports.storage import Inbox, JobStore, Replace
from promptreel.ports.system import Clock, Ids
from promptreel.usecases import job_lifecycle, prompt_files
from promptreel.usecases.accept_request import accept_job

MAX_OWNER_CHARS = 254  # of an e-mail address


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
    execution = executions.full_name(cmd.execution)
    job_id, run = _find(cmd, execution, jobs=jobs, inbox=inbox, clock=clock, keep=keep)
    return retry_on_conflict(lambda: _take(job_id, run, execution, jobs, clock), clock, ids)


def _take(job_id: str, run: int, execution: str, jobs: JobStore, clock: Clock) -> Opened:
    read = jobs.get_job(job_id)
    job = read.value
    if job.run != run or job.is_final or job.is_hidden(clock.now()) or job.execution not in {None, execution}:
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
        owner, payload = _owned(wish)
        job_id = identifiers.job_id("execution", execution)
        job = job_lifecycle.create(accept_job(job_id, owner, payload, clock.now(), keep=keep), jobs)
    return job.id, 1


def _known(wish: dict[str, Any]) -> tuple[str, int]:
    job_id, run = wish["job_id"], wish.get("run")
    if (
        not isinstance(job_id, str)
        or not identifiers.ID_PATTERN.match(job_id)
        or not isinstance(run, int)
        or set(wish) - {"job_id", "run"}
    ):
        raise Invalid('job_id: an existing job is opened with {"job_id": "job-…", "run": 1} and nothing else.')
    return job_id, run


def _owned(payload: Any, uploader: str | None = None) -> tuple[str, Any]:
    """A request by ``gcloud workflows run`` or in a file may name its owner; the file's metadata overrules it."""
    is_object = isinstance(payload, dict)
    owner = uploader or (payload.get("owner", OPERATORS) if is_object else OPERATORS)
    check_characters({"owner": owner})
    if not isinstance(owner, str) or not owner or len(owner) > MAX_OWNER_CHARS:
        raise Invalid(f"owner: must be an e-mail address of at most {MAX_OWNER_CHARS} characters.")
    return owner, {field: value for field, value in payload.items() if field != "owner"} if is_object else payload


def _from_upload(data: dict[str, Any], *, inbox: Inbox, jobs: JobStore, clock: Clock, keep: timedelta) -> Job:
    check_characters(data, refused=("Cs",))
    bucket, name, generation = (str(data.get(key, "")) for key in ("bucket", "name", "generation"))
    job_id = identifiers.job_id("upload", bucket, name, generation)
    try:
        upload = inbox.read_prompt(bucket, name, generation)
        owner, payload = _owned(prompt_files.decode(name, upload.data), upload.owner)
        job = job_lifecycle.create(accept_job(job_id, owner, payload, clock.now(), keep=keep, upload=name), jobs)
    except NotFound:
        return jobs.get_job(job_id).value  # deleted or replaced since: the job may stand already, else NotFound says so
    except Rejected as error:
        report = {"state": "rejected", "code": error.code, "message": error.message, "remedy": error.remedy}
        inbox.write_report(name, {"object": f"gs://{bucket}/{name}", "generation": generation, **report})
        raise
    if job.is_hidden(clock.now()):
        return job  # the same event again, long after: its report went with the job
    inbox.write_report(
        name, {"object": f"gs://{bucket}/{name}", "generation": generation, "state": "accepted", "job_id": job.id}
    )
    return job
