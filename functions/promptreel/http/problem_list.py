"""The problems that callers meet, from data/problems.json: the address of each code, and the page behind it."""

import json
from functools import cache
from html import escape
from importlib import resources
from typing import Any

from flask import Response

PATH = "/docs/problems"
SECTIONS = {
    "api": "Answers of the API",
    "jobs": "Failures of a job or a scene",
    "steps": "Answers of steps to the workflow, which repeats them",
}


@cache
def problem_list() -> dict[str, dict[str, dict[str, Any]]]:
    """Of each section, and each code in it, what it says and what helps."""
    text = resources.files("promptreel.data").joinpath("problems.json").read_text(encoding="utf-8")
    listed = json.loads(text)
    return {section: listed[section] for section in SECTIONS}


def type_of(code: str, base_url: str) -> str:
    """The URI of a problem's type (RFC 9457): its place on the page of this deployment."""
    return f"{base_url}{PATH}#{code}"


def show_problems() -> Response:
    """Explain every problem, for people."""
    return Response(_page(), content_type="text/html; charset=utf-8", headers={"Cache-Control": "public, max-age=3600"})


@cache
def _page() -> str:
    parts = ['<!doctype html><html lang="en"><meta charset="utf-8"><title>Problems of promptreel</title>']
    parts.append("<h1>Problems</h1>")
    shown = set[str]()
    for section, title in SECTIONS.items():
        parts.append(f"<h2>{escape(title)}</h2><dl>")
        for code, entry in problem_list()[section].items():
            anchor = "" if code in shown else f' id="{escape(code)}"'
            shown.add(code)
            status = f" ({entry['status']})" if "status" in entry else ""
            remedy = f" <em>{escape(entry['remedy'])}</em>" if "remedy" in entry else ""
            parts.append(f"<dt{anchor}><code>{escape(code)}</code>{status}<dd>{escape(entry['says'])}{remedy}")
        parts.append("</dl>")
    return "\n".join(parts)
