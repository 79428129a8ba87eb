"""``make docs``: pages that are made from the code, so that they cannot drift from it. A test compares them."""

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any

from promptreel.domain import states

ROOT = Path(__file__).parents[1]
STATES_PAGE = ROOT / "docs" / "states.md"


def states_page() -> str:
    """The state machines of job, scene and paid call as diagrams."""
    parts = [
        "# States\n\nMade by `make docs` from functions/promptreel/domain/states.py; edit there.\n",
        _diagram("A job", states.JOB_MOVES, states.FINAL_JOB),
        "Every unfinished job can fail or be cancelled, and any job be deleted; those arrows are left out above.\n",
        _diagram("A scene", states.SCENE_MOVES),
        _diagram("A paid call", states.CALL_MOVES),
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
    STATES_PAGE.write_text(states_page(), encoding="utf-8")
