"""Waiting for what a connector started: an operation until it is done, an execution until it ends."""

from localcloud.workflows.connectors.methods import Method, Waits
from localcloud.workflows.connectors.requests import send_request
from localcloud.workflows.connectors.settings import Settings
from localcloud.workflows.faults import fault
from localcloud.workflows.program.frames import Frame
from localcloud.workflows.values import Value

_UNFINISHED = ("ACTIVE", "QUEUED", "STATE_UNSPECIFIED")


async def await_operation(frame: Frame, method: Method, answer: Value, settings: Settings) -> Value:
    """The answer once nothing more can happen to what it names; at once if the caller skips polling."""
    if method.waits is Waits.FOR_NOTHING or settings.skip_polling:
        return answer
    ends_s = frame.run.world.now_s() + settings.timeout_s
    polls = 1
    while not _is_done(method, answer):
        pause_s = settings.polling.pause_s(polls)
        if frame.run.world.now_s() + pause_s > ends_s:
            message = f"the operation {answer['name']} was not done within {settings.timeout_s:g} seconds"
            raise fault("TimeoutError", message, operation=answer)
        await frame.run.world.sleep(pause_s)
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
