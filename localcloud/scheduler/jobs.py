"""Cloud Scheduler's jobs: message types, names, which jobs the service accepts, what an update changes. Values only.

Limits and defaults from the v1 reference (Job, HttpTarget, RetryConfig), read 2026-11.
"""

import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

from google.cloud import scheduler_v1

from localcloud.resources import LOCATION, check_name, clear_fields, clone, copy_field, seconds, set_seconds
from localcloud.serving import ApiError
from localcloud.tasks.retries import RetryRule

# The plain protobuf classes: no wrapping cost per field.
Job = scheduler_v1.Job.pb()
ListJobsRequest = scheduler_v1.ListJobsRequest.pb()
ListJobsResponse = scheduler_v1.ListJobsResponse.pb()
HttpMethod = scheduler_v1.HttpMethod

ENABLED = int(scheduler_v1.Job.State.ENABLED)
PAUSED = int(scheduler_v1.Job.State.PAUSED)


_LOCATION = re.compile(LOCATION)
_JOB = re.compile(LOCATION + r"/jobs/[A-Za-z0-9_\-]{1,500}")


def location_name(text: str) -> str:
    shape = 'Location name must be formatted: "projects/<PROJECT_ID>/locations/<LOCATION_ID>".'
    return check_name(text, _LOCATION, shape)


def job_name(text: str) -> str:
    shape = 'Job name must be formatted: "projects/<PROJECT_ID>/locations/<LOCATION_ID>/jobs/<JOB_ID>".'
    return check_name(text, _JOB, shape)


USER_AGENT = "Google-Cloud-Scheduler"
LARGEST_JOB_BYTES = 1_000_000
LONGEST_DESCRIPTION = 500
LONGEST_URL = 2083
LARGEST_HEADERS_BYTES = 80 * 1024
MOST_RETRIES = 5
DEFAULT_DEADLINE_S = 180.0
SHORTEST_DEADLINE_S, LONGEST_DEADLINE_S = 15.0, 1800.0
DEFAULT_DOUBLINGS = 5
DEFAULT_MIN_BACKOFF_S, DEFAULT_MAX_BACKOFF_S = 5.0, 3600.0

_OUTPUT_ONLY = ("user_update_time", "state", "status", "schedule_time", "last_attempt_time")
_TARGETS = ("pubsub_target", "app_engine_http_target", "http_target")
_MUTABLE = ("description", *_TARGETS, "schedule", "time_zone", "retry_config", "attempt_deadline")
_WITH_BODY = {HttpMethod.POST, HttpMethod.PUT, HttpMethod.PATCH}


def check_job(job: Any) -> Any:
    """The job as it is stored: checked, defaults filled in; its schedule is the timetable's business.

    Raises: ApiError 400.
    """
    if job.ByteSize() > LARGEST_JOB_BYTES:
        raise ApiError(400, f"Job size too large: the limit is {LARGEST_JOB_BYTES} bytes.")
    if len(job.description) > LONGEST_DESCRIPTION:
        raise ApiError(400, f"Job.description is longer than {LONGEST_DESCRIPTION} characters.")
    _check_target(job)
    job.time_zone = job.time_zone or "UTC"
    _fill_target(job.http_target)
    _fill_deadline(job)
    _fill_retry(job.retry_config)
    return job


def new_job(job: Any, name: str) -> Any:
    """A new job under `name`, on. Raises: ApiError 400."""
    job = check_job(clear_fields(job, _OUTPUT_ONLY))
    job.name, job.state = name, ENABLED
    return job


def updated_job(old: Any, new: Any, mask: Iterable[str]) -> Any:
    """The old job with the masked fields of the new one (no mask: every mutable field). Raises: ApiError 400."""
    merged = clone(old)
    for path in list(mask) or _MUTABLE:
        try:
            copy_field(path if path.split(".")[0] in _MUTABLE else "", new, merged)
        except KeyError as exc:
            raise ApiError(400, f"Invalid mask for Job: {path}") from exc
    _drop_emptied_token(merged.http_target)
    return check_job(merged)


