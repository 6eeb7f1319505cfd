"""Actions: requests, outcomes, and guards."""

import stat
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import JSONResponse, RedirectResponse, Response

from tests.support.actions import LONG, fleet_of, log_lines, perform
from tests.support.fleet import SECRET, Fleet, FleetRun, serving
from tests.support.responses import server_error
from tests.support.session import started
from tui.api.actions import ACTIONS, CANCEL, REPLAY, Action
from tui.domain.action import ActionPhase
from tui.sync.budget import Priority


def test_cancel_is_confirmed_by_reading_the_run(tmp_path: Path) -> None:
    run = FleetRun(1, -10, -5, LONG)
    end, _ = perform(fleet_of(run), tmp_path, CANCEL, run)
    assert end.phase is ActionPhase.CONFIRMED
    assert [line["phase"] for line in log_lines(tmp_path)] == ["requested", "accepted", "confirmed"]


def test_cancel_finishes_first_when_the_run_has_ended(tmp_path: Path) -> None:
    run = FleetRun(1, -10, -5, 1)
    end, _ = perform(fleet_of(run), tmp_path, CANCEL, run, waited_s=2)
    assert end.phase is ActionPhase.FINISHED_FIRST
    assert end.message == "Completed"


def test_cancel_is_unknown_when_the_run_goes_on(tmp_path: Path) -> None:
    run = FleetRun(1, -10, -5, LONG)

    def swallow(fleet: Fleet) -> None:
        fleet.fault = lambda path: JSONResponse({"id": run.id}) if path.endswith("/cancel") else None

    end, _ = perform(fleet_of(run), tmp_path, CANCEL, run, meanwhile=swallow)
    assert end.phase is ActionPhase.UNKNOWN
    assert end.message == "accepted, but the run is still Executing"


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409])
def test_refusal_has_the_message_of_the_server(tmp_path: Path, status: int) -> None:
    run = FleetRun(1, -10, -5, LONG)

    def refuse(fleet: Fleet) -> None:
        answer = JSONResponse({"error": "not you"}, status)
        fleet.fault = lambda path: answer if path.endswith("/cancel") else None

    fleet = fleet_of(run)
    end, _ = perform(fleet, tmp_path, CANCEL, run, meanwhile=refuse)
    assert end.phase is ActionPhase.REFUSED
    assert "not you" in end.message
    assert fleet.status(run) == "EXECUTING"


def test_cancel_is_verified_after_a_lost_response(tmp_path: Path) -> None:
    run = FleetRun(1, -10, -5, LONG)

    def lose(fleet: Fleet) -> None:
        def effect_without_answer(path: str) -> Response | None:
            if not path.endswith("/cancel"):
                return None
            fleet.cancel(run)
            return server_error(502)

        fleet.fault = effect_without_answer

    end, _ = perform(fleet_of(run), tmp_path, CANCEL, run, meanwhile=lose)
    assert end.phase is ActionPhase.CONFIRMED


def test_cancel_is_unknown_after_a_lost_request(tmp_path: Path) -> None:
    run = FleetRun(1, -10, -5, LONG)

    def lose(fleet: Fleet) -> None:
        fleet.fault = lambda path: server_error(502) if path.endswith("/cancel") else None

    end, _ = perform(fleet_of(run), tmp_path, CANCEL, run, meanwhile=lose)
    assert end.phase is ActionPhase.UNKNOWN
    assert "the server is in trouble" in end.message
    assert "still Executing" in end.message


def test_replay_returns_the_new_run(tmp_path: Path) -> None:
    run = FleetRun(1, -10, -5, -1)
    fleet = fleet_of(run)
    end, _ = perform(fleet, tmp_path, REPLAY, run)
    assert end.phase is ActionPhase.CONFIRMED
    assert end.new_run_id == fleet.newest.id != run.id
    assert log_lines(tmp_path)[-1]["newRun"] == end.new_run_id


def test_replay_is_sent_once_after_a_lost_response(tmp_path: Path) -> None:
    run = FleetRun(1, -10, -5, -1)
    fleet = fleet_of(run)

    def lose(fleet: Fleet) -> None:
        fleet.fault = lambda path: server_error(502) if path.endswith("/replay") else None

    end, _ = perform(fleet, tmp_path, REPLAY, run, meanwhile=lose)
    assert end.phase is ActionPhase.UNKNOWN
    assert "look for a new run" in end.message
    assert len(fleet.requests_to(f"/api/v1/runs/{run.id}/replay")) == 1


