"""The wall: its keys, its way to runs and back, and the states that it says."""

import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.fleet import FleetRun
from tests.support.ui.fleets import failing_fleet, small_fleet
from tests.support.ui.monitor import Monitored, on_monitor, run_story
from tui.domain.filters import RunFilters
from tui.domain.finding import Finding as FoundThing
from tui.domain.finding import FindingsRead, FindingSubject, FindingWord, SubjectKind, TaskFails, Verdict
from tui.domain.run import TaskId
from tui.domain.text import Raw
from tui.features.runs.screen import MainScreen, address_of
from tui.features.wall.data import LiveBoard
from tui.features.wall.view import WallScreen
from tui.kit.colors import Background
from tui.store.addresses import ViewAddress
from tui.text.blocks import ListRuns


def finding(monitor: Monitored, task: str = "task-0") -> FoundThing:
    since = monitor.session.now() - timedelta(minutes=5)
    subject = FindingSubject(SubjectKind.TASK, task, Raw(task))
    text = f"task:{task} status:failed"
    return FoundThing(FindingWord.FAILING, subject, since, TaskFails(9, 12), text, task=TaskId(task))


async def judged(monitor: Monitored, *findings: FoundThing, wait_s: float = 2.0) -> None:
    """Let the session judge that these are the findings."""
    now = monitor.session.now()
    verdict = Verdict(now, findings, now, is_known=True)
    judge: Any = monitor.session.findings
    judge._verdict = lambda _: verdict
    await monitor.session.emit(FindingsRead(verdict))
    await monitor.later(wait_s)


def wall_of(monitor: Monitored) -> WallScreen:
    screen = monitor.app.screen
    assert isinstance(screen, WallScreen)
    return screen


@on_monitor(failing_fleet)
async def test_key_opens_the_wall_and_keys_close_it(monitor: Monitored) -> None:
    for key in ("W", "escape", "q"):
        await monitor.press("W", wait_s=0.2)
        assert monitor.line_of("─ last hour ─") < 6
        assert str(address_of(wall_of(monitor))).startswith("wall")
        await monitor.press(key, wait_s=0.2)
        assert isinstance(monitor.app.screen, MainScreen)
    await monitor.press("colon", *"wall", "enter", wait_s=0.2)
    await monitor.press("v", wait_s=0.1)
    assert "v is not a key here" in monitor.lines[-1]
    await monitor.later(5)
    assert monitor.lines[-1].endswith("W close")


@on_monitor(failing_fleet)
async def test_enter_lists_the_runs_and_escape_leads_back(monitor: Monitored) -> None:
    await judged(monitor, finding(monitor))
    await monitor.press("W", wait_s=0.5)
    assert monitor.lines[1].startswith("  FAILING  task-0           9 of 12 runs failed")
    assert wall_of(monitor).body.target is None, "at rest there is no cursor"
    await monitor.press("j", wait_s=0.1)
    assert monitor.lines[1].startswith("▌ FAILING  task-0")
    await monitor.press("enter", wait_s=0.5)
    assert isinstance(monitor.app.screen, MainScreen)
    assert "/task:task-0 status:failed" in monitor.lines[1]
    await monitor.press("escape", wait_s=0.5)
    assert wall_of(monitor).body.target is not None
    assert monitor.lines[1].startswith("▌ FAILING  task-0")
    await monitor.later(31)
    assert wall_of(monitor).body.target is None, "the cursor goes after 30 s"
    await monitor.press("escape", wait_s=0.5)
    assert isinstance(monitor.app.screen, MainScreen)
    assert "status:failed" not in monitor.lines[1], "the list is as it was"


@on_monitor(failing_fleet)
async def test_group_that_a_relay_cannot_list_leaves_the_list_alone(monitor: Monitored) -> None:
    await monitor.press("j", "W", wait_s=0.2)
    wall, main = wall_of(monitor), monitor.app.screen_stack[-2]
    assert isinstance(main, MainScreen)
    assert (before := main.run_list.rows.cursor) is not None
    monitor.session.settings = replace(monitor.session.settings, relay_url="ws://127.0.0.1:1")
    wall._open_row(ListRuns("", filters=RunFilters(errors=("error_1",))), None)
    await monitor.later(0.2)
    assert monitor.app.screen is wall
    assert main.run_list.rows.cursor == before


