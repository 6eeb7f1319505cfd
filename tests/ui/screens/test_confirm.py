"""The confirmation dialog: its text, the keys that answer it, and keys that are typed before it is visible."""

from pathlib import Path

import pytest
from starlette.responses import JSONResponse
from textual import events
from textual.screen import ModalScreen
from textual.widget import Widget

from tests.support.fleet import Fleet, FleetRun
from tests.support.responses import server_error
from tests.support.ui.action_app import Stage, executing, fleet_of, play
from tui.api.actions import CANCEL, REPLAY
from tui.domain.run import RunId
from tui.kit.terminal.input import JoinedKey, TerminalTakenBack
from tui.kit.type_ahead import AFTER_PASTE_S
from tui.terminal.cells import CURSOR_REQUEST

ENDED = FleetRun(90, -300, -290, -280, end="FAILED", task="charge-card")


def production(*runs: FleetRun) -> Fleet:
    fleet = fleet_of(*runs)
    fleet.lead_to("prod", "PRODUCTION")
    return fleet


def test_dialog_names_environment_runs_and_tree(tmp_path: Path) -> None:
    root = executing(1, task="nightly-import")
    shard = executing(2, task="import-shard", parent=1)
    below = [FleetRun(10 + n, -90.0 + n, -50.0, 1e6, task="import-page", parent=2) for n in range(2)]
    queued = [FleetRun(20 + n, -80.0 + n, task="import-page", parent=2) for n in range(3)]
    done = FleetRun(30, -85.0, -84.0, -83.0, task="import-page", parent=2)

    async def scenario(stage: Stage) -> None:
        await stage.ask(CANCEL, shard)
        await stage.wait_for_paint()
        text = stage.text
        assert "PRODUCTION  acme" in text
        assert "Cancel import-shard?" in text
        assert shard.id in text
        assert "5 runs below it also stop" in text
        assert "2  ◐ executing  import-page" in text
        assert "3  ○ queued     import-page" in text
        assert "1 finished run stays as it is." in text
        assert "is fully loaded" in text
        assert "y  cancel 6 runs" in text
        assert "too early" not in text

    play(production(root, shard, *below, *queued, done), tmp_path, scenario)


def test_no_key_but_y_cancels(tmp_path: Path) -> None:
    run = executing(1)

    async def scenario(stage: Stage) -> None:
        for key in ("enter", "escape", "q"):
            await stage.ask(CANCEL, run)
            await stage.wait_for_paint()
            await stage.press("n", "space", "Y", "c", "C", "R")
            assert stage.is_confirming()
            await stage.press(key)
            assert not stage.is_confirming()
        await stage.later(1)
        assert stage.write_paths() == []

    play(fleet_of(run), tmp_path, scenario)


def test_keys_typed_before_the_dialog_are_ignored(tmp_path: Path) -> None:
    run = executing(1)

    async def scenario(stage: Stage) -> None:
        await stage.ask(CANCEL, run)
        await stage.press("y", "q", "enter", wait_s=0.2)
        assert stage.is_confirming()
        await stage.later(0.2)
        for _ in stage.app.sent[1:]:
            # If a frame only said that the rest is read, its answer frees the keys that do nothing, not `y`.
            await stage.report_cursor()
            await stage.press("y")
            assert stage.is_confirming()
        await stage.report_cursor()
        assert stage.write_paths() == []
        assert "typed too early  y  cancel 1 run" in stage.text
        await stage.press("y")
        assert not stage.is_confirming()
        await stage.wait_until_done()
        assert stage.fleet.status(run) == "CANCELED"

    play(fleet_of(run), tmp_path, scenario)


def test_answer_for_a_covered_dialog_counts_for_nothing(tmp_path: Path) -> None:
    async def scenario(stage: Stage) -> None:
        await stage.ask(REPLAY, ENDED, wait_s=0.3)
        stage.app.push_screen(ModalScreen[None]())
        await stage.later(0.1)
        await stage.report_cursor()
        stage.app.pop_screen()
        await stage.press("y")
        assert stage.is_confirming()
        await stage.report_cursor()
        await stage.press("y")
        assert not stage.is_confirming()

    play(fleet_of(ENDED), tmp_path, scenario)


