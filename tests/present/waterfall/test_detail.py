"""What is said about the span under the cursor, as a pane of facts and as a strip of two lines."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.support.domain.recorded import START, span, trace
from tests.support.present.samples import NOW, sample
from tui.domain.error import RunError
from tui.domain.run import Precision, Run, Stamp
from tui.domain.text import Raw
from tui.domain.trace import ROOT, RunEnd, Span, extents_of, longest_path, place, row_tree
from tui.features.tree.spans import PlacedTrace, SelectedSpan, columns_for, detail_lines, parts_of, strip_lines
from tui.text.blocks import Now, ReadStage
from tui.text.styled import Piece, plain

CRASH = RunError(Raw("Process exited with code 1."), Raw("Internal error"), code="TASK_PROCESS_EXITED")


def shown(
    root: Span, run: Run, width: int, *, is_cut: bool = False, stage: ReadStage = ReadStage.LATE
) -> tuple[str, str]:
    """Return the pane and the strip of the root of a trace whose run has ended."""
    waterfall = place(replace(trace(root), is_truncated=is_cut))
    extents = extents_of(waterfall, lambda _: RunEnd(is_final=True, finished_at=None))
    tree = row_tree(waterfall)
    placed = PlacedTrace(waterfall, tree, extents, longest_path(waterfall, extents), {})
    now = Now(START + timedelta(seconds=100))
    parts = parts_of(placed, tree, lambda _: run, columns_for(width, 2), now)
    selected = SelectedSpan(parts, ROOT, (Piece(stage.words),), run.id)
    lines = detail_lines(selected, width, 20), strip_lines(selected, width)
    pane, strip = ("\n".join(plain(line) for line in each) for each in lines)
    return pane, strip


def test_run_that_crashed_says_why() -> None:
    said = span("about to exit", 0.5, 0, level="INFO")
    root = span("a-task-with-a-long-name", 0, 4, span("[engine] PENDING_EXECUTING", 1, 0, level="DEBUG"), said)
    run = replace(sample("CRASHED"), error=(Stamp(NOW, Precision.DETAIL, NOW), CRASH))
    pane, strip = shown(root, run, 120)
    assert "error     Internal error Process exited with code 1." in pane
    assert "4.0s long, 1.0s of it queued" in pane
    assert "attrs     loading…" in pane
    due, _ = shown(root, run, 120, stage=ReadStage.DUE)
    assert due == pane.replace("loading…", "")
    assert strip.splitlines()[1].strip() == "Internal error Process exited with code 1."
    assert "of it queued" in strip


@pytest.mark.parametrize(
    ("width", "left", "right"),
    [
        (120, "a-task-with-a-long-name · the run of this trace ─", "─ at 12:00:00.000, 4.0s long, 1.0s of it queued ─"),
        (90, "a-task-with-a-long-name ─", "─ at 12:00:00.000, 4.0s long, 1.0s of it queued ─"),
        (45, "a-task-wi…", "─ at 12:00:00.000, 4.0s long ─"),
    ],
)
def test_strip_is_a_rule_and_the_last_fact(width: int, left: str, right: str) -> None:
    root = span("a-task-with-a-long-name", 0, 4, span("[engine] PENDING_EXECUTING", 1, 0, level="DEBUG"))
    first = shown(root, sample("CRASHED"), width)[1].splitlines()[0]
    assert left in first
    assert right in first
    assert len(first) == width


def test_last_line_of_a_cut_trace_is_not_called_the_last() -> None:
    root = span("task", 0, 4, span("line 1", 1, 0, level="INFO"))
    assert "line 1  1.0s after the root\n" in shown(root, sample("COMPLETED"), 120)[0]
    pane, strip = shown(root, sample("COMPLETED"), 200, is_cut=True)
    assert "line 1  1.0s after the root, later lines are cut" in pane
    assert "first 1 line" in pane
    assert "later lines are cut" in strip
