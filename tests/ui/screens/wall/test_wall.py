"""The wall: its keys, its way to runs and back, the states that it says, and how little it paints."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import JSONResponse
from textual.strip import Strip

from tests.support.fleet import FleetRun
from tests.support.ui.fleets import failing_fleet
from tests.support.ui.monitor import Monitored, run_story
from tui.domain.filters import RunFilters
from tui.domain.finding import Finding as FoundThing
from tui.domain.finding import FindingsRead, FindingSubject, FindingWord, QueueWaits, SubjectKind, TaskFails, Verdict
from tui.domain.run import TaskId
from tui.domain.text import Raw
from tui.features.errors.screen import ErrorsScreen
from tui.features.queues.view import QueuesScreen
from tui.features.runs.screen import MainScreen, address_of, apply_address
from tui.features.views.view import LetterMenu
from tui.features.wall.data import LiveBoard
from tui.features.wall.view import JUDGED_AFTER_S, WallScreen
from tui.kit.colors import Background, ColorMode
from tui.kit.page_screen import HelpScreen
from tui.store.addresses import ViewAddress
from tui.sync.clock import until_second_s
from tui.text.blocks import ListRuns


def finding(monitor: Monitored, task: str = "task-0") -> FoundThing:
    since = monitor.session.now() - timedelta(minutes=5)
    subject = FindingSubject(SubjectKind.TASK, task, Raw(task))
    text = f"task:{task} status:failures"
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


def test_key_opens_the_wall_and_keys_close_it(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        for key in ("W", "escape", "q"):
            await monitor.press("W", wait_s=0.2)
            assert "─ last hour ─" in monitor.lines[6]
            assert str(address_of(wall_of(monitor))).startswith("wall")
            await monitor.press(key, wait_s=0.2)
            assert isinstance(monitor.app.screen, MainScreen)
        await monitor.press("colon", *"wall", "enter", wait_s=0.2)
        await monitor.press("question_mark", wait_s=0.2)
        assert isinstance(monitor.app.screen, HelpScreen)
        await monitor.press("escape", wait_s=0.2)
        await monitor.press("v", wait_s=0.1)
        assert "v is not a key here" in monitor.lines[-1]
        await monitor.later(5)
        assert monitor.lines[-1].endswith("W close")

    run_story(story, tmp_path, failing_fleet())


def test_wall_has_the_keys_of_every_view(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        steps = {
            ("!", "W", "colon", *"theme light", "enter"): WallScreen,
            ("colon", *"queues", "enter"): QueuesScreen,
            ("backspace",): WallScreen,
            ("backspace", ""): ErrorsScreen,
            ("W", "apostrophe"): LetterMenu,
        }
        for keys, screen in steps.items():
            await monitor.press(*filter(None, keys), wait_s=0.2)
            assert type(monitor.app.screen).__name__ == screen.__name__, keys
            if "colon" in keys and screen is WallScreen:
                assert "theme light until the program ends" in monitor.lines[-1]

    run_story(story, tmp_path, failing_fleet())


def test_enter_lists_the_runs_and_escape_leads_back(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        await judged(monitor, finding(monitor))
        await monitor.press("W", wait_s=0.5)
        assert monitor.lines[1].startswith("  FAILING  task-0           9 of 12 runs failed")
        assert wall_of(monitor).body.target is None, "at rest there is no cursor"
        await monitor.press("j", wait_s=0.1)
        assert monitor.lines[1].startswith("▌ FAILING  task-0")
        await monitor.press("enter", wait_s=0.5)
        assert isinstance(monitor.app.screen, MainScreen)
        assert "/task:task-0 status:failures" in monitor.lines[1]
        await monitor.press("escape", wait_s=0.5)
        assert wall_of(monitor).body.target is not None
        assert monitor.lines[1].startswith("▌ FAILING  task-0")
        await monitor.later(31)
        assert wall_of(monitor).body.target is None, "the cursor goes after 30 s"
        await monitor.press("escape", wait_s=0.5)
        assert isinstance(monitor.app.screen, MainScreen)
        assert "status:failures" not in monitor.lines[1], "the list is as it was"

    run_story(story, tmp_path, failing_fleet())


def test_runs_of_a_queue_are_asked_of_the_server(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        now = monitor.session.now()
        subject = FindingSubject(SubjectKind.QUEUE, "email", Raw("email"))
        evidence = QueueWaits(12, now - timedelta(minutes=2), 2, 2, is_at_limit=True)
        await judged(monitor, FoundThing(FindingWord.SLOW, subject, now, evidence, "queue:email status:queued"))
        await monitor.press("W", wait_s=0.5)
        await monitor.press("j", "enter", wait_s=0.5)
        query = monitor.screen.run_list.views.query
        assert (query.filters.queues, query.text) == (("email",), "status:queued")
        await monitor.press("escape", wait_s=0.5)
        assert wall_of(monitor).body.target is not None
        assert monitor.screen.run_list.views.query.filters.queues == ()

    run_story(story, tmp_path, failing_fleet())


def test_group_of_the_server_lists_its_runs_alone(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        monitor.api.fleet.add(FleetRun(90, 6.0, 7.0, 8.0, "FAILED", task="task-0", message="another error"))
        await monitor.later(14)
        await monitor.press("W", wait_s=2)
        row = next(line for line in monitor.lines if "Upstream returned" in line and "task-0" in line)
        assert row.split()[1] == "9"
        monitor.session.settings = replace(monitor.session.settings, relay_url="ws://127.0.0.1:1")
        while not row_at_cursor(monitor).endswith("Upstream returned 503"):
            await monitor.press("j", wait_s=0.1)
        await monitor.press("enter", wait_s=0.1)
        assert "a relay cannot list them" in monitor.lines[-1]
        monitor.session.settings = replace(monitor.session.settings, relay_url=None)
        await monitor.press("enter", wait_s=3)
        shown = monitor.screen.run_list.views
        assert len(shown.shown) == 9
        address = address_of(monitor.app.screen)
        assert str(address).startswith("runs?age=<1h&server-task=task-0&server-error=error_")
        await monitor.press("escape", wait_s=0.5)
        assert "Upstream returned" in row_at_cursor(monitor)
        assert apply_address(monitor.app, address) is None
        await monitor.later(3)
        assert len(monitor.screen.run_list.views.shown) == 9, "a saved address lists the same"

    run_story(story, tmp_path, failing_fleet())


def row_at_cursor(monitor: Monitored) -> str:
    target = wall_of(monitor).body.target
    return "" if target is None or not isinstance(target.opens, ListRuns) else target.opens.name


def test_wall_says_failing_now_and_tasks(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        await judged(monitor)
        await monitor.press("W", wait_s=5)
        assert "✓ OK" in monitor.lines[2]
        failing = monitor.line_of("─ failing now ─")
        assert "18 in 3 error groups" in monitor.lines[failing]
        assert "task-0" in monitor.lines[failing + 1]
        tasks = monitor.line_of("─ tasks")
        assert {f"task-{number}" for number in range(3)} <= set(monitor.text.split())
        assert monitor.lines[tasks + 1].split()[2:4] == ["9", "9"]
        await monitor.press("left_parenthesis", wait_s=1)
        assert "─ last 5 h ─" in monitor.text
        await monitor.press("left_curly_bracket", wait_s=1)
        assert "–" in monitor.lines[6]
        await monitor.press("right_curly_bracket", "right_parenthesis", "right_parenthesis", wait_s=0.2)
        assert "this is the shortest span" in monitor.lines[-1]
        assert "─ last hour ─" in monitor.text

    run_story(story, tmp_path, failing_fleet())


def test_failures_that_the_list_lacks_are_not_read(tmp_path: Path) -> None:
    fleet = failing_fleet()
    fleet.fault = lambda path: JSONResponse({"error": "no"}, 403) if path == "/api/v1/errors" else None

    async def story(monitor: Monitored) -> None:
        await monitor.press("W", wait_s=30)
        assert "17 in 1 error group, 8 not read" in monitor.text, "all but the minute that is not over"

    of_one_task = ViewAddress("runs", server=RunFilters(tasks=(TaskId("task-0"),)))
    run_story(story, tmp_path, fleet, address=of_one_task, size=(120, 40))


def test_new_finding_is_reversed_for_ten_seconds(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
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
        made = set()
        for order in 4 * [(second, first), (first, second)]:
            for _ in range(2):
                await judged(monitor, *order, wait_s=0.5)
                board = wall_of(monitor).live_board.board
                assert board is not None
                made.add(board.at)
        assert len(made) <= 9, "verdicts that change each second make no second board"

    run_story(story, tmp_path, failing_fleet())


def test_silent_server_makes_the_wall_unknown(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        await judged(monitor, finding(monitor))
        await monitor.press("W", wait_s=5)
        monitor.api.fleet.fault = lambda _: (_ for _ in ()).throw(ConnectionError())
        heard_at = wall_of(monitor).live_board.heard_at
        assert heard_at is not None
        await monitor.later(48)
        assert monitor.lines[1].startswith("  NOT KNOWN  nothing was heard for ")
        assert monitor.lines[2].startswith("  FAILING  task-0")
        assert "╌ last hour  STALE ╌" in monitor.text
        tasks = monitor.line_of("╌ tasks  STALE ╌")
        assert monitor.lines[tasks + 1].split()[:3] == ["task-0", "9", "9"], "rows stay as they were known"
        assert "OK" not in monitor.text

    run_story(story, tmp_path, failing_fleet())


def failing_line(monitor: Monitored) -> str:
    return monitor.lines[monitor.line_of("FAILING  task-0")]


def test_wall_opens_again_with_the_numbers_of_now(tmp_path: Path) -> None:
    fleet = failing_fleet()
    fleet.add_all(FleetRun(100 + each, 14.0, 15.0, 15.5, "FAILED", task="task-0") for each in range(5))

    async def story(monitor: Monitored) -> None:
        await monitor.press("W", wait_s=8)
        before = failing_line(monitor)
        await monitor.press("W", wait_s=8)
        await monitor.press("W", wait_s=0.1)
        assert failing_line(monitor) != before, "the facts are as new as on a wall that stayed open"

    run_story(story, tmp_path, fleet)


@pytest.mark.parametrize("pause_s", [8, 30])
def test_reopened_wall_never_shows_an_old_finding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pause_s: float
) -> None:
    fleet = failing_fleet()
    fleet.add_all(FleetRun(100 + each, 14.0, 15.0, 15.5, "FAILED", task="task-0") for each in range(5))
    shown = list[Verdict | None]()
    make = LiveBoard.make

    def record(board: LiveBoard) -> None:
        make(board)
        if board.board is not None:
            shown.append(board.board.verdict)

    async def story(monitor: Monitored) -> None:
        await monitor.press("W", wait_s=8)
        await monitor.press("j", "W", "j", wait_s=pause_s)
        assert isinstance(monitor.app.screen, MainScreen)
        assert not monitor.session.findings.is_watched
        opened_at = monitor.session.now()
        monkeypatch.setattr(LiveBoard, "make", record)
        await monitor.press("W", wait_s=8)
        assert any(each is not None for each in shown)
        assert all(each is None or each.at >= opened_at for each in shown)

    run_story(story, tmp_path, fleet)


def test_findings_and_rows_are_of_one_second(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        now = monitor.session.now()
        await judged(monitor, finding(monitor))
        await monitor.press("W", wait_s=3)
        judge: Any = monitor.session.findings
        newer = replace(finding(monitor), evidence=TaskFails(10, 13))
        judge._verdict = lambda _: Verdict(now, (newer,), now, is_known=True)
        judge._has_changed = True
        await monitor.later(until_second_s(monitor.session.clock) + JUDGED_AFTER_S + 0.1)
        assert "10 of 13 runs failed" in failing_line(monitor), "the wall waits until the second is judged"

    run_story(story, tmp_path, failing_fleet())


def test_wall_claims_nothing_before_the_first_answer(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        await monitor.later(20)
        assert monitor.lines[1].startswith("  NOT KNOWN  nothing was read yet")
        assert "no run failed" not in monitor.text
        assert "OK" not in monitor.text

    fleet = failing_fleet()
    fleet.fault = lambda _: (_ for _ in ()).throw(ConnectionError())
    run_story(story, tmp_path, fleet, address=ViewAddress("wall"), size=(80, 24))


def test_start_with_the_wall_and_its_cells(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        assert "─ last 5 h ─" in monitor.text
        await monitor.press("escape", wait_s=2)
        assert "1:runs" in monitor.text

    run_story(story, tmp_path, failing_fleet(), address=ViewAddress("wall", since="5h"), size=(80, 24))


def test_idle_wall_paints_only_rows_that_differ(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        await judged(monitor, finding(monitor))
        await monitor.press("W", wait_s=5)
        body, painted = wall_of(monitor).body, set[int]()
        original = body.strip_at

        def record(y: int) -> Strip:
            painted.add(y)
            return original(y)

        body.strip_at = record  # type: ignore[method-assign]
        await monitor.later(5)
        assert painted <= {len(body.page.rows) - 1}, "only the ages move"

    run_story(story, tmp_path, failing_fleet())


def test_first_finding_is_reversed_without_colours(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        await judged(monitor, finding(monitor), replace(finding(monitor, "task-1"), word=FindingWord.SLOW))
        await monitor.press("W", wait_s=2)
        body = wall_of(monitor).body
        reversed_rows = [
            y
            for y in range(6)
            if all(segment.style is not None and segment.style.reverse for segment in body.strip_at(y))
        ]
        assert reversed_rows == [0]
        assert monitor.text.isascii()

    run_story(story, tmp_path, failing_fleet(), color_mode=ColorMode.NONE, is_ascii=True)
