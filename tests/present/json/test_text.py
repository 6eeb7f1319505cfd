import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.text.json import compact, rows

strings = st.text(st.characters(exclude_categories=()), max_size=8)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | strings,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(strings, inner, max_size=3),
    max_leaves=8,
)


@given(values, st.booleans())
def test_rows_of_a_value_are_its_json(value: Any, ascii_only: bool) -> None:
    found = list(rows(value, ascii_only=ascii_only))
    assert json.loads("".join(text for _, text in found)) == value
    assert found[0][0] == found[-1][0] == 0


@given(values)
def test_compact_json_is_one_line_of_ascii(value: Any) -> None:
    text = compact(value)
    assert json.loads(text) == value
    assert text.isascii()
    assert text.isprintable()


def test_rows_know_their_depth() -> None:
    shown = ["  " * depth + text for depth, text in rows({"a": [1, {}], "b": {"c": None}})]
    assert shown == ["{", '  "a": [', "    1,", "    {}", "  ],", '  "b": {', '    "c": null', "  }", "}"]


@pytest.mark.parametrize(
    ("number", "shown"), [(math.inf, '"Infinity"'), (-math.inf, '"-Infinity"'), (math.nan, '"NaN"')]
)
def test_infinite_number_is_written_as_a_string(number: float, shown: str) -> None:
    assert compact({"n": [number, 1.5]}) == f'{{"n": [{shown}, 1.5]}}'


def test_deeply_nested_value_is_written() -> None:
    value: Any = "leaf"
    for _ in range(50_000):
        value = [value]
    assert compact(value) == "[" * 50_000 + '"leaf"' + "]" * 50_000
