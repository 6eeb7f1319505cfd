"""Help and messages open and close, and every printable key is text in a field."""

import asyncio
from pathlib import Path

from textual import events
from textual.widgets import Input

from tests.support.fleet import FleetRun, fleet_of
from tests.support.ui.action_app import executing
from tests.support.ui.fleets import small_fleet
from tests.support.ui.monitor import Monitored, monitored, on_monitor
from tui.kit.lines import MAX_CHARS, TextInput
from tui.kit.page_screen import MessagesScreen

FAILED = FleetRun(90, -10, -9, -8, end="FAILED", task="charge-card")
PRINTABLE = [chr(code) for code in range(33, 127)]

FIELDS = {
    "MainScreen": ("slash",),
    "ErrorsScreen": ("exclamation_mark", "slash"),
    "CommandLineScreen": ("colon",),
    "HelpScreen": ("question_mark", "slash"),
    "ServerFiltersScreen": ("f",),
    "ColumnPathScreen": ("c", "a"),
}
"""The keys from the list to the first field of each kind of screen. `ConfirmScreen` is tested separately."""


@on_monitor(lambda: fleet_of(FAILED, executing(1)), size=(80, 24))
async def test_printable_keys_are_text_in_a_field(monitor: Monitored) -> None:
    app = monitor.app
    for name, keys in FIELDS.items():
        await monitor.press(*keys, wait_s=1)
        screen = app.screen
        assert type(screen).__name__ == name
        field = app.focused
        if not isinstance(field, Input):
            field = screen.query(Input).first()
            screen.set_focus(field)
        field.value = "a"  # `G` moves in the empty line of the palette, where no command begins with it
        field.cursor_position = 1
        await monitor.press(*PRINTABLE)
        assert app.screen is screen, name
        assert field.value == "".join(["a", *PRINTABLE]), name
        assert app.return_code is None, name
        while isinstance(app.focused, Input) or app.screen is not monitor.screen:
            await monitor.press("escape")


@on_monitor(small_fleet)
async def test_field_takes_keys_and_pastes_in_their_order(monitor: Monitored) -> None:
    await monitor.press("slash", *"abc", "backspace", "backspace", *"d", "home", *"x", "end", *"y")
    field = monitor.app.focused
    assert isinstance(field, TextInput)
    assert field.value == "xady"
    await monitor.press("ctrl+u", *"one", "ctrl+w", *"two")
    assert field.value == "two"
    for pasted, taken in PASTES:
        field.clear()
        monitor.send(events.Paste(pasted))
        await monitor.later()
        assert field.value == taken
    field.clear()
    monitor.send(events.Paste("task:send-\n"))
    await monitor.press("enter")
    assert "/task:send-" in monitor.lines[1], "Enter after a paste keeps its text"


PASTES = [
    ("one\ntwo", "one two"),
    ("\r\none\ttwo\r\n", "one two"),
    (" a  b ", " a  b "),
    ("\x1b[31mred\x07\x9b", "[31mred"),
    ("a\u202eb\u200bc", "abc"),
    ("👨\u200d👩", "👨\u200d👩"),
    ("x" * 3 * MAX_CHARS, "x" * MAX_CHARS),
]
"""Pasted texts, and what a field takes of each."""


def keys_of(text: str) -> list[str]:
    """Return the keys in the first column of the help page."""
    return [key for line in text.split("\n") for key in line[2:16].split()]


def test_help_shows_every_key_of_every_pane_once(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with monitored(small_fleet(3), tmp_path, size=(70, 100)) as monitor:
            for pane in "13":
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


def test_messages_are_shown_newest_last_and_updated(tmp_path: Path) -> None:
    async def scenario() -> None:
        fleet = small_fleet(3)
        fleet.allow_queries()
        async with monitored(fleet, tmp_path, size=(80, 24)) as monitor:
            await monitor.press("colon", *"messages", "enter")
            screen = monitor.app.screen
            assert isinstance(screen, MessagesScreen)
            assert "There are no messages yet." in monitor.text
            for number in range(60):
                monitor.app.messages.add(monitor.session.now(), f"\x1b[31mtrouble {number}")
            await monitor.later(1)
            assert "␛[31mtrouble 59" in monitor.lines[-2]
            assert "60 messages" in monitor.lines[1]
            await monitor.press("q")
            assert monitor.app.screen is monitor.screen

    asyncio.run(scenario())