def test_y_typed_into_the_shell_never_confirms(tmp_path: Path) -> None:
    async def scenario(stage: Stage) -> None:
        await stage.ask(REPLAY, ENDED, wait_s=0.3)
        await stage.report_cursor()
        stage.app.sent.clear()
        stage.app.post_message(TerminalTakenBack())
        await stage.press("y")
        assert stage.is_confirming()
        assert stage.app.sent == [CURSOR_REQUEST]
        await stage.report_cursor()
        await stage.press("y")
        assert not stage.is_confirming()

    play(fleet_of(ENDED), tmp_path, scenario)


@pytest.mark.parametrize("delay_s", [1.0, 3.0, 9.0])
def test_y_typed_on_a_slow_link_never_confirms(tmp_path: Path, delay_s: float) -> None:
    run = executing(1)

    async def scenario(stage: Stage) -> None:
        stage.report_cursor_after(delay_s)
        await stage.ask(CANCEL, run)
        for _ in range(round(delay_s * 10) - 2):
            await stage.press("y", wait_s=0.1)
            assert stage.is_confirming()
        assert "waiting for the terminal" in stage.text
        assert "y  cancel 1 run" not in stage.text
        await stage.later(2)
        assert "y  cancel 1 run" in stage.text
        assert stage.write_paths() == []
        await stage.press("y")
        assert not stage.is_confirming()

    play(fleet_of(run), tmp_path, scenario)


@pytest.mark.parametrize("after_s", [0.0, 0.3, 5.0, 11.0])
def test_escape_needs_no_answer_of_the_terminal(tmp_path: Path, after_s: float) -> None:
    run = executing(1)

    async def scenario(stage: Stage) -> None:
        await stage.ask(CANCEL, run, wait_s=after_s)
        assert stage.is_confirming()
        await stage.press("escape")
        assert not stage.is_confirming()
        await stage.later(1)
        assert stage.write_paths() == []

    play(fleet_of(run), tmp_path, scenario)


def test_terminal_without_answers_asks_for_a_word(tmp_path: Path) -> None:
    async def scenario(stage: Stage) -> None:
        await stage.ask(REPLAY, ENDED, wait_s=9.9)
        assert stage.app.sent == [CURSOR_REQUEST] * 5, "at 0, 2, 4, 6 and 8 s"
        assert "Type replay" not in stage.text
        await stage.press("y", wait_s=0.2)
        assert "Type replay, then Enter" in stage.text
        assert "The terminal does not confirm that it drew this" in stage.text
        await stage.press("y", "enter")
        assert "That is not replay: nothing was done." in stage.text
        await stage.press("q")
        assert stage.is_confirming()
        await stage.press("ctrl+u", *"replay", "enter")
        assert not stage.is_confirming()
        await stage.wait_until_done()
        assert len(stage.write_paths()) == 1

    play(fleet_of(ENDED), tmp_path, scenario)


def test_silent_terminal_asks_for_a_word_at_once_later(tmp_path: Path) -> None:
    async def scenario(stage: Stage) -> None:
        await stage.ask(REPLAY, ENDED, wait_s=11)
        await stage.press("escape", wait_s=1)
        stage.action_controller.ask(REPLAY, [RunId(ENDED.id)])
        await stage.press(*"replay", "enter")
        assert stage.is_confirming(), "typed before the field could be seen"
        assert "Type replay, then Enter" in stage.text
        await stage.later(0.2)
        await stage.press(*"replay", "enter")
        assert not stage.is_confirming()

    play(fleet_of(ENDED), tmp_path, scenario)


