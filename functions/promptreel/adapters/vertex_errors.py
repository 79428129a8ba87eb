"""Classify why Vertex AI refused or failed a call, and whether it may be billed; one classifier for every model.

It reads HTTP status, google.rpc code, support codes and words, at any depth of the answer. Words decide only where a
status means several things (400, FAILED_PRECONDITION, a filtered clip).

Source: Vertex AI's pages on API errors and on Veo's safety filters, and https://ai.google.dev/gemini-api/docs/api-errors
for the Interactions API, whose codes are words, read 2026-11. google-genai 3.6 keeps the HTTP status in
``APIError.code`` and the whole body in ``details``; of the Interactions API, in ``status_code`` and ``body``. Wordings
from public reports: googleapis/js-genai issues 1265 and 1272, googleapis/python-genai issues 1377 and 2079,
GoogleCloudPlatform/generative-ai issue 1308.
"""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import IntEnum, StrEnum
from typing import Any

from promptreel.adapters.sdk import import_sdk
from promptreel.domain import remedies
from promptreel.errors import AnswerLost, CallFailed, Refused, Throttled, Unpaid


class FailureKind(StrEnum):
    """What has to change before the call can succeed."""

    SAFETY = "safety"  # the prompt or the images
    CAPABILITY = "capability"  # the model: this one cannot do it
    QUOTA = "quota"  # the time: too many requests
    CONFIGURATION = "configuration"  # the deployment: a role, a model id, an API, billing
    OUTAGE = "outage"  # the provider
    UNKNOWN = "unknown"


# Codes of google.rpc, from 1 on.
_Rpc = IntEnum(
    "_Rpc",
    "CANCELLED UNKNOWN INVALID_ARGUMENT DEADLINE_EXCEEDED NOT_FOUND ALREADY_EXISTS PERMISSION_DENIED "
    "RESOURCE_EXHAUSTED FAILED_PRECONDITION ABORTED OUT_OF_RANGE UNIMPLEMENTED INTERNAL UNAVAILABLE DATA_LOSS "
    "UNAUTHENTICATED",
)
_RPC_OF_HTTP: Mapping[int, int] = {
    401: _Rpc.UNAUTHENTICATED, 403: _Rpc.PERMISSION_DENIED, 404: _Rpc.NOT_FOUND, 408: _Rpc.DEADLINE_EXCEEDED,
    429: _Rpc.RESOURCE_EXHAUSTED, 499: _Rpc.CANCELLED,
}  # fmt: skip
_RPC_OF_WORD: Mapping[str, int] = {  # the Interactions API's codes that google.rpc names otherwise
    "authentication": _Rpc.UNAUTHENTICATED, "model_not_found": _Rpc.NOT_FOUND, "api_error": _Rpc.INTERNAL,
    "service_unavailable": _Rpc.UNAVAILABLE, "rate_limit_exceeded": _Rpc.RESOURCE_EXHAUSTED,
    "quota_exceeded": _Rpc.RESOURCE_EXHAUSTED,
}  # fmt: skip
_OUTAGES = {
    _Rpc.CANCELLED, _Rpc.UNKNOWN, _Rpc.DEADLINE_EXCEEDED, _Rpc.ABORTED, _Rpc.INTERNAL, _Rpc.UNAVAILABLE, _Rpc.DATA_LOSS
}  # fmt: skip
_VAGUE = {0, _Rpc.INVALID_ARGUMENT, _Rpc.FAILED_PRECONDITION}  # or no code at all: the words decide
_SERVER_ERROR = 500
MAX_REASON_CHARS = 2000  # of an answer that may be a page of HTML

# Requests that ended in these may have been accepted; every other 4xx says that nothing was made.
_PERHAPS_ACCEPTED = frozenset({408, 499})
_CLIENT_ERRORS = range(400, _SERVER_ERROR)

_SUPPORT_CODES = re.compile(r"\b\d{8}\b")
_CODE_IN_WORDS = re.compile(r"\bcode:?\s+(\d{1,2})\b", re.IGNORECASE)


def _any_of(*parts: str) -> re.Pattern[str]:
    return re.compile("|".join(parts), re.IGNORECASE)


