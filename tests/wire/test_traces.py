"""Traces and span details out of bytes: the recordings' values, and what a server may do to us."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.recordings import body_of, names
from tui.domain.error import RunError
from tui.domain.span import Trace, span_of_run
from tui.domain.text import Raw
from tui.wire.errors import ServerFault
from tui.wire.traces import decode_span, decode_trace

TRACES = [name for name in names() if name[3:].startswith("-trace-")]
WITHOUT_TRACE = {"215-trace-right-after-trigger", "291-trace-unknown-run"}


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


def messages(trace: Trace) -> list[str]:
    return [span.message for span in trace.root.walk()]


@pytest.mark.parametrize("name", [name for name in TRACES if name not in WITHOUT_TRACE])
def test_a_recorded_trace_loses_no_span_and_no_flag(name: str) -> None:
    body = json.loads(body_of(name))["trace"]
    told: list[Any] = []
    pending = [body["rootSpan"]]
    while pending:
        each = pending.pop()
        told.append(each)
        pending.extend(reversed(each["children"]))

    trace = decode_trace(body_of(name))

    assert trace.id == body["traceId"]
    assert not trace.is_truncated
    assert [
        (s.id, s.run_id, s.message, s.level, s.is_error, s.is_partial, s.is_cancelled, s.attempt_number)
        for s in trace.root.walk()
    ] == [
        (
            each["id"],
            each["runId"],
            *(each["data"][key] for key in ("message", "level", "isError", "isPartial")),
            each["data"]["isCancelled"],
            each["data"].get("attemptNumber"),
        )
        for each in told
    ]


@pytest.mark.parametrize("name", sorted(WITHOUT_TRACE))
def test_the_body_of_a_404_is_no_trace(name: str) -> None:
    with pytest.raises(ServerFault) as fault:
        decode_trace(body_of(name))
    assert fault.value.status == 200


def test_times_are_utc_and_nanoseconds_become_microseconds() -> None:
    root = decode_trace(body_of("241")).root

    assert root.started_at == datetime(2026, 11, 24, 13, 43, 46, 188000, tzinfo=UTC)
    assert root.duration == timedelta(seconds=6, milliseconds=394)
    assert root.children[2].duration == timedelta(microseconds=415705)
    assert root.children[5].duration == timedelta(milliseconds=946)  # 946000128 on the wire


def test_an_exception_event_is_the_spans_error() -> None:
    attempt = decode_trace(body_of("241")).root.children[2]

    assert attempt.exception is not None
    assert attempt.exception.name == "Error"
    assert attempt.exception.message == "Upstream returned 503 on attempt 1: service unavailable"
    assert (attempt.exception.stack or "").count("\n    at ") == 10


def test_of_several_exceptions_the_last_counts_and_other_events_do_not() -> None:
    events = [
        {"name": "exception", "properties": {"exception": {"message": "first"}}},
        {"name": "exception", "properties": {"exception": {"message": "last", "type": "E"}}},
        {"name": "trigger.dev/start", "properties": {"event": "fork"}},
        "odd",
    ]

    assert decode(node(events=events)).root.exception == RunError(Raw("last"), Raw("E"))


@pytest.mark.parametrize("spelling", ["stacktrace", "stackTrace", "stack"])
def test_the_three_spellings_of_a_stack_are_one(spelling: str) -> None:
    events = [{"name": "exception", "properties": {"exception": {"message": "m", "type": "E", spelling: "E: m"}}}]

    assert decode(node(events=events)).root.exception == RunError(Raw("m"), Raw("E"), Raw("E: m"))


@pytest.mark.parametrize(
    ("exception", "expected"),
    [
        ({"message": {"code": 42}}, RunError(Raw('{"code": 42}'))),
        ({"stack": "at x"}, RunError(Raw(""), stack=Raw("at x"))),
        ({"message": None, "type": 3}, None),
        ({}, None),
        ("text", None),
        (None, None),
        ({"message": "\ud800\x1b[31m"}, RunError(Raw("\ud800\x1b[31m"))),
    ],
)
def test_odd_exceptions_are_read_as_far_as_they_go(exception: Any, expected: RunError | None) -> None:
    events = [{"name": "exception", "properties": {"exception": exception}}]

    assert decode(node(events=events)).root.exception == expected


@pytest.mark.parametrize("broken", [{"id": None}, {"message": None}, {"startTime": "yesterday"}, {"startTime": None}])
def test_what_hangs_below_an_unreadable_span_hangs_on_its_parent_in_its_place(broken: dict[str, Any]) -> None:
    bad = node("bad", node("b"), node("c", node("d")))
    bad.update({key: value for key, value in broken.items() if key == "id"})
    bad["data"].update({key: value for key, value in broken.items() if key != "id"})

    trace = decode(node("root", node("a"), bad, node("e")))

    assert [child.message for child in trace.root.children] == ["a", "b", "c", "e"]
    assert messages(trace) == ["root", "a", "b", "c", "d", "e"]


def test_children_and_nodes_of_another_shape_are_left_out() -> None:
    odd = node("odd")
    odd["children"] = {"not": "a list"}

    assert messages(decode(node("root", None, 3, [], {}, {"data": 5}, odd))) == ["root", "odd"]


def test_a_node_without_a_run_is_of_the_run_above_it() -> None:
    trace = decode(node("root", node("log", runId=None), runId="run_root"))

    assert trace.root.children[0].run_id == "run_root"


def test_absent_keys_have_harmless_values() -> None:
    bare = {"id": "s", "runId": "r", "data": {"message": "", "startTime": "2026-11-24T13:43:46Z"}}

    root = decode(bare).root

    assert (root.level, root.duration, root.is_error, root.is_partial, root.is_cancelled) == (
        "TRACE",
        timedelta(),
        False,
        False,
        False,
    )
    assert (root.attempt_number, root.exception, root.children) == (None, None, ())


@pytest.mark.parametrize("duration", [-5, None, "12", 1e400, float("nan"), True, 0])
def test_a_nonsense_duration_is_none_at_all(duration: Any) -> None:
    assert decode(node(duration=duration)).root.duration == timedelta()


@pytest.mark.parametrize("duration", [10**18, 10**20, 10**23, 10**40, 1e300])
def test_no_duration_leads_beyond_what_a_time_can_hold(duration: float) -> None:
    assert decode(node(duration=duration)).root.ended_at is not None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-24T13:43:46.188Z", 13),
        ("2026-11-24T13:43:46.188000000Z", 13),
        ("2026-11-24 13:43:46.188", 13),
        ("2026-11-24T15:43:46.188+02:00", 13),
    ],
)
def test_times_of_any_spelling_end_in_utc(text: str, expected: int) -> None:
    started_at = decode(node(startTime=text)).root.started_at

    assert (started_at.tzinfo, started_at.hour) == (UTC, expected)


@pytest.mark.parametrize("text", ["soon", "1795527826188000000", ""])
def test_an_impossible_time_makes_a_span_unreadable(text: str) -> None:
    assert messages(decode(node("root", node("bad", startTime=text)))) == ["root"]


def test_a_cut_trace_says_so_wherever_the_server_puts_it() -> None:
    beside = {"trace": {"traceId": "t", "rootSpan": node()}, "isTruncated": True}

    assert decode(node(), isTruncated=True).is_truncated
    assert decode_trace(json.dumps(beside).encode()).is_truncated
    assert not decode(node(), isTruncated=None).is_truncated


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"null",
        b"[]",
        b"{}",
        b'{"trace":null}',
        b'{"trace":{"rootSpan":null}}',
        b'{"trace":{"rootSpan":{}}}',
        b'{"trace":{"traceId":"t","rootSpan":{"id":"s","runId":"r","data":{"message":"m"}}}}',
        b"\xff\xfe\xfa",
        b'{"trace":' + b"9" * 5000 + b"}",
        b'{"trace":{"rootSpan":{"children":[' * 100_000,
    ],
)
def test_what_is_no_trace_is_the_servers_fault(body: bytes) -> None:
    with pytest.raises(ServerFault) as fault:
        decode_trace(body)
    assert (fault.value.status, "\n" in str(fault.value)) == (200, False)


def test_a_trace_that_is_nested_hundreds_deep_is_read() -> None:
    deep = node("0")
    for depth in range(1, 400):
        deep = node(str(depth), deep)

    assert messages(decode(deep)) == [str(depth) for depth in range(399, -1, -1)]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just("2026-11-24T13:43:46Z"),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["id", "runId", "data", "children", "message", "startTime", "duration", "events", "name"]),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)


@given(json_values)
def test_any_json_is_a_trace_or_the_servers_fault(value: Any) -> None:
    for root in (value, node("root", value, attemptNumber=value, events=[value], duration=value)):
        try:
            trace = decode(root, traceId=value)
        except ServerFault:
            continue
        assert all(span.started_at.tzinfo is UTC and span.ended_at for span in trace.root.walk())


@given(json_values)
def test_any_json_is_a_span_detail_or_the_servers_fault(value: Any) -> None:
    keys = ("runId", "message", "properties", "events", "triggeredRuns")
    assert decode_span(json.dumps({"spanId": "s"} | dict.fromkeys(keys, value)).encode()).id == "s"
    with pytest.raises(ServerFault):
        decode_span(json.dumps([value]).encode())


@pytest.mark.parametrize(
    ("number", "code", "message"),
    [
        ("269", "TASK_PROCESS_EXITED_WITH_NON_ZERO_CODE", "Process exited with code 1 after signal null."),
        ("284", "TASK_RUN_UNCAUGHT_EXCEPTION", "thrown outside of the task promise"),
        ("285", "MAX_DURATION_EXCEEDED", "Run exceeded maximum compute time (maxDuration) of 5 seconds"),
        ("286", None, "Run expired because the TTL (5s) was reached"),
        ("262", None, "Upstream returned 503 on attempt 3: service unavailable"),
        ("266", None, "a plain string was thrown"),
        ("274", None, "only logged, not thrown"),
    ],
)
def test_a_span_detail_has_the_true_error(number: str, code: str | None, message: str) -> None:
    error = decode_span(body_of(number)).error

    assert error is not None
    assert (error.code, error.message, error.has_code_only) == (code, message, False)


@pytest.mark.parametrize("number", ["287", "288", "224", "268", "271", "272"])
def test_a_span_detail_without_error_has_none(number: str) -> None:
    assert decode_span(body_of(number)).error is None


def test_a_span_detail_without_properties_has_its_exception_events() -> None:
    body = json.loads(body_of("262"))
    del body["properties"]

    assert decode_span(json.dumps(body).encode()).error == decode_span(body_of("262")).error


def test_log_attributes_are_kept_as_they_came() -> None:
    detail = decode_span(body_of("272"))

    assert detail.message == "info line"
    assert detail.properties == {
        "count": 3,
        "ratio": 0.25,
        "user": {"active": True, "id": "u_1", "roles": ["admin", "ops"]},
    }


def test_triggered_runs_are_told_in_database_words() -> None:
    detail = decode_span(body_of("282"))

    assert [run.id for run in detail.triggered] == ["run_cmwur0bof002u9f7dmh0r5ulr", "run_cmwur0boi002v9f7dacg2m9ra"]
    assert {(run.task, run.status.title if run.status else None) for run in detail.triggered} == {("leaf", "Completed")}
    assert detail.triggered[0].created_at == datetime(2026, 11, 24, 13, 46, 34, 919000, tzinfo=UTC)


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"error":"Not found"}', b"[" * 100_000])
def test_what_is_no_span_detail_is_the_servers_fault(body: bytes) -> None:
    with pytest.raises(ServerFault):
        decode_span(body)


def test_the_own_span_of_a_run_is_the_topmost_of_it() -> None:
    trace = decode_trace(body_of("234"))
    child = decode_trace(body_of("236")).root

    assert span_of_run(trace, trace.root.run_id) is trace.root
    own = span_of_run(trace, child.run_id)
    assert own is not None
    assert (own.id, own.message) == (child.id, "middle")
    assert span_of_run(decode_trace(body_of("240")), child.run_id) is None
