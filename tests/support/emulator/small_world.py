"""A world of a few tasks that creates no runs of its own, and helpers to call its routes."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from contextlib import closing
from typing import Any

import pytest

from tui.emulator.environment import DEVELOPMENT, Environment
from tui.emulator.exchange import ApiRequest, ApiResponse, Refusal
from tui.emulator.query.database import Queries
from tui.emulator.simulation.runs import NewRun, Run
from tui.emulator.simulation.script import (
    Backoff,
    Call,
    Child,
    Failure,
    FailureKind,
    Script,
    SetMetadata,
    Start,
    Task,
    Wait,
    Work,
)
from tui.emulator.world import DemoTasks, World

START_MS = 1_795_528_000_000
ADDRESS = "http://127.0.0.1:3030"
LARGE = "x" * 200_000

ERROR = Failure(FailureKind.ERROR, "Upstream\0 returned 503", "Error", "    at run (file:///app/src/a.ts:1:2)")
CRASH = Failure(FailureKind.CRASH, "Process exited with code 1 after signal null.")
TIMEOUT = Failure(FailureKind.TIMEOUT, "Run exceeded maximum compute time")


def hello(call: Call) -> Script:
    return Script((Work(40),), output={"message": "Hello", "payload": call.payload})


def pipeline(_: Call) -> Script:
    middle = Start((Child("middle", {"n": 1}, tags=("child",)),), is_awaited=True)
    leaves = Start(tuple(Child("leaf", {"n": n}) for n in range(3)), is_awaited=True, is_batch=True)
    return Script((SetMetadata({"middles": 1}), middle, leaves), output={"ok": 3})


def middle(_: Call) -> Script:
    return Script((Start((Child("leaf", {"n": 9}),), is_awaited=True),), output=1)


COMPANY = DemoTasks(
    [
        Task("hello", hello, "a.ts"),
        Task("nothing", lambda _: Script((Work(10),)), "a.ts"),
        Task("text", lambda _: Script((Work(10),), output="just a string"), "a.ts"),
        Task("big", lambda _: Script((Work(10),), output={"text": LARGE}), "a.ts"),
        Task("slow", lambda _: Script((Work(60_000),)), "a.ts"),
        Task("sleep", lambda _: Script((Wait(20_000),), output="done"), "a.ts"),
        Task("progress", lambda _: Script((SetMetadata({"percent": 50}), Work(2_000))), "a.ts"),
        Task("fail", lambda _: Script((Work(10),), throws=ERROR), "a.ts", backoff=Backoff(first_ms=500)),
        Task("slow-retry", lambda _: Script(throws=ERROR), "a.ts", backoff=Backoff(60_000, max_ms=60_000)),
        Task("crash", lambda _: Script((Work(10),), throws=CRASH), "a.ts"),
        Task("timeout", lambda _: Script((Work(10),), throws=TIMEOUT), "a.ts"),
        Task("single", lambda _: Script((Work(60_000),)), "a.ts", queue="single-file", machine="large-1x"),
        Task("pipeline", pipeline, "a.ts"),
        Task("middle", middle, "a.ts"),
        Task("leaf", lambda call: Script((Work(300),), output=call.payload), "a.ts"),
    ],
    limits={"single-file": 1},
)


def a_world(environment: Environment = DEVELOPMENT, **settings: Any) -> World:
    return World(COMPANY, start_ms=START_MS, environment=environment, **settings)


def later(world: World, ms: int) -> None:
    world.advance(world.now_ms + ms)


def started(world: World, task: str, after_ms: int = 0, **more: Any) -> Run:
    """Trigger a run, then advance the world by `after_ms`."""
    run, _ = world.trigger(NewRun(task_id=task, **more))
    later(world, after_ms)
    return run


def ask(
    handler: Callable[[ApiRequest], Awaitable[ApiResponse]],
    world: World,
    query: Mapping[str, str] | None = None,
    *,
    body: Any = b"",
    is_versioned: bool = True,
    **path: str,
) -> ApiResponse:
    """Call a route. A body that is not bytes is sent as JSON."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    with closing(Queries(world)) as queries:
        requested = ApiRequest(world, queries, path, query or {}, content, is_versioned, ADDRESS)

        async def run() -> ApiResponse:
            return await handler(requested)

        return asyncio.run(run())


def refused(
    handler: Callable[[ApiRequest], Awaitable[ApiResponse]],
    world: World,
    query: Mapping[str, str] | None = None,
    **more: Any,
) -> ApiResponse:
    """Call a route that refuses the request, and return its error response."""
    with pytest.raises(Refusal) as caught:
        ask(handler, world, query, **more)
    return caught.value.answer


def shape(value: Any) -> Any:
    """Return the keys, in order, and the types of a JSON value. A list has the shape of its first item."""
    match value:
        case dict():
            return [(key, shape(inner)) for key, inner in value.items()]
        case list():
            return [shape(inner) for inner in value[:1]]
        case bool() | None:
            return repr(type(value).__name__)
        case int() | float():
            return "number"
        case _:
            return type(value).__name__
