"""The scanner of `/trace`: every node that came, once, in slices, at any depth."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.recordings import as_bytes, recording
from tests.support.slices import result_of
from tui.api.errors import ServerFault
from tui.api.traces import SLICE_NODES, TraceScanner, read_records, trace_slices
from tui.domain.run import Json

LEVELS = 10_000


def scanned(body: bytes) -> TraceScanner:
    scanner = TraceScanner(body)
    for _ in scanner.slices():
        pass
    return scanner


def answered(root: Json) -> list[tuple[int, dict[str, Any]]]:
    """Return the nodes of a response and their depths, parents first, found by walking the decoded JSON."""
    found, pending = [], [(0, root)]
    while pending:
        depth, node = pending.pop()
        if isinstance(node, dict):
            children = node.get("children")
            fields = {key: value for key, value in node.items() if key != "children" or not isinstance(value, list)}
            found.append((depth, fields))
            pending.extend((depth + 1, child) for child in reversed(children if isinstance(children, list) else []))
    return found


def deep_trace(levels: int) -> bytes:
    """Return a trace of spans in one another, which the standard encoder could not write."""
    data = '"data":{"message":"m","duration":1,"startTime":"2026-11-24T13:43:46.188Z","level":"TRACE"}'
    opened = "".join(f'{{"id":"s{level}","runId":"run_a",{data},"children":[' for level in range(levels))
    return f'{{"trace":{{"traceId":"t","rootSpan":{opened}{"]}" * levels},"isTruncated":true}}}}'.encode()


@pytest.mark.parametrize("number", ["1011", "220", "233", "234", "241", "251", "254"])
def test_recorded_nodes_come_once_and_in_order(number: str) -> None:
    body = recording(number)["response"]["body"]
    scanner = scanned(as_bytes(body))
    assert scanner.nodes == answered(body["trace"]["rootSpan"])
    assert scanner.is_truncated == body["trace"]["isTruncated"]


def test_trace_of_ten_thousand_levels_is_read() -> None:
    assert sum(1 for _ in trace_slices(deep_trace(LEVELS))) > 2 * LEVELS // SLICE_NODES
    found = result_of(trace_slices(deep_trace(LEVELS)))
    assert (sum(1 for _ in found.root.walk()), found.received, found.is_truncated) == (LEVELS, LEVELS, True)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["id", "children", "data", 'a"\\b', "runId", "trace"]), inner, max_size=4)
    ),
    max_leaves=15,
)


@given(st.dictionaries(st.sampled_from(["id", "children", "data", "x"]), json_values), st.sampled_from([None, 1]))
def test_any_root_is_scanned_as_json_says(root: dict[str, Json], indent: int | None) -> None:
    response = {"isTruncated": False, "trace": {"other": [root], "rootSpan": root, "traceId": "t"}, "more": root}
    scanner = scanned(json.dumps(response, indent=indent).encode())
    assert scanner.nodes == answered(root)


@given(st.integers(0, 400), st.sampled_from([b"", b"}", b"]", b",", b'"', b"x"]))
def test_damaged_trace_is_a_server_fault_or_a_trace(at: int, instead: bytes) -> None:
    body = as_bytes(recording("240")["response"]["body"])
    damaged = body[:at] + instead + body[at + 1 :]
    try:
        expected = answered(json.loads(damaged)["trace"]["rootSpan"])
    except (ValueError, KeyError, TypeError):
        with pytest.raises(ServerFault):
            scanned(damaged)
        return
    assert scanned(damaged).nodes == expected


def test_records_keep_what_a_span_cannot_be_made_of() -> None:
    data = {"message": "m", "startTime": "soon", "duration": "12", "isError": 1, "level": "INFO", "isPartial": True}
    root = {"id": "a", "runId": "r", "children": [{"id": "b", "data": data}, {"data": []}, {"id": 7, "data": {}}]}
    records = list(read_records(scanned(as_bytes({"trace": {"traceId": "t", "rootSpan": root}}))))
    assert [(each["spanId"], each["parentId"], each["runId"], each["depth"]) for each in records] == [
        ("a", None, "r", 0),
        ("b", "a", "r", 1),
        (None, "a", "r", 1),
        (None, "a", "r", 1),
    ]
    read = records[1]
    assert (read["startTime"], read["durationMs"], read["isError"], read["isPartial"]) == ("soon", None, None, True)