_EXHAUSTED_IN_WORDS = _any_of(r"quota exceeded", r"resource (has been )?exhausted", r"too many requests", r"rate limit")
_OUTAGE_IN_WORDS = _any_of(
    r"internal error", r"high load", r"overloaded", r"(temporarily|currently) unavailable", r"try again later",
    r"being provisioned", r"deadline expired", r"timed out",
)  # fmt: skip
_CONFIGURATION_IN_WORDS = _any_of(
    r"billing", r"api key", r"credential", r"service agent", r"service account", r"permission", r"access denied",
    r"organization('s)? polic", r"\bconstraints?/", r"has not been used in project", r"project_invalid",
    r"consumer_invalid", r"user location", r"invalid resource field",
)  # fmt: skip
_MISSING_MODEL_IN_WORDS = _any_of(
    r"publisher model", r"\bmodels?/", r"\bmodel\b.*\b(not found|no longer|retired|deprecated|shut down)",
    r"requested entity was not found",
)  # fmt: skip
_CAPABILITY_IN_WORDS = _any_of(
    r"allow-?list", r"not (currently )?support", r"\bunsupported", r"not allowed to use publisher model",
    r"supported (values|durations|range)", r"must be (one of|between|at most|at least)", r"at most [\d,]+",
    r"only supports?\b", r"too (large|long|many)", r"exceeds? (the )?(max|limit)", r"no longer available",
)  # fmt: skip
_SAFETY_IN_WORDS = _any_of(
    r"usage guidelines", r"responsible ai", r"\bviolat", r"safety", r"sensitive", r"prohibited", r"harmful",
    r"blocked", r"content polic", r"rephras", r"inappropriate",
)  # fmt: skip
_ALLOWLIST_IN_WORDS = _any_of(r"allow-?list")
_SOUND_IN_WORDS = _any_of(r"\baudio\b", r"\bspeech\b", r"\bsound\b")


def classify(text: str, *, http: int = 0, rpc: int = 0) -> tuple[str, ...]:
    """Classify the error of a request (``http``) or of an operation (``rpc``, a google.rpc code).

    A code that only the text names counts as well.

    Returns: codes for the ledger and for `remedies.find_remedy`: support codes, else one code of promptreel's own.
    """
    if codes := find_support_codes(text):
        return codes
    rpc = _RPC_OF_HTTP.get(http) or rpc or _find_rpc_code(text)
    if rpc == _Rpc.RESOURCE_EXHAUSTED or (rpc in _VAGUE and _EXHAUSTED_IN_WORDS.search(text)):
        return (FailureKind.QUOTA,)
    if http >= _SERVER_ERROR or rpc in _OUTAGES or (rpc in _VAGUE and _OUTAGE_IN_WORDS.search(text)):
        return (FailureKind.OUTAGE,)
    if rpc == _Rpc.NOT_FOUND:
        return (remedies.MODEL_UNAVAILABLE if _MISSING_MODEL_IN_WORDS.search(text) else FailureKind.CONFIGURATION,)
    if rpc in {_Rpc.PERMISSION_DENIED, _Rpc.UNAUTHENTICATED}:
        return (FailureKind.CAPABILITY if _ALLOWLIST_IN_WORDS.search(text) else FailureKind.CONFIGURATION,)
    if _CONFIGURATION_IN_WORDS.search(text):
        return (FailureKind.CONFIGURATION,)
    if rpc == _Rpc.UNIMPLEMENTED or _CAPABILITY_IN_WORDS.search(text):
        return (FailureKind.CAPABILITY,)
    is_filtered = _SAFETY_IN_WORDS.search(text) or _SOUND_IN_WORDS.search(text)
    return classify_filtered(text) if is_filtered else (FailureKind.UNKNOWN,)


def classify_filtered(text: str) -> tuple[str, ...]:
    """Classify a filtered answer: always safety; ``audio`` when only its sound was refused."""
    return find_support_codes(text) or ("audio" if _SOUND_IN_WORDS.search(text) else FailureKind.SAFETY,)


def classify_operation(error: Mapping[str, Any]) -> tuple[tuple[str, ...], str]:
    """Classify a failed operation's ``error``; also return its text."""
    text = " ".join(_collect_texts(error)) or "The operation failed without a reason."
    rpc = _read_rpc_code(error)
    return classify(text, rpc=rpc), f"{text} (code {rpc})" if rpc else text


