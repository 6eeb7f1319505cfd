"""The errors view: its keys, its way to the runs and back, and what it costs."""

import base64
import json
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import PlainTextResponse
from textual.strip import Strip

from tests.support.fleet import SECRET, Fleet, FleetRun
from tests.support.ui.fleets import FAILURES, failing_fleet
from tests.support.ui.monitor import Monitored, run_story
from tests.support.virtual_clock import VirtualClock
from tui.domain.facts import ErrorState
from tui.features.actions.view import ConfirmScreen
from tui.features.errors.screen import ErrorsScreen
from tui.features.runs.screen import MainScreen
from tui.kit.colors import ColorMode
from tui.kit.page_screen import HelpScreen

LIST_LINE = 3
"""The first line of the list of groups."""


def view_of(monitor: Monitored) -> ErrorsScreen:
    screen = monitor.app.screen
    assert isinstance(screen, ErrorsScreen)
    return screen


async def opened(monitor: Monitored) -> ErrorsScreen:
    await monitor.press("exclamation_mark", wait_s=8)
    return view_of(monitor)


def groups_shown(monitor: Monitored) -> list[str]:
    """Return the tasks of the groups on the screen, in the order of their rows."""
    names = ("task-0", "task-1", "task-2")
    rows = monitor.lines[LIST_LINE : LIST_LINE + 9]
    return [name for row in rows for name in names if name in row]


