"""Attempts and trees of runs over real HTTP: the requests they need, and the parts that are named as missing."""

import asyncio
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import JSONResponse, Response

from tests.support.fleet import FleetApi, serving_task
from tests.support.session import pass_time, public_token, started
from tests.support.sure import sure
from tui.domain.run import AttemptHistory, AttemptStatus, Run, RunId, WaitKind
from tui.domain.trace import Trace
from tui.domain.tree import RunTree
from tui.emulator.recorded_tasks import LATER_RECORDED_TASKS
from tui.emulator.simulation.script import Call, Child, Failure, FailureKind, Log, Script, Start, Task, Wait, Work
from tui.features.runs.command import tree_lines
from tui.features.runs.printed import tree_objects
from tui.sync.budget import PUBLIC_TOKEN
from tui.sync.fetch import REREAD_CUT_AFTER
from tui.sync.reads import Priority
from tui.sync.session import Session
from tui.sync.tree import MAX_TREE_WAIT_S
from tui.text.styled import plain

Answer = Callable[[str], Response]
CUT = "the trace was cut at 5,000 rows"
LINES = tuple(Log("INFO", f"line {n}") for n in range(5_200))

TASKS = (
    *LATER_RECORDED_TASKS,
    Task("talks-on", lambda _: Script((Work(1_000, LINES), Work(10**9))), "a.ts"),
    Task("waits", lambda _: Script((Work(100), Wait(600_000)), output=1), "a.ts"),
    Task("parent", lambda _: Script((Start((Child("waits"),) * 3, is_awaited=True, is_batch=True),)), "a.ts"),
)


def requests_of(api: FleetApi) -> list[str]:
    """Return the kinds of the requests about the run, in order."""
    return [path.rpartition("/")[2].partition("_")[0] for _, path, _ in api.fleet.requests]


def read(task: str, age_s: float, tmp_path: Path, fault: Any = None) -> tuple[Run, str | None, list[str]]:
    async def scenario() -> tuple[Run, str | None, list[str]]:
        with serving_task(TASKS, task, age_s) as (api, run_id):
            api.fleet.fault = fault or (lambda _: None)
            async with started(api, tmp_path) as session:
                return *(await session.fetcher.fetch_run_with_attempts(run_id)), requests_of(api)

    return asyncio.run(scenario())


def history_of(run: Run) -> AttemptHistory:
    return sure(run.attempts)[1]


def cut_events(path: str) -> Response:
    """Events of the run that end at the server's limit of rows."""
    run_id = path.split("/")[-2]
    own = {"spanId": "r", "runId": run_id, "message": "chatty-retry", "level": "TRACE", "startTime": "1000"}
    attempt = {
        "spanId": "a",
        "parentId": "r",
        "message": "Attempt 1",
        "attemptNumber": 1,
        "events": [{"name": "x"}] * 6,
    }
    lines = [{"spanId": f"{n}", "message": "line", "level": "INFO", "startTime": "1"} for n in range(24_990)]
    return JSONResponse({"events": [own, own | attempt, *lines]})


def deep_trace(_: str) -> Response:
    """A trace that nests deeper than the decoder allows."""
    return Response('{"trace":{"rootSpan":' + '{"children":[' * 10_000, media_type="application/json")


def answer(status: int, body: Any = None) -> Answer:
    return lambda _: JSONResponse(body or {"error": "not for you"}, status)


GONE = answer(404, {"error": "Trace not found"})
ALL: list[tuple[int, str | None]] = [(number, f"chatty attempt {number} failed") for number in (1, 2, 3)]
OF_CUT_TRACE = [(1, None), (3, "chatty attempt 3 failed")]
UNREAD = rf"\A{CUT} and the events could not be read: .*"
READS: list[tuple[Answer | None, Answer | None, list[tuple[int, str | None]], str]] = [
    (None, None, ALL, r"\A\Z"),
    (GONE, None, ALL, r"\A\Z"),
    (deep_trace, None, ALL, r"\A\Z"),
    (None, cut_events, OF_CUT_TRACE, rf"\A{CUT} and the events at 25,000\Z"),
    (None, answer(200, {"events": []}), OF_CUT_TRACE, rf"\A{CUT} and the events do not contain the run\Z"),
    (None, answer(500), OF_CUT_TRACE, f"{UNREAD}500"),
    (None, answer(200), OF_CUT_TRACE, f"{UNREAD}no list of events"),
]
"""The answers for trace and events, if not those of the server, the attempts, and a pattern of what is missing."""


