"""How live runs that are older than the period of the list are found, how often, and how their ends are."""

from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from tests.support.fleet import Fleet, FleetRun, is_older_scan
from tests.support.responses import server_error
from tests.support.session import live, polling
from tests.support.sure import sure
from tests.support.virtual_clock import VirtualClock
from tui.domain.filters import RunFilters
from tui.domain.run import RunId, RunStatus
from tui.sync.lists import MAX_OLDER_RUNS
from tui.sync.session import Session

DAY_S = 86_400.0
LIST = "/api/v1/runs"


def aged_fleet(*runs: FleetRun) -> Fleet:
    fleet = Fleet(VirtualClock(), earliest_s=-41 * DAY_S)
    fleet.add_all(runs)
    return fleet


def days_ago(number: int, days: float, **life: float | str | None) -> FleetRun:
    """A run created `days` ago. It is executing unless `life` says otherwise."""
    created_s = -days * DAY_S
    return FleetRun(number, created_s, **{"started_s": created_s + 5, **life})  # type: ignore[arg-type]


def known(session: Session, run: FleetRun) -> RunStatus | None:
    found = session.store.get(RunId(run.id))
    return None if found is None else found.status


def older_scans(fleet: Fleet) -> list[tuple[float, dict[str, str]]]:
    return [(moment, query) for moment, query in fleet.requests_to(LIST) if is_older_scan(query)]


@pytest.mark.parametrize("follow", [polling, live], ids=["polling", "beside the feed"])
async def test_older_live_runs_and_their_ends_are_found(tmp_path: Path, follow: Callable[..., object]) -> None:
    ends = days_ago(1, 40, ended_s=100, end="FAILED")
    stays, waits = days_ago(2, 20), days_ago(3, 8, started_s=None)
    done = days_ago(4, 8, ended_s=-7 * DAY_S)
    young = FleetRun(5, -60, -59)

    fleet = aged_fleet(ends, stays, waits, done, young)
    async with follow(fleet, tmp_path) as (session, later):  # type: ignore[attr-defined]
        await later(5)
        assert known(session, ends) is known(session, stays) is known(session, young) is RunStatus.EXECUTING
        assert known(session, waits) is RunStatus.QUEUED
        assert known(session, done) is None
        assert session.store.window is not None
        assert session.store.window.is_live_complete
        assert not session.store.window.is_older_cut
        await later(160)
        assert known(session, ends) is RunStatus.COMPLETED_WITH_ERRORS
        assert known(session, stays) is RunStatus.EXECUTING
        # Beside the passes, only the end of one run costs a single read.
        details = [path for _, path, _ in fleet.requests if path.startswith("/api/v3/")]
        assert details == [f"/api/v3/runs/{ends.id}"]


@pytest.mark.parametrize("follow", [polling, live], ids=["polling", "beside the feed"])
async def test_older_live_runs_are_scanned_once_a_minute(tmp_path: Path, follow: Callable[..., object]) -> None:
    fleet = aged_fleet(days_ago(1, 40), FleetRun(2, -60, -59))
    async with follow(fleet, tmp_path) as (session, later):  # type: ignore[attr-defined]
        await later(400)
        moments = [moment for moment, _ in older_scans(fleet)]
        assert 6 <= len(moments) <= 7
        assert all(after - before >= 60 for before, after in pairwise(moments))
        # An old run that the feed does not cover does not cause a scan every five seconds.
        assert sure(session.store.window).is_live_complete
        if follow is live:
            assert len(fleet.requests_to(LIST)) <= 50


async def test_every_list_request_names_its_window(tmp_path: Path) -> None:
    fleet = aged_fleet(*(FleetRun(number, -900 + number, -800, 20 + number / 10) for number in range(250)))
    async with polling(fleet, tmp_path, history=timedelta(hours=36)) as (_, later):
        await later(70)
        for _, query in fleet.requests_to(LIST):
            window = {name for name in query if name.startswith("filter[createdAt]")}
            if window == {"filter[createdAt][period]"}:
                assert query["filter[createdAt][period]"] == "36h"
            else:
                assert window == {"filter[createdAt][from]", "filter[createdAt][to]"}


async def test_older_runs_beyond_the_bound_are_reported(tmp_path: Path) -> None:
    count = MAX_OLDER_RUNS + 150
    runs = [days_ago(number, 9 + number / count, started_s=None) for number in range(1, count)]
    ends = days_ago(0, 9, started_s=None, ended_s=30, end="CANCELED")
    fleet = aged_fleet(ends, *runs)
    async with polling(fleet, tmp_path) as (session, later):
        await later(20)
        assert len(older_scans(fleet)) == MAX_OLDER_RUNS / 100
        assert len(session.store.live()) == MAX_OLDER_RUNS
        assert session.store.window is not None
        assert session.store.window.is_older_cut
        assert not session.store.window.is_live_complete
        await later(70)
        # The oldest runs do not count as ended.
        assert len(session.store.live()) == MAX_OLDER_RUNS
        assert known(session, ends) is RunStatus.CANCELLED
        assert sum(path.startswith("/api/v3/") for _, path, _ in fleet.requests) == 1


async def test_older_runs_that_ended_in_an_outage_are_read_after_it(tmp_path: Path) -> None:
    old = days_ago(1, 40, ended_s=70, end="CRASHED")

    fleet = aged_fleet(old, FleetRun(2, -60, -59))
    async with polling(fleet, tmp_path) as (session, later):
        await later(62)
        fleet.fault = lambda _: None if fleet.now_s >= 75 else server_error()
        await later(12)
        assert known(session, old) is RunStatus.EXECUTING
        while session.store.caught_up is None or session.store.caught_up < session.now() - timedelta(seconds=5):
            await later(1)
            assert fleet.now_s < 110
        assert known(session, old) is RunStatus.CRASHED


async def test_counts_include_older_live_runs_beside_filters(tmp_path: Path) -> None:
    fleet = aged_fleet(days_ago(1, 20), days_ago(2, 8, started_s=None), FleetRun(3, -60, -59, -58, end="FAILED"))
    fleet.allow_queries()
    async with polling(fleet, tmp_path, filters=RunFilters(statuses=("FAILED",))) as (session, later):
        await later(130)
        found = session.store.status_counts(session.now())
        assert (found.executing, found.queued, found.failed) == (1, 1, 1)
        assert found.counted_at is not None
        # Twelve counts of the period, three of older runs.
        assert 14 <= len(fleet.requests_to("/api/v1/query")) <= 16
