"""A style in a file of the prompts bucket's `styles/` folder: read once, when a request that names it is accepted.

Whoever may upload prompts may write and replace the files there, and whoever may ask for a film may use them: they
belong to the deployment and not to an owner. The request keeps what was read, so that a later change of the file
changes no film.
"""

import re
from pathlib import PurePosixPath
from typing import Any

from promptreel.domain.styles import STYLE_FOLDER, OwnStyle
from promptreel.errors import Invalid, NotFound
from promptreel.ports.storage import Inbox, JobStore
from promptreel.usecases import prompt_files

_NAME = re.compile(rf"{STYLE_FOLDER}[\w-][\w .-]{{0,199}}")  # no folder below: no path can leave this one
_HEADING = re.compile(r"^#+\s*(.+?)\s*#*$")
_FIELDS = ("visual_style", "palette", "camera", "light", "pacing", "sound")


def keep_stored_style(job_id: str, payload: Any, jobs: JobStore) -> Any:
    """A repeated request with the style that its job has stored, whatever has become of the file since."""
    name = _file_name(payload)
    if name is None:
        return payload
    try:
        style = jobs.get_job(job_id).value.request.style
    except NotFound:
        return payload
    if not isinstance(style, OwnStyle) or style.source != name:
        return payload
    return {**payload, "style": style.model_dump(mode="json", exclude_none=True)}


def read_style_file(payload: Any, inbox: Inbox) -> Any:
    """The request with the content of the file that its `style` names, if it names one; else as it is.

    Raises: Invalid for a file that is missing or cannot be read; TooLarge.
    """
    name = _file_name(payload)
    if name is None:
        return payload
    if not _NAME.fullmatch(name):
        raise Invalid(
            f"style: {name[:100]!r} is no name of a style file.",
            remedy=f"Name a file directly in the folder, such as {STYLE_FOLDER}noir.yaml.",
        )
    try:
        data = inbox.read_file(name)
    except NotFound as error:
        raise Invalid(
            f"style: there is no file {name} in the prompts bucket.",
            code="unknown_style",
            remedy="Upload it before the request, or name a style that `promptreel styles` lists.",
        ) from error
    content = prompt_files.decode(name, data)
    if PurePosixPath(name).suffix.lower() in {".md", ".txt"}:
        content = {**_read_headings(content.pop("prompt")), **content}
    if not isinstance(content, dict):
        raise Invalid(f"style: {name} must hold an object.", remedy=f"Write fields into it: {', '.join(_FIELDS)}.")
    return {**payload, "style": {**content, "source": name}}


def _file_name(payload: Any) -> str | None:
    """The style file that a request names."""
    name = payload.get("style") if isinstance(payload, dict) else None
    return name if isinstance(name, str) and name.startswith(STYLE_FOLDER) else None


def _read_headings(text: str) -> dict[str, Any]:
    """The fields under the headings of a Markdown file; text under no such heading is the visual style."""
    found: dict[str, list[str]] = {}
    field = "visual_style"
    for line in text.splitlines():
        heading = _HEADING.match(line.strip())
        if heading is None:
            found.setdefault(field, []).append(line.strip().lstrip("-* "))
            continue
        named = re.sub(r"\W+", "_", heading.group(1).lower())
        field = named if named in _FIELDS else "visual_style"
    fields: dict[str, Any] = {name: " ".join(filter(None, lines)) for name, lines in found.items()}
    if palette := [colour.strip() for line in found.get("palette", []) for colour in line.split(",") if colour.strip()]:
        fields["palette"] = palette
    return {name: value for name, value in fields.items() if value}
