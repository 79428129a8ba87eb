"""The HTTP API as one Flask app: thin routes over use cases, every error a problem."""

import json
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from importlib import resources
from typing import Any, TypeVar

from flask import Flask, Response, jsonify, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException

from promptreel.domain import identifiers
from promptreel.domain.billing import parse_bill
from promptreel.domain.edits import parse_edit
from promptreel.domain.job import OPERATORS, Job
from promptreel.domain.models import registry
from promptreel.domain.money import parse_usd
from promptreel.domain.request import parse_approval, parse_resumption, validate_fields
from promptreel.domain.states import DELETED_JOB_STATES, JobState
from promptreel.domain.styles import style_list
from promptreel.errors import Conflict, Invalid, NotAllowed, NotFound, PromptreelError, Rejected, TooLarge, Transient
from promptreel.http import event_stream, idempotency, rate_limit, responses, webhook_routes
from promptreel.http.event_stream import stream_events
from promptreel.http.job_archive import answer_archive
from promptreel.http.job_events import list_events
from promptreel.http.job_list import JobsQuery, list_page
from promptreel.http.job_page import MAX_WAIT_S, parse_wait, show_job, show_job_when_changed
from promptreel.http.ledger_csv import answer_ledger
from promptreel.http.model_list import describe_models
from promptreel.http.preconditions import expect_unchanged, tag_answers
from promptreel.http.problem_list import PATH, show_problems, type_of
from promptreel.http.problems import MEDIA_TYPE, make_problem
from promptreel.http.step_handler import read_trace
from promptreel.http.style_list import PICTURE_TYPE, describe_styles, describe_templates, read_picture
from promptreel.logging import events
from promptreel.ports.storage import Versioned
from promptreel.services import Services
from promptreel.usecases import delete_job, job_lifecycle
from promptreel.usecases.accept_request import accept_request
from promptreel.usecases.accept_upgrade import accept_upgrade
from promptreel.usecases.edit_plan import edit_plan
from promptreel.usecases.estimate_request import estimate_request
from promptreel.usecases.inspect_upload import inspect_upload
from promptreel.usecases.offer_upload import offer_upload
from promptreel.usecases.reconcile import reconcile
from promptreel.usecases.view_job import view_job
from promptreel.usecases.watch_job import Watchers

T = TypeVar("T")

MAX_BODY_BYTES = 1_000_000
MAX_BILL_BYTES = 30_000_000  # about 200,000 lines; Cloud Run takes 32 MiB
EVERYBODY = "*"
_SECURITY_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Strict-Transport-Security": "max-age=31536000",
    "X-Content-Type-Options": "nosniff",
}


def app(services: Callable[[], Services]) -> Flask:
    """The application; the services are built only when a request comes."""
    watchers = Watchers()
    flask = Flask("promptreel", static_folder=None)
    flask.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES
    flask.register_error_handler(Exception, _answer_problem)
    flask.after_request(_add_security_headers)  # the first one registered runs last: what others set stays
    flask.before_request(_limit_body)
    rate_limit.limit_requests(flask, services)
    idempotency.answer_writes_once(flask, services)
    tag_answers(flask)
    flask.add_url_rule("/healthz", view_func=lambda: jsonify({"status": "ok"}), endpoint="healthz")
    flask.add_url_rule(PATH, view_func=show_problems, endpoint="show_problems")
    flask.add_url_rule("/v1/openapi.json", view_func=_get_openapi, endpoint="get_openapi")

    def add(method: str, rule: str, view: Callable[..., ResponseReturnValue]) -> None:
        name = view.func.__name__ if isinstance(view, partial) else view.__name__
        flask.add_url_rule(rule, name, lambda **path: view(services(), **path), methods=[method])

    add("GET", "/v1/models", _models)
    add("GET", "/v1/styles", _styles)
    add("GET", "/v1/templates", _templates)
    add("GET", "/v1/styles/<name>/picture", _picture)
    add("POST", "/v1/estimate", _estimate)
    add("POST", "/v1/uploads", _offer_upload)
    add("GET", "/v1/uploads/<upload_id>", _inspect_upload)
    add("GET", "/v1/jobs/<job_id>/archive", _get_archive)
    add("POST", "/v1/jobs", _submit)
    add("GET", "/v1/jobs", _list)
    add("GET", "/v1/jobs/<job_id>", partial(_show, watchers=watchers))
    add("DELETE", "/v1/jobs/<job_id>", _delete)
    add("GET", "/v1/jobs/<job_id>/ledger", _ledger)
    add("GET", "/v1/jobs/<job_id>/events", partial(_events, watchers=watchers))
    add("POST", "/v1/jobs/<job_id>/ledger:reconcile", _reconcile)
    add("POST", "/v1/jobs/<job_id>:cancel", _cancel)
    add("PATCH", "/v1/jobs/<job_id>/plan", _edit_plan)
    add("POST", "/v1/jobs/<job_id>:approve", _approve)
    add("POST", "/v1/jobs/<job_id>:resume", _resume)
    add("POST", "/v1/jobs/<job_id>:upgrade", _upgrade)
    for route in webhook_routes.list_routes(_read_body, _get_job):
        add(*route)
    return flask


