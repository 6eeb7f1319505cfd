from collections.abc import Iterable
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.present.samples import HOSTILE, NOW, full, sample, text_of
from tui.domain.run import Run, RunId, TaskId, parse_status
from tui.domain.tree import RunTree, TreeNode
from tui.features.runs.command import tree_lines
from tui.text.styled import Token, line_width


def node(name: str, depth: int, children: Iterable[TreeNode] = (), run: Run | None = None) -> TreeNode:
    return TreeNode(RunId(f"run_{name}"), depth, TaskId(name), parse_status("COMPLETED"), run, tuple(children))


def small() -> RunTree:
    failed = sample("FAILED", run_id="run_page", task="page", attempt_count=3, tags=("shard:03",))
    shard = node("shard", 1, [node("page", 2, run=failed), node("leaf", 2)])
    return RunTree(node("root", 0, [shard, node("notify", 1)]), RunId("run_page"))


def chain(length: int) -> RunTree:
    below: list[TreeNode] = []
    for depth in range(length - 1, -1, -1):
        below = [node(f"task{depth}", depth, below)]
    return RunTree(below[0], RunId(f"run_task{length - 1}"))


def test_tree_has_guides_and_marks_the_current_run() -> None:
    assert text_of(tree_lines(small(), now=NOW, width=None)).splitlines() == [
        "  ✓ root                             Completed     ·  run_root  ",
        "  ├─ ✓ shard                         Completed     ·  run_shard ",
        "▌ │  ├─ ✗ page  shard:03  attempt 3  Failed     6.3s  run_page  ",
        "  │  └─ ✓ leaf                       Completed     ·  run_leaf  ",
        "  └─ ✓ notify                        Completed     ·  run_notify",
    ]


def test_node_shows_the_state_of_its_run() -> None:
    line = tree_lines(small(), now=NOW, width=80)[2]
    assert [piece.token for piece in line if piece.text == "Failed"] == [Token.ROSE]


def test_node_known_only_by_its_id_is_shown() -> None:
    root = TreeNode(RunId("run_only"), 0, None, None, Run(RunId("run_only")))
    assert text_of(tree_lines(RunTree(root, RunId("run_other")), now=NOW, width=80)).split() == [
        "?", "·", "·", "·", "run_only",
    ]  # fmt: skip


def test_incomplete_tree_says_why() -> None:
    tree = RunTree(small().root, small().current, ("the trace is cut\x1b[2J", "3 runs have no known parent"))
    last = text_of(tree_lines(tree, now=NOW, width=80)).splitlines()[-1]
    assert last == "Not fully loaded: the trace is cut␛[2J; 3 runs have no known parent."
    assert "Not fully" not in text_of(tree_lines(small(), now=NOW, width=80))


@pytest.mark.parametrize("cells", [40, 80, 120, None])
def test_chain_of_thousands_keeps_every_task_visible(cells: int | None) -> None:
    lines = tree_lines(chain(3000), now=NOW, width=cells)
    assert len(lines) == 3000
    for depth, line in enumerate(lines):
        assert f"✓ task{depth} " in text_of([line])
    deep = text_of(lines[-1:])
    assert deep.startswith("▌ …" if cells is None else "▌ 2999…")
    assert "└─" in deep


def test_guides_grow_with_depth_until_they_are_cut() -> None:
    heads = [text_of([line]).index("✓") for line in tree_lines(chain(30), now=NOW, width=None)]
    assert all(after - before == 3 for before, after in pairwise(heads))


@given(st.integers(36, 160))
@settings(max_examples=50)
def test_no_line_passes_the_edge(cells: int) -> None:
    hostile = node("x" * 50, 1, run=full(HOSTILE))
    tree = RunTree(node("root", 0, [hostile, *chain(20).root.children]), RunId("run_root"), ("a reason",) * 20)
    assert all(line_width(line) <= cells for line in tree_lines(tree, now=NOW, width=cells))


@pytest.mark.parametrize(
    ("cells", "kept"),
    [(80, ["Completed", "6.3s", True]), (62, ["6.3s", True]), (56, [True]), (44, [False])],
)
def test_narrow_tree_drops_words_then_durations(cells: int, kept: list[str | bool]) -> None:
    run_id = "run_cmwuqwphl00009f7de45f6e3t"
    root = TreeNode(RunId(run_id), 0, TaskId("root"), None, sample("COMPLETED", run_id=run_id))
    tree = RunTree(root, RunId(run_id))
    shown = text_of(tree_lines(tree, now=NOW, width=cells))
    found: list[str | bool] = [word for word in ("Completed", "6.3s") if word in shown]
    assert [*found, run_id in shown] == kept


def test_wide_tree_keeps_the_order_of_children() -> None:
    tree = RunTree(node("root", 0, [node(f"child{n}", 1) for n in range(500)]), RunId("run_root"))
    lines = text_of(tree_lines(tree, now=NOW, width=80)).splitlines()
    assert [line.split()[2] for line in lines[1:]] == [f"child{n}" for n in range(500)]
    assert [line[2:4] for line in lines[1:]] == ["├─"] * 499 + ["└─"]
