"""What became of an action is said as it is: not ours, not lost, not known."""

import asyncio
from pathlib import Path

import pytest
from starlette.responses import JSONResponse, Response

from tests.support.actions import LONG, acting, finish, fleet_of, log_lines, seen
from tests.support.fleet import NO_QUERIES, Fleet, FleetRun, serving
from tests.support.responses import server_error
from tests.support.session import pass_time, started
from tui.actions import CANCEL, REPLAY, Action
from tui.domain.action import ActionPhase
from tui.emulator.routes.table import NAMES


@pytest.mark.parametrize("waited_s", [4, 600], ids=["just before", "long ago"])
def test_a_run_that_somebody_else_cancelled_before_is_not_ours(tmp_path: Path, waited_s: float) -> None:
    async def scenario() -> None:
        run = FleetRun(1, -10, -5, LONG)
        fleet = fleet_of(run)
        with serving(fleet) as api:
            async with started(api, tmp_path) as session:
                before = await seen(session, run)
                fleet.cancel(run, 0.5)
                await pass_time(session, api, waited_s)
                task = asyncio.ensure_future(session.perform(CANCEL, before))
                await finish(session, api, task)
                end = await task
                assert end.phase is ActionPhase.FINISHED_FIRST
                assert end.message == "Canceled"

    asyncio.run(scenario())


SKEWS_S = [-7200, -60, -3, 3, 60, 7200]
"""How far the `Date` header is from the times of the rows."""


def skew(fleet: Fleet, seconds: float) -> None:
    fleet.emulator.faults.set([NO_QUERIES, {"kind": "clock-skew", "seconds": seconds}], NAMES)


@pytest.mark.parametrize("skew_s", SKEWS_S)
@pytest.mark.parametrize("waited_s", [0, 600])
def test_our_cancel_is_ours_whatever_the_date_header(tmp_path: Path, skew_s: float, waited_s: float) -> None:
    run = FleetRun(1, -10, -5, LONG)
    fleet = fleet_of(run)
    skew(fleet, skew_s)
    end, _ = acting(fleet, tmp_path, CANCEL, run, waited_s=waited_s)
    assert end.phase is ActionPhase.CONFIRMED


@pytest.mark.parametrize("skew_s", SKEWS_S)
def test_a_date_header_that_jumps_meanwhile_proves_nothing(tmp_path: Path, skew_s: float) -> None:
    run = FleetRun(1, -10, -5, LONG)
    end, _ = acting(fleet_of(run), tmp_path, CANCEL, run, meanwhile=lambda fleet: skew(fleet, skew_s))
    assert end.phase is ActionPhase.CONFIRMED


@pytest.mark.parametrize("skew_s", SKEWS_S)
@pytest.mark.parametrize("waited_s", [1, 4, 600])
def test_anothers_cancel_is_not_ours_whatever_the_date_header(tmp_path: Path, skew_s: float, waited_s: float) -> None:
    run = FleetRun(1, -10, -5, LONG)
    fleet = fleet_of(run)
    skew(fleet, skew_s)
    end, _ = acting(fleet, tmp_path, CANCEL, run, meanwhile=lambda fleet: fleet.cancel(run, 0.5), waited_s=waited_s)
    assert end.phase is ActionPhase.FINISHED_FIRST
    assert end.message == "Canceled"
    assert not fleet.asked(f"/api/v2/runs/{run.id}/cancel")


def test_a_run_that_ended_while_the_request_waited_is_not_ours(tmp_path: Path) -> None:
    """A 429 holds the cancel back for half a minute, in which somebody else cancels the run."""
    run = FleetRun(1, -10, -5, LONG)
    fleet = fleet_of(run)
    answers = [JSONResponse({"secondsUntilReset": 30}, 429)]

    def limit(fleet: Fleet) -> None:
        fleet.cancel(run, 5)
        fleet.fault = lambda path: answers.pop() if answers and path.endswith("/cancel") else None

    end, _ = acting(fleet, tmp_path, CANCEL, run, meanwhile=limit, patience_s=40)
    assert end.phase is ActionPhase.FINISHED_FIRST
    assert len(fleet.asked(f"/api/v2/runs/{run.id}/cancel")) == 1


def test_an_end_that_is_known_counts_where_no_read_succeeds(tmp_path: Path) -> None:
    run = FleetRun(1, -10, -5, LONG)
    fleet = fleet_of(run)

    async def scenario() -> None:
        with serving(fleet) as api:
            async with started(api, tmp_path) as session:
                before = await seen(session, run)
                fleet.cancel(run)
                await pass_time(session, api, 1)
                await seen(session, run)
                fleet.fault = lambda path: server_error() if path.startswith("/api/v3/") else None
                task = asyncio.ensure_future(session.perform(CANCEL, before))
                await finish(session, api, task)
                assert (await task).phase is ActionPhase.FINISHED_FIRST

    asyncio.run(scenario())