def _add_security_headers(answer: Response) -> Response:
    """Answers are data: a browser must not run, frame or guess them, nor store what a view does not let it store."""
    for name, value in _SECURITY_HEADERS.items():
        answer.headers.setdefault(name, value)
    return answer


def _get_openapi() -> Response:
    """The OpenAPI document, as `make docs` writes it."""
    written = resources.files("promptreel.data").joinpath("openapi.json").read_bytes()
    return Response(written, content_type="application/json")


def _limit_body() -> None:
    if request.url_rule is not None and request.url_rule.rule.endswith("/ledger:reconcile"):
        request.max_content_length = MAX_BILL_BYTES


def _models(services: Services) -> Response:
    services.identity.identify_caller(request.headers.get)
    return jsonify(describe_models(registry(), services.clock.now(), services.protocols))


def _estimate(services: Services) -> Response:
    """Check a request as a submission does, and estimate its film; nothing is stored and no model is called."""
    owner = services.identity.identify_caller(request.headers.get)
    idempotency.keep_no_answer()
    estimated = estimate_request(owner, _read_body(), services.clock.now(), services)
    return jsonify(responses.estimated_request(estimated))


def _offer_upload(services: Services) -> tuple[Response, int]:
    """Sign a link by which the caller uploads one picture, for a request that names it afterwards."""
    owner = services.identity.identify_caller(request.headers.get)
    idempotency.keep_no_answer()  # it holds a signed link
    new_id = identifiers.digest("upload", *idempotency.make_token(owner, services))
    return jsonify(responses.new_upload(offer_upload(owner, _read_body(), new_id, services))), 201


def _inspect_upload(services: Services, upload_id: str) -> Response:
    """Look at an uploaded picture by decoding it."""
    owner = services.identity.identify_caller(request.headers.get)
    return jsonify(responses.inspected_upload(inspect_upload(owner, upload_id, services)))


def _get_archive(services: Services, job_id: str) -> Response:
    """Stream a job and all its files as one ZIP archive."""
    return answer_archive(view_job(_read_job(services, job_id), services), services)


def _styles(services: Services) -> Response:
    services.identity.identify_caller(request.headers.get)
    return jsonify(describe_styles(style_list()))


def _templates(services: Services) -> Response:
    services.identity.identify_caller(request.headers.get)
    return jsonify(describe_templates(style_list()))


def _picture(services: Services, name: str) -> Response:
    services.identity.identify_caller(request.headers.get)
    headers = {"Cache-Control": "private, max-age=31536000, immutable"}
    return Response(read_picture(style_list(), name), content_type=PICTURE_TYPE, headers=headers)


def _submit(services: Services) -> tuple[Response, int]:
    """Answer 202 at once: the job is stored before its execution is started; if that fails, sweep_jobs starts it."""
    owner = services.identity.identify_caller(request.headers.get)
    payload = _read_body()
    return _start(accept_request(_new_job_id(services, owner), owner, payload, services), services)


def _upgrade(services: Services, job_id: str) -> tuple[Response, int]:
    """Answer 202 as to a submission: a new job of the film's owner makes a finished film again by a better model."""
    film = _get_job(services, job_id, owner_only=True)
    expect_unchanged(film.id, services)
    payload = _read_body()
    return _start(accept_upgrade(_new_job_id(services, film.owner), film, payload, services), services)


def _new_job_id(services: Services, owner: str) -> str:
    """The id that follows from the request's Idempotency-Key, or a new one."""
    return identifiers.job_id(*idempotency.make_token(owner, services))


def _start(job: Job, services: Services) -> tuple[Response, int]:
    """Start the execution of a job that was just stored, and answer 202."""
    if job.is_hidden(services.clock.now()):
        raise Conflict(
            "The film that this Idempotency-Key asked for was deleted.",
            code="job_deleted",
            remedy="Use a new key for a new film.",
        )
    events.log_event("job_submitted", job_id=job.id, run=job.run, request_trace=read_trace(request))
    if job.state is JobState.PENDING and job.execution is None:
        with suppress(Transient):  # sweep_jobs gives it an execution
            services.executions.start(job.id, job.run)
    return jsonify(responses.accepted_job(job, _base_url())), 202


