"""From what a person types or keeps in a file to the API's request object.

Only the shape is made here; what is allowed is the server's to say, so its rules stand in one place.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

from client.problems import Unusable
from client.shapes import FilmRequest

STDIN = "-"


def film_request(prompt: str, file: Path | None, stdin: TextIO, options: Mapping[str, Any]) -> FilmRequest:
    """The request: a prompt from the argument, a file or stdin (`-`), with the options given laid over it.

    Raises: Unusable when there is no prompt, or two.
    """
    if bool(prompt) == bool(file):
        raise Unusable(
            "One idea is needed, no more.",
            remedy='Give it as an argument ("A lighthouse at dawn"), or with --file FILE, or - to read it from stdin.',
        )
    read = _from_file(file) if file else {"prompt": stdin.read() if prompt == STDIN else prompt}
    return _overlaid(read, options)


def _from_file(file: Path) -> FilmRequest:
    """.json and .yaml hold a whole request; every other file is the prompt itself."""
    try:
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise Unusable(f"{file} is not UTF-8 text.", remedy="Save the idea as a text file in UTF-8.") from error
    except OSError as error:
        raise Unusable(f"{file} cannot be read: {error}.") from error
    parse = {".json": _json, ".yaml": _yaml, ".yml": _yaml}.get(file.suffix.lower())
    if parse is None:
        return {"prompt": text}
    read = parse(text, file)
    if not isinstance(read, dict):
        raise Unusable(f"{file} must hold one object with at least a `prompt`.")
    return read


def _json(text: str, file: Path) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise Unusable(f"{file} is not JSON: {error}.") from error


def _yaml(text: str, file: Path) -> Any:
    import yaml  # noqa: PLC0415 - only who keeps requests as YAML waits for it

    class PlainLoader(yaml.SafeLoader):
        """Leaves plain values as text: YAML 1.1 would read `9:16` as 556 and `no` as false; the server knows better."""

    PlainLoader.yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag.endswith((":null", ":merge"))]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    try:
        return yaml.load(text, PlainLoader)  # noqa: S506 - a SafeLoader
    except (yaml.YAMLError, ValueError) as error:
        raise Unusable(f"{file} is not YAML: {error}.") from error


def _overlaid(request: FilmRequest, options: Mapping[str, Any]) -> FilmRequest:
    """Options that were given win; those inside an object (`models.video`) leave its other fields alone."""
    merged = dict(request)
    for name, value in options.items():
        if value is None:
            continue
        if isinstance(value, Mapping):
            inner = merged.get(name)
            laid = {**(inner if isinstance(inner, dict) else {}), **_given(value)}
            if laid:
                merged[name] = laid
        else:
            merged[name] = value
    return merged


def _given(options: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}
