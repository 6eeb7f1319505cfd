"""The confirmation dialog: its text, the keys that answer it, and keys that are typed before it is visible."""

from pathlib import Path

from starlette.responses import JSONResponse
from textual import events
from textual.screen import ModalScreen

from tests.support.fleet import Fleet, FleetRun, fleet_of
from tests.support.responses import server_error
from tests.support.ui.action_app import Stage, executing, on_stage, play
from tui.api.actions import CANCEL, REPLAY
from tui.domain.run import RunId
from tui.kit.terminal.input import JoinedKey, TerminalTakenBack
from tui.kit.type_ahead import AFTER_PASTE_S
from tui.terminal.cells import CURSOR_REQUEST

RUN, RUNS = executing(1), [executing(1), executing(2)]
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
        assert "5 runs below it are also canceled" in text
        assert "2  ◐ executing  import-page" in text
        assert "3  ○ queued     import-page" in text
        assert "1 finished run stays as it is." in text
        assert "is complete" in text
        assert "y  cancel 6 runs" in text
        assert "too early" not in text

    play(production(root, shard, *below, *queued, done), tmp_path, scenario)


@on_stage(lambda: fleet_of(RUN))
async def test_no_key_but_y_cancels(stage: Stage) -> None:
    for wait_s in (0.0, 5.0):
        await stage.ask(CANCEL, RUN, wait_s=wait_s)
        assert stage.is_confirming()
        await stage.press("escape")
        assert not stage.is_confirming(), "Esc needs no answer of the terminal"
    for key in ("enter", "q"):
        await stage.ask(CANCEL, RUN)
        await stage.wait_for_paint()
        await stage.press("n", "space", "Y", "c", "C", "R")
        assert stage.is_confirming()
        await stage.press(key)
        assert not stage.is_confirming()
    await stage.later(1)
    assert stage.write_paths() == []


@on_stage(lambda: fleet_of(ENDED))
async def test_dialog_must_be_shown_again_before_y_counts(stage: Stage) -> None:
    """After another screen covered it, and after another program had the terminal: `y` was typed into the shell."""

    await stage.ask(REPLAY, ENDED, wait_s=0.3)
    stage.app.push_screen(ModalScreen[None]())
    await stage.later(0.1)
    await stage.answer()
    stage.app.pop_screen()
    await stage.press("y")
    assert stage.is_confirming()
    await stage.answer()
    stage.app.sent.clear()
    stage.app.post_message(TerminalTakenBack())
    await stage.press("y")
    assert stage.is_confirming()
    assert stage.app.sent == [CURSOR_REQUEST]
    await stage.answer()
    await stage.press("y")
    assert not stage.is_confirming()


@on_stage(lambda: fleet_of(RUN))
async def test_y_typed_on_a_slow_link_never_confirms(stage: Stage) -> None:
    delay_s = 3.0  # a terminal that takes longer is asked again: `test_terminal_without_answers_asks_for_a_word`
    stage.report_cursor_after(delay_s)
    await stage.ask(CANCEL, RUN)
    for _ in range(round(delay_s * 5) - 1):
        await stage.press("y", wait_s=0.2)
        assert stage.is_confirming()
    assert "waiting for the terminal" in stage.text
    assert "y  cancel 1 run" not in stage.text
    await stage.later(2)
    assert "y  cancel 1 run" in stage.text
    assert stage.write_paths() == []
    await stage.press("y")
    assert not stage.is_confirming()


@on_stage(lambda: fleet_of(ENDED))
async def test_terminal_without_answers_asks_for_a_word(stage: Stage) -> None:
    await stage.ask(REPLAY, ENDED, wait_s=9.9)
    assert stage.app.sent == [CURSOR_REQUEST] * 5, "at 0, 2, 4, 6 and 8 s"
    assert "Type replay" not in stage.text
    await stage.press("y", wait_s=0.2)
    assert "Type replay, then Enter" in stage.text
    assert "The terminal does not answer queries" in stage.text
    await stage.press("y", "enter")
    assert "That is not replay; nothing was done." in stage.text
    await stage.press("q")
    assert stage.is_confirming()
    await stage.press("escape", wait_s=1)
    # The next dialog asks for the word at once, and takes no key that was typed before it could be seen.
    stage.action_controller.ask(REPLAY, [RunId(ENDED.id)])
    await stage.press(*"replay", "enter")
    assert stage.is_confirming()
    await stage.later(0.2)
    await stage.press(*"replay", "enter")
    assert not stage.is_confirming()
    await stage.wait_until_done()
    assert len(stage.write_paths()) == 1


