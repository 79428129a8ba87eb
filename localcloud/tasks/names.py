"""Resource names of Cloud Tasks, and how long a used name stays blocked. Pure; no I/O may enter here."""

import re

from localcloud.names import LOCATION, check_name

# A task's name is free again about an hour after the task is gone; a queue's name after a week.
TASK_NAME_BLOCKED_S = 3600.0
QUEUE_NAME_BLOCKED_S = 7 * 24 * 3600.0

_LOCATION = re.compile(LOCATION)
_QUEUE = re.compile(LOCATION + r"/queues/[A-Za-z0-9\-]{1,100}")
_TASK = re.compile(_QUEUE.pattern + r"/tasks/[A-Za-z0-9_\-]{1,500}")


def location_name(text: str) -> str:
    return _checked(text, _LOCATION, "Location name must be formatted: 'projects/<PROJECT_ID>/locations/<LOCATION_ID>'")


def queue_name(text: str) -> str:
    shape = "Queue name must be formatted: 'projects/<PROJECT_ID>/locations/<LOCATION_ID>/queues/<QUEUE_ID>'"
    return _checked(text, _QUEUE, shape)


def task_name(text: str) -> str:
    shape = (
        "Task name must be formatted: 'projects/<PROJECT_ID>/locations/<LOCATION_ID>/queues/<QUEUE_ID>/tasks/<TASK_ID>'"
    )
    return _checked(text, _TASK, shape)


def _checked(text: str, pattern: re.Pattern[str], shape: str) -> str:
    return check_name(text, pattern, f"{shape}, got '{text}'.")
