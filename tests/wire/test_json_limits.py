"""Values that are too deep or too long are cut, and the values beside them are kept."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.domain.recorded import decode_trace
from tui.api.errors import Limits
from tui.api.models import MAX_DEPTH, MAX_ITEMS, within_bounds
from tui.api.runs import decode_page

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
ROW = {"status": "EXECUTING", "taskIdentifier": "ok", "createdAt": "2026-11-24T11:00:00.000Z"}


def nested(depth: int, opening: str = '{"a":', closing: str = "}") -> str:
    return opening * depth + "1" + closing * depth


def with_value(value: object, text: str) -> bytes:
    return json.dumps(value).replace('"@"', text).encode()


@given(st.recursive(st.text() | st.integers(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_json_within_the_limits_is_unchanged(value: object) -> None:
    body = json.dumps(value).encode()
    assert within_bounds(body)[0] == body


@pytest.mark.parametrize("pair", [("[", "]"), ('{"a":', "}"), ('{"[{\\\\\\"":[', "]}")])
def test_values_below_the_depth_are_cut(pair: tuple[str, str]) -> None:
    value = json.loads(within_bounds(f"[{nested(5_000, *pair)}, 2, {nested(5_000, *pair)}]".encode())[0])
    assert value[1] == 2
    depth, inner = 1, value[0]
    while isinstance(inner, dict | list):
        (inner,) = inner.values() if isinstance(inner, dict) else inner
        depth += 1
    assert (depth, inner) == (MAX_DEPTH, "…")


@pytest.mark.parametrize("body", [b"[" * 5_000, b'{"' + b'\\"' * 200_000, b"]" * 5_000 + b"[" * 5_000, b'"\\'])
def test_invalid_json_stays_invalid(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        json.loads(within_bounds(body)[0])


def test_deep_metadata_of_one_run_leaves_the_other_rows() -> None:
    page = {"data": [ROW | {"id": "run_1", "metadata": "@"}, ROW | {"id": "run_2"}], "pagination": {}}
    limits = Limits()
    found = decode_page(with_value(page, nested(5_000)), NOON, limits)
    assert [patch.id for patch in found.patches] == ["run_1", "run_2"]
    assert limits.notes == [f"values nested more than {MAX_DEPTH} levels deep in the list of runs are left out"]


@pytest.mark.parametrize("count", [MAX_ITEMS - 1, MAX_ITEMS, MAX_ITEMS + 1, 3 * MAX_ITEMS])
def test_items_above_the_limit_are_cut(count: int) -> None:
    value = {"list": [["a,b", index] for index in range(count)], "keys": {f"k{key}": {} for key in range(count)}}
    bounded, longest = within_bounds(json.dumps(value | {"last": [1, 2]}).encode())
    found = json.loads(bounded)
    assert longest == count
    kept = min(count, MAX_ITEMS)
    assert found["list"] == value["list"][:kept]  # type: ignore[index]  # a list
    assert list(found["keys"]) == list(value["keys"])[:kept]
    assert found["last"] == [1, 2]


def test_endless_metadata_of_one_run_is_cut_and_noted() -> None:
    long = json.dumps({f"k{key}": key for key in range(2 * MAX_ITEMS)})
    page = {"data": [ROW | {"id": "run_1", "metadata": "@"}, ROW | {"id": "run_2"}], "pagination": {}}
    limits = Limits()
    first, second = decode_page(with_value(page, long), NOON, limits).patches
    assert first.metadata is not None
    assert len(first.metadata[1]) == MAX_ITEMS
    assert second.id == "run_2"
    assert limits.notes == ["20,000 items in one array or object of the list of runs, only the first 10,000 are read"]


def test_node_of_a_trace_with_endless_items_is_cut() -> None:
    data = {"message": "log", "startTime": "2026-11-24T11:00:00.000Z", "duration": 0}
    root = {"id": "root", "runId": "run_1", "data": data | {"events": [{"name": "an event"}] * (2 * MAX_ITEMS)}}
    limits = Limits()
    trace = decode_trace(json.dumps({"trace": {"traceId": "t", "rootSpan": root}}).encode(), limits)
    assert trace.is_truncated
    assert limits.notes == ["20,000 items in one array or object of a trace, only the first 10,000 are read"]
