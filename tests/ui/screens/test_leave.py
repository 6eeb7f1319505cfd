"""Quitting asks first while actions wait to be sent."""

from pathlib import Path

import pytest
from textual import events

from tests.support.ui.action_app import executing, fleet_of
from tests.support.ui.monitor import Monitored, run_story
from tui.features.actions.view import ConfirmScreen
from tui.kit.painted import LeaveScreen

RUNS = [executing(n) for n in range(1, 4)]


async def agree_to_two(monitor: Monitored) -> None:
    await monitor.press("j", "space", "space", "C", wait_s=0.5)
    await monitor.answer(2)
    await monitor.press("y")
    assert monitor.screen.action_controller.action_queue.is_withdrawable


def asks(monitor: Monitored) -> bool:
    return isinstance(monitor.app.screen, LeaveScreen)


def confirms(monitor: Monitored) -> bool:
    return isinstance(monitor.app.screen, ConfirmScreen)


def writes(monitor: Monitored) -> list[str]:
    return [path for _, path, _ in monitor.api.fleet.requests if path.endswith("/cancel")]


def test_quitting_asks_while_actions_wait(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        await agree_to_two(monitor)
        ways: list[tuple[str, ...]] = [("q",), ("ctrl+q",), ("ctrl+c",), ("colon", "q", "enter")]
        for keys in ways:
            await monitor.press(*keys)
            assert asks(monitor), keys
            assert "Cancel of 2 runs waits to be sent." in monitor.text
            await monitor.press("y", "q", "enter")
            assert asks(monitor), "typed before the question could be seen"
            await monitor.press("escape")
            assert monitor.app._exit is False
            assert not asks(monitor), keys
        await monitor.press("q")
        await monitor.answer(len(ways) + 1)
        await monitor.press("y")
        assert monitor.app.return_code == 0
        assert monitor.app.farewell() == ["Cancel of 2 runs was not sent: the program ended before that."]
        assert writes(monitor) == []

    run_story(story, tmp_path, fleet_of(*RUNS))


@pytest.mark.parametrize("keys", [("ctrl+c", "ctrl+c"), ("q", "ctrl+q"), ("ctrl+q", "ctrl+c")])
def test_the_second_ctrl_c_or_ctrl_q_quits(tmp_path: Path, keys: tuple[str, ...]) -> None:
    async def story(monitor: Monitored) -> None:
        await agree_to_two(monitor)
        await monitor.press(*keys)
        assert monitor.app.return_code == 0

    run_story(story, tmp_path, fleet_of(*RUNS))


def test_quitting_at_once_asks_nothing(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        await agree_to_two(monitor)
        monitor.app.action_leave_at_once()
        assert monitor.app.return_code == 0

    run_story(story, tmp_path, fleet_of(*RUNS))


def test_keys_behind_the_end_open_nothing(tmp_path: Path) -> None:
    """A screen that opens then never runs. Each key would wait a second for it, and the end for them."""

    async def story(monitor: Monitored) -> None:
        monitor.app.action_leave_at_once()
        await monitor.app.on_event(events.Key("Q", "Q"))
        assert len(monitor.app.screen_stack) == 1

    run_story(story, tmp_path, fleet_of(*RUNS))


def test_command_q_asks_and_q_bang_does_not(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        await agree_to_two(monitor)
        await monitor.press("colon", "q", "enter")
        assert asks(monitor)
        await monitor.press("escape", "colon", "q", "!", "enter")
        assert monitor.app.return_code == 0
        assert writes(monitor) == []

    run_story(story, tmp_path, fleet_of(*RUNS))


def test_leave_dialog_updates_when_nothing_waits(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        await agree_to_two(monitor)
        await monitor.press("ctrl+c", wait_s=1)
        await monitor.later(6)
        assert asks(monitor)
        assert "Nothing waits to be sent." in monitor.text
        assert len(writes(monitor)) == 2

    run_story(story, tmp_path, fleet_of(*RUNS))


def test_silent_terminal_can_quit_by_ctrl_c(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        await agree_to_two(monitor)
        await monitor.press("ctrl+c")
        await monitor.later(11)
        assert "y or" not in monitor.text
        await monitor.press("y")
        assert asks(monitor)
        await monitor.press("ctrl+c")
        assert monitor.app.return_code == 0

    run_story(story, tmp_path, fleet_of(*RUNS))


def test_covered_dialog_must_be_shown_again(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        await agree_to_two(monitor)
        await monitor.press("G", "C", wait_s=0.5)
        await monitor.answer(2)
        await monitor.press("ctrl+c")
        assert asks(monitor)
        await monitor.press("escape", "y")
        assert confirms(monitor)
        await monitor.answer(2)
        await monitor.press("y")
        assert not confirms(monitor)

    run_story(story, tmp_path, fleet_of(*RUNS))
