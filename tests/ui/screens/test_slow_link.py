"""What the monitor does on a slow link: a cursor that is an edge, panes that wait, ages in minutes, 256 colours.

`tests/test_figures.py` counts the bytes.
"""

from pathlib import Path

import pytest
from rich.color import ColorType
from rich.segment import Segment
from textual.strip import Strip

from tests.support.fleet import Fleet, FleetRun
from tests.support.ui.fleets import small_fleet
from tests.support.ui.monitor import Monitored, run_story
from tests.support.virtual_clock import VirtualClock
from tui.kit.screen import SLOW_LINK_REST_S
from tui.kit.terminal.input import LinkSpeedChanged

RIGHT_EDGE = 999
RUNNING = 6


def table_strips(monitor: Monitored) -> list[Strip]:
    table = monitor.screen.run_list.table
    return [table.strip_at(y) for y in range(table.size.height)]


def table_cells(monitor: Monitored) -> list[list[tuple[str, object]]]:
    """Each character of the table with what is visible of its style: a blank shows its background only."""
    return [
        [
            (character, segment.style and (segment.style.bgcolor if character == " " else segment.style))
            for segment in strip
            for character in segment.text
        ]
        for strip in table_strips(monitor)
    ]


def sentences(monitor: Monitored) -> list[str]:
    """The messages about the link."""
    return [message.text for message in monitor.app.messages if message.text.startswith("The link")]


def colour_types(monitor: Monitored) -> set[ColorType]:
    """The kinds of colours on the whole screen, those of Textual's own widgets included."""
    styles = [segment.style for strip in monitor.app.screen._compositor.render_strips() for segment in strip]
    colors = [color for style in styles if style is not None for color in (style.color, style.bgcolor)]
    return {color.type for color in colors if color is not None}


async def report_speed(monitor: Monitored, *, is_slow: bool) -> None:
    """Post what the driver posts."""
    monitor.app.post_message(LinkSpeedChanged(is_slow=is_slow))
    await monitor.later(0.05)


def test_cursor_on_a_slow_link_changes_two_edges(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        await monitor.press("j", wait_s=1)
        before = table_strips(monitor)
        await monitor.press("j", wait_s=SLOW_LINK_REST_S / 6)
        after = table_strips(monitor)
        assert sum(old != new for old, new in zip(before, after, strict=True)) == 2
        assert [strip.crop(2, RIGHT_EDGE) for strip in after] == [strip.crop(2, RIGHT_EDGE) for strip in before]

    run_story(story, tmp_path, small_fleet(6), slow_link=True)


def test_panes_wait_on_a_slow_link_until_the_cursor_rests(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        await monitor.press("j", wait_s=1)
        first, footer = monitor.screen.selection.run_id, monitor.lines[-1]
        await monitor.press("j", "j", wait_s=SLOW_LINK_REST_S / 2)
        assert monitor.screen.run_list.target != first
        assert monitor.screen.selection.run_id == first
        assert monitor.lines[-1] == footer
        await monitor.later(SLOW_LINK_REST_S)
        assert monitor.screen.selection.run_id == monitor.screen.run_list.target

    run_story(story, tmp_path, small_fleet(6), slow_link=True)


def test_pane_shows_the_run_of_the_cursor_when_it_is_entered(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        screen, seen = monitor.screen, set()
        for key in ("tab", "2", "enter", "f"):
            await monitor.press("1", "j", wait_s=1)
            await monitor.press("j", key, wait_s=SLOW_LINK_REST_S / 6)
            expected = screen.run_list.target
            seen.add(expected)
            assert screen.history.current == expected, key
            if key != "f":
                assert screen.selection.run_id == screen.pane.target == expected, key
        assert len(seen) == 4

    run_story(story, tmp_path, small_fleet(9), slow_link=True)


def test_speed_of_the_link_changes_while_the_monitor_runs(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        await monitor.press("j", wait_s=1)
        before, cells = monitor.lines, table_cells(monitor)
        await report_speed(monitor, is_slow=True)
        assert "slow link" in monitor.lines[0]
        assert table_cells(monitor) != cells
        assert colour_types(monitor) == {ColorType.EIGHT_BIT}
        await report_speed(monitor, is_slow=False)
        assert monitor.lines == before
        assert table_cells(monitor) == cells
        assert colour_types(monitor) == {ColorType.TRUECOLOR}
        assert [text[:17] for text in sentences(monitor)] == ["The link is slow.", "The link is fast "]

    run_story(story, tmp_path, small_fleet(6))


def test_nothing_changes_within_a_minute_on_a_slow_link(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        await monitor.press("j", wait_s=2)
        before = monitor.lines
        assert sum("<1m" in line for line in before) > RUNNING
        for _ in range(5):
            await monitor.later(1)
            assert monitor.lines == before
        await monitor.later(60)
        assert monitor.lines != before

    fleet = Fleet(VirtualClock())
    fleet.add_all(FleetRun(number, -number - 34.0, -number - 33.5, 1000) for number in range(1, RUNNING + 1))
    run_story(story, tmp_path, fleet, slow_link=True)


def test_page_behind_a_dialog_stays_as_it_is_on_a_slow_link(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        def rule() -> list[Segment]:
            return list(monitor.app.screen._compositor.render_strips()[1])

        await monitor.press("j", wait_s=1)
        for is_slow in (True, False):
            await report_speed(monitor, is_slow=is_slow)
            before = rule()
            await monitor.press(":", wait_s=1)
            assert (rule() == before) is is_slow
            await monitor.press("escape", wait_s=1)

    run_story(story, tmp_path, small_fleet(6))


def test_dialogs_have_256_colours_on_a_slow_link(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        await monitor.press("j", wait_s=1)
        page = monitor.text
        for key in (":", "f", "slash", "question_mark"):
            await monitor.press(key, wait_s=1)
            assert monitor.text != page, key
            assert colour_types(monitor) == {ColorType.EIGHT_BIT}, key
            await monitor.press("escape", wait_s=1)

    run_story(story, tmp_path, small_fleet(6), slow_link=True)


@pytest.mark.parametrize("forced", [True, False])
def test_forced_speed_of_the_link_stays(tmp_path: Path, forced: bool) -> None:
    async def story(monitor: Monitored) -> None:
        for is_slow in (True, False):
            await report_speed(monitor, is_slow=is_slow)
            assert ("slow link" in monitor.lines[0]) is forced
            assert monitor.app.is_slow_link is forced
        assert not sentences(monitor)

    run_story(story, tmp_path, small_fleet(6), slow_link=forced)
