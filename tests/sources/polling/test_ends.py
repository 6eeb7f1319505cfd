"""Ends of runs are found soon, whatever else happens in the fleet and however small the budget is."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.responses import JSONResponse, Response

from tests.support.fleet import Fleet, FleetRun, at, fleet_of, is_older_scan, is_window
from tests.support.session import polling, public_token, session_on
from tests.support.sure import sure
from tui.domain.filters import RunFilters
from tui.domain.run import Run, RunId, RunStatus
from tui.sync.session import Session

OVER = {"COMPLETED", "FAILED", "CANCELED"}


def missed_ends_s(session: Session, fleet: Fleet) -> list[float]:
    """Return how long ago the runs ended that the store still has as live, the longest first."""
    now_s, world = fleet.now_s, {run.id: run for run in fleet.runs}
    missed = [world[run_id] for run_id in session.store.live()]
    return sorted((now_s - run.updated_s(now_s) for run in missed if run.status(now_s) in OVER), reverse=True)


def known(session: Session, run: FleetRun) -> Run:
    return sure(session.store.get(RunId(run.id)))


def list_queries(fleet: Fleet, since_s: float) -> Iterator[dict[str, str]]:
    return (query for moment, query in fleet.requests_to("/api/v1/runs") if moment >= since_s)


def max_requests_within(fleet: Fleet, seconds: float) -> int:
    """Return the most requests within any span of `seconds`."""
    moments = sorted(moment for moment, _, _ in fleet.requests)
    return max(sum(start <= moment < start + seconds - 1e-6 for moment in moments) for start in moments)


async def test_public_token_finds_ends_with_12_requests_a_minute(tmp_path: Path) -> None:
    fleet = fleet_of(*(FleetRun(number, -2000.0 + number, -900, -800) for number in range(200)))
    old = fleet.add(FleetRun(5000, -5000, -4000, 200))
    on_page_one = fleet.add(FleetRun(5001, -500, -400, 200))
    new = [fleet.add(FleetRun(6000 + n, 10.0 + n, 11 + n, 13 + n)) for n in range(40)]
    async with polling(fleet, tmp_path, key=public_token("read:runs"), interval_s=10.0, history_runs=300) as (
        session,
        later,
    ):
        await later(320)
        for run in (old, on_page_one, *new):
            assert known(session, run).status is RunStatus.COMPLETED_SUCCESSFULLY
        assert len(fleet.requests) >= 40
        assert max_requests_within(fleet, 60) <= 12


def busy_fleet(per_s: int, until_s: int) -> Fleet:
    """A fleet with 150 old runs that end one by one, and `per_s` short runs a second."""
    fleet = fleet_of(*(FleetRun(number, -20_000.0 + number * 100, -100, 20 + number % 25) for number in range(150)))
    moments = [(number, number / per_s - 30) for number in range(per_s * (until_s + 30))]
    fleet.add_all(FleetRun(10_000 + number, moment, moment + 0.1, moment + 3) for number, moment in moments)
    return fleet


@pytest.mark.parametrize(("per_s", "history_runs"), [(90, 5_000), (150, 1_000)])
async def test_page_one_misses_no_run_below_one_that_a_scan_found(
    tmp_path: Path, per_s: int, history_runs: int
) -> None:
    fleet = busy_fleet(per_s, 30)
    async with polling(fleet, tmp_path, history_runs=history_runs) as (session, later):
        await later(30)
        missed = [run.created_s for run in fleet.runs if 0 <= run.created_s <= 15 and run.id not in session.store]
        assert missed == []


async def test_many_new_runs_starve_neither_scans_nor_windows(tmp_path: Path) -> None:
    fleet = busy_fleet(150, 60)
    async with polling(fleet, tmp_path) as (session, later):
        await later(40)
        for _ in range(4):
            await later(5)
            live = [run for run in map(session.store.get, session.store.live()) if run is not None]
            ages = [fleet.now_s - (run.read_at - at(0)).total_seconds() for run in live if run.read_at is not None]
            assert len(ages) == len(live) <= 4 * fleet.counts()["EXECUTING"]
            assert max(ages) <= 30
            assert missed_ends_s(session, fleet)[0] <= 30
        assert all(known(session, run).is_final for run in fleet.runs[:150])
        assert max_requests_within(fleet, 10) <= 50


async def test_burst_of_newest_runs_is_read_once(tmp_path: Path) -> None:
    fleet = fleet_of(*(FleetRun(number, -100 + number / 1000, -90, -80) for number in range(1_500)))
    old = fleet.add(FleetRun(90_000, -3000, -2990, 60))
    async with polling(fleet, tmp_path) as (session, later):
        await later(160)
        assert len(session.store) == 1_501
        assert known(session, old).status is RunStatus.COMPLETED_SUCCESSFULLY
        await later(60)
        last_minute = [query for query in list_queries(fleet, 160) if not is_older_scan(query)]
        page_one, scans = last_minute[0::2], last_minute[1::2]
        assert len(page_one) == len(scans) == pytest.approx(12, abs=1)
        assert all(query == {"page[size]": "20", "filter[createdAt][period]": "24h"} for query in page_one)
        assert all("filter[status]" in query and "page[after]" not in query for query in scans)


@pytest.mark.parametrize("burst", [0, 6_000], ids=["evenly", "in a burst"])
async def test_ends_of_runs_before_the_history_cost_few_requests(tmp_path: Path, burst: int) -> None:
    fleet = fleet_of(*(FleetRun(number, -9_000.0 + 1.5 * number, -11, -10) for number in range(6_000 - burst)))
    fleet.add_all(FleetRun(number, -9_000.0 + number / 100, -11, -10) for number in range(burst))
    fleet.add_all(FleetRun(7_000 + number, -600.0 + number, -11, -10) for number in range(600))
    long = [fleet.add(FleetRun(8_000 + n, -8_999.0 + n * (7 if burst else 700), -12, 20)) for n in range(8)]
    async with polling(fleet, tmp_path, history_runs=500) as (session, later):
        await later(20)
        await later(15)
        assert [known(session, run).status for run in long] == [RunStatus.COMPLETED_SUCCESSFULLY] * 8
        windows = [query for query in list_queries(fleet, 20) if is_window(query)]
        assert len(windows) <= 2 * len(long) + 1
        assert not any(path.startswith("/api/v3/") for _, path, _ in fleet.requests)


@pytest.mark.parametrize("newer", [0, 1], ids=["no newer run", "one newer run"])
async def test_ends_of_2000_runs_of_one_millisecond_are_found(tmp_path: Path, newer: int) -> None:
    fleet = fleet_of(*(FleetRun(number, -100, -50, 20) for number in range(2_000)))
    fleet.add_all(FleetRun(90_000 + number, -40, -39, -38) for number in range(newer))
    async with polling(fleet, tmp_path) as (session, later):
        await later(19)
        assert len(session.store.with_status(RunStatus.EXECUTING)) == 2_000
        await later(60)
        assert not session.store.live()
        assert not any(path.startswith("/api/v3/") for _, path, _ in fleet.requests)
        assert max_requests_within(fleet, 10) <= 50


@pytest.mark.parametrize("queued", [50, 300])
async def test_runs_that_leave_a_filtered_status_are_followed(tmp_path: Path, queued: int) -> None:
    fleet = fleet_of(*(FleetRun(n, -float(queued - n), 20 + n / 10, 40 + n / 10) for n in range(queued)))
    async with polling(fleet, tmp_path, filters=RunFilters(statuses=("QUEUED",))) as (session, later):
        await later(10)
        assert len(session.store.with_status(RunStatus.QUEUED)) == queued
        await later(25 + queued / 10)
        assert session.store.with_status(RunStatus.EXECUTING)
        await later(40)
        assert len(session.store.with_status(RunStatus.COMPLETED_SUCCESSFULLY)) == queued


async def test_repeated_cursors_do_not_hide_ends(tmp_path: Path) -> None:
    fleet = fleet_of(*(FleetRun(n, -400.0 + n, -50, 20 + n / 20) for n in range(300)))

    def circle(path: str) -> Response | None:
        if path != "/api/v1/runs" or "filter[status]" not in fleet.query:
            return None
        following = "200" if fleet.query.get("page[after]") == "300" else "300"
        return JSONResponse({"data": [], "pagination": {"next": following}})

    async with polling(fleet, tmp_path) as (session, later):
        await later(5)
        assert len(session.store.live()) == 300
        fleet.fault = circle
        await later(90)
        assert not session.store.live()


async def test_runs_hidden_by_a_filter_delay_nothing(tmp_path: Path) -> None:
    fleet = fleet_of(*(FleetRun(number, -900.0 + number, -300) for number in range(300)))
    async with session_on(fleet, tmp_path) as (session, later):
        for followed in session.sources.follow_runs():
            await later(10)
            followed.cancel()
        session.sources.follow_runs(filters=RunFilters(tags=("zz",)))
        await later(60)
        assert (at(fleet.now_s) - sure(session.store.caught_up)).total_seconds() < 20
        singles = [path for moment, path, _ in fleet.requests if moment > 40 and path.startswith("/api/v3/runs/")]
        # One single read per cycle of two seconds.
        assert 10 <= len(singles) == len(set(singles)) <= 16
