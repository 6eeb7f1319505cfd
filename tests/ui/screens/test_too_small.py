"""Below the smallest size, only a notice is shown, whatever is open, and no key reaches what it hides."""

import pytest
from textual import events

from tests.support.ui.fleets import failing_fleet, small_fleet
from tests.support.ui.monitor import Monitored, on_monitor
from tui.features.actions.view import ConfirmScreen
from tui.features.command_line.view import CommandLineScreen
from tui.features.errors.screen import ErrorsScreen
from tui.features.runs.filters import ServerFiltersScreen
from tui.features.runs.screen import MainScreen
from tui.features.views.view import LetterMenu
from tui.features.wall.view import WallScreen
from tui.kit.page_screen import HelpScreen
from tui.kit.type_ahead import AFTER_PASTE_S

SIZE = (80, 24)


def notice(width: int, height: int) -> list[str]:
    return [f"Terminal too small: {width}x{height}, needs 60x15.", "ctrl-q quits.", *[""] * (height - 2)]


def replays(monitor: Monitored) -> list[str]:
    return [path for _, path, _ in monitor.api.fleet.requests if path.endswith("/replay")]


SCREENS: tuple[tuple[tuple[str, ...], type[object]], ...] = (
    ((), MainScreen),
    (("question_mark",), HelpScreen),
    (("colon",), CommandLineScreen),
    (("f",), ServerFiltersScreen),
    (("apostrophe",), LetterMenu),
    (("j", "R"), ConfirmScreen),
    (("exclamation_mark",), ErrorsScreen),
    (("W",), WallScreen),
)


@on_monitor(failing_fleet, size=SIZE)
async def test_notice_hides_every_screen(monitor: Monitored) -> None:
    for keys, opened in SCREENS:
        await monitor.press(*keys)
        assert isinstance(monitor.app.screen, opened)
        titles, focused = monitor.lines[:2], monitor.app.focused
        typed = getattr(focused, "value", None)
        for size in () if keys else ((59, 15), (60, 14)):
            await monitor.resize(*size)
            assert monitor.lines == notice(*size)
        await monitor.resize(1, 1)
        assert monitor.text == "…"
        await monitor.press("j", "y", "q", "escape", "enter")
        if typed is not None:
            monitor.send(events.Paste("pasted"))
            await monitor.later(2 * AFTER_PASTE_S)
        await monitor.resize(*SIZE)
        assert isinstance(monitor.app.screen, opened)
        assert monitor.app.focused is focused
        assert getattr(focused, "value", None) == typed
        assert [line[:6] for line in monitor.lines[:2]] == [line[:6] for line in titles]
        while monitor.app.screen is not monitor.screen:
            await monitor.press("escape")
    await monitor.resize(20, 3)
    assert monitor.lines == ["Terminal too small:", "20x3, needs 60x15.", "ctrl-q quits."]


@on_monitor(small_fleet, size=SIZE)
async def test_no_key_confirms_a_hidden_plan(monitor: Monitored) -> None:
    await monitor.press("j", "R", wait_s=0.5)
    await monitor.answer(2)
    await monitor.resize(50, 12)
    await monitor.answer(2)
    await monitor.press("y", "enter", "escape", wait_s=5)
    assert isinstance(monitor.app.screen, ConfirmScreen)
    await monitor.resize(*SIZE)
    await monitor.press("y", wait_s=5)
    assert isinstance(monitor.app.screen, ConfirmScreen), "typed before the question could be seen again"
    assert replays(monitor) == []
    await monitor.answer(2)
    await monitor.press("y", wait_s=5)
    assert len(replays(monitor)) == 1


@pytest.mark.parametrize(("opening", "key"), [((), "ctrl+q"), (("j", "R"), "ctrl+c")])
@on_monitor(small_fleet, size=SIZE)
async def test_quitting_works_while_too_small(monitor: Monitored, opening: tuple[str, ...], key: str) -> None:
    await monitor.press(*opening, wait_s=1)
    await monitor.resize(40, 10)
    await monitor.press(key)
    assert monitor.app.return_code == 0
