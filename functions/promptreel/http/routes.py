"""The HTTP API as one Flask app: thin routes over use cases, every error a problem."""

import json
from collections.abc import Callable, Collection
from contextlib import suppress
from datetime import datetime
from typing import Any

from flask import Flask, Response, jsonify, request
from werkzeug.exceptions import HTTPException

from promptreel.domain import identifiers
from promptreel.domain.billing import parse_bill
from promptreel.domain.job import OPERATORS, Job
from promptreel.domain.money import parse_usd
from promptreel.domain.request import parse_resumption
from promptreel.domain.states import DELETED_JOB_STATES, JobState
from promptreel.errors import Conflict, Invalid, NotAllowed, NotFound, PromptreelError, Rejected, TooLarge, Transient
from promptreel.http import responses
from promptreel.http.job_events import list_events
from promptreel.http.problems import MEDIA_TYPE, problem
from promptreel.logging import events
from promptreel.services import Services
from promptreel.usecases import delete_job, job_lifecycle
from promptreel.usecases.accept_request import Submission, accept_request
from promptreel.usecases.reconcile import reconcile

MAX_BODY_BYTES = 1_000_000
MAX_BILL_BYTES = 30_000_000  # about 200,000 lines; Cloud Run takes 32 MiB
MAX_KEY_CHARS = 255
LINK_S = 3600
PAGE = 50
EVERYBODY = "*"


def app(services: Callable[[], Services]) -> Flask:
    """The application; the services are built only when a request comes."""
    flask = Flask("promptreel", static_folder=None)
    flask.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES
    flask.register_error_handler(Exception, _tell)
    flask.add_url_rule("/healthz", view_func=_healthz)
    flask.add_url_rule("/v1/jobs", view_func=lambda: _submit(services()), methods=["POST"], endpoint="submit")
    flask.add_url_rule("/v1/jobs", view_func=lambda: _list(services()), methods=["GET"], endpoint="list")
    flask.add_url_rule("/v1/jobs/<job>", view_func=lambda job: _show(services(), job), endpoint="show")
    flask.add_url_rule(
        "/v1/jobs/<job>", view_func=lambda job: _delete(services(), job), methods=["DELETE"], endpoint="delete"
    )
    flask.add_url_rule("/v1/jobs/<job>/ledger", view_func=lambda job: _ledger(services(), job), endpoint="ledger")
    flask.add_url_rule("/v1/jobs/<job>/events", view_func=lambda job: _events(services(), job), endpoint="events")
    flask.add_url_rule(
        "/v1/jobs/<job>/ledger:reconcile",
        view_func=lambda job: _reconcile(services(), job),
        methods=["POST"],
        endpoint="reconcile",
    )
    flask.add_url_rule(
        "/v1/jobs/<job>:cancel", view_func=lambda job: _cancel(services(), job), methods=["POST"], endpoint="cancel"
    )
    flask.add_url_rule(
        "/v1/jobs/<job>:resume", view_func=lambda job: _resume(services(), job), methods=["POST"], endpoint="resume"
    )
    return flask


def _healthz() -> Response:
    return jsonify({"status": "ok"})


def _submit(services: Services) -> tuple[Response, int]:
    """Answer 202 at once: the job stands before its execution is asked for, and sweep_jobs starts it otherwise."""
    owner = services.identity.identify_caller(request.headers)
    payload = _body()
    key = request.headers.get("Idempotency-Key")
    if key is not None and not 1 <= len(key) <= MAX_KEY_CHARS:
        raise Invalid(f"Idempotency-Key: must have 1 to {MAX_KEY_CHARS} characters.")
    job_id = identifiers.job_id("key", owner, key) if key else identifiers.job_id("random", services.ids.new_token())
    job = accept_request(Submission(job_id, owner, payload), services)
    if job.is_hidden(services.clock.now()):
        raise Conflict(
            "The film that this Idempotency-Key asked for was deleted.",
            code="job_deleted",
            remedy="Use a new key for a new film.",
        )
    events.log_event("job_submitted", job_id=job.id, run=job.run, request_trace=_trace())
    if job.state is JobState.PENDING and job.execution is None:
        with suppress(Transient):  # the job stands; sweep_jobs gives it an execution
            services.executions.start(job.id, job.run)
    return jsonify(responses.accepted(job, _address())), 202