def _base_url() -> str:
    """The address that the caller used. Cloud Run ends TLS before the function and says so in a header."""
    is_secure = request.headers.get("X-Forwarded-Proto") == "https"
    return f"{'https' if is_secure else request.scheme}://{request.host}"


def _list(services: Services) -> Response:
    query = validate_fields(JobsQuery, request.args.to_dict())
    return jsonify(list_page(query, _choose_owner(services, query.owner), services))


def _choose_owner(services: Services, owner: str | None) -> str | None:
    """Whose jobs to list: the caller's own; for operators also another owner's, or those of every owner (None)."""
    caller = services.identity.identify_caller(request.headers.get)
    if owner in {None, caller}:
        return caller
    if not services.operators.is_operator(caller):
        raise NotAllowed(
            "owner: only operators list the jobs of others.",
            code="not_an_operator",
            remedy="Leave owner out to list your own jobs; the deployment's variable operators names its operators.",
        )
    return None if owner == EVERYBODY else owner


def _show(services: Services, job_id: str, *, watchers: Watchers) -> Response:
    """The job as it is now; with ``wait`` once it has changed, or after so many seconds."""
    wait_s = _read_argument("wait", parse_wait, f"a number of seconds from 0 to {MAX_WAIT_S}")
    if not wait_s:
        return show_job(_read_job(services, job_id), request.if_none_match, services)
    job = _find_watched_job(services, watchers, job_id)
    return show_job_when_changed(job, request.if_none_match, wait_s, services, watchers)


def _ledger(services: Services, job_id: str) -> Response:
    """Show every paid call of a job; with ``Accept: text/csv`` as a table for spreadsheets."""
    job = _get_job(services, job_id)
    ledger = responses.ledger_detail(job, [read.value for read in services.jobs.list_calls(job.id)])
    return answer_ledger(ledger, job.id, request.accept_mimetypes)


def _events(services: Services, job_id: str, *, watchers: Watchers) -> Response:
    """The events of the job so far, oldest first; as a stream also those to come."""
    if request.accept_mimetypes.best_match(("application/json", event_stream.MEDIA_TYPE)) == event_stream.MEDIA_TYPE:
        job = _find_watched_job(services, watchers, job_id)
        return stream_events(job, request.headers.get("Last-Event-ID"), services, watchers)
    job = _get_job(services, job_id)
    scenes, calls = services.jobs.list_scenes(job.id), services.jobs.list_calls(job.id)
    return jsonify({"events": list_events(job, [read.value for read in scenes], [read.value for read in calls])})


def _reconcile(services: Services, job_id: str) -> Response:
    """Compare the ledger with a billing export; with ``"apply": true`` release LOST calls that were never billed."""
    job = _get_job(services, job_id, owner_only=True)
    expect_unchanged(job.id, services)
    idempotency.keep_no_answer()
    bill = parse_bill(_read_body())
    return jsonify(responses.reconciliation(reconcile(job.id, bill, services)))


def _cancel(services: Services, job_id: str) -> Response:
    job = _get_job(services, job_id)
    cancelled = job_lifecycle.cancel(job.id, services, expect_unchanged(job.id, services))
    return jsonify(responses.job_summary(cancelled))


def _edit_plan(services: Services, job_id: str) -> Response:
    """Change the plan of a job that waits before its clips; the answer says what is redone, and its highest price."""
    edit = parse_edit(_read_body())
    job = _get_job(services, job_id, owner_only=edit.budget_usd is not None)
    return jsonify(responses.edited_plan(edit_plan(job.id, edit, services, expect_unchanged(job.id, services))))


def _approve(services: Services, job_id: str) -> tuple[Response, int]:
    """Let a job pass the gate at which it waits; ``{"gate", "revision"}`` say what was looked at."""
    approval = parse_approval(_read_body() if request.get_data() else {})
    job = _get_job(services, job_id)
    approved = job_lifecycle.approve(job.id, approval, services, expect_unchanged(job.id, services))
    return jsonify(responses.job_summary(approved)), 202


