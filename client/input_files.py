"""Files that a person gives to the client: film requests, and billing exports.

This module only builds the API's JSON objects; the server decides which requests are legal.
"""

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, TextIO

from client.documents import FilmRequest
from client.errors import InvalidInput
from client.views import MICROS_PER_USD

STDIN = "-"
_BILL_COLUMNS = (
    "A bill is CSV with columns at, model, micros or usd, and storage_uri and operation where they are known."
)


def build_request(prompt: str, file: Path | None, stdin: TextIO, options: Mapping[str, Any]) -> FilmRequest:
    """Build the request from an argument, a file or stdin (`-`); options that are not None replace its fields.

    Raises: InvalidInput when there is no prompt, or two.
    """
    if bool(prompt) == bool(file):
        raise InvalidInput(
            "Exactly one prompt is needed.",
            remedy='Give it as an argument ("A lighthouse at dawn"), or with --file FILE, or - to read it from stdin.',
        )
    request: FilmRequest = _read_request(file) if file else {"prompt": stdin.read() if prompt == STDIN else prompt}
    for name, value in options.items():
        given = _merge(request.get(name), value) if isinstance(value, Mapping) else value
        if given is not None:
            request[name] = given
    return request


@dataclass(frozen=True, slots=True)
class Bill:
    """Lines of a billing export, oldest first, as the API accepts them."""

    rows: Sequence[dict[str, Any]]

    def for_job(self, job_id: str, since: str | None, until: str | None) -> dict[str, Any]:
        """Return the lines that name the job or no job, and the period that the export covers.

        Without `since` and `until` the export covers the time between its first and its last line.
        """
        rows = [row for row in self.rows if not row["storage_uri"] or f"/jobs/{job_id}/" in row["storage_uri"]]
        period = {"since": since or self.rows[0]["at"], "until": until or self.rows[-1]["at"]}
        return {**period, "rows": rows}


def read_bill(file: Path) -> Bill:
    """Read a billing export; its columns may have any order, and others are ignored.

    Raises: InvalidInput that names the missing column or the unreadable line.
    """
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            table = csv.DictReader(lines)
            columns = set(table.fieldnames or ())
            missing = [name for name in ("at", "model") if name not in columns]
            missing += [] if columns & {"micros", "usd"} else ["micros or usd"]
            if missing:
                raise InvalidInput(f"{file} has no column {', '.join(missing)}.", remedy=_BILL_COLUMNS)
            rows = [_read_bill_row(line, f"{file}, line {table.line_num}") for line in table]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InvalidInput(f"{file} cannot be read: {error}.") from error
    if not rows:
        raise InvalidInput(f"{file} has no lines, so it covers no period.", remedy=_BILL_COLUMNS)
    return Bill(sorted(rows, key=lambda row: datetime.fromisoformat(row["at"])))


def _read_request(file: Path) -> FilmRequest:
    """Read a whole request from .json or .yaml, and the prompt from any other file."""
    try:
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{file} is not UTF-8 text.", remedy="Save it as a text file in UTF-8.") from error
    except OSError as error:
        raise InvalidInput(f"{file} cannot be read: {error}.") from error
    parse = {".json": _parse_json, ".yaml": _parse_yaml, ".yml": _parse_yaml}.get(file.suffix.lower())
    if parse is None:
        return {"prompt": text}
    request = parse(text, file)
    if not isinstance(request, dict):
        raise InvalidInput(f"{file} must contain one object with at least a `prompt`.")
    return request


def _parse_json(text: str, file: Path) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise InvalidInput(f"{file} is not JSON: {error}.") from error


def _parse_yaml(text: str, file: Path) -> Any:
    import yaml  # noqa: PLC0415 - loaded only for requests in YAML

    class PlainLoader(yaml.SafeLoader):
        """Keeps plain values as text for the server: YAML 1.1 would read `9:16` as 556 and `no` as false."""

    PlainLoader.yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag.endswith((":null", ":merge"))]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    try:
        return yaml.load(text, PlainLoader)  # noqa: S506 - a SafeLoader
    except (yaml.YAMLError, ValueError) as error:
        raise InvalidInput(f"{file} is not YAML: {error}.") from error


def _merge(current: Any, options: Mapping[str, Any]) -> dict[str, Any] | None:
    """Replace fields of an object (`models.video`) and keep its others; None when there is no field."""
    given = {name: value for name, value in options.items() if value is not None}
    return {**(current if isinstance(current, dict) else {}), **given} or None


def _read_bill_row(line: Mapping[str, str | None], where: str) -> dict[str, Any]:
    try:
        return {
            "at": _read_time(line.get("at") or ""),
            "model": line.get("model") or "",
            "micros": _read_micros(line),
            "storage_uri": line.get("storage_uri") or "",
            "operation": line.get("operation") or "",
        }
    except (ValueError, InvalidOperation) as error:
        raise InvalidInput(f"{where}: {error}.", remedy=_BILL_COLUMNS) from error


def _read_time(text: str) -> str:
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError(f"{text} needs a time zone, such as Z")
    return at.isoformat()


def _read_micros(line: Mapping[str, str | None]) -> int:
    micros = line.get("micros")
    amount = Decimal(micros) if micros else Decimal(line.get("usd") or "0") * MICROS_PER_USD
    if amount != int(amount) or amount < 0:
        raise ValueError(f"{micros or line.get('usd')} is not a whole number of micro-dollars, 0 or more")
    return int(amount)