def test_late_answer_keeps_the_word_field(tmp_path: Path) -> None:
    async def scenario(stage: Stage) -> None:
        await stage.ask(REPLAY, ENDED, wait_s=11)
        await stage.press("r", "e")
        before = stage.text
        await stage.report_cursor()
        assert stage.text == before
        await stage.press("y")
        assert stage.is_confirming()
        await stage.press("escape")
        # It was slow, not silent: the next time `y` is enough again, once the terminal has answered.
        stage.app.sent.clear()
        await stage.ask(REPLAY, ENDED)
        for _ in range(4):
            await stage.report_cursor()  # to what the first dialog asked
        await stage.press("y")
        assert stage.is_confirming()
        assert "Type replay" not in stage.text
        await stage.report_cursor()
        await stage.press("y")
        assert not stage.is_confirming()

    play(fleet_of(ENDED), tmp_path, scenario)


def test_late_answer_arms_no_newer_dialog(tmp_path: Path) -> None:
    async def scenario(stage: Stage) -> None:
        stage.report_cursor_after(3.0)
        await stage.ask(REPLAY, ENDED, wait_s=1.0)
        await stage.press("escape")
        await stage.ask(REPLAY, ENDED, wait_s=2.5)
        await stage.press("y")
        assert stage.is_confirming(), "only the first dialog's question is answered"
        await stage.later(1.0)
        await stage.press("y")
        assert not stage.is_confirming()

    play(fleet_of(ENDED), tmp_path, scenario)


def test_typed_ahead_keys_do_not_fill_the_field(tmp_path: Path) -> None:
    runs = [executing(n) for n in range(1, 3)]

    async def scenario(stage: Stage) -> None:
        stage.report_cursor_after(1.0)
        await stage.ask(CANCEL, *runs)
        for key in (*"prod", "enter"):
            await stage.press(key, wait_s=0.1)
        assert stage.is_confirming()
        await stage.later(1.5)
        await stage.press("enter")
        assert "Type 2 or prod first, or Esc." in stage.text
        await stage.press(*"prod", "enter")
        assert not stage.is_confirming()

    play(production(*runs), tmp_path, scenario)


def test_y_confirms_only_a_complete_plan(tmp_path: Path) -> None:
    run = executing(1)
    fleet = fleet_of(run)

    async def scenario(stage: Stage) -> None:
        unpainted: list[set[Widget]] = []

        def record_question(_: str) -> None:
            screen = stage.app.screen
            changed = {each for each in screen.walk_children(Widget) if each._layout_required or each._repaint_required}
            unpainted.append(changed | screen._dirty_widgets)

        stage.app.on_sent = record_question
        fleet.fault = lambda path: JSONResponse({"secondsUntilReset": 9}, 429) if path.startswith("/api/v3") else None
        await stage.ask(CANCEL, run)
        await stage.wait_for_paint()
        assert "reading what else stops…" in stage.text
        await stage.press("y")
        fleet.fault = lambda _: None
        await stage.later(8)
        for _ in range(20):
            if "reading" not in stage.text:
                break
            await stage.later(0.1)
        assert "Nothing else stops." in stage.text
        await stage.press("y")
        assert stage.is_confirming()
        await stage.wait_for_paint()
        assert unpainted == [set(), set()], "each question followed its frame"
        await stage.press("y")
        assert not stage.is_confirming()

    play(fleet, tmp_path, scenario)


def test_partial_plan_can_be_confirmed(tmp_path: Path) -> None:
    run = executing(1)
    fleet = fleet_of(run)

    async def scenario(stage: Stage) -> None:
        fleet.fault = lambda path: server_error() if path.startswith("/api/v3") else None
        await stage.ask(CANCEL, run)
        await stage.wait_for_paint()
        assert "Not fully loaded:" in stage.text
        assert "cancel 1 run or more" in stage.text
        fleet.fault = lambda _: None
        await stage.press("y")
        await stage.wait_until_done()
        assert fleet.status(run) == "CANCELED"

    play(fleet, tmp_path, scenario)


