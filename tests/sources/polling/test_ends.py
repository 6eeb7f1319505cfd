"""Ends of runs are found soon, and rows get what the filters of their request say about them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.domain.patches import patch_of
from tests.support.fleet import Fleet, FleetRun, at, fleet_of, is_window
from tests.support.session import polling, public_token
from tests.support.sure import sure
from tests.support.virtual_clock import VirtualClock
from tui.domain.filters import RunFilters
from tui.domain.run import Run, RunId, RunStatus, TaskId
from tui.store.filter import EVERYTHING
from tui.store.server_filter import with_server_filters
from tui.sync.lists import with_filtered_fields
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
    fleet = fleet_of(*(FleetRun(number, -20_000.0 + number * 100, -100, 5 + number % 10) for number in range(150)))
    moments = [(number, number / per_s - 10) for number in range(per_s * (until_s + 10))]
    fleet.add_all(FleetRun(10_000 + number, moment, moment + 0.1, moment + 3) for number, moment in moments)
    return fleet


async def test_page_one_misses_no_run_below_one_that_a_scan_found(tmp_path: Path) -> None:
    fleet = busy_fleet(90, 9)
    async with polling(fleet, tmp_path) as (session, later):
        await later(9)
        missed = [run.created_s for run in fleet.runs if 0 <= run.created_s <= 6 and run.id not in session.store]
        assert missed == []


async def test_many_new_runs_starve_neither_scans_nor_windows(tmp_path: Path) -> None:
    fleet = busy_fleet(120, 30)
    async with polling(fleet, tmp_path) as (session, later):
        await later(5)
        for _ in range(5):
            await later(5)
            live = [run for run in map(session.store.get, session.store.live()) if run is not None]
            ages = [fleet.now_s - (run.read_at - at(0)).total_seconds() for run in live if run.read_at is not None]
            assert len(ages) == len(live) <= 4 * fleet.counts()["EXECUTING"]
            assert max(ages) <= 17
            assert missed_ends_s(session, fleet)[0] <= 17
        assert all(known(session, run).is_final for run in fleet.runs[:150])
        assert max_requests_within(fleet, 10) <= 50


@pytest.mark.parametrize("burst", [0, 1_200], ids=["evenly", "in a burst"])
async def test_ends_of_runs_before_the_history_cost_few_requests(tmp_path: Path, burst: int) -> None:
    fleet = fleet_of(*(FleetRun(number, -4_200.0 + 3 * number, -11, -10) for number in range(1_200 - burst)))
    fleet.add_all(FleetRun(number, -4_200.0 + number / 100, -11, -10) for number in range(burst))
    fleet.add_all(FleetRun(7_000 + number, -600.0 + number, -11, -10) for number in range(600))
    long = [fleet.add(FleetRun(8_000 + n, -4_199.0 + n * (3 if burst else 700), -12, 20)) for n in range(4)]
    async with polling(fleet, tmp_path, history_runs=500) as (session, later):
        await later(20)
        await later(15)
        assert [known(session, run).status for run in long] == [RunStatus.COMPLETED_SUCCESSFULLY] * 4
        windows = [query for query in list_queries(fleet, 20) if is_window(query)]
        assert len(windows) <= 2 * len(long) + 1
        assert not any(path.startswith("/api/v3/") for _, path, _ in fleet.requests)


async def test_ends_of_400_runs_of_one_millisecond_are_found(tmp_path: Path) -> None:
    fleet = fleet_of(*(FleetRun(number, -100, -50, 20) for number in range(400)))
    fleet.add(FleetRun(90_000, -40, -39, -38))
    async with polling(fleet, tmp_path) as (session, later):
        await later(19)
        assert len(session.store.with_status(RunStatus.EXECUTING)) == 400
        await later(60)
        assert not session.store.live()
        assert not any(path.startswith("/api/v3/") for _, path, _ in fleet.requests)
        assert max_requests_within(fleet, 10) <= 50


async def test_runs_that_leave_a_filtered_status_are_followed(tmp_path: Path) -> None:
    queued = 50
    fleet = fleet_of(*(FleetRun(n, -float(queued - n), 20 + n / 10, 40 + n / 10) for n in range(queued)))
    async with polling(fleet, tmp_path, filters=RunFilters(statuses=("QUEUED",))) as (session, later):
        await later(10)
        assert len(session.store.with_status(RunStatus.QUEUED)) == queued
        await later(25 + queued / 10)
        assert session.store.with_status(RunStatus.EXECUTING)
        await later(40)
        assert len(session.store.with_status(RunStatus.COMPLETED_SUCCESSFULLY)) == queued


async def test_runs_listed_by_an_error_are_those_of_the_server(tmp_path: Path) -> None:
    fleet = Fleet(VirtualClock())
    ends = [("mail", "no host"), ("mail", "no host"), ("mail", "no route"), ("sync", "no host"), ("mail", "no host")]
    fleet.add_all(
        FleetRun(number, -90.0 + 10 * number, -89.0, 10.0 if number == 4 else -80.0, "FAILED", task=task, message=text)
        for number, (task, text) in enumerate(ends)
    )
    fingerprint = sure(fleet.truth(fleet.runs[0]).failure)
    filters = RunFilters(tasks=(TaskId("mail"),), errors=(f"error_{fingerprint.fingerprint}",))

    async with polling(fleet, tmp_path, filters=filters) as (session, later):
        shown = with_server_filters(filters, EVERYTHING)

        def found() -> set[int]:
            return {int(run.id.removeprefix("run_")) for run in session.store.runs() if shown.matches(run)}

        await later(5)
        assert found() == {0, 1}
        await later(10)
        assert found() == {0, 1, 4}, "it has failed meanwhile"


def test_rows_of_a_server_without_the_filter_get_no_error() -> None:
    failed = patch_of("run_a", "FAILED")
    filters = RunFilters(errors=("error_1",))
    for patches, group in (((failed,), "1"), ((failed, patch_of("run_b", "COMPLETED")), None)):
        assert {patch.fixed and patch.fixed.error_group for patch in with_filtered_fields(filters, patches)} == {group}