def test_key_opens_the_groups_and_leads_back(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        await opened(monitor)
        assert "1:errors · last 24h · new first" in monitor.lines[1]
        assert "18 failed runs, all read · 3 groups" in monitor.lines[1]
        assert groups_shown(monitor) == ["task-0", "task-1", "task-2"]
        assert monitor.lines[LIST_LINE].startswith("▌ ✗     9 ")
        assert "Error Upstream returned 503" in monitor.text
        await monitor.press("j", wait_s=2)
        assert "No such customer: cus_17" in monitor.text
        for key in ("exclamation_mark", "escape", "q"):
            assert isinstance(monitor.app.screen, ErrorsScreen)
            await monitor.press(key)
            assert isinstance(monitor.app.screen, MainScreen)
            await monitor.press("colon", *"errors", "enter", wait_s=2)

    run_story(story, tmp_path, failing_fleet())


def test_enter_lists_the_runs_and_escape_comes_back(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        screen = await opened(monitor)
        await monitor.press("j", "j", "k", "enter", wait_s=2)
        assert isinstance(monitor.app.screen, MainScreen)
        group = screen.groups.list.current
        assert group is not None
        assert f"/group:{group.fingerprint[:8]}  Error No such customer: " in monitor.lines[1]
        assert " 6 of 18 " in monitor.lines[1]
        assert groups_shown(monitor) == ["task-1"] * 6
        assert monitor.screen.selection.run_id == group.run_ids[0]
        await monitor.press("enter", wait_s=1)
        assert monitor.screen.pane.title == "detail"
        await monitor.press("escape", "escape", wait_s=2)
        assert view_of(monitor).groups.list.cursor == group.fingerprint
        assert monitor.lines[LIST_LINE + 1].startswith("▌")
        await monitor.press("escape", wait_s=1)
        assert "/group:" not in monitor.lines[1]

    run_story(story, tmp_path, failing_fleet())


def test_panes_follow_a_resting_cursor_on_a_slow_link(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        await opened(monitor)
        await monitor.press("j", "j")
        assert monitor.lines[LIST_LINE + 2].startswith("▌")
        assert "9 runs failed" in monitor.text, "the group pane waits"
        await monitor.later(0.5)
        assert "3 runs failed" in monitor.text

    run_story(story, tmp_path, failing_fleet(), slow_link=True)


def test_other_filter_ends_the_way_back(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        screen = await opened(monitor)
        await monitor.press("enter", wait_s=1)
        await monitor.press("0", wait_s=1)
        assert screen.groups.read.known_count is None, "the groups are forgotten"
        await monitor.press("escape")
        assert isinstance(monitor.app.screen, MainScreen)

    run_story(story, tmp_path, failing_fleet(6))


def test_escape_from_typing_still_leads_back_to_the_groups(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        await opened(monitor)
        await monitor.press("j", "enter", wait_s=2)
        rule = monitor.lines[1]
        await monitor.press("slash", *" task:x", wait_s=1)
        await monitor.press("escape", wait_s=1)
        assert monitor.lines[1] == rule
        await monitor.press("escape", wait_s=2)
        assert isinstance(monitor.app.screen, ErrorsScreen)
        assert groups_shown(monitor) == ["task-0", "task-1", "task-2"]

    run_story(story, tmp_path, failing_fleet())


def test_actions_work_on_the_runs_of_the_group_alone(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        screen = await opened(monitor)
        for pane in "123":
            await monitor.press(pane, "R", wait_s=1)
            assert monitor.app.screen is screen, f"R does nothing in pane {pane}"
            assert "R replay" not in monitor.lines[-1]
        await monitor.press("4", wait_s=1)
        assert "R replay" in monitor.lines[-1]
        await monitor.press("j", "R", wait_s=1)
        assert [type(each) for each in monitor.app.screen_stack] == [MainScreen, ErrorsScreen, ConfirmScreen]
        assert screen.groups.run_ids[1] in monitor.text
        await monitor.press("escape", "enter", wait_s=2)
        assert [type(each) for each in monitor.app.screen_stack] == [MainScreen]
        assert monitor.screen.pane.title == "detail"
        assert monitor.screen.selection.run_id == screen.groups.run_ids[1]

    run_story(story, tmp_path, failing_fleet())


def test_keys_sort_filter_copy_and_change_the_span(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(monitor: Monitored) -> None:
        screen = await opened(monitor)
        await monitor.press("s", "s", "s")
        assert "youngest first" in monitor.lines[1]
        await monitor.press("slash", *"customer", "enter", wait_s=1)
        assert (groups_shown(monitor), " 1 of 3 groups" in monitor.lines[1]) == (["task-1"], True)
        await monitor.press("escape", wait_s=1)
        assert len(groups_shown(monitor)) == 3
        await monitor.press("right_parenthesis", "right_parenthesis", "right_parenthesis", wait_s=3)
        assert "last 1h" in monitor.lines[1]
        assert "this is the shortest span" in monitor.lines[-1]
        await monitor.press("left_parenthesis", wait_s=3)
        assert "last 6h" in monitor.lines[1]
        written: list[str] = []
        with monkeypatch.context() as patched:
            patched.setattr(monitor.app, "write", written.append)
            await monitor.press("Y", "g", "y")
        texts = [base64.b64decode(each.split(";")[2].rstrip("\x07")).decode() for each in written]
        assert texts[0].startswith("## `Error`: ")
        assert len(texts[1]) == 16
        await monitor.press("x", wait_s=1)
        assert screen.groups.list._is_held or "no other group is new" in monitor.lines[-1]

    run_story(story, tmp_path, failing_fleet())


@pytest.mark.parametrize("size", [(60, 20), (100, 30)])
def test_view_uses_the_room_of_the_terminal(tmp_path: Path, size: tuple[int, int]) -> None:
    async def story(monitor: Monitored) -> None:
        await opened(monitor)
        titles = monitor.lines[2].split()
        assert ("since" in titles) is (size[0] >= 80)
        assert ("versions" in titles) is (size[0] >= 100)
        assert "last" not in titles
        assert "3:newest failure" in monitor.text
        assert "src/mail.ts:7" in monitor.text
        assert "newest  run_" in monitor.text
        await monitor.press("2", wait_s=1)
        assert "of its 9 runs" in monitor.text
        await monitor.press("z")
        assert "1:errors" not in monitor.text
        await monitor.press("question_mark", wait_s=1)
        assert isinstance(monitor.app.screen, HelpScreen)
        assert "longer, shorter span" in monitor.text or size[1] <= 24

    run_story(story, tmp_path, failing_fleet(), size=size)


def test_view_without_failures_says_so_when_it_is_known(tmp_path: Path) -> None:
    fleet = Fleet(VirtualClock())
    fleet.add(FleetRun(1, -60.0, -59.0, -50.0))

    async def story(monitor: Monitored) -> None:
        await opened(monitor)
        assert "No run failed in the last 24h." in monitor.text
        await monitor.press("enter", "Y", "j", "x", "s", "2", "3", "4", "1")
        assert isinstance(monitor.app.screen, ErrorsScreen)

    run_story(story, tmp_path, fleet)


def test_stale_groups_look_stale(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        await opened(monitor)
        await monitor.press("right_parenthesis", "right_parenthesis", wait_s=5)
        row = monitor.lines[LIST_LINE]
        monitor.api.fleet.fault = lambda _: PlainTextResponse("", 503)
        await monitor.later(400)
        assert monitor.lines[LIST_LINE] == row, "no minute of the outage is shown as one without failures"
        assert "STALE" in monitor.lines[1]
        assert "last confirmed " in monitor.lines[1]
        assert "goes on" not in monitor.text

    run_story(story, tmp_path, failing_fleet())


def test_acknowledged_group_says_who_and_why(tmp_path: Path) -> None:
    fleet = Fleet(VirtualClock())
    fleet.add_all(FleetRun(n, at_s, at_s + 1, at_s + 2, "FAILED") for n, at_s in ((1, -7200.0), (2, -60.0)))
    fleet.allow_queries()

    def request(monitor: Monitored, path: str, body: object = None) -> dict[str, Any]:
        data = None if body is None else json.dumps(body).encode()
        headers = {"authorization": f"Bearer {SECRET}", "content-type": "application/json"}
        with urllib.request.urlopen(urllib.request.Request(monitor.api.url + path, data, headers)) as response:
            return dict(json.load(response))

    async def story(monitor: Monitored) -> None:
        (theirs,) = request(monitor, "/api/v1/errors")["data"]
        request(monitor, f"/api/v1/errors/{theirs['id']}/ignore", {"reason": "the bank is down"})
        await opened(monitor)
        assert " NEW " in monitor.lines[LIST_LINE], "its first failure is in the span"
        await monitor.press("right_parenthesis", "right_parenthesis", wait_s=5)
        assert " acknowledged " in monitor.lines[LIST_LINE]
        assert "the bank is down" in monitor.text

    run_story(story, tmp_path, fleet)


def test_refused_states_are_said(tmp_path: Path) -> None:
    fleet = failing_fleet()
    fleet.fault = lambda path: PlainTextResponse("", 403) if path.startswith("/api/v1/errors") else None

    async def story(monitor: Monitored) -> None:
        screen = await opened(monitor)
        assert screen.groups.reading.groups.result.refusal
        assert "403" in monitor.text
        assert " runs  only NEW " in monitor.lines[2]
        states = {screen.groups.list.get(each).state for each in screen.groups.list.window}  # type: ignore[union-attr]
        assert states <= {None, ErrorState.NEW}

    run_story(story, tmp_path, fleet)


def test_view_is_drawn_in_ascii_without_colours(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        await opened(monitor)
        assert monitor.text.isascii()
        assert monitor.lines[LIST_LINE].split()[:6] == [">", "x", "9", "NEW", "%", "task-0"]

    run_story(story, tmp_path, failing_fleet(), is_ascii=True, color_mode=ColorMode.NONE)


def test_storm_repaints_one_row_of_the_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A storm of one kind repaints the line of its group, and no other line of the list."""
    fleet = failing_fleet()

    async def story(monitor: Monitored) -> None:
        screen = await opened(monitor)
        await monitor.press("j", "j", wait_s=12)
        table = screen.list_pane.table
        painted, paint = list[int](), table.strip_at

        def strip_at(y: int) -> Strip:
            painted.append(y)
            return paint(y)

        monkeypatch.setattr(table, "strip_at", strip_at)
        now_s = fleet.now_s
        fleet.add_all(
            FleetRun(
                1000 + number, now_s + number / 15, now_s + number / 15, now_s + number / 15 + 0.1, "FAILED",
                task="task-1", message=FAILURES[1],
            )
            for number in range(150)
        )  # fmt: skip
        await monitor.later(14)
        lines = [*painted]
        assert "156" in monitor.lines[LIST_LINE + 1]
        assert groups_shown(monitor) == ["task-0", "task-1", "task-2"]
        assert set(lines) == {2}, "the line of the group"
        assert len(lines) <= 140, "frames, not failures"

    run_story(story, tmp_path, fleet)
