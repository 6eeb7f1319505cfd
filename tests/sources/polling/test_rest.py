"""Polling: which runs it finds, in which order it sends requests, and how many."""

from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from starlette.responses import JSONResponse, Response

from tests.support.fleet import Fleet, FleetRun, at, fleet_of, steady_fleet
from tests.support.responses import html_page, server_error
from tests.support.session import polling
from tests.support.sure import sure
from tests.support.virtual_clock import VirtualClock
from tui.domain.run import Capability, RunId, RunStatus
from tui.domain.update import HistoryRead, SourceConnected, SourceRetrying
from tui.sync.session import Session

LIST = "/api/v1/runs"
QUERY = "/api/v1/query"


def state_of(session: Session) -> object:
    """Return the status of the polling source. As `object`, so that mypy does not narrow it over time."""
    return session.store.source_statuses["rest"]


def is_cut(session: Session) -> bool:
    return sure(session.store.history).is_cut


def finished(number: int, created_s: float) -> FleetRun:
    return FleetRun(number, created_s, created_s + 1, created_s + 2)


async def test_page_one_comes_first_and_history_stops_at_its_bound(tmp_path: Path) -> None:
    fleet = fleet_of(*(finished(number, -10 - number) for number in range(750)))
    async with polling(fleet, tmp_path, history_runs=500) as (session, later):
        await later(0)
        assert len(session.store) >= 100
        await later(30)
        assert len(session.store) == 500
        assert session.store.history is not None
        assert session.store.history.is_complete
        assert session.store.history.run_count == 500
        assert session.store.history.reached == at(-10 - 499)


async def test_history_ends_at_its_age(tmp_path: Path) -> None:
    fleet = fleet_of(*(finished(number, -60.0 * number - 5) for number in range(400)))
    async with polling(fleet, tmp_path, history=timedelta(hours=2)) as (session, later):
        await later(20)
        assert sure(session.store.history).is_complete
        assert 120 <= len(session.store) <= 200


async def test_run_that_the_server_deleted_is_gone(tmp_path: Path) -> None:
    fleet = fleet_of(lost := FleetRun(1, -10, -5))
    fleet.add(FleetRun(2, -9, -5))
    async with polling(fleet, tmp_path) as (session, later):
        await later(5)
        fleet.forget(lost)
        await later(20)
        known = sure(session.store.get(RunId(lost.id)))
        assert known.is_gone


@pytest.mark.parametrize(("fault", "words"), [(server_error, "503"), (html_page, "502")], ids=["a 5xx", "an HTML page"])
async def test_everything_missed_is_read_after_an_outage(
    tmp_path: Path, fault: Callable[[], Response], words: str
) -> None:
    fleet = fleet_of(*(finished(number, 20 + number / 4) for number in range(260)))
    running = fleet.add(FleetRun(1000, -5, -4, 40, end="CRASHED"))
    async with polling(fleet, tmp_path) as (session, later):
        await later(10)
        assert isinstance(state_of(session), SourceConnected)
        fleet.fault = lambda _: fault()
        await later(80)
        state = state_of(session)
        assert isinstance(state, SourceRetrying)
        assert words in state.reason
        assert state.attempt >= 3
        assert state.next_at > state.at
        fleet.fault = lambda _: None
        await later(60)
        assert isinstance(state_of(session), SourceConnected)
        assert len(session.store) == 261
        known = sure(session.store.get(RunId(running.id)))
        assert known.status is RunStatus.CRASHED


async def test_outage_is_caught_up_only_after_the_history(tmp_path: Path) -> None:
    fleet = fleet_of(*(FleetRun(number, -4000.0 + number, -50, 30) for number in range(1000)))
    fleet.add_all(FleetRun(number, -4000.0 + number, -50, -40) for number in range(1000, 4000))
    async with polling(fleet, tmp_path) as (session, later):
        await later(2)
        fleet.fault = lambda _: server_error()
        await later(58)
        assert len(session.store) < 2000
        fleet.fault = lambda _: None
        while session.store.caught_up is None or session.store.caught_up < at(60):
            assert fleet.now_s < 150
            await later(1)
        assert len(session.store) == 4000
        assert not session.store.live()


async def test_waits_grow_to_a_cap_and_reset_after_a_success(tmp_path: Path) -> None:
    fleet = Fleet(VirtualClock())
    fleet.fault = lambda _: server_error()
    async with polling(fleet, tmp_path) as (session, later):
        await later(300)
        tries = [moment for moment, _ in fleet.requests_to("/api/v1/runs")]
        waits = [after - before for before, after in pairwise(tries)]
        assert waits[0] <= 1.0
        assert max(waits) <= 10.0
        assert min(waits[-5:]) >= 5.0
        fleet.fault = lambda _: None
        await later(35)
        fleet.fault = lambda _: server_error()
        await later(8)
        state = session.store.source_statuses["rest"]
        assert isinstance(state, SourceRetrying)
        assert state.attempt <= 4


