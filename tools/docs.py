"""``make docs``: pages that are made from the code, so that they cannot drift from it. A test compares them."""

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any

from promptreel.domain import states
from promptreel.domain.models import registry
from promptreel.domain.styles import style_list
from promptreel.http.route_table import ROUTES
from tests.unit.liveness import table
from tools.models_page import models_page
from tools.openapi import make_document
from tools.problems_page import problems_page
from tools.styles_page import styles_page

ROOT = Path(__file__).parents[1]
STATES_PAGE = ROOT / "docs" / "states.md"
MODELS_PAGE = ROOT / "docs" / "models.md"
STYLES_PAGE = ROOT / "docs" / "styles.md"
OPENAPI = ROOT / "functions" / "promptreel" / "data" / "openapi.json"  # docs/openapi.json is a link to it
PROBLEMS_PAGE = ROOT / "docs" / "problems.md"


_SUCCESSORS = """## Who acts next when an actor dies

Any actor may die in any state, right after the write that entered it. For each dead actor the table says who leaves the
state for the next one, and within how many seconds; "sweeper, execution" is an execution that the sweeper has started.
The times are upper bounds for a film of three scenes, with the sweeps at the worst moments; every entry is a test
(`tests/unit/liveness`). A "worker" is the process that has just written: API, step, stitcher or sweep. A dead video
provider or Gemini answers no further request: clips then become stills by the job's policy, and a job without keyframes
fails with a remedy. The states that are not listed need no actor: the job's owner approves, resumes or deletes such a
job, and the database removes a tombstone when its time is over.

The table is of films without a check of the keyframes. With it a job stays in KEYFRAMES a while longer: its execution,
or the one that the sweeper starts, calls `check_continuity` until the check ends, and `poll_clips` ends a check of
which nothing is heard for 30 minutes.
"""


def pages() -> dict[Path, str]:
    """Every generated page and what it should hold."""
    return {
        STATES_PAGE: states_page(),
        MODELS_PAGE: models_page(registry()),
        STYLES_PAGE: styles_page(style_list()),
        PROBLEMS_PAGE: problems_page(),
        OPENAPI: make_document(ROUTES),
    }


def states_page() -> str:
    """The state machines of job, scene and paid call as diagrams, and who acts next when an actor dies."""
    parts = [
        "# States\n\nMade by `make docs` from domain/states.py and tests/unit/liveness/table.py; edit there.\n",
        _diagram("A job", states.JOB_MOVES, states.FINAL_JOB_STATES),
        "Every unfinished job can fail or be cancelled, and any job be deleted; those arrows are left out above.\n",
        _diagram("A scene", states.SCENE_MOVES),
        _diagram("A paid call", states.CALL_MOVES),
        _SUCCESSORS,
        table.page() + "\n",
    ]
    return "\n".join(parts)


def _diagram(title: str, moves: Mapping[Any, frozenset[Any]], hidden: frozenset[StrEnum] = frozenset()) -> str:
    hidden -= {states.JobState.COMPLETE}
    first = next(iter(moves))
    arrows = [f"    [*] --> {first}"]
    for state, targets in moves.items():
        arrows += [f"    {state} --> {target}" for target in moves if target in targets and target not in hidden]
    return "\n".join([f"## {title}\n", "```mermaid", "stateDiagram-v2", *arrows, "```\n"])


if __name__ == "__main__":
    for page, text in pages().items():
        page.write_text(text, encoding="utf-8")
