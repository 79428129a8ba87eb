"""Whole workflows and their outcome, from ``golden/language.yaml``: a doubt is one more entry."""

import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from localcloud.workflows import engine

Play = Callable[..., Any]

CASES = yaml.safe_load((Path(__file__).parent / "golden/language.yaml").read_text(encoding="utf-8"))
INPUT = {"items": [3, 1, 2], "map": {"a": 1, "b": {"c": [10, 20]}}, "n": 4}


def outcome(played: Any) -> dict[str, Any]:
    if isinstance(played.outcome, engine.Succeeded):
        return {"result": played.result}
    return {"error": played.error["tags"][0]}


@pytest.mark.parametrize("case", CASES, ids=[case["case"] for case in CASES])
def test_workflow_ends_as_documented_when_run(play: Play, case: dict[str, Any]) -> None:
    steps = textwrap.indent(case["steps"], "  ")
    played = play(f"main:\n  params: [input]\n  steps:\n{steps}{case.get('rest', '')}", INPUT)
    wanted = {key: case[key] for key in ("result", "error") if key in case}

    assert repr(outcome(played)) == repr(wanted)  # 1, 1.0 and true are three values


def test_first_attempt_is_not_counted_when_retries_are_counted(play: Play) -> None:
    played = play("""
        main:
          steps:
            - init: {assign: [{attempts: 0}]}
            - try_it:
                try:
                  steps:
                    - count: {assign: [{attempts: '${attempts + 1}'}]}
                    - fail: {raise: again}
                retry:
                  predicate: ${retry.always}
                  max_retries: ${1 + 2}
                  backoff: {initial_delay: 2, max_delay: 5, multiplier: 2}
                except:
                  as: e
                  steps:
                    - done: {return: '${attempts}'}
    """)

    assert (played.result, played.runtime.slept_s) == (4, [2, 4, 5])