async def test_refused_queries_cost_one_request(tmp_path: Path) -> None:
    fleet = fleet_of(FleetRun(1, -10, -5))
    async with polling(fleet, tmp_path) as (session, later):
        await later(60)
        assert Capability.QUERY in session.store.lost_capabilities
        assert len(fleet.requests_to("/api/v1/query")) == 1
        assert isinstance(session.store.source_statuses["rest"], SourceConnected)


async def test_history_ends_at_pages_that_are_too_expensive(tmp_path: Path) -> None:
    fleet = fleet_of(*(finished(number, -10 - number) for number in range(250)))
    fleet.fault = lambda path: server_error(422) if path == LIST and "page[after]" in fleet.query else None
    async with polling(fleet, tmp_path) as (session, later):
        await later(20)
        assert isinstance(state_of(session), SourceConnected)
        assert session.store.history == HistoryRead(at(-10 - 99), 100, is_complete=True, is_cut=True)
        (sentence,) = session.truncations
        assert "422" in sentence
        assert "older runs are not read" in sentence


@pytest.mark.parametrize("count", [-5, 10**30, 2.0, True, "12", None], ids=str)
async def test_invalid_counts_are_dropped(tmp_path: Path, count: object) -> None:
    fleet = steady_fleet(VirtualClock(), queued=150, starts_per_s=1, running_s=5, until_s=60)
    fleet.allow_queries()
    rows = [{"status": "Queued", "n": 150}, {"status": "Executing", "n": count}]
    answer = JSONResponse({"format": "json", "results": rows})
    fleet.fault = lambda path: answer if path == QUERY else None
    async with polling(fleet, tmp_path, history_runs=100) as (session, later):
        await later(1)
        assert fleet.requests_to(QUERY)
        assert session.store.server_counts is None


async def test_counts_come_from_a_query_if_the_key_may_query(tmp_path: Path) -> None:
    clock = VirtualClock()
    fleet = steady_fleet(clock, queued=500, starts_per_s=2, running_s=5, until_s=60)
    fleet.allow_queries()
    async with polling(fleet, tmp_path, history_runs=100) as (session, later):
        await later(31)
        assert sure(session.store.server_counts).counts[RunStatus.QUEUED] == 500
        assert 3 <= len(fleet.requests_to("/api/v1/query")) <= 4


async def test_interval_grows_while_quiet_and_resets_on_a_change(tmp_path: Path) -> None:
    fleet = Fleet(VirtualClock())
    fleet.add(finished(1, -100))
    fleet.add_all(finished(number, 300 + number) for number in range(2, 30))
    async with polling(fleet, tmp_path) as (session, later):
        await later(290)
        moments = [moment for moment, _ in fleet.requests_to("/api/v1/runs")]
        late = [after - before for before, after in pairwise(moments) if before > 200 and after > before]
        assert max(late) == pytest.approx(5.0)
        state = session.store.source_statuses["rest"]
        assert isinstance(state, SourceConnected)
        assert state.interval_s == pytest.approx(5.0)
        await later(35)
        state = session.store.source_statuses["rest"]
        assert isinstance(state, SourceConnected)
        assert state.interval_s == pytest.approx(2.0)


async def test_10000_queued_runs_are_followed_within_the_budget(tmp_path: Path) -> None:
    clock = VirtualClock()
    fleet = steady_fleet(clock, queued=10_000, starts_per_s=50, running_s=4, until_s=70)
    async with polling(fleet, tmp_path) as (session, later):
        await later(60)
        for period in range(6):
            spent = [moment for moment, _, _ in fleet.requests if period <= moment / 10 < period + 1]
            assert len(spent) <= 50
        assert len(fleet.requests) >= 6 * 25
        world = {run.id: run for run in fleet.runs}
        ages = []
        for run in session.store.runs():
            true = world[run.id]
            read_s = (sure(run.read_at) - at(0)).total_seconds()
            # The Date header has whole seconds: the row was true somewhere in that second.
            words = {true.status(read_s), true.status(read_s + 0.5), true.status(read_s + 0.999)}
            assert sure(run.state).status.word in words
            if not run.is_final:
                ages.append(fleet.now_s - read_s)
        assert len(session.store.with_status(RunStatus.EXECUTING)) >= 100
        assert max(ages) <= 60


async def test_history_behind_pages_without_end_is_cut(tmp_path: Path) -> None:
    """The pages behind page one are empty, and each has a cursor. Everything else is read as usual."""

    fleet = fleet_of(*(finished(number, -160 + number) for number in range(150)))

    def endless(path: str) -> Response | None:
        is_behind = path == LIST and "page[after]" in fleet.query
        return JSONResponse({"data": [], "pagination": {"next": f"c{len(fleet.requests)}"}}) if is_behind else None

    fleet.fault = endless
    async with polling(fleet, tmp_path) as (session, later):
        await later(60)
        assert session.store.history is not None
        assert (session.store.history.is_complete, session.store.history.is_cut) == (True, True)
        assert session.store.history.run_count == 100
        count = len(fleet.requests_to(LIST))
        fleet.add(finished(200, 59))
        await later(10)
        assert RunId(fleet.runs[-1].id) in session.store
        assert len(fleet.requests_to(LIST)) - count < 30
