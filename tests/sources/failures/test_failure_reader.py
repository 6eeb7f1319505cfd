"""Reading failed runs, their errors and the server's groups: the requests, their order, and failures."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import JSONResponse, Response

from tests.support.failures import ERRORS, HOUR, QUERY, RUNS, ShownFailures, details, failing_fleet
from tests.support.fleet import Fleet, FleetRun, serving
from tests.support.recordings import recording
from tests.support.relay import relay_setup, screen_on
from tests.support.responses import TruncatedResponse, server_error
from tests.support.session import Later, pass_time, polling, started
from tests.support.sure import sure
from tests.support.virtual_clock import VirtualClock
from tui.domain.filters import RunFilters
from tui.domain.run import RunId
from tui.sync.failures import MAX_RUNS, UNREADABLE_ROWS, UnreadableRuns, has_code_only

SHORT = timedelta(minutes=5)
"""The history that the sessions poll. The views show an hour."""


def run_id(number: int) -> RunId:
    return RunId(FleetRun(number, 0).id)


def lists_of_failures(fleet: Fleet) -> list[dict[str, str]]:
    """The queries of the lists of failed runs."""
    return [query for _, query in fleet.requests_to(RUNS) if "SYSTEM_FAILURE" in query.get("filter[status]", "")]


async def read_all(shown: ShownFailures, later: Later, *, seconds: int = 120) -> None:
    """Start reading, and let time pass until everything is read."""
    shown.reading.start(shown.period, RunFilters())
    for _ in range(0, seconds, 5):
        await later(5)
        if shown.reading.progress.has_all and shown.counts.read_count == shown.counts.failed_count:
            return
    raise AssertionError((shown.reading.progress, shown.counts))


async def test_failed_runs_before_the_history_are_listed_and_read(tmp_path: Path) -> None:
    fleet = failing_fleet(105)
    fleet.add_all(FleetRun(1000 + n, -1000.0 - n, -900.0, -800.0) for n in range(20))
    async with polling(fleet, tmp_path, history=SHORT) as (session, later):
        await later(5)
        shown = ShownFailures(session)
        assert shown.counts.failed_count < 50
        await read_all(shown, later)
        assert shown.counts == (105, 105)
        assert shown.reading.progress.has_all
        # All from single reads, since the key may not query; the list is filtered by status.
        assert len(set(details(fleet))) == len(details(fleet)) == 105
        assert len(lists_of_failures(fleet)) == 2


async def test_errors_of_many_runs_cost_a_few_queries(tmp_path: Path) -> None:
    fleet = failing_fleet(230)
    fleet.allow_queries()
    async with polling(fleet, tmp_path, history=SHORT) as (session, later):
        await later(5)
        before = len(fleet.requests_to(QUERY))
        await read_all(ShownFailures(session), later, seconds=30)
        assert len(fleet.requests_to(QUERY)) - before <= 2 + 3  # by id, and the counts of polling
        assert details(fleet) == []


async def test_visible_runs_are_read_first(tmp_path: Path) -> None:
    fleet = failing_fleet(60, every_s=1.0)
    async with polling(fleet, tmp_path) as (session, later):
        await later(10)
        shown = ShownFailures(session)
        shown.visible = [run_id(number) for number in (40, 41, 42)]
        shown.reading.start(HOUR, RunFilters())
        await later(2)
        assert details(fleet)[:3] == shown.visible
        shown.visible = [run_id(50), run_id(51)]
        shown.reading.wake()
        before = len(details(fleet))
        await later(5)
        assert set(shown.visible) <= set(details(fleet)[before : before + 8])


async def test_visible_code_is_read_again_once_the_feed_answers(tmp_path: Path) -> None:
    fleet = failing_fleet(6, end="CRASHED")
    fleet.fault = lambda path: server_error(503) if path.startswith("/realtime/") else None
    async with polling(fleet, tmp_path) as (session, later):
        await later(5)
        shown = ShownFailures(session)
        await read_all(shown, later)
        codes = {run_id(number) for number in range(1, 7)}
        assert {each for each in codes if has_code_only(session.store, each)} == codes
        shown.visible = [run_id(2), run_id(5)]
        shown.reading.wake()
        await later(3)
        polls = sum(path.startswith("/realtime/") for _, path, _ in fleet.requests)
        await later(8)  # a feed that fails is not asked again at once
        assert sum(path.startswith("/realtime/") for _, path, _ in fleet.requests) == polls
        fleet.fault = lambda _: None
        read = len(details(fleet))
        await later(30)
        assert {each for each in codes if has_code_only(session.store, each)} == codes - set(shown.visible)
        assert len(details(fleet)) == read


async def test_reading_goes_on_after_an_outage(tmp_path: Path) -> None:
    fleet = failing_fleet(20)
    async with polling(fleet, tmp_path, history=SHORT) as (session, later):
        await later(5)
        shown = ShownFailures(session)
        limited = JSONResponse({"error": "slow down"}, 429)
        fleet.fault = lambda path: limited if path.startswith(("/api/v1/runs", "/api/v3/runs")) else None
        shown.reading.start(HOUR, RunFilters())
        await later(60)
        assert "the rate limit is reached" in shown.reading.progress.failure
        assert not shown.reading.progress.has_all
        fleet.fault = lambda _: None
        await later(60)
        assert shown.counts == (20, 20)
        assert (shown.reading.progress.failure, shown.reading.progress.has_all) == ("", True)


async def test_unreadable_runs_are_counted_and_tried_ever_later(tmp_path: Path) -> None:
    fleet = failing_fleet(15)
    broken = {f"/api/v3/runs/{run_id(number)}" for number in (4, 5, 6, 7)}
    fleet.fault = lambda path: server_error(500) if path in broken else None
    async with polling(fleet, tmp_path) as (session, later):
        await later(5)
        shown = ShownFailures(session)
        shown.reading.start(HOUR, RunFilters())
        await later(70)
        # Neither do they stop the others, nor are they requested all the time.
        assert shown.counts == (15, 11)
        assert shown.reading.progress.unreadable_count == 4
        assert 2 <= details(fleet).count(run_id(5)) <= 5
        fleet.fault = lambda _: None
        await later(80)
        assert shown.counts == (15, 15)
        assert shown.reading.progress.unreadable_count == 0


async def test_server_counts_what_the_list_does_not_reach(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui.sync.failures.MAX_LISTED_RUNS", 100)

    fleet = failing_fleet(150)
    fleet.allow_queries()
    async with polling(fleet, tmp_path, history=SHORT) as (session, later):
        await later(5)
        shown = ShownFailures(session)
        shown.reading.start(HOUR, RunFilters())
        await later(30)
        progress = shown.reading.progress
        assert (progress.has_all, progress.server_count) == (False, 150)
        assert shown.counts.read_count == 100
        assert replace(progress, known_count=shown.counts.failed_count).failed_count == 150


async def test_unreadable_row_of_the_history_is_said(tmp_path: Path) -> None:
    fleet = failing_fleet(5)
    page = JSONResponse({"data": [{"id": 7}], "pagination": {}})
    async with polling(fleet, tmp_path) as (session, later):
        await later(8)
        fleet.fault = lambda path: page if path == RUNS else None
        await later(8)
        fleet.fault = lambda _: None
        shown = ShownFailures(session)
        shown.reading.start(HOUR, RunFilters())
        await later(10)
        progress = shown.reading.progress
        assert (shown.counts, progress.has_all) == ((5, 5), False)
        assert progress.failure == UNREADABLE_ROWS


async def test_screen_of_a_relay_reads_crashes_from_root_spans(tmp_path: Path) -> None:
    fleet = failing_fleet(4, end="CRASHED")
    fleet.fault = lambda path: server_error(503) if path.endswith("/trace") and run_id(3) in path else None
    async with relay_setup(fleet, tmp_path) as setup, screen_on(setup) as session:
        await setup.run_until(lambda: session.store.history is not None and session.store.history.is_complete)
        shown = ShownFailures(session)
        shown.visible = [run_id(2)]
        shown.reading.start(HOUR, RunFilters())
        await setup.run_until(lambda: shown.counts == (4, 4))
        runs = {number: session.store.get(run_id(number)) for number in (1, 2, 4)}
        texts = {run.error_value.message for run in runs.values() if run and run.error_value}
        assert texts == {"Process exited with code 1 after signal null."}
        assert has_code_only(session.store, run_id(3))


def test_only_so_many_runs_are_remembered() -> None:
    runs = UnreadableRuns(VirtualClock())
    for number in range(MAX_RUNS + 5):
        runs.add(RunId(f"run_{number}"))
    assert len(runs) == MAX_RUNS
    assert not runs.is_waiting(RunId("run_0"))
    assert runs.is_waiting(RunId(f"run_{MAX_RUNS}"))


ROWS: list[dict[str, Any]] = recording("1030")["response"]["body"]["data"]
# The id comes from the error alone, so that another task may have a group with the same id.
ROWS.insert(4, ROWS[0] | {"taskIdentifier": "other-task"})
SIZE = 5


def page(fleet: Fleet) -> Response:
    """A page of the recorded groups. The cursor is the number of the first row."""
    start = int(fleet.query.get("page[after]", "0"))
    following = {"next": str(start + SIZE)} if start + SIZE < len(ROWS) else {}
    return JSONResponse({"data": ROWS[start : start + SIZE], "pagination": following})


def in_groups(fleet: Fleet, answer: Callable[[], Response]) -> None:
    fleet.fault = lambda path: answer() if path.startswith(ERRORS) else None


@asynccontextmanager
async def reading_groups(tmp_path: Path, answer: Any = None) -> AsyncIterator[tuple[Fleet, ShownFailures, Later]]:
    """An errors view that is shown from the start."""
    fleet = failing_fleet(2)
    in_groups(fleet, answer or (lambda: page(fleet)))
    with serving(fleet) as api:
        async with started(api, tmp_path) as session:
            shown = ShownFailures(session)
            shown.reading.start(HOUR, RunFilters())
            later = partial(pass_time, session, api)
            await later(3)
            yield fleet, shown, later


async def test_all_pages_are_read_every_minute_while_shown(tmp_path: Path) -> None:
    async with reading_groups(tmp_path) as (fleet, shown, later):
        groups = shown.reading.groups.result
        assert [group.id for group in sure(groups.groups)] == [row["id"] for row in ROWS]
        assert (groups.refusal, groups.failure) == ("", "")
        assert [query.get("page[after]") for _, query in fleet.requests_to(ERRORS)] == [None, "5", "10"]
        assert {query["filter[period]"] for _, query in fleet.requests_to(ERRORS)} == {"1h"}
        await later(59)
        assert len(fleet.requests_to(ERRORS)) == 3 * 2
        shown.reading.stop()
        await later(70)
        assert len(fleet.requests_to(ERRORS)) == 3 * 2
        for _ in range(8):
            shown.reading.start(HOUR, RunFilters())
            await later(0.2)
            shown.reading.stop()
        assert len(fleet.requests_to(ERRORS)) == 3 * 3, "they are not read at each opening"


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (lambda: server_error(403), "the key may not read the server's error groups (403)"),
        (lambda: Response("<html>no such page</html>", 404, media_type="text/html"), "no error groups (404)"),
    ],
)
async def test_refused_groups_are_requested_once_a_session(
    tmp_path: Path, answer: Callable[[], Response], sentence: str
) -> None:
    async with reading_groups(tmp_path, answer) as (fleet, shown, later):
        await later(70)
        shown.reading.stop()
        shown.reading.start(HOUR, RunFilters())
        await later(70)
        assert len(fleet.requests_to(ERRORS)) == 1
        assert sentence in shown.reading.groups.result.refusal
        assert shown.reading.groups.result.groups is None


@pytest.mark.parametrize("answer", [TruncatedResponse, lambda: server_error(400, "Query Error")])
async def test_failed_read_keeps_the_groups_and_is_tried_again(tmp_path: Path, answer: Callable[[], Response]) -> None:
    async with reading_groups(tmp_path) as (fleet, shown, later):
        before = shown.reading.groups.result
        in_groups(fleet, answer)
        await later(120)
        assert shown.reading.groups.result.failure
        assert shown.reading.groups.result.groups == before.groups
        in_groups(fleet, lambda: page(fleet))
        await later(90)
        assert (shown.reading.groups.result.failure, shown.reading.groups.result.groups) == ("", before.groups)
