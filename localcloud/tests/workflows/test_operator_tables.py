"""Every operator over every pair of types: what the reference lets through, and TypeError for all the rest."""

import operator
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from localcloud.workflows.expressions.operators import BINARY, UNARY
from localcloud.workflows.faults import Raised

Evaluate = Callable[..., Any]

OPERANDS: dict[str, Any] = {
    "null": None,
    "boolean": True,
    "integer": 3,
    "double": 2.5,
    "string": "s",
    "bytes": b"b",
    "list": [1],
    "map": {"k": 1},
}
NUMBERS = {"integer", "double"}
WITH_TEXT = {"integer", "double", "boolean", "string"}
INT64 = st.integers(-(2**63), 2**63 - 1)
DOUBLES = st.floats(allow_nan=False, allow_infinity=False)


def outcome(operation: Callable[..., Any], *operands: Any) -> tuple[Any, list[str]]:
    """What the operation gave, and the tags of what it raised."""
    try:
        return operation(*operands), []
    except Raised as error:
        return None, error.value["tags"]


def is_allowed(symbol: str, left: str, right: str) -> bool:
    if symbol in ("==", "!="):
        return True
    if symbol == "in":
        return right in ("list", "map")
    if symbol == "+" and "string" in (left, right):
        return {left, right} <= WITH_TEXT
    if symbol in ("<", "<=", ">", ">=") and left == right == "string":
        return True
    return {left, right} <= NUMBERS


@pytest.mark.parametrize("symbol", sorted(BINARY))
@pytest.mark.parametrize("left", OPERANDS)
@pytest.mark.parametrize("right", OPERANDS)
def test_only_the_documented_pairs_work_when_operands_are_of_two_types(symbol: str, left: str, right: str) -> None:
    _, tags = outcome(BINARY[symbol], OPERANDS[left], OPERANDS[right])

    assert tags == ([] if is_allowed(symbol, left, right) else ["TypeError"])


@pytest.mark.parametrize("kind", OPERANDS)
def test_only_numbers_and_booleans_work_when_operand_is_signed_or_negated(kind: str) -> None:
    _, signed = outcome(UNARY["-"], OPERANDS[kind])
    _, negated = outcome(UNARY["not"], OPERANDS[kind])

    assert signed == ([] if kind in NUMBERS else ["TypeError"])
    assert negated == ([] if kind == "boolean" else ["TypeError"])


@pytest.mark.parametrize(("symbol", "exact"), [("+", operator.add), ("-", operator.sub), ("*", operator.mul)])
@given(left=INT64, right=INT64)
def test_integers_give_the_exact_result_or_an_overflow_when_combined(
    symbol: str, exact: Callable[[int, int], int], left: int, right: int
) -> None:
    wanted = exact(left, right)
    fits = -(2**63) <= wanted < 2**63

    assert outcome(BINARY[symbol], left, right) == ((wanted, []) if fits else (None, ["ValueError"]))


@given(left=INT64, right=INT64.filter(bool))
@settings(max_examples=200)
def test_quotient_and_remainder_give_the_integers_back_when_divided(left: int, right: int) -> None:
    if (left, right) == (-(2**63), -1):
        return
    quotient, remainder = BINARY["//"](left, right), BINARY["%"](left, right)

    assert quotient * right + remainder == left
    assert type(BINARY["/"](left, right)) is float


@given(left=st.one_of(INT64, DOUBLES), right=st.one_of(INT64, DOUBLES))
def test_exactly_one_of_less_equal_greater_holds_when_numbers_are_compared(left: float, right: float) -> None:
    assert [BINARY[symbol](left, right) for symbol in ("<", "==", ">")].count(True) == 1


PRECEDENCE = [
    ("1 + 2 * 3", 7),
    ("(1 + 2) * 3", 9),
    ("10 - 4 - 3", 3),
    ("2 * 7 // 4 * 2", 6),
    ("100 / 10 / 5", 2.0),
    ("7 // 2 + 7 % 2", 4),
    ("-7 // 2", -4),
    ("7 // -2", -4),
    ("-7 % 3", 2),
    ("7 % -3", -2),
    ("7.5 // 2", 3.0),
    ("7.5 % 2", 1.5),
    ("-2 * -3", 6),
    ("- -1", 1),
    ("1 + 1 == 2", True),
    ("1 < 2 == true", True),
    ("2 in [1, 2] and true", True),
    ("true or true and false", True),
    ("(true or true) and false", False),
    ("not false and false", False),
    ("not (false and false)", True),
    ("not not true", True),
    ("TRUE AND NOT False OR false", True),
    ("1 + 2 + 'a'", "3a"),
    ("'a' + 1 + 2", "a12"),
    ("'a' + 1.5 + true", "a1.5true"),
    ("'v' + 2.0", "v2.0"),
    ("4 / 2", 2.0),
    ("1 + 1.0", 2.0),
    ("9223372036854775807", 2**63 - 1),
    ("-9223372036854775808", -(2**63)),
    ("1e3", 1000.0),
    ("[1, [2, 'x']][1][1]", "x"),
    ("text.split('a,b', ',')[1]", "b"),
    ("false and 1 / 0 > 0", False),
    ("true or 1 / 0 > 0", True),
    ('"tab\\t \\"q\\" \\\\ \\u00e9 \\ud83d\\ude00"', 'tab\t "q" \\ é 😀'),
    ("'it\\'s'", "it's"),
    ("w.in + w.NOT + w.true + w.null", 10),
]


@pytest.mark.parametrize(("expression", "value"), PRECEDENCE, ids=[expression for expression, _ in PRECEDENCE])
def test_expression_follows_the_reference_when_it_mixes_operators(
    evaluate: Evaluate, expression: str, value: Any
) -> None:
    found = evaluate(expression, w={"in": 1, "NOT": 2, "true": 3, "null": 4})

    assert (type(found), found) == (type(value), value)


FAULTS = [
    ("not 1 in [1]", "TypeError"),
    ("1 < 2 < 3", "TypeError"),
    ("9223372036854775807 + 1", "ValueError"),
    ("-9223372036854775808 - 1", "ValueError"),
    ("1e308 * 10", "ValueError"),
    ("1 / 0", "ZeroDivisionError"),
    ("1.5 // 0", "ZeroDivisionError"),
    ("1 % 0.0", "ZeroDivisionError"),
    ("m.nope", "KeyError"),
    ("m['nope']", "KeyError"),
    ("m.a.b", "TypeError"),
    ("l[-1]", "IndexError"),
    ("l[3]", "IndexError"),
    ("l[1.0]", "TypeError"),
    ("l['x']", "TypeError"),
    ("'text'[0]", "TypeError"),
    ("null.x", "TypeError"),
]


@pytest.mark.parametrize(("expression", "tag"), FAULTS, ids=[expression for expression, _ in FAULTS])
def test_expression_names_its_tag_in_tags_and_message_when_it_fails(
    evaluate: Evaluate, expression: str, tag: str
) -> None:
    error = evaluate(expression, m={"a": 1}, l=[1, 2, 3])

    assert error["tags"][0] == tag
    assert error["message"].startswith(f"{tag}: ")


@pytest.mark.parametrize(("container", "shown"), [("null", "null"), ("'abc'", '"abc"'), ("5", "5")])
def test_membership_is_told_in_the_words_of_the_reference_when_asked_of_neither_map_nor_list(
    evaluate: Evaluate, container: str, shown: str
) -> None:
    assert evaluate(f"'a' in {container}") == {
        "message": f"The argument of 'in' must be a dict or an array; got: {shown}",
        "tags": ["TypeError"],
    }
