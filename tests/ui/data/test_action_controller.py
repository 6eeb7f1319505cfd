"""Actions from the key to the outcome: refusals, the wait of a batch, notices, and requests that are never sent."""

import asyncio
from pathlib import Path
from typing import Any

from starlette.responses import HTMLResponse, JSONResponse, Response
from textual import events

from tests.support.fleet import FleetRun
from tests.support.session import public_token
from tests.support.ui.action_app import Stage, executing, fleet_of, play
from tui.api.actions import CANCEL, REPLAY
from tui.api.client import Client
from tui.api.connection import HttpRequest
from tui.api.responses import Response as WireResponse
from tui.domain.run import Environment, Run, RunId
from tui.domain.text import Raw
from tui.domain.update import EnvironmentRead

ENDED = FleetRun(90, -300, -290, -280, end="FAILED", task="charge-card")
ELSEWHERE = Environment(Raw("prod"), "PRODUCTION", Raw("shop"), Raw("acme"))


async def agree(stage: Stage) -> None:
    await stage.wait_for_paint()
    await stage.press("y")
    assert not stage.is_confirming()


def forbid(path: str) -> Response | None:
    return JSONResponse({"error": "Forbidden"}, 403) if path.endswith("/cancel") else None


def limited() -> Response:
    return JSONResponse({"secondsUntilReset": 30}, 429)


def test_v_leads_to_the_new_run(tmp_path: Path) -> None:
    async def scenario(stage: Stage) -> None:
        await stage.ask(REPLAY, ENDED)
        await agree(stage)
        await stage.wait_until_done()
        new = stage.fleet.newest.id
        assert stage.notices[-1] == f"replayed as run_{new[4:6]}…{new[-4:]}   v goes there"
        assert stage.works("go_to_new")
        stage.action_controller.go_to_new()
        assert stage.opened == [new]
        assert not stage.works("go_to_new")
        assert stage.overlay_text(ENDED) == "replayed"
        await stage.later(11)
        assert stage.overlay_text(ENDED) is None

    play(fleet_of(ENDED), tmp_path, scenario)


def test_sent_is_shown_only_after_the_request(tmp_path: Path) -> None:
    """The run is read once more before the request, and that read is held up."""
    run = executing(1)
    fleet = fleet_of(run)

    async def scenario(stage: Stage) -> None:
        await stage.ask(CANCEL, run)
        await stage.wait_for_paint()
        fleet.fault = lambda path: limited() if path.startswith("/api/v3") else None
        await stage.press("y", wait_s=2)
        assert stage.write_paths() == []
        assert stage.overlay_text(run) == "cancel next"
        assert stage.action_controller.farewell() == ["Cancel of 1 run was not sent: the program ended before that."]
        await stage.ask(CANCEL, run)
        assert stage.notices[-1] == "cancel: cancel is on its way"
        fleet.fault = lambda _: None
        await stage.later(31)
        await stage.wait_until_done()
        assert fleet.status(run) == "CANCELED"
        assert stage.overlay_text(run) is None

    play(fleet, tmp_path, scenario)


def test_sent_is_not_shown_offline(tmp_path: Path) -> None:
    """The run can be read over a connection that is kept, but none can be made for the request."""
    run = executing(1)
    fleet = fleet_of(run)

    async def scenario(stage: Stage) -> None:
        client = stage.session.fetcher.api
        assert isinstance(client, Client)
        send, released = client._connection.send, asyncio.Event()

        async def hold(http: HttpRequest, **options: Any) -> WireResponse:
            if http.method == "POST":
                await released.wait()
            return await send(http, **options)

        await stage.ask(CANCEL, run)
        await stage.wait_for_paint()
        client._connection.send = hold  # type: ignore[method-assign]
        stage._send(events.Key("y", "y"))
        for _ in range(100):
            await stage._painted()
        assert stage.overlay_text(run) == "cancel next"
        assert stage.session.actions_in_flight == []
        released.set()
        await stage.later(0.1)
        await stage.wait_until_done()
        assert fleet.status(run) == "CANCELED"

    play(fleet, tmp_path, scenario)


