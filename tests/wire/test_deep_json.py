"""Values that are nested without end: they are cut, and what stands beside them is read."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.wire.bounds import Cuts
from tui.wire.deep_json import MAX_DEPTH, without_depth
from tui.wire.runs import decode_page, decode_run

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
ROW = {"status": "EXECUTING", "taskIdentifier": "ok", "createdAt": "2026-11-24T11:00:00.000Z"}


def nested(depth: int, opening: str = '{"a":', closing: str = "}") -> str:
    return opening * depth + "1" + closing * depth


def with_value(value: object, text: str) -> bytes:
    return json.dumps(value).replace('"@"', text).encode()


@given(st.recursive(st.text() | st.integers(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_json_within_the_depth_stays_as_it_is(value: object) -> None:
    body = json.dumps(value).encode()
    assert without_depth(body) == body


@pytest.mark.parametrize("pair", [("[", "]"), ('{"a":', "}"), ('{"[{\\\\\\"":[', "]}")])
def test_what_is_below_the_depth_is_cut(pair: tuple[str, str]) -> None:
    value = json.loads(without_depth(f"[{nested(5_000, *pair)}, 2, {nested(5_000, *pair)}]".encode()))
    assert value[1] == 2
    depth, inner = 1, value[0]
    while isinstance(inner, dict | list):
        (inner,) = inner.values() if isinstance(inner, dict) else inner
        depth += 1
    assert (depth, inner) == (MAX_DEPTH, "…")


@pytest.mark.parametrize("body", [b"[" * 5_000, b'{"' + b'\\"' * 200_000, b"]" * 5_000 + b"[" * 5_000, b'"\\'])
def test_what_is_no_json_stays_none(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        json.loads(without_depth(body))


def test_deep_metadata_of_one_run_leaves_the_other_rows() -> None:
    page = {"data": [ROW | {"id": "run_1", "metadata": "@"}, ROW | {"id": "run_2"}], "pagination": {}}
    cuts = Cuts()
    found = decode_page(with_value(page, nested(5_000)), NOON, cuts)
    assert [patch.id for patch in found.patches] == ["run_1", "run_2"]
    assert cuts.notes == [f"values nested more than {MAX_DEPTH} deep in the list of runs are left out"]


def test_run_with_a_deep_payload_is_read() -> None:
    cuts = Cuts()
    found = decode_run(with_value(ROW | {"id": "run_1", "payload": "@"}, nested(20_000, "[", "]")), NOON, cuts)
    assert found.patch.id == "run_1"
    assert len(cuts.notes) == 1
