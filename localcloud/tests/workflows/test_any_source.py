"""Whatever is deployed: a program, or a refusal; whatever runs: an outcome. Never an exception of Python's own."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from localcloud.workflows.compiler.routines import compile_source
from localcloud.workflows.faults import SourceRefused
from localcloud.workflows.loader import load

WORDS = [
    *("assign", "call", "args", "result", "switch", "condition", "for", "value", "index", "in", "range", "parallel"),
    *("branches", "shared", "concurrency_limit", "try", "retry", "except", "as", "steps", "raise", "return", "next"),
    *("params", "main", "sub", "a", "b", "end", "break", "continue", "predicate", "backoff", "http.get", "sys.sleep"),
    *("${a}", "${a + 1}", "${sub(a)}", "${", "${}", "${len(a)}", "${http.default_retry}", "a.b[0]", "url", "seconds"),
]
scalars = st.one_of(st.sampled_from(WORDS), st.none(), st.booleans(), st.integers(-3, 3), st.floats(0, 2))
anything = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(WORDS), inner, max_size=4)),
    max_leaves=12,
)
bodies = st.dictionaries(st.sampled_from(WORDS[:26]), anything, min_size=1, max_size=3)
steps = st.lists(st.dictionaries(st.sampled_from("abc"), bodies, min_size=1, max_size=1), max_size=3)
routines = st.fixed_dictionaries({"steps": steps}, optional={"params": anything})
sources = st.one_of(anything, st.dictionaries(st.sampled_from(["main", "sub"]), st.one_of(routines, anything)), steps)


def verdict(check: Callable[[], Any]) -> str:
    try:
        check()
    except SourceRefused as refused:
        return f"refused: {refused.problems[0].message}"
    return "accepted"


@given(sources)
@settings(max_examples=400, suppress_health_check=[HealthCheck.too_slow])
def test_any_tree_is_accepted_or_refused_with_a_reason_when_deployed(source: Any) -> None:
    assert verdict(lambda: compile_source(json.dumps(source))).startswith(("accepted", "refused: "))


@given(st.text(alphabet="ab:- \n\t[]{},&*!|>'\"%@`#?~<=1.$\\\ud800é", max_size=60))
@example('[${"\\')
@example("[${'")
@example("{${a")
def test_any_text_is_a_tree_or_a_refusal_when_loaded(text: str) -> None:
    assert verdict(lambda: load(text)).startswith(("accepted", "refused: "))


@pytest.mark.parametrize("key", ["'${http.default_retry}'", "'${[1]}'", "~", "'${null}'"])
def test_map_key_raises_at_run_time_when_it_cannot_be_one(play: Callable[..., Any], key: str) -> None:
    assert play(f"[{{a: {{return: {{{key}: 1}}}}}}]").error["tags"] == ["TypeError"]


def test_execution_fails_when_value_is_nested_deeper_than_python_can_follow(play: Callable[..., Any]) -> None:
    source = """
    - set: {assign: [{x: 1}]}
    - loop: {for: {value: v, range: [1, 5000], steps: [{wrap: {assign: [{x: ["${x}"]}]}}]}}
    """

    assert play(source).error["tags"] == ["ResourceLimitError"]


def test_text_is_refused_when_nested_deeper_than_python_can_follow() -> None:
    assert "too deeply" in verdict(lambda: load("[" * 1500))
    assert verdict(lambda: compile_source("[" * 300 + "]" * 300)).startswith("refused")