def retry_rule(job: Any) -> RetryRule:
    """`retry_count` counts the attempts after the first."""
    config = job.retry_config
    return RetryRule(
        max_attempts=config.retry_count + 1,
        max_retry_s=seconds(config.max_retry_duration),
        min_backoff_s=seconds(config.min_backoff_duration),
        max_backoff_s=seconds(config.max_backoff_duration),
        max_doublings=config.max_doublings,
    )


def _check_target(job: Any) -> None:
    match job.WhichOneof("target"):
        case None:
            raise ApiError(400, "Job.target is required: one of http_target, pubsub_target, app_engine_http_target.")
        case "http_target":
            _check_http(job.http_target)
        case other:
            raise ApiError(400, f"A job's {other} is not supported here: give it an http_target.")


def _check_http(target: Any) -> None:
    url = urlsplit(target.uri)
    if url.scheme not in {"http", "https"} or not url.netloc:
        raise ApiError(400, "HttpTarget.uri must start with 'http://' or 'https://' and name a host.")
    if len(target.uri) > LONGEST_URL:
        raise ApiError(400, f"HttpTarget.uri is longer than {LONGEST_URL} characters.")
    if target.body and (target.http_method or HttpMethod.POST) not in _WITH_BODY:
        raise ApiError(400, "HttpTarget.body is allowed only with POST, PUT and PATCH.")
    if sum(len(name) + len(value) for name, value in target.headers.items()) > LARGEST_HEADERS_BYTES:
        raise ApiError(400, f"HttpTarget.headers are too large: the limit is {LARGEST_HEADERS_BYTES} bytes.")
    token = target.WhichOneof("authorization_header")
    if token and not getattr(target, token).service_account_email:
        raise ApiError(400, f"HttpTarget.{token}.service_account_email must be set.")


def _fill_target(target: Any) -> None:
    target.http_method = target.http_method or int(HttpMethod.POST)
    for name in [name for name in target.headers if name.lower() == "user-agent"]:
        del target.headers[name]
    target.headers["User-Agent"] = USER_AGENT  # cannot be overridden
    if target.body and "content-type" not in {name.lower() for name in target.headers}:
        target.headers["Content-Type"] = "application/octet-stream"


def _fill_deadline(job: Any) -> None:
    if not job.HasField("attempt_deadline"):
        set_seconds(job.attempt_deadline, DEFAULT_DEADLINE_S)
    if not SHORTEST_DEADLINE_S <= seconds(job.attempt_deadline) <= LONGEST_DEADLINE_S:
        raise ApiError(400, "Job.attempt_deadline must be between [15s, 30m].")


def _fill_retry(config: Any) -> None:
    if not 0 <= config.retry_count <= MOST_RETRIES:
        raise ApiError(400, f"RetryConfig.retry_count must be between 0 and {MOST_RETRIES}.")
    if config.max_doublings < 0:
        raise ApiError(400, "RetryConfig.max_doublings must not be negative.")
    config.max_doublings = config.max_doublings or DEFAULT_DOUBLINGS
    if not config.HasField("max_retry_duration"):
        set_seconds(config.max_retry_duration, 0)
        config.max_retry_duration.SetInParent()
    if not config.HasField("min_backoff_duration"):
        set_seconds(config.min_backoff_duration, DEFAULT_MIN_BACKOFF_S)
    if not config.HasField("max_backoff_duration"):
        set_seconds(config.max_backoff_duration, DEFAULT_MAX_BACKOFF_S)
    if seconds(config.max_retry_duration) < 0:
        raise ApiError(400, "RetryConfig.max_retry_duration must not be negative.")
    if not 0 <= seconds(config.min_backoff_duration) <= seconds(config.max_backoff_duration):
        raise ApiError(400, "RetryConfig.min_backoff_duration must be between 0 and RetryConfig.max_backoff_duration.")


def _drop_emptied_token(target: Any) -> None:
    """Gcloud takes a token away by emptying each of its fields."""
    token = target.WhichOneof("authorization_header")
    if token and not getattr(target, token).ByteSize():
        target.ClearField(token)
