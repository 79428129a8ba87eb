"""The ledger as a table for spreadsheets: RFC 4180, one row a call, no cell of which a spreadsheet calculates."""

import csv
import io
from typing import Any

from flask import Response, jsonify
from werkzeug.datastructures import MIMEAccept

from promptreel.domain.money import format_usd

MEDIA_TYPE = "text/csv"
_NAMED = ("at", "id", "kind", "model", "scene", "purpose", "take", "attempt", "state", "counted_as", "counted_micros")
_AMOUNTS = ("reserved_micros", "cost_micros")
_PLACES = ("operation", "storage_uri", "digest")
COLUMNS = (*_NAMED, "counted_usd", *_AMOUNTS, *_PLACES, "copied_from_job", "copied_from_call", "reason", "codes")
# A cell that begins so is a formula to some spreadsheet: https://owasp.org/www-community/attacks/CSV_Injection
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def answer_ledger(ledger: dict[str, Any], job_id: str, accept: MIMEAccept) -> Response:
    """The ledger in the form that the caller prefers: JSON, unless ``Accept`` asks for the table."""
    if accept.best_match(("application/json", MEDIA_TYPE), "application/json") == MEDIA_TYPE:
        response = Response(write_csv(ledger), content_type=f"{MEDIA_TYPE}; charset=utf-8; header=present")
        response.headers["Content-Disposition"] = f'attachment; filename="ledger-{job_id}.csv"'
    else:
        response = jsonify(ledger)
    response.vary.add("Accept")
    return response


def write_csv(ledger: dict[str, Any]) -> str:
    """The calls of a ledger as the API shows it; the ``counted_micros`` of all rows add up to its totals."""
    out = io.StringIO()
    table = csv.writer(out)
    table.writerow(COLUMNS)
    for call in ledger["calls"]:
        source, error = call["source"] or {}, call["error"] or {}
        row = {
            **call,
            "counted_usd": format_usd(call["counted_micros"]),
            "copied_from_job": source.get("job"),
            "copied_from_call": source.get("call"),
            "reason": error.get("reason"),
            "codes": " ".join(map(str, error.get("codes", ()))),
        }
        table.writerow([_to_cell(row[name]) for name in COLUMNS])
    return out.getvalue()


def _to_cell(value: Any) -> Any:
    """The value, with an apostrophe before text that a spreadsheet would take for a formula."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
