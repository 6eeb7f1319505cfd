from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.present.samples import sample
from tests.support.present.trees import Grove, chain, groves, nightly, view_of
from tui.domain.run import RunId
from tui.domain.tree import RunTree
from tui.features.tree.view import TreeView


def keys(view: TreeView) -> list[str]:
    return [str(branch.entry.key).removeprefix("run_") for branch in view.shown]


def nightly_view(current: str = "import") -> TreeView:
    grove = nightly()
    return view_of(grove.tree(current), grove.runs.get)


def test_large_tree_starts_with_quiet_branches_folded() -> None:
    view = nightly_view()
    assert view.shape is not None
    assert view.shape.is_large
    assert {"page0-0", "page1-0", "notify", "shard0", "shard1", "plan"} <= set(keys(view))
    assert "shop0" not in keys(view)
    assert [branch.is_open for branch in view.shown if branch.entry.key == "run_plan"] == [False]


def test_small_tree_starts_open() -> None:
    grove = Grove()
    grove.add("root")
    grove.add("child", "root")
    grove.add("leaf", "child")
    shown = view_of(grove.tree("root"), grove.runs.get).shown
    assert [(branch.guides, branch.depth, branch.is_open) for branch in shown] == [
        ("", 0, True),
        ("└─", 1, True),
        ("  └─", 2, None),
    ]


def test_path_to_the_current_run_is_open() -> None:
    assert "shop1" in keys(nightly_view("shop1"))


def test_all_closed_shows_the_root_with_its_children() -> None:
    view = nightly_view()
    view.set_all_open(is_open=True)
    assert [branch.entry for branch in view.shown] == view.order
    view.set_all_open(is_open=False)
    assert [branch.depth for branch in view.shown] == [0, 1, 1, 1]


def test_levels_unfold_from_above_and_fold_from_below() -> None:
    view = nightly_view()
    view.set_all_open(is_open=False)
    counts = [len(view.shown)]
    for _ in range(5):
        view.step_level(1)
        counts.append(len(view.shown))
    assert counts == sorted(counts)
    assert counts[-2:] == [len(view.order)] * 2
    depths = []
    while len(view.shown) > 1:
        depths.append(max(branch.depth for branch in view.shown))
        view.step_level(-1)
    assert depths == sorted(depths, reverse=True)
    view.step_level(-1)
    assert len(view.shown) == 1


def test_open_branch_stays_open_when_it_becomes_quiet() -> None:
    grove = Grove()
    grove.add("root")
    grove.add("branch", "root")
    grove.add("leaf", "branch", "EXECUTING")
    for number in range(30):
        grove.add(f"{number}", "root")
    tree = grove.tree("root")
    view = view_of(tree, grove.runs.get)
    assert "leaf" in keys(view)
    grove.runs[RunId("run_leaf")] = sample("COMPLETED", run_id="run_leaf")
    view.on_runs_changed(None)
    assert "leaf" in keys(view)
    assert "leaf" not in keys(view_of(tree, grove.runs.get))


@given(groves(), st.lists(st.tuples(st.integers(0, 50), st.booleans()), max_size=12))
@settings(max_examples=30)
def test_row_is_visible_if_everything_above_it_is_open(
    planted: tuple[Grove, RunTree], turns: list[tuple[int, bool]]
) -> None:
    grove, tree = planted
    view = view_of(tree, grove.runs.get)
    entries = view.order
    for index, is_open in turns:
        view.turn([entries[index % len(entries)]], is_open=is_open)
    shown = [branch.entry for branch in view.shown]
    assert shown == [entry for entry in entries if all(map(view.is_open, entry.ancestors()))]


def test_guides_of_a_thousand_levels_stay_short() -> None:
    grove, tree = chain(1000)
    shown = view_of(tree, grove.runs.get).shown
    assert len(shown) == 1000
    assert max(len(branch.guides) for branch in shown) <= 84
