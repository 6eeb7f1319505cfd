import json
from itertools import islice
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.present.samples import HOSTILE, text_of
from tui.text.blocks import ShowWhole, ToggleFold
from tui.text.json import (
    ALL,
    SEARCH_SLICE,
    FoldedJson,
    JsonFolds,
    ValuePath,
    ValueRows,
    containers_of,
    inline,
    moved,
    step_lines,
    unfolded_for,
    visible,
    window,
)
from tui.text.json import JsonPath as Path
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

ORDER = {
    "order": "ord_1001",
    "total": 12.5,
    "paid": True,
    "lines": [{"sku": f"A-{number}", "amount": number, "about": "a thing in a box"} for number in range(120)],
    "note": "line one\nline two",
}


def shown(value: Any, limit: int = 60, **more: Any) -> list[str]:
    return [
        plain(row.line) for row in ValueRows().rows("payload", value, more.pop("folds", JsonFolds()), limit, **more)
    ]


def test_value_that_fits_is_on_one_line_coloured_by_type() -> None:
    line, is_whole = inline({"step": "charge", "at-2": 0.66, "ok": True, "left": [None, {}, []]}, 80)
    assert plain(line) == '{ step: "charge", at-2: 0.66, ok: true, left: [ null, {}, [] ] }'
    assert is_whole
    tokens = {piece.text: piece.token for piece in line}
    assert tokens["step"] is tokens["left"] is Token.MUTED
    assert tokens['"charge"'] is Token.TEXT
    assert tokens["0.66"] is tokens["true"] is tokens["null"] is Token.BRIGHT
    assert tokens["{ "] is tokens[", "] is tokens["[]"] is Token.FAINT


def test_value_that_does_not_fit_unfolds_one_level() -> None:
    assert shown(ORDER) == [
        "payload   ▾ 5 keys",
        '            order: "ord_1001"',
        "            total: 12.5",
        "            paid: true",
        '          ▸ lines: [ { sku: "A-0", amount: 0, ab…  120 items',
        '          ▸ note: "line one\\nline two"  17 B, 2 lines',
    ]


def test_place_unfolds_and_folds_again() -> None:
    lines = ValuePath("payload", (3,))
    row = next(row for row in ValueRows().rows("payload", ORDER, JsonFolds(), 60) if row.key == lines)
    assert row.action == ToggleFold(lines)
    opened = JsonFolds().with_fold((3,), is_open=True)
    assert shown(ORDER, 70, folds=opened)[5] == '              0: { sku: "A-0", amount: 0, about: "a thing in a box" }'
    assert opened.with_fold((3,), is_open=False) == JsonFolds()


def test_first_rows_are_shown_and_the_others_counted() -> None:
    rows = ValueRows().rows("payload", ORDER, JsonFolds(2), 70, max_rows=20)
    assert len(rows) == 21
    assert plain(rows[-1].line) == "          … 106 more lines  Enter shows the whole"
    assert rows[-1].action == ShowWhole(ValuePath("payload", ()))
    assert (
        plain(ValueRows().rows("payload", list(range(5_000)), JsonFolds(), 70)[-1].line)
        .strip()
        .startswith("… 1,000 or more")
    )


def test_long_text_is_cut_and_enter_shows_all_of_it() -> None:
    rows = ValueRows().rows("output", {"log": "x" * 13_000}, JsonFolds(), 50)
    assert plain(rows[1].line).endswith("…  13 kB")
    assert rows[1].action == ShowWhole(ValuePath("output", (0,)))
    wrapped = ValueRows().rows("output", {"log": "x" * 13_000}, JsonFolds(), 50, is_wrapped=True)
    assert len(wrapped) == 9
    assert plain(wrapped[-1].line).endswith("…  13 kB")


def test_text_unfolds_into_its_lines() -> None:
    folded = FoldedJson("one\ntwo\n\n" + "x" * 25, JsonFolds(exceptions=frozenset({()})), 20, is_wrapped=True)
    lines = [plain(line) for step in folded.walk((0,)) for line in step_lines(step, 20, is_wrapped=True)]
    assert lines == ["one", "two", "", "x" * 20, "x" * 5]


@given(folded_values)
def test_every_iteration_visits_the_same_rows(folded: FoldedJson) -> None:
    steps = list(folded.walk())
    paths = [step.path for step in steps]
    assert paths == sorted(set(paths))
    assert folded.last() == paths[-1]
    assert [folded.above(path) for path in paths] == [None, *paths[:-1]]
    middle = len(paths) // 2
    assert list(folded.walk(paths[middle])) == steps[middle:]
    assert all(folded.nearest((*path, 7)) in paths for path in paths)


@given(folded_values)
def test_no_row_is_wider_than_its_limit(folded: FoldedJson) -> None:
    for step in folded.walk():
        lines = step_lines(step, folded.room, is_wrapped=folded.is_wrapped)
        assert 1 <= len(lines) <= 8
        assert all(line_width(line) <= folded.room for line in lines)