def test_more_than_ten_runs_need_typing(tmp_path: Path) -> None:
    root = executing(1)
    below = [FleetRun(10 + n, -80.0 + n, task="import-page", parent=1) for n in range(10)]

    async def scenario(stage: Stage) -> None:
        await stage.ask(CANCEL, root)
        await stage.wait_for_paint()
        assert "Type 11 or dev, then Enter" in stage.text
        await stage.press("y", "enter")
        assert "That is not 11 or dev: nothing was done." in stage.text
        await stage.press("backspace", "enter")
        assert "Type 11 or dev first, or Esc." in stage.text
        await stage.press("q")
        assert stage.is_confirming()
        assert stage.write_paths() == []
        await stage.press("ctrl+u", "1", "1")
        assert "Enter  cancel 11 runs" in stage.text
        await stage.press("enter")
        assert not stage.is_confirming()
        await stage.wait_until_done()
        assert stage.fleet.status(root) == "CANCELED"

    play(fleet_of(root, *below), tmp_path, scenario)


@pytest.mark.parametrize(("is_production", "is_typed"), [(True, True), (False, False)])
def test_several_runs_need_typing_in_production(tmp_path: Path, is_production: bool, is_typed: bool) -> None:
    runs = [executing(n) for n in range(1, 3)]

    async def scenario(stage: Stage) -> None:
        await stage.ask(REPLAY, *runs)
        await stage.wait_for_paint()
        await stage.press("y")
        assert stage.is_confirming() == is_typed
        if is_typed:
            await stage.press("ctrl+u", "p", "r", "o", "d", "enter")
        assert not stage.is_confirming()
        assert stage.action_controller.action_queue.is_withdrawable

    play(production(*runs) if is_production else fleet_of(*runs), tmp_path, scenario)


def test_unknown_environment_counts_as_production(tmp_path: Path) -> None:
    runs = [executing(n) for n in range(1, 3)]
    fleet = fleet_of(*runs)
    fleet.fault = lambda path: JSONResponse({"error": "no"}, 403) if path.endswith("/whoami") else None

    async def scenario(stage: Stage) -> None:
        await stage.ask(REPLAY, *runs)
        await stage.wait_for_paint()
        assert "PRODUCTION?" in stage.text
        assert "environment not known, treated as production" in stage.text
        assert "Type 2 or dev, then Enter" in stage.text

    play(fleet, tmp_path, scenario)


def test_question_is_withdrawn_when_its_run_ends(tmp_path: Path) -> None:
    run = executing(1)

    async def scenario(stage: Stage) -> None:
        await stage.ask(CANCEL, run)
        await stage.wait_for_paint()
        stage.fleet.cancel(run)
        await stage.later(30)
        assert "Nothing to do: it is already Canceled." in stage.text
        await stage.press("y", wait_s=1)
        assert stage.is_confirming()
        assert stage.write_paths() == []

    play(fleet_of(run), tmp_path, scenario)


def test_rest_of_a_paste_answers_nothing(tmp_path: Path) -> None:
    async def scenario(stage: Stage) -> None:
        await stage.ask(REPLAY, ENDED)
        await stage.wait_for_paint()
        stage._send(events.Paste("C"))
        await stage.press("y", wait_s=AFTER_PASTE_S - 0.1)
        await stage.press("y", "q", "enter", wait_s=AFTER_PASTE_S)
        assert stage.is_confirming()
        for joined in (False, True):
            stage._send(JoinedKey("y", "y", is_burst=joined))
            await stage.later(AFTER_PASTE_S + 0.1)
            assert stage.is_confirming()
        await stage.press("y")
        assert not stage.is_confirming()

    play(fleet_of(ENDED), tmp_path, scenario)


def test_paste_answers_nothing(tmp_path: Path) -> None:
    runs = [executing(n) for n in range(1, 3)]

    async def scenario(stage: Stage) -> None:
        await stage.ask(REPLAY, *runs)
        await stage.wait_for_paint()
        stage._send(events.Paste("prod\n"))
        await stage.later()
        assert "A paste does not count: type 2 or prod." in stage.text
        await stage.press("enter")
        assert stage.is_confirming()
        assert "Type 2 or prod first, or Esc." in stage.text

    play(production(*runs), tmp_path, scenario)
