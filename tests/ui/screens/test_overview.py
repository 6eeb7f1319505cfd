"""The overview in place of the panes about a run: its keys, the runs of a line, and the levels of Esc."""

from datetime import timedelta
from pathlib import Path
from typing import Any

from tests.support.ui.fleets import failing_fleet
from tests.support.ui.monitor import Monitored, on_monitor, run_story
from tui.domain.finding import (
    Finding,
    FindingsRead,
    FindingSubject,
    FindingWord,
    QueueWaits,
    RunOverdue,
    SubjectKind,
    Verdict,
)
from tui.domain.run import RunId
from tui.domain.text import Raw
from tui.features.wall.panes import LinePane
from tui.sync.clock import until_second_s


def pane(monitor: Monitored) -> str:
    return monitor.screen.pane.title


def is_read(monitor: Monitored) -> bool:
    """Whether facts are read and judged."""
    return monitor.session.findings.is_watched


async def judged(monitor: Monitored) -> None:
    """Wait for the first verdict, which waits for facts."""
    await monitor.later(12)
    assert "FAILING  task-0" in monitor.text


async def show_finding(monitor: Monitored, finding: Finding) -> None:
    """Let the session judge one finding, and nothing else."""
    now, store = monitor.session.now(), monitor.session.store
    judge: Any = monitor.session.findings
    judge._verdict = lambda _: store.verdict
    await monitor.session.emit(FindingsRead(Verdict(now, (finding,), now, is_known=True)))
    await monitor.later(3)


async def show_slow_queue(monitor: Monitored) -> None:
    now, subject = monitor.session.now(), FindingSubject(SubjectKind.QUEUE, "email", Raw("email"))
    evidence = QueueWaits(12, now - timedelta(minutes=2), 2, 2, is_at_limit=True)
    await show_finding(monitor, Finding(FindingWord.SLOW, subject, now, evidence, "queue:email"))


def places(monitor: Monitored) -> list[str]:
    """The rule of the list, the rows of the list, and where the hairline is."""
    return [
        monitor.lines[1][:20],
        *(line[:9] for line in monitor.lines[3:15]),
        *(line[54:55] for line in monitor.lines[19:24]),
    ]


@on_monitor(failing_fleet, has_overview=True)
async def test_overview_is_shown_while_no_run_is_selected(monitor: Monitored) -> None:
    await judged(monitor)
    before = places(monitor)
    assert "2:overview" in monitor.text
    assert "4:tasks · worst first" in monitor.text
    assert "Tab next pane" in monitor.lines[-1]
    await monitor.press("j", wait_s=1)
    assert [line.replace("▌", " ") for line in places(monitor)] == before
    assert "2:detail" in monitor.text
    assert "FAILING" not in monitor.text
    assert not is_read(monitor), "nothing is read for an overview that is hidden"
    await monitor.press("escape", wait_s=1)
    assert places(monitor) == before
    assert "FAILING  task-0" in monitor.text
    assert is_read(monitor)
    for key in ("x", "G"):
        await monitor.press(key)
        assert "2:detail" in monitor.text, key
        await monitor.press("g")
        assert "2:overview" in monitor.text, key
    await monitor.press("question_mark", wait_s=1)
    assert not is_read(monitor), "a page covers it"
    await monitor.press("escape", "j", wait_s=12)
    await monitor.later(until_second_s(monitor.session.clock))
    # What was known before is grey until it is judged again.
    await monitor.press("g", wait_s=0.2)
    for is_stale in (True, False):
        assert "FAILING  task-0" in monitor.text
        assert monitor.screen.overview.view is not None
        assert monitor.screen.overview.view.is_stale is is_stale
        await monitor.later(3)


