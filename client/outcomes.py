"""The exit codes of `promptreel`: one for each outcome, so that a script can tell them apart."""

from enum import IntEnum

from client.documents import WAITING, Job
from client.errors import ClientError, NotReachable, ProblemError


class ExitCode(IntEnum):
    """What a command ended with."""

    SUCCESS = 0
    FAILED = 1  # the job failed, the bill differs, a webhook failed its test, the doctor found a fault
    REFUSED = 2  # wrong usage, or the API refused
    UNREACHABLE = 3
    CANCELLED = 4
    WAITING = 5  # the job waits for approval
    UNEXPECTED = 70  # EX_SOFTWARE of sysexits.h: a defect of promptreel
    INTERRUPTED = 130  # 128 + SIGINT, as shells define it


def outcome_of_job(job: Job) -> ExitCode:
    """The exit code of a command that watched the job."""
    known = {"COMPLETE": ExitCode.SUCCESS, "CANCELLED": ExitCode.CANCELLED, WAITING: ExitCode.WAITING}
    return known.get(job["state"], ExitCode.FAILED)


def outcome_of_error(error: ClientError) -> ExitCode:
    """The exit code of a command that ended with this error."""
    is_transient = isinstance(error, ProblemError) and error.is_transient
    return ExitCode.UNREACHABLE if is_transient or isinstance(error, NotReachable) else ExitCode.REFUSED
