"""Events for operators: a fixed message for each kind of event, and its fields.

Metrics count messages and read fields (infra/config/metrics.json), so both are part of the interface. Fields are names
of few values, ids and numbers: never a prompt, a model's words or a signed URL. How a line is written is not known here
(logging/handler.py).
"""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

log = logging.getLogger(__name__)

_situation: ContextVar[Mapping[str, object]] = ContextVar("situation", default={})  # noqa: B039 - never changed, replaced


@contextmanager
def log_context(**fields: object) -> Iterator[None]:
    """Every line written inside carries these fields as well; those that are None are left out."""
    token = _situation.set({**_situation.get(), **_known(fields)})
    try:
        yield
    finally:
        _situation.reset(token)


def current_log_context() -> Mapping[str, object]:
    """The fields of the current work: step, job, scene, attempt and execution, as far as known."""
    return _situation.get()


def log_event(message: str, **fields: object) -> None:
    """Write one line; fields that are None are left out."""
    log.info(message, extra={"json_fields": _known(fields)})


def _known(fields: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in fields.items() if value is not None}
