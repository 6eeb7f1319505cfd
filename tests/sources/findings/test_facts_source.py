"""Reading the facts of the wall from the emulator: how often, in which order, and what becomes of failures."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import groupby, pairwise
from typing import Any

import pytest
from starlette.responses import HTMLResponse, JSONResponse, Response

from tests.support.domain.patches import state_of
from tests.support.fleet import SECRET, Fleet, FleetRun, at, serving
from tests.support.recordings import recording
from tests.support.responses import HeldResponse, TruncatedResponse, server_error
from tests.support.sources import FollowedSource
from tests.support.sure import sure
from tests.support.virtual_clock import VirtualClock
from tui.api.client import Client
from tui.domain.facts import NO_FACTS, FactSource, ScheduleRunsRead, TaskMinute, TokensRead, WaitsRead, WallFacts
from tui.domain.run import Fixed, RunId, TaskId
from tui.domain.text import Raw
from tui.domain.update import RunPatch, RunsRead, Update, WindowRead
from tui.sync.budget import SECRET_KEY, Budget
from tui.sync.fact_readers import MAX_REQUESTS
from tui.sync.facts import FactsSource

QUEUES, SCHEDULES, TOKENS = "/api/v1/queues", "/api/v1/schedules", "/api/v1/waitpoints/tokens"
QUERY, ERRORS, DEPLOYMENTS = "/api/v1/query", "/api/v1/errors", "/api/v1/deployments"
READ = frozenset(FactSource) - {FactSource.RUNS}


def reply(rows: list[Any], **pagination: Any) -> Response:
    return JSONResponse({"data": rows, "pagination": pagination})


def all_schedules(facts: WallFacts, _: datetime) -> list[str]:
    return [] if facts.schedules is None else [each.id for each in facts.schedules.schedules]


def pages_of(rows: list[Any], fleet: Fleet) -> Response:
    """A page of a list that is paged by numbers."""
    size, number = int(fleet.query["perPage"]), int(fleet.query["page"])
    part = rows[(number - 1) * size : number * size]
    return reply(part, currentPage=number, totalPages=-(-len(rows) // size), count=len(rows))


def live_run(run_id: str, created_s: float, tags: Sequence[str] = ()) -> RunsRead:
    state = state_of("EXECUTING", tags=tuple(map(Raw, tags)))
    patch = RunPatch(RunId(run_id), at(0), Fixed(TaskId("approve")), state, created_at=at(created_s))
    return RunsRead((patch,))


class Watched(FollowedSource):
    """A source of facts."""

    @property
    def facts(self) -> WallFacts:
        return self.store.wall_facts or NO_FACTS

    def sent(self, since_s: float = 0.0) -> Counter[str]:
        return Counter(path for moment, path, _ in self.fleet.requests if moment >= since_s)

    def unread(self) -> dict[FactSource, bool]:
        """Whether each source that could not be read was refused."""
        return {source: each.is_refused for source, each in self.facts.unread.items()}

    def assert_within_allowance(self) -> None:
        # The server counts the deployments apart.
        times = sorted(moment for moment, path, _ in self.fleet.requests if path != DEPLOYMENTS)
        for first, last in zip(times, times[MAX_REQUESTS:], strict=False):
            assert last - first >= 60.0


@asynccontextmanager
async def watched(
    fleet: Fleet, due: Callable[[WallFacts, datetime], Sequence[str]] = lambda *_: ()
) -> AsyncIterator[Watched]:
    with serving(fleet) as api:
        async with aclosing(Client(api.url, SECRET, clock=fleet.clock.now)) as client:
            seen = Watched(fleet, client, Budget(fleet.clock, SECRET_KEY))
            seen.source = FactsSource(
                seen.fetcher, seen.store, seen.clock, due_schedules=due, is_public=False, environment_type=None
            )
            yield seen


def a_fleet(answers: dict[str, Callable[[Fleet], Response | None]] | None = None) -> Fleet:
    """A fleet with some runs. `answers` replace those of the emulator, by path."""
    fleet = Fleet(VirtualClock())
    for number in range(1, 130):
        start_s = -3_900.0 + 30 * number
        is_waiting = number % 10 == 0
        fleet.add(
            FleetRun(
                number,
                start_s,
                None if is_waiting else start_s + 5,
                None if is_waiting else start_s + 20,
                end="FAILED" if number % 4 == 0 else "COMPLETED",
                task=f"task-{number % 3}",
            )
        )
    fleet.allow_queries()
    served = answers or {}
    fleet.fault = lambda path: served[path](fleet) if path in served else None
    return fleet


async def test_every_fact_is_read_at_once_and_within_the_first_minute() -> None:
    async with watched(a_fleet()) as seen:
        await seen.follow(2)
        facts = seen.facts
        assert None not in (facts.waits, facts.queues, facts.minutes, facts.normals, facts.schedules)
        assert None not in (facts.tokens, facts.errors)
        assert facts.deployments is not None
        (wait,) = sure(facts.waits).waits
        assert (wait.queued, wait.oldest_run, wait.oldest_at) == (12, FleetRun(10, 0).id, at(-3_600))
        assert (wait.started_per_min, wait.arrived_per_min) == (2.0, 2.0)
        await seen.follow(5)
        await seen.follow(55)
        assert facts.unread == {}
        assert seen.facts.normals is not None
        assert seen.facts.normals.done_last_day is not None
        assert seen.facts.normals.last_day_at is not None


async def test_requests_keep_their_rhythm_and_the_allowance() -> None:
    async with watched(a_fleet()) as seen:
        await seen.follow(420)
        seen.assert_within_allowance()
        sent = seen.sent(since_s=120)
        assert sent[QUEUES] in {15, 16}
        assert {sent[path] for path in (TOKENS, ERRORS)} <= {5, 6}
        assert sent[DEPLOYMENTS] in {15, 16}, "the wall shows a deploy within 25 s"
        assert sent[QUERY] in {20 + 5, 20 + 6, 20 + 7}
        assert sent[SCHEDULES] == 1
        waits = [update.at for update in seen.updates if isinstance(update, WaitsRead)]
        assert max(later - earlier for earlier, later in pairwise(waits)).total_seconds() <= 15.0


async def test_minutes_are_those_of_the_runs() -> None:
    fleet = a_fleet()
    fleet.add_all(
        FleetRun(number, number - 480.0, number - 479.0, number - 380.0, task="later") for number in range(500, 560)
    )
    async with watched(fleet) as seen:
        await seen.follow(300)
        read = sure(seen.facts.minutes)
        read_s = (read.at - at(0)).total_seconds()
        since_s = read_s // 60 * 60 - 3_600
        assert (read.is_cut, read.since, read.ends_since) == (False, at(since_s), at(since_s - 7_200))
        assert read_s >= 240
        expected: dict[tuple[str, datetime], Counter[str]] = {}

        def count(run: FleetRun, moment_s: float | None, *names: str) -> None:
            # What left the hour since the first answer is kept. Before it, only ends were read.
            first_s = -3_600 - 7_200 * ("ended" in names)
            if moment_s is not None and first_s <= moment_s <= read_s:
                start = at(moment_s // 60 * 60)
                expected.setdefault((run.task, start), Counter()).update(names)

        for run in fleet.runs:
            count(run, run.created_s, "triggered")
            count(run, run.started_s, "started")
            count(run, run.ended_s, "ended", "failed" if run.end == "FAILED" else "done")
        assert set(read.minutes) == {
            TaskMinute(TaskId(task), start, **each) for (task, start), each in expected.items()
        }
        (p95,) = (speed.p95 for speed in read.speeds if speed.task == "later")
        assert p95 == timedelta(seconds=99)


LIMITS = "/api/v1/concurrency-limits"


async def test_limits_are_read_only_where_queues_have_none() -> None:
    fleet = a_fleet()
    fleet.world.queues.named("task/task-1").limit = 0
    async with watched(fleet) as seen:
        await seen.follow(30)
        assert seen.sent()[LIMITS] == 0
        fleet.world.queues.is_v2 = True
        await seen.follow(60)
        (queue,) = [each for each in sure(seen.facts.queues).queues if each.name == "task-1"]
        assert (queue.is_v2, queue.limit) == (True, 0)
        assert {each.name for each in sure(seen.facts.queues).limits} >= {"task/task-1"}
        seen.assert_within_allowance()
    older = a_fleet({LIMITS: lambda _: HTMLResponse("<!DOCTYPE html><html></html>", 404)})
    older.world.queues.is_v2 = True
    async with watched(older) as seen:
        await seen.follow(90)
        assert seen.sent()[LIMITS] == 1, "an older server is never asked again"
        assert {each.limit for each in sure(seen.facts.queues).queues} == {None}
        assert FactSource.QUEUES not in seen.unread()


@pytest.mark.parametrize("status", [403, 404])
async def test_refused_facts_are_reported_and_never_asked_again(status: int) -> None:
    fleet = a_fleet()
    fleet.fault = lambda _: server_error(status, "Unauthorized")
    async with watched(fleet) as seen:
        await seen.follow(70)
        assert seen.unread() == dict.fromkeys(READ, True)
        before = len(fleet.requests)
        assert before <= 11
        seen.clock.wake()
        await seen.follow(300)
        assert len(fleet.requests) == before


async def test_deciding_facts_are_read_within_a_minute_of_recovery() -> None:
    """A proxy whose server is away answers 404, too."""

    fleet = a_fleet()
    answers = fleet.fault
    away = HTMLResponse("not found", 404)
    fleet.fault = lambda path: away if 70.0 < fleet.now_s < 900.0 else answers(path)
    async with watched(fleet) as seen:
        task = asyncio.create_task(seen.source.run(seen.emit))
        await seen.later(899)
        assert seen.unread() == dict.fromkeys(READ - {FactSource.NORMALS}, False)
        assert seen.sent(780.0)[QUEUES] <= 3
        await seen.later(70)
        assert seen.unread().keys() <= {FactSource.DEPLOYMENTS}
        seen.assert_within_allowance()
        task.cancel()


async def test_large_environment_costs_no_more() -> None:
    numbers = {"type": "custom", "running": 1, "queued": 0}
    queues = [numbers | {"id": f"queue_{number}", "name": f"q{number:04d}"} for number in range(500)]
    due = {"task": "sync", "active": True, "generator": {"expression": "* * * * *"}, "nextRun": "2026-11-24T14:01:00Z"}
    schedules = [due | {"id": f"sched_{number}"} for number in range(300)]

    def tokens(fleet: Fleet) -> Response:
        start = int(fleet.query.get("page[after]", "0"))
        rows = [TOKEN_ROW | {"id": f"waitpoint_{number}"} for number in range(start, start + 100)]
        return reply(rows, next=str(start + 100))

    lists = {QUEUES: lambda fleet: pages_of(queues, fleet), SCHEDULES: lambda fleet: pages_of(schedules, fleet)}
    async with watched(a_fleet({**lists, TOKENS: tokens}), all_schedules) as seen:
        await seen.follow(180)
        seen.assert_within_allowance()
        facts = seen.facts
        assert (len(sure(facts.queues).queues), sure(facts.queues).is_cut) == (500, False)
        assert len(sure(facts.schedules).schedules) == 300
        assert (len(sure(facts.tokens).tokens), sure(facts.tokens).is_cut) == (500, True)
        assert sum(isinstance(each, ScheduleRunsRead) for each in seen.updates) >= 3
        waits = [update.at for update in seen.updates if isinstance(update, WaitsRead)]
        assert max(after - before for before, after in pairwise(waits)).total_seconds() <= 20.0
        assert facts.unread == {}


EVENTS = recording("1231")["response"]["body"]
WAITING_RUN = recording("1231")["request"]["path"].split("/")[4]
(SUBJECT,) = (
    each["style"]["accessory"]["items"][0]["text"] for each in EVENTS["events"] if "accessory" in each["style"]
)
"""The token for which that run waits, as its events say."""

TOKEN_ROW = recording("1105")["response"]["body"]["data"][0]
WHOLE_WINDOW = WindowRead(at(0), timedelta(hours=24), is_live_complete=True)


def token_fleet(*rows: dict[str, str], waiting_run: str = WAITING_RUN, events: Any = EVENTS) -> Fleet:
    """A fleet with these tokens, and the events of the run that waits for the first."""
    fleet = a_fleet({TOKENS: lambda _: reply([TOKEN_ROW | row for row in rows])})
    answers, found = fleet.fault, json.loads(json.dumps(events).replace(WAITING_RUN, waiting_run))

    def answer(path: str) -> Response | None:
        if path.endswith("/events"):
            return JSONResponse(found if waiting_run in path else {"events": []})
        return answers(path)

    fleet.fault = answer
    return fleet


async def test_token_is_joined_to_the_run_that_waits_for_it() -> None:
    rows = [{"id": SUBJECT, "createdAt": "2026-11-24T13:59:00Z"}, {"createdAt": "2026-11-24T13:58:45Z"}]
    async with watched(token_fleet(*rows)) as seen:
        for each, created_s in ((WAITING_RUN, -120.0), ("run_b", -90.0), ("run_c", -7_000.0)):
            seen.store.apply(live_run(each, created_s))
        await seen.follow(150)
        tokens = sure(seen.facts.tokens).tokens
        assert {(token.id, token.run_id, token.task) for token in tokens} == {
            (SUBJECT, WAITING_RUN, "approve"),
            (TOKEN_ROW["id"], None, None),
        }
        tried = {path: count for path, count in seen.sent().items() if path.endswith("/events")}
        assert set(tried) == {f"/api/v1/runs/{run_id}/events" for run_id in (WAITING_RUN, "run_b")}
        assert max(tried.values()) <= 2
        seen.assert_within_allowance()


LIVE = live_run(WAITING_RUN, -120.0)
CANCELED = RunsRead((replace(LIVE.patches[0], state=state_of("CANCELED", updated=10, started_at=at(-119))),))
UNLISTED = FleetRun(900, -120.0, -119.0, -10.0, end="CANCELED", task="approve")


@pytest.mark.parametrize(
    ("run_id", "known"), [(WAITING_RUN, [LIVE, CANCELED]), (UNLISTED.id, [])], ids=["of the store", "found by a query"]
)
async def test_token_is_dropped_once_its_run_has_ended(run_id: str, known: Sequence[RunsRead]) -> None:
    """The list keeps it WAITING."""
    rows = [{"id": SUBJECT, "createdAt": "2026-11-24T13:59:00Z"}, {"createdAt": "2026-11-24T09:00:00Z"}]
    fleet = token_fleet(*rows, waiting_run=run_id)
    fleet.add(UNLISTED)
    async with watched(fleet) as seen:
        for each in known:
            seen.store.apply(each)
            await seen.follow(140 / len(known))
        await seen.follow(200)
        assert [(token.id, token.run_id) for token in sure(seen.facts.tokens).tokens] == [(TOKEN_ROW["id"], None)]
        seen.assert_within_allowance()


@pytest.mark.parametrize(
    ("is_canceled", "known", "doubts"),
    [
        (False, [WHOLE_WINDOW], [True, False]),
        (True, [WHOLE_WINDOW], [True]),
        (True, [WHOLE_WINDOW, live_run("run_b", -86_400.0)], [False]),
        (True, [], [True, False]),
    ],
    ids=["nobody knows its run", "a run was canceled", "a live run may wait for it", "live runs may be missing"],
)
async def test_token_is_doubtful_while_its_run_may_have_ended(
    is_canceled: bool, known: Sequence[Update], doubts: list[bool]
) -> None:
    fleet = token_fleet({"id": "waitpoint_a", "createdAt": "2026-11-24T13:59:00Z"}, events={"events": []})
    fleet.add_all([UNLISTED] * is_canceled)
    async with watched(fleet) as seen:
        for each in known:
            seen.store.apply(each)
        await seen.follow(150)
        tokens = [token for update in seen.updates if isinstance(update, TokensRead) for token in update.tokens]
        assert {token.run_id for token in tokens} == {None}
        assert [is_doubtful for is_doubtful, _ in groupby(token.is_doubtful for token in tokens)] == doubts


@pytest.mark.parametrize(
    "answer",
    [lambda: TruncatedResponse(status_code=200), lambda: JSONResponse(["x"] * 2_000), lambda: server_error(429)],
    ids=["truncated", "another shape", "limited"],
)
async def test_unusable_answers_are_failures_and_nothing_more(answer: Callable[[], Response]) -> None:
    fleet = a_fleet()
    fleet.fault = lambda _: answer()
    async with watched(fleet) as seen:
        await seen.follow(90)
        unread = seen.unread()
        assert unread
        assert set(unread.values()) == {False}
        assert seen.facts == replace(NO_FACTS, unread=seen.facts.unread)
        seen.assert_within_allowance()


async def test_hanging_answer_holds_up_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui.sync.fact_readers.READ_TIMEOUT_S", 1.0)

    fleet = a_fleet({SCHEDULES: lambda _: HeldResponse(), TOKENS: lambda _: HeldResponse()})
    async with watched(fleet) as seen:
        await seen.follow(2)
        assert seen.unread() == {FactSource.SCHEDULES: False, FactSource.TOKENS: False}
        assert {each.reason for each in seen.facts.unread.values()} == {"the server does not answer"}
        assert None not in (seen.facts.waits, seen.facts.queues, seen.facts.minutes, seen.facts.errors)
