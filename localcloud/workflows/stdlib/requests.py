"""``http.*``: the arguments of a request, checked and handed to the runtime's client."""

from collections.abc import Awaitable, Callable

from localcloud.workflows.faults import type_fault, value_fault
from localcloud.workflows.program.frames import Run
from localcloud.workflows.stdlib.functions import Namespace, need, need_number
from localcloud.workflows.values import Value, type_name

namespace = Namespace()

DEFAULT_TIMEOUT_S = 300.0
LONGEST_TIMEOUT_S = 1800.0
_METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH")
_OPTIONAL: dict[str, Value] = {
    "timeout": None,
    "body": None,
    "headers": None,
    "query": None,
    "auth": None,
    "private_service_name": None,
    "ca_certificate": None,
}


@namespace.blocking("http.request", "method", "url", **_OPTIONAL)
async def request(run: Run, method: Value, url: Value, *given: Value) -> Value:
    need(str, method, "method")
    if method.upper() not in _METHODS:
        raise value_fault(f"method must be one of {', '.join(_METHODS)}, not {method!r}")
    need(str, url, "url")
    if not url.startswith(("http://", "https://")):
        raise value_fault(f"a URL begins with http:// or https://, this one is {url!r}")
    options = dict(zip(_OPTIONAL, given, strict=True))
    return await run.runtime.send(
        {
            "method": method.upper(),
            "url": url,
            "timeout_s": _timeout_s(options["timeout"]),
            "body": options["body"],
            "headers": _headers(options["headers"]),
            "query": _query(options["query"]),
            "auth": _auth(options["auth"]),
        }
    )


def _with(method: str) -> Callable[..., Awaitable[Value]]:
    async def send(run: Run, url: Value, *given: Value) -> Value:
        return await request(run, method, url, *given)

    return send


for _method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
    namespace.blocking(f"http.{_method.lower()}", "url", **_OPTIONAL)(_with(_method))


def _timeout_s(timeout: Value) -> float:
    if timeout is None:
        return DEFAULT_TIMEOUT_S
    need_number(timeout, "timeout")
    if not 0 < timeout <= LONGEST_TIMEOUT_S:
        raise value_fault(f"timeout must be above 0 and at most {LONGEST_TIMEOUT_S:.0f} seconds, not {timeout}")
    return float(timeout)


def _headers(headers: Value) -> dict[str, str]:
    if headers is None:
        return {}
    need(dict, headers, "headers")
    for name, value in headers.items():
        need(str, name, "a header's name")
        need(str, value, f"the header {name}")
    return dict(headers)


def _query(query: Value) -> list[tuple[str, str]]:
    if query is None:
        return []
    need(dict, query, "query")
    pairs: list[tuple[str, str]] = []
    for name, value in query.items():
        need(str, name, "a query parameter's name")
        pairs.extend((name, _query_text(item)) for item in (value if type(value) is list else [value]))
    return pairs


def _query_text(value: Value) -> str:
    if type(value) is bool:
        return "true" if value else "false"
    if type(value) in (str, int, float):
        return str(value)
    raise type_fault(f"a query parameter cannot be of type {type_name(value)}")


def _auth(auth: Value) -> dict[str, Value] | None:
    if auth is None:
        return None
    need(dict, auth, "auth")
    if auth.get("type") not in ("OIDC", "OAuth2"):
        raise value_fault(f"auth.type must be OIDC or OAuth2, not {auth.get('type')!r}")
    return dict(auth)
