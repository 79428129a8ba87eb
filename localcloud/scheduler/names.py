"""Resource names of Cloud Scheduler. Pure; no I/O may enter here."""

import re

from localcloud.names import LOCATION, check_name

_LOCATION = re.compile(LOCATION)
_JOB = re.compile(LOCATION + r"/jobs/[A-Za-z0-9_\-]{1,500}")


def location_name(text: str) -> str:
    shape = 'Location name must be formatted: "projects/<PROJECT_ID>/locations/<LOCATION_ID>".'
    return check_name(text, _LOCATION, shape)


def job_name(text: str) -> str:
    shape = 'Job name must be formatted: "projects/<PROJECT_ID>/locations/<LOCATION_ID>/jobs/<JOB_ID>".'
    return check_name(text, _JOB, shape)
