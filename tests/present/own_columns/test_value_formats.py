"""Cells out of metadata, payload and output."""

import json
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from tui.domain.run import ABSENT, Json
from tui.features.columns.words import (
    KINDS,
    MAX_VALUE_CHARS,
    Nested,
    Unshown,
    bar_line,
    cell_value,
    is_format,
    value_line,
)
from tui.text.json import compact
from tui.text.styled import Token, fit, line_width, plain

NOW = datetime(2026, 11, 24, 13, 49, tzinfo=UTC)
TOKENS = Token.MUTED, Token.BLUE


def shown(value: Json, kind: str = "auto", form: str = "", width: int = 14, now: datetime = NOW) -> str:
    return plain(value_line(cell_value(value), kind, form, width, now, TOKENS))


SAMPLES: Final[tuple[tuple[Any, str, str, str], ...]] = (
    ("a\nb\t c", "auto", "", "a b c"),
    (None, "auto", "", "null"),
    (True, "auto", "", "true"),
    (1.50, "auto", "", "1.5"),
    ({"a": [1, {"b": None}]}, "auto", "", '{"a": [1, {"b": null}]}'),
    ([], "auto", "", "[]"),
    (1234.567, "number", "", "1234.567"),
    (1234.567, "number", ",.1f", "1,234.6"),
    (1234.567, "number", ",d", "1,235"),
    (0.42, "number", ".0%", "42%"),
    (12, "number", "{:.1f} km", "12.0 km"),
    ("12", "number", ".1f", "12"),
    (True, "number", ".1f", "true"),
    (1e999, "number", ".1f", "Infinity"),
    (-1e999, "duration", "", "-Infinity"),
    (float("nan"), "bytes", "", "NaN"),
    (10**5000, "number", ",d", ">1e300"),
    (-(10**5000), "money", "", "->1e300"),
    (1200, "duration", "", "1.2s"),
    (90, "duration", "s", "1m30s"),
    (-5, "duration", "s", "-5.0s"),
    (1e300, "duration", "", "1e+300"),
    (2_400_000, "bytes", "", "2.4 MB"),
    (-1, "bytes", "", "-1"),
    (150, "cents", "", "$1.50"),
    (-150, "cents", "", "-$1.50"),
    (1204.5, "money", "", "1,204.50"),
    (1204.5, "money", "€", "€1,204.50"),
    (-3, "money", "€", "-€3.00"),
    (1204.5, "money", "${:,.2f}", "$1,204.50"),
    (True, "bool", "", "yes"),
    (False, "bool", "paid/open", "open"),
    ("paid", "bool", "", "paid"),
    ("2026-11-24T10:00:00.000Z", "time", "", "10:00:00"),
    ("2026-11-23T10:00:00+05:30", "time", "", "11-23 04:30"),
    (1_795_514_400, "time", "%Y-%m-%d %H:%M", "2026-11-24 10:00"),
    (1_795_514_400_000, "time", "%H:%M", "10:00"),
    ("2026-11-24T10:00:00", "time", "", "2026-11-24T10:00:00"),
    ("0001-01-01T00:00:00+14:00", "time", "%H:%M", "0001-01-01T00:00:00+14:00"),
    (1e300, "time", "", "1e+300"),
    ("tomorrow", "time", "", "tomorrow"),
    (0.5, "bar", "", "━━━━─────  50%"),
    (0, "bar", "", "─────────   0%"),
    (1, "bar", "", "━━━━━━━━━ 100%"),
    (45, "bar", "", "45"),
    (-0.25, "bar", "", "-0.25"),
    (sum([0.1] * 10), "bar", "", "━━━━━━━━━ 100%"),
    (1.0000000000000002, "bar", "", "━━━━━━━━━ 100%"),
    (0.999, "bar", "", "━━━━━━━━─  99%"),
    ("half", "bar", "", "half"),
    (1e999, "bar", "", "Infinity"),
)
"""A value, its type and format, and the text of a cell of 14 cells."""


def test_value_is_shown_by_its_type() -> None:
    assert [shown(*sample[:3]) for sample in SAMPLES] == [sample[3] for sample in SAMPLES]


def test_time_is_in_the_zone_of_the_settings() -> None:
    now = NOW.astimezone(ZoneInfo("Asia/Kolkata"))
    assert shown("2026-11-24T10:00:00Z", "time", "", now=now) == "15:30:00"
    assert shown("2026-11-24T10:00:00Z", "time", "%H:%M", now=now) == "15:30"


def test_missing_and_unread_values_differ() -> None:
    assert cell_value(ABSENT) is Unshown.MISSING
    words = [plain(value_line(each, "bar", "", 14, NOW, TOKENS)) for each in Unshown]
    assert words == ["·", "", "stored apart"]


@given(st.floats(0, 1), st.integers(1, 60))
def test_bar_fills_its_cells_exactly(number: float, width: int) -> None:
    line = bar_line(number, width, TOKENS)
    assert line_width(line) == width
    filled, rest = len(line[0].text), len(line[1].text)
    if number <= 1e-9:
        assert not filled
    elif number >= 1 - 1e-9:
        assert not rest
    elif filled + rest > 1:
        assert filled, "some of it is done"
        assert rest, "only a full bar is full"


def nested(scalars: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Values of these scalars, lists and objects of them."""
    return st.recursive(
        scalars,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
        max_leaves=6,
    )


usual = st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.floats() | st.text(max_size=30)
values = nested(usual | st.sampled_from([10**400, -(10**400)]))
formats = st.text(max_size=8) | st.sampled_from([".1f", ",d", "%H:%M", "s", "yes/no", "{:.2f} €", ".99e", "%%"])


@given(values, st.sampled_from(sorted(KINDS)), formats, st.integers(1, 60))
def test_any_value_fits_into_its_cell(value: Json, kind: str, form: str, width: int) -> None:
    line = fit(value_line(cell_value(value), kind, form, width, NOW, TOKENS), width)
    assert line_width(line) == width
    assert all(letter.isprintable() for letter in plain(line))


@given(st.sampled_from(sorted(KINDS)), formats)
def test_accepted_formats_change_the_value(kind: str, form: str) -> None:
    sample: dict[str, Json] = {"time": 1_795_514_400, "bool": True, "bar": 0.5}
    if form and is_format(kind, form):
        assert kind not in {"auto", "text", "bar", "bytes"}
        assert shown(sample.get(kind, 1234.5), kind, form)


@given(nested(usual))
def test_nested_value_is_the_start_of_its_json(value: Json) -> None:
    small = cell_value(value)
    if isinstance(small, Nested) and len(small.text) < MAX_VALUE_CHARS and "…" not in small.text:
        assert json.dumps(json.loads(small.text)) == json.dumps(json.loads(compact(value)))


def test_deep_and_large_values_are_cut() -> None:
    deep: Json = "x"
    for _ in range(50_000):
        deep = [deep]
    large: Json = {str(number): "y" * 10_000 for number in range(10_000)}
    for value in (deep, large, "z" * 1_000_000):
        small = cell_value(value)
        text = small.text if isinstance(small, Nested) else str(small)
        assert len(text) == MAX_VALUE_CHARS
        assert text.endswith("…")
