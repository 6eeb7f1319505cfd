"""Actions on the whole monitor: the runs that a key is about, refusals, and painted outcomes."""

from dataclasses import replace
from pathlib import Path

import pytest
from starlette.responses import JSONResponse
from textual import events
from textual.strip import Strip

from tests.support.actions import log_lines
from tests.support.fleet import FleetRun
from tests.support.ui.action_app import executing, fleet_of
from tests.support.ui.monitor import Monitored, run_story
from tui.features.actions.view import ConfirmScreen
from tui.kit.bars import live_keys
from tui.kit.table import HEAD_LINES
from tui.kit.terminal.input import JoinedKey
from tui.kit.type_ahead import AFTER_PASTE_S, REFUSAL
from tui.text.styled import Piece

FAILED = FleetRun(90, -10, -9, -8, end="FAILED", task="charge-card")


def asks(monitor: Monitored) -> bool:
    return isinstance(monitor.app.screen, ConfirmScreen)


async def wait_for_question(monitor: Monitored) -> None:
    """The question is whole, and the terminal answered each time that it was asked."""
    await monitor.later(0.5)
    await monitor.answer(2)


def test_key_without_effect_says_why(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        for key, name in (("C", "cancel"), ("R", "replay"), ("y", "copy")):
            await monitor.press(key)
            assert monitor.lines[-1].endswith(f"{name}: no run is selected: j or ↓ selects one")
        settings = monitor.session.settings
        monitor.session.settings = replace(settings, relay_url="ws://127.0.0.1:1")
        await monitor.press("C")
        assert monitor.lines[-1].endswith("cancel: a relay takes no actions")
        monitor.session.settings = settings
        await monitor.press("u")
        assert monitor.lines[-1].endswith("nothing waits to be sent")
        await monitor.press("v")
        assert monitor.lines[-1].endswith("no replay has started a run yet")
        await monitor.press("j", "C")
        assert monitor.lines[-1].endswith("cancel: it is already Failed")
        assert not asks(monitor)
        await monitor.later(5)
        assert "R replay" in monitor.lines[-1]
        assert "C cancel" not in monitor.lines[-1]

    run_story(story, tmp_path, fleet_of(FAILED, executing(1)))


def test_refused_key_is_faint_and_says_why(tmp_path: Path) -> None:
    why = "the server refuses it to this key (403)"

    async def story(monitor: Monitored) -> None:
        monitor.api.fleet.fault = lambda path: (
            JSONResponse({"error": "no"}, 403) if path.endswith(("/cancel", "/replay")) else None
        )
        for key, word in (("C", "cancel"), ("R", "replay")):
            await monitor.press("g", "j", "j", key)
            await wait_for_question(monitor)
            await monitor.press("y", wait_s=1)
            await monitor.later(5)
            (shown,) = (each for each in live_keys(monitor.screen) if each.id == word)
            assert (shown.works_now, shown.denial) == (False, why)
            assert f"{key} {word}" in monitor.lines[-1]
            sent = len(monitor.api.fleet.requests_to(f"/api/v1/runs/{executing(1).id}/replay"))
            await monitor.press("space", key, wait_s=0.1)
            assert not asks(monitor)
            assert monitor.lines[-1].endswith(f"{word}: {why}")
            await monitor.press("space", "colon", *word, wait_s=0.5)
            assert f"{why[1:]}." in monitor.text
            await monitor.press("escape", "question_mark", wait_s=0.5)
            assert f"{word}: the server refuses it to" in monitor.text
            await monitor.press("escape", wait_s=0.5)
            assert len(monitor.api.fleet.requests_to(f"/api/v1/runs/{executing(1).id}/replay")) == sent
        await monitor.press("r", "C")  # the key may have been given the right
        assert asks(monitor)

    run_story(story, tmp_path, fleet_of(FAILED, executing(1)), size=(120, 40))


def test_paste_starts_no_action_and_says_so(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        await monitor.press("j", "j")
        for key in ("C", "R", "u", "y", "q", "o", "O", "ctrl+o", "S"):
            for paste in (events.Paste("x"), JoinedKey("j", None, is_burst=True)):
                await monitor.later(5)
                monitor.app.post_message(paste)
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

    run_story(story, tmp_path, fleet_of(FAILED, executing(1)))


def test_nothing_is_confirmed_on_a_small_terminal(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        await monitor.press("j", "j", "C")
        await wait_for_question(monitor)
        assert asks(monitor)
        await monitor.resize(30, 4)
        await monitor.press("y")
        assert asks(monitor)
        await monitor.resize(120, 40)
        await monitor.press("y")
        assert asks(monitor), "the dialog is not shown yet"
        await monitor.answer(2)
        await monitor.press("y")
        assert not asks(monitor)

    run_story(story, tmp_path, fleet_of(FAILED, executing(1)))


def test_action_uses_marks_wherever_the_cursor_is(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        await monitor.press("j", "j", "space", "space")
        for keys in (("g", "j"), ("g",)):
            await monitor.press(*keys)
            assert "C cancel" in monitor.lines[-1]
            await monitor.press("C")
            assert asks(monitor)
            assert "Cancel 2 runs?" in monitor.text
            await wait_for_question(monitor)
            await monitor.press("escape")
            assert not asks(monitor)

    run_story(story, tmp_path, fleet_of(FAILED, executing(1), executing(2)))


def test_footer_offers_what_some_marked_run_allows(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        for key, offers in (("j", ["R replay"]), ("space", ["R replay"]), ("space", ["C cancel", "R replay"])):
            await monitor.press(key, wait_s=1)
            assert [word for word in ("C cancel", "R replay") if word in monitor.lines[-1]] == offers

    run_story(story, tmp_path, fleet_of(FAILED, executing(1)))


def test_action_leaves_hidden_marks_alone(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        await monitor.press("asterisk", "slash", *"status:executing", "enter", "C")
        assert "Cancel 2 runs?" in monitor.text
        assert "1 marked run hidden by the filter: not touched." in monitor.text
        await wait_for_question(monitor)
        await monitor.press("y")
        assert not asks(monitor)
        assert "1 marked, 1 hidden" in monitor.lines[1]
        assert "C cancel" not in monitor.lines[-1]
        await monitor.press("C")
        assert "the filter hides all marked runs" in monitor.lines[-1]

    run_story(story, tmp_path, fleet_of(FAILED, executing(1), executing(2)))


def test_outcome_is_painted_in_the_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a run that nothing else is heard of, and whose cells do not change by the time."""
    old = FleetRun(90, -5000, -4999, -4998, end="FAILED")
    fleet = fleet_of(old, FleetRun(80, -6000, -5999, -5998), FleetRun(81, -6000, -5999, -5998))
    answers = [JSONResponse({"secondsUntilReset": 3}, 429), JSONResponse({"error": "No"}, 403)]
    fleet.fault = lambda path: answers.pop(0) if path.endswith("/replay") else None

    async def story(monitor: Monitored) -> None:
        table, painted = monitor.screen.run_list.table, list[str]()
        draw = table.strip_at

        def strip_at(y: int) -> Strip:
            strip = draw(y)
            painted.append(strip.text[:20].rstrip())
            return strip

        await monitor.press("j", "R")
        await wait_for_question(monitor)
        await monitor.press("y", wait_s=1)
        monkeypatch.setattr(table, "strip_at", strip_at)
        for seconds, row in ((1, ""), (3, "▌ ✗ refused: 403"), (5, ""), (6, "▌ ✗ Failed")):
            painted.clear()
            await monitor.later(seconds)
            assert row in painted if row else not painted

    run_story(story, tmp_path, fleet)


def test_marks_end_with_the_environment(tmp_path: Path) -> None:
    fleet = fleet_of(executing(1), executing(2))

    async def story(monitor: Monitored) -> None:
        await monitor.press("j", "space", "space")
        assert "2 marked" in monitor.lines[1]
        fleet.fault = lambda _: JSONResponse({"error": "down"}, 503)
        await monitor.later(3)
        fleet.fault = lambda _: None
        await monitor.press("r", wait_s=1)
        assert "2 marked" in monitor.lines[1]
        fleet.fault = lambda _: JSONResponse({"error": "down"}, 503)
        await monitor.later(3)
        fleet.fault = lambda _: None
        fleet.lead_to("prod", "PRODUCTION")
        await monitor.press("r", wait_s=1)
        assert "marked" not in monitor.lines[1]
        await monitor.press("C")
        assert not asks(monitor)
        assert "nothing is written: the key now belongs to prod" in monitor.lines[-1]

    run_story(story, tmp_path, fleet)


def test_v_opens_the_new_run_in_the_detail(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        await monitor.press("j", "R")
        await wait_for_question(monitor)
        await monitor.press("y", wait_s=2)
        assert "v goes there" in monitor.lines[-1]
        await monitor.press("v", wait_s=1)
        screen = monitor.screen
        assert screen.pane.target == screen.selection.run_id != FAILED.id
        assert "view the new run" not in monitor.lines[-1]
        # Back in the list, the run summary is about the run that a key would act on.
        await monitor.press("1")
        assert screen.pane.target == screen.selection.run_id == FAILED.id
        assert FAILED.id in monitor.lines[-3]

    run_story(story, tmp_path, fleet_of(FAILED), size=(80, 24))


def test_action_outcome_is_shown_during_a_pause(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fleet = fleet_of(FAILED, FleetRun(80, -6000, -5999, -5998))
    fleet.fault = lambda path: JSONResponse({"secondsUntilReset": 3}, 429) if path.endswith("/replay") else None

    async def story(monitor: Monitored) -> None:
        table, shown = monitor.screen.run_list.table, list[int]()
        await monitor.press("j", "p", "R")
        # A dialog is armed by frames, which come in real time: on a busy machine the first answer may be too soon.
        for _ in range(5):
            if len(monitor.app.screen_stack) > 1:
                await wait_for_question(monitor)
                await monitor.press("y", wait_s=1)
        fleet.fault = lambda path: JSONResponse({"error": "No"}, 403) if path.endswith("/replay") else None
        refresh = table.refresh_lines

        def refresh_lines(lines: list[int]) -> None:
            shown.extend(lines)
            refresh(lines)

        monkeypatch.setattr(table, "refresh_lines", refresh_lines)
        await monitor.later(8)
        assert shown
        assert monitor.lines[3].startswith("▌ ✗ refused: 403")

    run_story(story, tmp_path, fleet)


def test_overlay_is_painted_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(monitor: Monitored) -> None:
        table, painted = monitor.screen.run_list.table, list[int]()
        table.overlay = lambda _: Piece("refused: 403")
        monkeypatch.setattr(table, "refresh_lines", painted.extend)
        for _ in range(2):
            table.show_changes(is_anew=True)
            table.strip_at(HEAD_LINES)
        assert painted == [HEAD_LINES]

    run_story(story, tmp_path, fleet_of(FAILED))


def test_farewell_lists_unfinished_actions(tmp_path: Path) -> None:
    fleet = fleet_of(FAILED, executing(1), executing(2))
    fleet.fault = lambda path: JSONResponse({"secondsUntilReset": 30}, 429) if path.endswith("/replay") else None

    async def story(monitor: Monitored) -> None:
        await monitor.press("j", "R")
        await wait_for_question(monitor)
        await monitor.press("y", "j", "space", "space", "R")
        await wait_for_question(monitor)
        await monitor.press("y", wait_s=1)
        assert monitor.app.farewell() == [
            "Replay of 2 runs was not sent: the program ended before that.",
            f"Replay of {FAILED.id}: the program ended before the outcome was known.",
        ]
        await monitor.later(6)
        assert fleet.requests_to(f"/api/v1/runs/{executing(1).id}/replay") == []

    run_story(story, tmp_path, fleet)


def test_read_only_has_no_trace_of_actions(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        for keys in (("j", "C", "R", "u", "v", "space", "V", "asterisk"), ("question_mark",), ("escape", "colon")):
            await monitor.press(*keys)
            assert not asks(monitor)
            shown = monitor.text.casefold().replace("canceled", "")  # the page of keys names that status
            assert not [word for word in ("cancel", "replay", "withdraw", "mark", "new run") if word in shown]
        assert "READ-ONLY" in monitor.lines[0]

    run_story(story, tmp_path, fleet_of(FAILED, executing(1)), size=(120, 60), read_only=True)


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
