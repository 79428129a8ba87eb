"""The list of jobs: its filters, its pages, and the token of the next page.

A token names the last job of a page by time and id, so that no job is missed or repeated when several have the same
time, and the filters with which the list was begun.
"""

import base64
import binascii
from datetime import datetime
from itertools import islice
from typing import Annotated, Any

from pydantic import AwareDatetime, BeforeValidator, Field

from promptreel.domain import identifiers
from promptreel.domain.document import Frozen
from promptreel.domain.states import JobState
from promptreel.errors import Invalid
from promptreel.http import responses
from promptreel.ports.storage import JobPlace, Period
from promptreel.services import Services

MAX_PAGE = 100


class JobsQuery(Frozen):
    """Which jobs a list has."""

    owner: Annotated[str, Field(max_length=320)] | None = Field(
        default=None, description="Another owner's jobs, or `*` for those of everybody: for operators only."
    )
    state: Annotated[JobState, BeforeValidator(str.upper)] | None = Field(
        default=None, description="Only jobs in this state."
    )
    created_from: AwareDatetime | None = Field(
        default=None, description="Only jobs submitted at this time or later, as `2026-11-21T09:00:00Z`."
    )
    created_before: AwareDatetime | None = Field(default=None, description="Only jobs submitted before this time.")
    page_size: int = Field(default=50, ge=1, le=MAX_PAGE, description="How many jobs a page has.")
    page_token: Annotated[str, Field(max_length=500)] | None = Field(
        default=None, description="`next_page_token` of the page before, with the same filters."
    )


def list_page(query: JobsQuery, owner: str | None, services: Services) -> dict[str, Any]:
    """One page of the jobs of an owner, or of all, newest first. Raises: Invalid for a token of another list."""
    filters = _digest_filters(query, owner)
    after = None if query.page_token is None else _parse_token(query.page_token, filters)
    now = services.clock.now()
    found = services.jobs.list_jobs(owner, query.state, after, Period(query.created_from, query.created_before))
    jobs = list(islice((job for job in found if not job.is_hidden(now)), query.page_size + 1))
    page, has_more = jobs[: query.page_size], len(jobs) > query.page_size
    token = _make_token(JobPlace(page[-1].created, page[-1].id), filters) if has_more else None
    return {"jobs": [responses.job_summary(job) for job in page], "next_page_token": token}


def _digest_filters(query: JobsQuery, owner: str | None) -> str:
    period = (str(query.created_from), str(query.created_before))
    return identifiers.digest("list", owner or "", query.state or "", *period)[:8]


def _make_token(place: JobPlace, filters: str) -> str:
    text = f"{place.created.isoformat()}|{place.id}|{filters}"
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _parse_token(token: str, filters: str) -> JobPlace:
    try:
        text = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode()
        created, job_id, listed = text.split("|")
        place = JobPlace(datetime.fromisoformat(created), job_id)
        is_place = place.created.tzinfo is not None and identifiers.ID_PATTERN.match(job_id)
    except (binascii.Error, ValueError):
        is_place = listed = None
    if not is_place:
        raise Invalid("page_token: is not one that a list gave.", remedy="Begin the list anew, without a token.")
    if listed != filters:
        raise Invalid(
            "page_token: belongs to a list with other filters.",
            remedy="Repeat the filters of the first page, or begin the list anew, without a token.",
        )
    return place
