"""Compare a job's ledger with a bill, and stop counting LOST calls that were never billed (ledger rule 7)."""

from dataclasses import replace

from promptreel.domain.billing import Bill, Comparison, Finding, Verdict, compare
from promptreel.domain.states import CallState
from promptreel.services import Services


def reconcile(job_id: str, bill: Bill, services: Services) -> Comparison:
    """Compare; with ``bill.apply`` also release each LOST call that the bill shows was never billed.

    A line of the bill that no call explains is reported and changes nothing.
    """
    compared = compare(job_id, [read.value for read in services.jobs.list_calls(job_id)], bill)
    findings = tuple(_look_for_clip(finding, services) for finding in compared.findings)
    never = [finding.call for finding in findings if finding.verdict is Verdict.NEVER_BILLED and bill.apply]
    written = map(services.ledger.release_unbilled, never)
    released = tuple(call.id for call in written if call.state is CallState.RELEASED)
    return replace(compared, findings=findings, released=released)


def _look_for_clip(finding: Finding, services: Services) -> Finding:
    """A clip in the bucket was made, whatever the bill says: its call is left for resume to take over."""
    call = finding.call
    if finding.verdict is Verdict.NEVER_BILLED and call.prefix and services.artifacts.list(call.prefix):
        return replace(finding, verdict=Verdict.DIFFERS)
    return finding
