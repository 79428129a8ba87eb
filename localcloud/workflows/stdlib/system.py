"""``sys.*``, ``time.*`` and ``uuid.*``: what a workflow learns from the world, and how it waits."""

import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from localcloud.workflows.faults import type_fault, value_fault
from localcloud.workflows.program.frames import Run
from localcloud.workflows.stdlib.functions import Namespace, need, need_number
from localcloud.workflows.values import Value, type_name

namespace = Namespace()

_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[-+]\d\d:\d\d)", re.ASCII)
_SEVERITIES = {"DEFAULT", "DEBUG", "INFO", "NOTICE", "WARNING", "ERROR", "CRITICAL", "ALERT", "EMERGENCY"}


@namespace.worldly("sys.get_env", "name", default=None)
def get_env(run: Run, name: Value, default: Value) -> Value:
    need(str, name, "name")
    if default is not None:
        need(str, default, "default")
    return run.env.get(name, default)


@namespace.worldly("sys.now")
def now(run: Run) -> float:
    return run.world.now_s()


@namespace.blocking("sys.sleep", "seconds")
async def sleep(run: Run, seconds: Value) -> None:
    need_number(seconds, "seconds")
    if seconds < 0:
        raise value_fault("seconds must not be negative")
    await run.world.sleep(float(seconds))


@namespace.blocking("sys.sleep_until", "time")
async def sleep_until(run: Run, time: Value) -> None:
    wait_s = parse(time) - run.world.now_s()
    if wait_s > 0:
        await run.world.sleep(wait_s)


@namespace.blocking("sys.log", data=None, severity="DEFAULT", text=None, json=None, timeout=None)
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
    payload = next((given for given in (data, text, json) if given is not None), None)
    run.world.log(
        {"severity": severity, "execution": run.env.get("GOOGLE_CLOUD_WORKFLOW_EXECUTION_ID"), "data": payload}
    )


@namespace.worldly("uuid.generate")
def generate(run: Run) -> str:
    return run.world.new_uuid()


@namespace.plain("time.format", "seconds", timezone="UTC")
def format_(seconds: Value, timezone: Value) -> str:
    """Six fraction digits always; ``Z`` for UTC, else the zone's offset."""
    need_number(seconds, "seconds")
    need(str, timezone, "timezone")
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