def test_v_belongs_to_the_replayed_run(tmp_path: Path) -> None:
    other = FleetRun(80, -400, -390, -380, end="FAILED")

    async def scenario(stage: Stage) -> None:
        await stage.ask(REPLAY, ENDED)
        await agree(stage)
        await stage.wait_until_done()
        assert stage.works("go_to_new", runs=[other]), "the notice says so"
        await stage.later(5)
        assert not stage.works("go_to_new", runs=[other])
        assert stage.works("go_to_new", runs=[ENDED])
        stage.action_controller.go_to_new(RunId(other.id))
        assert stage.opened == []
        assert stage.notices[-1] == "this run was not replayed here"
        stage.action_controller.go_to_new(RunId(ENDED.id))
        assert stage.opened == [stage.fleet.newest.id]
        assert stage.works("go_to_new", runs=[ENDED])

    play(fleet_of(ENDED, other), tmp_path, scenario)


def test_refusal_is_shown_in_row_and_messages(tmp_path: Path) -> None:
    run = executing(1)
    fleet = fleet_of(run)

    async def scenario(stage: Stage) -> None:
        fleet.fault = forbid
        await stage.ask(CANCEL, run)
        await agree(stage)
        await stage.wait_until_done()
        assert stage.overlay_text(run) == "refused: 403"
        assert f"Cancel of {run.id} was refused: " in stage.messages[-1]
        await stage.later(11)
        assert stage.overlay_text(run) is None
        assert fleet.status(run) == "EXECUTING"

    play(fleet, tmp_path, scenario)


def test_u_withdraws_a_waiting_batch(tmp_path: Path) -> None:
    runs = [executing(n) for n in range(1, 4)]

    async def scenario(stage: Stage) -> None:
        await stage.ask(CANCEL, *runs, hidden_marks=2)
        await stage.wait_for_paint()
        assert "2 marked runs hidden by the filter: not touched." in stage.text
        await agree(stage)
        assert stage.unmarked == [True]
        assert stage.overlay_text(runs[0]) == "cancel in 5 s"
        await stage.later(2.5)
        assert stage.overlay_text(runs[0]) == "cancel in 3 s"
        assert stage.works("withdraw")
        await stage.ask(CANCEL, runs[0])
        assert stage.notices[-1] == "cancel: cancel waits to be sent, u withdraws it"
        stage.action_controller.withdraw()
        assert stage.notices[-1] == "withdrawn: cancel of 3 runs, nothing was sent"
        await stage.later(10)
        assert stage.overlay_text(runs[0]) is None
        assert stage.write_paths() == []
        assert not stage.works("withdraw")

    play(fleet_of(*runs), tmp_path, scenario)


def test_batch_is_sent_after_its_wait(tmp_path: Path) -> None:
    runs = [executing(n) for n in range(1, 13)]

    async def scenario(stage: Stage) -> None:
        await stage.ask(CANCEL, *runs)
        await stage.wait_for_paint()
        await stage.press("1", "2", "enter")
        assert not stage.is_confirming()
        await stage.later(4.9)
        assert stage.write_paths() == []
        await stage.later(0.2)
        assert stage.overlay_text(runs[0]) in {"cancel sent", "cancel accepted", None}
        await stage.wait_until_done()
        assert {stage.fleet.status(run) for run in runs} == {"CANCELED"}
        assert stage.notices[-1] == "12 canceled"

    play(fleet_of(*runs), tmp_path, scenario)


def test_run_that_ends_in_the_wait_finished_first(tmp_path: Path) -> None:
    runs = [executing(1), FleetRun(2, -50, -40, 4)]

    async def scenario(stage: Stage) -> None:
        await stage.ask(CANCEL, *runs)
        await agree(stage)
        await stage.later(7)
        await stage.wait_until_done()
        assert stage.overlay_text(runs[1]) == "finished first"
        assert stage.notices[-1] == "1 finished first  1 canceled"
        assert stage.messages == [f"Cancel of {runs[1].id}: it finished first, Completed."]
        assert len(stage.write_paths()) == 1

    play(fleet_of(*runs), tmp_path, scenario)


