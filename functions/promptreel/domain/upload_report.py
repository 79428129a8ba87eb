"""Which of two reports on uploads of one name stays: the newer file's, and of one file the later one.

Events come in any order and more than once, and a job's end may be written by two workers; the report must not go back.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any


def supersedes(report: Mapping[str, Any], stored: object) -> bool:
    """Whether a report may replace what is stored under its name; an object that is no report is replaced."""
    if not isinstance(stored, Mapping):
        return True
    mine, other = _age(report), _age(stored)
    if report.get("job_id") is not None and report["job_id"] == stored.get("job_id"):
        return mine[1] >= other[1]
    return mine >= other


def _age(report: Mapping[str, Any]) -> tuple[int, float]:
    """Generation and time. Older versions noted no time, and 0 is older than any."""
    generation, updated = str(report.get("generation", "")), report.get("updated")
    try:
        at = datetime.fromisoformat(str(updated)).timestamp() if updated else 0.0
    except ValueError:
        at = 0.0
    return int(generation) if generation.isdecimal() else 0, at
