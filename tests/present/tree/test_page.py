from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.present.samples import HOSTILE, NOW, STARTED, full, text_of
from tests.support.present.trees import Grove, chain, groves, nightly, view_of
from tui.domain.run import RunId, TaskId, parse_status
from tui.domain.tree import RunTimes, RunTree, TreeNode
from tui.features.tree.words import (
    TreeShape,
    extent,
    head,
    notes,
    row,
    shape_of,
)
from tui.text.blocks import GoToRun, Now, ToggleFold
from tui.text.styled import Line, Token, line_width, plain


def lines(grove: Grove, tree: RunTree, cells: int, *, is_all_open: bool = False, now: Now | None = None) -> list[Line]:
    """Return the titles and the rows."""
    view = view_of(tree, grove.runs.get)
    if is_all_open:
        view.set_all_open(is_open=True)
    rows = [row(each, cells, now or Now(NOW), current=tree.current).line for each in view.shown]
    return [head(cells), *rows]


def drawn_lines(grove: Grove, current: str, cells: int) -> list[str]:
    return [plain(line).rstrip() for line in lines(grove, grove.tree(current), cells)]


def shape_and_tree(grove: Grove, *missing: str) -> tuple[TreeShape, RunTree]:
    tree = grove.tree("root", *missing)
    return shape_of(tree, grove.runs.get), tree


def family(*words: str) -> Grove:
    grove = Grove()
    grove.add("root")
    for number, word in enumerate(words):
        grove.add(f"child{number}", "root", word)
    return grove


def test_tree_reads_as_expected() -> None:
    assert drawn_lines(nightly(), "page0-0", 108) == [
        "  run                                                 below it                   took   queued  id",
        "▾ ‖ import  trigger()                                   ✗3   E2    Q4   ✓38       31s     67ms  run_import",
        "├─▸ ✓ plan  triggerAndWait()                                             ✓2      6.3s     66ms  run_plan",
        "├─▾ batch of 5  batchTriggerAndWait()                   ✗2   E2    Q4   ✓35       31s",
        "│ ├─▾ ✗ shard                                           ✗1               ✓9      6.3s     63ms  run_shard0",
        "│ │ ├── ✗ page                                                                   6.3s     62ms  run_page0-0",
        "│ │ └─▸ 9 completed  page                                                ✓9",
        "│ ├─▾ ◐ shard                                                E1    Q4    ✓5       31s     52ms  run_shard1",
        "│ │ ├── ◐ page                                                                    31s     51ms  run_page1-0",
        "│ │ ├─▸ 4 queued  page                                             Q4",
        "│ │ └─▸ 5 completed  page                                                ✓5",
        "│ └─▸ 3 completed  shard                                                ✓21",
        "└── ✗ notify  trigger() · not awaited                                            6.3s     20ms  run_notify",
    ]


def row_text(word: str, times: RunTimes | None) -> str:
    """Return the row of a run that is known from a query only."""
    leaf = TreeNode(RunId("run_leaf"), 1, TaskId("leaf"), parse_status(word), None, times=times)
    root = TreeNode(RunId("run_root"), 0, TaskId("root"), parse_status("Completed"), None, (leaf,))
    return plain(lines(Grove(), RunTree(root, RunId("run_root")), 108)[-1]).rstrip()


def test_row_shows_the_times_of_a_run_known_from_a_query() -> None:
    created_at, started_at = STARTED - timedelta(seconds=2), STARTED
    ended = RunTimes(created_at, started_at, started_at + timedelta(seconds=3))
    assert row_text("Completed", ended).split()[-3:] == ["3.0s", "2.0s", "run_leaf"]
    live = row_text("Executing", RunTimes(created_at, started_at)).split()
    assert live[-3:] == ["31s", "2.0s", "run_leaf"]
    queued = row_text("Queued", RunTimes(NOW - timedelta(seconds=7))).split()
    assert queued[-2:] == ["7.0s", "run_leaf"]
    assert "·" not in queued
    assert row_text("Completed", RunTimes(duration=timedelta(seconds=4))).split()[-2:] == ["4.0s", "run_leaf"]
    assert row_text("Completed", None).split()[-2:] == ["·", "run_leaf"]