def test_sent_action_cannot_be_withdrawn(tmp_path: Path) -> None:
    run = executing(1)
    fleet = fleet_of(run)

    async def scenario(stage: Stage) -> None:
        stage.action_controller.withdraw()
        assert stage.notices[-1] == "nothing waits to be sent"
        fleet.fault = lambda path: limited() if path.endswith("/cancel") else None
        await stage.ask(CANCEL, run)
        await agree(stage)
        assert stage.overlay_text(run) == "cancel sent"
        stage.action_controller.withdraw()
        assert stage.notices[-1] == "already sent: it cannot be withdrawn"
        await stage.ask(CANCEL, run)
        assert stage.notices[-1] == "cancel: cancel is on its way"
        fleet.fault = lambda _: None
        await stage.later(31)
        assert fleet.status(run) == "CANCELED"

    play(fleet, tmp_path, scenario)


def test_fast_keys_open_one_dialog(tmp_path: Path) -> None:
    run = executing(1)

    async def scenario(stage: Stage) -> None:
        for _ in range(5):
            stage.action_controller.ask(CANCEL, [RunId(run.id)])
        await stage.wait_for_paint()
        assert len(stage.app.screen_stack) == 2
        await stage.press("y", "y", "y")
        await stage.wait_until_done()
        assert len(stage.write_paths()) == 1

    play(fleet_of(run), tmp_path, scenario)


def test_batch_stops_when_the_environment_changes(tmp_path: Path) -> None:
    runs = [executing(n) for n in range(1, 3)]

    async def scenario(stage: Stage) -> None:
        await stage.ask(CANCEL, *runs)
        await agree(stage)
        await stage.session.emit(EnvironmentRead(ELSEWHERE, stage.session.now()))
        await stage.later(6)
        assert stage.write_paths() == []
        assert stage.messages == ["Cancel of 2 runs was not sent: the environment has changed since the question."]
        assert stage.overlay_text(runs[0]) is None
        await stage.ask(CANCEL, runs[0])
        assert not stage.is_confirming()
        assert "nothing is written: the key now belongs to prod" in stage.notices[-1]

    play(fleet_of(*runs), tmp_path, scenario)


def test_open_question_ends_with_its_environment(tmp_path: Path) -> None:
    run = executing(1)

    async def scenario(stage: Stage) -> None:
        await stage.ask(CANCEL, run)
        await stage.wait_for_paint()
        await stage.session.emit(EnvironmentRead(ELSEWHERE, stage.session.now()))
        await stage.later(2)
        assert "Nothing to do: the key now belongs to prod" in " ".join(stage.text.split())
        await stage.press("y")
        assert stage.is_confirming()
        assert stage.write_paths() == []

    play(fleet_of(run), tmp_path, scenario)


def test_no_action_is_asked_for_offline(tmp_path: Path) -> None:
    run = executing(1)
    fleet = fleet_of(run)

    async def scenario(stage: Stage) -> None:
        fleet.fault = lambda _: JSONResponse({"error": "down"}, 503)
        await stage.later(60)
        assert not stage.works("act", "cancel", runs=[run])
        await stage.ask(CANCEL, run)
        assert not stage.is_confirming()
        assert stage.notices[-1] == "C and R need a connection"

    play(fleet, tmp_path, scenario)


def test_refused_kind_of_action_is_not_sent_again(tmp_path: Path) -> None:
    runs = [executing(number) for number in range(1, 11)]
    fleet = fleet_of(*runs, ENDED)

    async def scenario(stage: Stage) -> None:
        fleet.fault = forbid
        await stage.ask(CANCEL, *runs)
        await agree(stage)
        await stage.later(6)
        await stage.wait_until_done()
        sent = len(stage.write_paths())
        assert 1 <= sent <= 8, "those on their way when the first answer came"
        assert stage.notices[-1] == "cancel stopped: the server refuses it to this key (403)"
        assert not stage.works("act", "cancel", runs=runs)
        await stage.ask(CANCEL, *runs)
        assert not stage.is_confirming()
        assert stage.notices[-1] == "cancel: the server refuses it to this key (403)"
        assert stage.works("act", "replay", runs=[ENDED]), "another kind"
        assert len(stage.write_paths()) == sent

    play(fleet, tmp_path, scenario)