@on_monitor(failing_fleet)
async def test_wall_says_errors_and_tasks(monitor: Monitored) -> None:
    await judged(monitor)
    await monitor.press("W", wait_s=5)
    assert "✓ OK" in monitor.lines[2]
    failing = monitor.line_of("─ errors of the last hour ─")
    assert "18 in 3 error groups" in monitor.lines[failing]
    assert monitor.lines[failing + 1].split()[:2] == ["✗", "9"]
    assert "task-0" in monitor.lines[failing + 1]
    start_s = monitor.api.fleet.now_s
    monitor.api.fleet.add(FleetRun(200, start_s + 1, start_s + 1.2, start_s + 1.5, "FAILED", task="task-0"))
    await monitor.later(5)
    assert "19 in 3 error groups" in monitor.lines[failing], "a new failure comes with its run"
    tasks = monitor.line_of("─ tasks")
    assert {f"task-{number}" for number in range(3)} <= set(monitor.text.split())
    assert monitor.lines[tasks + 1].split()[2:4] == ["10", "10"]
    await monitor.press("left_parenthesis", wait_s=1)
    assert "─ last 5 h ─" in monitor.text
    await monitor.press("left_curly_bracket", wait_s=1)
    assert re.search(r"─ \S+–\S+ ─", monitor.text)
    await monitor.press("right_curly_bracket", "right_parenthesis", "right_parenthesis", wait_s=0.2)
    assert "this is the shortest period" in monitor.lines[-1]
    assert "─ last hour ─" in monitor.text


@on_monitor(failing_fleet)
async def test_new_finding_is_reversed_for_ten_seconds(monitor: Monitored) -> None:
    first, second = finding(monitor), finding(monitor, "task-1")
    await judged(monitor, first)
    await monitor.press("W", wait_s=2)
    body = wall_of(monitor).body
    assert [row.band.value for row in body.page.rows[:2]] == ["failing", "none"]
    await judged(monitor, first, second, wait_s=3)
    assert [row.band.value for row in body.page.rows[:2]] == ["failing", "new"]
    style = body.painter.strip((), 4, Background.NEW)
    assert any(segment.style is not None and segment.style.reverse for segment in style)
    await monitor.later(9)
    assert [row.band.value for row in body.page.rows[:2]] == ["failing", "none"]


@on_monitor(failing_fleet)
async def test_silent_server_makes_the_wall_unknown(monitor: Monitored) -> None:
    await judged(monitor, finding(monitor))
    await monitor.press("W", wait_s=5)
    monitor.api.fleet.fault = lambda _: (_ for _ in ()).throw(ConnectionError())
    heard_at = wall_of(monitor).live_board.heard_at
    assert heard_at is not None
    await monitor.later(48)
    assert monitor.lines[1].startswith("  NOT KNOWN  no data for ")
    assert monitor.lines[2].startswith("  FAILING  task-0")
    assert "╌ last hour  STALE ╌" in monitor.text
    tasks = monitor.line_of("╌ tasks  STALE ╌")
    assert monitor.lines[tasks + 1].split()[:3] == ["task-0", "9", "9"], "rows stay as they were known"
    assert "OK" not in monitor.text


def test_reopened_wall_never_shows_an_old_finding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fleet = failing_fleet()
    fleet.add_all(FleetRun(100 + each, 14.0, 15.0, 15.5, "FAILED", task="task-0") for each in range(5))
    shown = list[Verdict | None]()
    make = LiveBoard.make

    def record(board: LiveBoard) -> None:
        make(board)
        if board.board is not None:
            shown.append(board.board.verdict)

    async def story(monitor: Monitored) -> None:
        await monitor.press("W", wait_s=4)
        await monitor.press("j", "W", "j", wait_s=50)
        assert isinstance(monitor.app.screen, MainScreen)
        assert not monitor.session.findings.is_watched
        opened_at = monitor.session.now()
        monkeypatch.setattr(LiveBoard, "make", record)
        await monitor.press("W", wait_s=2)
        assert any(each is not None for each in shown)
        assert "NOT KNOWN" not in monitor.text
        assert all(each is None or each.at >= opened_at for each in shown)

    run_story(story, tmp_path, fleet)


def test_wall_claims_nothing_before_the_first_answer(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        await monitor.later(20)
        assert monitor.lines[1].startswith("  NOT KNOWN  no data from the server yet")
        assert "no run failed" not in monitor.text
        assert "OK" not in monitor.text

    fleet = failing_fleet()
    fleet.fault = lambda _: (_ for _ in ()).throw(ConnectionError())
    run_story(story, tmp_path, fleet, address=ViewAddress("wall"), size=(80, 24))


def test_covered_wall_knows_every_failure_on_return(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        fleet = monitor.api.fleet
        await monitor.press("W", wait_s=4)
        await monitor.press("question_mark", wait_s=1)
        for number in range(900, 905):
            fleet.add(FleetRun(number, fleet.now_s + 2, fleet.now_s + 3, fleet.now_s + 4, "FAILED"))
            await monitor.later(3)
        await monitor.press("escape", wait_s=2)
        assert "17 in 2 error groups" in monitor.text
        assert "5 failed runs whose error is not loaded yet" in monitor.text, "6 and 6 stand in rows of their own"

    fleet = small_fleet()
    fleet.allow_queries()
    run_story(story, tmp_path, fleet)
