"""The list pane by its keys, its filter, and its span of time."""

from pathlib import Path
from typing import Any

import pytest
from rich.style import Style

from tests.support.fleet import Fleet, FleetRun, fleet_of
from tests.support.ui.fleets import small_fleet
from tests.support.ui.monitor import Monitored, on_monitor, run_story
from tests.support.virtual_clock import VirtualClock
from tui.emulator.routes.table import NAMES
from tui.kit.colors import ColorMode


def cursor_line(monitor: Monitored) -> int | None:
    """The line of the terminal with the cursor of the list."""
    return next((number for number, line in enumerate(monitor.lines) if line.startswith("▌")), None)


@on_monitor(small_fleet)
async def test_list_follows_until_the_cursor_moves(monitor: Monitored) -> None:
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


@on_monitor(small_fleet)
async def test_runs_stay_while_the_servers_clock_is_wrong(monitor: Monitored) -> None:
    faults = monitor.api.fleet.emulator.faults
    faults.set([{"kind": "clock-skew", "seconds": 3 * 86_400}], NAMES)
    await monitor.later(40)
    assert len(monitor.screen.run_list.rows.view) == 30  # as of three days later, none would be of the last 24 hours
    faults.set([], NAMES)
    await monitor.later(20)
    assert len(monitor.screen.run_list.rows.view) == 30


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


@on_monitor(small_fleet)
async def test_keys_move_mark_sort_and_filter(monitor: Monitored) -> None:
    rows = monitor.screen.run_list.rows

    async def at(*keys: str) -> int | None:
        await monitor.press(*keys)
        return None if rows.cursor is None else rows.view.index_of(rows.cursor)

    async def rule(*keys: str) -> str:
        await monitor.press(*keys)
        return monitor.lines[1]

    steps: dict[tuple[str, ...], int | None] = {
        ("j",): 0,
        ("down", "down"): 2,
        ("k",): 1,
        ("up",): 0,
        ("up", ""): None,
        ("ctrl+d",): 7,
        ("ctrl+u",): 0,
        ("pagedown",): 15,
        ("pageup",): 0,
        ("G",): 29,
        ("home",): None,
        ("end",): 29,
        ("g",): None,
        ("right_square_bracket",): 0,
        ("2", "right_square_bracket", "right_square_bracket"): 2,
        ("left_square_bracket", "1"): 1,
    }
    for keys, expected in steps.items():
        assert await at(*filter(None, keys)) == expected, keys
    # x and X go to the next and the previous failed run.
    failed = [await at(key) for key in ("g", "x", "x", "X")]
    assert failed[1] == failed[3] != failed[2]
    assert "Failed" in monitor.lines[cursor_line(monitor) or 0]
    # Whole ids.
    whole = rows.visible_runs[0]
    for is_whole in (False, True):
        assert (whole in monitor.lines[3]) is is_whole
        await monitor.press("w")
    # Marks: of rows, to the last mark, of all; those that a filter hides are counted, and end with it.
    await monitor.press("g", "j", "space", "space")
    assert [line[0] for line in monitor.lines[3:6]] == ["•", "•", "▌"]
    assert "2 marked" in monitor.lines[1]
    assert "4 marked" in await rule("j", "V")
    assert " 30 marked " in await rule("asterisk")
    assert " 18 of 30 · 30 marked, 12 hidden " in await rule("slash", *"status:completed", "enter")
    assert "marked" not in await rule("escape")
    assert "/status:completed" in monitor.lines[1]
    assert "marked" not in await rule("escape", "asterisk", "slash", *"status:completed", "enter", *["asterisk"] * 2)
    # Orders keep the run under the cursor.
    await monitor.press("escape", "g", "j", "j", "j")
    here = rows.cursor
    for words in ("by status", "by task", "by took, running first", "by updated", "by cost", "newest first"):
        assert words in await rule("s")
        assert rows.cursor == here
    # A filter counts while it is typed.
    assert "6 of 30" in await rule("slash", *"status:threw")
    assert "12 of 30" in await rule("escape", "slash", *"status:failed")
    assert all("Completed" not in line for line in monitor.lines[3:15])
    assert "12 of 30" not in await rule("escape")
    await monitor.press("slash", *"zebra", "enter")
    assert "No runs match. Esc clears the filter." in monitor.text
    assert "of 30" not in await rule("escape")


