"""``If-Match`` on writes to a job, and an ``ETag`` for every other answer to a GET."""

from flask import Flask, Response, request

from promptreel.domain.job import Job
from promptreel.services import Services
from promptreel.usecases.expected_job import expect_job

OK = 200


def expect_unchanged(job_id: str, services: Services) -> Job | None:
    """The job that a write must find, by the request's ``If-Match``; None without one. Raises: Changed."""
    wanted = request.if_match
    if not wanted or wanted.star_tag:
        return None
    return expect_job(job_id, frozenset(wanted.as_set()), services)


def tag_answers(flask: Flask) -> None:
    """Give every JSON answer to a GET that has no tag the digest of its body, and answer 304 to whoever has it."""

    @flask.after_request
    def tag(response: Response) -> Response:
        if request.method != "GET" or response.status_code != OK or not response.is_json or response.is_streamed:
            return response
        if response.get_etag()[0] is None:
            response.add_etag()
            response.headers.setdefault("Cache-Control", "private, no-cache")
        response.make_conditional(request)
        return response
