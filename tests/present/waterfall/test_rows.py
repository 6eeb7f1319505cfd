"""The rows of the waterfall: names, glyphs, bars to half a cell, log marks, ends that are not known."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.domain.recorded import START, span, trace, trace_of
from tui.domain.run import Run
from tui.domain.trace import Span, Trace, extents_of, longest_path, place, row_tree
from tui.features.tree.spans import PlacedTrace, axis_line, columns_for, extent, legend, parts_of, row_line, shown_spans
from tui.kit.words import RuleText, Tab, rule_line
from tui.text.axis import TimeWindow
from tui.text.blocks import Now
from tui.text.styled import Piece, Token, line_width, plain

GUTTER = 2


def no_run(_: str) -> Run | None:
    return None


def lines_of(
    found: Trace, width: int = 118, *, now_s: float = 1_000, window_s: tuple[float, float] | None = None
) -> list[str]:
    """Draw all rows of a trace."""
    waterfall = place(found)
    extents = extents_of(waterfall)
    tree, path = row_tree(waterfall), longest_path(waterfall, extents)
    placed = PlacedTrace(waterfall, tree, extents, path, {})
    zoom = None if window_s is None else TimeWindow(int(window_s[0] * 1e6), int(window_s[1] * 1e6))
    now = Now(START + timedelta(seconds=now_s))
    parts = parts_of(placed, tree, no_run, columns_for(width, GUTTER), now, zoom)
    lines = [axis_line(parts), *(row_line(each, parts) for each in shown_spans(tree))]
    assert all(line_width(line) == width - 1 for line in lines[1:])
    assert line_width(lines[0]) <= width
    return [plain(line) for line in lines]


def bars(root: Span, **more: object) -> list[str]:
    """Return the bars alone, of a page whose bars have 20 cells."""
    start = columns_for(58, GUTTER).bar_start
    return [line[start : start + 20].replace("┆", " ") for line in lines_of(trace(root), 58, **more)[1:]]  # type: ignore[arg-type]


@pytest.mark.parametrize(("width", "name_end"), [(78, 33), (118, 45), (198, 76)])
def test_columns_at_the_usual_widths(width: int, name_end: int) -> None:
    columns = columns_for(width, GUTTER)
    assert columns.bar_start - 3 == name_end
    assert columns.has_notes is (width == 198)


def test_missing_duration_is_an_unknown_end() -> None:
    found = span("task", 0, 4, replace(span("a", 1), duration=None), span("b", 2, 0))
    _, a, b = lines_of(trace(found))[1:]
    assert ("? a" in a, " ·  " in a, "0ms" in a, "░" in a) == (True, True, False, True)
    assert ("0ms" in b, "░" in b) == (True, False)
    root = replace(span("task", 0), duration=None)
    assert "·" in lines_of(trace(root))[1]


def test_bars_are_drawn_to_half_a_cell() -> None:
    window = (0.0, columns_for(58, GUTTER).bar / 1.0)
    drawn = bars(span("task", 0, 4, span("a", 0.5, 2), span("b", 2, 0), span("c", 3.5, 0.2)), window_s=window)
    assert [each.rstrip() for each in drawn] == ["━━━━", "╺━╸", "  ╸", "   ╺"]


def test_queue_is_dashed_and_logs_are_marked() -> None:
    window = (0.0, float(columns_for(58, GUTTER).bar))
    attempt = span("Attempt 1", 3, 6, span("run()", 3, 6, span("said", 5, 0, level="INFO")))
    drawn = bars(span("task", 0, 9, attempt, span("[engine] PENDING_EXECUTING", 2, 0, level="DEBUG")), window_s=window)
    assert [each.rstrip() for each in drawn] == ["╌╌━━━━━━━", "   ━━•━━━"]


def test_short_bars_have_no_log_marks() -> None:
    window = (0.0, float(columns_for(58, GUTTER).bar))
    drawn = bars(span("task", 0, 2, span("said", 1, 0, level="INFO")), window_s=window)
    assert drawn[0].rstrip() == "━━"


def test_unknown_end_is_neither_running_nor_done() -> None:
    crash = lines_of(trace_of("247"))
    assert crash[1].split()[:2] == ["▾", "✗"]
    assert crash[2].split()[1:6] == ["?", "attempt", "1", "→", "·"]
    assert crash[2].rstrip().endswith("░")
    assert "◐" not in "".join(crash)
    assert "✓" not in "".join(crash)


def test_live_bars_end_now() -> None:
    root = span("task", 0, None, span("Attempt 1", 0, None))
    early, late = lines_of(trace(root), now_s=10.1)[2], lines_of(trace(root), now_s=10.4)[2]
    assert late.count("━") > early.count("━")
    assert early.split()[1] == "◐"


def test_expired_run_was_only_queued() -> None:
    drawn = lines_of(trace_of("232"))[1]
    assert "━" not in drawn
    assert "╌╌╌" in drawn


def test_legend_goes_before_the_rows_become_unreadable() -> None:
    facts = {"has_unknown": True, "has_batch": True}
    assert "queued or waiting to retry" in plain(legend(140, **facts))
    assert "waits" in plain(legend(90, **facts))
    assert legend(20, **facts) == ()
    assert plain(legend(90, **facts)).startswith("━ done  ━ running  ━ failed  ╌ waits")
    assert plain(legend(90, **facts, has_colors=False)).startswith("━ at work  ╌ waits  ─ for runs")
    assert any(piece.token is Token.GUIDE and piece.text == "░" for piece in legend(90, **facts))


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
    for line in lines_of(trace(span("task", 0, took_s, *below)), width, now_s=now_s):
        assert not {"\x1b", "\r", "\n", "\u202e"} & set(line)


@pytest.mark.parametrize("width", [120, 80, 60, 40])
@pytest.mark.parametrize("took_s", [None, 4])
def test_rule_says_where_the_trace_was_cut(width: int, took_s: float | None) -> None:
    waterfall = place(replace(trace(span("a-task-with-a-long-name", 0, took_s)), is_truncated=True))
    at = START + timedelta(hours=4)
    right = extent(waterfall, extents_of(waterfall), 1, at, Now(at))
    assert plain(right).startswith("cut at 5,000 rows · ")
    rule = plain(rule_line(RuleText((Tab(3, "tree"),), (Piece(" · waterfall"),), right), width))
    assert "cut at 5,000 rows" in rule
    assert "tree" in rule or width < 60
