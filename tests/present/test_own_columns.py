"""The user's columns: paths into a run's values, their cells, which of them fit, and the dialog that adds one."""

import json
import re
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.present.run_rows import head, row
from tui.domain.run import ABSENT, Body, Json, Precision, Run, RunId, Stamp
from tui.features.columns import words
from tui.features.columns.dialog import path_lines, read_typed
from tui.features.columns.words import (
    KINDS,
    MAX_PATH_CHARS,
    MAX_VALUE_CHARS,
    ROOTS,
    ColumnPath,
    Nested,
    Unshown,
    cell_value,
    chosen_columns,
    parse_path,
    value_line,
)
from tui.features.errors.model import GROUP_TABLE
from tui.features.runs.columns import COLUMNS, table_of
from tui.settings.schema import COLUMN_PATTERN, ColumnEntry
from tui.store.changes import EPOCH
from tui.text.blocks import Now
from tui.text.json import compact
from tui.text.styled import Token, fit, line_width, plain
from tui.text.table import EDGES, GAP

NOW = datetime(2026, 11, 24, 13, 49, tzinfo=UTC)
TOKENS = Token.MUTED, Token.BLUE

keys = st.text(st.characters(categories=("L", "N", "P", "S", "Z", "Cc")), max_size=6)
steps = st.lists(keys | st.integers(-9, 999), max_size=6).map(tuple)
paths = st.builds(ColumnPath, st.sampled_from(ROOTS), steps).filter(lambda path: len(str(path)) <= MAX_PATH_CHARS)
SAMPLES: dict[str, tuple[str | int, ...]] = {
    "metadata.progress": ("progress",),
    "output.items[0].sku": ("items", 0, "sku"),
    "output[-1]": (-1,),
    "output": (),
    'payload."order.id".x': ("order.id", "x"),
    'payload["a b"]': ("a b",),
    r'payload."a\"b"': ('a"b',),
    "payload.größe": ("größe",),
}
BAD = ["", "task", "meta.x", "metadata.", "metadata..x", ".x", "payload.a b", "output[x]", "output[0", 'payload."a']
BAD += ["payload.a\n", "payloads.x", "payload.x]", "payload.\x1b", f"payload.{'x' * MAX_PATH_CHARS}", r'payload."\q"']


@given(paths, st.sampled_from(BAD) | st.text('mo.[]"\\ a0-', max_size=12).map("payload{}".format))
def test_path_is_read_as_it_is_written(path: ColumnPath, text: str) -> None:
    assert parse_path(str(path)) == path
    for written in (str(path), text):
        assert parse_path(written) is None or re.search(COLUMN_PATTERN, written), "the config file accepts it"


def test_path_names_keys_and_indexes() -> None:
    found = {text: parse_path(text) for text in SAMPLES}
    assert {text: path and path.steps for text, path in found.items()} == SAMPLES
    assert [text for text in BAD if parse_path(text) is not None] == []
    path = parse_path("output.items.1.sku")
    assert path is not None
    values: tuple[Json, ...] = ({"items": [{}, {"sku": "x"}]}, {"items": {"1": {"sku": "y"}}}, {"items": [{}]})
    assert [path.find(value) for value in values] == ["x", "y", ABSENT]


