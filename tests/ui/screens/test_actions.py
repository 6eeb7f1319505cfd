"""Actions on the whole monitor: the runs that a key is about, refusals, outcomes, and quitting before the end."""

import re
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest
from starlette.responses import JSONResponse
from textual import events

from tests.support.actions import log_lines
from tests.support.fleet import FleetRun, fleet_of
from tests.support.ui.action_app import executing
from tests.support.ui.monitor import Monitored, on_monitor, run_story
from tui.features.actions.view import ConfirmScreen
from tui.kit.painted import LeaveScreen
from tui.kit.terminal.input import JoinedKey
from tui.kit.type_ahead import AFTER_PASTE_S, REFUSAL

FAILED = FleetRun(90, -10, -9, -8, end="FAILED", task="charge-card")


def asks(monitor: Monitored) -> bool:
    return isinstance(monitor.app.screen, ConfirmScreen)


def offered(monitor: Monitored) -> list[str]:
    """The actions in the footer."""
    return [word for word in ("C cancel", "R replay") if word in monitor.lines[-1]]


async def wait_for_question(monitor: Monitored) -> None:
    """The question is whole, and the terminal answered each time that it was asked."""
    await monitor.later(0.5)
    await monitor.answer(2)


@on_monitor(lambda: fleet_of(FAILED, executing(1)))
async def test_key_without_effect_says_why(monitor: Monitored) -> None:
    for key, name in (("C", "cancel"), ("R", "replay"), ("y", "copy")):
        await monitor.press(key)
        assert monitor.lines[-1].endswith(f"{name}: no run is selected: j or ↓ selects one")
    settings = monitor.session.settings
    monitor.session.settings = replace(settings, relay_url="ws://127.0.0.1:1")
    await monitor.press("C")
    assert monitor.lines[-1].endswith("cancel: cancel and replay do not work through a relay")
    monitor.session.settings = settings
    for keys, why in (
        ("u", "nothing to withdraw"),
        ("v", "no run was replayed in this session"),
        ("jC", "cancel: it is already Failed"),
    ):
        await monitor.press(*keys)
        assert monitor.lines[-1].endswith(why)
    assert not asks(monitor)
    await monitor.later(5)
    assert offered(monitor) == ["R replay"]


@on_monitor(lambda: fleet_of(FAILED, executing(1)))
async def test_paste_starts_no_action_and_says_so(monitor: Monitored) -> None:
    await monitor.press("j", "j")
    others = ("u", "y", "q", "o", "O", "ctrl+o", "S")
    for key, is_burst in (*product("CR", (False, True)), *product(others, (True,))):
        await monitor.later(5)
        monitor.app.post_message(JoinedKey("j", None, is_burst=True) if is_burst else events.Paste("x"))
        await monitor.press(key)
        assert monitor.lines[-1].endswith(REFUSAL), key
    await monitor.later(AFTER_PASTE_S)
    monitor.app.post_message(JoinedKey("ctrl+q", None, is_burst=True))
    await monitor.later()
    assert monitor.lines[-1].endswith(REFUSAL)
    await monitor.later(AFTER_PASTE_S)
    await monitor.press(":", *"cancel")
    monitor.app.post_message(events.Paste(""))
    await monitor.press("enter")
    assert monitor.lines[-1].endswith(REFUSAL)
    await monitor.later(AFTER_PASTE_S)
    await monitor.press("C")
    assert asks(monitor)