def _resume(services: Services, job_id: str) -> tuple[Response, int]:
    """Continue a failed or cancelled job; ``{"budget_usd"}`` sets a new limit, which is its owner's to set."""
    resumption = parse_resumption(_read_body() if request.get_data() else {})
    limit = None if resumption.budget_usd is None else parse_usd(resumption.budget_usd)
    job = _get_job(services, job_id, owner_only=limit is not None)
    resumed = job_lifecycle.resume(job.id, limit, services, expect_unchanged(job.id, services))
    return jsonify(responses.job_summary(resumed)), 202


def _delete(services: Services, job_id: str) -> tuple[Response, int]:
    """Delete a job, running or not: 202 while what it owns is being removed, 204 afterwards (docs/adr/0004)."""
    idempotency.keep_no_answer()
    job = _get_job(services, job_id, owner_only=True, include_deleted=True)
    marked = delete_job.mark(job.id, services, expected=expect_unchanged(job.id, services))
    if marked.state is JobState.DELETED:
        return Response(status=204), 204
    return jsonify({"id": marked.id, "state": marked.state.value}), 202


def _get_job(services: Services, job_id: str, *, owner_only: bool = False, include_deleted: bool = False) -> Job:
    """The job of `_read_job`, without its version."""
    return _read_job(services, job_id, owner_only=owner_only, include_deleted=include_deleted).value


def _read_job(
    services: Services, job_id: str, *, owner_only: bool = False, include_deleted: bool = False
) -> Versioned[Job]:
    """The caller's own job, and for operators any job. Raises: NotFound for every other.

    ``owner_only``: an operator gets others' jobs only if their request named no owner. ``include_deleted`` is for a
    caller who repeats a deletion after a lost answer.
    """
    caller, now = services.identity.identify_caller(request.headers.get), services.clock.now()
    if identifiers.ID_PATTERN.match(job_id):
        read = services.jobs.get_job(job_id)
        job = read.value
        is_tombstone = job.state in DELETED_JOB_STATES and not job.tombstone_has_expired(now)
        is_visible = not job.is_hidden(now) or (include_deleted and is_tombstone)
        for_operators = not owner_only or job.owner == OPERATORS
        if is_visible and (job.owner == caller or (for_operators and services.operators.is_operator(caller))):
            return read
    raise NotFound(f"There is no job {job_id[:80]}.")


def _find_watched_job(services: Services, watchers: Watchers, job_id: str) -> Job:
    """The job of `_read_job`; nothing is read for its owner when somebody watches it already."""
    caller, known = services.identity.identify_caller(request.headers.get), watchers.find_job(job_id)
    if known is not None and known.owner == caller and not known.is_hidden(services.clock.now()):
        return known
    return _get_job(services, job_id)


def _read_body() -> Any:
    if not request.is_json:
        raise Invalid("Content-Type: must be application/json.", remedy="Send the request as JSON.")
    try:
        return json.loads(request.get_data())
    except (ValueError, RecursionError) as error:
        raise Invalid(f"The body is not JSON: {error}", remedy="Send one JSON object.") from error


def _read_argument(name: str, parse: Callable[[str], T], wanted: str) -> T | None:
    text = request.args.get(name)
    try:
        return None if text is None else parse(text)
    except ValueError as error:
        raise Invalid(f"{name}: {text!r} is not {wanted}.") from error


def _answer_problem(error: Exception) -> ResponseReturnValue:
    known = _map_http_error(error)
    headers = {"Content-Type": MEDIA_TYPE}
    if isinstance(known, PromptreelError) and known.retry_after_s is not None:
        headers["Retry-After"] = str(known.retry_after_s)
    problem, status = make_problem(known, trace=read_trace(request))
    return {"type": type_of(problem["code"], _base_url()), **problem}, status, headers


def _map_http_error(error: Exception) -> Exception:
    """Flask's own errors as promptreel's."""
    match error:
        case HTTPException(code=413):
            limit_bytes = request.max_content_length or MAX_BODY_BYTES
            is_bill = limit_bytes == MAX_BILL_BYTES
            remedy = "Send fewer lines: an export of the time around the job." if is_bill else "Send a shorter prompt."
            return TooLarge(f"The body is larger than {limit_bytes:,} bytes.", remedy=remedy)
        case HTTPException(code=404):
            return NotFound(f"There is nothing at {request.path[:80]}.")
        case HTTPException(code=405):
            return _MethodNotAllowed(f"{request.method} is not possible here.")
        case HTTPException(code=int(code)) if 400 <= code < 500:  # noqa: PLR2004 - HTTP
            return Rejected(str(error.description or "The request cannot be read."), code="bad_request")
    return error


class _MethodNotAllowed(Rejected):
    """405: the path exists, the method does not."""

    status = 405
    default_code = "method_not_allowed"
