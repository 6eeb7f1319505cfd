"""Rows of a tree that change with time, and rows that do not."""

from datetime import timedelta
from functools import partial

import pytest

from tests.support.present.samples import NOW, STARTED
from tui.domain.run import RunId, TaskId, parse_status
from tui.domain.tree import RunTimes, RunTree, TreeNode
from tui.features.tree.view import BranchRows, TreeView
from tui.features.tree.words import TreeEntry, row
from tui.text.blocks import Now
from tui.text.styled import plain

WIDTH = 108


def drawn(word: str, times: RunTimes, later_s: float) -> BranchRows[TreeEntry]:
    """Make a tree from the rows of a query, some seconds later."""
    leaf = TreeNode(RunId("run_leaf"), 1, TaskId("leaf"), parse_status(word), None, times=times)
    tree = RunTree(TreeNode(RunId("run_root"), 0, TaskId("root"), None, None, (leaf,)), RunId("run_root"))
    view = TreeView(lambda _: None)
    view.show(tree)
    return BranchRows(view, partial(row, width=WIDTH, now=Now(NOW + timedelta(seconds=later_s))))


@pytest.mark.parametrize(("word", "started_at"), [("Executing", STARTED), ("Queued", None)])
def test_live_row_is_drawn_again_with_time(word: str, started_at: object) -> None:
    times = RunTimes(STARTED, STARTED if started_at else None)
    early = plain(drawn(word, times, 0)[1].line)
    later = plain(drawn(word, times, 8)[1].line)
    assert "31s" in early
    assert "39s" in later


def test_final_row_changes_with_its_times_only() -> None:
    ended = RunTimes(STARTED, STARTED, STARTED + timedelta(seconds=3))
    assert "3.0s" in plain(drawn("Completed", ended, 0)[1].line)
    assert drawn("Completed", ended, 8)[1] == drawn("Completed", ended, 0)[1]
    longer = RunTimes(STARTED, STARTED, STARTED + timedelta(seconds=4))
    assert "4.0s" in plain(drawn("Completed", longer, 8)[1].line)
