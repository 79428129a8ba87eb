"""The request in an uploaded file, by the ending of its name: .json and .yaml hold a request, .txt and .md a prompt.

Lines between two ``---`` at the very beginning of a .txt or .md file are its front matter: the request's other fields.
"""

import json
import re
from pathlib import PurePosixPath
from typing import Any

import yaml
from yaml.composer import ComposerError

from promptreel.errors import Invalid, TooLarge
from promptreel.ports.storage import MAX_FILE_BYTES
from promptreel.usecases.uploaded_text import read_text, refuse_other_content

_TEXT, _JSON, _YAML = {".txt", ".md"}, {".json"}, {".yaml", ".yml"}
_FRONT_MATTER = re.compile(r"---[ \t]*\r?\n(.*?)^---[ \t]*(?:\r?\n|\Z)", re.DOTALL | re.MULTILINE)
_OPENS_FRONT_MATTER = re.compile(r"---[ \t]*\r?(?:\n|\Z)")
_FIX = "Fix the file and upload it again."


class _PlainLoader(yaml.SafeLoader):
    """YAML whose plain values are text or null; which field is a number or a switch is the request's to decide.

    Aliases are refused: each multiplies what it names, so that a few lines can unfold without end.

    YAML 1.1 reads ``9:16`` as 556, ``no`` as false, ``007`` as 7 and ``2026-01-01`` as a date.
    Source: https://yaml.org/type/int.html, https://yaml.org/type/bool.html
    """

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """Read one value. Raises: ComposerError for an alias."""
        if self.check_event(yaml.AliasEvent):
            alias = self.peek_event()  # type: ignore[no-untyped-call]
            raise ComposerError(None, None, f"*{alias.anchor} is an alias; write out what it names", alias.start_mark)
        return super().compose_node(parent, index)


_PlainLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag.endswith((":null", ":merge"))]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def decode(name: str, data: bytes) -> Any:
    """The request in a file as decoded JSON.

    Raises: Invalid naming the file, what it is, and the way out; TooLarge.
    """
    ending = PurePosixPath(name).suffix.lower()
    if ending not in _TEXT | _JSON | _YAML:
        raise Invalid(
            f"{name}: prompts end in .txt, .md, .json or .yaml, not {ending or 'nothing'!r}.",
            code="unknown_file_type",
            remedy="Rename the file and upload it again.",
        )
    if len(data) > MAX_FILE_BYTES:
        refuse_other_content(name, data)
        raise TooLarge(
            f"{name}: holds more than {MAX_FILE_BYTES:,} bytes.",
            remedy="Shorten it and upload the file again.",
        )
    text = read_text(name, data)
    if ending in _TEXT:
        return _split_front_matter(name, text)
    return _load(name, text, is_json=ending in _JSON)


def _split_front_matter(name: str, text: str) -> dict[str, Any]:
    """The prompt, and the fields that front matter sets."""
    if not _OPENS_FRONT_MATTER.match(text):
        return {"prompt": text}
    found = _FRONT_MATTER.match(text)
    if found is None:
        raise Invalid(
            f"{name}: the front matter that line 1 opens is never closed.",
            remedy="Close it with a line of three dashes; a file that has none may not begin with such a line.",
        )
    fields = _load(f"{name}: front matter", found.group(1), is_json=False) or {}
    if not isinstance(fields, dict):
        raise Invalid(f"{name}: the front matter holds no fields.", remedy="Write lines such as `scenes: 3` into it.")
    if "prompt" in fields:
        raise Invalid(f"{name}: prompt: a .txt or .md file holds it below the front matter.", remedy=_FIX)
    prompt = text[found.end() :]
    if not prompt.strip():
        raise Invalid(f"{name}: there is no prompt below the front matter.", remedy=_FIX)
    return {**fields, "prompt": prompt}


def _load(name: str, text: str, *, is_json: bool) -> Any:
    try:
        return json.loads(text) if is_json else yaml.load(text, _PlainLoader)  # noqa: S506 - a SafeLoader
    except (ValueError, yaml.YAMLError, RecursionError) as error:
        where = " ".join(str(error).split())
        raise Invalid(f"{name}: cannot be read: {where}", remedy=_FIX) from error
