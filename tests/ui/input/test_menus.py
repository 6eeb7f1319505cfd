"""Help, palette and messages are opened, used and closed."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.support.ui.fleets import small_fleet
from tests.support.ui.monitor import monitored
from tui.features.command_line.view import CommandLineScreen
from tui.kit.page_screen import HelpScreen, MessagesScreen
from tui.store.changes import TOOK


def keys_of(text: str) -> list[str]:
    """Return the keys in the first column of the help page."""
    return [key for line in text.split("\n") for key in line[2:16].split()]


def test_help_shows_every_key_of_every_pane_once(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with monitored(small_fleet(3), tmp_path, size=(70, 100)) as monitor:
            for pane in "1234":
                await monitor.press(pane, "question_mark")
                page = monitor.text.split("  status ")[0].split("\n", 3)[3]
                titles = {"move", "look", "find", "copy", "act", "only", "time", "program"}
                found = [key for key in keys_of(page) if key not in titles]
                assert "more" not in found, "every binding has a row"
                assert len(found) == len(set(found))
                assert {*"jkgGxXznNfspryYCRuvVeEhlw0^-<>,.[]/:?", "Enter", "Esc", "ctrl-q", "space"} <= set(found)
                assert " Esc back" in monitor.lines[-1]
                await monitor.press("slash", *"quit", "enter")
                assert "match 1 of " in monitor.lines[1]
                assert "n next match" in monitor.lines[-1]
                await monitor.press("slash", *"zzz", "enter")
                assert "not found here" in monitor.lines[1]
                assert "next match" not in monitor.lines[-1]
                await monitor.press("escape", "escape")
                assert monitor.app.screen is monitor.screen

    asyncio.run(scenario())


def test_help_shows_the_keys_of_the_pane_behind_it(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with monitored(small_fleet(3), tmp_path, size=(80, 60)) as monitor:
            await monitor.press("question_mark")
            assert "keys · runs" in monitor.text
            assert "whole run ids" in monitor.text
            await monitor.press("escape", "j", "2", "question_mark")
            assert "keys · detail" in monitor.text
            assert "wrap long lines" in monitor.text
            assert "whole run ids" not in monitor.text

    asyncio.run(scenario())


def test_help_of_a_read_only_monitor_has_no_actions(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with monitored(small_fleet(3), tmp_path, read_only=True, size=(80, 60)) as monitor:
            await monitor.press("2", "question_mark")
            assert isinstance(monitor.app.screen, HelpScreen)
            assert "keys · overview" in monitor.text
            assert "cancel" not in monitor.text
            assert "a replay" not in monitor.text

    asyncio.run(scenario())


def test_command_is_found_while_typing_and_run_by_enter(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with monitored(small_fleet(3), tmp_path) as monitor:
            # Without a pause: keys that are typed before the palette is shown belong to it.
            await monitor.press("colon", *"took", "enter")
            assert monitor.app.screen is monitor.screen
            assert monitor.screen.run_list.views.query.order is TOOK
            await monitor.press("ctrl+p")
            palette: object = monitor.app.screen
            assert isinstance(palette, CommandLineScreen)
            assert "sort ORDER" in monitor.text
            await monitor.press(*"zzz")
            assert "No command zzz." in monitor.text
            await monitor.press("enter", "escape")
            assert monitor.app.screen is monitor.screen
            await monitor.press("colon", "down", "up", *"next pane", "enter")
            assert monitor.screen.pane.title == "overview"

    asyncio.run(scenario())


@pytest.mark.parametrize("keys", [["colon"], ["f"], ["j", "Y"], ["j", "R"], ["question_mark"]])
def test_quit_works_in_every_dialog(tmp_path: Path, keys: Sequence[str]) -> None:
    async def scenario() -> None:
        async with monitored(small_fleet(3), tmp_path) as monitor:
            await monitor.press(*keys)
            assert monitor.app.screen is not monitor.screen
            await monitor.press("ctrl+c")
            assert monitor.app.return_code == 0

    asyncio.run(scenario())


def test_messages_are_shown_newest_last_and_updated(tmp_path: Path) -> None:
    async def scenario() -> None:
        fleet = small_fleet(3)
        fleet.allow_queries()
        async with monitored(fleet, tmp_path, size=(80, 24)) as monitor:
            await monitor.press("colon", *"messages", "enter")
            screen = monitor.app.screen
            assert isinstance(screen, MessagesScreen)
            assert "Nothing went wrong so far." in monitor.text
            for number in range(60):
                monitor.app.messages.add(monitor.session.now(), f"\x1b[31mtrouble {number}")
            await monitor.later(1)
            assert "␛[31mtrouble 59" in monitor.lines[-2]
            assert "60 messages" in monitor.lines[1]
            await monitor.press("q")
            assert monitor.app.screen is monitor.screen

    asyncio.run(scenario())


def test_color_mode_does_not_move_anything(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with monitored(small_fleet(3), tmp_path, size=(80, 24)) as monitor:
            await monitor.press("x", wait_s=2)
            before = monitor.lines
            await monitor.press("colon", *"16", "enter")
            assert set(monitor.lines[-4]) == {"─"}
            assert monitor.lines[-3:-1] == before[-3:-1]
            await monitor.press("colon", *"light", "enter")
            assert monitor.lines[:-1] == before[:-1]

    asyncio.run(scenario())
