"""The tree of runs: its shape, what is folded, its rows and notes, and the tree that `tree` prints."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.present.samples import HOSTILE, NOW, STARTED, drawn, full, sample, text_of
from tests.support.present.trees import Grove, chain, groves, nightly, view_of
from tui.domain.run import Run, RunId, TaskId, parse_status
from tui.domain.tree import RunTimes, RunTree, TreeNode
from tui.features.runs.command import tree_lines
from tui.features.tree import words
from tui.features.tree.words import BatchGroup, SiblingGroup, StatusFamily, TreeEntry, TreeRun, TreeShape
from tui.text.blocks import GoToRun, Now, ToggleFold
from tui.text.styled import Line, Token, line_width, plain

AT = Now(NOW)


def lines(grove: Grove, tree: RunTree, cells: int, *, is_all_open: bool = False, now: Now = AT) -> list[Line]:
    """Return the titles and the rows."""
    view = view_of(tree, grove.runs.get)
    if is_all_open:
        view.set_all_open(is_open=True)
    rows = [words.row(each, cells, now, current=tree.current).line for each in view.shown]
    return [words.head(cells), *rows]


def family(*words: str, under: int = 0) -> Grove:
    """Return a root with the children `0`, `1`, … of one task, each with `under` completed runs below it."""
    grove = Grove()
    grove.add("root")
    for number, word in enumerate(words):
        grove.add(f"{number}", "root", word, task="page")
        for below in range(under):
            grove.add(f"{number}-{below}", f"{number}", task=f"leaf{below}")
    return grove


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


def shaped(grove: Grove, current: str = "root", *kept: str) -> TreeShape:
    return words.shape_of(grove.tree(current), grove.runs.get, [RunId(f"run_{name}") for name in kept])


PAGE = """
  run                                                 below it                   took   queued  id
▾ ‖ import  trigger()                                   ✗3   E2    Q4   ✓38       31s     67ms  run_import
├─▸ ✓ plan  triggerAndWait()                                             ✓2      6.3s     66ms  run_plan
├─▾ batch of 5  batchTriggerAndWait()                   ✗2   E2    Q4   ✓35       31s
│ ├─▾ ✗ shard                                           ✗1               ✓9      6.3s     63ms  run_shard0
│ │ ├── ✗ page                                                                   6.3s     62ms  run_page0-0
│ │ └─▸ 9 completed  page                                                ✓9
│ ├─▾ ◐ shard                                                E1    Q4    ✓5       31s     52ms  run_shard1
│ │ ├── ◐ page                                                                    31s     51ms  run_page1-0
│ │ ├─▸ 4 queued  page                                             Q4
│ │ └─▸ 5 completed  page                                                ✓5
│ └─▸ 3 completed  shard                                                ✓21
└── ✗ notify  trigger() · parent does not wait                                   6.3s     20ms  run_notify
"""

NARROW = """
  run                                     below      took
