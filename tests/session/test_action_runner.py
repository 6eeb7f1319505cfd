"""Actions: what is sent, what is proven, and what is never claimed."""

import asyncio
import stat
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import JSONResponse, Response

from tests.support.actions import LONG, acting, fleet_of, log_lines
from tests.support.fleet import SECRET, Fleet, FleetRun, serving
from tests.support.responses import server_error
from tests.support.session import started
from tui.actions import ACTIONS, CANCEL, REPLAY, Action
from tui.domain.action import ActionPhase
from tui.sources.budget import Priority


def test_a_cancel_is_confirmed_by_the_run_and_not_by_the_answer(tmp_path: Path) -> None:
    run = FleetRun(1, -10, -5, LONG)
    end, _ = acting(fleet_of(run), tmp_path, CANCEL, run)
    assert end.phase is ActionPhase.CONFIRMED
    assert [line["phase"] for line in log_lines(tmp_path)] == ["requested", "accepted", "confirmed"]


def test_a_run_that_ended_first_is_said_to_have_finished_first(tmp_path: Path) -> None:
    run = FleetRun(1, -10, -5, 1)
    end, _ = acting(fleet_of(run), tmp_path, CANCEL, run, waited_s=2)
    assert end.phase is ActionPhase.FINISHED_FIRST
    assert end.message == "Completed"


def test_a_cancel_that_has_no_effect_ends_as_unknown_and_says_what_was_seen(tmp_path: Path) -> None:
    run = FleetRun(1, -10, -5, LONG)

    def swallow(fleet: Fleet) -> None:
        fleet.fault = lambda path: JSONResponse({"id": run.id}) if path.endswith("/cancel") else None

    end, _ = acting(fleet_of(run), tmp_path, CANCEL, run, meanwhile=swallow)
    assert end.phase is ActionPhase.UNKNOWN
    assert end.message == "accepted, but the run is still Executing"


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409])
def test_a_refusal_carries_the_servers_words(tmp_path: Path, status: int) -> None:
    run = FleetRun(1, -10, -5, LONG)

    def refuse(fleet: Fleet) -> None:
        answer = JSONResponse({"error": "not you"}, status)
        fleet.fault = lambda path: answer if path.endswith("/cancel") else None

    fleet = fleet_of(run)
    end, _ = acting(fleet, tmp_path, CANCEL, run, meanwhile=refuse)
    assert end.phase is ActionPhase.REFUSED
    assert "not you" in end.message
    assert fleet.status(run) == "EXECUTING"


def test_a_cancel_whose_answer_was_lost_is_proven_by_reading_the_run(tmp_path: Path) -> None:
    run = FleetRun(1, -10, -5, LONG)

    def lose(fleet: Fleet) -> None:
        def effect_without_answer(path: str) -> Response | None:
            if not path.endswith("/cancel"):
                return None
            fleet.cancel(run)
            return server_error(502)

        fleet.fault = effect_without_answer

    end, _ = acting(fleet_of(run), tmp_path, CANCEL, run, meanwhile=lose)
    assert end.phase is ActionPhase.CONFIRMED


def test_a_lost_cancel_without_effect_is_unknown_and_never_confirmed(tmp_path: Path) -> None:
    run = FleetRun(1, -10, -5, LONG)

    def lose(fleet: Fleet) -> None:
        fleet.fault = lambda path: server_error(502) if path.endswith("/cancel") else None

    end, _ = acting(fleet_of(run), tmp_path, CANCEL, run, meanwhile=lose)
    assert end.phase is ActionPhase.UNKNOWN
    assert "the server is in trouble" in end.message
    assert "still Executing" in end.message


def test_a_replay_leads_to_the_new_run(tmp_path: Path) -> None:
    run = FleetRun(1, -10, -5, -1)
    fleet = fleet_of(run)
    end, _ = acting(fleet, tmp_path, REPLAY, run)
    assert end.phase is ActionPhase.CONFIRMED
    assert end.new_run_id == fleet.newest.id != run.id
    assert log_lines(tmp_path)[-1]["newRun"] == end.new_run_id


def test_a_replay_whose_answer_was_lost_is_never_sent_twice(tmp_path: Path) -> None:
    run = FleetRun(1, -10, -5, -1)
    fleet = fleet_of(run)

    def lose(fleet: Fleet) -> None:
        fleet.fault = lambda path: server_error(502) if path.endswith("/replay") else None

    end, _ = acting(fleet, tmp_path, REPLAY, run, meanwhile=lose)
    assert end.phase is ActionPhase.UNKNOWN
    assert "look for a new run" in end.message
    assert len(fleet.asked(f"/api/v1/runs/{run.id}/replay")) == 1