@pytest.mark.parametrize(("trace", "events", "attempts", "missing"), READS)
def test_attempts_come_from_the_events_or_from_what_was_read(
    tmp_path: Path, trace: Answer | None, events: Answer | None, attempts: list[tuple[int, str | None]], missing: str
) -> None:
    answers = {"trace": trace, "events": events}

    def fault(path: str) -> Response | None:
        instead = answers.get(path.rpartition("/")[2])
        return None if instead is None else instead(path)

    run, failure, requests = read("chatty-retry", 120, tmp_path, fault)
    history = history_of(run)
    assert requests == ["run", "trace", "events"]
    assert [(each.number, each.error and each.error.message) for each in history.attempts] == attempts
    assert all(each.error is None or each.error.stack for each in history.attempts)
    assert re.search(missing, history.missing)
    assert (history.is_complete, history.is_trace_gone, failure) == (attempts == ALL, False, None)


@pytest.mark.parametrize("trace", [GONE, deep_trace])
def test_run_without_trace_and_events_says_so(tmp_path: Path, trace: Answer) -> None:
    parts = {"trace": trace, "events": answer(404)}
    fault = lambda path: parts[part](path) if (part := path.rpartition("/")[2]) in parts else None  # noqa: E731
    run, failure, _ = read("chatty-retry", 120, tmp_path, fault)
    if trace is GONE:
        assert (history_of(run).is_trace_gone, failure) == (True, None)
    else:
        assert "nested too deep" in (failure or "")


@pytest.mark.parametrize("is_trace_gone", [True, False])
def test_parent_waits_for_children_that_wait_for_time(tmp_path: Path, is_trace_gone: bool) -> None:
    fault = lambda path: GONE(path) if is_trace_gone and path.endswith("/trace") else None  # noqa: E731
    run, _, requests = read("parent", 60, tmp_path, fault)
    assert requests == ["run", "trace", *["events"] * is_trace_gone]
    wait = sure(run.wait)
    assert (wait.kind, len(wait.runs), wait.open_count, wait.task) == (WaitKind.RUNS, 3, 3, "waits")


async def test_live_run_with_a_cut_trace_is_read_again_at_intervals(tmp_path: Path) -> None:
    with serving_task(TASKS, "talks-on", 60) as (api, run_id):
        async with started(api, tmp_path) as session:
            await session.fetcher.fetch_run_with_attempts(run_id)
            assert requests_of(api) == ["run", "trace", "events"]
            first = history_of(await stored_run(session, run_id))
            for _ in range(3):
                await session.fetcher.fetch_run_with_attempts(run_id)
            # Only details were requested, and the known attempts are kept.
            assert requests_of(api)[3:] == ["run"] * 3
            assert history_of(await stored_run(session, run_id)) == first
            await api.fleet.clock.run(REREAD_CUT_AFTER.total_seconds())
            await session.fetcher.fetch_run_with_attempts(run_id)
            assert requests_of(api)[6:] == ["run", "events"]
            # The end of the run is read at once.
            api.fleet.world.cancel(sure(api.fleet.world.find(run_id)))
            await session.fetcher.fetch_run_with_attempts(run_id)
            assert requests_of(api)[8:] == ["run", "events"]
            assert (await stored_run(session, run_id)).is_final


async def stored_run(session: Session, run_id: RunId) -> Run:
    await session.settle()
    return sure(session.store.get(run_id))


@pytest.mark.parametrize(("status", "count"), [(None, 1), (500, 2), (403, 1), (200, 1)])
async def test_subject_of_a_wait_is_fetched_once_or_after_a_fault(
    tmp_path: Path, status: int | None, count: int
) -> None:
    with serving_task(TASKS, "waits", 60) as (api, run_id):
        api.fleet.fault = lambda path: answer(status)(path) if status and path.endswith("/events") else None
        async with started(api, tmp_path) as session:
            run, failure = await session.fetcher.fetch_run_with_attempts(run_id)
            known = "10 minutes" if status is None else None
            assert (sure(run.wait).kind, sure(run.wait).subject, failure) == (WaitKind.TIME, known, None)
            api.fleet.fault = lambda _: None
            await api.fleet.clock.run(1.0)
            for _ in range(2):
                run, _ = await session.fetcher.fetch_run_with_attempts(run_id)
            assert requests_of(api).count("events") == count
            assert sure(run.wait).subject == (None if status in {403, 200} else "10 minutes")


def test_wait_for_a_token_names_the_token(tmp_path: Path) -> None:
    wait = sure(read("approval", 60, tmp_path)[0].wait)
    assert (wait.kind, (wait.subject or "")[:10]) == (WaitKind.TOKEN, "waitpoint_")


async def test_end_of_a_run_beside_its_trace_closes_its_attempt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving_task(TASKS, "waits", 10) as (api, run_id):
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
            found, failure = await session.fetcher.fetch_run_with_attempts(run_id)
            assert (found.is_final, failure) == (True, None)
            assert [each.status for each in history_of(found).attempts] == [AttemptStatus.CANCELED]