▾ ‖ import                                   ✗3       31s
├─▸ ✓ plan                                           6.3s
├─▾ batch of 5  batchTriggerAndWait()        ✗2       31s
│ ├─▾ ✗ shard                                ✗1      6.3s
│ │ ├── ✗ page                                       6.3s
"""


def test_page_shows_batches_groups_and_the_counts_below() -> None:
    grove = nightly()
    tree = grove.tree("page0-0")
    assert drawn(lines(grove, tree, 108)) == PAGE
    assert drawn(lines(grove, tree, 58)[:6]) == NARROW
    acts = {words.row(each, 118, AT).action for each in view_of(tree, grove.runs.get).shown}
    batch, alike = ("batch", "run_import", "batch_1"), ("alike", "run_shard0", "completed", "page")
    assert {GoToRun(RunId("run_notify")), ToggleFold(batch), ToggleFold(alike)} <= acts


@given(groves())
@settings(max_examples=30)
def test_every_run_has_one_entry_and_only_quiet_ones_are_grouped(planted: tuple[Grove, RunTree]) -> None:
    grove, tree = planted
    shape = words.shape_of(tree, grove.runs.get)
    assert sorted(entry.run_id for entry in shape.root.walk() if entry.run_id is not None) == sorted(grove.runs)
    for entry in shape.root.walk():
        if isinstance(entry.item, TreeRun):
            below = [each for each in entry.item.node.walk() if each is not entry.item.node]
            assert entry.below == Counter(shape.by_run[node.id].family for node in below)
        if isinstance(entry.item, SiblingGroup):
            hidden = [each for each in entry.walk() if each.run_id is not None]
            assert entry.item.size >= 3
            assert tree.current not in {each.run_id for each in hidden}
            loud = {StatusFamily.FAILED, StatusFamily.ACTIVE, StatusFamily.UNKNOWN}
            assert not {each.family for each in hidden} & loud


def batched(*batches: str | None) -> Grove:
    grove = Grove()
    grove.add("root")
    for name, batch in zip("abcde", batches, strict=False):
        grove.add(name, "root", batch=batch)
    return grove


FAILED_BELOW = family(*["COMPLETED"] * 5, under=1)
FAILED_BELOW.add("bad", "1-0", "FAILED")


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        (shaped(family(*["COMPLETED"] * 3, "FAILED")), ["3", "3 completed page"]),
        (shaped(family(*["COMPLETED"] * 3, *["QUEUED"] * 4)), ["4 queued page", "3 completed page"]),
        (shaped(batched(None, None, None)), ["a", "b", "c"]),
        (shaped(FAILED_BELOW, "3-0"), ["1", "3", "3 completed page"]),
        (shaped(family(*["COMPLETED"] * 4), "root", "2"), ["2", "3 completed page"]),
        (shaped(batched(None, "1", None, "1", "2")), ["a", "batch 2", "c", "e"]),
    ],
)
def test_similar_siblings_and_batches_share_a_row(shape: TreeShape, expected: list[str]) -> None:
    assert names(shape.root) == expected


# What is folded.


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


# Its rows and notes.


@given(groves(), st.integers(18, 220))
@settings(max_examples=40)
def test_no_line_passes_the_edge(planted: tuple[Grove, RunTree], cells: int) -> None:
    grove, tree = planted
    hostile = full(HOSTILE)
    grove.runs[tree.root.id] = replace(hostile, id=tree.root.id)
    printed = tree_lines(replace(tree, missing=("a reason\x1b",) * 20), now=NOW, width=cells + 18)
    for line in lines(grove, tree, cells, is_all_open=True):
        assert line_width(line) <= cells
        assert "\x1b" not in plain(line)
    assert all(line_width(line) <= cells + 18 for line in printed)


@pytest.mark.parametrize("cells", [28, 118])
def test_task_is_visible_at_any_depth(cells: int) -> None:
    grove, tree = chain(1000)
    rows = lines(grove, tree, cells)
    for found, least in ((rows[1:], "999…"), (tree_lines(tree, now=NOW, width=40), "▌ 999…")):
        assert all(f"task{depth}" in plain(line) for depth, line in enumerate(found))
        assert plain(found[-1]).startswith(least)
    names = {plain(line).index("✓") for line in rows[45:]}
    assert len(names) == 1, "no row is moved, however many digits its level has"
    heads = [plain(line).index("✓") for line in tree_lines(chain(30)[1], now=NOW, width=None)]
    assert all(after - before == 3 for before, after in pairwise(heads))


def node(word: str | None, times: RunTimes | None = None, run: Run | None = None) -> RunTree:
    leaf = TreeNode(RunId("run_leaf"), 1, TaskId("leaf"), parse_status(word) if word else None, run, times=times)
    root = TreeNode(RunId("run_root"), 0, TaskId("root"), parse_status("Completed"), None, (leaf,))
    return RunTree(root, RunId("run_root"))


QUEUED_AT = STARTED - timedelta(seconds=2)
LATER = NOW + timedelta(seconds=252)


def live(word: str = "COMPLETED", **changes: Any) -> RunTree:
    """Return a tree with a run of which some fields, or some of its facts, are others."""
    run = sample(word, task="page", tags=(), attempt_count=changes.pop("attempts", 1))
    assert run.state is not None
    state = replace(run.state, delayed_until=changes.pop("delayed_until", None))
    return node(None, run=replace(run, fixed=replace(run.fixed, **changes), state=state))


@pytest.mark.parametrize(
    ("tree", "expected"),
    [
        (node("Completed", RunTimes(QUEUED_AT, STARTED, STARTED + timedelta(seconds=3))), "✓ leaf 3.0s 2.0s run_leaf"),
        (node("Executing", RunTimes(QUEUED_AT, STARTED)), "◐ leaf 31s 2.0s run_leaf"),
        (node("Completed"), "✓ leaf · run_leaf"),
        (node(None), "? leaf · run_leaf"),
        (node(None, run=replace(sample(), gone_at=NOW)), "no longer on the server"),
        (node(None, run=full()), "triggerAndWait() · billing order:1001 · after 2 attempts · Card was declined"),
        (live("EXECUTING", attempts=2), "attempt 2"),
        (live("DELAYED", delayed_until=LATER, attempts=None), "queued in 4m12s"),
        (live("FAILED", trigger_function="batchTrigger"), "parent does not wait"),
        (live(schedule={"id": "s", "externalId": "nightly"}), "schedule nightly"),
    ],
)
def test_row_says_what_is_known_of_a_run(tree: RunTree, expected: str) -> None:
    assert expected in " ".join(plain(lines(Grove(), tree, 160)[-1]).split())


def test_failures_and_the_current_run_stand_out_and_stale_times_stop() -> None:
    grove = family("FAILED", "EXECUTING", "QUEUED")
    found = lines(grove, grove.tree("1"), 118, now=Now(NOW, STARTED + timedelta(seconds=5)))
    pieces = [piece for line in found for piece in line]
    assert [piece.text for piece in pieces if piece.is_bold] == ["✗1", "page"]
    assert [piece.token for piece in pieces if piece.text in {"page", "✗1"}][:2] == [Token.ROSE, Token.BRIGHT]
    assert {"5.0s~", "5.1s~"} <= set(text_of(found).split())
    extents = [words.extent(grove.tree("root", *missing), shaped(grove), NOW, AT) for missing in ((), ("why",))]
    assert [*map(plain, extents)] == ["4 runs · complete", "at least 4 runs · not complete"]


NOTES = """

✗2  first to fail: page  run_0

Not all of the tree was read: the trace was cut␛ by the server. r reads it again.

The tree could not be read: 503 from the server. r tries again.
"""


def test_notes_lead_to_the_first_failure_and_say_what_is_missing() -> None:
    grove = family("FAILED", "CRASHED")
    tree, shape = grove.tree("root", "the trace was cut\x1b by the server"), shaped(grove)
    found = words.notes(tree, shape, "GET /x: 503 from the server.", 118)
    assert drawn(note.line for note in found) == NOTES
    assert GoToRun(RunId("run_0")) in {note.action for note in found}
    assert words.notes(replace(tree, missing=()), shaped(family("COMPLETED")), None, 118) == []
    note = words.notes(tree, shape, "the run could not be read: no", 118)[-1]
    assert plain(note.line) == "The tree could not be read: no. r tries again."


# The tree that `tree` prints.
