"""JSON values: written as text, and folded into rows."""

import json
import math
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.support.present.samples import HOSTILE, drawn
from tui.text import json as folding
from tui.text.blocks import ShowWhole, ToggleFold
from tui.text.json import ALL, FoldedJson, JsonFolds, ValuePath, ValueRows, compact, step_lines
from tui.text.styled import Token, line_width, plain

strings = st.text(st.characters(exclude_categories=()), max_size=12) | st.sampled_from(
    [HOSTILE, "two\nlines", "a" * 90, "日本語" * 30, ""]
)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | strings,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(strings, inner, max_size=4),
    max_leaves=20,
)
folded_values = st.builds(
    FoldedJson,
    values,
    st.builds(JsonFolds, st.sampled_from([0, 1, 2, ALL]), st.frozensets(st.tuples(st.integers(0, 3)), max_size=3)),
    st.integers(10, 60),
    is_wrapped=st.booleans(),
)


def finite(value: Any) -> Any:
    """Return the value as JSON has it: infinite numbers are strings."""
    if isinstance(value, dict):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [finite(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value


@given(values, st.booleans())
def test_text_of_a_value_is_its_json(value: Any, ascii_only: bool) -> None:
    text = compact(value)
    assert json.loads(text) == finite(value)
    assert text.isascii()
    assert text.isprintable()
    found = list(folding.rows(value, ascii_only=ascii_only))
    assert json.loads("".join(text for _, text in found)) == finite(value)
    assert found[0][0] == found[-1][0] == 0


def nested(depth: int) -> Any:
    value: Any = "core"
    for number in range(depth):
        value = [value] if number % 2 else {"deeper": value}
    return value


def test_rows_know_their_depth_and_deep_values_are_written() -> None:
    shown = ["  " * depth + text for depth, text in folding.rows({"a": [1, {}], "b": None})]
    assert shown == ["{", '  "a": [', "    1,", "    {}", "  ],", '  "b": null', "}"]
    assert compact(nested(50_000)).count("[") == 25_000


# Folded into rows.

ORDER = {
    "order": "ord_1001",
    "paid": True,
    "lines": [{"sku": f"A-{number}", "amount": number, "about": "a thing in a box"} for number in range(120)],
    "note": "line one\nline two",
    "log": "x" * 13_000,
}
FOLDED = """
payload   ▾ 5 keys
            order: "ord_1001"
            paid: true
          ▸ lines: [ { sku: "A-0", amount: 0, ab…  120 items
          ▸ note: "line one\\nline two"  17 B, 2 lines
          ▸ log: "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…  13 kB
"""

OPENED = """
payload   ▾ 5 keys
            order: "ord_1001"
            paid: true
          ▾ lines: 120 items
            ▸ 0: { sku: "A-0", amount: 0, about: "a…  3 keys
            ▸ 1: { sku: "A-1", amount: 1, about: "a…  3 keys
            ▸ 2: { sku: "A-2", amount: 2, about: "a…  3 keys
            ▸ 3: { sku: "A-3", amount: 3, about: "a…  3 keys
          … 120 more lines  Enter shows all of it
"""


def test_value_that_does_not_fit_unfolds_one_level() -> None:
    rows = ValueRows().rows("payload", ORDER, JsonFolds(), 60)
    assert drawn(row.line for row in rows) == FOLDED
    folds = {row.key: row.action for row in rows if row.action is not None}
    assert folds[ValuePath("payload", (2,))] == ToggleFold(ValuePath("payload", (2,)))
    assert folds[ValuePath("payload", (4,))] == ShowWhole(ValuePath("payload", (4,)))
    opened = JsonFolds().with_fold((2,), is_open=True)
    assert opened.with_fold((2,), is_open=False) == JsonFolds()
    rows = ValueRows().rows("payload", ORDER, opened.with_fold((3,), is_open=True), 60, max_rows=8)
    assert drawn(row.line for row in rows) == OPENED
    assert rows[-1].action == ShowWhole(ValuePath("payload", ()))
    wrapped = ValueRows().rows("output", {"log": "x" * 13_000}, JsonFolds(), 50, is_wrapped=True)
    assert [len(wrapped), plain(wrapped[-1].line)[-8:]] == [9, "…  13 kB"]
    many = ValueRows().rows("payload", list(range(5_000)), JsonFolds(), 70)
    assert "… 1,000 or more" in plain(many[-1].line)


def test_value_that_fits_is_on_one_line_coloured_by_type() -> None:
    line, is_whole = folding.inline({"step": "charge", "at-2": 0.66, "left": [None, {}, []]}, 80)
    assert (plain(line), is_whole) == ('{ step: "charge", at-2: 0.66, left: [ null, {}, [] ] }', True)
    tokens = {piece.text: piece.token for piece in line}
    assert [tokens[text] for text in ("step", '"charge"', "0.66")] == [Token.MUTED, Token.TEXT, Token.BRIGHT]


@given(folded_values)
def test_every_iteration_visits_the_same_rows_and_they_fit(folded: FoldedJson) -> None:
    steps = list(folded.walk())
    paths = [step.path for step in steps]
    assert paths == sorted(set(paths))
    assert folded.last() == paths[-1]
    assert [folded.above(path) for path in paths] == [None, *paths[:-1]]
    middle = len(paths) // 2
    assert list(folded.walk(paths[middle])) == steps[middle:]
    assert all(folded.nearest((*path, 7)) in paths for path in paths)
    for step in steps:
        lines = step_lines(step, folded.room, is_wrapped=folded.is_wrapped)
        assert 1 <= len(lines) <= 8
        assert all(line_width(line) <= folded.room for line in lines)


def texts_of(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for key, item in value.items() for text in (key, *texts_of(item))]
    if isinstance(value, list):
        return [text for item in value for text in texts_of(item)]
    return [value] if isinstance(value, str) else [json.dumps(value)]


@given(values)
def test_search_finds_folded_texts_in_order(value: Any) -> None:
    folded = FoldedJson(value, JsonFolds(0), 40)
    for needle in [text for text in texts_of(value) if text.strip()][:5]:
        places = list(folded.find(needle.casefold()))
        assert places
        assert places == sorted(place for place in places if place is not None)


def test_matches_unfold_within_bounds() -> None:
    folded = FoldedJson(ORDER, JsonFolds(), 40)
    assert folding.unfolded_for(folded, "a-77", max_slices=9, max_matches=9) == (frozenset({(), (2,), (2, 77)}), True)
    assert not folding.unfolded_for(folded, "a-", max_slices=9, max_matches=9)[1]
    pauses = list(FoldedJson([0] * (3 * folding.SEARCH_SLICE), JsonFolds(), 40).find("nothing"))
    assert pauses == [None, None, None], "other tasks run in between"
    (place,) = (place for place in FoldedJson(nested(1_000), JsonFolds(ALL), 40).find("core") if place is not None)
    assert len(place) == 1_000


class Counted(list[Any]):
    """A list that counts how many of its items were read."""

    looked_at = 0

    def __getitem__(self, index: Any) -> Any:
        self.looked_at += 1
        return super().__getitem__(index)


def test_only_visible_items_of_a_million_are_read() -> None:
    items = Counted([0] * 1_000_000)
    assert len(ValueRows().rows("payload", items, JsonFolds(), 60, max_rows=60)) == 61
    assert items.looked_at < 1_200
    folded = FoldedJson(items, JsonFolds(), 60)
    items.looked_at = 0
    assert (folded.last(), len(list(folded.walk((999_950,))))) == ((999_999,), 50)
    assert items.looked_at < 200


@given(folded_values, st.integers(1, 12), st.integers(0, 40), st.integers(0, 40))
def test_window_shows_the_cursor_and_fills_the_page(folded: FoldedJson, height: int, top: int, cursor: int) -> None:
    first = folding.visible(folded, ())
    start, at = folding.moved(folded, first, top), folding.moved(folded, first, cursor)
    assert folding.moved(folded, at, -cursor - 1) == first
    begin, shown = folding.window(folded, start, at, height)
    whole = [
        (step.path, line)
        for step in folded.walk(first)
        for line in step_lines(step, folded.room, is_wrapped=folded.is_wrapped)
    ]
    assert begin == shown[0][0]
    assert at in [path for path, _ in shown]
    index = next(index for index, (path, _) in enumerate(whole) if path == begin)
    assert shown == whole[index : index + height]
    above = sum(path == whole[index - 1][0] for path, _ in whole) if index else 0
    assert len(shown) == min(height, len(whole)) or len(shown) + above > height
