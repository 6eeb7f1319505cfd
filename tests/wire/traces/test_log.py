"""Decoding of `/events` into log lines and into the spans of attempts, whatever rows a server sends."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.domain.recorded import decode_trace, run_of
from tests.support.recordings import body_of, names, recording
from tests.support.slices import result_of
from tests.support.sure import sure
from tui.api.errors import MAX_EVENT_ROWS, ServerFault
from tui.api.traces import MAX_KEPT_CHARS, SLICE_VALUES, WINDOW_BYTES, decode_log, event_rows, event_slices, log_slices
from tui.domain.log import LogLine, RunLog
from tui.domain.run import RunId
from tui.domain.trace import Trace, attempts_of

EVENTS = [
    name
    for name in names()
    if "events" in name and isinstance(recording(name).get("response", {}).get("body", {}).get("events"), list)
]


def decode(body: bytes) -> RunLog:
    return result_of(log_slices(body))


def log_of(*rows: Any) -> RunLog:
    return decode(json.dumps({"events": rows}).encode())


def row(number: int, **more: Any) -> dict[str, Any]:
    return {
        "spanId": f"{number:016x}",
        "runId": "run_a",
        "message": f"line {number}",
        "events": [],
        "startTime": str(1795527839809000000 + number * 1_000_000),
        "duration": 0,
        "attemptNumber": 1,
        "level": "INFO",
    } | more


def span(message: str, **more: Any) -> dict[str, Any]:
    return row(0, message=message, level="TRACE", **more)


def shown(log: RunLog) -> list[tuple[Any, ...]]:
    return [(line.span_id, line.time_ns, line.attempt, line.word, line.message) for line in log]


@pytest.mark.parametrize("name", EVENTS)
def test_each_recorded_row_but_spans_is_one_line(name: str) -> None:
    rows = [each for each in recording(name)["response"]["body"]["events"] if isinstance(each, dict)]
    wanted = [each for each in rows if each["level"] != "TRACE"]
    wanted.sort(key=lambda each: int(each["startTime"]))
    log = decode(body_of(name))
    assert [(line.span_id, line.word, line.message, line.attempt) for line in log] == [
        (each["spanId"], each["level"], each["message"], each["attemptNumber"]) for each in wanted
    ]
    assert not log.is_cut


def test_absent_message_is_not_an_empty_one() -> None:
    rows = [row(3, message=None), row(2, message=""), row(1, message="said")]
    log = log_of(*rows)
    assert [(line.message, line.has_message) for line in log] == [("said", True), ("", True), ("", False)]
    assert not log.has_same_lines(log_of(row(3, message=""), *rows[1:]))


@given(st.lists(st.integers(0, 3), max_size=12))
def test_rows_of_one_time_keep_the_order_of_the_server(times: list[int]) -> None:
    rows = [row(number, startTime=str(time)) for number, time in enumerate(times)]
    wanted = sorted(rows, key=lambda each: int(each["startTime"]))
    assert [line.message for line in log_of(*rows)] == [each["message"] for each in wanted]


@given(
    st.lists(st.text(max_size=40), max_size=20),
    st.integers(1, 3),
    st.sampled_from(["", "x" * (WINDOW_BYTES - 200), "ü" * WINDOW_BYTES]),
)
def test_lines_do_not_depend_on_the_windows_of_the_body(texts: list[str], indent: int, ahead: str) -> None:
    rows = [row(number, message=text) for number, text in enumerate([ahead, *texts])]
    body = json.dumps({"page": ahead, "events": rows}, indent=indent, ensure_ascii=False).encode(
        "utf-8", "surrogatepass"
    )
    assert [line.message for line in decode(body)] == [ahead, *texts]


def test_rows_with_invalid_fields_stay_lines() -> None:
    odd = row(2, spanId=None, message=None, startTime="soon", attemptNumber=True, level="loud")
    log = log_of(row(1), odd, row(3), "odd", None, row(4, message={"a": 1}))
    assert shown(log)[1] == ("", -1, None, "loud", "")
    assert log[1] == LogLine(log[1].span_id, None, -1, None, log[1].word, log[1].message, has_message=False)
    assert [line.message for line in log] == ["line 1", "", "line 3", '{"a": 1}']


def test_log_at_the_row_limit_may_be_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    assert MAX_EVENT_ROWS == 25_000
    monkeypatch.setattr("tui.api.traces.MAX_EVENT_ROWS", 50)
    own, attempt = span("task"), span("Attempt 1", events=[{"name": "x"}, {"name": "y"}])
    lines = [row(number) for number in range(50)]
    assert not log_of(*lines[:-1]).is_cut
    assert log_of(*lines).is_cut
    assert not log_of(*lines, lines[0]).is_cut, "a server that sends more has another limit"
    # A closed span takes two rows, and each of its events one.
    assert not log_of(own, attempt, *lines[:-7]).is_cut
    assert log_of(own, attempt, *lines[:-6]).is_cut
    assert not log_of(own | {"isPartial": True}, attempt, *lines[:-6]).is_cut


def test_long_log_is_decoded_in_slices() -> None:
    body = json.dumps({"events": [row(number) for number in range(5 * SLICE_VALUES)]}).encode()
    assert sum(1 for _ in log_slices(body)) == 5


async def test_answer_without_news_gives_the_known_log() -> None:
    first = json.dumps({"events": [span("task", isPartial=True), row(1)]}).encode()
    log, _ = await decode_log(first, None)
    assert (await decode_log(first, log))[0] is log
    # Only a span has changed.
    ended = json.dumps({"events": [span("task"), row(1)]}).encode()
    assert (await decode_log(ended, log))[0] is log
    more = json.dumps({"events": [span("task"), row(1), row(2)]}).encode()
    assert [line.message for line in (await decode_log(more, log))[0]] == ["line 1", "line 2"]


def test_line_is_found_in_a_later_answer() -> None:
    before = log_of(row(1), row(3), row(5))
    after = log_of(row(1), row(2), row(3), row(5), row(6))
    assert [before.index_in(after, index) for index in range(3)] == [0, 2, 3]
    assert after.index_in(before, 1) is None


def test_long_log_takes_little_memory() -> None:
    import tracemalloc

    body = json.dumps({"events": [row(number) for number in range(2_000)]}).encode()
    tracemalloc.start()
    log = decode(body)
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(log) == 2_000
    # The text of a line takes 60 bytes as a Python object, its place in the tuple 8, everything else 25.
    assert kept < 2_000 * 120


LONG = 600_000

any_text = st.text(st.characters(codec=None), max_size=40)
any_key = st.text(st.characters(codec=None), max_size=3)
any_value = st.recursive(
    st.none() | st.booleans() | st.integers() | any_text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(any_key, inner, max_size=4),
    max_leaves=8,
)


def read_rows(rows: Any, *, is_ascii: bool = True) -> list[Any]:
    body = json.dumps({"other": [rows], "events": rows}, ensure_ascii=is_ascii).encode("utf-8", "surrogatepass")
    return [row for part in event_rows(body) for row in part]


@given(st.lists(st.dictionaries(any_key, any_value, max_size=5), max_size=5), st.booleans(), st.integers(100, 200))
def test_rows_read_in_slices_are_as_they_came(rows: list[dict[str, Any]], is_ascii: bool, window_bytes: int) -> None:
    """Only arrays and objects that are longer than a window are None."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tui.api.traces.WINDOW_BYTES", window_bytes)
        for given_row, row in zip(rows, read_rows(rows, is_ascii=is_ascii), strict=True):
            left_out = {key for key, value in given_row.items() if isinstance(value, list | dict) and row[key] is None}
            assert row == given_row | dict.fromkeys(left_out)


