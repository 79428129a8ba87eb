"""The request in an uploaded file, by the ending of its name: .json and .yaml hold a request, .txt and .md a prompt."""

import json
from pathlib import PurePosixPath
from typing import Any

import yaml

from promptreel.errors import Invalid

_TEXT, _JSON, _YAML = {".txt", ".md"}, {".json"}, {".yaml", ".yml"}
# First bytes of what is uploaded by mistake. Some of it is valid UTF-8 and would be filmed as a prompt.
_SIGNATURES = {
    b"%PDF": "a PDF",
    b"PK\x03\x04": "a Word document or a ZIP archive",
    b"\xd0\xcf\x11\xe0": "an old Word document",
    b"{\\rtf": "an RTF document",
    b"\x89PNG": "a PNG picture",
    b"\xff\xd8\xff": "a JPEG picture",
    b"GIF8": "a GIF picture",
    b"\x1f\x8b": "a gzip archive",
    b"\xff\xfe": "UTF-16 text",
    b"\xfe\xff": "UTF-16 text",
}


class _PlainLoader(yaml.SafeLoader):
    """YAML whose plain values are text or null; which field is a number or a switch is the request's to decide.

    YAML 1.1 reads ``9:16`` as 556, ``no`` as false, ``007`` as 7 and ``2026-01-01`` as a date.
    Source: https://yaml.org/type/int.html, https://yaml.org/type/bool.html
    """


_PlainLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag.endswith((":null", ":merge"))]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def decode(name: str, data: bytes) -> Any:
    """The request in a file as decoded JSON.

    Raises: Invalid naming the file, what it is, and the way out.
    """
    ending = PurePosixPath(name).suffix.lower()
    if ending not in _TEXT | _JSON | _YAML:
        raise Invalid(
            f"{name}: prompts end in .txt, .md, .json or .yaml, not {ending or 'nothing'!r}.",
            code="unknown_file_type",
            remedy="Rename the file and upload it again.",
        )
    text = _text(name, data)
    if ending in _TEXT:
        return {"prompt": text}
    try:
        return json.loads(text) if ending in _JSON else yaml.load(text, _PlainLoader)  # noqa: S506 - a SafeLoader
    except (ValueError, yaml.YAMLError, RecursionError) as error:
        where = " ".join(str(error).split())
        raise Invalid(f"{name}: cannot be read: {where}", remedy="Fix the file and upload it again.") from error


def _text(name: str, data: bytes) -> str:
    for signature, kind in _SIGNATURES.items():
        if data.startswith(signature):
            raise Invalid(
                f"{name}: is {kind}, not UTF-8 text.",
                code="unknown_file_type",
                remedy="Save the prompt as UTF-8 text and upload it again.",
            )
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Invalid(f"{name}: not UTF-8 text (byte {error.start}).", remedy="Save the file as UTF-8.") from error
    if not text.strip():
        raise Invalid(f"{name}: the file is empty.", remedy="Write a prompt into it and upload it again.")
    return text
