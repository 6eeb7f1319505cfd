"""Rows of megabytes are read in slices: short fields are as they came, long texts are cut, long values left out."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.api.errors import ServerFault
from tui.api.traces import MAX_KEPT_CHARS, SLICE_VALUES, WINDOW_BYTES, event_rows

LONG = 600_000

texts = st.text(st.characters(codec=None), max_size=40)
keys = st.text(st.characters(codec=None), max_size=3)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=8,
)


def read(rows: Any, *, is_ascii: bool = True) -> list[Any]:
    body = json.dumps({"other": [rows], "events": rows}, ensure_ascii=is_ascii).encode("utf-8", "surrogatepass")
    return [row for part in event_rows(body) for row in part]


@given(st.lists(st.dictionaries(keys, values, max_size=5), max_size=5), st.booleans(), st.integers(100, 200))
def test_rows_read_in_slices_are_as_they_came(rows: list[dict[str, Any]], is_ascii: bool, window_bytes: int) -> None:
    """Only arrays and objects that are longer than a window are None."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tui.api.traces.WINDOW_BYTES", window_bytes)
        for given_row, row in zip(rows, read(rows, is_ascii=is_ascii), strict=True):
            left_out = {key for key, value in given_row.items() if isinstance(value, list | dict) and row[key] is None}
            assert row == given_row | dict.fromkeys(left_out)


@pytest.mark.parametrize("escaped", ["x", "\\", '"', "é", "\U0001f600", "\n"])
def test_long_message_is_cut_and_says_so(escaped: str) -> None:
    rows = [{"message": escaped * LONG, "level": "INFO", "spanId": "a"}, {"message": "next"}]
    first, second = read(rows)
    assert second == rows[1]
    assert (first["level"], first["spanId"]) == ("INFO", "a")
    kept, remark = first["message"].split("… (cut: ")
    assert set(kept) <= {*escaped, "\ud83d"}, "a pair of surrogates may be cut"
    assert MAX_KEPT_CHARS // 12 <= len(kept) <= MAX_KEPT_CHARS
    assert remark.endswith(" characters came)")


def test_long_value_is_left_out_in_slices() -> None:
    rows = [{"spanId": "a", "properties": [[]] * (4 * SLICE_VALUES + WINDOW_BYTES), "message": "m", "events": []}]
    body = json.dumps({"events": rows}).encode()
    slices = list(event_rows(body))
    assert [row for part in slices for row in part] == [{**rows[0], "properties": None}]
    assert len(slices) > 4


@pytest.mark.parametrize("end", ["", '"', '"}', '"]}', '" 1}]}', '", 1: 2}]}', '", "a" 2}]}'])
def test_invalid_long_row_is_a_server_fault(end: str) -> None:
    body = ('{"events":[{"message":"' + "x" * 2 * WINDOW_BYTES + end).encode()
    with pytest.raises(ServerFault):
        list(event_rows(body))