usual = st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.floats() | st.text(max_size=30)
documents = st.recursive(
    usual | st.sampled_from([10**400, -(10**400)]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=10,
)


@given(documents, st.data())
def test_every_value_of_a_document_is_found(document: Json, data: st.DataObject) -> None:
    value, taken = document, list[str | int]()
    while isinstance(value, dict | list) and value and data.draw(st.booleans()):
        step = data.draw(st.sampled_from(sorted(value) if isinstance(value, dict) else range(len(value))))
        taken.append(step)
        value = value[step]
    assert ColumnPath("payload", tuple(taken)).find(document) is value
    assert ColumnPath("output", (*taken, "no such key \n")).find(document) is ABSENT


def shown(value: Any, kind: str = "auto", form: str = "", now: datetime = NOW) -> str:
    return plain(value_line(cell_value(value), kind, form, 14, now, TOKENS))


INFINITE, LARGE = 1e999, 10**5000


@pytest.mark.parametrize(
    ("kind", "form", "values", "cells"),
    [
        ("auto", "", ("a\nb\t c", None, True, 1.50, {"a": [1]}, []), 'a b c|null|true|1.5|{"a": [1]}|[]'),
        ("number", "", (1234.567, "12", INFINITE), "1234.567|12|Infinity"),
        ("number", ",.1f", (1234.567, True, LARGE), "1,234.6|true|>1e300"),
        ("duration", "", (1200, -INFINITE, 1e300), "1.2s|-Infinity|1e+300"),
        ("bytes", "", (2_400_000, -1, float("nan")), "2.4 MB|-1|NaN"),
        ("cents", "", (150, -150), "$1.50|-$1.50"),
        ("money", "€", (1204.5, -3), "€1,204.50|-€3.00"),
        ("bool", "", (True, "paid"), "yes|paid"),
        ("time", "", ("2026-11-24T10:00:00.000Z", "2026-11-23T10:00:00+05:30"), "10:00:00|2026-11-23 04:30"),
        ("time", "", ("2026-11-24T10:00:00", 1e300, "tomorrow"), "2026-11-24T10:00:00|1e+300|tomorrow"),
        ("time", "%H:%M", (1_795_514_400_000, "0001-01-01T00:00:00+14:00"), "10:00|0001-01-01T00:00:00+14:00"),
        ("bar", "", (0.5, 0, 1), "━━━━─────  50%|─────────   0%|━━━━━━━━━ 100%"),
        ("bar", "", (0.999, sum([0.1] * 10), 1.0000000000000002), "━━━━━━━━─  99%|━━━━━━━━━ 100%|━━━━━━━━━ 100%"),
    ],
)
def test_value_is_shown_by_its_type(kind: str, form: str, values: tuple[Any, ...], cells: str) -> None:
    assert "|".join(shown(value, kind, form) for value in values) == cells


def test_missing_unread_deep_and_large_values_are_told_apart() -> None:
    assert cell_value(ABSENT) is Unshown.MISSING
    assert [plain(value_line(each, "bar", "", 14, NOW, TOKENS)) for each in Unshown] == ["·", "", "stored separately"]
    indian = NOW.astimezone(ZoneInfo("Asia/Kolkata"))
    assert shown("2026-11-24T10:00:00Z", "time", "%H:%M", indian) == "15:30"
    deep: Json = "x"
    for _ in range(50_000):
        deep = [deep]
    for value in (deep, {str(number): "y" * 10_000 for number in range(100)}, "z" * 1_000_000):
        small = cell_value(value)
        text = small.text if isinstance(small, Nested) else str(small)
        assert (len(text), text[-1]) == (MAX_VALUE_CHARS, "…")


formats = st.text(max_size=8) | st.sampled_from([".1f", ",d", "%H:%M", "s", "yes/no", "{:.2f} €", ".99e", "%%"])


@given(documents, st.sampled_from(sorted(KINDS)), formats, st.integers(1, 60), st.floats(0, 1))
def test_any_value_fits_into_its_cell(value: Json, kind: str, form: str, width: int, share: float) -> None:
    line = fit(value_line(cell_value(value), kind, form, width, NOW, TOKENS), width)
    assert line_width(line) == width
    assert all(letter.isprintable() for letter in plain(line))
    if form and words.is_format(kind, form):
        assert kind not in {"auto", "text", "bar", "bytes"}
    small = cell_value(value)
    if isinstance(small, Nested) and len(small.text) < MAX_VALUE_CHARS and "…" not in small.text:
        assert json.dumps(json.loads(small.text)) == json.dumps(json.loads(compact(value)))
    bar = words.bar_line(share, width, TOKENS)
    filled, rest = len(bar[0].text), len(bar[1].text)
    assert line_width(bar) == width
    assert filled + rest <= 1 or (filled > 0, rest > 0) == (share > 1e-9, share < 1 - 1e-9), "only a full bar is full"


# Which chosen columns fit into a list.


def unread(_run: Run, _path: ColumnPath) -> words.CellValue:
    return Unshown.NOT_READ


def choices(*names: str) -> st.SearchStrategy[tuple[ColumnEntry, ...]]:
    widths, types = st.sampled_from([0, 0, 3, 20, 200]), st.sampled_from(sorted(KINDS))
    entries = st.builds(ColumnEntry, st.sampled_from(names), width=widths, type=types)
    return st.lists(entries, min_size=1, max_size=12).map(words.without_duplicates)


@given(
    choices(*(column.id for column in COLUMNS), "metadata.progress", "payload.customer.id", "output"),
    choices(*(column.id for column in GROUP_TABLE.columns)),
    st.integers(1, 250),
    st.booleans(),
)
def test_columns_fit_into_every_width(
    chosen: tuple[ColumnEntry, ...], groups: tuple[ColumnEntry, ...], width: int, is_wide: bool
) -> None:
    runs = chosen_columns(table_of(is_wide=is_wide), words.with_times(chosen) if is_wide else chosen, width, unread)
    for entries, slots in ((chosen, runs), (groups, chosen_columns(GROUP_TABLE, groups, width))):
        assert all(slot.width >= 1 for slot in slots)
        assert width <= EDGES or sum(slot.width for slot in slots) + GAP * (len(slots) - 1) <= width - EDGES
        names = [entry.column for entry in entries]
        ids = [slot.column.id for slot in slots if slot.column.id in names]
        assert ids == [name for name in names if name in ids], "in their order"
        assert ids[:1] == names[:1], "the first one is never left out"
        widths = {entry.column: entry.width for entry in entries if entry.width}
        assert all(slot.width == widths.get(slot.column.id, slot.width) for slot in slots[1:]), "a chosen width is kept"
    assert line_width(row(Run(RunId("run_1")), runs, Now(EPOCH))) == line_width(head(runs))


# The dialog for a column by its path.

STAMP = Stamp(NOW, Precision.DETAIL, NOW)


def run_with(payload: Any) -> Run:
    return Run(RunId("run_1"), metadata=(STAMP, {"progress": 0.5}), body=(STAMP, Body(payload=payload)))


def test_dialog_tells_an_empty_value_from_one_that_was_not_read() -> None:
    said = [
        plain(path_lines(read_typed("metadata.x"), run, 80)[0])
        for run in (Run(RunId("run_1")), Run(RunId("run_1"), metadata=(STAMP, {})))
    ]
    assert [text.rpartition(": ")[2] for text in said] == ["its metadata is not read", "its metadata is empty"]


@given(st.text(max_size=12) | st.text("payload.metadata[]\"' 0", max_size=20), st.integers(10, 80))
def test_lines_fit_whatever_is_typed(text: str, width: int) -> None:
    run = run_with({"\x1b[31m" * 50: {"日本語" * 40: "\u202e" * 99}})
    for line in path_lines(read_typed(text), run, width)[:2]:
        assert line_width(line) <= width
        assert plain(line).isprintable()
