"""The fields of an uploaded request from everywhere: the file's metadata, then the file, then its folder's preset.

``presets/trailers.yaml`` holds the fields of every prompt below ``trailers/`` that does not set them itself. Whoever
may upload prompts may write presets: so a preset names no owner.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from promptreel.domain.request import CLOSE, FilmRequest
from promptreel.errors import Invalid, NotFound
from promptreel.ports.storage import Inbox
from promptreel.usecases import prompt_files
from promptreel.usecases.accept_unattended import OWNER

PRESET_FOLDER = "presets/"
_IN_THE_FILE = "prompt"


@dataclass(frozen=True, slots=True)
class Preset:
    """The fields that a folder sets, and the file that says so."""

    name: str
    fields: Mapping[str, Any]


def read_preset(name: str, inbox: Inbox) -> Preset:
    """The preset of the first folder of a file's name; without fields when there is none.

    Raises: Invalid for a preset that cannot be read; TooLarge.
    """
    folder, slash, _ = name.partition("/")
    preset = f"{PRESET_FOLDER}{folder}.yaml"
    if not slash or not folder:
        return Preset(preset, {})
    try:
        data = inbox.read_file(preset)
    except NotFound:
        return Preset(preset, {})
    fields = prompt_files.decode(preset, data)
    if not isinstance(fields, dict):
        raise Invalid(f"{preset}: must hold an object.", remedy="Write lines such as `scenes: 3` into it.")
    for field in (_IN_THE_FILE, OWNER):
        if field in fields:
            raise Invalid(f"{field}: {preset} may not set it.", remedy="Name it in the prompt file.")
    return Preset(preset, fields)


def read_metadata(metadata: Mapping[str, str]) -> tuple[dict[str, Any], list[str]]:
    """The fields in a file's metadata, and the keys that are other programs' and mean nothing here.

    ``models.video`` is a field within a field. A value that is JSON of an object or list is read as one.

    Raises: Invalid for a key that is nearly a field's name.
    """
    fields: dict[str, Any] = {}
    ignored: list[str] = []
    known = [OWNER, *FilmRequest.model_fields]
    for key, value in metadata.items():
        field, dot, inner = key.partition(".")
        nearest = get_close_matches(field.lower(), known, 1, CLOSE)
        if field == _IN_THE_FILE:
            raise Invalid("metadata: prompt: it is what the file holds.", remedy="Remove it from the metadata.")
        if field in known:
            content = _decode(value)
            fields[field] = {**_mapping(fields.get(field)), inner: content} if dot else content
        elif nearest:
            raise Invalid(
                f"metadata: {key[:100]}: there is no such field; did you mean `{nearest[0]}`?",
                remedy="Correct it and upload the file again.",
            )
        else:
            ignored.append(key)
    return fields, sorted(ignored)


def merge_fields(*layers: Mapping[str, Any]) -> dict[str, Any]:
    """One request from several, of which a later one overrules an earlier one; models are chosen one by one."""
    merged: dict[str, Any] = {}
    for layer in layers:
        models = {**_mapping(merged.get("models")), **_mapping(layer.get("models"))}
        merged |= layer
        if models and isinstance(merged["models"], Mapping):
            merged["models"] = models
    return merged


def _decode(value: str) -> Any:
    if value[:1] not in ("{", "["):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
