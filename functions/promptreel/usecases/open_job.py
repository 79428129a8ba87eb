"""open_job: the first step of every execution. A raw request, an uploaded prompt or a known job becomes an open job."""

from dataclasses import dataclass
from typing import Any, Literal

from promptreel.domain import identifiers
from promptreel.domain.characters import check_characters
from promptreel.domain.estimate import describe_estimate
from promptreel.domain.job import OPERATORS, Job
from promptreel.domain.styles import STYLE_FOLDER
from promptreel.errors import Invalid, NotFound, Rejected
from promptreel.services import Services
from promptreel.usecases import prompt_files
from promptreel.usecases.accept_request import accept_request

MAX_OWNER_CHARS = 254  # of an e-mail address


@dataclass(frozen=True, slots=True)
class OpenJob:
    """``input`` is the execution's argument: ``{job_id, run}``, a request, or a bucket event."""

    execution: str
    input: Any


@dataclass(frozen=True, slots=True)
class Opened:
    """``superseded``: another execution has this job."""

    state: Literal["open", "superseded"]
    job_id: str
    run: int


@dataclass(frozen=True, slots=True)
class NothingRequested:
    """A style file was uploaded: it is there for requests that name it, and requests nothing by itself."""

    state: Literal["no_job"] = "no_job"


def open_job(cmd: OpenJob, services: Services) -> Opened | NothingRequested:
    """Create or load the job and write this execution on it; the first execution to do so has the job.

    Raises: Rejected for a bad request; a bad uploaded file also gets a report object.
    """
    if _is_style_file(cmd.input):
        return NothingRequested()
    execution = services.executions.full_name(cmd.execution)
    job_id, run = _find(cmd, execution, services)
    now = services.clock.now()

    def may_open(job: Job) -> bool:
        is_open = job.run == run and job.is_running and not job.is_hidden(now)
        return is_open and job.execution in {None, execution}

    def take(job: Job) -> Job | None:
        return job.evolve(execution=execution, updated=now) if may_open(job) and job.execution is None else None

    job = services.jobs.update_job(job_id, take).after
    return Opened("open" if may_open(job) else "superseded", job_id, run)


def _is_style_file(payload: Any) -> bool:
    """Whether a bucket event is about a file in the folder of styles. A trigger cannot filter events by folder."""
    data = payload.get("data") if isinstance(payload, dict) else None
    return isinstance(data, dict) and "bucket" in data and str(data.get("name", "")).startswith(STYLE_FOLDER)


def _find(cmd: OpenJob, execution: str, services: Services) -> tuple[str, int]:
    """The id and run of the job that the execution's argument names or submits."""
    payload = cmd.input
    if isinstance(payload, dict) and "job_id" in payload:
        return _parse_known(payload)
    if isinstance(payload, dict) and isinstance(payload.get("data"), dict) and "bucket" in payload["data"]:
        job = _accept_upload(payload["data"], services)
    else:
        owner, request = _split_owner(payload)
        job_id = identifiers.job_id("execution", execution)
        job = accept_request(job_id, owner, request, services)
    return job.id, 1


def _parse_known(payload: dict[str, Any]) -> tuple[str, int]:
    job_id, run = payload["job_id"], payload.get("run")
    is_id = isinstance(job_id, str) and identifiers.ID_PATTERN.match(job_id)
    if not is_id or not isinstance(run, int) or set(payload) - {"job_id", "run"}:
        raise Invalid('job_id: an existing job is opened with {"job_id": "job-…", "run": 1} and nothing else.')
    return job_id, run


def _split_owner(payload: Any, uploader: str | None = None) -> tuple[str, Any]:
    """A request by ``gcloud workflows run`` or in a file may name its owner; the file's metadata overrules it."""
    is_object = isinstance(payload, dict)
    owner = uploader or (payload.get("owner", OPERATORS) if is_object else OPERATORS)
    check_characters({"owner": owner})
    if not isinstance(owner, str) or not owner or len(owner) > MAX_OWNER_CHARS:
        raise Invalid(f"owner: must be an e-mail address of at most {MAX_OWNER_CHARS} characters.")
    return owner, {field: value for field, value in payload.items() if field != "owner"} if is_object else payload


def _accept_upload(data: dict[str, Any], services: Services) -> Job:
    check_characters(data, refused=("Cs",))
    bucket, name, generation = (str(data.get(key, "")) for key in ("bucket", "name", "generation"))
    job_id = identifiers.job_id("upload", bucket, name, generation)
    about = {"object": f"gs://{bucket}/{name}", "generation": generation}
    try:
        upload = services.inbox.read_prompt(bucket, name, generation)
        owner, payload = _split_owner(prompt_files.decode(name, upload.data), upload.owner)
        job = accept_request(job_id, owner, payload, services, upload=name)
    except NotFound:  # the file was deleted or replaced since; an earlier delivery may have created its job
        return services.jobs.get_job(job_id).value
    except Rejected as error:
        report = {"state": "rejected", "code": error.code, "message": error.message, "remedy": error.remedy}
        services.inbox.write_report(name, {**about, **report})
        raise
    if not job.is_hidden(services.clock.now()):  # hidden: a repeated event, long after the report was deleted with it
        gates = {"gates": list(job.request.gates)} if job.request.gates else {}  # it waits there until it is approved
        estimate = job.estimate and describe_estimate(job.estimate)
        accepted = {"state": "accepted", "job_id": job.id, "estimate": estimate, **gates}
        services.inbox.write_report(name, {**about, **accepted})
    return job
