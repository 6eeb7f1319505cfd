"""The spans of a trace: their rows and bars, the time axis, and the span under the cursor."""

import itertools
from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from tests.support.domain.recorded import START, span, trace, trace_of
from tests.support.present.samples import drawn
from tui.domain.trace import RowTree, Span, Trace, Waterfall, placed_trace
from tui.features.tree import spans
from tui.text.bars import MIN_WINDOW_US, TimeWindow, label, ticks
from tui.text.blocks import Now
from tui.text.styled import Line, line_width, plain

MOMENTS = st.integers(-(10**16), 10**16)
WHOLES = st.tuples(MOMENTS, st.integers(0, 10**16)).map(lambda pair: TimeWindow(pair[0], pair[0] + pair[1]))


def test_axis_has_round_labels_that_become_closer_with_the_width() -> None:
    moments = (0, 250_000, -2_000_000, 1_500_000, 60_000_000, 90_000_000, 9 * 10**9, 302_400 * 10**6, 86_400 * 10**8)
    assert " ".join(map(label, moments)) == "0s 250ms -2s 1.5s 1m 1m30s 2h30m 3d12h 100d"
    found = {width: [tick.label for tick in ticks(TimeWindow(0, 17_500_000), width)] for width in (41, 116)}
    assert found == {41: ["0s", "4s", "8s", "12s", "16s"], 116: [f"{second}s" for second in range(18)]}


@given(WHOLES, st.integers(0, 200))
def test_labels_never_meet(window: TimeWindow, width: int) -> None:
    found = ticks(window, width)
    for tick, following in itertools.pairwise(found):
        assert tick.cell + len(tick.label) < following.cell
        assert tick.label != following.label
    assert all(0 <= tick.cell <= width for tick in found)
    assert all(tick.cell + len(tick.label) <= width for tick in found[1:])


@given(WHOLES, st.lists(st.sampled_from([-1, 1]), max_size=60), MOMENTS)
def test_zoom_and_pan_stay_inside(whole: TimeWindow, steps: list[int], around: int) -> None:
    window = whole
    for step in steps:
        window = spans.panned(spans.zoomed(window, whole, step=step, around=around), whole, step=step)
        assert MIN_WINDOW_US <= window.length <= whole.length
        assert whole.first <= window.first
        assert window.last <= whole.first + whole.length


def lines_of(found: Trace, width: int, now_s: float = 1_000, zoom: TimeWindow | None = None) -> list[Line]:
    """Draw all rows of a trace."""
    waterfall = Waterfall(found)
    tree = RowTree(waterfall)
    placed = placed_trace(waterfall, tree, {})
    now = Now(START + timedelta(seconds=now_s))
    parts = spans.parts_of(placed, tree, lambda _: None, spans.columns_for(width, 2), now, zoom)
    return [spans.axis_line(parts), *(spans.row_line(each, parts) for each in spans.shown_spans(tree))]


LOGGED = span("run()", 3, 6, span("said", 5, 0, level="INFO"))
QUEUED = span("[engine] PENDING_EXECUTING", 2, 0, level="DEBUG")
SHORT = span("short", 6.5, 0.2), span("point", 7, 0), replace(span("open", 8), duration=None)
TRACE = trace(span("task", 0, 10, span("Attempt 1", 3, 6, LOGGED), QUEUED, *SHORT))

WIDE = """
                                                0s    1s     2s     3s     4s     5s     6s     7s     8s     9s
▾ ✓ task                             →    10s   ╌╌╌╌╌╌╌╌╌╌╌╌╌╌━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━
├── ✓ attempt 1                          6.0s   ┆     ┆      ┆      ╺━━━━━━━━━━━━━•━━━━━━━━━━━━━━━━━━━━━━━━━━━┆
├── ✓ short                          →  200ms   ┆     ┆      ┆      ┆      ┆      ┆      ┆   ━  ┆      ┆      ┆
├── ✓ point                               0ms   ┆     ┆      ┆      ┆      ┆      ┆      ┆      ╺      ┆      ┆
└── ? open                           →      ·   ┆     ┆      ┆      ┆      ┆      ┆      ┆      ┆      ╸░░░░░░░░░░░░░
"""

NARROW = """
                             0s     5s     10s    15s
▾ ✓ task          →    10s   ╌╌╌━━━━━━━━━━━┆      ┆
├── ✓ attempt 1       6.0s   ┆   ━━━•━━━━╸ ┆      ┆
├── ✓ short       →  200ms   ┆      ┆ ╸    ┆      ┆
├── ✓ point            0ms   ┆      ┆  ╸   ┆      ┆
└── ? open        →      ·   ┆      ┆   ╸░░┆      ┆
"""


def test_rows_are_drawn_to_half_a_cell_with_unknown_ends() -> None:
    assert drawn(lines_of(TRACE, 118)) == WIDE
    assert drawn(lines_of(TRACE, 58, zoom=TimeWindow(0, 20_000_000))) == NARROW
    assert "━" not in plain(lines_of(trace_of("232"), 118)[1]), "an expired run was only queued"
    live = trace(span("task", 0, None, span("Attempt 1", 0, None)))
    early, late = (plain(lines_of(live, 118, now_s)[2]) for now_s in (10.1, 10.4))
    assert late.count("━") > early.count("━")


NESTED = st.recursive(
    st.just(()),
    lambda below: st.lists(
        st.builds(
            lambda at, took, level, message, children: span(message, at, took, *children, level=level, id=message),
            st.floats(-1e9, 1e9),
            st.none() | st.floats(0, 1e9) | st.just(0.0),
            st.sampled_from(["TRACE", "DEBUG", "INFO", "WARN", "ERROR"]),
            st.sampled_from(["Attempt 1", "run()", "日本語 span", "\x1b[2J\u202e\r\n", "Retry #1 delay", ""]),
            below,
        ),
        max_size=3,
    ).map(tuple),
    max_leaves=10,
)


@given(NESTED, st.integers(20, 210), st.floats(-1e9, 1e9), st.none() | st.floats(0, 1e9))
def test_any_trace_fills_exactly_its_width(
    below: tuple[Span, ...], width: int, now_s: float, took_s: float | None
) -> None:
    axis, *rows = lines_of(trace(span("task", 0, took_s, *below)), width, now_s)
    assert line_width(axis) <= width
    assert {line_width(row) for row in rows} == {width - 1}
    assert not {"\x1b", "\r", "\n", "\u202e"} & {letter for row in rows for letter in plain(row)}