@on_stage(lambda: fleet_of(RUN))
async def test_y_confirms_only_a_complete_plan(stage: Stage) -> None:
    limited = JSONResponse({"secondsUntilReset": 9}, 429)
    stage.fleet.fault = lambda path: limited if path.startswith("/api/v3") else None
    await stage.ask(CANCEL, RUN)
    await stage.wait_for_paint()
    assert "reading the runs below…" in stage.text
    await stage.press("y")
    stage.fleet.fault = lambda _: None
    await stage.later(8)
    for _ in range(20):
        if "reading" not in stage.text:
            break
        await stage.later(0.1)
    assert "No other run is canceled." in stage.text
    await stage.press("y")
    assert stage.is_confirming(), "the rest of the plan was not shown yet"
    await stage.wait_for_paint()
    await stage.press("y")
    assert not stage.is_confirming()


@on_stage(lambda: fleet_of(RUN))
async def test_partial_plan_can_be_confirmed(stage: Stage) -> None:
    stage.fleet.fault = lambda path: server_error() if path.startswith("/api/v3") else None
    await stage.ask(CANCEL, RUN)
    await stage.wait_for_paint()
    assert "Not all of the tree was read:" in stage.text
    assert "cancel 1 run or more" in stage.text
    stage.fleet.fault = lambda _: None
    await stage.press("y")
    await stage.wait_until_done()
    assert stage.fleet.status(RUN) == "CANCELED"


def test_more_than_ten_runs_need_typing(tmp_path: Path) -> None:
    root = executing(1)
    below = [FleetRun(10 + n, -80.0 + n, task="import-page", parent=1) for n in range(10)]

    async def scenario(stage: Stage) -> None:
        await stage.ask(CANCEL, root)
        await stage.wait_for_paint()
        assert "Type 11 or dev, then Enter" in stage.text
        await stage.press("y", "enter")
        assert "That is not 11 or dev; nothing was done." in stage.text
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


def test_several_runs_in_production_need_typing(tmp_path: Path) -> None:

    async def in_production(stage: Stage) -> None:
        stage.report_cursor_after(1.0)
        await stage.ask(REPLAY, *RUNS)
        for key in (*"prod", "enter"):
            await stage.press(key, wait_s=0.1)
        assert stage.is_confirming(), "typed before the field could be seen"
        await stage.later(1.5)
        stage.send(events.Paste("prod\n"))
        await stage.later()
        assert "Do not paste it: type 2 or prod." in stage.text
        await stage.later(AFTER_PASTE_S)
        await stage.press("enter")
        assert "Type 2 or prod first, or Esc." in stage.text
        await stage.press("y", "enter")
        assert stage.is_confirming()
        await stage.press("ctrl+u", *"prod", "enter")
        assert not stage.is_confirming()
        assert stage.action_controller.action_queue.waiting_counts

    async def nowhere_known(stage: Stage) -> None:
        await stage.ask(REPLAY, *RUNS)
        await stage.wait_for_paint()
        for words in ("PRODUCTION?", "environment not known, treated as production", "Type 2 or dev, then Enter"):
            assert words in stage.text

    unknown = fleet_of(*RUNS)
    unknown.fault = lambda path: JSONResponse({"error": "no"}, 403) if path.endswith("/whoami") else None
    play(unknown, tmp_path, nowhere_known)
    play(production(*RUNS), tmp_path, in_production)


@on_stage(lambda: fleet_of(ENDED))
async def test_rest_of_a_paste_answers_nothing(stage: Stage) -> None:
    await stage.ask(REPLAY, ENDED)
    await stage.wait_for_paint()
    stage.send(events.Paste("C"))
    await stage.press("y", wait_s=AFTER_PASTE_S - 0.1)
    await stage.press("y", "q", "enter", wait_s=AFTER_PASTE_S)
    assert stage.is_confirming()
    for joined in (False, True):
        stage.send(JoinedKey("y", "y", is_burst=joined))
        await stage.later(AFTER_PASTE_S + 0.1)
        assert stage.is_confirming()
    await stage.press("y")
    assert not stage.is_confirming()
