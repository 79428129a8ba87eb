"""`promptreel plan`: a storyboard as a page, without filming."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from client.outcomes import ExitCode
from client.plan_page import html_page, markdown_page

Run = Callable[..., int]
JOB_ID = "job-" + "0f" * 10
SCENE = {
    "id": "scene-01",
    "sequence": 1,
    "display_order": 1,
    "state": "PENDING",
    "description": "The *keeper* lights <b>the lamp</b>",
    "start_prompt": "A dark stair",
    "end_prompt": "A burning lamp",
    "motion_prompt": "He climbs",
    "transition_note": "The light grows",
    "duration_s": 4,
    "frames": 96,
    "keyframes": {"start": None, "end": None},
    "clip": None,
    "attempts": [],
    "error": None,
    "camera": {"size": "wide_shot", "move": None, "lens": "open"},
    "dialogue": [{"speaker": "Mira", "line": "Свет!"}],
}
JOB: Any = {
    "id": JOB_ID,
    "state": "AWAITING_APPROVAL",
    "title": "The keeper",
    "owner": "mira@example.com",
    "created": "2026-11-21T09:00:00Z",
    "updated": "2026-11-21T09:00:00Z",
    "request": {"prompt": "A keeper\nwaits"},
    "progress": {"stage": "AWAITING_APPROVAL", "scenes_total": 1, "scenes_done": 0, "fraction": 0.0},
    "gate": None,
    "scenes": [SCENE],
    "budget": {"limit_usd": "25.00", "reserved_usd": "1.75", "spent_usd": "0.01"},
    "planned_duration_s": 4.0,
    "planned_frames": 96,
    "board": {
        "style_guide": {"visual_style": "ink", "palette": ["black", "bone"], "camera": "slow", "light": None},
        "characters": [{"name": "Mira", "description": "grey coat"}],
        "settings": [],
    },
    "models": [],
    "output": None,
    "warnings": [],
    "error": None,
}


def test_page_in_markdown_has_title_style_cast_scenes_and_price_and_no_foreign_markup() -> None:
    page = markdown_page(JOB)

    assert page.startswith("# The keeper\n\n## The film\n\n- **Idea:** A keeper waits\n- **Length:** 4 s in 1 scenes\n")
    for line in (
        "- **Price:** $0.01 spent so far, up to $1.75 more to film it; the limit is $25.00",
        "- **Palette:** black, bone",
        "- **Mira:** grey coat",
        "## Scene 1",
        "- **What happens:** The \\*keeper\\* lights \\<b\\>the lamp\\</b\\>",
        "- **Camera:** wide shot",
        "- **Dialogue:** Mira: Свет!",
    ):
        assert line in page.splitlines()


def test_page_names_props_clothing_continuity_and_each_sheet() -> None:
    sheet: Any = {"id": "sheet-01", "kind": "character", "description": "grey coat", "views": ["front", "side"]}
    refused = {"code": "sheet_refused", "message": "Otto: the film goes on without a sheet of it"}
    board = JOB["board"] | {
        "characters": [{"name": "Mira", "description": "grey coat", "clothing": "a blue jumper"}],
        "props": [{"name": "lamp", "description": "brass"}],
    }
    sheets: Any = [
        {**sheet, "name": "Mira", "image": {"url": "https://x/1", "uri": "gs://a/1"}, "error": None},
        {**sheet, "name": "Otto", "image": None, "error": refused},
        {**sheet, "name": "Ida", "image": None, "error": None},
    ]
    continuity: Any = {"mode": "sheet", "reason": "2 are in several scenes"}

    job: Any = {**JOB, "board": board, "sheets": sheets, "continuity": continuity}
    page = markdown_page(job)

    for line in (
        "- **Continuity:** sheet: 2 are in several scenes",
        "- **Mira:** grey coat Wears: a blue jumper",
        "- **lamp:** brass",
        "- **Mira:** character, front; side: https://x/1",
        "- **Otto:** character, front; side: Otto: the film goes on without a sheet of it",
        "- **Ida:** character, front; side: not drawn yet",
    ):
        assert line in page.splitlines()


def test_page_in_html_says_the_same_and_escapes_it() -> None:
    page = html_page(JOB)

    assert "lights &lt;b&gt;the lamp&lt;/b&gt;" in page
    assert "Mira: Свет!" in page
    said = {text.replace("\\", "") for _, text in re.findall(r"\*\*(.+?):\*\* (.+)", markdown_page(JOB))}
    shown = page.replace("&lt;", "<").replace("&gt;", ">").replace("A keeper\nwaits", "A keeper waits")
    assert [text for text in said if text not in shown] == []


def test_plan_submits_with_a_stop_after_the_storyboard_and_prints_the_page(
    run: Run, fake_api: Any, answer: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    fake_api.on("POST", "/v1/jobs", answer(202, {"id": JOB_ID, "state": "PENDING", "warnings": []}))
    fake_api.on("GET", f"/v1/jobs/{JOB_ID}", answer(200, JOB))

    assert run("plan", "A keeper waits", "--style", "film-noir") == 0

    body = fake_api.requests[0].body
    assert body == {"prompt": "A keeper waits", "style": "film-noir", "stop_after": "storyboard"}
    assert capsys.readouterr().out == markdown_page(JOB)


def test_plan_of_a_job_submits_nothing_and_writes_html(
    run: Run, fake_api: Any, answer: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fake_api.on("GET", f"/v1/jobs/{JOB_ID}", answer(200, JOB))

    assert run("plan", JOB_ID, "--html", str(tmp_path / "plan.html")) == 0

    assert {request.method for request in fake_api.requests} == {"GET"}
    assert (tmp_path / "plan.html").read_text(encoding="utf-8") == html_page(JOB)


def test_plan_fails_when_the_job_has_no_storyboard(
    run: Run, fake_api: Any, answer: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    fake_api.on("GET", f"/v1/jobs/{JOB_ID}", answer(200, {**JOB, "state": "FAILED", "board": None}))

    assert run("plan", JOB_ID) == ExitCode.FAILED
    assert "has no storyboard" in capsys.readouterr().err
