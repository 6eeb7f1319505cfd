"""The waterfall of a trace: kinds, states, rows, and the longest path."""

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.domain.recorded import START, span, trace, trace_of
from tui.domain.trace import (
    NEVER_US,
    ROOT,
    RowTree,
    RunEnd,
    Span,
    SpanKind,
    SpanState,
    Waterfall,
    extents_of,
    longest_path,
)

TRACES = ["210", "212", "220", "222", "230", "232", "233", "234", "236", "241", "247", "249", "250", "253", "1237"]


def state_of(waterfall: Waterfall, message: str, end: RunEnd | None = None) -> SpanState:
    index = next(index for index, span in enumerate(waterfall.spans) if span.message == message)
    return extents_of(waterfall, lambda _: end).states[index]


@pytest.mark.parametrize("number", TRACES)
def test_each_span_is_a_row_a_mark_or_counted(number: str) -> None:
    waterfall = Waterfall(trace_of(number))
    tree = RowTree(waterfall)
    marks = [log for logs in tree.logs.values() for log in logs]
    hidden = [index for index, kind in enumerate(waterfall.kinds) if kind in {SpanKind.ENGINE, SpanKind.FUNCTION}]
    found = [*tree.order, *marks, *hidden, *tree.calls.values()]
    assert sorted(found) == list(range(len(waterfall.spans)))
    assert len(hidden) == waterfall.engine_count + waterfall.function_count
    whole = RowTree(waterfall, with_engine=True)
    assert len(whole.order) + sum(map(len, whole.logs.values())) == len(waterfall.spans)


def test_debug_line_of_the_code_is_no_engine_span() -> None:
    waterfall = Waterfall(trace_of("1204"))
    kinds = {str(span.message): kind for span, kind in zip(waterfall.spans, waterfall.kinds, strict=True)}
    assert kinds["parsing"] is SpanKind.LOG
    assert kinds["run:subscribe received by platform"] is SpanKind.ENGINE
    assert waterfall.engine_count == 13


def test_awaited_run_stands_in_the_place_of_its_call() -> None:
    waterfall = Waterfall(trace_of("234"))
    tree = RowTree(waterfall)
    below = [waterfall.spans[index].message for index in tree.below[tree.order[1]]]
    assert below == ["middle", "batchTriggerAndWait()", "trigger()"]
    middle = tree.below[tree.order[1]][0]
    assert waterfall.spans[tree.calls[middle]].message == "triggerAndWait()"


@pytest.mark.parametrize("number", ["247", "249"])
def test_open_spans_of_an_ended_run_never_run(number: str) -> None:
    waterfall = Waterfall(trace_of(number))
    extents = extents_of(waterfall)
    assert extents.states[ROOT] is SpanState.ENDED
    assert state_of(waterfall, "Attempt 1") is state_of(waterfall, "run()") is SpanState.UNKNOWN
    assert SpanState.RUNNING not in extents.states


def test_store_knows_the_end_of_a_run_before_its_trace() -> None:
    waterfall = Waterfall(trace(span("task", 0, None, span("Attempt 1", 1, None))))
    extents = extents_of(waterfall, lambda _: RunEnd(is_final=True, finished_at=START + timedelta(seconds=9)))
    assert extents.states == [SpanState.ENDED, SpanState.UNKNOWN]
    assert extents.ends == [9_000_000, 9_000_000]


def test_open_attempt_before_a_retry_does_not_run() -> None:
    attempts = (span("Attempt 1", 1, None), span("Retry #1 delay", 3, 2), span("Attempt 2", 5, None, id="second"))
    extents = extents_of(Waterfall(trace(span("task", 0, None, *attempts))))
    assert extents.states[1:] == [SpanState.UNKNOWN, SpanState.ENDED, SpanState.RUNNING]
    assert extents.ends[1] == 3_000_000


