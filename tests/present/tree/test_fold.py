from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.present.samples import sample
from tests.support.present.trees import Grove, chain, groves, nightly
from tui.domain.run import RunId
from tui.domain.tree import RunTree
from tui.features.tree.words import ALL_CLOSED, ALL_OPEN, TreeBranch, TreeFolds, TreeShape, branches, shape_of


def nightly_shape(current: str = "import") -> TreeShape:
    grove = nightly()
    return shape_of(grove.tree(current), grove.runs.get)


def keys(shown: Sequence[TreeBranch]) -> list[str]:
    return [str(branch.entry.key).removeprefix("run_") for branch in shown]


def test_large_tree_starts_with_quiet_branches_folded() -> None:
    shape = nightly_shape()
    shown = branches(shape, TreeFolds())
    assert shape.is_large
    assert {"page0-0", "page1-0", "notify", "shard0", "shard1", "plan"} <= set(keys(shown))
    assert "shop0" not in keys(shown)
    assert [branch.is_open for branch in shown if branch.entry.key == "run_plan"] == [False]


def test_small_tree_starts_open() -> None:
    grove = Grove()
    grove.add("root")
    grove.add("child", "root")
    grove.add("leaf", "child")
    shown = branches(shape_of(grove.tree("root"), grove.runs.get), TreeFolds())
    assert [(branch.guides, branch.depth, branch.is_open) for branch in shown] == [
        ("", 0, True),
        ("└─", 1, True),
        ("  └─", 2, None),
    ]


def test_path_to_the_current_run_is_open() -> None:
    assert "shop1" in keys(branches(nightly_shape("shop1"), TreeFolds()))


def test_all_closed_shows_the_root_with_its_children() -> None:
    shape = nightly_shape()
    assert keys(branches(shape, ALL_OPEN)) == [str(e.key).removeprefix("run_") for e in shape.root.walk()]
    assert [branch.depth for branch in branches(shape, ALL_CLOSED)] == [0, 1, 1, 1]


def test_levels_unfold_from_above_and_fold_from_below() -> None:
    shape = nightly_shape()
    folds = ALL_CLOSED
    tree_run = [len(branches(shape, folds))]
    for _ in range(4):
        folds = folds.step_level(branches(shape, folds), 1)
        tree_run.append(len(branches(shape, folds)))
    assert tree_run == sorted(tree_run)
    assert tree_run[-1] == sum(1 for _ in shape.root.walk())
    assert folds.step_level(branches(shape, folds), 1) is folds
    depths = []
    while len(shown := branches(shape, folds)) > 1:
        depths.append(max(branch.depth for branch in shown))
        folds = folds.step_level(shown, -1)
    assert depths == sorted(depths, reverse=True)
    assert folds.step_level(branches(shape, folds), -1) is folds


def test_open_branch_stays_open_when_it_becomes_quiet() -> None:
    grove = Grove()
    grove.add("root")
    grove.add("branch", "root")
    grove.add("leaf", "branch", "EXECUTING")
    for number in range(30):
        grove.add(f"{number}", "root")
    tree = grove.tree("root")
    folds = TreeFolds().remember_open(branches(shape_of(tree, grove.runs.get), TreeFolds()))
    grove.runs[RunId("run_leaf")] = sample("COMPLETED", run_id="run_leaf")
    ended = shape_of(tree, grove.runs.get)
    assert "leaf" in keys(branches(ended, folds))
    assert "leaf" not in keys(branches(ended, TreeFolds()))


@given(groves(), st.lists(st.tuples(st.integers(0, 50), st.booleans()), max_size=12))
@settings(max_examples=30)
def test_row_is_visible_if_everything_above_it_is_open(
    planted: tuple[Grove, RunTree], turns: list[tuple[int, bool]]
) -> None:
    grove, tree = planted
    shape = shape_of(tree, grove.runs.get)
    entries = list(shape.root.walk())
    folds = TreeFolds()
    for index, is_open in turns:
        folds = folds.with_fold([entries[index % len(entries)]], is_open=is_open)
    shown = [branch.entry for branch in branches(shape, folds)]
    assert shown == [
        entry for entry in entries if all(folds.is_open(above, is_large=shape.is_large) for above in entry.ancestors())
    ]


def test_guides_of_a_thousand_levels_stay_short() -> None:
    grove, tree = chain(1000)
    shown = branches(shape_of(tree, grove.runs.get), TreeFolds())
    assert len(shown) == 1000
    assert max(len(branch.guides) for branch in shown) <= 84
