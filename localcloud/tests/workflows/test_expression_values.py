"""What operators do to values, and which error they raise."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localcloud.workflows.expressions.operators import BINARY
from localcloud.workflows.faults import Raised

Evaluate = Callable[..., Any]


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("7 / 2", 3.5),
        ("6 / 2", 3.0),
        ("7 // 2", 3),
        ("-7 // 2", -4),
        ("7.0 // 2", 3.0),
        ("7 % 4", 3),
        ("1 + 2.5", 3.5),
        ("'a' + 1", "a1"),
        ("1.5 + 'a'", "1.5a"),
        ("true + 'x'", "truex"),
        ("'n' + 2 * 3", "n6"),
        ("1 == 1.0", True),
        ("1 == '1'", False),
        ("true == 1", False),
        ("null == null", True),
        ("0 == null", False),
        ("[1, [2]] == [1, [2]]", True),
        ("[1] == [true]", False),
        ("'a' != 'b'", True),
        ("1 < 1.5", True),
        ("'a' < 'b'", True),
        ("2 in [1, 2]", True),
        ("'2' in [1, 2]", False),
        ("[1] in [[1]]", True),
        ("false and 1 / 0 == 1", False),
        ("true or 1 / 0 == 1", True),
        ("not false", True),
        ("[10, 20][1]", 20),
        ("-(-3)", 3),
    ],
)
def test_expression_gives_the_value_when_evaluated(evaluate: Evaluate, expression: str, value: Any) -> None:
    found = evaluate(expression)

    assert (type(found), found) == (type(value), value)


@pytest.mark.parametrize(
    ("expression", "tag"),
    [
        ("1 / 0", "ZeroDivisionError"),
        ("1 // 0", "ZeroDivisionError"),
        ("1.0 % 0", "ZeroDivisionError"),
        ("'a' + null", "TypeError"),
        ("'a' + [1]", "TypeError"),
        ("true + 1", "TypeError"),
        ("[1] + [2]", "TypeError"),
        ("'a' * 2", "TypeError"),
        ("'3' - 1", "TypeError"),
        ("-'a'", "TypeError"),
        ("1 < 'a'", "TypeError"),
        ("true < false", "TypeError"),
        ("null < 1", "TypeError"),
        ("not 1", "TypeError"),
        ("1 and true", "TypeError"),
        ("true and 1", "TypeError"),
        ("false or null", "TypeError"),
        ("'a' in 'abc'", "TypeError"),
        ("not 'k' in [1]", "TypeError"),
        ("[1][1]", "IndexError"),
        ("[1][-1]", "IndexError"),
        ("[1]['0']", "TypeError"),
        ("'abc'[0]", "TypeError"),
        ("9223372036854775807 + 1", "ValueError"),
    ],
)
def test_expression_raises_the_tag_when_it_cannot_be_evaluated(evaluate: Evaluate, expression: str, tag: str) -> None:
    assert tag in evaluate(expression)["tags"]


def test_map_gives_the_entry_when_read_by_dot_or_bracket(evaluate: Evaluate) -> None:
    assert evaluate("m.a.b + m['a']['b']", m={"a": {"b": 4}}) == 8


def test_missing_key_raises_key_error_when_read(evaluate: Evaluate) -> None:
    assert "KeyError" in evaluate("m.x", m={"a": 1})["tags"]
    assert "KeyError" in evaluate("m['x']", m={"a": 1})["tags"]


def test_key_is_found_by_membership_when_looked_for_in_a_map(evaluate: Evaluate) -> None:
    assert evaluate("[k in m, 'z' in m]", m={"a": 1}, k="a") == [True, False]


small = st.integers(-(10**9), 10**9)


@given(small, small.filter(bool))
def test_whole_division_and_remainder_give_the_dividend_when_put_together(dividend: int, divisor: int) -> None:
    quotient, rest = BINARY["//"](dividend, divisor), BINARY["%"](dividend, divisor)

    assert BINARY["+"](BINARY["*"](quotient, divisor), rest) == dividend


@given(st.integers(-(2**63), 2**63 - 1), st.integers(-(2**63), 2**63 - 1), st.sampled_from("+-*"))
def test_integers_stay_in_64_bits_or_raise_when_combined(left: int, right: int, operator: str) -> None:
    exact = {"+": left + right, "-": left - right, "*": left * right}[operator]
    expected: Any = exact if -(2**63) <= exact < 2**63 else ["ValueError"]

    assert result_or_tags(operator, left, right) == expected


def result_or_tags(operator: str, left: Any, right: Any) -> Any:
    try:
        return BINARY[operator](left, right)
    except Raised as raised:
        return raised.value["tags"]


scalars = st.one_of(st.none(), st.booleans(), small, st.floats(-1e6, 1e6), st.text(max_size=3))
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3), max_leaves=5)


@given(values, values)
def test_equality_is_the_same_and_the_opposite_of_unequal_when_turned_around(left: Any, right: Any) -> None:
    assert BINARY["=="](left, right) is BINARY["=="](right, left)
    assert BINARY["!="](left, right) is not BINARY["=="](left, right)


@given(values, values, st.sampled_from(sorted(BINARY)))
def test_operator_gives_a_value_or_a_tagged_error_when_applied_to_any_values(
    left: Any, right: Any, operator: str
) -> None:
    tags: list[str] = []
    try:
        BINARY[operator](left, right)
    except Raised as raised:
        tags = raised.value["tags"]

    assert set(tags) <= {"TypeError", "ValueError", "ZeroDivisionError", "ArithmeticError"}