@given(values, st.integers(10, 80), st.booleans())
@settings(max_examples=50)
def test_rows_in_a_pane_fit_and_do_not_act(value: Any, limit: int, is_wrapped: bool) -> None:
    rows = ValueRows().rows("payload", value, JsonFolds(ALL), limit, is_wrapped=is_wrapped)
    assert plain(rows[0].line).startswith("payload")
    assert all(line_width(row.line) <= max(limit, 20) for row in rows)
    assert not any(ord(character) < 0x20 for row in rows for character in plain(row.line))


def needles(value: Any) -> list[str]:
    return [scalar for scalar in _texts(value) if scalar.strip()]


def _texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for key, item in value.items() for text in (key, *_texts(item))]
    if isinstance(value, list):
        return [text for item in value for text in _texts(item)]
    return [value] if isinstance(value, str) else [json.dumps(value)]


@given(values)
def test_search_finds_folded_texts_in_order(value: Any) -> None:
    folded = FoldedJson(value, JsonFolds(0), 40)
    for needle in needles(value)[:5]:
        places = list(folded.find(needle.casefold()))
        assert places
        assert places == sorted(place for place in places if place is not None)


def test_matches_unfold() -> None:
    found, is_all = unfolded_for(FoldedJson(ORDER, JsonFolds(), 40), "a-77", max_slices=9, max_matches=9)
    assert is_all
    assert found == {(), (3,), (3, 77)}
    rows = ValueRows().rows("payload", ORDER, JsonFolds(found=found), 50, max_rows=200)
    assert any('sku: "A-77"' in plain(row.line) for row in rows)
    _, is_all = unfolded_for(FoldedJson(ORDER, JsonFolds(), 40), "a-", max_slices=9, max_matches=9)
    assert not is_all


def test_search_pauses_for_other_tasks() -> None:
    found = list(FoldedJson([0] * (3 * SEARCH_SLICE), JsonFolds(), 40).find("nothing"))
    assert found == [None, None, None]


def nested(depth: int) -> Any:
    value: Any = "core"
    for number in range(depth):
        value = [value] if number % 2 else {"deeper": value}
    return value


@pytest.mark.parametrize("limit", [40, 200])
def test_value_with_a_thousand_levels_has_rows(limit: int) -> None:
    value = nested(1_000)
    assert "core" not in text_of([row.line for row in ValueRows().rows("payload", value, JsonFolds(), limit)])
    folded = FoldedJson(value, JsonFolds(ALL), limit)
    assert sum(1 for _ in folded.walk()) > 900
    (place,) = (place for place in folded.find("core") if place is not None)
    assert len(place) == 1_000
    assert folded.above(folded.last()) is not None
    opened = FoldedJson(value, JsonFolds(found=containers_of([place])), limit)
    assert max(line_width(line) for step in islice(opened.walk(), 900) for line in step_lines(step, limit)) <= limit


class Counted(list[Any]):
    """A list that counts how many of its items were read."""

    def __init__(self, items: list[Any]) -> None:
        super().__init__(items)
        self.looked_at = 0

    def __getitem__(self, index: Any) -> Any:
        self.looked_at += 1
        return super().__getitem__(index)


def test_only_visible_items_of_a_million_are_read() -> None:
    items = Counted([0] * 1_000_000)
    assert len(ValueRows().rows("payload", items, JsonFolds(), 60, max_rows=60)) == 61
    assert items.looked_at < 1_200
    folded = FoldedJson(items, JsonFolds(), 60)
    items.looked_at = 0
    assert folded.last() == (999_999,)
    assert len(list(folded.walk((999_950,)))) == 50
    assert items.looked_at < 200


@given(folded_values, st.integers(1, 12), st.integers(0, 40), st.integers(0, 40))
def test_window_shows_the_cursor_and_fills_the_page(folded: FoldedJson, height: int, top: int, cursor: int) -> None:
    first = visible(folded, ())
    start, at = moved(folded, first, top), moved(folded, first, cursor)
    assert moved(folded, at, -cursor - 1) == first
    begin, shown = window(folded, start, at, height)
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


def test_rows_are_cached_until_something_changes() -> None:
    values, payload = ValueRows(), dict(ORDER)
    rows = values.rows("payload", payload, JsonFolds(), 60)
    assert values.rows("payload", payload, JsonFolds(), 60) is rows
    assert values.rows("payload", payload, JsonFolds(ALL), 60) is not rows
    assert values.rows("payload", dict(payload), JsonFolds(ALL), 60) is not values.rows(
        "payload", payload, JsonFolds(ALL), 60
    )


def test_nearest_returns_the_closest_visible_place() -> None:
    def nearest(path: Path, folds: JsonFolds) -> Path:
        return FoldedJson(ORDER, folds, 40).nearest(path)

    assert nearest((3, 5), JsonFolds(ALL)) == (3, 5)
    assert nearest((3, 5), JsonFolds()) == (3,)
    assert nearest((3, 500, 1), JsonFolds(ALL)) == (3, 119, 1)
    assert nearest((3, 5), JsonFolds(0)) == ()
