"""Polling: which runs it finds, older live ones too, in which order it sends requests, and how many."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response

from tests.support.fleet import Fleet, FleetRun, at, fleet_of, is_older_scan
from tests.support.responses import server_error
from tests.support.session import Later, live, polling
from tests.support.sure import sure
from tests.support.virtual_clock import VirtualClock
from tui.domain.filters import RunFilters
from tui.domain.run import Capability, RunId, RunStatus, TaskId
from tui.domain.update import HistoryRead, SourceConnected, SourceRetrying, SourceStopped
from tui.sync.session import Session

LIST = "/api/v1/runs"
QUERY = "/api/v1/query"


def environment_of(session: Session) -> tuple[bool, bool]:
    """Return whether the environment is known, and whether it counts as production."""
    return session.store.environment is not None, session.interlock.is_production


def state_of(session: Session) -> object:
    """Return the status of the polling source. As `object`, so that mypy does not narrow it over time."""
    return session.store.source_statuses["rest"]


def finished(number: int, created_s: float) -> FleetRun:
    return FleetRun(number, created_s, created_s + 1, created_s + 2)


async def test_page_one_comes_first_and_history_stops_at_its_bound(tmp_path: Path) -> None:
    fleet = fleet_of(*(finished(number, -10 - number) for number in range(450)))
    async with polling(fleet, tmp_path, history_runs=300) as (session, later):
        await later(0)
        assert len(session.store) >= 100
        await later(30)
        assert len(session.store) == 300
        assert session.store.history is not None
        assert session.store.history.is_complete
        assert session.store.history.run_count == 300
        assert session.store.history.reached == at(-10 - 299)


async def test_refused_queries_cost_one_request(tmp_path: Path) -> None:
    fleet = fleet_of(FleetRun(1, -10, -5))
    async with polling(fleet, tmp_path) as (session, later):
        await later(25)
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


async def test_interval_grows_while_quiet_and_resets_on_a_change(tmp_path: Path) -> None:
    fleet = fleet_of(finished(1, -100), (finished(number, 120 + number) for number in range(2, 30)))
    async with polling(fleet, tmp_path) as (session, later):
        await later(115)
        moments = [moment for moment, _ in fleet.requests_to("/api/v1/runs")]
        late = [after - before for before, after in pairwise(moments) if before > 75 and after > before]
        assert max(late) == pytest.approx(5.0)
        state = session.store.source_statuses["rest"]
        assert isinstance(state, SourceConnected)
        assert state.interval_s == pytest.approx(5.0)
        await later(30)
        state = session.store.source_statuses["rest"]
        assert isinstance(state, SourceConnected)
        assert state.interval_s == pytest.approx(2.0)


async def test_history_behind_pages_without_end_is_cut(tmp_path: Path) -> None:
    """The pages behind page one are empty, and each has a cursor. Everything else is read as usual."""

    fleet = fleet_of(*(finished(number, -160 + number) for number in range(150)))

    def endless(path: str) -> Response | None:
        is_behind = path == LIST and "page[after]" in fleet.query
        return JSONResponse({"data": [], "pagination": {"next": f"c{len(fleet.requests)}"}}) if is_behind else None

    fleet.fault = endless
    async with polling(fleet, tmp_path) as (session, later):
        await later(25)
        assert session.store.history is not None
        assert (session.store.history.is_complete, session.store.history.is_cut) == (True, True)
        assert session.store.history.run_count == 100
        count = len(fleet.requests_to(LIST))
        fleet.add(finished(200, 24))
        await later(10)
        assert RunId(fleet.runs[-1].id) in session.store
        assert len(fleet.requests_to(LIST)) - count < 30


DAY_S = 86_400.0


def aged_fleet(*runs: FleetRun) -> Fleet:
    fleet = Fleet(VirtualClock(), earliest_s=-41 * DAY_S)
    fleet.add_all(runs)
    return fleet


def days_ago(number: int, days: float, **life: float | str | None) -> FleetRun:
    """A run created `days` ago. It is executing unless `life` says otherwise."""
    created_s = -days * DAY_S
    return FleetRun(number, created_s, **{"started_s": created_s + 5, **life})  # type: ignore[arg-type]


def status_of(session: Session, run: FleetRun) -> RunStatus | None:
    found = session.store.get(RunId(run.id))
    return None if found is None else found.status


def older_scans(fleet: Fleet) -> list[tuple[float, dict[str, str]]]:
    return [(moment, query) for moment, query in fleet.requests_to(LIST) if is_older_scan(query)]


@pytest.mark.parametrize("follow", [polling, live], ids=["polling", "beside the feed"])
async def test_older_live_runs_and_their_ends_are_found(tmp_path: Path, follow: Callable[..., object]) -> None:
    ends = days_ago(1, 40, ended_s=30, end="FAILED")
    stays, waits = days_ago(2, 20), days_ago(3, 8, started_s=None)
    done = days_ago(4, 8, ended_s=-7 * DAY_S)
    young = FleetRun(5, -60, -59)

    fleet = aged_fleet(ends, stays, waits, done, young)
    async with follow(fleet, tmp_path) as (session, later):  # type: ignore[attr-defined]
        await later(5)
        assert status_of(session, ends) is status_of(session, stays) is status_of(session, young) is RunStatus.EXECUTING
        assert status_of(session, waits) is RunStatus.QUEUED
        assert status_of(session, done) is None
        assert session.store.window is not None
        assert session.store.window.is_live_complete
        assert not session.store.window.is_older_cut
        await later(75 if follow is polling else 310)
        assert status_of(session, ends) is RunStatus.COMPLETED_WITH_ERRORS
        assert status_of(session, stays) is RunStatus.EXECUTING
        # Beside the passes, only the end of one run costs a single read.
        details = [path for _, path, _ in fleet.requests if path.startswith("/api/v3/")]
        assert details == [f"/api/v3/runs/{ends.id}"]


@pytest.mark.parametrize(("follow", "every_s"), [(polling, 60), (live, 300)], ids=["polling", "beside the feed"])
async def test_older_live_runs_are_scanned_now_and_then(
    tmp_path: Path, follow: Callable[..., object], every_s: int
) -> None:
    fleet = aged_fleet(days_ago(1, 40), FleetRun(2, -60, -59))
    async with follow(fleet, tmp_path) as (session, later):  # type: ignore[attr-defined]
        await later(1.2 * every_s)
        moments = [moment for moment, _ in older_scans(fleet)]
        assert len(moments) == 2
        assert all(after - before >= every_s for before, after in pairwise(moments))
        # An old run that the feed does not cover does not cause a scan every five seconds.
        assert sure(session.store.window).is_live_complete
        assert len(fleet.requests_to(LIST)) <= 70


def reaches(fleet: Fleet) -> list[int]:
    """Return how many days back each pass over the older live runs asked."""
    asked = [
        datetime.fromtimestamp(int(query["filter[createdAt][from]"]) / 1000, UTC) for _, query in older_scans(fleet)
    ]
    return [(fleet.clock.now() - each).days for each in asked]


@pytest.mark.parametrize("way", ["refuses", "takes long", "fails"])
async def test_pass_over_older_live_runs_steps_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    """No pass asks again for a time that the server refused, also not after other filters."""
    monkeypatch.setattr("tui.sync.lists.OLDER_EVERY_S", 12.0)
    fleet = aged_fleet(days_ago(1, 40), days_ago(2, 8))

    def fault(path: str) -> Response | None:
        if path != LIST or not is_older_scan(fleet.query) or reaches(fleet)[-1] <= 90:
            return None
        if way == "takes long":
            fleet.clock._elapsed_s += 2.0
            return None
        return server_error(422 if way == "refuses" else 500)

    fleet.fault = fault
    async with polling(fleet, tmp_path) as (session, later):
        await later(60)
        asked = [3650, 3650, 365, 365, 90] if way == "fails" else [3650, 365, 90]
        assert reaches(fleet)[:5] == [*asked, 90, 90][:5]
        assert set(reaches(fleet)[5:]) <= {90}
        window = sure(session.store.window)
        assert (window.older_reach, window.is_older_cut) == (timedelta(days=90), True)
        assert len(session.store.live()) == 2
        count = len(reaches(fleet))
        session.sources.follow("rest", filters=RunFilters(tasks=(TaskId("x"),)))
        await later(30)
        assert set(reaches(fleet)[count:]) == {90}


async def test_older_live_runs_that_no_pass_finds_are_read_by_their_ids(tmp_path: Path) -> None:
    ends = days_ago(1, 40, ended_s=90, end="FAILED")
    fleet = aged_fleet(ends)
    async with polling(fleet, tmp_path) as (session, later):
        await later(10)
        fleet.fault = lambda path: server_error(422) if path == LIST and is_older_scan(fleet.query) else None
        await later(150)
        assert reaches(fleet) == [3650, 3650, 365, 90, 30], "then never again"
        assert status_of(session, ends) is RunStatus.COMPLETED_WITH_ERRORS


async def test_every_list_request_names_its_window(tmp_path: Path) -> None:
    fleet = aged_fleet(*(FleetRun(number, -900 + number, -800, 5 + number / 50) for number in range(150)))
    async with polling(fleet, tmp_path, history=timedelta(hours=36)) as (_, later):
        await later(20)
        for _, query in fleet.requests_to(LIST):
            window = {name for name in query if name.startswith("filter[createdAt]")}
            if window == {"filter[createdAt][period]"}:
                assert query["filter[createdAt][period]"] == "36h"
            else:
                assert window == {"filter[createdAt][from]", "filter[createdAt][to]"}


async def test_older_runs_beyond_the_bound_are_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui.sync.lists.MAX_OLDER_RUNS", most := 300)
    count = most + 150
    runs = [days_ago(number, 9 + number / count, started_s=None) for number in range(1, count)]
    ends = days_ago(0, 9, started_s=None, ended_s=30, end="CANCELED")
    fleet = aged_fleet(ends, *runs)
    async with polling(fleet, tmp_path) as (session, later):
        await later(20)
        assert len(older_scans(fleet)) == most / 100
        assert len(session.store.live()) == most
        assert session.store.window is not None
        assert session.store.window.is_older_cut
        assert not session.store.window.is_live_complete
        await later(70)
        # The oldest runs do not count as ended.
        assert len(session.store.live()) == most
        assert status_of(session, ends) is RunStatus.CANCELLED
        assert sum(path.startswith("/api/v3/") for _, path, _ in fleet.requests) == 1


WHOAMI = "/api/v1/whoami"


async def states_during(session: Session, later: Later, seconds: int) -> set[type[object]]:
    """Return the types of all statuses of the source within `seconds`, sampled twice a second."""
    states = set()
    for _ in range(2 * seconds):
        await later(0.5)
        states.add(type(state_of(session)))
    return states


async def test_unreadable_run_is_tried_again_and_delays_no_other(tmp_path: Path) -> None:
    odd, other = FleetRun(1, -1500, -1400), FleetRun(2, -900, -800, 20, end="FAILED")
    fleet = fleet_of(odd, other, *(FleetRun(n, -100.0 + n, -50, -49) for n in range(3, 30)))
    fleet.fault = lambda path: server_error(400) if path.endswith(odd.id) else None
    async with polling(fleet, tmp_path) as (session, later):
        await later(10)
        fleet.forget(odd)
        assert await states_during(session, later, 30) == {SourceConnected}
        known = sure(session.store.get(RunId(other.id)))
        assert known.status is RunStatus.COMPLETED_WITH_ERRORS
        assert 2 <= len(fleet.requests_to(f"/api/v3/runs/{odd.id}")) <= 30
        fleet.fault = lambda _: None
        await later(15)
        known = sure(session.store.get(RunId(odd.id)))
        assert known.is_gone


async def test_failing_queries_slow_down_and_the_list_continues(tmp_path: Path) -> None:
    """An outage of the analytics answers 400."""
    fleet = fleet_of(FleetRun(1, -10, -5))
    fleet.allow_queries()
    fleet.fault = lambda path: server_error(400) if path == QUERY else None
    async with polling(fleet, tmp_path) as (session, later):
        assert await states_during(session, later, 120) == {SourceConnected}
        assert 3 <= len(fleet.requests_to(QUERY)) <= 5
        assert Capability.QUERY not in session.store.lost_capabilities
        fleet.fault = lambda _: None
        await later(30)
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
        assert environment_of(session) == (False, True)
        fleet.fault = lambda _: None
        await later(40)
        assert environment_of(session) == (True, False)
        fleet.fault = lambda path: server_error(403) if path == WHOAMI else None
        await later(40)
        assert environment_of(session) == (False, True), "the key may belong to another environment by now"
