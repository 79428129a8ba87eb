"""Compare a job's ledger with the provider's bill: which call agrees, differs, or was never billed. Pure.

A bill names a clip by where it was written or by its operation; texts and images by model, time and amount only. What
cannot be matched for certain is left as it is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Self

from pydantic import Field, ValidationError, model_validator

from promptreel.domain.call import Call
from promptreel.domain.document import Frozen, UtcDatetime
from promptreel.domain.states import CallState
from promptreel.errors import Invalid

CLOCKS_DIFFER_BY = timedelta(seconds=60)


class BillRow(Frozen):
    """One line of a bill. A request that was filtered costs 0, or has no line."""

    at: UtcDatetime
    model: str = Field(min_length=1, max_length=200)
    micros: int = Field(ge=0)
    storage_uri: str = ""
    operation: str = ""


class Bill(Frozen):
    """A billing export: every line of the time it covers, ends included."""

    since: UtcDatetime
    until: UtcDatetime
    rows: tuple[BillRow, ...] = ()
    apply: bool = False  # release what was never billed

    @model_validator(mode="after")
    def _covers_time(self) -> Self:
        if self.until < self.since:
            raise ValueError("until must not be before since")
        return self

    def covers(self, call: Call) -> bool:
        """Whether a line for this call would have to be in the export."""
        last = call.window_end or call.answer_by
        return call.sent_at is not None and last is not None and self.since <= call.sent_at and last <= self.until


class Verdict(StrEnum):
    """What the bill says about one call."""

    AGREES = "agrees"
    DIFFERS = "differs"
    NEVER_BILLED = "never_billed"  # counted as perhaps paid; the bill shows that it was not
    UNCLEAR = "unclear"  # counted as perhaps paid; a line may be its own or another call's
    NOT_COVERED = "not_covered"  # the export does not reach over the call's time
    OPEN = "open"  # not finished yet


@dataclass(frozen=True, slots=True)
class Finding:
    """One call compared with the bill. ``billed_micros`` is None where the bill has no line for it."""

    call: Call
    billed_micros: int | None
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Comparison:
    """``unknown`` are lines about this job that no call of its ledger explains.

    ``released`` are ids of calls that are no longer counted because of it.
    """

    findings: tuple[Finding, ...]
    unknown: tuple[BillRow, ...]
    released: tuple[str, ...] = ()


def parse_bill(payload: Any) -> Bill:
    """The billing export in decoded JSON. Raises: Invalid naming the first lines and fields that are wrong."""
    try:
        return Bill.model_validate(payload)
    except ValidationError as error:
        faults = [f"{'.'.join(map(str, fault['loc'])) or 'bill'}: {fault['msg']}" for fault in error.errors()[:5]]
        raise Invalid("; ".join(faults), remedy="Correct the bill's rows.") from error


def compare(job_id: str, calls: Sequence[Call], bill: Bill) -> Comparison:
    """Compare every call of a job with the bill."""
    left = list(bill.rows)
    billed: dict[str, int] = {}
    unnamed = (call for call in calls if call.kind != "video" and call.is_paid)
    for call in (*(call for call in calls if call.kind == "video"), *sorted(unnamed, key=_latest)):
        rows = [row for row in left if _identifies(row, call)] or _first_equal(left, call)
        if rows:
            billed[call.id] = sum(row.micros for row in rows)
            for row in rows:
                left.remove(row)
    findings = (Finding(call, billed.get(call.id), _verdict(call, billed.get(call.id), left, bill)) for call in calls)
    return Comparison(tuple(findings), tuple(row for row in left if f"/jobs/{job_id}/" in row.storage_uri))


def _verdict(call: Call, billed: int | None, left: Sequence[BillRow], bill: Bill) -> Verdict:
    if not call.is_finished:
        return Verdict.OPEN
    if call.state is CallState.LOST and not billed:
        if not bill.covers(call):
            return Verdict.NOT_COVERED
        could_be = _could_be_its_clip if call.kind == "video" else _could_be
        is_unclear = any(row.micros and could_be(row, call) for row in left)
        return Verdict.UNCLEAR if is_unclear else Verdict.NEVER_BILLED
    if billed is None and call.is_paid and call.source is None and not bill.covers(call):
        return Verdict.NOT_COVERED
    return Verdict.AGREES if (billed or 0) == call.counted_micros else Verdict.DIFFERS


def _identifies(row: BillRow, call: Call) -> bool:
    """Whether the line says which call it is: by its operation, or by the place only this call could write to."""
    return bool(
        (call.operation and row.operation == call.operation) or (call.prefix and call.prefix in row.storage_uri)
    )


def _could_be(row: BillRow, call: Call) -> bool:
    """Whether a line without a name may be this call's: the right model, while the call was under way."""
    return not row.storage_uri and not row.operation and _fits(row, call)


def _could_be_its_clip(row: BillRow, call: Call) -> bool:
    """Whether a line may be this call's that names an operation alone: the call's own was never known."""
    return not row.storage_uri and bool(row.operation) and call.operation is None and _fits(row, call)


def _fits(row: BillRow, call: Call) -> bool:
    if row.model != call.model or call.sent_at is None:
        return False
    return call.sent_at - CLOCKS_DIFFER_BY <= row.at <= _latest(call) + CLOCKS_DIFFER_BY


def _first_equal(rows: Sequence[BillRow], call: Call) -> list[BillRow]:
    """The earliest line that may be this call's and is of its amount."""
    found = (row for row in rows if call.is_paid and _could_be(row, call) and row.micros == call.cost_micros)
    return sorted(found, key=lambda row: row.at)[:1]


def _latest(call: Call) -> datetime:
    return call.answer_by or call.sent_at or call.updated
