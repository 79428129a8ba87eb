"""Text → tree: which plain words mean what, and what is refused."""

from typing import Any

import pytest

from localcloud.workflows.faults import Position, SourceRefused
from localcloud.workflows.loader import SOURCE_LIMIT_BYTES, Mapping, Scalar, Sequence, load


def plain(node: Any) -> Any:
    if isinstance(node, Mapping):
        return {key.value: plain(value) for key, value in node.entries}
    if isinstance(node, Sequence):
        return [plain(item) for item in node.items]
    return node.value


@pytest.mark.parametrize(
    ("word", "meaning"),
    [
        ("true", True),
        ("False", False),
        ("TRUE", True),
        ("tRUE", "tRUE"),
        ("yes", "yes"),
        ("No", "No"),
        ("on", "on"),
        ("off", "off"),
        ("12:30", "12:30"),
        ("010", 10),
        ("0x1F", 31),
        ("0o17", 15),
        ("-7", -7),
        ("+7", 7),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("2.", 2.0),
        ("1_000", "1_000"),
        ("2024-01-31", "2024-01-31"),
        ("2024-01-31T10:00:00Z", "2024-01-31T10:00:00Z"),
        ("null", None),
        ("~", None),
        ("", None),
        ("nil", "nil"),
        ("'12'", "12"),
        ('"true"', "true"),
        ("!x", "refused"),
    ],
)
def test_plain_word_means_what_yaml_1_2_says_when_loaded(word: str, meaning: Any) -> None:
    try:
        loaded = plain(load(f"key: {word}"))["key"]
    except SourceRefused:
        loaded = "refused"

    assert (type(loaded), loaded) == (type(meaning), meaning)


def test_json_text_is_the_same_tree_as_yaml_when_loaded() -> None:
    assert plain(load('{"main": {"steps": [{"a": {"return": 1.5}}]}}')) == {"main": {"steps": [{"a": {"return": 1.5}}]}}


def test_every_node_knows_its_line_and_column_when_loaded() -> None:
    root = load("main:\n  steps:\n    - first: 'x'\n")
    assert isinstance(root, Mapping)
    steps = root.get("main")
    assert isinstance(steps, Mapping)
    listed = steps.get("steps")
    assert isinstance(listed, Sequence)
    step = listed.items[0]
    assert isinstance(step, Mapping)
    value = step.get("first")

    assert (step.at, value) == (Position(3, 7), Scalar("x", Position(3, 14), inset=1))


def test_integer_keys_keep_their_type_when_loaded() -> None:
    assert plain(load("{1: a, '1': b}")) == {1: "a", "1": "b"}


@pytest.mark.parametrize(
    ("text", "place", "complaint"),
    [
        ("a: 1\nb: 2\na: 3", Position(3, 1), "twice"),
        ("a: [1, 2", Position(1, 9), "expected"),
        ("a: &x\n  - *x", Position(1, 4), "without end"),
        ("? [1]\n: x", Position(1, 3), "plain value"),
        ("a: 9223372036854775808", Position(1, 4), "64-bit"),
        ("", Position(1, 1), "empty"),
        ("a: \x07", Position(1, 1), "character"),
    ],
)
def test_bad_text_is_refused_with_its_place_when_loaded(text: str, place: Position, complaint: str) -> None:
    with pytest.raises(SourceRefused) as refused:
        load(text)

    (problem,) = refused.value.problems
    assert complaint in problem.message
    assert problem.at == place


def test_aliases_that_multiply_are_refused_instead_of_filling_memory_when_loaded() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9)]

    with pytest.raises(SourceRefused, match="without end"):
        load("\n".join(lines))


def test_source_is_refused_when_one_byte_over_the_limit() -> None:
    text = "a: " + "x" * (SOURCE_LIMIT_BYTES - 3)

    assert isinstance(load(text), Mapping)
    with pytest.raises(SourceRefused, match="128 KB"):
        load(text + "x")
