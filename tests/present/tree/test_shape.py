from collections import Counter
from dataclasses import replace

from hypothesis import given, settings

from tests.support.present.samples import sample
from tests.support.present.trees import Grove, chain, groves, nightly
from tui.domain.run import Run, RunId, TaskId, parse_status
from tui.domain.tree import RunTree, TreeNode
from tui.features.tree.words import (
    BatchGroup,
    RollUp,
    SiblingGroup,
    StatusFamily,
    TreeEntry,
    TreeRun,
    TreeShape,
    shape_of,
)


def names(entry: TreeEntry) -> list[str]:
    """Return the names of an entry's children: ids of runs, descriptions of groups."""
    out = []
    for child in entry.children:
        match child.item:
            case TreeRun(node):
                out.append(node.id.removeprefix("run_"))
            case BatchGroup(size, is_whole):
                out.append(f"batch {size}{'' if is_whole else '?'}")
            case SiblingGroup(size, word, task):
                out.append(f"{size} {word} {task}")
    return out


def shaped(grove: Grove, current: str, *kept: str) -> TreeShape:
    return shape_of(grove.tree(current), grove.runs.get, [RunId(f"run_{name}") for name in kept])


def family(*words: str, under: int = 0) -> Grove:
    """A root with the children `0`, `1`, … of one task, each with `under` completed runs below it."""
    grove = Grove()
    grove.add("root")
    for number, word in enumerate(words):
        grove.add(f"{number}", "root", word, task="page")
        for below in range(under):
            grove.add(f"{number}-{below}", f"{number}", task=f"leaf{below}")
    return grove


@given(groves())
@settings(max_examples=30)
def test_every_run_has_one_entry_and_counts_all_below_it(planted: tuple[Grove, RunTree]) -> None:
    grove, tree = planted
    shape = shape_of(tree, grove.runs.get)
    tree_run = [entry.run_id for entry in shape.root.walk() if entry.run_id is not None]
    assert sorted(tree_run) == sorted(grove.runs)
    for entry in shape.by_run.values():
        assert isinstance(entry.item, TreeRun)
        below = [each for each in entry.item.node.walk() if each is not entry.item.node]
        assert entry.below == Counter(shape.by_run[node.id].family for node in below)


@given(groves())
@settings(max_examples=30)
def test_failed_live_and_current_runs_are_never_grouped(
    planted: tuple[Grove, RunTree],
) -> None:
    grove, tree = planted
    shape = shape_of(tree, grove.runs.get)
    for entry in shape.root.walk():
        if isinstance(entry.item, SiblingGroup):
            hidden = [each for each in entry.walk() if each.run_id is not None]
            assert entry.item.size >= 3
            assert tree.current not in {each.run_id for each in hidden}
            assert not {each.family for each in hidden} & {
                StatusFamily.FAILED,
                StatusFamily.ACTIVE,
                StatusFamily.UNKNOWN,
            }


def test_three_similar_siblings_share_a_row_at_the_end() -> None:
    assert names(shaped(family(*["COMPLETED"] * 3, "FAILED"), "root").root) == ["3", "3 completed page"]
    assert names(shaped(family(*["COMPLETED"] * 2, "FAILED"), "root").root) == ["0", "1", "2"]
    many = family(*["COMPLETED"] * 3, *["QUEUED"] * 4, *["CANCELED"] * 3)
    assert names(shaped(many, "root").root) == ["4 queued page", "3 completed page", "3 canceled page"]


def test_runs_of_different_tasks_are_not_grouped() -> None:
    grove = Grove()
    grove.add("root")
    for name in ("charge", "email", "ship"):
        grove.add(name, "root")
    assert names(shaped(grove, "root").root) == ["charge", "email", "ship"]


def test_run_above_a_failure_is_never_grouped() -> None:
    grove = family(*["COMPLETED"] * 5, under=1)
    grove.add("bad", "1-0", "FAILED")
    assert names(shaped(grove, "3-0").root) == ["1", "3", "3 completed page"]


def test_run_under_the_cursor_is_never_grouped() -> None:
    grove = family(*["COMPLETED"] * 4)
    assert names(shaped(grove, "root", "2").root) == ["2", "3 completed page"]


def test_group_counts_its_members_and_everything_below() -> None:
    shape = shaped(family(*["COMPLETED"] * 3, under=2), "root")
    assert shape.root.children[0].below == RollUp({StatusFamily.COMPLETED: 9})
    assert shape.root.below == RollUp({StatusFamily.COMPLETED: 9})


