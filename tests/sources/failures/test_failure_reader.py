"""Reading failed runs and their errors: what it requests, in which order, and how it goes on after failures."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from starlette.responses import JSONResponse, Response

from tests.support.failures import HOUR, QUERY, RUNS, ShownFailures, details, failing_fleet
from tests.support.fleet import Fleet, FleetRun
from tests.support.relay import relay_setup, screen_on
from tests.support.responses import server_error
from tests.support.session import Later, live, polling
from tests.support.virtual_clock import VirtualClock
from tui.api.client import ReadRequest
from tui.api.queries import TrqlQuery
from tui.api.responses import Response as ApiResponse
from tui.domain.facts import Queue
from tui.domain.filters import RunFilters
from tui.domain.run import RunId, TaskId
from tui.domain.text import Raw
from tui.sync.budget import MAX_QUERIES_IN_FLIGHT
from tui.sync.facts import QueueFetcher
from tui.sync.failures import MAX_RUNS, UNREADABLE_ROWS, UnreadableRuns, has_code_only
from tui.sync.search import find_queue_runs

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
    for _ in range(seconds):
        await later(1)
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


async def test_reading_leaves_the_budget_to_polling(tmp_path: Path) -> None:
    fleet = failing_fleet(120, every_s=1.0)
    async with polling(fleet, tmp_path) as (session, later):
        await later(20)
        shown = ShownFailures(session)
        start_s, before = fleet.now_s, len(fleet.requests)
        shown.reading.start(HOUR, RunFilters())
        await later(30)
        spent = len(fleet.requests) - before
        assert spent <= session.budget.refill.share * 4
        lists = [moment for moment, _ in fleet.requests_to(RUNS) if moment > start_s]
        assert len(lists) >= 5  # polling goes on, each 2 to 5 s


async def test_run_that_fails_later_is_read_at_once(tmp_path: Path) -> None:
    fleet = failing_fleet(3)
    fleet.add_all(FleetRun(100 + n, 20.0 + n / 50, 21.0, 40.0, "FAILED") for n in range(20))
    async with live(fleet, tmp_path) as (session, later):
        await later(10)
        shown = ShownFailures(session)
        await read_all(shown, later)
        await later(45)
        assert shown.counts == (23, 23)


async def test_view_that_is_opened_again_goes_on(tmp_path: Path) -> None:
    fleet = failing_fleet(40)
    async with polling(fleet, tmp_path, history=SHORT) as (session, later):
        await later(5)
        shown = ShownFailures(session)
        for opened in range(6):
            shown.reading.start(HOUR, RunFilters())
            await later(8)
            shown.reading.stop()
            assert len(lists_of_failures(fleet)) == 1, opened
        assert len(set(details(fleet))) == len(details(fleet)) > 10
        await later(40)
        shown.reading.start(HOUR, RunFilters())
        await later(30)
        assert len(lists_of_failures(fleet)) == 2
        assert shown.counts == (40, 40)


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (lambda: server_error(500), "500 Internal Server Error"),
        (lambda: JSONResponse({"data": "none"}), "could not be read"),
        (lambda: JSONResponse({"error": "slow down"}, 429), "the rate limit is reached"),
    ],
    ids=["500", "invalid", "429"],
)
async def test_reading_goes_on_after_an_outage(tmp_path: Path, answer: Callable[[], Response], sentence: str) -> None:
    fleet = failing_fleet(40)
    async with polling(fleet, tmp_path, history=SHORT) as (session, later):
        await later(5)
        shown = ShownFailures(session)
        fleet.fault = lambda path: answer() if path.startswith(("/api/v1/runs", "/api/v3/runs")) else None
        shown.reading.start(HOUR, RunFilters())
        await later(60)
        assert sentence in shown.reading.progress.failure
        assert not shown.reading.progress.has_all
        fleet.fault = lambda _: None
        await later(60)
        assert shown.counts == (40, 40)
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


async def test_number_of_failed_runs_is_unknown_without_list_and_query(tmp_path: Path) -> None:
    fleet = failing_fleet(20)
    async with polling(fleet, tmp_path, history=SHORT) as (session, later):
        await later(5)
        fleet.fault = lambda _: server_error(403, "Unauthorized") if "SYSTEM" in str(fleet.query) else None
        shown = ShownFailures(session)
        shown.reading.start(HOUR, RunFilters())
        await later(10)
        progress = shown.reading.progress
        assert "403 Unauthorized" in progress.failure
        assert (progress.has_all, progress.server_count) == (False, None)
        assert len(lists_of_failures(fleet)) == 1


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


async def test_server_filters_restrict_the_failed_runs(tmp_path: Path) -> None:
    fleet = failing_fleet(30)
    fleet.add_all(FleetRun(500 + n, -2000.0 + n, -2000.0 + n, -1900.0, "FAILED", "other") for n in range(9))
    filters = RunFilters(tasks=(TaskId("other"),), statuses=("FAILED", "COMPLETED"))
    async with polling(fleet, tmp_path, filters=filters, history=SHORT) as (session, later):
        await later(5)
        shown = ShownFailures(session)
        shown.reading.start(HOUR, filters)
        await later(20)
        assert shown.counts == (9, 9)
        lists = [query for _, query in fleet.requests_to(RUNS) if query.get("filter[status]") == "FAILED"]
        assert [query["filter[taskIdentifier]"] for query in lists] == ["other"]


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


async def test_queries_of_all_kinds_are_few_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counts, facts, errors, searches, queues and trees: a project has three places for all its monitors."""

    fleet = failing_fleet(230)
    fleet.allow_queries()
    async with polling(fleet, tmp_path, history=SHORT) as (session, later):
        send, running, kinds, most = session.fetcher.api.fetch_response, list[ReadRequest](), set[str](), 0

        async def slow(request: ReadRequest) -> ApiResponse:
            nonlocal most
            if isinstance(request, TrqlQuery):
                running.append(request)
                kinds.add(request.kind)
                most = max(most, len(running))
                await asyncio.sleep(0.002)
                running.remove(request)
            return await send(request)

        monkeypatch.setattr(session.fetcher.api, "fetch_response", slow)
        end_watch = session.findings.watch()
        queue, newest = Queue("queue_1", Raw("mail"), is_task=True), run_id(1)
        tasks = [
            asyncio.ensure_future(QueueFetcher(session.fetcher).read_hour(queue)),
            asyncio.ensure_future(session.fetch_tree(newest)),
            asyncio.ensure_future(find_queue_runs("mail", session.fetcher, session.store)),
        ]
        await read_all(ShownFailures(session), later, seconds=30)
        await asyncio.gather(*tasks)
        end_watch()
        assert kinds >= {"run-counts", "queue-waits", "task-minutes", "run-errors", "queue-stays", "tree-runs"}
        assert most == MAX_QUERIES_IN_FLIGHT == 2


def test_only_so_many_runs_are_remembered() -> None:
    runs = UnreadableRuns(VirtualClock())
    for number in range(MAX_RUNS + 5):
        runs.add(RunId(f"run_{number}"))
    assert len(runs) == MAX_RUNS
    assert not runs.is_waiting(RunId("run_0"))
    assert runs.is_waiting(RunId(f"run_{MAX_RUNS}"))
