"""The list pane by its keys."""

import asyncio
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from rich.style import Style

from tests.support.fleet import Fleet, FleetRun
from tests.support.ui.fleets import small_fleet
from tests.support.ui.monitor import Monitored, monitored, run_story
from tests.support.virtual_clock import VirtualClock
from tui.emulator.routes.table import NAMES
from tui.kit.colors import ColorMode


def cursor_line(monitor: Monitored) -> int | None:
    """The line of the terminal with the cursor of the list."""
    return next((number for number, line in enumerate(monitor.lines) if line.startswith("▌")), None)


def test_list_follows_until_the_cursor_moves(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        fleet = monitor.api.fleet
        assert cursor_line(monitor) is None
        fleet.add(FleetRun(900, fleet.now_s + 1, task="brand-new"))
        await monitor.later(5)
        assert "brand-new" in monitor.lines[3]
        await monitor.press("j", "j")
        assert cursor_line(monitor) == 4
        here = monitor.lines[4].split()[3]
        fleet.add_all(FleetRun(901 + number, fleet.now_s + 1, task="newer") for number in range(3))
        await monitor.later(5)
        assert (cursor_line(monitor), monitor.lines[4].split()[3]) == (4, here)
        assert "3 new" in monitor.lines[1]
        await monitor.press("g")
        assert cursor_line(monitor) is None
        assert "new" not in monitor.lines[1].replace("newest", "")
        assert "newer" in monitor.lines[3]

    run_story(story, tmp_path, small_fleet())


def test_runs_stay_while_the_servers_clock_is_wrong(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        faults = monitor.api.fleet.emulator.faults
        faults.set([{"kind": "clock-skew", "seconds": 3 * 86_400}], NAMES)
        await monitor.later(80)
        assert (
            len(monitor.screen.run_list.rows.view) == 30
        )  # as of three days later, none would be of the last 24 hours
        faults.set([], NAMES)
        await monitor.later(20)
        assert len(monitor.screen.run_list.rows.view) == 30

    run_story(story, tmp_path, small_fleet())


def test_rule_counts_older_live_runs(tmp_path: Path) -> None:
    day_s = 86_400.0

    async def story(monitor: Monitored) -> None:
        fleet = monitor.api.fleet
        assert "1:runs · last 24h and 2 older live runs · newest first" in monitor.lines[1]
        assert [line.split()[2] for line in monitor.lines[3:6]] == ["young", "eight-days", "forty-days"]
        await monitor.press("G")
        assert "forty-days" in monitor.lines[5]
        assert monitor.lines[5].startswith("▌")
        fleet.cancel(FleetRun(1, 0))
        await monitor.later(70)
        # It leaves as any run that stops matching: when the cursor does.
        assert "1:runs · last 24h and 1 older live run · newest first" in monitor.lines[1]
        assert "Canceled" in monitor.lines[5]
        await monitor.press("k")
        assert "forty-days" not in monitor.text

    fleet = Fleet(VirtualClock(), earliest_s=-41 * day_s)
    fleet.add(FleetRun(1, -40 * day_s, -40 * day_s + 5, task="forty-days"))
    fleet.add(FleetRun(2, -8 * day_s, task="eight-days"))
    fleet.add(FleetRun(3, -60, -59, -58, task="young"))
    run_story(story, tmp_path, fleet)


def test_the_keys_that_move(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        rows = monitor.screen.run_list.rows

        async def at(*keys: str) -> int | None:
            await monitor.press(*keys)
            return None if rows.cursor is None else rows.view.index_of(rows.cursor)

        assert await at("j") == 0
        assert await at("down", "down") == 2
        assert await at("k") == 1
        assert await at("up") == 0
        assert await at("up") is None
        assert await at("ctrl+d") == 7
        assert await at("ctrl+u") == 0
        assert await at("pagedown") == 15
        assert await at("pageup") == 0
        assert await at("G") == 29
        assert await at("home") is None
        assert await at("end") == 29
        assert await at("g") is None
        assert await at("right_square_bracket") == 0
        assert await at("2", "right_square_bracket", "right_square_bracket") == 2
        assert await at("left_square_bracket") == 1

    run_story(story, tmp_path, small_fleet())


def test_filter_applies_while_it_is_typed(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        await monitor.press("slash", *"status:failed")
        assert "6 of 30" in monitor.lines[1]
        assert "failures matches every kind of failure" in monitor.lines[-1]
        await monitor.press("escape", "slash", *"status:failures")
        assert "12 of 30" in monitor.lines[1]
        assert all("Completed" not in line for line in monitor.lines[3:15])
        await monitor.press("escape")
        assert "12 of 30" not in monitor.text
        await monitor.press("slash", *"crash", "enter")
        assert "6 of 30" in monitor.lines[1]
        assert "/crash" in monitor.lines[1]
        await monitor.press("j")
        assert cursor_line(monitor) == 3
        await monitor.press("escape")
        assert "of 30" not in monitor.lines[1]

    run_story(story, tmp_path, small_fleet())


def test_empty_filter_result_says_how_to_continue(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        await monitor.press("slash", *"zebra", "enter")
        assert "No runs match. Esc clears the filter." in monitor.text

    run_story(story, tmp_path, small_fleet())


def test_run_that_stops_matching_stays_under_the_cursor(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        fleet = monitor.api.fleet
        fleet.add(FleetRun(900, fleet.now_s, fleet.now_s, fleet.now_s + 20, task="the-one"))
        await monitor.later(4)
        await monitor.press("slash", *"status:live", "enter")
        await monitor.press("j")
        assert "the-one" in monitor.lines[3]
        await monitor.later(30)
        assert ("the-one" in monitor.lines[3], "Completed" in monitor.lines[3]) == (True, True)
        await monitor.press("j")
        assert "the-one" not in "\n".join(monitor.lines[1:18])

    run_story(story, tmp_path, small_fleet())


def test_sorting_steps_through_orders_and_keeps_the_run(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        rows = monitor.screen.run_list.rows
        await monitor.press("j", "j", "j")
        here = rows.cursor
        await monitor.press("s")
        assert "by status" in monitor.lines[1]
        assert rows.cursor == here
        for words in ("by task", "by took", "by updated", "by cost", "newest first"):
            await monitor.press("s")
            assert words in monitor.lines[1]

    run_story(story, tmp_path, small_fleet())


def test_marks_are_seen_and_counted(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        await monitor.press("j", "space", "space")
        assert [line[0] for line in monitor.lines[3:6]] == ["•", "•", "▌"]
        assert "2 marked" in monitor.lines[1]
        await monitor.press("j", "V")
        assert "4 marked" in monitor.lines[1]
        await monitor.press("asterisk")
        assert "30 marked" in monitor.lines[1]
        await monitor.press("escape")
        assert "marked" not in monitor.lines[1]

    run_story(story, tmp_path, small_fleet())


def test_rule_counts_hidden_marks(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        await monitor.press("asterisk", "slash", *"status:completed", "enter")
        assert " 18 of 30 · 30 marked, 12 hidden " in monitor.lines[1]
        await monitor.press("escape")
        assert "marked" not in monitor.lines[1]
        assert "/status:completed" in monitor.lines[1]
        await monitor.press("escape", "asterisk", "slash", *"status:completed", "enter", "asterisk", "asterisk")
        assert "marked" not in monitor.lines[1]

    run_story(story, tmp_path, small_fleet())


def test_narrow_rule_keeps_the_filter(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        await monitor.press("asterisk", "slash", *"status:failed", "enter")
        assert "· /status:failed" in monitor.lines[1]
        assert "31 marked, " in monitor.lines[1]
        assert "· /status:failed · last 1h ──" in monitor.lines[1]

    fleet = small_fleet()
    fleet.add(FleetRun(900, -7200.0, -7200.0))
    run_story(story, tmp_path, fleet, size=(80, 24), history=timedelta(hours=1))


def test_the_next_error_from_any_pane(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        await monitor.press("x")
        assert "Failed" in monitor.lines[cursor_line(monitor) or 0]
        await monitor.press("x", "x")
        below = cursor_line(monitor)
        await monitor.press("X")
        assert (cursor_line(monitor) or 0) < (below or 0)

    run_story(story, tmp_path, small_fleet())


def test_w_shows_whole_ids(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        whole = monitor.screen.run_list.rows.visible_runs[0]
        assert whole not in monitor.lines[3]
        await monitor.press("w")
        assert whole in monitor.lines[3]

    run_story(story, tmp_path, small_fleet())


def test_pause_freezes_rows_and_counts_changes(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        fleet = monitor.api.fleet
        await monitor.press("p")
        before = monitor.screen.run_list.rows.window
        fleet.add(FleetRun(900, fleet.now_s, task="brand-new"))
        await monitor.later(6)
        assert monitor.screen.run_list.rows.window == before
        assert "brand-new" not in monitor.text
        assert "paused" in monitor.lines[0]
        assert "1 waiting" in monitor.lines[0]
        await monitor.press("p")
        assert "brand-new" in monitor.lines[3]
        assert "paused" not in monitor.lines[0]

    run_story(story, tmp_path, small_fleet())


def test_refresh_asks_now(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        fleet = monitor.api.fleet
        await monitor.later(120)  # nothing changes: the interval has grown
        count_before = len(fleet.requests)
        fleet.add(FleetRun(900, fleet.now_s, task="brand-new"))
        await monitor.press("r", wait_s=0.1)
        assert len(fleet.requests) > count_before
        assert "brand-new" in monitor.lines[3]

    run_story(story, tmp_path, small_fleet())


def test_list_keeps_its_run_visible_at_every_size(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        await monitor.press(*["j"] * 12)
        here = monitor.screen.run_list.rows.cursor
        for width, height in ((60, 15), (80, 24), (100, 34), (120, 40), (160, 30), (200, 60)):
            await monitor.resize(width, height)
            assert monitor.screen.run_list.rows.cursor == here
            row = monitor.lines[cursor_line(monitor) or 0]
            assert "send-email" in row
            assert width < 72 or (here or "")[-4:] in row
            assert all(len(line) <= width for line in monitor.lines)

    run_story(story, tmp_path, small_fleet(), size=(120, 40))


def test_too_small_terminal_says_so(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        assert [line for line in monitor.lines if line] == ["Terminal too small: 50x12, needs 60x15.", "ctrl-q quits."]
        await monitor.resize(80, 24)
        assert "send-email" in monitor.lines[3]

    run_story(story, tmp_path, small_fleet(), size=(50, 12))


def test_keys_work_after_a_too_small_terminal(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        async def resize(width: int, height: int) -> None:
            await monitor.resize(width, height)
            await monitor.until(lambda: monitor.screen.size == (width, height), "the new size")
            await monitor.later(1)

        def cursor() -> str | None:
            return monitor.screen.run_list.rows.cursor

        await resize(120, 40)
        await monitor.press("j")
        await monitor.until(lambda: cursor() is not None, "a cursor")
        await resize(40, 10)
        await resize(50, 12)
        await resize(120, 40)
        await monitor.press("g")
        await monitor.until(lambda: cursor() is None, "no cursor")
        await monitor.press("tab")
        focused = monitor.app.focused
        await resize(40, 10)
        await resize(120, 40)
        assert monitor.app.focused is focused is not None
        await monitor.press("1", "slash", *"mail")
        await resize(40, 10)
        await resize(120, 40)
        await monitor.until(lambda: monitor.screen.run_list.views.query.text == "mail", "the filter")
        assert cursor() is None
        await monitor.press("enter", "j")
        await monitor.until(lambda: cursor() is not None, "a cursor")

    run_story(story, tmp_path, small_fleet(), size=(50, 12))


def test_screen_is_ascii_on_demand(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with monitored(small_fleet(), tmp_path, color_mode=ColorMode.NONE, is_ascii=True) as monitor:
            await monitor.press("j", "j", "enter")
            assert monitor.text.isascii()
            assert "x Failed" in monitor.text

    asyncio.run(scenario())


def test_held_key_leaves_requests_to_the_list(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        fleet = monitor.api.fleet
        for _ in range(20):
            await monitor.press("j", wait_s=0.4)
        traces = [at_s for at_s, path, _ in fleet.requests if path.endswith("/trace")]
        assert len(traces) <= 6 + 8 * 6 / 6.0 + 1
        assert [second - first for first, second in pairwise(traces[:6])] == pytest.approx([0.4] * 5)
        rested_at_s = fleet.now_s - 0.4
        await monitor.later(1)
        assert fleet.requests[-1][0] >= rested_at_s
        assert any(at_s <= rested_at_s + 0.7 for at_s, path, _ in fleet.requests[-6:] if path.endswith("/trace"))
        assert "reading" not in monitor.text

    run_story(story, tmp_path, small_fleet())


def seen(character: str, style: Style | None) -> object:
    """The visible part of a style: a space has no ink."""
    if style is None or character != " ":
        return style
    return style.bgcolor, style.reverse, style.underline


@pytest.mark.parametrize("options", [{}, {"slow_link": True}, {"color_mode": ColorMode.NONE, "is_ascii": True}])
def test_ticking_cells_look_like_those_of_a_row_painted_whole(tmp_path: Path, options: dict[str, Any]) -> None:
    async def story(monitor: Monitored) -> None:
        table = monitor.screen.run_list.table

        def cells() -> list[list[tuple[str, object]]]:
            strips = [table.strip_at(y) for y in range(table.size.height)]
            return [[(each, seen(each, style)) for text, style, _ in strip for each in text] for strip in strips]

        await monitor.press("j", "space", "k", wait_s=58)
        for _ in range(4):
            await monitor.later(1)
            ticked = cells()
            table._painted.clear()
            assert cells() == ticked

    fleet = Fleet(VirtualClock())
    fleet.add_all(FleetRun(number, -number - 1.0, -number - 0.5, 1000.0 * (number % 2)) for number in range(1, 9))
    run_story(story, tmp_path, fleet, **options)
