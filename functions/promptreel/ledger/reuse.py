"""Reuse: what an earlier job of the same owner has paid for takes the place of a call (ledger rule 9)."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath

from promptreel.domain import identifiers
from promptreel.domain.call import Call, CallSource
from promptreel.domain.call_rules import Copied
from promptreel.domain.job import Job
from promptreel.domain.sheet import find_sheet_id
from promptreel.domain.states import CallState
from promptreel.errors import NotFound, UnreadableDocument
from promptreel.ledger.claims import Acquired, CallRequest, Claim, Ledger
from promptreel.ports.storage import ArtifactStore, JobStore


@dataclass(frozen=True, slots=True)
class _Source:
    """A paid call of another job, whose film is made of its artifact, and the artifact's checksum as stored."""

    call: Call
    uri: str
    checksum: str


@dataclass(frozen=True, slots=True)
class PlannedCopy:
    """A call of a new plan that takes over what a call of another job has paid for."""

    job_id: str
    purpose: str
    scene: str | None
    paid: Call
    checksum: str

    def make(self, artifacts: ArtifactStore, now: datetime) -> Call:
        """Copy the artifact; a repeated call finds the copy.

        Returns:
            The settled call, which costs nothing and is to be written with the plan, so that it is never claimed.

        Raises: NotFound when the artifact is missing or changed.
        """
        paid, uri = self.paid, self.paid.artifact or ""
        return Call(
            id=identifiers.call_id(self.job_id, self.purpose, 1, 1),
            job=self.job_id,
            kind=paid.kind,
            model=paid.model,
            purpose=self.purpose,
            scene=self.scene,
            take=1,
            attempt=1,
            digest=paid.digest,
            cache_key=paid.cache_key,
            state=CallState.SETTLED,
            reserved_micros=0,
            artifact=artifacts.copy(uri, _copy_path(self.job_id, paid.id, uri), self.checksum),
            source=CallSource(job=paid.job, call=paid.id),
            reason=paid.reason,
            created=now,
            updated=now,
        )


def reuse(claim: Claim, request: CallRequest, ledger: Ledger, artifacts: ArtifactStore) -> Claim:
    """Settle an acquired call by a copy of an equal call's artifact; any other claim, and one without a copy, stays."""
    if not isinstance(claim, Acquired) or not request.may_reuse or not _is_first(request, ledger.jobs):
        return claim
    for source in _list_sources(claim.call, ledger.jobs):
        with suppress(NotFound):  # missing, or changed since: as if it had not been made
            path = _copy_path(request.job_id, source.call.id, source.uri)
            copied = artifacts.copy(source.uri, path, source.checksum)
            origin = CallSource(job=source.call.job, call=source.call.id)
            return ledger.reuse(claim, Copied(origin, copied, source.call.reason))
    return claim


def has_source(request: CallRequest, jobs: JobStore, now: datetime) -> bool:
    """Whether an equal call could be copied if this one was claimed now, so that it would not be sent."""
    if not request.may_reuse or not _is_first(request, jobs):
        return False
    planned = request.planned(now).evolve(cache_key=request.cache_key, updated=now)
    return any(True for _ in _list_sources(planned, jobs))


def _copy_path(job_id: str, paid_by: str, uri: str) -> str:
    """Not where a call itself would write: what lies there is taken for its own output (rules 5 and 6)."""
    return f"jobs/{job_id}/reused/{paid_by}{PurePosixPath(uri).suffix}"


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
    sheet_id = find_sheet_id(call.purpose)
    if sheet_id is not None:
        return jobs.get_sheet(job.id, sheet_id).value.find_checksum(uri)
    if call.scene is not None:
        return jobs.get_scene(job.id, call.scene).value.find_checksum(uri)
    planned = job.plan.find_checksum(uri) if job.plan is not None else None
    if planned is not None:
        return planned
    verdicts = (read.value.find_checksum(uri) for read in jobs.list_scenes(job.id))  # each in those that it judges
    return next((checksum for checksum in verdicts if checksum is not None), None)
