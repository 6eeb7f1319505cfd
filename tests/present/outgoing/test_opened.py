"""Texts for a pager hold all of a value, and nothing that a terminal would obey."""

import json

from hypothesis import given
from hypothesis import strategies as st

from tui.domain.run import Json
from tui.domain.text import clean
from tui.features.copying.words import block_text, value_text

TEXTS = st.text(st.characters(), max_size=12) | st.text("\x1b[2J\x9b\u202e\u200d\n\r\t\x07😀\ud800é", max_size=12)
VALUES: st.SearchStrategy[Json] = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


def assert_harmless(text: str) -> None:
    assert text.endswith("\n")
    for line in text.removesuffix("\n").split("\n"):
        assert line.isprintable()
        assert clean(line) == line


@given(VALUES)
def test_value_is_the_same_json_without_controls(value: Json) -> None:
    text = value_text(value)
    assert json.loads(text) == value
    assert_harmless(text)


@given(TEXTS)
def test_block_has_no_controls_but_line_breaks(text: str) -> None:
    shown = block_text(text)
    for line in shown.split("\n"):
        assert clean(line) == line


def test_deep_value_has_a_text() -> None:
    deep: Json = []
    for _ in range(5_000):
        deep = [deep]
    assert value_text(deep).count("[") > 100
