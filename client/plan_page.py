"""The storyboard of a job as a page for review, in Markdown or as one HTML file that needs nothing else. Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from client.documents import Job, Scene
from client.views import check_entries, describe_continuity, describe_looks, describe_reference, describe_sheet, dollars

_MARKS = re.compile(r"([\\`*_{}\[\]<>#|])")
_CSS = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem}"
    "h1{margin-bottom:.2rem}section{break-inside:avoid;border-top:1px solid #ccc;margin-top:1rem}"
    "dt{font-weight:600}dd{margin:0 0 .5rem}"
)


@dataclass(frozen=True, slots=True)
class Section:
    """A heading with labelled texts under it."""

    title: str
    entries: Sequence[tuple[str, str]]


def markdown_page(job: Job) -> str:
    """The page in Markdown. Raises: ValueError for a job without a storyboard."""
    parts = [f"# {_plain(page_title(job))}"]
    for section in page_sections(job):
        parts.append(f"## {_plain(section.title)}")
        parts.append("\n".join(f"- **{label}:** {_plain(text)}" for label, text in section.entries))
    return "\n\n".join(parts) + "\n"


def html_page(job: Job) -> str:
    """The page as HTML; a browser prints it. Raises: ValueError for a job without a storyboard."""
    title = escape(page_title(job))
    sections = "".join(
        f"<section><h2>{escape(section.title)}</h2><dl>"
        + "".join(f'<dt>{escape(label)}</dt><dd dir="auto">{escape(text)}</dd>' for label, text in section.entries)
        + "</dl></section>\n"
        for section in page_sections(job)
    )
    head = f'<head><meta charset="utf-8"><title>{title}</title><style>{_CSS}</style></head>'
    body = f'<body><h1 dir="auto">{title}</h1>\n{sections}</body>'
    return f'<!doctype html>\n<html lang="en">{head}\n{body}</html>\n'


def page_title(job: Job) -> str:
    """The film's title, or a stand-in for one."""
    return job["title"] or "A film"


def page_sections(job: Job) -> list[Section]:
    """What every form of the page says. Raises: ValueError for a job without a storyboard."""
    board = job.get("board")
    if board is None:
        raise ValueError(f"{job['id']} has no storyboard yet")
    guide = board["style_guide"]
    film = [
        ("Idea", str(job["request"]["prompt"])),
        *([("Logline", board["logline"])] if board.get("logline") else []),
        ("Length", f"{job['planned_duration_s'] or 0:g} s in {len(job['scenes'])} scenes"),
        ("Price", _price(job)),
        *([("Continuity", describe_continuity(job))] if job.get("continuity") else []),
        *((name or "Drifts", words) for name, words in check_entries(job)),
        ("Job", job["id"]),
    ]
    style = {
        "Style": guide.get("style"),
        "Look": guide["visual_style"],
        "Palette": ", ".join(guide["palette"]),
        "Camera": guide["camera"],
        **{name.capitalize(): guide.get(name) for name in ("light", "pacing", "sound")},
    }
    places_and_props = (*board["settings"], *board.get("props", []))
    cast = [(one["name"], describe_looks(one)) for one in (*board["characters"], *places_and_props)]
    sheets = [(sheet["name"], describe_sheet(sheet)) for sheet in job.get("sheets", [])]
    pictures = [(one["name"], describe_reference(one)) for one in job.get("references", [])]
    scenes = sorted(job["scenes"], key=lambda scene: scene["display_order"])
    return [
        Section("The film", film),
        Section("Style", [(label, text) for label, text in style.items() if text]),
        *([Section("Cast and places", cast)] if cast else []),
        *([Section("Sheets", sheets)] if sheets else []),
        *([Section("Your pictures", pictures)] if pictures else []),
        *(Section(f"Scene {number}", _scene(scene)) for number, scene in enumerate(scenes, start=1)),
    ]


def _scene(scene: Scene) -> list[tuple[str, str]]:
    fields: Mapping[str, Any] = scene
    camera = ", ".join(
        str(value).replace("_", " ") for value in (fields.get("camera") or {}).values() if value not in {None, "open"}
    )
    dialogue = " / ".join(f"{line['speaker']}: {line['line']}" for line in fields.get("dialogue") or ())
    entries = {
        "Length": f"{scene['duration_s']:g} s",
        "What happens": scene["description"],
        "First picture": scene.get("start_prompt"),
        "Last picture": scene.get("end_prompt"),
        "Motion": scene.get("motion_prompt"),
        "Camera": camera,
        "Light": fields.get("light"),
        "Dialogue": dialogue,
        "Into the next": scene.get("transition_note"),
    }
    return [(label, text) for label, text in entries.items() if text]


def _price(job: Job) -> str:
    budget = job["budget"]
    spent, reserved, limit = (dollars(budget[key]) for key in ("spent_usd", "reserved_usd", "limit_usd"))
    return f"{spent} spent so far, up to {reserved} more to film it; the limit is {limit}"


def _plain(text: str) -> str:
    """A text in which nothing is Markdown, on one line."""
    return _MARKS.sub(r"\\\1", " ".join(text.split()))
