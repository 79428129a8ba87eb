"""Identifiers promptreel makes itself. Object paths are built from these alone, so no input can steer a path."""

import hashlib
import re

ID_PATTERN = re.compile(r"^[a-z0-9][a-z0-9-]{0,62}$")


def digest(*parts: str) -> str:
    """A name for exactly these parts: 20 hex digits of SHA-256; parts cannot run into one another."""
    joined = b"".join(len(part.encode()).to_bytes(8, "big") + part.encode() for part in parts)
    return hashlib.sha256(joined).hexdigest()[:20]


def job_id(*origin: str) -> str:
    """The id of the job that this origin asks for: the same origin, however often it comes, is one job."""
    return f"job-{digest(*origin)}"


def trace_id(job: str) -> str:
    """The trace of everything that is done for a job: 32 hex digits, made from its id. film.yaml makes the same."""
    return job.replace("job-", "0" * 12)


def traceparent(job: str) -> str:
    """W3C's header that puts a request into the job's trace, under a root span that stands for the job."""
    return f"00-{trace_id(job)}-0000000000000001-01"


def call_id(job: str, purpose: str, take: int, attempt: int) -> str:
    """Known before anything is written, so a write whose own answer was lost finds itself again (DESIGN §5.1)."""
    return f"call-{digest(job, purpose, str(take), str(attempt))}"


def scene_id(sequence: int) -> str:
    return f"scene-{sequence:02d}"
