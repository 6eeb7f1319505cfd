"""Decoding of `/events`: the spans of attempts, truncation by the server, and hostile responses."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.domain.recorded import decode_trace, run_of
from tests.support.recordings import body_of
from tests.support.slices import result_of
from tests.support.sure import sure
from tui.api.traces import event_slices
from tui.domain.run import RunId
from tui.domain.trace import Trace, attempts_of

RUN = RunId("run_a")


def decode(body: bytes, run_id: str = RUN) -> Trace:
    return sure(result_of(event_slices(body, RunId(run_id))))


def event(message: str, span_id: str, parent_id: str | None = "root", **more: Any) -> dict[str, Any]:
    return {
        "spanId": span_id,
        "parentId": parent_id,
        "runId": RUN,
        "message": message,
        "style": {"icon": "x"},
        "events": [],
        "startTime": "1795657212174000000",
        "duration": 1_000_000,
        "isError": False,
        "isPartial": False,
        "isCancelled": False,
        "kind": "UNSPECIFIED",
        "attemptNumber": 1,
        "level": "TRACE",
    } | more


OWN = event("task", "root", None, attemptNumber=None)


def decode_events(*events: Any, **more: Any) -> Trace:
    return decode(json.dumps({"events": [OWN, *events]} | more).encode())


@pytest.mark.parametrize(
    ("number", "detail"),
    [("240", "100"), ("241", "103"), ("242", "104"), ("243", "105"), ("247", "109"), ("250", "112")],
)
def test_events_give_the_same_attempts_as_the_trace(number: str, detail: str) -> None:
    trace = decode_trace(body_of(number))
    run = run_of(detail, id=trace.root.run_id)
    events = decode(body_of(f"{number}e"), trace.root.run_id)
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


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just("1795657212174000000"),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*OWN, "accessory", "items", "text", "name"]), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(json_values, st.sampled_from(sorted(OWN)))
def test_any_value_of_any_field_is_read_or_dropped(value: Any, key: str) -> None:
    found = decode_events(event("Attempt 1", "1") | {key: value}, value).root
    assert all(span.ended_at is None or span.ended_at >= span.started_at for span in found.walk())