def _address() -> str:
    """Where the caller reached us. Cloud Run ends TLS before us and says so in a header."""
    secure = request.headers.get("X-Forwarded-Proto") == "https"
    return f"{'https' if secure else request.scheme}://{request.host}"


def _list(services: Services) -> Response:
    owner = _chosen_owner(services, request.args.get("owner"))
    state = _chosen_state(request.args.get("state"))
    before = _moment(request.args.get("page_token"))
    jobs = _present(services, owner, state, before)
    page = jobs[:PAGE]
    more = page[-1].created.isoformat() if len(jobs) > PAGE else None
    return jsonify({"jobs": [responses.summary(job) for job in page], "next_page_token": more})


def _chosen_owner(services: Services, asked: str | None) -> str | None:
    """Whose jobs to list: the caller's own; for operators also another owner's, or everybody's (None)."""
    caller = services.identity.identify_caller(request.headers)
    if asked in {None, caller}:
        return caller
    if not services.operators.is_operator(caller):
        raise NotAllowed(
            "owner: only operators list the jobs of others.",
            code="not_an_operator",
            remedy="Leave owner out to list your own jobs; the deployment's variable operators names its operators.",
        )
    return None if asked == EVERYBODY else asked


def _present(services: Services, owner: str | None, state: JobState | None, before: datetime | None) -> list[Job]:
    """One page and one job more, if there are so many, without those that are deleted or expired."""
    present: list[Job] = []
    now = services.clock.now()
    while len(present) <= PAGE:
        found = services.jobs.list_jobs(owner, state, PAGE + 1, before)
        present += [job for job in found if not job.is_hidden(now)]
        if len(found) <= PAGE:
            break
        before = found[-1].created
    return present


def _show(services: Services, job_id: str) -> Response:
    job = _watched(services, job_id)
    scenes = [read.value for read in services.jobs.list_scenes(job.id)]
    calls = [read.value for read in services.jobs.list_calls(job.id)]
    links = services.artifacts.sign_urls(responses.files(job, scenes), LINK_S)
    return jsonify(responses.whole(job, scenes, calls, links))


def _ledger(services: Services, job_id: str) -> Response:
    job = _watched(services, job_id)
    return jsonify(responses.ledger(job, [read.value for read in services.jobs.list_calls(job.id)]))


def _events(services: Services, job_id: str) -> Response:
    """What happened to the job so far, oldest first."""
    job = _watched(services, job_id)
    scenes, calls = services.jobs.list_scenes(job.id), services.jobs.list_calls(job.id)
    return jsonify({"events": list_events(job, [read.value for read in scenes], [read.value for read in calls])})


def _reconcile(services: Services, job_id: str) -> Response:
    """The ledger beside a billing export; with ``"apply": true`` LOST calls that were never billed are released."""
    job = _own(services, job_id)
    request.max_content_length = MAX_BILL_BYTES
    bill = parse_bill(_body())
    return jsonify(responses.reconciled(reconcile(job.id, bill, services)))


def _cancel(services: Services, job_id: str) -> Response:
    job = _watched(services, job_id)
    cancelled = job_lifecycle.cancel(job.id, services)
    return jsonify(responses.summary(cancelled))


def _resume(services: Services, job_id: str) -> tuple[Response, int]:
    """Continue a failed or cancelled job; ``{"budget_usd"}`` sets a new limit, which is its owner's to set."""
    resumption = parse_resumption(_body() if request.get_data() else {})
    limit = None if resumption.budget_usd is None else parse_usd(resumption.budget_usd)
    job = _watched(services, job_id) if limit is None else _own(services, job_id)
    resumed = job_lifecycle.resume(job.id, limit, services)
    return jsonify(responses.summary(resumed)), 202


