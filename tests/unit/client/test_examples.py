"""The product accepts every example, and the demo's prompt demands what the demo checks."""

import sys
from pathlib import Path

import pytest

from client.input_files import build_request
from promptreel.domain.planning import accept
from promptreel.domain.prompt_hints import extract_hints
from tests.fakes.services import PROTOCOLS
from tests.fakes.system import START

EXAMPLES = Path(__file__).parents[3] / "examples"
EXAMPLE_FILES = sorted(path for path in EXAMPLES.iterdir() if path.suffix in {".txt", ".md", ".json", ".yaml"})


@pytest.mark.parametrize("path", EXAMPLE_FILES, ids=lambda path: path.name)
def test_example_is_planned_as_a_film_of_three_scenes_or_more(path: Path) -> None:
    _, planned = accept(build_request("", path, sys.stdin, {}), START, PROTOCOLS)

    assert len(planned.durations_s) >= 3
    assert sum(planned.durations_s) >= 24


def test_lighthouse_prompt_demands_four_scenes_in_32_seconds() -> None:
    hints = extract_hints((EXAMPLES / "lighthouse.txt").read_text())

    assert [(hint.field, hint.value) for hint in hints.read] == [("duration_s", 32), ("scenes", 4)]


def test_examples_include_every_kind_of_file() -> None:
    assert {path.suffix for path in EXAMPLE_FILES} == {".txt", ".md", ".json", ".yaml"}