@on_monitor(lambda: fleet_of(FAILED, executing(1), executing(2)))
async def test_action_uses_visible_marks_wherever_the_cursor_is(monitor: Monitored) -> None:
    for key, offers in (("j", ["R replay"]), ("space", ["R replay"]), ("space", ["C cancel", "R replay"])):
        await monitor.press(key, wait_s=1)
        assert offered(monitor) == offers, "what some marked run allows"
    await monitor.press("escape", "g", "j", "j", "space", "space")
    for keys, is_out in ((("g", "j"), True), (("j",), False), (("g",), False)):
        await monitor.press(*keys)
        assert "C cancel" in monitor.lines[-1]
        await monitor.press("C")
        assert "Cancel 2 runs?" in monitor.text
        assert ("the run under the cursor is not one of them" in " ".join(monitor.text.split())) == is_out
        await monitor.press("escape")
        assert not asks(monitor)
    await monitor.press("asterisk", "slash", *"status:executing", "enter", "C")
    assert "Cancel 2 runs?" in monitor.text
    assert "1 marked run hidden by the filter: left as they are." in monitor.text
    await monitor.later(0.5)
    await monitor.answer(2 * 4)
    await monitor.press("y")
    assert not asks(monitor)
    assert "1 marked, 1 hidden" in monitor.lines[1]
    await monitor.press("C")
    assert "the filter hides all marked runs" in monitor.lines[-1]


def test_outcome_is_shown_in_the_row_and_ends(tmp_path: Path) -> None:
    """Of a run that nothing else is heard of, whose cells do not change by the time, in a list that is paused."""
    fleet = fleet_of(FleetRun(90, -5000, -4999, -4998, end="FAILED"), FleetRun(80, -6000, -5999, -5998))
    answers = [JSONResponse({"secondsUntilReset": 3}, 429), JSONResponse({"error": "No"}, 403)]
    fleet.fault = lambda path: answers.pop(0) if path.endswith("/replay") else None

    async def story(monitor: Monitored) -> None:
        await monitor.press("j", "p", "R")
        # A dialog is armed by frames, which come in real time: on a busy machine the first answer may be too soon.
        for _ in range(5):
            if asks(monitor):
                await wait_for_question(monitor)
                await monitor.press("y", wait_s=1)
        await monitor.later(4)
        assert monitor.lines[3].startswith("▌ ✗ refused: 403")
        await monitor.later(11)
        assert monitor.lines[3].startswith("▌ ✗ Failed")

    run_story(story, tmp_path, fleet)


def test_marks_end_with_the_environment(tmp_path: Path) -> None:
    fleet = fleet_of(executing(1), executing(2))

    async def story(monitor: Monitored) -> None:
        await monitor.press("j", "space", "space")
        for environment in ("", "prod"):
            assert "2 marked" in monitor.lines[1]
            fleet.fault = lambda _: JSONResponse({"error": "down"}, 503)
            await monitor.later(3)
            fleet.fault = lambda _: None
            if environment:
                fleet.lead_to(environment, "PRODUCTION")
            await monitor.press("r", wait_s=1)
        assert "marked" not in monitor.lines[1]
        await monitor.press("C")
        assert not asks(monitor)
        assert "actions are blocked: the key now belongs to prod" in monitor.lines[-1]

    run_story(story, tmp_path, fleet)


@on_monitor(lambda: fleet_of(FAILED, executing(1)), size=(120, 60), read_only=True)
async def test_read_only_has_no_trace_of_actions(monitor: Monitored) -> None:
    for keys in (("j", "C", "R", "u", "v", "space", "V", "asterisk"), ("question_mark",), ("escape", "colon")):
        await monitor.press(*keys)
        assert not asks(monitor)
        shown = monitor.text.casefold().replace("canceled", "")  # the page of keys names that status
        assert not [word for word in ("cancel", "replay", "withdraw", "mark", "new run") if word in shown]
    assert "READ-ONLY" in monitor.lines[0]


@pytest.mark.parametrize(("keys", "via"), [(("C",), "key"), ((":", *"cancel", "enter"), "palette")])
def test_action_log_says_how_an_action_started(tmp_path: Path, keys: tuple[str, ...], via: str) -> None:
    async def story(monitor: Monitored) -> None:
        await monitor.press("j", *keys)
        await wait_for_question(monitor)
        await monitor.press("y", wait_s=2)

    run_story(story, tmp_path, fleet_of(executing(1)))
    assert [(line["phase"], line["via"]) for line in log_lines(tmp_path)] == [
        (phase, via) for phase in ("requested", "accepted", "confirmed")
    ]


