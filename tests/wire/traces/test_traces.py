"""Traces and span details: every node that came, once, at any depth, and unusual or hostile responses.

`test_recordings` compares all spans of all recorded traces.
"""

import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.domain.recorded import decode_trace
from tests.support.recordings import as_bytes, body_of, recording
from tests.support.slices import result_of
from tests.support.sure import sure
from tui.api.errors import MAX_DURATION, Limits, ServerFault
from tui.api.traces import SLICE_NODES, TraceScanner, decode_span, trace_slices
from tui.domain.error import RunError
from tui.domain.run import Json
from tui.domain.text import Raw
from tui.domain.trace import Trace


def node(message: Any = "task", *children: Any, **data: Any) -> dict[str, Any]:
    return {
        "id": data.pop("id", f"span {message}"),
        "runId": data.pop("runId", "run_a"),
        "data": {"message": message, "duration": 1000, "startTime": "2026-11-24T13:43:46.188Z", "level": "TRACE"}
        | data,
        "children": list(children),
    }


def decode(root: Any, **trace: Any) -> Trace:
    return decode_trace(json.dumps({"trace": {"traceId": "t", "rootSpan": root} | trace}).encode())


def test_exception_event_is_the_error_of_its_span() -> None:
    error = sure(decode_trace(body_of("241")).root.children[2].exception)
    assert (error.name, error.message) == ("Error", "Upstream returned 503 on attempt 1: service unavailable")
    assert (error.stack or "").count("\n    at ") == 10


@pytest.mark.parametrize(
    ("exception", "expected"),
    [
        ({"message": {"code": 42}}, RunError(Raw('{"code": 42}'))),
        *(
            ({"message": "m", "type": "E", spelling: "E: m"}, RunError(Raw("m"), Raw("E"), Raw("E: m")))
            for spelling in ("stacktrace", "stackTrace", "stack")
        ),
        ({"stack": "at x"}, RunError(Raw(""), stack=Raw("at x"))),
        ({"message": "\ud800\x1b[31m"}, RunError(Raw("\ud800\x1b[31m"))),
    ],
)
def test_last_readable_exception_is_the_error(exception: Any, expected: RunError) -> None:
    odd: list[Any] = [{"message": None, "type": 3}, {}, "text", None]
    events: list[Any] = [
        {"name": "exception", "properties": {"exception": each}} for each in ({"message": "first"}, exception)
    ]
    assert decode(node(events=[*events, {"name": "trigger.dev/start"}, "odd"])).root.exception == expected
    for each in odd:
        events = [{"name": "exception", "properties": {"exception": each}}]
        assert decode(node(events=events)).root.exception is None


@pytest.mark.parametrize("broken", [{"id": None}, {"message": None}, {"startTime": "yesterday"}, {"startTime": None}])
def test_children_of_an_unreadable_span_move_to_its_parent(broken: dict[str, Any]) -> None:
    bad = node("bad", node("b"), node("c", node("d")))
    bad.update({key: value for key, value in broken.items() if key == "id"})
    bad["data"].update({key: value for key, value in broken.items() if key != "id"})

    trace = decode(node("root", node("a"), bad, node("e")))

    assert [child.message for child in trace.root.children] == ["a", "b", "c", "e"]
    assert [span.message for span in trace.root.walk()] == ["root", "a", "b", "c", "d", "e"]


UNREADABLE: list[Any] = [None, "soon", 1e400, float("nan"), True, {}]


@pytest.mark.parametrize(
    ("duration", "expected"),
    [
        *((text, timedelta()) for text in (-5, "12", 0)),
        *((odd, None) for odd in UNREADABLE),
        *((huge, MAX_DURATION) for huge in (10**23, 10**40, 1e300)),
    ],
)
def test_duration_is_bounded_or_unknown(duration: Any, expected: timedelta | None) -> None:
    root = decode(node(duration=duration)).root
    assert (root.duration, root.ended_at is None) == (expected, expected is None)


def test_truncation_is_read_from_both_places() -> None:
    beside = {"trace": {"traceId": "t", "rootSpan": node()}, "isTruncated": True}

    assert decode(node(), isTruncated=True).is_truncated
    assert decode_trace(json.dumps(beside).encode()).is_truncated
    assert not decode(node(), isTruncated=None).is_truncated


@pytest.mark.parametrize(
    ("number", "code", "message"),
    [
        ("269", "TASK_PROCESS_EXITED_WITH_NON_ZERO_CODE", "Process exited with code 1 after signal null."),
        ("284", "TASK_RUN_UNCAUGHT_EXCEPTION", "thrown outside of the task promise"),
        ("286", None, "Run expired because the TTL (5s) was reached"),
        ("262", None, "Upstream returned 503 on attempt 3: service unavailable"),
    ],
)
def test_span_detail_has_the_true_error(number: str, code: str | None, message: str) -> None:
    error = sure(decode_span(body_of(number)).error)
    assert (error.code, error.message, error.has_code_only) == (code, message, False)


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
    assert sum(1 for _ in trace_slices(deep_trace(LEVELS), Limits())) > 2 * LEVELS // SLICE_NODES
    found = result_of(trace_slices(deep_trace(LEVELS), Limits()))
    assert (sum(1 for _ in found.root.walk()), found.received, found.is_truncated) == (LEVELS, LEVELS, True)


node_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["id", "children", "data", 'a"\\b', "runId", "trace"]), inner, max_size=4)
    ),
    max_leaves=15,
)


@given(st.dictionaries(st.sampled_from(["id", "children", "data", "x"]), node_values), st.sampled_from([None, 1]))
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