@pytest.mark.parametrize(
    ("cells", "titles"),
    [
        (118, ["run", "below", "it", "took", "queued", "id"]),
        (81, ["run", "below", "it", "took", "id"]),
        (63, ["run", "below", "it", "took"]),
        (56, ["run", "below", "took"]),
        (30, ["run"]),
    ],
)
def test_narrow_tree_drops_queue_then_id_then_counts(cells: int, titles: list[str]) -> None:
    extent_text = lines(nightly(), nightly().tree("import"), cells)
    assert plain(extent_text[0]).split() == titles
    assert ("✗3" in text_of(extent_text)) == ("below" in titles)
    assert ("E2" in text_of(extent_text)) == ("it" in titles)


@given(groves(), st.integers(18, 220))
@settings(max_examples=40)
def test_no_line_passes_the_edge(planted: tuple[Grove, RunTree], cells: int) -> None:
    grove, tree = planted
    hostile = full(HOSTILE)
    grove.runs[tree.root.id] = replace(hostile, id=tree.root.id)
    for line in lines(grove, tree, cells, is_all_open=True):
        assert line_width(line) <= cells
        assert "\x1b" not in plain(line)


@pytest.mark.parametrize("cells", [28, 60, 118])
def test_task_is_visible_at_any_depth(cells: int) -> None:
    extent_text = lines(*chain(1000), cells)
    assert all(f"task{depth}" in plain(line) for depth, line in enumerate(extent_text[1:]))
    assert plain(extent_text[-1]).startswith("999…")


def test_current_run_is_bold_and_failures_stand_out() -> None:
    grove = family("FAILED", "COMPLETED")
    extent_text = lines(grove, grove.tree("child1"), 118)
    tasks = {piece.text: piece for line in extent_text for piece in line if piece.text in {"root", "child0", "child1"}}
    assert [tasks[name].is_bold for name in ("root", "child0", "child1")] == [False, False, True]
    assert [tasks[name].token for name in ("root", "child0")] == [Token.MUTED, Token.BRIGHT]
    assert [piece.token for line in extent_text for piece in line if piece.text == "✗1"] == [Token.ROSE]


def test_enter_goes_to_a_run_and_unfolds_a_group() -> None:
    grove = nightly()
    acts = {row(each, 118, Now(NOW)).action for each in view_of(grove.tree("import"), grove.runs.get).shown}
    assert GoToRun(RunId("run_notify")) in acts
    assert ToggleFold(("batch", "run_import", "batch_1")) in acts
    assert ToggleFold(("alike", "run_shard0", "completed", "page")) in acts


def test_running_times_stop_while_data_is_stale() -> None:
    grove = family("EXECUTING", "QUEUED", "COMPLETED")
    frozen = Now(NOW, STARTED + timedelta(seconds=5))
    extent_text = text_of(lines(grove, grove.tree("root"), 118, now=frozen))
    assert "5.0s~" in extent_text
    assert "5.1s~" in extent_text
    assert "6.3s~" not in extent_text


def test_remark_distinguishes_a_run_from_its_siblings() -> None:
    grove = family("EXECUTING", "DELAYED", "FAILED", "COMPLETED")
    ids = [RunId(f"run_child{number}") for number in range(4)]
    retried, delayed, failed, gone = (grove.runs[run_id] for run_id in ids)
    assert delayed.state is not None
    later = replace(delayed.state, delayed_until=NOW + timedelta(seconds=252))
    grove.runs |= {
        retried.id: replace(retried, attempt_count=2),
        delayed.id: replace(delayed, state=later, attempt_count=None),
        failed.id: replace(full(), id=failed.id, fixed=replace(failed.fixed, trigger_function="batchTrigger")),
        gone.id: replace(gone, gone_at=NOW),
    }
    extent_text = text_of(lines(grove, grove.tree("root"), 160))
    for remark in (
        "child0  attempt 2",
        "child1  starts in 4m12s",
        "not awaited · billing  order:1001 · attempt 2 of 2 · Card was declined",
        "child3  gone from the server",
    ):
        assert remark in extent_text


def test_remark_with_room_for_letters_only_is_dropped() -> None:
    grove = Grove()
    grove.add("root")
    grove.add("a-task-of-22-characters", "root", "EXECUTING", attempt_count=3)
    assert "attempt" in text_of(lines(grove, grove.tree("root"), 74))
    narrow = next(line for line in lines(grove, grove.tree("root"), 63) if "a-task" in plain(line))
    assert plain(narrow).split()[2:] == ["a-task-of-22-characters", "31s"]


