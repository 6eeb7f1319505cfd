"""The waterfall of a trace: kinds, states, rows."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.domain.recorded import START, span, trace, trace_of
from tui.domain.trace import (
    ROOT,
    RunEnd,
    Span,
    SpanKind,
    SpanState,
    Waterfall,
    extents_of,
    longest_path,
    place,
    row_tree,
)

TRACES = ["210", "212", "220", "222", "230", "232", "233", "234", "236", "241", "247", "249", "250", "253", "1237"]


def state_of(waterfall: Waterfall, message: str, end: RunEnd | None = None) -> SpanState:
    index = next(index for index, span in enumerate(waterfall.spans) if span.message == message)
    return extents_of(waterfall, lambda _: end).states[index]


@pytest.mark.parametrize("number", TRACES)
def test_each_span_is_a_row_a_mark_or_counted(number: str) -> None:
    waterfall = place(trace_of(number))
    tree = row_tree(waterfall)
    marks = [log for logs in tree.logs.values() for log in logs]
    hidden = [index for index, kind in enumerate(waterfall.kinds) if kind in {SpanKind.ENGINE, SpanKind.FUNCTION}]
    found = [*tree.order, *marks, *hidden, *tree.calls.values()]
    assert sorted(found) == list(range(len(waterfall.spans)))
    assert len(hidden) == waterfall.engine_count + waterfall.function_count
    whole = row_tree(waterfall, with_engine=True)
    assert len(whole.order) + sum(map(len, whole.logs.values())) == len(waterfall.spans)


def test_debug_line_of_the_code_is_no_engine_span() -> None:
    waterfall = place(trace_of("1204"))
    kinds = {str(span.message): kind for span, kind in zip(waterfall.spans, waterfall.kinds, strict=True)}
    assert kinds["parsing"] is SpanKind.LOG
    assert kinds["run:subscribe received by platform"] is SpanKind.ENGINE
    assert waterfall.engine_count == 13


def test_awaited_run_stands_in_the_place_of_its_call() -> None:
    waterfall = place(trace_of("234"))
    tree = row_tree(waterfall)
    below = [waterfall.spans[index].message for index in tree.below[tree.order[1]]]
    assert below == ["middle", "batchTriggerAndWait()", "trigger()"]
    middle = tree.below[tree.order[1]][0]
    assert waterfall.spans[tree.calls[middle]].message == "triggerAndWait()"


@pytest.mark.parametrize("number", ["247", "249"])
def test_open_spans_of_an_ended_run_never_run(number: str) -> None:
    waterfall = place(trace_of(number))
    extents = extents_of(waterfall)
    assert extents.states[ROOT] is SpanState.ENDED
    assert state_of(waterfall, "Attempt 1") is state_of(waterfall, "run()") is SpanState.UNKNOWN
    assert SpanState.RUNNING not in extents.states


def test_store_knows_the_end_of_a_run_before_its_trace() -> None:
    waterfall = place(trace(span("task", 0, None, span("Attempt 1", 1, None))))
    extents = extents_of(waterfall, lambda _: RunEnd(is_final=True, finished_at=START + timedelta(seconds=9)))
    assert extents.states == [SpanState.ENDED, SpanState.UNKNOWN]
    assert extents.ends == [9_000_000, 9_000_000]


def test_open_attempt_before_a_retry_does_not_run() -> None:
    attempts = (span("Attempt 1", 1, None), span("Retry #1 delay", 3, 2), span("Attempt 2", 5, None, id="second"))
    extents = extents_of(place(trace(span("task", 0, None, *attempts))))
    assert extents.states[1:] == [SpanState.UNKNOWN, SpanState.ENDED, SpanState.RUNNING]
    assert extents.ends[1] == 3_000_000


def test_planned_delay_ends_with_its_run() -> None:
    ended = extents_of(place(trace(span("task", 0, 10, span("Attempt 1", 1, 1), span("Retry #1 delay", 3, 40)))))
    assert (ended.ends[2], ended.last) == (10_000_000, 10_000_000)
    live = extents_of(place(trace(span("task", 0, None, span("Attempt 1", 1, 1), span("Retry #1 delay", 3, 40)))))
    assert (live.ends[2], live.last) == (43_000_000, 43_000_000)


def test_trace_of_ten_thousand_levels_is_placed() -> None:
    deep = span("leaf", 0, 1)
    for level in range(10_000):
        deep = span(str(level), 0, 1, deep)
    waterfall = place(trace(deep))
    tree = row_tree(waterfall)
    assert len(tree.order) == 10_001
    assert len(longest_path(waterfall, extents_of(waterfall))) == 10_001


SPANS = st.recursive(
    st.just(()),
    lambda below: st.lists(
        st.builds(
            lambda at, took, level, run, message, children: span(
                message, at, took, *children, level=level, run_id=run, id=message
            ),
            st.integers(-5, 5),
            st.none() | st.integers(0, 5),
            st.sampled_from(["TRACE", "DEBUG", "INFO"]),
            st.sampled_from(["run_a", "run_b"]),
            st.sampled_from(["Attempt 1", "run()", "triggerAndWait()", "Retry #1 delay", "own", "wait.for()"]),
            below,
        ),
        max_size=3,
    ).map(tuple),
    max_leaves=12,
)


@given(SPANS, st.none() | st.booleans())
def test_any_trace_keeps_its_promises(below: tuple[Span, ...], is_final: bool | None) -> None:
    waterfall = place(trace(span("task", 0, None if is_final else 3, *below)))
    extents = extents_of(waterfall, lambda _: None if is_final is None else RunEnd(is_final))
    tree = row_tree(waterfall)
    for index, each in enumerate(waterfall.spans):
        assert extents.ends[index] >= waterfall.starts[index]
        if not each.is_partial:
            assert extents.states[index] is SpanState.ENDED
        if is_final:
            assert extents.states[index] is not SpanState.RUNNING
        assert extents.first <= waterfall.starts[index]
        assert extents.ends[index] <= extents.last
    assert len(set(tree.order)) == len(tree.order)
    assert longest_path(waterfall, extents) >= {ROOT}
