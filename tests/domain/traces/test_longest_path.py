"""The longest path, by examples, and by properties against a walk back through time in steps."""

from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from tests.support.domain.recorded import span as span_of
from tests.support.domain.recorded import trace, trace_of
from tui.domain.trace import ROOT, Span, Waterfall, extents_of, longest_path, place

STEP_MS = 10
"""A step of the walk, which is longer than the tolerance."""

NOW_MS = 400
"""After every end."""


def span(message: str, start_ms: float, end_ms: float | None, *children: Span, level: str = "TRACE") -> Span:
    """Return a span from its start to its end, or an open one."""
    took_s = None if end_ms is None else (end_ms - start_ms) / 1000
    return span_of(message, start_ms / 1000, took_s, *children, level=level)


def names_on_path(root: Span) -> set[str]:
    waterfall = place(trace(root))
    return {waterfall.spans[index].message for index in longest_path(waterfall, extents_of(waterfall))}


def test_starts_rounded_down_do_not_break_the_path() -> None:
    root = span("root", 0, 100, span("a", 0, 40.6), span("b", 40, 100))
    assert names_on_path(root) == {"root", "a", "b"}


def test_spans_without_time_are_not_on_the_path() -> None:
    root = span("root", 0, 100, span("instant", 100, 100), span("[engine] x", 0, 100, level="DEBUG"))
    assert names_on_path(root) == {"root"}


def test_path_of_a_recorded_tree() -> None:
    waterfall = place(trace_of("234"))
    path = longest_path(waterfall, extents_of(waterfall))
    batch = next(index for index in path if waterfall.spans[index].message == "batchTriggerAndWait()")
    assert batch in path
    failed = [index for index in path if waterfall.spans[index].is_error and waterfall.spans[index].message == "leaf"]
    assert len(failed) == 1  # of the batch of five, the one that was retried
    assert all(waterfall.parents[index] in path for index in path - {ROOT})


def spans_within(depth: int) -> st.SearchStrategy[Span]:
    times = st.tuples(st.integers(0, 20), st.integers(0, 20))
    children = st.lists(spans_within(depth - 1), max_size=4) if depth else st.just([])

    def build(parts: tuple[tuple[int, int], list[Span], bool]) -> Span:
        (start, lasted), below, is_open = parts
        return span("x", start * STEP_MS, None if is_open else (start + lasted) * STEP_MS, *below)

    return st.tuples(times, children, st.booleans()).map(build)


@given(spans_within(3))
def test_path_equals_a_walk_back_in_steps(root: Span) -> None:
    waterfall = place(trace(root))
    extents = extents_of(waterfall)
    ends = [extents.end(index, NOW_MS * 1_000) for index in range(len(waterfall.spans))]
    assert longest_path(waterfall, extents) == frozenset(walked(waterfall, ends))


def walked(waterfall: Waterfall, ends: list[int]) -> Iterator[int]:
    """Yield the spans of the path, by a walk back through time, step by step."""
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
                moment -= STEP_MS * 1_000
