"""``events.*``: waiting for somebody outside to call."""

from localcloud.workflows.callbacks import METHODS
from localcloud.workflows.faults import value_fault
from localcloud.workflows.program.frames import Run
from localcloud.workflows.stdlib.functions import Namespace, need, need_number
from localcloud.workflows.values import Value

namespace = Namespace()

DEFAULT_TIMEOUT_S = 43200.0


@namespace.worldly("events.create_callback_endpoint", http_callback_method="POST")
def create_callback_endpoint(run: Run, http_callback_method: Value) -> Value:
    need(str, http_callback_method, "http_callback_method")
    if http_callback_method not in METHODS:
        raise value_fault(f"http_callback_method must be one of {', '.join(METHODS)}, not {http_callback_method!r}")
    return {"url": run.callbacks.create(http_callback_method).url}


@namespace.blocking("events.await_callback", "callback", timeout=DEFAULT_TIMEOUT_S)
async def await_callback(run: Run, callback: Value, timeout: Value) -> Value:  # noqa: ASYNC109 - the argument's name
    need(dict, callback, "callback")
    need_number(timeout, "timeout")
    if timeout <= 0:
        raise value_fault("timeout must be positive")
    return await run.callbacks.at(callback.get("url")).wait(float(timeout))
