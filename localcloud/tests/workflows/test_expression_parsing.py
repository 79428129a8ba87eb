"""Expression text → tree: precedence, literals, limits; and laws that hold for every text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localcloud.workflows.expressions.parser import ExpressionRefused, parse
from localcloud.workflows.expressions.syntax import (
    Binary,
    Call,
    Expression,
    Field,
    Item,
    ListOf,
    Literal,
    Name,
    Unary,
    children,
)


def spelled(node: Expression) -> str:
    """The tree with every operation in parentheses, so that a test can compare shapes as text."""
    match node:
        case Literal(value):
            return "null" if value is None else str(value).lower() if isinstance(value, bool) else repr(value)
        case Name(name):
            return name
        case Field(of, name):
            return f"{spelled(of)}.{name}"
        case Item(of, key):
            return f"{spelled(of)}[{spelled(key)}]"
        case Call(function, arguments):
            return f"{function}({', '.join(map(spelled, arguments))})"
        case ListOf(items):
            return f"[{', '.join(map(spelled, items))}]"
        case Unary(operator, operand):
            return f"({operator} {spelled(operand)})"
        case Binary(operator, left, right):
            return f"({spelled(left)} {operator} {spelled(right)})"


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        ("1 + 2 * 3", "(1 + (2 * 3))"),
        ("(1 + 2) * 3", "((1 + 2) * 3)"),
        ("a - b - c", "((a - b) - c)"),
        ("a / b // c % d", "(((a / b) // c) % d)"),
        ("-a * b", "((- a) * b)"),
        ("- -a", "(- (- a))"),
        ("a - -1", "(a - -1)"),
        ("not k in m", "((not k) in m)"),
        ('not("k" in m)', "(not ('k' in m))"),
        ("not a == b", "((not a) == b)"),
        ("a < b == c", "((a < b) == c)"),
        ("a and b or c and d", "((a and b) or (c and d))"),
        ("a OR NOT b AND c", "(a or ((not b) and c))"),
        ("a.b.c[0].d", "a.b.c[0].d"),
        ('m["k"][i + 1]', "m['k'][(i + 1)]"),
        ('text.split(s, ",")[0]', "text.split(s, ',')[0]"),
        ("f()", "f()"),
        ("[1, [2.5, true], null]", "[1, [2.5, true], null]"),
        ("TRUE == False", "(true == false)"),
        ("1e3 + 2.5E-1", "(1000.0 + 0.25)"),
        (r'"a\"b\\n\n\u00e9"', "'a\"b\\\\n\\né'"),
        ("'it\\'s'", '"it\'s"'),
        ("e.in", "e.in"),
    ],
)
def test_expression_has_the_documented_shape_when_parsed(text: str, shape: str) -> None:
    assert spelled(parse(text)) == shape


@pytest.mark.parametrize(
    ("text", "offset"),
    [
        ("", 0),
        ("   ", 3),
        ("1 +", 3),
        ("(1", 2),
        ("1 2", 2),
        ("a..b", 2),
        ("a b", 2),
        ("${x}", 0),
        ('"open', 0),
        ("a And b", 2),
        ("a && b", 2),
        ("f(1,)", 4),
        ("[1,]", 3),
        ("{a: 1}", 0),
        ("a not in b", 2),
        ("f(1)(2)", 4),
        ("9223372036854775808", 0),
        ("x ? 1 : 2", 2),
        ("a = 1", 2),
    ],
)
def test_bad_expression_is_refused_at_its_place_when_parsed(text: str, offset: int) -> None:
    with pytest.raises(ExpressionRefused) as refused:
        parse(text)

    assert refused.value.offset == offset


def test_expression_is_refused_when_one_character_too_long() -> None:
    assert parse("1" + " " * 399) == Literal(1)
    with pytest.raises(ExpressionRefused, match="400"):
        parse("1" + " " * 400)


@pytest.mark.parametrize("text", ["(" * 200 + "1" + ")" * 199, "[" * 399, "not " * 99 + "a", "-" * 399 + "a"])
def test_deep_nesting_is_refused_and_never_exhausts_the_stack_when_parsed(text: str) -> None:
    with pytest.raises(ExpressionRefused):
        parse(text)


names = st.sampled_from(["a", "b", "total", "_x1"])
leaves = st.one_of(
    st.integers(0, 2**63 - 1).map(Literal),
    st.floats(0, 1e300, allow_nan=False).map(Literal),
    st.text(max_size=4).filter(lambda text: "\\" not in repr(text)).map(Literal),
    st.sampled_from([True, False, None]).map(Literal),
    names.map(Name),
)


def nodes(inner: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    operators = st.sampled_from(["or", "and", "<", "<=", ">", ">=", "==", "!=", "in", "+", "-", "*", "/", "//", "%"])
    return st.one_of(
        st.builds(Binary, operators, inner, inner),
        st.builds(Unary, st.just("not"), inner),
        st.builds(Item, names.map(Name), inner),
        st.builds(lambda items: ListOf(tuple(items)), st.lists(inner, max_size=3)),
        st.builds(lambda name, items: Call(name, tuple(items)), names, st.lists(inner, max_size=3)),
    )


@given(st.recursive(leaves, nodes, max_leaves=12))
def test_any_tree_comes_back_when_spelled_out_and_parsed(tree: Expression) -> None:
    text = spelled(tree)
    if len(text) <= 400:
        assert spelled(parse(text)) == text


@given(st.text(alphabet="ab1.+-*/%<>=!()[],'\" \\notandri", max_size=60))
def test_any_text_is_a_tree_or_a_refusal_inside_the_text_when_parsed(text: str) -> None:
    assert all(0 <= offset <= len(text) for offset in offsets(text))


def offsets(text: str) -> list[int]:
    """Where the nodes of the tree stand, or the refusal."""
    try:
        nodes = [parse(text)]
    except ExpressionRefused as refused:
        return [refused.offset]
    for node in nodes:  # grows while it is gone through
        nodes.extend(children(node))
    return [node.offset for node in nodes]
