"""A documented route of the API as one value: how it is reached, what it takes and what it may answer.

The OpenAPI document is made of these rows (tools/openapi.py). Tests hold them to the URL rules and answers of the app.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from pydantic import BaseModel

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]

BAD_REQUEST, FORBIDDEN, NOT_FOUND, CONFLICT, CHANGED, TOO_LARGE, INVALID = 400, 403, 404, 409, 412, 413, 422
_KEY = "The caller's choice: a repeated write with the same key has no further effect, and gives the same answer."
_IF_MATCH = "The `ETag` of the job as it was read: the write is refused when the job has changed since."
_IF_NONE_MATCH = "The `ETag` of an earlier answer: 304 while nothing has changed."
_EVERY_ROUTE = frozenset({BAD_REQUEST, 429, 500, 503})


@dataclass(frozen=True, slots=True)
class Answer:
    """What a route answers with one status: a JSON document, a body of the ``media_type``, or nothing.

    ``headers`` says what each response header means. ``links`` names operations that can follow, and for each the
    parameters that the answer holds (https://spec.openapis.org/oas/v3.1.1#runtime-expressions).
    """

    says: str
    document: type[BaseModel] | None = None
    media_type: str | None = None  # beside the document's, where there is one
    headers: Mapping[str, str] = field(default_factory=dict)
    links: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Route:
    """One method of one path.

    Args:
        operation_id: Its name in the document.
        summary: What it does, in a sentence for callers.
        answers: The answer of each status that is no problem.
        problems: The statuses of its problems, besides those that `problem_statuses` adds.
        query: The parameters of the query, as the view reads them.
        body: The JSON body, which the use case's own parser reads.
        headers: What each request header means that the view reads.
        is_public: It says nothing of anybody and is answered without an identity.
    """

    method: Method
    rule: str
    operation_id: str
    summary: str
    answers: Mapping[int, Answer]
    problems: frozenset[int] = frozenset()
    query: type[BaseModel] | None = None
    body: type[BaseModel] | None = None
    is_body_optional: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)
    is_public: bool = False

    @property
    def all_answers(self) -> Mapping[int, Answer]:
        """The answers, with 304 where an answer has a tag."""
        tagged = any(one.document or one.media_type == "application/json" for one in self.answers.values())
        unchanged = {304: Answer("Nothing has changed since the tag.")} if self.method == "GET" and tagged else {}
        return {**unchanged, **self.answers}

    @property
    def all_headers(self) -> Mapping[str, str]:
        """The request headers, with those that every route of its kind reads."""
        if self.method == "GET":
            return {**({"If-None-Match": _IF_NONE_MATCH} if 304 in self.all_answers else {}), **self.headers}  # noqa: PLR2004 - HTTP
        tag = {"If-Match": _IF_MATCH} if "<job_id>" in self.rule else {}
        return {"Idempotency-Key": _KEY, **tag, **self.headers}

    @property
    def problem_statuses(self) -> frozenset[int]:
        """The statuses of every problem that it may answer."""
        statuses = set(_EVERY_ROUTE | self.problems)
        if self.method != "GET":
            statuses |= {CONFLICT, INVALID} | ({CHANGED} if "<job_id>" in self.rule else set())
        if not self.is_public:
            statuses.add(FORBIDDEN)
        if "<" in self.rule:
            statuses.add(NOT_FOUND)
        if self.query is not None or self.body is not None:
            statuses.add(INVALID)
        if self.body is not None:
            statuses.add(TOO_LARGE)
        return frozenset(statuses)
