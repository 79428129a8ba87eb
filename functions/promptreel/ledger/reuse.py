"""Reuse: what an earlier job of the same owner has paid for takes the place of an equal call (ledger rule 9)."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import PurePosixPath

from promptreel.domain import identifiers
from promptreel.domain.call import Call, CallSource
from promptreel.domain.call_rules import Copied
from promptreel.domain.job import Job
from promptreel.errors import NotFound, UnreadableDocument
from promptreel.ledger.claims import Acquired, CallRequest, Claim, Ledger
from promptreel.ports.storage import ArtifactStore, JobStore


@dataclass(frozen=True, slots=True)
class _Source:
    """A paid call of another job, whose film is made of its artifact, and the artifact's checksum as stored."""

    call: Call
    uri: str
    checksum: str


def reuse(claim: Claim, request: CallRequest, ledger: Ledger, artifacts: ArtifactStore) -> Claim:
    """Settle an acquired call by a copy of an equal call's artifact; any other claim, and one without a copy, stays."""
    if not isinstance(claim, Acquired) or not request.may_reuse or not _is_first(request, ledger.jobs):
        return claim
    for source in _list_sources(claim.call, ledger.jobs):
        # Not where the call itself would write: what lies there is taken for its own output (rules 5 and 6).
        path = f"jobs/{request.job_id}/reused/{source.call.id}{PurePosixPath(source.uri).suffix}"
        with suppress(NotFound):  # missing, or changed since: as if it had not been made
            copied = artifacts.copy(source.uri, path, source.checksum)
            origin = CallSource(job=source.call.job, call=source.call.id)
            return ledger.reuse(claim, Copied(origin, copied, source.call.reason))
    return claim


def _is_first(request: CallRequest, jobs: JobStore) -> bool:
    """Whether no request was made for this before: what a remedy or a person wants replaced must not come again."""
    ids = (
        identifiers.call_id(request.job_id, request.purpose, request.take, attempt)
        for attempt in range(1, request.attempt)
    )
    earlier = (jobs.get_call(request.job_id, call_id) for call_id in ids)
    return request.take == 1 and not any(read is None or read.value.counts_as_attempt for read in earlier)


def _list_sources(call: Call, jobs: JobStore) -> Iterator[_Source]:
    """The equal calls that can be copied, the latest first."""
    for read in jobs.list_calls_with_key(call.cache_key) if call.cache_key else ():
        found = read.value
        if found.job == call.job or not found.has_output or found.artifact is None:
            continue
        with suppress(NotFound, UnreadableDocument):
            job = jobs.get_job(found.job).value
            if job.owner != jobs.get_job(call.job).value.owner or job.is_hidden(call.updated):
                continue
            checksum = _find_checksum(job, found, found.artifact, jobs)
            if checksum is not None:
                yield _Source(found, found.artifact, checksum)


def _find_checksum(job: Job, call: Call, uri: str, jobs: JobStore) -> str | None:
    """The checksum of the call's artifact, as stored; None unless the job's film is made of it."""
    if call.scene is not None:
        return jobs.get_scene(job.id, call.scene).value.find_checksum(uri)
    plan = job.plan
    return plan.storyboard_checksum if plan is not None and plan.storyboard_uri == uri else None