def test_trace_of_ten_thousand_levels_is_placed() -> None:
    deep = span("leaf", 0, 1)
    for level in range(10_000):
        deep = span(str(level), 0, 1, deep)
    waterfall = Waterfall(trace(deep))
    tree = RowTree(waterfall)
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
    waterfall = Waterfall(trace(span("task", 0, None if is_final else 3, *below)))
    extents = extents_of(waterfall, lambda _: None if is_final is None else RunEnd(is_final))
    tree = RowTree(waterfall)
    for index, each in enumerate(waterfall.spans):
        assert extents.ends[index] >= waterfall.starts[index]
        if not each.is_partial:
            assert extents.states[index] is SpanState.ENDED
        if is_final:
            assert extents.states[index] is not SpanState.RUNNING
        assert extents.first <= waterfall.starts[index]
        assert extents.ends[index] <= extents.last
    assert len(set(tree.order)) == len(tree.order)
    assert ROOT in longest_path(waterfall, extents)


STEP_MS = 10
"""A step of the walk, which is longer than the tolerance."""

NOW_MS = 400
"""After every end."""


def span_ms(message: str, start_ms: float, end_ms: float | None, *children: Span, level: str = "TRACE") -> Span:
    """Return a span_ms from its start to its end, or an open one."""
    took_s = None if end_ms is None else (end_ms - start_ms) / 1000
    return span(message, start_ms / 1000, took_s, *children, level=level)


def names_on_path(root: Span) -> set[str]:
    waterfall = Waterfall(trace(root))
    return {waterfall.spans[index].message for index in longest_path(waterfall, extents_of(waterfall))}


def test_starts_rounded_down_do_not_break_the_path() -> None:
    root = span_ms("root", 0, 100, span_ms("a", 0, 40.6), span_ms("b", 40, 100))
    assert names_on_path(root) == {"root", "a", "b"}


def test_spans_without_time_are_not_on_the_path() -> None:
    root = span_ms("root", 0, 100, span_ms("instant", 100, 100), span_ms("[engine] x", 0, 100, level="DEBUG"))
    assert names_on_path(root) == {"root"}


def spans_within(depth: int) -> st.SearchStrategy[Span]:
    times = st.tuples(st.integers(0, 20), st.integers(0, 20))
    children = st.lists(spans_within(depth - 1), max_size=4) if depth else st.just([])

    def build(parts: tuple[tuple[int, int], list[Span], bool]) -> Span:
        (start, lasted), below, is_open = parts
        return span_ms("x", start * STEP_MS, None if is_open else (start + lasted) * STEP_MS, *below)

    return st.tuples(times, children, st.booleans()).map(build)


@given(spans_within(3))
def test_path_equals_a_walk_back_in_steps(root: Span) -> None:
    waterfall = Waterfall(trace(root))
    extents = extents_of(waterfall)
    ends = [extents.end(index, NOW_MS * 1_000) for index in range(len(waterfall.spans))]
    path = longest_path(waterfall, extents)
    steps = Counter(walked(waterfall, ends))
    assert path.keys() == steps.keys()
    for index, took in path.items():
        running_us = NEVER_US - NOW_MS * 1_000 if took > NEVER_US // 2 else 0
        assert took - running_us == (steps[index] - 1) * STEP_MS * 1_000


def walked(waterfall: Waterfall, ends: list[int]) -> Iterator[int]:
    """Walk back through time. Yield the spans of the path, and each again for each step in it but in none below."""
    pending = [(ROOT, ends[ROOT])]
    while pending:
        above, until = pending.pop()
        yield above
        moment = until
        while moment > min(waterfall.starts):
            ending = [
                each
                for each in waterfall.below[above]
                if waterfall.starts[each] < moment
                and (ends[each] == moment or (moment == until and ends[each] > moment))
            ]
            if ending:
                chosen = min(ending, key=lambda each: (waterfall.starts[each], each))
                pending.append((chosen, moment))
                moment = waterfall.starts[chosen]
            else:
                if moment > waterfall.starts[above]:
                    yield above
                moment -= STEP_MS * 1_000