@pytest.mark.parametrize("escaped", ["x", '"', "\U0001f600"])
def test_long_message_is_cut_and_says_so(escaped: str) -> None:
    rows = [{"message": escaped * LONG, "level": "INFO", "spanId": "a"}, {"message": "next"}]
    first, second = read_rows(rows)
    assert second == rows[1]
    assert (first["level"], first["spanId"]) == ("INFO", "a")
    kept, remark = first["message"].split("… (cut, ")
    assert set(kept) <= {*escaped, "\ud83d"}, "a pair of surrogates may be cut"
    assert MAX_KEPT_CHARS // 12 <= len(kept) <= MAX_KEPT_CHARS
    assert remark.endswith(" characters in all)")


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


RUN = RunId("run_a")


def decode_trace_of(body: bytes, run_id: str = RUN) -> Trace:
    return sure(result_of(event_slices(body, RunId(run_id))))


def event(message: str, span_id: str, parent_id: str | None = "root", **more: Any) -> dict[str, Any]:
    states = {"isError": False, "isPartial": False, "isCancelled": False, "style": {"icon": "x"}}
    return span(message, spanId=span_id, parentId=parent_id, duration=1_000_000, **states) | more


OWN = event("task", "root", None, attemptNumber=None)


def decode_events(*events: Any, **more: Any) -> Trace:
    return decode_trace_of(json.dumps({"events": [OWN, *events]} | more).encode())


@pytest.mark.parametrize(
    ("number", "detail"),
    [("240", "100"), ("241", "103"), ("242", "104"), ("243", "105"), ("247", "109"), ("250", "112")],
)
def test_events_give_the_same_attempts_as_the_trace(number: str, detail: str) -> None:
    trace = decode_trace(body_of(number))
    run = run_of(detail, id=trace.root.run_id)
    events = decode_trace_of(body_of(f"{number}e"), trace.root.run_id)
    assert not events.is_truncated
    of_trace = attempts_of(run, trace)
    assert of_trace.attempts
    assert attempts_of(run, events) == of_trace


@pytest.mark.parametrize("parent", ["nobody", None])
def test_spans_without_a_parent_are_placed_by_attempt_number(parent: str | None) -> None:
    found = decode_events(
        event("wait.for()", "4", parent, isPartial=True, attemptNumber=2),
        event("Attempt 2", "3", parent, isPartial=True, attemptNumber=2),
        event("Retry #1 delay", "2", parent, attemptNumber=None),
        event("Attempt 1", "1", parent, isError=True),
    ).root
    assert found is not None
    assert [span.message for span in found.children] == ["Attempt 2", "Retry #1 delay", "Attempt 1"]
    assert [span.message for span in found.children[0].children] == ["wait.for()"]


def test_spans_with_circular_parents_terminate() -> None:
    found = decode_events(
        event("a", "a", "b", isPartial=True), event("b", "b", "a", isPartial=True), event("Attempt 1", "1")
    ).root
    assert found is not None
    assert [span.message for span in found.walk()] == ["task", "Attempt 1"]