@contextmanager
def translate_paid_call_errors(doing: str) -> Iterator[None]:
    """Translate every exception of a paid POST; the original stays as the cause.

    Raises: Throttled (429), Unpaid (never sent), Refused (with the codes of its class), AnswerLost (perhaps paid).
    """
    import_sdk()
    import httpx2  # noqa: PLC0415 - cold start
    from google.auth.exceptions import DefaultCredentialsError, GoogleAuthError  # noqa: PLC0415
    from google.genai._interactions_errors import APIConnectionError  # noqa: PLC0415
    from google.genai._interactions_errors import APIError as InteractionError  # noqa: PLC0415
    from google.genai.errors import APIError  # noqa: PLC0415

    try:
        yield
    except CallFailed:
        raise
    except APIError as error:
        raise to_call_failed(doing, error.code, error.details, str(error.message or error.status or "")) from error
    except DefaultCredentialsError as error:
        raise Refused(f"{doing}: never sent: {error}", codes=(FailureKind.CONFIGURATION,)) from error
    except Exception as error:  # the SDK lets its HTTP library's and JSON's errors through
        cause = error.__cause__ if isinstance(error, APIConnectionError) else error
        if isinstance(cause, httpx2.ConnectError | httpx2.ConnectTimeout | httpx2.PoolTimeout | GoogleAuthError):
            raise Unpaid(f"{doing}: never sent: {cause!r}") from error
        if isinstance(error, InteractionError) and error.status_code:
            raise to_call_failed(doing, error.status_code, error.body, error.message) from error
        raise AnswerLost(f"{doing}: {cause!r}") from error


def find_support_codes(text: str) -> tuple[str, ...]:
    """Return the support codes after the words "Support codes", and known codes anywhere in the text."""
    _, introduced, after = text.partition("upport code")
    listed = _SUPPORT_CODES.findall(after) if introduced else []
    known = [code for code in _SUPPORT_CODES.findall(text) if code in remedies.listed_codes()]
    return tuple(dict.fromkeys([*listed, *known]))


def to_call_failed(doing: str, status: int, body: Any, message: str) -> CallFailed:
    """Translate an answer that is an error. Only a 4xx says that nothing is billed."""
    text = " ".join(_collect_texts(body)) or message
    reason = f"{doing}: {status} {text}".strip()[:MAX_REASON_CHARS]
    if status not in _CLIENT_ERRORS or status in _PERHAPS_ACCEPTED:
        return AnswerLost(reason)
    codes = classify(text, http=status, rpc=_read_rpc_code(body))
    return Throttled(reason) if codes == (FailureKind.QUOTA,) else Refused(reason, codes=codes)


def _find_rpc_code(text: str) -> int:
    found = _CODE_IN_WORDS.search(text)
    return int(found[1]) if found else 0


def _read_rpc_code(body: Any) -> int:
    """Return the innermost google.rpc code: outer ones come from proxies."""
    found = 0
    for level in _walk_errors(body):
        found = _Rpc.__members__.get(str(level.get("status"))) or _to_rpc_code(level.get("code")) or found
    return found


def _to_rpc_code(code: Any) -> int:
    """Return the google.rpc code of a code that may be one, an HTTP status, or a word; 0 for anything else."""
    if isinstance(code, str):
        return _RPC_OF_WORD.get(code, _Rpc.__members__.get(code.upper(), 0))
    if not isinstance(code, int):
        return 0
    return code if 0 < code <= len(_Rpc) else _RPC_OF_HTTP.get(code, 0)


def _collect_texts(body: Any) -> list[str]:
    """Return every code in words, message and reason of an error once, outermost first."""
    found: dict[str, None] = {}
    for level in _walk_errors(body):
        if isinstance(level.get("code"), str):
            found[level["code"].replace("_", " ")] = None
        message = level.get("message")
        if isinstance(message, str) and not isinstance(_parse_json(message), dict | list):
            found[message.strip()] = None
        details = level.get("details")
        for detail in details if isinstance(details, list) else ():
            if isinstance(detail, Mapping) and isinstance(detail.get("reason"), str):
                found[detail["reason"]] = None
        if isinstance(level.get("error"), str):
            found[level["error"]] = None
    return [text for text in found if text]


def _walk_errors(body: Any) -> Iterator[Mapping[str, Any]]:
    """Yield the error objects of an answer: they may be nested, in lists, or JSON inside a message."""
    if isinstance(body, list):
        for each in body:
            yield from _walk_errors(each)
    elif isinstance(body, Mapping):
        yield body
        yield from _walk_errors(body.get("error"))
        yield from _walk_errors(_parse_json(body.get("message")))


def _parse_json(message: Any) -> Any:
    try:
        return json.loads(message)
    except (TypeError, ValueError):
        return None
