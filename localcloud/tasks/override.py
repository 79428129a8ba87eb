"""A queue's own HTTP target: what it lays over the requests of all its tasks when they are sent. Pure; no I/O.

Rules from HttpTarget and UriOverride of the v2 reference, read 2026-11. The tasks as they are stored do not change.
"""

from dataclasses import replace
from typing import Any
from urllib.parse import SplitResult, urlsplit

from google.cloud import tasks_v2

from localcloud.messages import clone
from localcloud.tasks import wire
from localcloud.tasks.store import StoredTask

_IF_NOT_EXISTS = tasks_v2.UriOverride.UriOverrideEnforceMode.IF_NOT_EXISTS
_SCHEMES = {tasks_v2.UriOverride.Scheme.HTTP: "http", tasks_v2.UriOverride.Scheme.HTTPS: "https"}


def apply_queue_target(task: StoredTask, queue: Any) -> StoredTask:
    """The task as its worker gets it."""
    if not queue.HasField("http_target"):
        return task
    message = clone(task.message)
    message.http_request.CopyFrom(_overridden(task.message.http_request, queue.http_target))
    return replace(task, message=message)


def _overridden(request: Any, target: Any) -> Any:
    sent = clone(request)
    if target.HasField("uri_override"):
        sent.url = _url(urlsplit(request.url), target.uri_override).geturl()
    if target.http_method:
        sent.http_method = target.http_method
        if target.http_method == wire.HttpMethod.GET:
            sent.ClearField("body")
    for override in target.header_overrides:
        sent.headers[override.header.key] = override.header.value
    token = target.WhichOneof("authorization_header")
    if token:
        getattr(sent, token).CopyFrom(getattr(target, token))
    return sent


def _url(own: SplitResult, override: Any) -> SplitResult:
    only_missing = override.uri_override_enforce_mode == _IF_NOT_EXISTS
    scheme = _SCHEMES.get(override.scheme, "") if override.HasField("scheme") else ""
    host = override.host if override.HasField("host") else ""
    port = str(own.port or "") if not override.HasField("port") else str(override.port or "")
    if only_missing:  # a task's URL always has a scheme and a host
        scheme, host, port = "", "", str(own.port or "") or port
    netloc = (host or own.hostname or "") + (f":{port}" if port else "")
    path = override.path_override.path if _applies(override, "path_override", own.path, only_missing) else own.path
    if path and not path.startswith("/"):
        path = f"/{path}"
    replaced = _applies(override, "query_override", own.query, only_missing)
    query = override.query_override.query_params if replaced else own.query
    return SplitResult(scheme or own.scheme, netloc, path, query, own.fragment)


def _applies(override: Any, field: str, own: str, only_missing: bool) -> bool:
    return bool(override.HasField(field)) and not (only_missing and own)
