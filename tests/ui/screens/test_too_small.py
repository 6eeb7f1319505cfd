"""Below the smallest size, only a notice is shown, whatever is open, and no key reaches what it hides."""

from pathlib import Path
from typing import Any

import pytest
from textual import events

from tests.support.ui.action_app import executing, fleet_of
from tests.support.ui.fleets import failing_fleet, small_fleet
from tests.support.ui.monitor import Monitored, run_story
from tui.features.actions.view import ConfirmScreen
from tui.features.columns.dialog import ColumnsScreen
from tui.features.command_line.view import CommandLineScreen
from tui.features.errors.screen import ErrorsScreen
from tui.features.queues.view import QueuesScreen
from tui.features.runs.filters import ServerFiltersScreen
from tui.features.runs.screen import MainScreen
from tui.features.views.view import LetterMenu
from tui.features.wall.view import WallScreen
from tui.kit.page_screen import HelpScreen, MessagesScreen
from tui.kit.painted import LeaveScreen
from tui.kit.speed import LineCompositor

SIZE = (80, 24)
MESSAGES = ("colon", *"messages", "enter")


def notice(width: int, height: int) -> list[str]:
    return [f"Terminal too small: {width}x{height}, needs 60x15.", "ctrl-q quits.", *[""] * (height - 2)]


def replays(monitor: Monitored) -> list[str]:
    return [path for _, path, _ in monitor.api.fleet.requests if path.endswith("/replay")]


@pytest.mark.parametrize(
    ("keys", "opened"),
    [
        ((), MainScreen),
        (("question_mark",), HelpScreen),
        (("colon",), CommandLineScreen),
        (("f",), ServerFiltersScreen),
        (("c",), ColumnsScreen),
        (("apostrophe",), LetterMenu),
        (("j", "R"), ConfirmScreen),
        (("exclamation_mark",), ErrorsScreen),
        (("exclamation_mark", "question_mark"), HelpScreen),
        (("Q",), QueuesScreen),
        (("W",), WallScreen),
        (("W", "question_mark"), HelpScreen),
        (MESSAGES, MessagesScreen),
    ],
)
def test_notice_hides_every_screen(tmp_path: Path, keys: tuple[str, ...], opened: type[object]) -> None:
    async def story(monitor: Monitored) -> None:
        await monitor.press(*keys, wait_s=1)
        assert isinstance(monitor.app.screen, opened)
        titles, focused = monitor.lines[:2], monitor.app.focused
        for size in ((60, 14), (59, 15), (40, 10)):
            await monitor.resize(*size)
            await monitor.later(2)
            assert monitor.lines == notice(*size)
        await monitor.resize(20, 3)
        assert monitor.lines == ["Terminal too small:", "20x3, needs 60x15.", "ctrl-q quits."]
        await monitor.resize(1, 1)
        await monitor.press("j", "y", "q", "escape", "enter")
        await monitor.resize(*SIZE)
        assert isinstance(monitor.app.screen, opened)
        assert monitor.app.focused is focused
        assert [line[:6] for line in monitor.lines[:2]] == [line[:6] for line in titles]

    run_story(story, tmp_path, failing_fleet(), size=SIZE)


@pytest.mark.parametrize("keys", [("slash",), ("colon",), ("exclamation_mark", "slash"), ("question_mark", "slash")])
def test_typed_text_stays_while_too_small(tmp_path: Path, keys: tuple[str, ...]) -> None:
    async def story(monitor: Monitored) -> None:
        await monitor.press(*keys, *"sen")
        await monitor.resize(40, 10)
        await monitor.press(*"xyz", "backspace", "escape")
        paste = events.Paste("pasted")
        paste.set_sender(monitor.app)
        monitor.app.post_message(paste)
        await monitor.later()
        await monitor.resize(*SIZE)
        await monitor.press("d")
        assert monitor.app.focused is not None
        assert getattr(monitor.app.focused, "value", "") == "send"
        assert "send" in monitor.text

    run_story(story, tmp_path, small_fleet(), size=SIZE)


def test_no_key_confirms_a_hidden_plan(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
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

    run_story(story, tmp_path, small_fleet(), size=SIZE)


def test_no_key_opens_a_question_behind_the_notice(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        await monitor.press("j")
        cursor = monitor.screen.run_list.rows.cursor
        await monitor.resize(50, 12)
        await monitor.press("R", "C", "j", "W", "q", wait_s=1)
        assert monitor.app.screen is monitor.screen
        assert monitor.screen.run_list.rows.cursor == cursor
        assert monitor.app.return_code is None

    run_story(story, tmp_path, small_fleet(), size=SIZE)


@pytest.mark.parametrize("opening", [(), ("question_mark",), ("colon",), ("j", "R"), ("W",)])
@pytest.mark.parametrize("key", ["ctrl+c", "ctrl+q"])
def test_quitting_works_while_too_small(tmp_path: Path, opening: tuple[str, ...], key: str) -> None:
    async def story(monitor: Monitored) -> None:
        await monitor.press(*opening, wait_s=1)
        await monitor.resize(40, 10)
        await monitor.press(key)
        assert monitor.app.return_code == 0

    run_story(story, tmp_path, small_fleet(), size=SIZE)


def test_notice_names_the_users_own_key(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        assert monitor.lines[1] == "F9 quits."
        await monitor.press("ctrl+c")
        assert monitor.app.return_code is None
        await monitor.press("f9")
        assert monitor.app.return_code == 0

    run_story(story, tmp_path, small_fleet(), size=(50, 12), keys={"quit": ("f9",)})


@pytest.mark.parametrize("keys", [("j",), ("j", "R")])
def test_notice_is_painted_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, keys: tuple[str, ...]) -> None:
    updates: list[object] = []
    render = LineCompositor.render_update

    def recorded(compositor: LineCompositor, *arguments: Any, **named: Any) -> Any:
        updates.append(render(compositor, *arguments, **named))
        return updates[-1]

    monkeypatch.setattr(LineCompositor, "render_update", recorded)

    async def story(monitor: Monitored) -> None:
        await monitor.press(*keys, wait_s=1)
        await monitor.resize(50, 12)
        updates.clear()
        await monitor.later(3)
        assert not any(updates)
        assert monitor.lines == notice(50, 12)

    run_story(story, tmp_path, fleet_of(*(executing(n) for n in range(1, 4))), size=SIZE)


def test_hidden_question_about_waiting_actions_quits(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        await monitor.press("j", "space", "space", "C", wait_s=0.5)
        await monitor.answer(2)
        await monitor.press("y")
        await monitor.resize(40, 10)
        await monitor.press("ctrl+c")
        assert isinstance(monitor.app.screen, LeaveScreen)
        await monitor.answer(2)
        await monitor.press("y", "q")
        assert monitor.app.return_code is None
        assert monitor.lines == notice(40, 10)
        await monitor.press("ctrl+c")
        assert monitor.app.return_code == 0

    run_story(story, tmp_path, fleet_of(*(executing(n) for n in range(1, 4))), size=SIZE)