def test_an_action_waits_out_a_429_since_nothing_was_done(tmp_path: Path) -> None:
    run = FleetRun(1, -10, -5, LONG)
    fleet = fleet_of(run)
    answers = iter([True])

    def limit_once(path: str) -> Response | None:
        if path.endswith("/cancel") and next(answers, False):
            return JSONResponse({"error": "Rate limit exceeded", "secondsUntilReset": 4.0}, 429)
        return None

    def limit(fleet: Fleet) -> None:
        fleet.fault = limit_once

    end, _ = acting(fleet, tmp_path, CANCEL, run, meanwhile=limit)
    assert end.phase is ActionPhase.CONFIRMED
    moments = [moment for moment, _ in fleet.asked(f"/api/v2/runs/{run.id}/cancel")]
    assert len(moments) == 2
    assert moments[1] - moments[0] == pytest.approx(4)


def test_a_final_run_is_not_cancelled_again(tmp_path: Path) -> None:
    run = FleetRun(1, -10, -5, -1)
    fleet = fleet_of(run)
    end, _ = acting(fleet, tmp_path, CANCEL, run)
    assert end.phase is ActionPhase.REFUSED
    assert end.message == "it is already Completed"
    assert not fleet.asked(f"/api/v2/runs/{run.id}/cancel")


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.id)
@pytest.mark.parametrize(
    ("changes", "words"),
    [({"read_only": True}, "read-only"), ({"expect_env": "prod"}, "not the expected prod")],
    ids=["read-only", "another environment than expected"],
)
def test_a_guarded_session_sends_nothing(tmp_path: Path, action: Action, changes: dict[str, Any], words: str) -> None:
    run = FleetRun(1, -10, -5, LONG)
    fleet = fleet_of(run)
    end, _ = acting(fleet, tmp_path, action, run, **changes)
    assert end.phase is ActionPhase.REFUSED
    assert words in end.message
    assert not any(path.endswith(("/cancel", "/replay")) for _, path, _ in fleet.requests)


def test_a_key_that_leads_elsewhere_during_the_session_blocks_every_write(tmp_path: Path) -> None:
    run = FleetRun(1, -10, -5, LONG)
    fleet = fleet_of(run)

    async def scenario() -> None:
        with serving(fleet) as api:
            async with started(api, tmp_path) as session:
                await session.fetcher.fetch_environment(Priority.ACTION)
                blocks = [session.write_block]
                fleet.lead_to("prod", "PRODUCTION")
                await session.fetcher.fetch_environment(Priority.ACTION)
                blocks.append(session.write_block)
                assert blocks == [None, "the key now belongs to prod; it belonged to dev"]

    asyncio.run(scenario())


def test_an_environment_that_nobody_tells_counts_as_production_and_not_as_the_expected_one(tmp_path: Path) -> None:
    fleet = fleet_of()

    async def scenario() -> None:
        with serving(fleet) as api:
            fleet.fault = lambda path: server_error(401) if path == "/api/v1/whoami" else None
            async with started(api, tmp_path, expect_env="dev") as session:
                assert await session.fetcher.fetch_environment(Priority.ACTION)
                assert session.interlock.is_production
                assert session.write_block is not None

    asyncio.run(scenario())


def test_the_action_log_is_the_owners_alone_and_holds_no_key(tmp_path: Path) -> None:
    run = FleetRun(1, -10, -5, LONG)
    acting(fleet_of(run), tmp_path, CANCEL, run)
    path = tmp_path / "trigger-tui" / "actions.jsonl"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert SECRET not in path.read_text()
    assert log_lines(tmp_path)[0] | {"at": "", "api": "", "by": ""} == {
        "at": "",
        "by": "",
        "via": "key",
        "api": "",
        "env": "dev",
        "action": "cancel",
        "subject": run.id,
        "phase": "requested",
    }


def test_a_log_that_cannot_be_written_stops_nobody(tmp_path: Path) -> None:
    (tmp_path / "trigger-tui").write_text("in the way")
    run = FleetRun(1, -10, -5, LONG)
    end, _ = acting(fleet_of(run), tmp_path, CANCEL, run)
    assert end.phase is ActionPhase.CONFIRMED


def test_phases_only_go_forward_on_the_screen(tmp_path: Path) -> None:
    run = FleetRun(1, -10, -5, LONG)
    _, phases = acting(fleet_of(run), tmp_path, CANCEL, run)
    order = list(ActionPhase)
    assert phases[-1] is ActionPhase.CONFIRMED
    assert phases == sorted(phases, key=order.index)
