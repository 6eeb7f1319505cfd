"""A partial failure affects only its part: the list continues, and known runs are kept."""

from collections.abc import Callable
from pathlib import Path

import pytest
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response

from tests.support.fleet import FleetRun, fleet_of
from tests.support.responses import TruncatedResponse, server_error
from tests.support.session import Later, polling
from tests.support.sure import sure
from tui.domain.run import Capability, RunId, RunStatus
from tui.domain.update import SourceConnected, SourceRetrying, SourceStopped
from tui.sync.session import Session

LIST = "/api/v1/runs"
WHOAMI = "/api/v1/whoami"
QUERY = "/api/v1/query"


def state_of(session: Session) -> object:
    """Return the status of the polling source. As `object`, so that mypy does not narrow it over time."""
    return session.store.source_statuses["rest"]


async def states_during(session: Session, later: Later, seconds: int) -> set[type[object]]:
    """Return the types of all statuses of the source within `seconds`, sampled twice a second."""
    states = set()
    for _ in range(2 * seconds):
        await later(0.5)
        states.add(type(state_of(session)))
    return states


@pytest.mark.parametrize("status", [500, 400])
async def test_unreadable_run_is_tried_again_and_delays_no_other(tmp_path: Path, status: int) -> None:
    odd, other = FleetRun(1, -1500, -1400), FleetRun(2, -900, -800, 40, end="FAILED")
    fleet = fleet_of(odd, other, *(FleetRun(n, -100.0 + n, -50, -49) for n in range(3, 30)))
    fleet.fault = lambda path: server_error(status) if path.endswith(odd.id) else None
    async with polling(fleet, tmp_path) as (session, later):
        await later(10)
        fleet.forget(odd)
        assert await states_during(session, later, 60) == {SourceConnected}
        known = sure(session.store.get(RunId(other.id)))
        assert known.status is RunStatus.COMPLETED_WITH_ERRORS
        assert 2 <= len(fleet.requests_to(f"/api/v3/runs/{odd.id}")) <= 30
        fleet.fault = lambda _: None
        await later(15)
        known = sure(session.store.get(RunId(odd.id)))
        assert known.is_gone


@pytest.mark.parametrize(
    "answer", [TruncatedResponse, lambda: server_error(400)], ids=["a closed connection", "the 400 of an outage"]
)
async def test_failing_queries_slow_down_and_the_list_continues(tmp_path: Path, answer: Callable[[], Response]) -> None:
    fleet = fleet_of(FleetRun(1, -10, -5))
    fleet.allow_queries()
    fleet.fault = lambda path: answer() if path == QUERY else None
    async with polling(fleet, tmp_path) as (session, later):
        assert await states_during(session, later, 120) == {SourceConnected}
        assert 3 <= len(fleet.requests_to(QUERY)) <= 5
        assert Capability.QUERY not in session.store.lost_capabilities
        fleet.fault = lambda _: None
        await later(170)
        assert session.store.server_counts is not None


@pytest.mark.parametrize(
    "answer",
    [lambda: HTMLResponse("<html>404</html>", 404), lambda: PlainTextResponse("?", 425)],
    ids=["a page that says 404", "425"],
)
async def test_refusal_by_a_proxy_is_retried_once_connected(tmp_path: Path, answer: Callable[[], Response]) -> None:
    fleet = fleet_of(FleetRun(1, -10, -5))
    async with polling(fleet, tmp_path) as (session, later):
        await later(10)
        fleet.fault = lambda path: answer() if path == LIST else None
        await later(20)
        assert isinstance(state_of(session), SourceRetrying)
        fleet.fault = lambda _: None
        await later(30)
        assert isinstance(state_of(session), SourceConnected)


@pytest.mark.parametrize(
    ("status", "is_final"), [(404, True), (400, True), (422, True), (408, False), (425, False), (503, False)]
)
async def test_only_temporary_failures_are_retried_at_the_start(tmp_path: Path, status: int, is_final: bool) -> None:
    fleet = fleet_of()
    fleet.fault = lambda path: HTMLResponse("<html></html>", status) if path == LIST else None
    async with polling(fleet, tmp_path) as (session, later):
        await later(20)
        assert isinstance(state_of(session), SourceStopped if is_final else SourceRetrying)
        fleet.fault = lambda _: None
        await later(40)
        assert isinstance(state_of(session), SourceStopped if is_final else SourceConnected)


async def test_environment_is_fetched_again_after_a_failure(tmp_path: Path) -> None:
    fleet = fleet_of(FleetRun(1, -10, -5))
    fleet.fault = lambda path: server_error(500) if path == WHOAMI else None
    async with polling(fleet, tmp_path) as (session, later):
        await later(40)
        assert not session.store.is_environment_known
        assert session.interlock.is_production
        fleet.fault = lambda _: None
        await later(40)
        assert session.store.environment is not None
        assert not session.interlock.is_production


@pytest.mark.parametrize(
    ("status", "is_lost"), [(500, False), (400, False), (408, False), (422, False), (401, True), (403, True)]
)
async def test_run_without_a_readable_trace_has_the_reason(tmp_path: Path, status: int, is_lost: bool) -> None:
    run = FleetRun(1, -10, -5, -1, end="FAILED")
    fleet = fleet_of(run)
    fleet.fault = lambda path: JSONResponse({"error": "not now"}, status) if path.endswith("/trace") else None
    async with polling(fleet, tmp_path) as (session, _):
        found, reason = await session.fetch_run_with_attempts(RunId(run.id))
        assert found.status is RunStatus.COMPLETED_WITH_ERRORS
        assert found.body is not None
        assert reason is not None
        assert "not now" in reason
        assert (Capability.TRACE in session.store.lost_capabilities) is is_lost
        await session.fetch_run_with_attempts(RunId(run.id))
        assert len(fleet.requests_to(f"/api/v1/runs/{run.id}/trace")) == (1 if is_lost else 2)
