"""Verifies the outcome of actions: cancels of other clients, skewed clocks, lost requests."""

import asyncio
from pathlib import Path

import pytest
from starlette.responses import JSONResponse, Response

from tests.support.actions import LONG, fleet_of, log_lines, pass_time_until_done, perform, read_run
from tests.support.fleet import NO_QUERIES, Fleet, FleetRun, serving
from tests.support.responses import server_error
from tests.support.session import pass_time, started
from tui.api.actions import CANCEL, REPLAY, Action
from tui.domain.action import ActionPhase
from tui.emulator.routes.table import NAMES


@pytest.mark.parametrize("waited_s", [4, 600], ids=["just before", "long ago"])
async def test_earlier_cancel_is_not_confirmed(tmp_path: Path, waited_s: float) -> None:
    run = FleetRun(1, -10, -5, LONG)
    fleet = fleet_of(run)
    with serving(fleet) as api:
        async with started(api, tmp_path) as session:
            before = await read_run(session, run)
            fleet.cancel(run, 0.5)
            await pass_time(session, api, waited_s)
            task = asyncio.ensure_future(session.perform(CANCEL, before))
            await pass_time_until_done(session, api, task)
            end = await task
            assert end.phase is ActionPhase.FINISHED_FIRST
            assert end.message == "Canceled"


SKEWS_S = [-7200, -60, -3, 3, 60, 7200]
"""Differences between the `Date` header and the times of the rows."""


def skew(fleet: Fleet, seconds: float) -> None:
    fleet.emulator.faults.set([NO_QUERIES, {"kind": "clock-skew", "seconds": seconds}], NAMES)


@pytest.mark.parametrize("skew_s", SKEWS_S)
@pytest.mark.parametrize("waited_s", [0, 600])
def test_cancel_is_confirmed_whatever_the_date(tmp_path: Path, skew_s: float, waited_s: float) -> None:
    run = FleetRun(1, -10, -5, LONG)
    fleet = fleet_of(run)
    skew(fleet, skew_s)
    end, _ = perform(fleet, tmp_path, CANCEL, run, waited_s=waited_s)
    assert end.phase is ActionPhase.CONFIRMED


@pytest.mark.parametrize("skew_s", SKEWS_S)
def test_cancel_is_confirmed_when_the_date_jumps(tmp_path: Path, skew_s: float) -> None:
    run = FleetRun(1, -10, -5, LONG)
    end, _ = perform(fleet_of(run), tmp_path, CANCEL, run, meanwhile=lambda fleet: skew(fleet, skew_s))
    assert end.phase is ActionPhase.CONFIRMED


@pytest.mark.parametrize("skew_s", SKEWS_S)
@pytest.mark.parametrize("waited_s", [1, 4, 600])
def test_other_cancel_is_not_confirmed_whatever_the_date(tmp_path: Path, skew_s: float, waited_s: float) -> None:
    run = FleetRun(1, -10, -5, LONG)
    fleet = fleet_of(run)
    skew(fleet, skew_s)
    end, _ = perform(fleet, tmp_path, CANCEL, run, meanwhile=lambda fleet: fleet.cancel(run, 0.5), waited_s=waited_s)
    assert end.phase is ActionPhase.FINISHED_FIRST
    assert end.message == "Canceled"
    assert not fleet.requests_to(f"/api/v2/runs/{run.id}/cancel")


def test_run_that_ended_meanwhile_is_not_confirmed(tmp_path: Path) -> None:
    """A 429 delays the cancel for half a minute. Another client cancels the run meanwhile."""
    run = FleetRun(1, -10, -5, LONG)
    fleet = fleet_of(run)
    answers = [JSONResponse({"secondsUntilReset": 30}, 429)]

    def limit(fleet: Fleet) -> None:
        fleet.cancel(run, 5)
        fleet.fault = lambda path: answers.pop() if answers and path.endswith("/cancel") else None

    end, _ = perform(fleet, tmp_path, CANCEL, run, meanwhile=limit, timeout_s=40)
    assert end.phase is ActionPhase.FINISHED_FIRST
    assert len(fleet.requests_to(f"/api/v2/runs/{run.id}/cancel")) == 1


async def test_known_end_counts_when_reads_fail(tmp_path: Path) -> None:
    run = FleetRun(1, -10, -5, LONG)
    fleet = fleet_of(run)

    with serving(fleet) as api:
        async with started(api, tmp_path) as session:
            before = await read_run(session, run)
            fleet.cancel(run)
            await pass_time(session, api, 1)
            await read_run(session, run)
            fleet.fault = lambda path: server_error() if path.startswith("/api/v3/") else None
            task = asyncio.ensure_future(session.perform(CANCEL, before))
            await pass_time_until_done(session, api, task)
            assert (await task).phase is ActionPhase.FINISHED_FIRST


