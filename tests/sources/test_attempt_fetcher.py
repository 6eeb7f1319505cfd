"""Attempts of runs whose trace the server cut: they come from the events, and cuts are named."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import JSONResponse, Response

from tests.support.fleet import DEV, EARLIEST_S, Fleet, FleetApi, in_ms, serving
from tests.support.session import started
from tests.support.sure import sure
from tests.support.virtual_clock import VirtualClock
from tui.domain.run import AttemptHistory, AttemptStatus, Run, RunId, WaitKind
from tui.domain.trace import Trace
from tui.emulator.recorded_tasks import LATER_RECORDED_TASKS
from tui.emulator.simulation.runs import NewRun
from tui.emulator.simulation.script import Child, Log, Script, Start, Task, Wait, Work
from tui.emulator.world import DemoTasks, World
from tui.sync.budget import Priority
from tui.sync.fetch import REREAD_CUT_AFTER
from tui.sync.session import Session

CUT = "the trace was cut at 5,000 rows"
LINES = tuple(Log("INFO", f"line {n}") for n in range(5_200))

TASKS = (
    *LATER_RECORDED_TASKS,
    Task("talks-on", lambda _: Script((Work(1_000, LINES), Work(10**9))), "a.ts"),
    Task("waits", lambda _: Script((Work(100), Wait(600_000)), output=1), "a.ts"),
    Task("parent", lambda _: Script((Start((Child("waits"),) * 3, is_awaited=True, is_batch=True),)), "a.ts"),
)


@contextmanager
def served(task: str, age_s: float) -> Iterator[tuple[FleetApi, RunId]]:
    """Serve a fleet with one run of a task, triggered `age_s` ago. Yields it with the id of the run."""
    fleet = Fleet(VirtualClock())
    fleet.world = World(DemoTasks(TASKS), start_ms=in_ms(EARLIEST_S), environment=DEV, lag_ms=(0, 0))
    fleet.world.advance(in_ms(-age_s))
    run, _ = fleet.world.trigger(NewRun(task_id=task))
    fleet.world.advance(in_ms(0))
    fleet.emulator.put(fleet.world)
    with serving(fleet) as api:
        yield api, RunId(run.id)


def requests_of(api: FleetApi) -> list[str]:
    """Return the kinds of the requests about the run, in order."""
    return [path.rpartition("/")[2].partition("_")[0] for _, path, _ in api.fleet.requests]


def read(task: str, age_s: float, tmp_path: Path, fault: Any = None) -> tuple[Run, str | None, list[str]]:
    async def scenario() -> tuple[Run, str | None, list[str]]:
        with served(task, age_s) as (api, run_id):
            api.fleet.fault = fault or (lambda _: None)
            async with started(api, tmp_path) as session:
                return *(await session.fetch_run_with_attempts(run_id)), requests_of(api)

    return asyncio.run(scenario())


def history_of(run: Run) -> AttemptHistory:
    assert run.attempts is not None
    return run.attempts[1]


def test_attempts_of_a_cut_trace_come_from_the_events(tmp_path: Path) -> None:
    run, failure, requests = read("chatty-retry", 120, tmp_path)
    history = history_of(run)
    assert requests == ["run", "trace", "events"]
    assert [(attempt.number, attempt.error and attempt.error.message) for attempt in history.attempts] == [
        (number, f"chatty attempt {number} failed") for number in (1, 2, 3)
    ]
    assert all(attempt.error and attempt.error.stack for attempt in history.attempts)
    assert (history.is_complete, history.missing, failure) == (True, "", None)


def test_events_that_are_cut_too_are_named(tmp_path: Path) -> None:
    lines = [{"spanId": f"{n}", "message": "line", "level": "INFO", "startTime": "1"} for n in range(24_990)]

    def fault(path: str) -> Response | None:
        if not path.endswith("/events"):
            return None
        run_id = path.split("/")[-2]
        spans = [
            {"spanId": "r", "runId": run_id, "message": "chatty-retry", "level": "TRACE", "startTime": "1000"},
            {"spanId": "a", "parentId": "r", "runId": run_id, "message": "Attempt 1", "attemptNumber": 1}
            | {"level": "TRACE", "startTime": "2000", "events": [{"name": "x"}] * 6},
        ]
        return JSONResponse({"events": [*spans, *lines]})

    run, _, _ = read("chatty-retry", 120, tmp_path, fault)
    history = history_of(run)
    assert history.missing == f"{CUT} and the events at 25,000"
    assert not history.is_complete


@pytest.mark.parametrize(
    ("status", "reason"),
    [(403, "403"), (404, "404"), (500, "500"), (400, "400"), (401, "401"), (200, "no list of events")],
)
def test_unreadable_events_leave_the_attempts_of_the_trace(tmp_path: Path, status: int, reason: str) -> None:
    def fault(path: str) -> Response | None:
        return JSONResponse({"error": "not for you"}, status) if path.endswith("/events") else None

    run, failure, requests = read("chatty-retry", 120, tmp_path, fault)
    history = history_of(run)
    assert requests == ["run", "trace", "events"]
    assert history.missing.startswith(f"{CUT} and the events could not be read: ")
    assert reason in history.missing
    assert [attempt.number for attempt in history.attempts] == [1, 3]
    assert (history.is_complete, failure) == (False, None)


def gone(path: str) -> Response | None:
    return JSONResponse({"error": "Trace not found"}, 404) if path.endswith("/trace") else None


def deep(path: str) -> Response | None:
    """A trace that nests deeper than the decoder allows."""
    if not path.endswith("/trace"):
        return None
    return Response('{"trace":{"rootSpan":' + '{"children":[' * 10_000, media_type="application/json")


@pytest.mark.parametrize("fault", [gone, deep])
def test_attempts_without_a_readable_trace_come_from_the_events(tmp_path: Path, fault: Any) -> None:
    run, failure, requests = read("chatty-retry", 120, tmp_path, fault)
    history = history_of(run)
    assert requests == ["run", "trace", "events"]
    assert [attempt.error is not None for attempt in history.attempts] == [True] * 3
    assert (history.is_complete, history.is_trace_gone, failure) == (True, False, None)


@pytest.mark.parametrize(("fault", "reason"), [(gone, None), (deep, "nested too deep")])
def test_run_without_trace_and_events_says_so(tmp_path: Path, fault: Any, reason: str | None) -> None:
    def both(path: str) -> Response | None:
        return JSONResponse({"error": "no"}, 404) if path.endswith("/events") else fault(path)

    run, failure, _ = read("chatty-retry", 120, tmp_path, both)
    if reason is None:
        assert (history_of(run).is_trace_gone, failure) == (True, None)
    else:
        assert reason in (failure or "")


def test_parent_without_a_trace_waits_for_its_children(tmp_path: Path) -> None:
    run, _, _ = read("parent", 60, tmp_path, gone)
    wait = sure(run.wait)
    assert (wait.kind, len(wait.runs), wait.open_count, wait.task) == (WaitKind.RUNS, 3, 3, "waits")


async def test_live_run_with_a_cut_trace_is_read_again_at_intervals(tmp_path: Path) -> None:
    with served("talks-on", 60) as (api, run_id):
        async with started(api, tmp_path) as session:
            await session.fetch_run_with_attempts(run_id)
            assert requests_of(api) == ["run", "trace", "events"]
            first = history_of(await stored_run(session, run_id))
            for _ in range(3):
                await session.fetch_run_with_attempts(run_id)
            # Only details were requested, and the known attempts are kept.
            assert requests_of(api)[3:] == ["run"] * 3
            assert history_of(await stored_run(session, run_id)) == first
            await api.fleet.clock.run(REREAD_CUT_AFTER.total_seconds())
            await session.fetch_run_with_attempts(run_id)
            assert requests_of(api)[6:] == ["run", "events"]


async def test_end_of_a_run_with_a_cut_trace_is_read_at_once(tmp_path: Path) -> None:
    with served("talks-on", 60) as (api, run_id):
        async with started(api, tmp_path) as session:
            await session.fetch_run_with_attempts(run_id)
            run = sure(api.fleet.world.find(run_id))
            api.fleet.world.cancel(run)
            await session.fetch_run_with_attempts(run_id)
            assert requests_of(api)[3:] == ["run", "events"]
            assert (await stored_run(session, run_id)).is_final


async def stored_run(session: Session, run_id: RunId) -> Run:
    await session.settle()
    return sure(session.store.get(run_id))


async def test_subject_of_a_wait_is_fetched_once(tmp_path: Path) -> None:
    with served("waits", 60) as (api, run_id):
        async with started(api, tmp_path) as session:
            for _ in range(3):
                await session.fetch_run_with_attempts(run_id)
            assert requests_of(api).count("events") == 1
            run = await stored_run(session, run_id)
            assert sure(run.wait).subject == "10 minutes"


@pytest.mark.parametrize(("status", "count"), [(500, 2), (403, 1), (200, 1)])
async def test_subject_of_a_wait_is_fetched_again_after_a_fault(tmp_path: Path, status: int, count: int) -> None:
    def fault(path: str) -> Response | None:
        return JSONResponse({"error": "no"}, status) if path.endswith("/events") else None

    with served("waits", 60) as (api, run_id):
        api.fleet.fault = fault
        async with started(api, tmp_path) as session:
            await session.fetch_run_with_attempts(run_id)
            api.fleet.fault = lambda _: None
            await api.fleet.clock.run(1.0)
            run, _ = await session.fetch_run_with_attempts(run_id)
            assert requests_of(api).count("events") == count
            assert sure(run.wait).subject == ("10 minutes" if count == 2 else None)


def test_parent_waits_for_children_that_wait_for_time(tmp_path: Path) -> None:
    run, _, requests = read("parent", 60, tmp_path)
    assert requests == ["run", "trace"]
    wait = sure(run.wait)
    assert (wait.kind, len(wait.runs), wait.open_count, wait.task) == (WaitKind.RUNS, 3, 3, "waits")


async def test_end_of_a_run_beside_its_trace_closes_its_attempt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with served("waits", 10) as (api, run_id):
        async with started(api, tmp_path) as session:
            fetch_trace, fetcher = session.fetcher.fetch_trace, session.fetcher
            ended: list[RunId] = []

            async def end_meanwhile(run_id: RunId, priority: Priority) -> Trace | None:
                trace = await fetch_trace(run_id, priority)
                if not ended:
                    ended.append(run_id)
                    run = sure(api.fleet.world.find(run_id))
                    await api.fleet.clock.run(1)
                    api.fleet.world.cancel(run)
                    await fetcher.fetch_run(run_id, priority)  # as the list or the feed reports it
                return trace

            monkeypatch.setattr(fetcher, "fetch_trace", end_meanwhile)
            found, failure = await session.fetch_run_with_attempts(run_id)
            assert (found.is_final, failure) == (True, None)
            assert [each.status for each in history_of(found).attempts] == [AttemptStatus.CANCELED]
