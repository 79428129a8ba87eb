"""Files that a person gives to the client: film requests, and billing exports.

This module only builds the API's JSON objects; the server decides which requests are legal.
"""

import csv
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, TextIO

import yaml

from client.documents import FilmRequest
from client.errors import InvalidInput
from client.views import MICROS_PER_USD

STDIN = "-"
REQUEST_ENDINGS = (".txt", ".md", ".json", ".yaml", ".yml")
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


def is_request_file(prompt: str) -> bool:
    """Whether a command's argument is the name of a file with a prompt or a request, and no prompt itself."""
    return prompt.lower().endswith(REQUEST_ENDINGS) and "\n" not in prompt and Path(prompt).is_file()


def parse_numbers(option: str, text: str) -> list[int]:
    """Read numbers such as ``1,3``. Raises: InvalidInput that names the option."""
    try:
        return [int(number) for number in text.split(",")]
    except ValueError as error:
        raise InvalidInput(f"{option}: {text!r} is not a list of numbers.", remedy="Write it as 1,3.") from error


def read_bill(file: Path) -> list[dict[str, Any]]:
    """Read the lines of a billing export, oldest first; its columns may have any order, and others are ignored.

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
    return sorted(rows, key=lambda row: datetime.fromisoformat(row["at"]))


def select_rows(rows: Sequence[Mapping[str, Any]], job_id: str) -> list[Mapping[str, Any]]:
    """Return the lines of a bill that name the job or no job."""
    return [row for row in rows if not row["storage_uri"] or f"/jobs/{job_id}/" in row["storage_uri"]]


def _read_request(file: Path) -> FilmRequest:
    """Read a whole request from .json or .yaml, and the prompt from any other file."""
    try:
        text = file.read_text(encoding="utf-8")
        match file.suffix.lower():
            case ".json":
                request = json.loads(text)
            case ".yaml" | ".yml":
                request = yaml.load(text, _PlainLoader)  # noqa: S506 - a SafeLoader
            case _:
                return {"prompt": text}
    except (OSError, ValueError, yaml.YAMLError) as error:  # ValueError: not UTF-8, or not JSON
        raise InvalidInput(f"{file} cannot be read: {error}.") from error
    if not isinstance(request, dict):
        raise InvalidInput(f"{file} must contain one object with at least a `prompt`.")
    return request


class _PlainLoader(yaml.SafeLoader):
    """Keeps plain values as text for the server: YAML 1.1 would read `9:16` as 556 and `no` as false."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - declared by the base class
        first: [(tag, pattern) for tag, pattern in resolvers if tag.endswith((":null", ":merge"))]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


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
