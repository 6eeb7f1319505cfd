"""Help, palette and messages: opened, used, closed."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.support.ui.fleets import small_fleet
from tests.support.ui.monitor import Monitored, monitored
from tui.store.orders import TOOK
from tui.ui.input.bindings import live_keys
from tui.ui.screens.help import HelpScreen
from tui.ui.screens.messages import MessagesScreen
from tui.ui.screens.palette import PaletteScreen


async def pages(monitor: Monitored) -> str:
    """Everything that a page says, from its top to its end."""
    text = monitor.text
    while True:
        await monitor.press("pagedown")
        if monitor.text in text:
            return text
        text += monitor.text


def test_the_help_has_every_key_that_works_with_its_sentence(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with monitored(small_fleet(3), tmp_path) as monitor:
            keys = live_keys(monitor.screen)
            assert len({key.action for key in keys}) > 25
            await monitor.press("question_mark")
            text = await pages(monitor)
            for key in keys:
                assert any(key.shown in line and key.sentence[:30] in line for line in text.split("\n")), key
            assert " Esc back" in monitor.lines[-1]
            await monitor.press("slash", *"quit", "enter")
            assert "match 1 of " in monitor.lines[1]
            await monitor.press("escape", "escape")
            assert monitor.app.screen is monitor.screen

    asyncio.run(scenario())


def test_the_help_of_another_pane_has_other_keys_and_of_read_only_no_action(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with monitored(small_fleet(3), tmp_path, read_only=True) as monitor:
            await monitor.press("2", "question_mark")
            assert isinstance(monitor.app.screen, HelpScreen)
            text = await pages(monitor)
            assert "keys · detail" in text
            assert "mark range" not in text
            assert "ancel" not in text
            assert "eplay" not in text

    asyncio.run(scenario())


def test_a_command_is_found_while_it_is_typed_and_run_by_enter(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with monitored(small_fleet(3), tmp_path) as monitor:
            # In one go: what is typed before the palette is there belongs into it.
            await monitor.press("colon", *"took", "enter")
            assert monitor.app.screen is monitor.screen
            assert monitor.screen.run_list.views.wanted.order is TOOK
            await monitor.press("ctrl+p")
            palette: object = monitor.app.screen
            assert isinstance(palette, PaletteScreen)
            assert "sort by age" in monitor.text
            await monitor.press(*"zzz")
            assert "No such command." in monitor.text
            await monitor.press("enter", "escape")
            assert monitor.app.screen is monitor.screen
            await monitor.press("colon", "down", "up", *"next pane", "enter")
            assert monitor.screen.pane.title == "detail"

    asyncio.run(scenario())


@pytest.mark.parametrize("keys", [["colon"], ["f"], ["j", "Y"], ["j", "R"], ["question_mark"]])
def test_the_program_can_be_ended_from_every_dialog(tmp_path: Path, keys: Sequence[str]) -> None:
    async def scenario() -> None:
        async with monitored(small_fleet(3), tmp_path) as monitor:
            await monitor.press(*keys)
            assert monitor.app.screen is not monitor.screen
            await monitor.press("ctrl+c")
            assert monitor.app.return_code == 0

    asyncio.run(scenario())


def test_messages_are_shown_the_newest_last_also_those_that_come_meanwhile(tmp_path: Path) -> None:
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


def test_other_colours_leave_everything_in_its_place(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with monitored(small_fleet(3), tmp_path, size=(80, 24)) as monitor:
            await monitor.press("x", wait_s=2)
            before = monitor.lines
            await monitor.press("colon", *"16", "enter")
            assert set(monitor.lines[-4]) == {"─"}
            assert monitor.lines[-3:] == before[-3:]
            await monitor.press("colon", *"light", "enter")
            assert monitor.lines == before

    asyncio.run(scenario())
