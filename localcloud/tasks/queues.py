"""A queue's settings: defaults, limits and update masks, as the service applies them. Values only; no I/O.

Numbers from the v2 reference and the defaults `gcloud tasks queues describe` shows, read 2026-11.
"""

import math
import re
from collections.abc import Iterable
from typing import Any

from localcloud.messages import clone, copy_field, seconds, set_seconds
from localcloud.serving import ApiError
from localcloud.tasks import wire
from localcloud.tasks.retries import UNLIMITED, RetryRule

DEFAULT_RATE_PER_S = 500.0
HIGHEST_RATE_PER_S = 500.0
DEFAULT_CONCURRENCY = 1000
HIGHEST_CONCURRENCY = 5000
# Google does not say how it picks a burst; `gcloud tasks queues describe` shows 100 for 500/s and 10 for 1/s and less.
SMALLEST_BURST = 10
DISPATCHES_PER_BURST = 5
DEFAULT_RETRY = RetryRule(max_attempts=100, max_retry_s=0, min_backoff_s=0.1, max_backoff_s=3600, max_doublings=16)

_MUTABLE = ("app_engine_routing_override", "http_target", "rate_limits", "retry_config", "stackdriver_logging_config")


def accept_queue(queue: Any) -> Any:
    """The queue as it is stored: checked, defaults filled in. Raises: ApiError 400."""
    limits = queue.rate_limits
    _within("rate_limits.max_dispatches_per_second", limits.max_dispatches_per_second, 0, HIGHEST_RATE_PER_S)
    _within("rate_limits.max_concurrent_dispatches", limits.max_concurrent_dispatches, 0, HIGHEST_CONCURRENCY)
    _within("rate_limits.max_burst_size", limits.max_burst_size, 0, HIGHEST_RATE_PER_S)
    limits.max_dispatches_per_second = limits.max_dispatches_per_second or DEFAULT_RATE_PER_S
    limits.max_concurrent_dispatches = limits.max_concurrent_dispatches or DEFAULT_CONCURRENCY
    # Output only at Google; a value given here is kept, because queue.yaml could set it and tests need small buckets.
    burst = max(SMALLEST_BURST, math.ceil(limits.max_dispatches_per_second / DISPATCHES_PER_BURST))
    limits.max_burst_size = limits.max_burst_size or burst
    _fill_retry(queue.retry_config)
    queue.state = queue.state or wire.RUNNING
    return queue


def updated_queue(old: Any, new: Any, mask: Iterable[str]) -> Any:
    """The old queue with the masked fields of the new one (no mask: every mutable field). Raises: ApiError 400."""
    merged = clone(old)
    paths = [_snake(path) for path in mask] or list(_MUTABLE)
    for path in paths:
        try:
            copy_field(path if path.split(".")[0] in _MUTABLE else "", new, merged)
        except KeyError as exc:
            raise ApiError(400, f"Invalid field in update_mask: '{path}'.") from exc
    if "rate_limits.max_burst_size" not in paths and not new.rate_limits.max_burst_size:
        merged.rate_limits.ClearField("max_burst_size")  # follows the rate again
    return accept_queue(merged)


def retry_rule(queue: Any, task: Any) -> RetryRule:
    """The rule for one task: its own retry configuration goes before its queue's."""
    config = wire.Queue().retry_config
    config.CopyFrom(task.retry_config if task.HasField("retry_config") else queue.retry_config)
    _fill_retry(config)
    return RetryRule(
        max_attempts=config.max_attempts,
        max_retry_s=seconds(config.max_retry_duration),
        min_backoff_s=seconds(config.min_backoff),
        max_backoff_s=seconds(config.max_backoff),
        max_doublings=config.max_doublings,
    )


def _fill_retry(config: Any) -> None:
    if config.max_attempts < UNLIMITED:
        raise ApiError(400, "RetryConfig.max_attempts must be greater than or equal to -1.")
    if config.max_doublings < 0:
        raise ApiError(400, "RetryConfig.max_doublings must not be negative.")
    config.max_attempts = config.max_attempts or DEFAULT_RETRY.max_attempts
    config.max_doublings = config.max_doublings or DEFAULT_RETRY.max_doublings
    if not config.HasField("max_backoff"):
        set_seconds(config.max_backoff, DEFAULT_RETRY.max_backoff_s)
    if not config.HasField("min_backoff"):  # a given max_backoff below the default min_backoff wins
        shortest_s = min(DEFAULT_RETRY.min_backoff_s, seconds(config.max_backoff))
        set_seconds(config.min_backoff, shortest_s)
    if not 0 <= seconds(config.min_backoff) <= seconds(config.max_backoff):
        raise ApiError(400, "RetryConfig.min_backoff must be between 0 and RetryConfig.max_backoff.")


def _snake(path: str) -> str:
    return re.sub(r"[A-Z]", lambda capital: f"_{capital[0].lower()}", path.strip())


def _within(field: str, value: float, lowest: float, highest: float) -> None:
    if not lowest <= value <= highest:
        raise ApiError(400, f"Queue.{field} must be between {lowest:g} and {highest:g}, got {value:g}.")
