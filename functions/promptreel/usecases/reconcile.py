"""A bill beside a job's ledger, and the one thing that may follow: what was never billed is not counted (D7)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from promptreel.domain.billing import Bill, Comparison, Finding, Verdict, compare
from promptreel.domain.states import CallState
from promptreel.ledger.claims import Ledger
from promptreel.ports.storage import ArtifactStore, JobStore


@dataclass(frozen=True, slots=True)
class Reconciled:
    """``released`` are ids of calls that are no longer counted."""

    comparison: Comparison
    released: tuple[str, ...]


def reconcile(job_id: str, bill: Bill, *, jobs: JobStore, artifacts: ArtifactStore, ledger: Ledger) -> Reconciled:
    """Compare; with ``bill.apply`` also release each LOST call that the bill shows was never billed (DESIGN §5.7).

    Never the other way: what the bill has and the ledger has not is told, not written.
    """
    compared = compare(job_id, [read.value for read in jobs.list_calls(job_id)], bill)
    findings = tuple(_looked_for(finding, artifacts) for finding in compared.findings)
    released = _released(findings, ledger) if bill.apply else ()
    return Reconciled(replace(compared, findings=findings), released)


def _looked_for(finding: Finding, artifacts: ArtifactStore) -> Finding:
    """A clip that lies in the bucket was made, whatever the bill says: it is left for resume to take over."""
    call = finding.call
    if finding.verdict is Verdict.NEVER_BILLED and call.prefix and artifacts.list(call.prefix):
        return replace(finding, verdict=Verdict.DIFFERS)
    return finding


def _released(findings: Sequence[Finding], ledger: Ledger) -> tuple[str, ...]:
    never = [finding.call for finding in findings if finding.verdict is Verdict.NEVER_BILLED]
    return tuple(call.id for call in map(ledger.release_unbilled, never) if call.state is CallState.RELEASED)