def test_enter_lists_the_runs_of_a_line_and_esc_returns(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        await judged(monitor)
        shown = monitor.screen.run_list.views
        assert monitor.lines[-3].startswith("  FAILING  task-0  9 of 9 runs"), "the strip has the findings"
        for keys in (("j",), ("escape", "z")):
            await monitor.press(*keys)
            assert "FAILING" not in monitor.text
            assert not is_read(monitor), "a run, or a zoom, takes their place"
        await monitor.press("z", wait_s=1)
        for number, line, text in (("2", "FAILING", "task:task-0"), ("4", "task-", "task:task-"), ("3", "✗", "")):
            await monitor.press("1", number, "g", wait_s=1)
            focused = monitor.screen.pane
            assert isinstance(focused, LinePane)
            row = focused.page.row
            assert row is not None
            assert line in "".join(piece.text for piece in row.line)
            await monitor.press("enter", wait_s=1)
            assert shown.query.text.startswith(text)
            assert pane(monitor) == "runs"
            assert monitor.screen.run_list.target is None
            assert len(shown.shown) in range(1, 18)
            await monitor.press("j", "escape", wait_s=1)
            assert monitor.screen.pane is focused, "the filter ends before the selection"
            assert shown.query.text == ""
            assert monitor.screen.run_list.target is None
            assert focused.page.row is not None
            assert focused.page.row.key == row.key
        await monitor.press("enter", "slash", *"x", "enter", wait_s=1)
        assert shown.query.text.split()[-1] == "x", "/ begins a new word behind the filter of a line"
        await monitor.press("escape", wait_s=1)
        assert pane(monitor) == "runs", "another filter is not that of the line"
        await show_slow_queue(monitor)
        await monitor.press("2", "enter", wait_s=1)
        assert (shown.query.filters.queues, shown.query.text) == (("email",), ""), "rows do not name their queue"
        await monitor.press("escape", wait_s=1)
        assert pane(monitor) == "overview"
        assert not shown.query.filters.queues

    run_story(story, tmp_path, failing_fleet(), size=(80, 24), has_overview=True)


@on_monitor(failing_fleet, has_overview=True)
async def test_esc_goes_back_level_by_level(monitor: Monitored) -> None:
    await monitor.later(3)
    screen = monitor.screen
    await monitor.press("4", "enter", wait_s=1)
    await monitor.press("j", "space", "z", wait_s=1)
    await monitor.press("escape", wait_s=1)
    assert (pane(monitor), screen.workspace.is_zoomed, len(screen.run_list.rows.marks)) == ("runs", True, 0)
    await monitor.press("escape", "escape", "1", wait_s=1)
    assert not screen.workspace.is_zoomed
    await monitor.press("j", "j", "space", "2", "z", "slash", *"task", "enter", wait_s=1)
    marked = len(screen.run_list.rows.marks)
    found = []
    for _ in range(6):
        await monitor.press("escape", wait_s=0.5)
        rows, focused = screen.run_list.rows, screen.pane
        is_zoomed, is_selected = screen.workspace.is_zoomed, rows.cursor is not None
        found.append((focused.searched, is_zoomed, focused.title, len(rows.marks), is_selected))
    assert marked
    assert found == [
        ("", True, "detail", marked, True),
        ("", False, "detail", marked, True),
        ("", False, "runs", marked, True),
        ("", False, "runs", 0, True),
        ("", False, "runs", 0, False),
        ("", False, "runs", 0, False),
    ]
    assert "2:overview" in monitor.text
    assert monitor.app.return_code is None
    await monitor.press("j", "q")
    assert monitor.app.return_code == 0, "q ends it at the list, also with a run selected"


@on_monitor(failing_fleet, has_overview=True)
async def test_finding_about_one_run_opens_it(monitor: Monitored) -> None:
    now, run_id = monitor.session.now(), RunId(monitor.api.fleet.runs[0].id)
    subject = FindingSubject(SubjectKind.TASK, "task-0", Raw("task-0"))
    evidence = RunOverdue(now - timedelta(minutes=21), timedelta(minutes=9))
    stuck = Finding(FindingWord.STUCK, subject, now - timedelta(minutes=12), evidence, f"id:{run_id}", run_id=run_id)
    await show_finding(monitor, stuck)
    assert "executing for 21m, p95 is 9m" in monitor.text
    assert "over p95 since " in monitor.text
    await monitor.press("2", "enter", wait_s=1)
    assert (pane(monitor), monitor.screen.selection.run_id) == ("detail", run_id)
