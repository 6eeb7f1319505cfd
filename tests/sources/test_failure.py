"""A partial failure affects only its part: the list continues, and known runs are kept."""

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response

from tests.support.fleet import Fleet, FleetRun
from tests.support.responses import TruncatedResponse, server_error
from tests.support.session import Later, polling
from tests.support.sure import sure
from tests.support.virtual_clock import VirtualClock
from tui.domain.run import Capability, RunId, RunStatus
from tui.domain.update import SourceConnected, SourceRetrying, SourceStopped
from tui.sync.session import Session

LIST = "/api/v1/runs"
WHOAMI = "/api/v1/whoami"
QUERY = "/api/v1/query"


def fleet_of(*runs: FleetRun) -> Fleet:
    fleet = Fleet(VirtualClock())
    for run in runs:
        fleet.add(run)
    return fleet


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


def no_such_route() -> Response:
    return HTMLResponse("<html>404</html>", 404)


async def test_waits_grow_while_scans_fail(tmp_path: Path) -> None:
    fleet = fleet_of(FleetRun(1, -10, -5))

    def fail_scans(path: str) -> Response | None:
        return server_error() if path == LIST and "filter[status]" in fleet.query else None

    fleet.fault = fail_scans
    async with polling(fleet, tmp_path) as (session, later):
        await later(300)
        failed = [moment for moment, query in fleet.requests_to(LIST) if "filter[status]" in query]
        waits = [after - before for before, after in pairwise(failed)]
        assert 30 <= len(failed) <= 60
        assert min(waits[-5:]) >= 5
        assert isinstance(state_of(session), SourceRetrying)
        assert RunId(fleet.runs[0].id) in session.store


async def test_scan_continues_at_its_cursor_after_a_429(tmp_path: Path) -> None:
    fleet = fleet_of(*(FleetRun(number, -1000.0 + number) for number in range(1, 500)))
    refused: list[str] = []

    def limit_once(path: str) -> Response | None:
        place = fleet.query.get("page[after]")
        if refused or path != LIST or place is None or "filter[status]" not in fleet.query:
            return None
        refused.append(place)
        return JSONResponse({"error": "Rate limit exceeded", "secondsUntilReset": 5}, 429)

    async with polling(fleet, tmp_path) as (session, later):
        await later(15)
        fleet.fault = limit_once
        while not refused:
            await later(0.5)
        state = state_of(session)
        assert isinstance(state, SourceRetrying)
        assert state.status == 429
        assert 4 <= (state.next_at - session.now()).total_seconds() <= 6
        asked_count = len(fleet.requests_to(LIST))
        await later(15)
        assert isinstance(state_of(session), SourceConnected)
        scans = [
            query.get("page[after]")
            for _, query in fleet.requests_to(LIST)[asked_count:]
            if "DELAYED" in query.get("filter[status]", "")
        ]
        assert scans[0] == refused[0]


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
    "answer", [TruncatedResponse, server_error, lambda: PlainTextResponse("?"), lambda: server_error(400)],
    ids=["a closed connection", "a 503", "no JSON", "the 400 of an outage"],
)  # fmt: skip
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
    [no_such_route, lambda: PlainTextResponse("default backend - 404", 404), *(
        lambda status=status: PlainTextResponse("?", status) for status in (400, 408, 425)
    )],
    ids=["a page that says 404", "a text that says 404", "400", "408", "425"],
)  # fmt: skip
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


async def test_failing_whoami_keeps_the_known_environment(tmp_path: Path) -> None:
    fleet = fleet_of(FleetRun(1, -10, -5))
    async with polling(fleet, tmp_path) as (session, later):
        await later(10)
        fleet.fault = lambda _: server_error(500)
        await later(6)
        fleet.fault = lambda path: server_error(500) if path == WHOAMI else None
        await later(70)
        assert isinstance(state_of(session), SourceConnected)
        assert sure(session.store.environment).slug == "dev"
        count_before = len(fleet.requests_to(WHOAMI))
        fleet.fault = lambda _: None
        await later(100)
        times_s = [at_s for at_s, _ in fleet.requests_to(WHOAMI)][count_before:]
        assert times_s
        assert all(later_s - at_s >= 15 for at_s, later_s in pairwise(times_s))  # as usual: every 20 s
        assert session.write_block is None


@pytest.mark.parametrize("status", [500, 400, 425])
async def test_environment_is_fetched_again_after_a_failure(tmp_path: Path, status: int) -> None:
    fleet = fleet_of(FleetRun(1, -10, -5))
    fleet.fault = lambda path: server_error(status) if path == WHOAMI else None
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
