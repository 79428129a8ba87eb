"""``retry.*`` and the retry policies of ``http.*``: which errors are worth another attempt."""

from localcloud.workflows.stdlib.functions import Namespace
from localcloud.workflows.values import Value

namespace = Namespace()

DEFAULT_BACKOFF: dict[str, Value] = {"initial_delay": 1, "max_delay": 60, "multiplier": 1.25}
DEFAULT_MAX_RETRIES = 5

_IDEMPOTENT_CODES = {429, 502, 503, 504}
_IDEMPOTENT_TAGS = {"ConnectionError", "ConnectionFailedError", "TimeoutError"}
_OTHER_CODES = {429, 503}
_OTHER_TAGS = {"ConnectionFailedError"}  # the request certainly never arrived


@namespace.plain("retry.always", "e")
def always(_: Value) -> bool:
    return True


@namespace.plain("retry.never", "e")
def never(_: Value) -> bool:
    return False


@namespace.plain("http.default_retry_predicate", "e")
def default_predicate(error: Value) -> bool:
    return _is_among(error, _IDEMPOTENT_CODES, _IDEMPOTENT_TAGS)


@namespace.plain("http.default_retry_predicate_non_idempotent", "e")
def non_idempotent_predicate(error: Value) -> bool:
    return _is_among(error, _OTHER_CODES, _OTHER_TAGS)


def _is_among(error: Value, codes: set[int], tags: set[str]) -> bool:
    if type(error) is not dict:
        return False
    named = error.get("tags")
    return error.get("code") in codes or (type(named) is list and any(tag in tags for tag in named))


ALWAYS = namespace.functions["retry.always"]

CONSTANTS: dict[str, Value] = {
    "retry.default_backoff": DEFAULT_BACKOFF,
    "http.default_retry": {
        "predicate": namespace.functions["http.default_retry_predicate"],
        "max_retries": DEFAULT_MAX_RETRIES,
        "backoff": DEFAULT_BACKOFF,
    },
    "http.default_retry_non_idempotent": {
        "predicate": namespace.functions["http.default_retry_predicate_non_idempotent"],
        "max_retries": DEFAULT_MAX_RETRIES,
        "backoff": DEFAULT_BACKOFF,
    },
}
