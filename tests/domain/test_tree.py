"""Trees are built from rows in any order, from incomplete and from contradicting ones."""

from dataclasses import replace
from datetime import datetime
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.domain.recorded import START, span, trace_of
from tests.support.sure import sure
from tui.domain.run import Fixed, Precision, Run, RunId, State, TaskId, parse_status
from tui.domain.tree import RunTree, TreeNode, TreeRow, build_tree, runs_with_unawaited_children

A, B, C = (RunId(name) for name in "abc")


def row(run_id: str, parent: str | None = None, task: str | None = None, word: str | None = None) -> TreeRow:
    return TreeRow(
        RunId(run_id),
        RunId(parent) if parent else None,
        TaskId(task) if task else None,
        parse_status(word) if word else None,
    )


def run(run_id: str, created_at: datetime | None = None, **fixed: object) -> Run:
    return Run(RunId(run_id), replace(Fixed(), **fixed), created_at=created_at)  # type: ignore[arg-type]  # by name


def known(*runs: Run) -> dict[RunId, Run]:
    return {each.id: each for each in runs}


def node(tree: RunTree, run_id: str) -> TreeNode:
    return sure(tree.find(RunId(run_id)))


def test_only_unawaited_children_are_missing_from_the_trace() -> None:
    root = trace_of("234").root
    assert runs_with_unawaited_children(root) == {root.run_id}
    for message in ("triggerAndWait()", "batchTriggerAndWait()", "tasks.triggerAndWait()", "trigger", "retrigger it"):
        assert runs_with_unawaited_children(span(message, 0)) == frozenset()
    for message in ("trigger()", "batchTrigger()", "tasks.trigger()", "batch.triggerByTask()"):
        assert runs_with_unawaited_children(span(message, 0)) == {"run_a"}


def test_store_wins_over_rows_and_the_first_row_over_later_ones() -> None:
    rows = [row("b"), row("b", "a", None, "FAILED"), row("b", "c", "sync", "COMPLETED"), row("c", "a"), row("a")]
    found = node(build_tree(A, rows, known(run("b"))), "b")
    assert (found.depth, found.task, found.status) == (1, "sync", parse_status("FAILED"))
    of_store = Run(B, Fixed(task=TaskId("true"), parent_id=A), State(START, Precision.LIST, parse_status("EXECUTING")))
    found = node(build_tree(A, rows, known(of_store)), "b")
    assert (found.task, found.status, found.run) == ("true", parse_status("EXECUTING"), of_store)


NO_ROOT = "the parents of the top run are not known"
NO_PARENT = "the parent of 1 run is not known"


@pytest.mark.parametrize(
    ("current", "rows", "runs", "expected", "missing"),
    [
        (A, [], [run("b", parent_id=A)], [(0, "a")], ()),  # no row has it
        (C, [row("c", "b")], [], [(0, "b"), (1, "c")], ()),
        (C, [row("c"), row("b")], [run("c", parent_id=B), run("b", parent_id=A)], [(0, "a"), (1, "b"), (2, "c")], ()),
        (A, [row("c", "b"), row("a"), row("d", "a")], [], [(0, "a"), (1, "b"), (2, "c"), (1, "d")], (NO_PARENT,)),
        (C, [row("c", "b")], [run("c", root_id=A, depth=2)], [(0, "a"), (1, "b"), (2, "c")], (NO_PARENT,)),
        (B, [row("c", "b")], [run("b", depth=1)], [(0, "b"), (1, "c")], (NO_ROOT,)),
        (B, [row("a", "b"), row("b", "a")], [run("b", root_id=A)], [(0, "a"), (1, "b")], ()),  # a root with a parent
    ],
)
def test_tree_of_rows_and_runs(
    current: RunId, rows: list[TreeRow], runs: list[Run], expected: list[tuple[int, str]], missing: tuple[str, ...]
) -> None:
    tree = build_tree(current, rows, known(*runs))
    assert [(node.depth, node.id) for node in tree.root.walk()] == expected
    assert tree.missing == missing
    assert tree.current == current
    assert build_tree(current, rows, known(*runs), ["queries are refused"]).missing[0] == "queries are refused"


def test_tree_may_be_ten_thousand_runs_deep() -> None:
    rows = [row(str(number), str(number - 1)) for number in range(1, 10_000)]

    tree = build_tree(RunId("5000"), rows[::-1], {})

    assert max(each.depth for each in tree.root.walk()) == 9_999
    assert tree.missing == ()


names = st.sampled_from("abcdefgh")
some_rows = st.lists(st.builds(row, names, st.none() | names), max_size=14)


@given(names, some_rows, st.randoms(use_true_random=False), st.dictionaries(names, names, max_size=4))
def test_tree_has_every_run_once_for_rows_in_any_order(
    current: str, rows: list[TreeRow], random: Random, roots: dict[str, str]
) -> None:
    rows = list({each.id: each for each in rows}.values())
    runs = known(*(run(name, root_id=RunId(root)) for name, root in roots.items()))

    tree = build_tree(RunId(current), rows, runs)

    ids = [each.id for each in tree.root.walk()]
    assert len(ids) == len(set(ids))
    assert {current, *(each.id for each in rows), *(each.parent_id for each in rows if each.parent_id)} <= set(ids)
    for each in tree.root.walk():
        assert all(child.depth == each.depth + 1 for child in each.children)
    random.shuffle(rows)
    assert build_tree(RunId(current), rows, runs) == tree
