"""A billing export as CSV: the lines that may concern a job, and the time the export covers. Pure but for the reading.

Columns, in any order, others are passed over: `at` (ISO 8601), `model`, `micros` (whole micro-dollars) or `usd`, and,
where the provider tells them, `storage_uri` and `operation`.
"""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from client import words
from client.problems import Unusable
from client.shapes import Reconciled

NEEDED = ("at", "model")
AMOUNTS = ("micros", "usd")
_COLUMNS = "A bill is CSV with columns at, model, micros or usd, and storage_uri and operation where they are known."


@dataclass(frozen=True, slots=True)
class Bill:
    """Lines of an export, oldest first, as the API takes them."""

    rows: Sequence[dict[str, Any]]

    def about(self, job_id: str, since: str | None, until: str | None) -> dict[str, Any]:
        """The part a job's ledger is compared with: lines that name the job, or nobody.

        Without `since` and `until` the export covers what lies between its first and its last line.
        """
        rows = [row for row in self.rows if not row["storage_uri"] or f"/jobs/{job_id}/" in row["storage_uri"]]
        covered = {"since": since or self.rows[0]["at"], "until": until or self.rows[-1]["at"]}
        return {**covered, "rows": rows}


def read_bill(file: Path) -> Bill:
    """Raises: Unusable naming the column that is missing or the line that cannot be read."""
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            table = csv.DictReader(lines)
            _check_columns(file, set(table.fieldnames or ()))
            rows = [_row(line, f"{file}, line {table.line_num}") for line in table]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise Unusable(f"{file} cannot be read: {error}.") from error
    if not rows:
        raise Unusable(f"{file} has no lines, so it says nothing about any time.", remedy=_COLUMNS)
    return Bill(sorted(rows, key=lambda row: words.moment(row["at"])))


def agrees(found: Reconciled) -> bool:
    """Whether bill and ledger say the same, after what was released."""
    settled = all(call["verdict"] == "agrees" or call["id"] in found["released"] for call in found["calls"])
    return settled and not found["unknown"]


def _check_columns(file: Path, columns: set[str]) -> None:
    missing = [name for name in NEEDED if name not in columns]
    missing += [" or ".join(AMOUNTS)] if not columns & set(AMOUNTS) else []
    if missing:
        raise Unusable(f"{file} has no column {', '.join(missing)}.", remedy=_COLUMNS)


def _row(line: Mapping[str, str | None], where: str) -> dict[str, Any]:
    try:
        return {
            "at": _moment(line.get("at") or ""),
            "model": line.get("model") or "",
            "micros": _micros(line),
            "storage_uri": line.get("storage_uri") or "",
            "operation": line.get("operation") or "",
        }
    except (ValueError, InvalidOperation) as error:
        raise Unusable(f"{where}: {error}.", remedy=_COLUMNS) from error


def _moment(text: str) -> str:
    at = words.moment(text)
    if at.tzinfo is None:
        raise ValueError(f"{text} needs a time zone, such as Z")
    return at.isoformat()


def _micros(line: Mapping[str, str | None]) -> int:
    told = line.get("micros")
    amount = Decimal(told) if told else Decimal(line.get("usd") or "0") * words.MICROS_PER_USD
    if amount != int(amount) or amount < 0:
        raise ValueError(f"{told or line.get('usd')} is no amount of whole micro-dollars")
    return int(amount)
