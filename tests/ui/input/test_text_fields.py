"""Every printable key is text in a field: no dialog with a field binds one."""

import asyncio
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages

from textual import events
from textual.app import App, ComposeResult
from textual.screen import Screen
from textual.widgets import Input

import tui
from tests.support.fleet import FleetRun
from tests.support.ui.action_app import Stage, executing, fleet_of, play
from tests.support.ui.fleets import small_fleet
from tests.support.ui.monitor import Monitored, run_story
from tui.api.actions import CANCEL
from tui.kit.lines import MAX_CHARS, TextInput
from tui.kit.painted import MAX_TYPED

FAILED = FleetRun(90, -10, -9, -8, end="FAILED", task="charge-card")
PRINTABLE = [chr(code) for code in range(33, 127)]

FIELDS = {
    "MainScreen": ("slash",),
    "ErrorsScreen": ("exclamation_mark", "slash"),
    "QueuesScreen": ("Q", "slash"),
    "CommandLineScreen": ("colon",),
    "HelpScreen": ("question_mark", "slash"),
    "MessagesScreen": (":", *"messages", "enter", "slash"),
    "ServerFiltersScreen": ("f",),
    "SaveView": ("S",),
    "ColumnPathScreen": ("c", "a"),
}
"""The keys from the list to the first field of each screen. `ConfirmScreen` is tested separately."""

ALIKE = {
    "BaseScreen",
    "ComparedScreen",
    "FormDialog",
    "ListScreen",
    "PageScreen",
    "PaintedDialog",
    "PaintedScreen",
    "ValueScreen",
    "ViewsScreen",
}
"""Base classes, and pages like those above."""

WITHOUT = {
    "ColumnsScreen",
    "CopyMenu",
    "LineDialog",
    "LeaveScreen",
    "LinkDialog",
    "ListDialog",
    "MainView",
    "ViewScreen",
    "PartMenu",
    "ReadMenu",
    "LetterMenu",
    "OwnCommandScreen",
    "ViewQuestion",
    "WallScreen",
    "YesNoDialog",
}
"""Screens that have no field."""


def screens() -> set[str]:
    for module in walk_packages(tui.__path__, "tui."):
        import_module(module.name)
    found: set[str] = set()
    waiting: list[type[object]] = [Screen]
    while waiting:
        for each in waiting.pop().__subclasses__():
            waiting.append(each)
            if each.__module__.startswith("tui."):
                found.add(each.__name__)
    return found


def test_every_screen_is_covered() -> None:
    assert screens() == FIELDS.keys() | ALIKE | WITHOUT | {"ConfirmScreen"}


def test_printable_keys_are_text_in_a_field(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
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

    run_story(story, tmp_path, fleet_of(FAILED, executing(1)))


def test_printable_keys_are_text_in_the_confirmation(tmp_path: Path) -> None:
    root = executing(1)
    below = [FleetRun(10 + n, -80.0 + n, task="import-page", parent=1) for n in range(10)]

    async def scenario(stage: Stage) -> None:
        await stage.ask(CANCEL, root)
        await stage.wait_for_paint()
        for start in range(0, len(PRINTABLE), MAX_TYPED):
            keys = PRINTABLE[start : start + MAX_TYPED]
            await stage.press("ctrl+u", *keys)
            assert stage.is_confirming()
            assert stage.app.screen.answer.typed == "".join(keys)  # type: ignore[attr-defined]

    play(fleet_of(root, *below), tmp_path, scenario)


def paste(monitor: Monitored, text: str) -> None:
    event = events.Paste(text)
    event.set_sender(monitor.app)
    assert monitor.app._driver is not None
    monitor.app._driver.send_message(event)


def test_editing_keys_act_in_the_order_of_typing(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        await monitor.press("slash", *"abc", "backspace", "backspace", *"d", "home", *"x", "end", *"y")
        field = monitor.app.focused
        assert isinstance(field, TextInput)
        assert field.value == "xady"
        await monitor.press("ctrl+u", *"one", "ctrl+w", *"two")
        assert field.value == "two"

    run_story(story, tmp_path, small_fleet())


def test_enter_after_a_paste_keeps_the_pasted_text(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        await monitor.press("slash")
        paste(monitor, "task:send-\n")
        await monitor.press("enter")
        assert "/task:send-" in monitor.lines[1]
        await monitor.press("colon")
        paste(monitor, "help")
        await monitor.press("enter")
        assert type(monitor.app.screen).__name__ == "HelpScreen"

    run_story(story, tmp_path, small_fleet())


PASTES = [
    ("one\ntwo", "one two"),
    ("\r\none\ttwo\r\n", "one two"),
    ("one\u2028two", "one two"),
    (" a  b ", " a  b "),
    ("\x1b[31mred\x07\x9b", "[31mred"),
    ("a\u202eb\u200bc", "abc"),
    ("👨\u200d👩", "👨\u200d👩"),
    ("\n\n", ""),
    ("x" * 3 * MAX_CHARS, "x" * MAX_CHARS),
]
"""Pasted texts, and what a field takes of each."""


def test_field_cuts_a_paste_at_its_maximum(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        await monitor.press("slash")
        field = monitor.app.focused
        assert isinstance(field, TextInput)
        for pasted, taken in PASTES:
            field.clear()
            paste(monitor, pasted)
            await monitor.later()
            assert field.value == taken

    run_story(story, tmp_path, small_fleet())


def test_hidden_cursor_is_placed_only_in_a_focused_field() -> None:
    class OneField(App[None]):
        AUTO_FOCUS = None

        def compose(self) -> ComposeResult:
            yield TextInput("some text")

    async def story() -> None:
        async with OneField().run_test() as pilot:
            field = pilot.app.query_one(TextInput)
            assert pilot.app.cursor_position == (0, 0)
            field.focus()
            await pilot.pause()
            assert pilot.app.cursor_position != (0, 0)
            assert not field.cursor_blink, "it would write twice a second"
            pilot.app.set_focus(None)
            await pilot.pause()
            field.value = "another"
            await pilot.pause()
            assert pilot.app.cursor_position == (0, 0)

    asyncio.run(story())