def test_batch_has_a_row_at_the_place_of_its_first_run() -> None:
    grove = Grove()
    grove.add("root")
    for name, batch in (("a", None), ("b", "batch_1"), ("c", None), ("d", "batch_1"), ("e", "batch_2")):
        grove.add(name, "root", batch=batch)
    shape = shaped(grove, "root")
    assert names(shape.root) == ["a", "batch 2", "c", "e"]
    assert names(shape.root.children[1]) == ["b", "d"]
    whole = Grove()
    whole.add("root")
    whole.add("a", "root", batch="batch_1")
    whole.add("b", "root", batch="batch_1")
    assert names(shaped(whole, "root").root) == ["a", "b"]


def test_batch_with_unknown_runs_marks_its_size() -> None:
    grove = Grove()
    grove.add("root")
    for name, batch in (("a", "batch_1"), ("b", "batch_1"), ("c", None)):
        grove.add(name, "root", batch=batch)
    tree = grove.tree("root")
    bare = replace(tree.root.children[2], run=None)
    tree = replace(tree, root=replace(tree.root, children=(*tree.root.children[:2], bare)))
    grove.runs.pop(RunId("run_c"))
    assert names(shape_of(tree, grove.runs.get).root) == ["batch 2?", "c"]


def test_newest_state_of_a_run_counts() -> None:
    grove = family("EXECUTING", "EXECUTING")
    tree = grove.tree("root")
    assert shape_of(tree, grove.runs.get).root.below == RollUp({StatusFamily.ACTIVE: 2})
    ended = sample("FAILED", run_id="run_0", task="page")
    newer = {**grove.runs, ended.id: ended}
    assert shape_of(tree, newer.get).root.below == RollUp({StatusFamily.FAILED: 1, StatusFamily.ACTIVE: 1})
    # Gone from the store, or there by reference only: the tree's own values are all that is known.
    assert shape_of(tree, {RunId("run_0"): Run(RunId("run_0"))}.get).root.below == RollUp({StatusFamily.ACTIVE: 2})


def test_node_known_only_by_its_status_is_counted() -> None:
    nodes = [
        TreeNode(RunId(f"run_{word}"), 1, TaskId("page"), parse_status(word) if word else None, None)
        for word in ("FAILED", "QUEUED", "")
    ]
    tree = RunTree(TreeNode(RunId("run_root"), 0, TaskId("root"), None, None, tuple(nodes)), RunId("run_root"))
    shape = shape_of(tree, lambda _: None)
    assert shape.root.below == RollUp({StatusFamily.FAILED: 1, StatusFamily.QUEUED: 1, StatusFamily.UNKNOWN: 1})
    assert shape.is_live


def test_entries_of_unchanged_runs_are_reused() -> None:
    grove = family("COMPLETED", "EXECUTING")
    tree = grove.tree("root")
    before = shape_of(tree, grove.runs.get)
    grove.runs[RunId("run_1")] = sample("FAILED", run_id="run_1", task="page")
    after = shape_of(tree, grove.runs.get, (), before)
    assert after.by_run[RunId("run_0")].item is before.by_run[RunId("run_0")].item
    assert after.root.below == RollUp({StatusFamily.FAILED: 1, StatusFamily.COMPLETED: 1})


def test_first_failure_needs_several_known_times() -> None:
    grove = family("FAILED", "FAILED", "COMPLETED")
    later = grove.runs[RunId("run_0")]
    assert later.state is not None
    assert later.state.finished_at is not None
    finished_at = later.state.finished_at.replace(year=2027)
    grove.runs[later.id] = replace(later, state=replace(later.state, finished_at=finished_at))
    first = shaped(grove, "root").first_failed
    assert first is not None
    assert first.key == "run_1"
    grove.runs[later.id] = replace(later, state=replace(later.state, finished_at=None))
    assert shaped(grove, "root").first_failed is None
    assert shaped(family("FAILED", "COMPLETED"), "root").first_failed is None


def test_chain_of_a_thousand_levels_has_a_shape() -> None:
    grove, tree = chain(1000)
    shape = shape_of(tree, grove.runs.get)
    assert shape.size == 1000
    assert shape.root.below == RollUp({StatusFamily.COMPLETED: 999})


def test_nightly_tree_has_the_expected_shape() -> None:
    shape = shaped(nightly(), "page0-0")
    assert names(shape.root) == ["plan", "batch 5", "notify"]
    assert names(shape.root.children[1]) == ["shard0", "shard1", "3 completed shard"]
    assert names(shape.by_run[RunId("run_shard1")]) == ["page1-0", "4 queued page", "5 completed page"]
