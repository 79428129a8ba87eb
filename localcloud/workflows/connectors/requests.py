"""One REST request of a connector: built from the named arguments, repeated as the reference says, its end awaited."""

from collections.abc import Mapping

from localcloud.workflows.connectors.methods import DEFAULT_TIMEOUT_S, Method, Settings, Waits
from localcloud.workflows.faults import Raised, fault, type_fault
from localcloud.workflows.program.attempts import Policy
from localcloud.workflows.program.calls import call_value
from localcloud.workflows.program.frames import Frame
from localcloud.workflows.stdlib.retry import CONSTANTS
from localcloud.workflows.values import Value, to_json, type_name


async def call_method(
    frame: Frame, method: Method, arguments: Mapping[str, Value], settings: Settings
) -> dict[str, Value]:
    """The answer {body, code, headers}.

    Path parameters are put in as they are: an object's name is given URL-encoded, as the reference asks.
    """
    path = method.path
    for parameter in method.parameters:
        if type(arguments[parameter]) is not str:
            raise type_fault(f"{parameter} must be a string, not {type_name(arguments[parameter])}")
        path = path.replace(f"{{{parameter}}}", arguments[parameter])
    query = [
        (name, item if type(item) is str else to_json(item))
        for name in method.query
        if arguments.get(name) is not None and name != "contentType"
        for item in (arguments[name] if type(arguments[name]) is list else [arguments[name]])
    ]
    headers: dict[str, Value] = {}
    body = arguments.get("body")
    if method.is_upload:
        query = query if "uploadType" in arguments else [*query, ("uploadType", "media")]
        headers = {"Content-Type": str(arguments.get("contentType") or _content_type(body))}
        body = body.encode() if type(body) is str else body  # as it is, whatever the content type says
    return await send_request(
        frame, method.verb, method.origin + path, settings, query=query, headers=headers, body=body
    )


async def send_request(
    frame: Frame,
    verb: str,
    url: str,
    settings: Settings,
    *,
    query: list[tuple[str, str]] | None = None,
    headers: dict[str, Value] | None = None,
    body: Value = None,
) -> dict[str, Value]:
    """Repeated by the idempotent policy for GET and by the careful one for the rest."""
    scopes = {} if settings.scopes is None else {"scopes": settings.scopes}
    request = {
        "method": verb,
        "url": url,
        "query": query or [],
        "body": body,
        "headers": headers or {},
        "auth": {"type": "OAuth2", **scopes},
        "timeout_s": min(settings.timeout_s, DEFAULT_TIMEOUT_S),
    }
    policy = Policy.of(CONSTANTS["http.default_retry" if verb == "GET" else "http.default_retry_non_idempotent"])
    attempts = 1
    while True:
        try:
            return dict(await frame.run.runtime.send(request))
        except Raised as error:
            if attempts > policy.max_retries or not await call_value(policy.predicate, frame, [error.value]):
                raise
        await frame.run.runtime.sleep(policy.backoff.pause_s(attempts))
        attempts += 1


def _content_type(content: Value) -> str:
    if type(content) is bytes:
        return "application/octet-stream"
    return "text/plain; charset=utf-8" if type(content) is str else "application/json; charset=utf-8"


_UNFINISHED = ("ACTIVE", "QUEUED", "STATE_UNSPECIFIED")


async def await_operation(frame: Frame, method: Method, answer: Value, settings: Settings) -> Value:
    """The answer once nothing more can happen to what it names; at once if the caller skips polling."""
    if method.waits is Waits.FOR_NOTHING or settings.skip_polling:
        return answer
    ends_s = frame.run.runtime.now_s() + settings.timeout_s
    polls = 1
    while not _is_done(method, answer):
        pause_s = settings.polling.pause_s(polls)
        if frame.run.runtime.now_s() + pause_s > ends_s:
            message = f"the operation {answer['name']} was not done within {settings.timeout_s:g} seconds"
            raise fault("TimeoutError", message, operation=answer)
        await frame.run.runtime.sleep(pause_s)
        answer = (await send_request(frame, "GET", f"{method.origin}/{method.version}/{answer['name']}", settings))[
            "body"
        ]
        polls += 1
    return _outcome(method, answer)


def _is_done(method: Method, answer: Value) -> bool:
    if type(answer) is not dict or type(answer.get("name")) is not str:
        raise fault("ResponseTypeError", "the answer does not name an operation")
    if method.waits is Waits.FOR_EXECUTION:
        return answer.get("state") not in _UNFINISHED
    return answer.get("done") is True


def _outcome(method: Method, answer: dict[str, Value]) -> Value:
    if method.waits is Waits.FOR_EXECUTION:
        if answer.get("state") != "SUCCEEDED":
            raise fault("OperationError", "Execution failed or cancelled.", operation=answer)
        return answer
    if "error" in answer:
        message = "Long-running operation returned unsuccessful response"
        raise fault("OperationError", message, operation=answer, error=answer["error"])
    return answer.get("response", answer)