async def test_stale_run_is_read_again_before_the_request(tmp_path: Path) -> None:
    run = FleetRun(1, -10, -5, 30)
    fleet = fleet_of(run)
    with serving(fleet) as api:
        async with started(api, tmp_path) as session:
            before = await read_run(session, run)
            await pass_time(session, api, 60)
            task = asyncio.ensure_future(session.perform(CANCEL, before))
            await pass_time_until_done(session, api, task)
            assert (await task).phase is ActionPhase.FINISHED_FIRST
            assert not fleet.requests_to(f"/api/v2/runs/{run.id}/cancel")


async def test_action_uses_the_last_read_when_reads_fail(tmp_path: Path) -> None:
    run = FleetRun(1, -10, -5, LONG)
    fleet = fleet_of(run)
    with serving(fleet) as api:
        async with started(api, tmp_path) as session:
            before = await read_run(session, run)
            await pass_time(session, api, 60)
            fleet.fault = lambda path: (
                server_error() if path.startswith("/api/v3/") and fleet.status(run) == "EXECUTING" else None
            )
            task = asyncio.ensure_future(session.perform(CANCEL, before))
            await pass_time_until_done(session, api, task)
            assert (await task).phase is ActionPhase.CONFIRMED


@pytest.mark.parametrize("status", [408, 499, 504])
@pytest.mark.parametrize("has_effect", [True, False])
def test_cancel_is_verified_after_a_gateway_timeout(tmp_path: Path, status: int, has_effect: bool) -> None:
    run = FleetRun(1, -10, -5, LONG)

    def lose(fleet: Fleet) -> None:
        def effect_without_answer(path: str) -> Response | None:
            if not path.endswith("/cancel"):
                return None
            if has_effect:
                fleet.cancel(run)
            return server_error(status)

        fleet.fault = effect_without_answer

    end, _ = perform(fleet_of(run), tmp_path, CANCEL, run, meanwhile=lose)
    assert end.phase is (ActionPhase.CONFIRMED if has_effect else ActionPhase.UNKNOWN)


@pytest.mark.parametrize("status", [408, 499])
def test_replay_is_unknown_after_a_gateway_timeout(tmp_path: Path, status: int) -> None:
    run = FleetRun(1, -10, -5, -1)
    fleet = fleet_of(run)

    def lose(fleet: Fleet) -> None:
        fleet.fault = lambda path: server_error(status) if path.endswith("/replay") else None

    end, _ = perform(fleet, tmp_path, REPLAY, run, meanwhile=lose)
    assert end.phase is ActionPhase.UNKNOWN
    assert len(fleet.requests_to(f"/api/v1/runs/{run.id}/replay")) == 1


@pytest.mark.parametrize("action", [CANCEL, REPLAY], ids=lambda action: action.id)
async def test_log_has_unknown_for_a_cancelled_action(tmp_path: Path, action: Action) -> None:
    run = FleetRun(1, -10, -5, LONG)
    fleet = fleet_of(run)
    limited = JSONResponse({"secondsUntilReset": 30}, 429)
    fleet.fault = lambda path: limited if path.endswith(("/cancel", "/replay")) else None
    with serving(fleet) as api:
        async with started(api, tmp_path) as session:
            before = await read_run(session, run)
            task = asyncio.ensure_future(session.perform(action, before))
            # The server's thread has no event for this loop.
            while not any(path.endswith(("/cancel", "/replay")) for _, path, _ in fleet.requests):  # noqa: ASYNC110
                await asyncio.sleep(0.001)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
    assert [(line["phase"], line["action"]) for line in log_lines(tmp_path)] == [
        ("requested", action.id),
        ("unknown", action.id),
    ]
    assert "before the outcome was known" in log_lines(tmp_path)[-1]["message"]


async def test_log_has_unknown_when_the_session_ends(tmp_path: Path) -> None:
    run = FleetRun(1, -10, -5, LONG)
    fleet = fleet_of(run)
    fleet.fault = lambda path: JSONResponse({"secondsUntilReset": 30}, 429) if path.endswith("/cancel") else None
    with serving(fleet) as api:
        async with started(api, tmp_path) as session:
            before = await read_run(session, run)

            async def act() -> None:
                await session.perform(CANCEL, before)

            session.spawn(act(), "cancel")
            while not fleet.requests_to(f"/api/v2/runs/{run.id}/cancel"):  # noqa: ASYNC110  the server has no event
                await asyncio.sleep(0.001)
    assert [line["phase"] for line in log_lines(tmp_path)] == ["requested", "unknown"]