def test_refusal_by_a_proxy_is_not_remembered(tmp_path: Path) -> None:
    run, other = executing(1), executing(2)
    fleet = fleet_of(run, other)

    async def scenario(stage: Stage) -> None:
        fleet.fault = lambda path: HTMLResponse("<html>", 403) if path.endswith("/cancel") else None
        await stage.ask(CANCEL, run)
        await agree(stage)
        await stage.wait_until_done()
        await stage.ask(CANCEL, other)
        assert stage.is_confirming()

    play(fleet, tmp_path, scenario)


def test_open_question_ends_when_its_action_is_refused(tmp_path: Path) -> None:
    run, other = executing(1), executing(2)
    fleet = fleet_of(run, other)

    async def scenario(stage: Stage) -> None:
        await stage.ask(CANCEL, run)
        await stage.wait_for_paint()
        fleet.fault = forbid
        before = stage.session.store.get(RunId(other.id))
        assert before is not None
        stage.session.spawn(perform(stage, before), "another cancel")
        await stage.later(2)
        assert "the server refuses it to this key (403)." in " ".join(stage.text.split())
        await stage.press("y")
        assert stage.is_confirming()
        assert len(stage.write_paths()) == 1

    async def perform(stage: Stage, before: Run) -> None:
        await stage.session.perform(CANCEL, before)

    play(fleet, tmp_path, scenario)


def test_keys_of_a_key_that_reads_alone_say_why(tmp_path: Path) -> None:
    """The keys of actions exist, unlike in a session that the user made read-only."""
    run = executing(1)

    async def scenario(stage: Stage) -> None:
        assert stage.works("act", "cancel", runs=[run]) is bool(scopes[1:])
        assert not stage.works("act", "replay", runs=[run])
        for action in (REPLAY,) if scopes[1:] else (CANCEL, REPLAY):
            await stage.ask(action, run)
            assert not stage.is_confirming()
            assert stage.notices[-1].startswith(f"{action.id}: the ")
        assert "token" in stage.notices[-1]
        assert stage.write_paths() == []

    for scopes in (("read:runs",), ("read:runs", "write:runs")):
        play(fleet_of(run), tmp_path, scenario, key=public_token(*scopes))


def test_token_for_single_runs_acts_on_these_alone(tmp_path: Path) -> None:
    run, other = executing(1), executing(2)

    async def scenario(stage: Stage) -> None:
        assert stage.works("act", "cancel", runs=[run])
        assert stage.works("act", "cancel", runs=[other, run])
        assert not stage.works("act", "cancel", runs=[other])
        await stage.ask(CANCEL, other)
        assert stage.notices[-1] == "cancel: the public token may write other runs only"
        assert stage.session.settings.key.writable_runs == frozenset({run.id})
        assert public_token("write:runs", f"write:runs:{run.id}").writable_runs is None

    play(fleet_of(run, other), tmp_path, scenario, key=public_token("read:runs", f"write:runs:{run.id}"))


def test_read_only_session_has_no_actions(tmp_path: Path) -> None:
    run = executing(1)

    async def scenario(stage: Stage) -> None:
        for name, *parameters in (("act", "cancel"), ("withdraw",), ("go_to_new",)):
            assert not stage.works(name, *parameters, runs=[run])
        await stage.ask(CANCEL, run)
        assert not stage.is_confirming()

    play(fleet_of(run), tmp_path, scenario, read_only=True)


def test_impossible_action_shows_a_notice(tmp_path: Path) -> None:
    live = executing(1)

    async def scenario(stage: Stage) -> None:
        assert not stage.works("act", "cancel", runs=[ENDED])
        assert stage.works("act", "replay", runs=[ENDED])
        await stage.ask(CANCEL, ENDED)
        assert stage.notices[-1] == "cancel: it is already Failed"
        await stage.ask(CANCEL)
        assert stage.notices[-1] == "cancel: no run is selected: j or ↓ selects one"
        await stage.ask(CANCEL, hidden_marks=3)
        assert stage.notices[-1] == "cancel: the filter hides all marked runs"
        assert not stage.is_confirming()
        await stage.ask(CANCEL, ENDED, live)
        await stage.wait_for_paint()
        assert "1 Failed: not touched." in stage.text

    play(fleet_of(live, ENDED), tmp_path, scenario)