def _delete(services: Services, job_id: str) -> tuple[Response, int]:
    """Delete a job, running or not: 202 while what it owns is being removed, 204 once it is gone (ADR 4)."""
    job = _own(services, job_id, going=True)
    marked = delete_job.mark(job.id, services)
    if marked.state is JobState.DELETED:
        return Response(status=204), 204
    return jsonify({"id": marked.id, "state": marked.state.value}), 202


def _own(services: Services, job_id: str, *, going: bool = False) -> Job:
    """The caller's own job, and an operator's when its request named no owner. Raises: NotFound for every other.

    ``going`` also returns a job that is deleted already, for a caller who deletes again after a lost answer.
    """
    return _visible(services, job_id, {OPERATORS}, going=going)


def _watched(services: Services, job_id: str) -> Job:
    """The caller's own job, and any job for an operator: to see it, to stop it and to let it go on."""
    return _visible(services, job_id, None)


def _visible(services: Services, job_id: str, operators_see: Collection[str] | None, *, going: bool = False) -> Job:
    """The job, if it is the caller's, or of an owner whose jobs ``operators_see`` (None: everybody's)."""
    caller, now = services.identity.identify_caller(request.headers), services.clock.now()
    if identifiers.ID_PATTERN.match(job_id):
        job = services.jobs.get_job(job_id).value
        is_there = not job.is_hidden(now) or (
            going and job.state in DELETED_JOB_STATES and not job.tombstone_has_expired(now)
        )
        for_operators = operators_see is None or job.owner in operators_see
        if is_there and (job.owner == caller or (for_operators and services.operators.is_operator(caller))):
            return job
    raise NotFound(f"There is no job {job_id[:80]}.")


def _body() -> Any:
    if not request.is_json:
        raise Invalid("Content-Type: must be application/json.", remedy="Send the request as JSON.")
    try:
        return json.loads(request.get_data())
    except (ValueError, RecursionError) as error:
        raise Invalid(f"The body is not JSON: {error}", remedy="Send one JSON object.") from error


def _chosen_state(text: str | None) -> JobState | None:
    if text is None:
        return None
    try:
        return JobState(text.upper())
    except ValueError as error:
        raise Invalid(f"state: {text!r} is none of {', '.join(JobState)}.") from error


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise Invalid("page_token: not one that a list gave.") from error


def _tell(error: Exception) -> tuple[Response, int, dict[str, str]]:
    told = problem(_ours(error), trace=_trace())
    answer = jsonify(told.body)
    answer.headers["Content-Type"] = MEDIA_TYPE
    return answer, told.status, told.headers


def _trace() -> str:
    """The request's own trace, as Cloud Run gives it."""
    return request.headers.get("X-Cloud-Trace-Context", "").partition("/")[0]


def _ours(error: Exception) -> Exception:
    """Flask's own refusals in our words."""
    if isinstance(error, PromptreelError) or not isinstance(error, HTTPException):
        return error
    if error.code == 413:  # noqa: PLR2004 - HTTP
        return _too_large(request.max_content_length or MAX_BODY_BYTES)
    if error.code == 404:  # noqa: PLR2004 - HTTP
        return NotFound(f"There is nothing at {request.path[:80]}.")
    if error.code == 405:  # noqa: PLR2004 - HTTP
        return _MethodNotAllowed(f"{request.method} is not possible here.")
    if error.code is not None and 400 <= error.code < 500:  # noqa: PLR2004 - HTTP
        return Rejected(str(error.description or "The request cannot be read."), code="bad_request")
    return error


def _too_large(limit_bytes: int) -> TooLarge:
    is_bill = limit_bytes == MAX_BILL_BYTES
    remedy = "Send fewer lines: an export of the time around the job." if is_bill else "Send a shorter prompt."
    return TooLarge(f"The body is larger than {limit_bytes:,} bytes.", remedy=remedy)


class _MethodNotAllowed(Rejected):
    """405: the path exists, the verb does not."""

    status = 405
    default_code = "method_not_allowed"
