"""A small company and helpers to query its runs with TRQL."""

import asyncio
import json
from collections.abc import Coroutine
from contextlib import closing
from random import Random
from typing import Any, TypeVar

from tui.emulator.environment import PRODUCTION
from tui.emulator.exchange import ApiRequest, ApiResponse, Refusal
from tui.emulator.query.database import Queries
from tui.emulator.routes import queries
from tui.emulator.simulation.script import AddTags, Call, Child, Failure, FailureKind, Script, Start, Task, Wait, Work
from tui.emulator.world import DemoTasks, World

START_MS = 1_795_528_883_250
HOUR_MS = 3_600_000
Row = dict[str, Any]
T = TypeVar("T")


def _job(call: Call) -> Script:
    chance = call.random.random()
    work = (Work(call.random.randint(20, 4000)),)
    if chance < 0.15:
        return Script(
            work, throws=Failure(FailureKind.ERROR, f"broken {call.random.randrange(3)}", "Error", "    at a")
        )
    if chance < 0.17:
        return Script(work, throws=Failure(FailureKind.ABORT, 'nul\0 \\u0000 "\ud800"', "AbortError", "    at b"))
    if chance < 0.2:
        return Script(work, throws=Failure(FailureKind.CRASH, "Process exited with code 1 after signal null."))
    return Script((*work, AddTags(("done",))), output={"z": 1, "a": {"n": None, "text": "\x1b[41m"}})


def _family(_: Call) -> Script:
    return Script((Work(50), Start((Child("job"), Child("job", tags=("kid",))), is_awaited=True), Wait(7000)), output=3)


def _tags(random: Random) -> tuple[str, ...]:
    return tuple(f"customer:{random.randrange(5)}" for _ in range(random.randrange(3)))


COMPANY = DemoTasks(
    (
        Task("job", _job, "job.ts", 3, tags=_tags, max_attempts=2),
        Task("family", _family, "family.ts", 1, queue="families", machine="large-1x"),
        Task("later", _job, "later.ts", 0.3, delay_ms=lambda random: random.randint(1, 9) * 60_000),
        Task("it's", _job, "odd.ts", 0.2, tags=lambda _: ("a'b", 'say "hi"', "日本 \x1b[0m", "back\\slash")),
    )
)


def small_company() -> World:
    """Return a world with a few hundred runs of every kind."""
    return World(COMPANY, start_ms=START_MS, environment=PRODUCTION, seed=4, rate_per_s=2, history=400)


def fresh(**options: Any) -> World:
    return World(COMPANY, start_ms=START_MS, seed=1, **options)


def run_query(api_request: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(api_request)


def rows_of(world_queries: Queries, query: str, **window: int) -> list[Row]:
    names, rows = run_query(world_queries.answer(query, **window))
    return [dict(zip(names, row, strict=True)) for row in rows]


def value_of(world_queries: Queries, expression: str, rest: str = "") -> Any:
    [row] = rows_of(world_queries, f"SELECT {expression} AS x {rest}")
    return row["x"]


def posted(world: World, body: Any) -> ApiResponse:
    with closing(Queries(world)) as world_queries:
        try:
            return run_query(queries.query(api_request(world, world_queries, body)))
        except Refusal as refusal:
            return refusal.answer


def api_request(world: World, world_queries: Queries, body: Any) -> ApiRequest:
    return ApiRequest(world, world_queries, {}, {}, json.dumps(body).encode(), True, "http://127.0.0.1:3030")