ERROR = Failure(FailureKind.ERROR, "Upstream returned 503", "Error", "    at run (file:///app/src/a.ts:1:2)")


def _root(_: Call) -> Script:
    return Script((Start((Child("middle"),) * 4, is_awaited=True, is_batch=True),))


def _middle(_: Call) -> Script:
    leaves = (Child("leaf"), Child("leaf"), Child("broken"))
    return Script((Start(leaves, is_awaited=True, is_batch=True),))


def _forgetful(_: Call) -> Script:
    return Script((Start((Child("leaf"),) * 30, is_batch=True),))


TREE_TASKS = (
    Task("root", _root, "a.ts"),
    Task("middle", _middle, "a.ts"),
    Task("leaf", lambda _: Script((Work(700),)), "a.ts"),
    Task("broken", lambda _: Script((Work(300),), throws=ERROR), "a.ts", max_attempts=1),
    Task("forgetful", _forgetful, "a.ts"),
)


async def tree_of(api: FleetApi, tmp_path: Path, run_id: RunId, **changes: Any) -> RunTree:
    """Read a tree, and let no more time pass than a tree may wait."""
    api.fleet.allow_queries()
    async with started(api, tmp_path, **changes) as session:
        task = asyncio.create_task(session.fetch_tree(run_id))
        await pass_time(session, api, MAX_TREE_WAIT_S + 1.0)
        assert task.done(), "the tree waits for the budget"
        return await task


def all_requests(api: FleetApi) -> list[str]:
    """Return the kinds of all requests, in order. `run` is a single read."""
    last = [path.rpartition("/")[2] for _, path, _ in api.fleet.requests]
    return ["run" if part.startswith("run_") else part for part in last]


def shown(api: FleetApi, tree: RunTree) -> list[str]:
    return [plain(line) for line in tree_lines(tree, now=api.fleet.clock.now(), width=120)]


async def test_query_has_durations_at_every_depth(tmp_path: Path) -> None:
    with serving_task(TREE_TASKS, "root", 60) as (api, run_id):
        tree = await tree_of(api, tmp_path, run_id)
        assert all_requests(api) == ["run", "query"]
        lines = shown(api, tree)
        assert (len(lines), [line for line in lines if "·" in line]) == (17, [])
        deep = [node for node in tree.root.walk() if node.depth == 2]
        truth = {run.id: run for run in api.fleet.world.ledger}
        for node in deep:
            run = truth[node.id]
            assert node.run is None
            took = timedelta(milliseconds=sure(run.finished_ms) - sure(run.started_ms))
            assert sure(node.times).took(api.fleet.clock.now(), is_final=True) == took
        objects = [each for each in tree_objects(tree) if each["depth"] == 2]
        assert [each["durationMs"] for each in objects] == [truth[RunId(each["id"])].usage_ms for each in objects]
        assert all({"createdAt", "startedAt", "finishedAt"} <= set(each) for each in objects)


async def test_public_token_reads_an_awaited_tree_by_its_trace(tmp_path: Path) -> None:
    with serving_task(TREE_TASKS, "root", 60) as (api, run_id):
        tree = await tree_of(api, tmp_path, run_id, key=public_token("read:runs"))
        # The trace lacks the statuses of failed leaves. The details of their parents have them.
        assert all_requests(api) == ["run", "query", "trace", *["run"] * 4]
        assert (len(list(tree.root.walk())), tree.missing) == (17, ())
        assert [line for line in shown(api, tree) if "·" in line] == []
        statuses = sorted(node.status.title for node in tree.root.walk() if node.depth == 2 and node.status)
        assert statuses == ["Completed"] * 8 + ["Failed"] * 4


async def test_public_token_gets_a_tree_before_the_next_refill(tmp_path: Path) -> None:
    with serving_task(TREE_TASKS, "forgetful", 60) as (api, run_id):
        tree = await tree_of(api, tmp_path, run_id, key=public_token("read:runs"))
        assert len(all_requests(api)) == PUBLIC_TOKEN.share
        assert len(list(tree.root.walk())) == 31
        budget, below = tree.missing
        assert budget.startswith("the rate limit allows this request in ")
        left = 30 - (len(all_requests(api)) - 3)
        assert below == f"the runs below {left} runs were not read"
        assert f"Not all of the tree was read: {budget}; {below}." in " ".join(shown(api, tree))


async def test_tree_of_an_old_root_is_complete(tmp_path: Path) -> None:
    with serving_task(TREE_TASKS, "root", 35 * 86_400.0) as (api, run_id):
        tree = await tree_of(api, tmp_path, run_id)
        assert api.fleet.requests_to("/api/v1/query") == []
    assert len(list(tree_objects(tree))) == 1 + 4 + 12
    assert not tree.missing