def test_a_run_seen_too_long_ago_that_is_over_is_sent_nothing(tmp_path: Path) -> None:
    async def scenario() -> None:
        run = FleetRun(1, -10, -5, 30)
        fleet = fleet_of(run)
        with serving(fleet) as api:
            async with started(api, tmp_path) as session:
                before = await seen(session, run)
                await pass_time(session, api, 60)
                task = asyncio.ensure_future(session.perform(CANCEL, before))
                await finish(session, api, task)
                assert (await task).phase is ActionPhase.FINISHED_FIRST
                assert not fleet.asked(f"/api/v2/runs/{run.id}/cancel")

    asyncio.run(scenario())


def test_a_run_that_cannot_be_read_again_is_acted_on_as_it_was_seen(tmp_path: Path) -> None:
    async def scenario() -> None:
        run = FleetRun(1, -10, -5, LONG)
        fleet = fleet_of(run)
        with serving(fleet) as api:
            async with started(api, tmp_path) as session:
                before = await seen(session, run)
                await pass_time(session, api, 60)
                fleet.fault = lambda path: (
                    server_error() if path.startswith("/api/v3/") and fleet.status(run) == "EXECUTING" else None
                )
                task = asyncio.ensure_future(session.perform(CANCEL, before))
                await finish(session, api, task)
                assert (await task).phase is ActionPhase.CONFIRMED

    asyncio.run(scenario())


@pytest.mark.parametrize("status", [408, 499, 504])
@pytest.mark.parametrize("has_effect", [True, False])
def test_a_cancel_that_a_gateway_gave_up_on_is_proven_by_reading(tmp_path: Path, status: int, has_effect: bool) -> None:
    run = FleetRun(1, -10, -5, LONG)

    def lose(fleet: Fleet) -> None:
        def effect_without_answer(path: str) -> Response | None:
            if not path.endswith("/cancel"):
                return None
            if has_effect:
                fleet.cancel(run)
            return server_error(status)

        fleet.fault = effect_without_answer

    end, _ = acting(fleet_of(run), tmp_path, CANCEL, run, meanwhile=lose)
    assert end.phase is (ActionPhase.CONFIRMED if has_effect else ActionPhase.UNKNOWN)


@pytest.mark.parametrize("status", [408, 499])
def test_a_replay_that_a_gateway_gave_up_on_is_unknown_and_sent_once(tmp_path: Path, status: int) -> None:
    run = FleetRun(1, -10, -5, -1)
    fleet = fleet_of(run)

    def lose(fleet: Fleet) -> None:
        fleet.fault = lambda path: server_error(status) if path.endswith("/replay") else None

    end, _ = acting(fleet, tmp_path, REPLAY, run, meanwhile=lose)
    assert end.phase is ActionPhase.UNKNOWN
    assert len(fleet.asked(f"/api/v1/runs/{run.id}/replay")) == 1


@pytest.mark.parametrize("action", [CANCEL, REPLAY], ids=lambda action: action.id)
def test_an_action_cut_short_is_in_the_log_as_unknown(tmp_path: Path, action: Action) -> None:
    async def scenario() -> None:
        run = FleetRun(1, -10, -5, LONG)
        fleet = fleet_of(run)
        limited = JSONResponse({"secondsUntilReset": 30}, 429)
        fleet.fault = lambda path: limited if path.endswith(("/cancel", "/replay")) else None
        with serving(fleet) as api:
            async with started(api, tmp_path) as session:
                before = await seen(session, run)
                task = asyncio.ensure_future(session.perform(action, before))
                # The server's thread has no event for this loop.
                while not any(path.endswith(("/cancel", "/replay")) for _, path, _ in fleet.requests):  # noqa: ASYNC110
                    await asyncio.sleep(0.001)
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task

    asyncio.run(scenario())
    assert [(line["phase"], line["action"]) for line in log_lines(tmp_path)] == [
        ("requested", action.id),
        ("unknown", action.id),
    ]
    assert "before the outcome was known" in log_lines(tmp_path)[-1]["message"]


def test_an_action_whose_session_ends_is_in_the_log_as_unknown(tmp_path: Path) -> None:
    async def scenario() -> None:
        run = FleetRun(1, -10, -5, LONG)
        fleet = fleet_of(run)
        fleet.fault = lambda path: JSONResponse({"secondsUntilReset": 30}, 429) if path.endswith("/cancel") else None
        with serving(fleet) as api:
            async with started(api, tmp_path) as session:
                before = await seen(session, run)

                async def act() -> None:
                    await session.perform(CANCEL, before)

                session.spawn(act(), "cancel")
                while not fleet.asked(f"/api/v2/runs/{run.id}/cancel"):  # noqa: ASYNC110  the server has no event
                    await asyncio.sleep(0.001)

    asyncio.run(scenario())
    assert [line["phase"] for line in log_lines(tmp_path)] == ["requested", "unknown"]
