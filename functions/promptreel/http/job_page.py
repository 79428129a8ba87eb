"""One job as the API shows it, at once or when it has changed: ``ETag``, ``If-None-Match`` and ``wait``."""

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

from flask import Response, jsonify
from werkzeug.datastructures import ETags

from promptreel.domain.job import Job
from promptreel.errors import Invalid
from promptreel.http import responses
from promptreel.ports.storage import Versioned
from promptreel.services import Services
from promptreel.usecases.estimate_request import estimate_waiting_job
from promptreel.usecases.view_job import JobView, view_again, view_job
from promptreel.usecases.watch_job import Watchers

LINK_S = 3600
MAX_WAIT_S = 60


def parse_wait(text: str) -> int:
    """Raises: ValueError."""
    if not text.isdecimal() or int(text) > MAX_WAIT_S:
        raise ValueError(text)
    return int(text)


def show_job(stored: Versioned[Job], seen: ETags, services: Services) -> Response:
    """The job as it is now."""
    view = view_job(stored, services)
    return _answer(view, seen, lambda: render_job(view, services))


def show_job_when_changed(job: Job, seen: ETags, until_s: int, services: Services, watchers: Watchers) -> Response:
    """The job once it is not as the caller has ``seen`` it, or as it is after so many seconds.

    A caller who has seen nothing waits from what the job is now. A job that has ended is shown at once.
    """
    until = services.clock.now() + timedelta(seconds=until_s)
    watch = watchers.watch(job.id, services)
    try:
        view = watch.wait(None, until) or view_again(job.id, None, services)
        while not view.job.is_final and (not seen or seen.contains_weak(view.tag)):
            changed = watch.wait(view.tag, until)
            view = changed or view
            if changed is None or not seen:
                break
        return _answer(view, seen, lambda: watch.share(view, lambda: render_job(view, services)))
    finally:
        watch.close()


def render_job(view: JobView, services: Services) -> dict[str, Any]:
    """The document of a job, with its links signed."""
    uris = responses.artifact_uris(view.job, view.scenes, view.sheets)
    return describe_job(view, services.artifacts.sign_urls(uris, LINK_S), services)


def describe_job(view: JobView, links: responses.Links, services: Services) -> dict[str, Any]:
    """The document of a job, with these links."""
    job, scenes, calls, sheets = view.job, view.scenes, view.calls, view.sheets
    estimate = None
    if job.is_waiting:
        with suppress(Invalid):  # a model of its plan has left the registry
            estimate = estimate_waiting_job(job, scenes, calls, services)
    pictures = {"sheets": responses.sheet_list(sheets, calls, links), **responses.references(job, links, sheets)}
    return {**responses.job_detail(job, scenes, calls, links, estimate), **pictures}


def _answer(view: JobView, seen: ETags, render: Callable[[], dict[str, Any]]) -> Response:
    """The document, or 304 for a caller who has it."""
    answer = Response(status=304) if seen.contains_weak(view.tag) else jsonify(render())
    answer.set_etag(view.tag)
    answer.headers["Cache-Control"] = "private, no-cache"
    return answer
