"""Idempotency-Key on every write: hooks around all routes, so that no route can forget it (docs/adr/0028)."""

import hashlib
import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from flask import Flask, Response, g, request

from promptreel.domain import identifiers
from promptreel.errors import Invalid, PromptreelError
from promptreel.services import Services
from promptreel.usecases.answer_once import Claim, KeyedRequest, claim_request, give_back, keep_answer

log = logging.getLogger(__name__)

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
MAX_KEY_CHARS = 255
MAX_KEPT_BYTES = 500_000  # a document has at most 1 MiB
_WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})


def answer_writes_once(flask: Flask, services: Callable[[], Services]) -> None:
    """Carry out every write with a key once, and answer its repetitions as the first time."""

    @flask.before_request
    def begin() -> Response | None:
        key = read_key()
        if key is None or request.method not in _WRITES or request.endpoint is None:
            return None
        caller = services().identity.identify_caller(request.headers.get)
        claimed = claim_request(KeyedRequest(caller, key, _fingerprint()), services())
        if isinstance(claimed, Claim):
            g.claim = claimed
            return None
        replayed = Response(claimed.body, claimed.status, content_type="application/json")
        replayed.headers[REPLAYED] = "true"
        return replayed

    @flask.after_request
    def end(response: Response) -> Response:
        claim = g.pop("claim", None)
        if claim is not None:
            with _lease_runs_out_on_failure():
                _keep(claim, response, services())
        return response


def read_key() -> str | None:
    """The request's key. Raises: Invalid."""
    key = request.headers.get(HEADER)
    if key is not None and not (1 <= len(key) <= MAX_KEY_CHARS and key.isprintable()):
        raise Invalid(f"{HEADER}: must have 1 to {MAX_KEY_CHARS} printable characters.")
    return key


def make_token(owner: str, services: Services) -> tuple[str, ...]:
    """What the id of a new thing is made from: the key, so that a repetition finds the thing; else a random token."""
    key = read_key()
    return ("key", owner, key) if key is not None else ("random", services.ids.new_token())


def keep_no_answer() -> None:
    """Store no body of this request's answer: it holds a secret, or the route answers a repetition by itself."""
    g.keeps_answer = False


def _keep(claim: Claim, response: Response, services: Services) -> None:
    if 200 <= response.status_code < 300:  # noqa: PLR2004 - HTTP
        is_kept = g.get("keeps_answer", True) and (response.content_length or 0) <= MAX_KEPT_BYTES
        body = response.get_data(as_text=True) if is_kept else None
        keep_answer(claim, response.status_code, body, _job_of(response) if is_kept else None, services)
    else:
        give_back(claim, services, had_no_effect=response.status_code < 500)  # noqa: PLR2004 - HTTP


def _job_of(response: Response) -> str | None:
    """The job that the answer is about."""
    body = response.get_json(silent=True)
    found = body.get("id") if isinstance(body, dict) else None
    return found if isinstance(found, str) and identifiers.is_job_id(found) else None


def _fingerprint() -> str:
    """A digest of method, address and body; the order and the spacing of JSON make no difference."""
    content: Any = request.get_data()
    with suppress(ValueError, RecursionError):  # the route refuses such a body, or takes none
        content = json.dumps(json.loads(content), sort_keys=True).encode()
    return identifiers.digest(request.method, request.full_path, hashlib.sha256(content).hexdigest())


@contextmanager
def _lease_runs_out_on_failure() -> Iterator[None]:
    """The answer is not withheld because it could not be stored: a repetition is carried out after the lease."""
    try:
        yield
    except PromptreelError as error:
        log.warning("answer not stored", extra={"json_fields": {"error": str(error)}})