@on_monitor(lambda: small_fleet(12))
async def test_payloads_are_searched_when_the_user_asks(monitor: Monitored) -> None:
    await monitor.press("slash", *"zebra", "enter")
    assert " payloads · " in monitor.lines[3]
    assert "Enter on this line: read them" in monitor.lines[3]
    await monitor.press("slash", *"payload.n:7", "enter", "G", "enter")  # the first letter replaces the text
    await monitor.later(15)
    assert "1 of 12" in monitor.lines[1]
    assert " payloads · " not in monitor.text


def seen(character: str, style: Style | None) -> object:
    """The visible part of a style: a space has no ink."""
    if style is None or character != " ":
        return style
    return style.bgcolor, style.reverse, style.underline


@pytest.mark.parametrize("options", [{}, {"color_mode": ColorMode.NONE, "is_ascii": True}])
def test_ticking_cells_look_like_those_of_a_row_painted_whole(tmp_path: Path, options: dict[str, Any]) -> None:
    async def story(monitor: Monitored) -> None:
        table = monitor.screen.run_list.table

        def cells() -> list[list[tuple[str, object]]]:
            strips = [table.render_line(y) for y in range(table.size.height)]
            return [[(each, seen(each, style)) for text, style, _ in strip for each in text] for strip in strips]

        await monitor.press("j", "space", "k", wait_s=1)
        for _ in range(4):
            await monitor.later(1)
            ticked = cells()
            table._painted.clear()
            assert cells() == ticked

    fleet = fleet_of(FleetRun(number, -number - 51.0, -number - 50.5, 1000.0 * (number % 2)) for number in range(1, 9))
    run_story(story, tmp_path, fleet, **options)


REMARKS = (
    ("foo:bar", 'no field "foo"; the fields are status task tag'),
    ("status:faild", 'no status "faild"; similar names: failed'),
)


@on_monitor(small_fleet)
async def test_wrong_filter_shows_no_runs_and_says_why(monitor: Monitored) -> None:
    rows = monitor.screen.run_list.rows
    for text, remark in REMARKS:
        await monitor.press("slash", *text)
        assert remark in monitor.lines[-1]
        await monitor.press("enter", "asterisk")
        assert remark in monitor.lines[1]
        assert remark[1:] in monitor.lines[4]
        assert (len(rows.view), len(rows.marks)) == (0, 0)
        await monitor.press("escape")
        assert remark not in monitor.text
        assert len(rows.view) == 30
    # Half a word is an error only after Enter.
    await monitor.press("slash", *"task:send-email took:>1")
    assert "not a duration" not in monitor.text
    assert len(rows.view) == 30
    await monitor.press("enter")
    assert '">1" is not a duration' in monitor.lines[1]
    assert len(rows.view) == 0
    await monitor.press("slash", *"s", "enter")
    assert "not a duration" not in monitor.text
    # Runs leave a filter as time passes.
    await monitor.press("escape", "slash", *"age:<1m", "enter")
    shown = len(rows.view)
    await monitor.later(10)
    assert len(rows.view) == shown - 1


def test_pause_filters_and_sorts_the_paused_runs(tmp_path: Path) -> None:
    fleet = small_fleet()
    fleet.add(FleetRun(900, 0.0, 0.0, fleet.now_s + 8, "FAILED", task="ends-in-the-pause"))

    async def story(monitor: Monitored) -> None:
        rows = monitor.screen.run_list.rows
        await monitor.press("p")
        fleet.add(FleetRun(901, fleet.now_s + 1, task="begins-in-the-pause"))
        await monitor.later(10)
        assert "paused" in monitor.lines[0]
        assert "2 changed" in monitor.lines[0]
        await monitor.press("slash", *"status:threw", "enter", "asterisk")
        assert len(rows.view) == len(rows.marks) == 6
        assert "ends-in-the-pause" not in monitor.text
        await monitor.press("escape", "escape", "s")
        assert len(rows.view) == 31
        assert "? run_" not in monitor.text
        await monitor.press("slash", *"status:threw", "enter", "p", wait_s=1)
        assert len(rows.view) == 7
        assert "ends-in-the-pause" in monitor.text
        await monitor.press("escape")
        assert len(rows.view) == 32

    run_story(story, tmp_path, fleet)
