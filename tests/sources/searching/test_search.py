"""Searches of the server: which requests they send, how many, and how they end."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from starlette.responses import JSONResponse, Response

import tui.sync.search
from tests.support.domain.patches import NOON
from tests.support.failures import failing_fleet
from tests.support.fleet import HELD, FleetRun, fleet_of
from tests.support.relay import relay_setup, screen_on
from tests.support.responses import server_error
from tests.support.session import Later, polling
from tests.support.sure import sure
from tui.domain.filters import RunFilters, SearchProgress
from tui.domain.run import RunId
from tui.store.filter import lacks_body, parse_filter
from tui.store.server_filter import KnownValues, plan_search
from tui.sync.search import Search, SearchScope
from tui.sync.session import Session

LIST = "/api/v1/runs"


def search_of(session: Session, text: str, reports: list[SearchProgress] | None = None) -> Search:
    def unread() -> Sequence[RunId]:
        return [run.id for run in session.store.runs() if run.status.is_failed and run.error is None]

    since = session.now() - session.settings.history
    scope = SearchScope(plan_search(text, RunFilters(), KnownValues()), RunFilters(), since)
    report = ([] if reports is None else reports).append
    return Search(session.fetcher, session.store, session.clock, scope, unread=unread, report=report)


async def run_search(session: Session, later: Later, search: Search, seconds: float = 60.0) -> None:
    """Run the search to its end while time passes."""
    task = session.spawn(search.run(), "search")
    for _ in range(round(seconds)):
        if task.done():
            return
        await later(1)
    assert task.done(), search.progress


@pytest.mark.parametrize("has_feed", [True, False])
async def test_newest_payloads_are_read_by_each_search(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, has_feed: bool
) -> None:
    """A snapshot has those of the newest runs, and none is read twice. No older page is read before those of the list,
    since no run of it could match.
    """
    monkeypatch.setattr(tui.sync.search, "MAX_SEARCHED_BODIES", 20)
    monkeypatch.setattr(tui.sync.search, "MAX_SNAPSHOT_ROWS", 20)
    fleet = fleet_of(FleetRun(number, -60.0 * number, -59.0 * number, -58.0 * number) for number in range(1, 31))
    fleet.fault = lambda path: None if has_feed or not path.startswith("/realtime") else server_error(503)

    def reads(route: str) -> int:
        return sum(path.startswith(route) for _, path, _ in fleet.requests)

    async with polling(fleet, tmp_path) as (session, later):
        await later(10)
        search = search_of(session, "payload.n:24")
        newest = sorted(session.store.runs(), key=lambda run: run.created_at or NOON, reverse=True)
        search.bodiless = lambda: [run.id for run in newest if lacks_body(sure(session.store.get(run.id)))]
        await run_search(session, later, search, 300)
        left = search.bodiless()
        assert search.progress.older_read == 0
        singly = reads("/api/v3/runs/")
        assert (reads("/realtime/v1/runs"), len(left)) == (1, 0 if has_feed else 10)
        assert singly in (range(6, 11) if has_feed else [20])
        matches = parse_filter("payload.n:24").matches
        assert any(map(matches, session.store.runs())) == has_feed
        await run_search(session, later, search, 300)
        assert [run.id for run in session.store.runs() if matches(run)] == [FleetRun(24, 0).id]
        assert reads("/api/v3/runs/") == (singly if has_feed else 30)
        assert (search.progress.is_at_end, search.bodiless()) == (True, [])


async def test_older_failures_are_found_by_their_error(tmp_path: Path) -> None:
    fleet = failing_fleet(5)
    fleet.add_all(FleetRun(900 + n, -9000.0 - n, -9000.0, -8000.0, "FAILED", "long-ago") for n in range(4))
    fleet.allow_queries()
    async with polling(fleet, tmp_path, history=timedelta(hours=1)) as (session, later):
        await later(10)
        assert FleetRun(900, 0).id not in session.store
        search = search_of(session, "UPSTREAM RETURNED")
        await run_search(session, later, search)
        assert FleetRun(900, 0).id in session.store
        assert search.progress.answers == ("4 older runs with this error",)
        assert not search.progress.is_at_end
        await run_search(session, later, search)
        assert search.progress.is_at_end


async def test_one_search_reads_a_bounded_number_of_pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tui.sync.search, "MAX_OLDER_PAGES", 2)

    fleet = failing_fleet(600, end="COMPLETED")
    async with polling(fleet, tmp_path, history_runs=100) as (session, later):
        await later(10)
        search = search_of(session, "-status:failed")
        await run_search(session, later, search)
        assert (search.progress.older_read, search.progress.is_at_end) == (200, False)
        assert session.store.history is not None
        assert session.store.history.is_cut
        assert session.store.history.run_count == 300
        await run_search(session, later, search)
        await run_search(session, later, search)
        assert len(session.store) == 600
        assert search.progress.is_at_end


@pytest.mark.parametrize(
    ("fault", "failure"),
    [
        (lambda path: JSONResponse({"error": "no"}, 503) if path.startswith("/api/v3/runs/") else None, "503"),
        (lambda path: JSONResponse({"error": "forbidden"}, 403) if path == LIST else None, "403"),
    ],
)
async def test_search_reports_why_it_stopped(
    tmp_path: Path, fault: Callable[[str], Response | None], failure: str
) -> None:
    fleet = failing_fleet(9)
    async with polling(fleet, tmp_path) as (session, later):
        await later(10)
        fleet.fault = fault
        search = search_of(session, "upstream")
        await run_search(session, later, search)
        assert failure in search.progress.failure
        assert search.progress.step is None
        fleet.fault = lambda _: None
        await run_search(session, later, search)
        assert search.progress.failure == ""


async def test_search_on_a_relay_reads_errors_only(tmp_path: Path) -> None:
    fleet = failing_fleet(5)
    async with relay_setup(fleet, tmp_path) as setup, screen_on(setup) as screen:
        await setup.run_until(lambda: screen.store.history is not None and len(screen.store) == 5)
        search = search_of(screen, "upstream")
        task = screen.spawn(search.run(), "search")
        await setup.run_until(task.done)
        assert sum(run.error is not None for run in screen.store.runs()) == 5
        assert search.progress.failure == "a relay cannot list older runs"
        assert not search.progress.has_lists
        search = search_of(screen, "queue:mail")
        task = screen.spawn(search.run(), "search")
        await setup.run_until(task.done)
        assert search.progress.failure == "a relay cannot list queues"
        assert not search.progress.skips_older


async def test_search_on_a_relay_finds_the_runs_of_a_queue(tmp_path: Path) -> None:
    fleet = failing_fleet(5)
    fleet.allow_queries()
    async with relay_setup(fleet, tmp_path) as setup, screen_on(setup) as screen:
        await setup.run_until(lambda: screen.store.history is not None and len(screen.store) == 5)
        assert {run.fixed.queue for run in screen.store.runs()} == {None}
        search = search_of(screen, f"queue:{HELD}")
        task = screen.spawn(search.run(), "search")
        await setup.run_until(task.done)
        assert {run.fixed.queue for run in screen.store.runs()} == {HELD}
        assert search.progress.answers == (f"queue {HELD}: 5 runs in 30d",)
        assert not search.progress.failure
        assert search.progress.skips_older