@pytest.mark.parametrize(
    ("action", "is_done", "phase"),
    [
        (CANCEL, True, ActionPhase.CONFIRMED),
        (CANCEL, False, ActionPhase.UNKNOWN),
        (REPLAY, True, ActionPhase.UNKNOWN),
    ],
)
def test_redirected_action_is_sent_once_and_proven_by_rows(
    tmp_path: Path, action: Action, phase: ActionPhase, *, is_done: bool
) -> None:
    run = FleetRun(1, -10, -5, LONG)

    def redirect(fleet: Fleet) -> None:
        def answer(path: str) -> Response | None:
            if f"/{action.id}" not in path:
                return None
            if is_done:
                fleet.cancel(run)
            return RedirectResponse(f"{path}/elsewhere", 308)

        fleet.fault = answer

    fleet = fleet_of(run)
    end, _ = perform(fleet, tmp_path, action, run, meanwhile=redirect)
    assert end.phase is phase
    words = "the server redirects actions, nothing was confirmed"
    assert end.message.startswith("" if phase is ActionPhase.CONFIRMED else words)
    assert sum(f"/{action.id}" in path for _, path, _ in fleet.requests) == 1


def test_action_is_sent_again_after_a_429(tmp_path: Path) -> None:
    run = FleetRun(1, -10, -5, LONG)
    fleet = fleet_of(run)
    answers = iter([True])

    def limit_once(path: str) -> Response | None:
        if path.endswith("/cancel") and next(answers, False):
            return JSONResponse({"error": "Rate limit exceeded", "secondsUntilReset": 4.0}, 429)
        return None

    def limit(fleet: Fleet) -> None:
        fleet.fault = limit_once

    end, _ = perform(fleet, tmp_path, CANCEL, run, meanwhile=limit)
    assert end.phase is ActionPhase.CONFIRMED
    moments = [moment for moment, _ in fleet.requests_to(f"/api/v2/runs/{run.id}/cancel")]
    assert len(moments) == 2
    assert moments[1] - moments[0] == pytest.approx(4)


def test_cancel_is_not_sent_for_a_final_run(tmp_path: Path) -> None:
    run = FleetRun(1, -10, -5, -1)
    fleet = fleet_of(run)
    end, _ = perform(fleet, tmp_path, CANCEL, run)
    assert end.phase is ActionPhase.REFUSED
    assert end.message == "it is already Completed"
    assert not fleet.requests_to(f"/api/v2/runs/{run.id}/cancel")


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.id)
@pytest.mark.parametrize(
    ("changes", "words"),
    [({"read_only": True}, "read-only"), ({"expect_env": "prod"}, "not the expected prod")],
    ids=["read-only", "another environment than expected"],
)
def test_blocked_session_sends_nothing(tmp_path: Path, action: Action, changes: dict[str, Any], words: str) -> None:
    run = FleetRun(1, -10, -5, LONG)
    fleet = fleet_of(run)
    end, _ = perform(fleet, tmp_path, action, run, **changes)
    assert end.phase is ActionPhase.REFUSED
    assert words in end.message
    assert not any(path.endswith(("/cancel", "/replay")) for _, path, _ in fleet.requests)


async def test_session_blocks_writes_when_the_key_changes(tmp_path: Path) -> None:
    run = FleetRun(1, -10, -5, LONG)
    fleet = fleet_of(run)

    with serving(fleet) as api:
        async with started(api, tmp_path) as session:
            await session.fetcher.fetch_environment(Priority.ACTION)
            blocks = [session.write_block]
            fleet.lead_to("prod", "PRODUCTION")
            await session.fetcher.fetch_environment(Priority.ACTION)
            blocks.append(session.write_block)
            assert blocks == [None, "the key now belongs to prod; it belonged to dev"]


async def test_unknown_environment_counts_as_production(tmp_path: Path) -> None:
    fleet = fleet_of()

    with serving(fleet) as api:
        fleet.fault = lambda path: server_error(401) if path == "/api/v1/whoami" else None
        async with started(api, tmp_path, expect_env="dev") as session:
            assert await session.fetcher.fetch_environment(Priority.ACTION)
            assert session.interlock.is_production
            assert session.write_block is not None


def test_action_log_is_private_and_has_no_key(tmp_path: Path) -> None:
    run = FleetRun(1, -10, -5, LONG)
    perform(fleet_of(run), tmp_path, CANCEL, run)
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


def test_action_succeeds_when_the_log_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "trigger-tui").write_text("in the way")
    run = FleetRun(1, -10, -5, LONG)
    end, _ = perform(fleet_of(run), tmp_path, CANCEL, run)
    assert end.phase is ActionPhase.CONFIRMED


def test_phases_arrive_in_order(tmp_path: Path) -> None:
    run = FleetRun(1, -10, -5, LONG)
    _, phases = perform(fleet_of(run), tmp_path, CANCEL, run)
    order = list(ActionPhase)
    assert phases[-1] is ActionPhase.CONFIRMED
    assert phases == sorted(phases, key=order.index)
