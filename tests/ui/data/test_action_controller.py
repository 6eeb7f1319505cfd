"""Actions from the key to the outcome: refusals, the wait of a batch, notices, and requests that are never sent."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from starlette.responses import HTMLResponse, JSONResponse, Response

from tests.support.fleet import FleetRun, fleet_of
from tests.support.session import public_token
from tests.support.sure import sure
from tests.support.ui.action_app import Stage, executing, on_stage, play
from tui.api.actions import CANCEL, REPLAY
from tui.domain.run import Environment, RunId
from tui.domain.text import Raw
from tui.domain.update import EnvironmentRead

RUNS = [executing(number) for number in range(1, 11)]
RUN, OTHER, *_ = RUNS
ENDED = FleetRun(90, -300, -290, -280, end="FAILED", task="charge-card")
ELSEWHERE = Environment(Raw("prod"), "PRODUCTION", Raw("shop"), Raw("acme"))


async def agree(stage: Stage) -> None:
    await stage.wait_for_paint()
    await stage.press("y")
    assert not stage.is_confirming()


def forbid(path: str) -> Response | None:
    return JSONResponse({"error": "Forbidden"}, 403) if path.endswith("/cancel") else None


def limited() -> Response:
    return JSONResponse({"secondsUntilReset": 6}, 429)


def test_replay_leads_to_the_new_run_for_a_while(tmp_path: Path) -> None:
    other = FleetRun(80, -400, -390, -380, end="FAILED")

    async def scenario(stage: Stage) -> None:
        await stage.ask(REPLAY, ENDED)
        await agree(stage)
        await stage.wait_until_done()
        new, controller = stage.fleet.newest.id, stage.action_controller
        assert stage.notices[-1] == f"replayed as run_{new[4:6]}…{new[-4:]}   v opens it"
        assert stage.overlay_text(ENDED) == "replayed"
        assert stage.works("go_to_new", runs=[other]), "the notice says so"
        await stage.later(5)
        assert not stage.works("go_to_new", runs=[other])
        controller.go_to_new(RunId(other.id))
        assert (stage.opened, stage.notices[-1]) == ([], "this session has not replayed this run")
        controller.go_to_new(RunId(ENDED.id))
        assert stage.opened == [new]
        assert stage.works("go_to_new", runs=[ENDED])
        await stage.later(6)
        assert stage.overlay_text(ENDED) is None

    play(fleet_of(ENDED, other), tmp_path, scenario)


FAILED = [FleetRun(number, -300, -290, -280, end="FAILED", task="charge-card") for number in (90, 91, 92)]


async def replay(stage: Stage, *runs: FleetRun, key: str = "") -> None:
    """Ask for a replay, press a key before the answer, and wait for the end."""
    await stage.ask(REPLAY, *runs)
    await stage.wait_for_paint()
    if key:
        await stage.press(key)
    await agree(stage)
    await stage.later(6)
    await stage.wait_until_done()


@on_stage(lambda: fleet_of(*FAILED))
async def test_second_replay_says_what_became_of_the_first(stage: Stage) -> None:
    await replay(stage, FAILED[0])
    new = stage.fleet.newest.id
    await stage.ask(REPLAY, FAILED[0])
    await stage.wait_for_paint()
    assert "Replay charge-card again?" in stage.text
    assert re.search(rf"replayed \d+s ago: run_{new[4:6]}…{new[-4:]} queued", stage.text)
    assert "Version: that of your dev CLI; the newest run has " in stage.text
    assert "replay 1 run again" in stage.text
    await stage.press("enter")
    assert (stage.is_confirming(), len(stage.write_paths())) == (False, 1), "the safe button is selected"
    found = sure(stage.action_controller.replayed(RunId(FAILED[0].id)))
    assert (found.mark.text, found.run_id) == ("replayed → ○", new)


@on_stage(lambda: fleet_of(*FAILED), size=(80, 24))
async def test_replay_of_many_leaves_out_what_was_replayed(stage: Stage) -> None:
    await replay(stage, FAILED[0])
    await stage.ask(REPLAY, *FAILED)
    await stage.wait_for_paint()
    assert "Replay 2 runs?" in stage.text
    assert "1 run was replayed before: left out. r includes it." in stage.text
    await stage.press("r")
    await stage.press("y")
    assert stage.is_confirming(), "the terminal has not shown the other question yet"
    await stage.wait_for_paint()
    assert "Replay 3 runs?" in stage.text
    assert "1 run was replayed before. r leaves it out." in stage.text
    await stage.press("r")
    await stage.wait_for_paint()
    await agree(stage)
    await stage.later(6)
    await stage.wait_until_done()
    ids = [path.split("/")[-2] for path in stage.write_paths()]
    assert sorted(ids) == sorted(run.id for run in FAILED)
    await stage.ask(REPLAY, *FAILED)
    await stage.wait_for_paint()
    assert "Nothing to do: all 3 were replayed before." in stage.text
    await stage.press("y")
    assert stage.is_confirming()
    await stage.press("r")
    await stage.wait_for_paint()
    await agree(stage)
    await stage.later(6)
    await stage.wait_until_done()
    assert len(stage.write_paths()) == 6


def test_replay_whose_answer_was_lost_counts_as_one(tmp_path: Path) -> None:
    """In production a number is typed for several runs, so the key to include them is no letter."""
    fleet = fleet_of(*FAILED)
    fleet.world.environment = replace(fleet.world.environment, type="PRODUCTION")
    fleet.world.lifecycle.deploy("20261124.7", {})

    async def scenario(stage: Stage) -> None:
        fleet.fault = lambda path: Response(status_code=502) if path.endswith("/replay") else None
        await replay(stage, FAILED[0])
        fleet.fault = lambda _: None
        assert sure(stage.action_controller.replayed(RunId(FAILED[0].id))).mark.text == "replay unknown"
        assert not stage.works("go_to_new", runs=FAILED[:1])
        await stage.ask(REPLAY, *FAILED)
        await stage.wait_for_paint()
        assert "Version: 20261124.7, the current deployment." in stage.text
        assert "1 run was replayed before: left out. ctrl-r includes it." in stage.text
        await stage.press("r", "ctrl+r")
        await stage.wait_for_paint()
        assert "Replay 3 runs?" in stage.text
        await stage.press("3", "enter")
        await stage.later(6)
        await stage.wait_until_done()
        assert len(stage.write_paths()) == 4

    play(fleet, tmp_path, scenario)


@on_stage(lambda: fleet_of(RUN))
async def test_action_is_shown_as_sent_only_after_its_request(stage: Stage) -> None:
    """The run is read once more before the request, and that read is held up, then the request is."""

    stage.action_controller.withdraw()
    assert stage.notices[-1] == "nothing to withdraw"
    await stage.ask(CANCEL, RUN)
    await stage.wait_for_paint()
    stage.fleet.fault = lambda path: limited() if path.startswith("/api/v3") else None
    await stage.press("y", wait_s=2)
    assert (stage.write_paths(), stage.overlay_text(RUN)) == ([], "cancel next")
    assert stage.action_controller.farewell() == ["Cancel of 1 run was not sent: the program was closed first."]
    stage.fleet.fault = lambda path: limited() if path.endswith("/cancel") else None
    await stage.later(7)
    assert stage.overlay_text(RUN) == "cancel sent"
    stage.action_controller.withdraw()
    assert stage.notices[-1] == "already sent: too late to withdraw it"
    await stage.ask(CANCEL, RUN)
    assert stage.notices[-1] == "cancel: cancel was sent, without an answer yet"
    stage.fleet.fault = lambda _: None
    await stage.later(7)
    assert (stage.fleet.status(RUN), stage.overlay_text(RUN)) == ("CANCELED", None)


@on_stage(lambda: fleet_of(*RUNS[:3]))
async def test_fast_keys_open_one_dialog_and_u_withdraws_its_batch(stage: Stage) -> None:
    for _ in range(5):
        stage.action_controller.ask(CANCEL, [RunId(run.id) for run in RUNS[:3]], 2)
    await stage.wait_for_paint()
    assert len(stage.app.screen_stack) == 2
    assert "2 marked runs hidden by the filter: left as they are." in stage.text
    await stage.press("y", "y", "y")
    assert stage.unmarked == [True]
    assert stage.overlay_text(RUNS[0]) == "cancel in 5 s"
    await stage.later(2.5)
    assert (stage.overlay_text(RUNS[0]), stage.works("withdraw")) == ("cancel in 3 s", True)
    await stage.ask(CANCEL, RUNS[0])
    assert stage.notices[-1] == "cancel: cancel is not sent yet, u withdraws it"
    stage.action_controller.withdraw()
    assert stage.notices[-1] == "cancel of 3 runs withdrawn; nothing was sent"
    await stage.later(10)
    assert (stage.overlay_text(RUNS[0]), stage.write_paths()) == (None, [])
    assert not stage.works("withdraw")


def test_batch_is_sent_once_after_its_wait(tmp_path: Path) -> None:
    early = FleetRun(2, -50, -40, 4)
    runs = [executing(1), early, *(executing(n) for n in range(3, 13))]

    async def scenario(stage: Stage) -> None:
        await stage.ask(CANCEL, *runs)
        await stage.wait_for_paint()
        await stage.press("1", "2", "enter")
        assert not stage.is_confirming()
        await stage.later(4.9)
        assert stage.write_paths() == []
        await stage.later(2)
        await stage.wait_until_done()
        assert {stage.fleet.status(run) for run in runs if run is not early} == {"CANCELED"}
        assert (stage.notices[-1], stage.overlay_text(early)) == ("1 already ended  11 canceled", "already ended")
        assert stage.messages == [f"Cancel of {early.id}: it had already ended, Completed."]
        assert len(stage.write_paths()) == 11

    play(fleet_of(*runs), tmp_path, scenario)


@on_stage(lambda: fleet_of(*RUNS[:3]))
async def test_question_and_batch_end_with_their_environment(stage: Stage) -> None:
    await stage.ask(CANCEL, *RUNS[:2])
    await agree(stage)
    await stage.ask(CANCEL, RUNS[2])
    await stage.wait_for_paint()
    await stage.session.emit(EnvironmentRead(ELSEWHERE, stage.session.now()))
    await stage.later(6)
    assert "Nothing to do: the key now belongs to prod" in " ".join(stage.text.split())
    await stage.press("y")
    assert (stage.is_confirming(), stage.write_paths()) == (True, [])
    assert stage.messages == ["Cancel of 2 runs was not sent: the environment changed after the question was asked."]
    assert stage.overlay_text(RUNS[0]) is None
    await stage.press("escape")
    await stage.ask(CANCEL, RUNS[0])
    assert not stage.is_confirming()
    assert "actions are blocked: the key now belongs to prod" in stage.notices[-1]


@on_stage(lambda: fleet_of(*RUNS, ENDED))
async def test_refused_kind_of_action_is_not_sent_again(stage: Stage) -> None:
    # A refusal by a proxy says nothing about the key.
    stage.fleet.fault = lambda path: HTMLResponse("<html>", 403) if path.endswith("/cancel") else None
    await stage.ask(CANCEL, RUNS[0])
    await agree(stage)
    await stage.wait_until_done()
    assert stage.overlay_text(RUNS[0]) == "refused: 403"
    assert f"Cancel of {RUNS[0].id} was refused: " in stage.messages[-1]
    proxied = len(stage.write_paths())
    stage.fleet.fault = forbid
    await stage.ask(CANCEL, *RUNS)
    await agree(stage)
    await stage.later(6)
    await stage.wait_until_done()
    sent = len(stage.write_paths())
    assert 1 <= sent - proxied <= 8, "those on their way when the first answer came"
    assert stage.notices[-1] == "cancel stopped: this key may not do that (403)"
    assert not stage.works("act", "cancel", runs=RUNS)
    await stage.ask(CANCEL, *RUNS)
    assert (stage.is_confirming(), len(stage.write_paths())) == (False, sent)
    assert stage.notices[-1] == "cancel: this key may not do that (403)"
    assert stage.works("act", "replay", runs=[ENDED]), "another kind"
    assert {stage.fleet.status(run) for run in RUNS} == {"EXECUTING"}


@pytest.mark.parametrize(
    ("scopes", "may_cancel", "why"),
    [
        (("read:runs",), False, "cancel: the public token"),
        (("read:runs", "write:runs"), True, ""),
        (("read:runs", f"write:runs:{RUN.id}"), True, ""),
        (("read:runs", f"write:runs:{OTHER.id}"), False, "cancel: the public token may not change this run"),
    ],
)
def test_token_acts_on_the_runs_of_its_scopes_alone(
    tmp_path: Path, scopes: tuple[str, ...], may_cancel: bool, why: str
) -> None:
    """The keys of actions exist, unlike in a session that the user made read-only."""

    async def scenario(stage: Stage) -> None:
        assert stage.works("act", "cancel", runs=[RUN]) is may_cancel
        await stage.ask(REPLAY, RUN)
        assert stage.notices[-1].startswith("replay: ")
        assert not stage.works("act", "replay", runs=[RUN])
        await stage.ask(CANCEL, RUN)
        assert stage.is_confirming() is may_cancel
        assert may_cancel or stage.notices[-1].startswith(why)
        assert stage.write_paths() == []

    play(fleet_of(RUN, OTHER), tmp_path, scenario, key=public_token(*scopes))
