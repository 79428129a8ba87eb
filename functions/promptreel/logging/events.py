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

current_context: ContextVar[Mapping[str, object]] = ContextVar("context", default={})  # noqa: B039 - only replaced
"""The fields of the current work: step, job, scene, attempt and execution, as far as known."""


@contextmanager
def log_context(**fields: object) -> Iterator[None]:
    """Every line written inside carries these fields as well; those that are None are left out."""
    token = current_context.set({**current_context.get(), **_known(fields)})
    try:
        yield
    finally:
        current_context.reset(token)


def log_event(message: str, **fields: object) -> None:
    """Write one line; fields that are None are left out."""
    log.info(message, extra={"json_fields": _known(fields)})


def _known(fields: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in fields.items() if value is not None}