RUNS = [executing(n) for n in range(1, 4)]


async def agree_to_two(monitor: Monitored) -> None:
    await monitor.press("j", "space", "space", "C", wait_s=0.5)
    await monitor.answer(2)
    await monitor.press("y")
    assert monitor.screen.action_controller.action_queue.waiting_counts


def asks_to_leave(monitor: Monitored) -> bool:
    return isinstance(monitor.app.screen, LeaveScreen)


def writes(monitor: Monitored) -> list[str]:
    return [path for _, path, _ in monitor.api.fleet.requests if path.endswith("/cancel")]


@on_monitor(lambda: fleet_of(*RUNS))
async def test_quitting_asks_while_actions_wait(monitor: Monitored) -> None:
    await agree_to_two(monitor)
    ways: list[tuple[str, ...]] = [("q",), ("ctrl+q",), ("ctrl+c",), ("colon", "q", "enter")]
    for keys in ways:
        await monitor.press(*keys)
        assert asks_to_leave(monitor), keys
        assert "Cancel of 2 runs is not sent yet." in monitor.text
        await monitor.press("y", "q", "enter")
        assert asks_to_leave(monitor), "typed before the question could be seen"
        await monitor.press("escape")
        assert monitor.app._exit is False
        assert not asks_to_leave(monitor), keys
    await monitor.press("q")
    await monitor.answer(len(ways) + 1)
    await monitor.press("y")
    assert monitor.app.return_code == 0
    assert monitor.app.farewell() == ["Cancel of 2 runs was not sent: the program was closed first."]
    assert writes(monitor) == []


@pytest.mark.parametrize("keys", [("q", "ctrl+q"), ("ctrl+c", "", "ctrl+c")])
@on_monitor(lambda: fleet_of(*RUNS))
async def test_second_ctrl_c_or_ctrl_q_quits(monitor: Monitored, keys: tuple[str, ...]) -> None:
    await agree_to_two(monitor)
    for key in keys:
        await monitor.press(*([key] if key else "y"), wait_s=0 if key else 11)
        assert "y or" not in monitor.text or asks_to_leave(monitor), "a silent terminal cannot say yes"
    assert monitor.app.return_code == 0
    assert writes(monitor) == [] or "" in keys


@on_monitor(lambda: fleet_of(*RUNS))
async def test_keys_after_the_end_open_nothing(monitor: Monitored) -> None:
    """A screen that opens then never runs. Each key would wait a second for it, and the end for them."""

    await agree_to_two(monitor)
    monitor.app.action_leave_at_once()
    assert monitor.app.return_code == 0, "nothing is asked"
    await monitor.app.on_event(events.Key("Q", "Q"))
    assert len(monitor.app.screen_stack) == 1


@on_monitor(lambda: fleet_of(FAILED), size=(80, 24))
async def test_replayed_run_says_what_became_of_it(monitor: Monitored) -> None:
    await monitor.press("j", "R")
    await wait_for_question(monitor)
    await monitor.press("y", wait_s=15)
    new = monitor.api.fleet.newest
    short = f"run_{new.id[4:6]}…{new.id[-4:]}"
    assert any(line.startswith("▌ ✗ replayed → ○ ") for line in monitor.lines)
    assert "✗ Failed  charge-card" in monitor.lines[-3]
    assert re.match(rf"    replayed 1\ds ago: {short} queued  Error ", monitor.lines[-2])
    monitor.api.fleet.world.cancel(new)
    await monitor.later(5)
    assert any(line.startswith("▌ ✗ replayed → ⊘ ") for line in monitor.lines)
    await monitor.press("enter", wait_s=1)
    row = monitor.line_of(f"{short} canceled")
    assert row == 5
    await monitor.press("j", "j", "enter", wait_s=1)
    assert monitor.screen.selection.run_id == new.id
