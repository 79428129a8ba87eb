"""sys, time, uuid and events: the clock, the log, the environment and callbacks."""

import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from localcloud.workflows.callbacks import METHODS
from localcloud.workflows.faults import type_fault, value_fault
from localcloud.workflows.program.frames import Run
from localcloud.workflows.stdlib.functions import Namespace, need, need_number
from localcloud.workflows.values import Value, type_name

namespace = Namespace()

_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[-+]\d\d:\d\d)", re.ASCII)
LONGEST_SLEEP_S = 31_536_000
_NOT_GIVEN: Value = object()
_SEVERITIES = {"DEFAULT", "DEBUG", "INFO", "NOTICE", "WARNING", "ERROR", "CRITICAL", "ALERT", "EMERGENCY"}


@namespace.worldly("sys.get_env", "name", default=None)
def get_env(run: Run, name: Value, default: Value) -> Value:
    need(str, name, "name")
    if default is not None:
        need(str, default, "default")
    return run.env.get(name, default)


@namespace.worldly("sys.now")
def now(run: Run) -> float:
    return run.runtime.now_s()


@namespace.blocking("sys.sleep", "seconds")
async def sleep(run: Run, seconds: Value) -> None:
    need_number(seconds, "seconds")
    if not 0 <= seconds <= LONGEST_SLEEP_S:
        raise value_fault(f"seconds must be from 0 to {LONGEST_SLEEP_S}, one year, not {seconds}")
    await run.runtime.sleep(float(seconds))


@namespace.blocking("sys.sleep_until", "time")
async def sleep_until(run: Run, time: Value) -> None:
    wait_s = parse(time) - run.runtime.now_s()
    if wait_s > LONGEST_SLEEP_S:
        raise value_fault(f"time must be at most one year from now, not {time}")
    if wait_s > 0:
        await run.runtime.sleep(wait_s)


@namespace.blocking("sys.log", data=_NOT_GIVEN, severity="DEFAULT", text=_NOT_GIVEN, json=_NOT_GIVEN, timeout=None)
async def log(
    run: Run,
    data: Value,
    severity: Value,
    text: Value,
    json: Value,
    timeout: Value,  # noqa: ASYNC109 - the argument's name
) -> None:
    if severity not in _SEVERITIES:
        raise value_fault(f"unknown severity {severity!r}")
    if timeout is not None:
        need_number(timeout, "timeout")
    if all(value is _NOT_GIVEN for value in (data, text, json)):
        raise type_fault("one of data, text and json must be given")
    if type(json) is not dict and json not in (None, _NOT_GIVEN):
        raise type_fault(f"json must be of type map, not {type_name(json)}")
    given = [value for value in (data, text, json) if value not in (None, _NOT_GIVEN)]
    if len(given) > 1:
        raise type_fault("only one of data, text and json can be given")
    payload = given[0] if given else None
    run.runtime.log(
        {"severity": severity, "execution": run.env.get("GOOGLE_CLOUD_WORKFLOW_EXECUTION_ID"), "data": payload}
    )


@namespace.worldly("uuid.generate")
def generate(run: Run) -> str:
    return run.runtime.new_uuid()


@namespace.plain("time.format", "seconds", timezone="UTC")
def format_(seconds: Value, timezone: Value) -> str:
    """Six fraction digits always; ``Z`` for UTC, else the zone's offset."""
    need_number(seconds, "seconds")
    need(str, timezone, "timezone")
    timezone = timezone or "UTC"
    try:
        zone = ZoneInfo(timezone)
        moment = datetime.fromtimestamp(seconds, UTC).astimezone(zone)
    except (ZoneInfoNotFoundError, ValueError, OverflowError, OSError) as error:
        raise value_fault(f"cannot format {seconds} in zone {timezone!r}") from error
    text = moment.isoformat(timespec="microseconds")
    return text.removesuffix("+00:00") + "Z" if timezone in ("UTC", "GMT") else text


@namespace.plain("time.parse", "value")
def parse(value: Value) -> float:
    if type(value) is not str:
        raise type_fault(f"a time is a string as of RFC 3339, not {type_name(value)}")
    try:
        if not _RFC3339.fullmatch(value):
            raise ValueError(value)  # noqa: TRY301 - Python reads more of ISO 8601 than the service
        return datetime.fromisoformat(value.upper()).timestamp()
    except (ValueError, OverflowError) as error:
        raise value_fault(f"not a time as of RFC 3339: {value!r}") from error


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