def test_schedule_has_the_name_it_was_given() -> None:
    grove = family("COMPLETED")
    root = grove.runs[RunId("run_root")]
    for schedule, name in (
        ({"id": "sched_1", "externalId": "nightly"}, "nightly"),
        ({"id": "sched_1", "generator": {"description": "At 02:00"}}, "At 02:00"),
        ({"id": "sched_1"}, "sched_1"),
    ):
        grove.runs[root.id] = replace(root, fixed=replace(root.fixed, schedule=schedule))
        assert f"root  schedule {name} " in text_of(lines(grove, grove.tree("root"), 118))


def test_run_known_only_by_its_id_has_a_row() -> None:
    tree = RunTree(TreeNode(RunId("run_only"), 0, None, None, None), RunId("run_only"))
    assert plain(lines(Grove(), tree, 81)[1]).split() == ["?", "·", "·", "run_only"]


def test_lone_run_says_that_it_is_alone() -> None:
    grove = Grove()
    grove.add("root")
    branch = view_of(grove.tree("root"), grove.runs.get).shown[0]
    assert "✓ root  no runs above or below it" in plain(row(branch, 81, Now(NOW), is_alone=True).line)
    assert "below" not in plain(head(81, is_alone=True))


def test_batch_with_unknown_runs_has_no_duration() -> None:
    grove = family("COMPLETED")
    for name in ("a", "b"):
        grove.add(name, "root", batch="batch_1")
    run = grove.runs[RunId("run_a")]
    grove.runs[run.id] = replace(run, state=None)
    tree = RunTree(replace(grove.tree("root").root), RunId("run_root"))
    assert any("batch of 2" in plain(line) and plain(line).split()[-1] == "·" for line in lines(grove, tree, 118))


def test_notes_say_what_is_missing_and_what_to_do() -> None:
    shape, tree = shape_and_tree(family("COMPLETED"), "the trace was cut\x1b by the server")
    extent_text = [plain(note.line) for note in notes(tree, shape, "GET /x: 503 from the server.", 118)]
    assert extent_text == [
        "",
        "Not fully loaded: the trace was cut␛ by the server. r reads it again.",
        "",
        "The tree could not be read: 503 from the server. r tries again.",
    ]
    assert notes(replace(tree, missing=()), shape, None, 118) == []
    for failure, words in (
        ("GET /x: 200, is it right?", "200, is it right?"),
        ("the run could not be read: no", "no."),
    ):
        note = notes(replace(tree, missing=()), shape, failure, 118)[-1]
        assert plain(note.line) == f"The tree could not be read: {words} r tries again."


def test_notes_lead_to_the_first_failure() -> None:
    shape, tree = shape_and_tree(family("FAILED", "CRASHED"))
    first = notes(tree, shape, None, 118)[1]
    assert plain(first.line) == "✗2  the first to fail was child0  run_child0"
    assert first.action == GoToRun(RunId("run_child0"))


def test_rule_says_how_much_of_the_tree_is_loaded() -> None:
    def extent_text(grove: Grove, *missing: str, age_s: float = 0.0) -> str:
        shape, tree = shape_and_tree(grove, *missing)
        return plain(extent(tree, shape, NOW - timedelta(seconds=age_s), Now(NOW)))

    assert extent_text(family("COMPLETED")) == "2 runs · all loaded"
    assert extent_text(family("COMPLETED"), "a reason") == "2 runs or more · not fully loaded"
    # A live run may have got new children since.
    assert extent_text(family("EXECUTING"), age_s=40) == "2 runs · all loaded 40s ago"
    assert extent_text(family("COMPLETED"), age_s=40) == "2 runs · all loaded"


def test_counts_above_a_thousand_fit_their_column() -> None:
    grove = Grove()
    grove.add("root")
    tree = RunTree(grove.tree("root").root, RunId("run_root"))
    nodes = tuple(
        TreeNode(RunId(f"run_{n}"), 1, TaskId("page"), None, grove.runs[RunId("run_root")]) for n in range(1200)
    )
    tree = replace(tree, root=replace(tree.root, children=nodes))
    assert "✓1k" in text_of(lines(grove, tree, 118))
