"""The archive of a job as an answer: its documents as the API shows them, and its files, streamed.

The answer has no Content-Length: Cloud Run refuses answers of a known length above 32 MiB. A transfer that breaks off
lacks its last chunk, which HTTP clients report.
"""

import json
import logging
import threading
from collections.abc import Callable, Iterator
from typing import Any

from flask import Response

from promptreel.domain.job import Job
from promptreel.errors import Transient
from promptreel.http import responses
from promptreel.http.job_events import list_events
from promptreel.http.job_page import describe_job
from promptreel.http.ledger_csv import write_csv
from promptreel.services import Services
from promptreel.usecases.archive_job import archive_job, archive_path
from promptreel.usecases.view_job import JobView

MEDIA_TYPE = "application/zip"
AT_ONCE = 4  # of one instance: each keeps a thread, and a few megabytes of a file, for as long as its reader takes

log = logging.getLogger(__name__)
_READERS = threading.BoundedSemaphore(AT_ONCE)


def answer_archive(view: JobView, services: Services) -> Response:
    """Stream the archive. Raises: Transient while as many as possible are being read."""
    if not _READERS.acquire(blocking=False):
        raise Transient(
            f"{AT_ONCE} archives are being read here already.",
            code="archives_busy",
            remedy="Ask again in a minute.",
        )
    leave = _once(_READERS.release)
    try:
        parts = archive_job(view.job, _write_documents(view, services), services)
    except BaseException:
        leave()
        raise
    response = Response(_send(parts, view.job, leave), content_type=MEDIA_TYPE)
    response.headers["Content-Disposition"] = f'attachment; filename="{view.job.id}.zip"'
    response.headers["Cache-Control"] = "no-store"
    response.call_on_close(leave)  # also when no part was asked for
    return response


def _write_documents(view: JobView, services: Services) -> dict[str, bytes]:
    """What the API says of a job, in which each link leads to the file in the archive."""
    job = view.job
    own = services.artifacts.uri(f"jobs/{job.id}/")
    uris = responses.artifact_uris(job, view.scenes, view.sheets)
    links = {uri: archive_path(uri, job.id, services) if uri.startswith(own) else uri for uri in uris}
    ledger = responses.ledger_detail(job, view.calls)
    written: dict[str, Any] = {
        "job.json": describe_job(view, links, services),
        "plan.json": job.plan.model_dump(mode="json") if job.plan else None,
        "ledger.json": ledger,
        "events.json": {"events": list_events(job, view.scenes, view.calls)},
    }
    as_json = {name: json.dumps(value, indent=1, ensure_ascii=False).encode() for name, value in written.items()}
    return {**as_json, "ledger.csv": write_csv(ledger).encode()}


def _send(parts: Iterator[bytes], job: Job, leave: Callable[[], None]) -> Iterator[bytes]:
    """The parts. Of a failure its reader sees no more than that the archive breaks off."""
    try:
        yield from parts
    except Exception:
        log.exception("archive broke off", extra={"json_fields": {"job_id": job.id}})
        raise
    finally:
        leave()


def _once(act: Callable[[], None]) -> Callable[[], None]:
    """The act, carried out by the first of its callers alone."""
    first = threading.Lock()

    def act_once() -> None:
        if first.acquire(blocking=False):
            act()

    return act_once
