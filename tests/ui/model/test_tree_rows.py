"""Rows of a tree that are reused, and rows that change with time."""

from datetime import timedelta

import pytest

from tests.support.present.samples import NOW, STARTED
from tui.domain.ids import RunId, TaskId
from tui.domain.status import parse_status
from tui.domain.tree import RunTimes, RunTree, TreeNode
from tui.features.tree.model import RowContext, TreeRows
from tui.features.tree.words import TreeFolds, branches, columns_for, shape_of
from tui.text.blocks import Now
from tui.text.styled import plain

COLUMNS = columns_for(108)


def drawn(word: str, times: RunTimes, later_s: float, before: TreeRows | None = None) -> TreeRows:
    """Make a tree from the rows of a query, some seconds later."""
    leaf = TreeNode(RunId("run_leaf"), 1, TaskId("leaf"), parse_status(word), None, times=times)
    tree = RunTree(TreeNode(RunId("run_root"), 0, TaskId("root"), None, None, (leaf,)), RunId("run_root"))
    shown = branches(shape_of(tree, lambda _: None), TreeFolds())
    return TreeRows(shown, (), RowContext(COLUMNS, Now(NOW + timedelta(seconds=later_s)), tree.current), before)


@pytest.mark.parametrize(("word", "started_at"), [("Executing", STARTED), ("Queued", None)])
def test_live_row_is_drawn_again_with_time(word: str, started_at: object) -> None:
    times = RunTimes(STARTED, STARTED if started_at else None)
    first = drawn(word, times, 0)
    early = plain(first[1].line)
    later = plain(drawn(word, times, 8, first)[1].line)
    assert "31s" in early
    assert "39s" in later


def test_final_row_is_drawn_again_for_new_times() -> None:
    ended = RunTimes(STARTED, STARTED, STARTED + timedelta(seconds=3))
    first = drawn("Completed", ended, 0)
    assert "3.0s" in plain(first[1].line)
    again = drawn("Completed", ended, 8, first)
    assert again[1] is first[1]
    longer = RunTimes(STARTED, STARTED, STARTED + timedelta(seconds=4))
    assert "4.0s" in plain(drawn("Completed", longer, 8, again)[1].line)
