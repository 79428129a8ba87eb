"""Identifiers that promptreel makes. Object paths are built from these alone, so no input decides a path."""

import hashlib
import re

ID_PATTERN = re.compile(r"^[a-z0-9][a-z0-9-]{0,62}$")


def digest(*parts: str) -> str:
    """20 hex digits of SHA-256. Parts are length-prefixed, so different lists never collide."""
    joined = b"".join(len(part.encode()).to_bytes(8, "big") + part.encode() for part in parts)
    return hashlib.sha256(joined).hexdigest()[:20]


def content_digest(data: bytes) -> str:
    """20 hex digits of the SHA-256 of a file."""
    return hashlib.sha256(data).hexdigest()[:20]


def job_id(*origin: str) -> str:
    """The id of the job of this origin: the same origin is always the same job."""
    return f"job-{digest(*origin)}"


def is_job_id(text: str) -> bool:
    """Whether this is the id of a job rather than of something else."""
    return text.startswith("job-") and ID_PATTERN.match(text) is not None


def trace_id(job: str) -> str:
    """The trace of everything that is done for a job: 32 hex digits, made from its id as film.yaml does."""
    return job.replace("job-", "0" * 12)


def traceparent(job: str) -> str:
    """W3C's header that puts a request into the job's trace, under one root span for the job."""
    return f"00-{trace_id(job)}-0000000000000001-01"


def call_id(job: str, purpose: str, take: int, attempt: int) -> str:
    """Deterministic, so a repeated write addresses the same document (ledger rule 1)."""
    return f"call-{digest(job, purpose, str(take), str(attempt))}"


def sheet_id(number: int) -> str:
    """The id of the sheet with this number, from 1."""
    return f"sheet-{number:02d}"


def scene_id(sequence: int) -> str:
    """The id of the scene with this number, from 1."""
    return f"scene-{sequence:02d}"
