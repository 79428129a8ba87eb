"""Whatever a library function is given: a value or an error of the language, never an exception of Python's own."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from localcloud.workflows.faults import Raised
from localcloud.workflows.stdlib.functions import Kind
from localcloud.workflows.stdlib.table import FUNCTIONS

PLAIN = sorted(name for name, function in FUNCTIONS.items() if function.kind is Kind.PLAIN)
WORDS = [
    "",
    "a",
    "é😀",
    "UTF-8",
    "idna",
    "a\0b",
    "2024-02-30T00:00:00Z",
    "9999-12-31T23:59:59-23:59",
    "(",
    "%",
    "==",
    "MD5",
    "UTC",
]
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(WORDS),
    st.text(max_size=8),
    st.binary(max_size=8),
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(["a", "b", 1]), inner)),
    max_leaves=5,
)


@pytest.mark.parametrize("name", PLAIN)
@given(data=st.data())
@settings(max_examples=60)
def test_function_gives_a_value_or_an_error_map_when_given_anything(name: str, data: st.DataObject) -> None:
    function = FUNCTIONS[name]
    arguments: list[Any] = [data.draw(values) for _ in function.arguments]
    try:
        function.body(*arguments)
        error = None
    except Raised as raised:
        error = raised.value

    assert error is None or error["tags"][0] in ("TypeError", "ValueError", "KeyError", "IndexError")
