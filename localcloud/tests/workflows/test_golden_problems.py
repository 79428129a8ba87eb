"""What is said about wrong sources, word for word, from ``golden/problems.yaml``."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

CASES = yaml.safe_load((Path(__file__).parent / "golden/problems.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", CASES, ids=[case["case"] for case in CASES])
def test_every_problem_is_told_with_its_place_when_source_is_refused(
    refusal: Callable[[str], str], case: dict[str, Any]
) -> None:
    assert refusal(case["source"]).splitlines() == case["problems"]
