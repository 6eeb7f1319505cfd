"""A small fleet behind real HTTP on loopback, in the virtual time of a test.

What lives here: a deterministic world whose runs are created, start and end at set moments, and a server that
answers like the recordings (list with filters and paging, detail, whoami, cancel, replay, rate limit headers). It
stands in for the emulator of a later issue, and goes when that one comes: so it is one file, though a long one.
"""

import asyncio
import bisect
import contextlib
import json
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import Self

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from tests.virtual_clock import START, VirtualClock


def at(seconds: float) -> datetime:
    """A moment of the world, in seconds since the test's start."""
    return START + timedelta(seconds=seconds)


@dataclass
class FleetRun:
    """One run whose life is set: created, started, ended at seconds of the world."""

    number: int
    created_s: float
    started_s: float | None = None
    ended_s: float | None = None
    end: str = "COMPLETED"
    task: str = "send-email"
    cancelled_s: float | None = None
    parent: int | None = None

    @property
    def id(self) -> str:
        return f"run_{self.number:024d}"

    def status(self, now_s: float) -> str:
        if self.cancelled_s is not None and now_s >= self.cancelled_s:
            return "CANCELED"
        if self.ended_s is not None and now_s >= self.ended_s:
            return self.end
        if self.started_s is not None and now_s >= self.started_s:
            return "EXECUTING"
        return "QUEUED"

    def updated_s(self, now_s: float) -> float:
        moments = [self.created_s, self.started_s, self.ended_s, self.cancelled_s]
        return max(moment for moment in moments if moment is not None and moment <= now_s)

    def row(self, now_s: float) -> dict[str, object]:
        status = self.status(now_s)
        row: dict[str, object] = {
            "id": self.id,
            "status": status,
            "taskIdentifier": self.task,
            "createdAt": iso(self.created_s),
            "updatedAt": iso(self.updated_s(now_s)),
            "isTest": False,
            "env": {"id": "env_1", "name": "dev"},
            "tags": [],
            "costInCents": 0,
            "baseCostInCents": 0,
            "durationMs": 0,
            "depth": 0 if self.parent is None else 1,
            "taskKind": "STANDARD",
            "region": "eu",
        }
        if self.started_s is not None and now_s >= self.started_s:
            row |= {"startedAt": iso(self.started_s), "version": "20261124.1"}
        if status not in {"QUEUED", "EXECUTING"}:
            row["finishedAt"] = iso(self.updated_s(now_s))
        return row


def iso(seconds: float) -> str:
    return at(seconds).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass
class Fleet:
    """The world and what was asked of it. `rows_slug` is for rows that tell another environment than `whoami`."""

    clock: VirtualClock
    runs: list[FleetRun] = field(default_factory=list)
    requests: list[tuple[float, str, dict[str, str]]] = field(default_factory=list)
    fault: Callable[[str], Response | None] = lambda _: None
    may_query: bool = False
    environment: str = "DEVELOPMENT"
    slug: str = "dev"
    rows_slug: str | None = None
    limit: int = 750
    refill: int = 250
    period_s: float = 10.0
    denied: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.remaining = self.limit
        self._period = 0

    @property
    def now_s(self) -> float:
        return self.clock.monotonic_s()

    def add(self, run: FleetRun) -> FleetRun:
        bisect.insort(self.runs, run, key=lambda each: (each.created_s, each.number))
        return run

    def find(self, run_id: str) -> FleetRun | None:
        return next((run for run in self.runs if run.id == run_id), None)

    def asked(self, path: str) -> list[tuple[float, dict[str, str]]]:
        """Requests of one path: when, and with which query."""
        return [(moment, query) for moment, requested, query in self.requests if requested == path]

    @property
    def query(self) -> dict[str, str]:
        """Of the request that is being answered, for a `fault` that looks at it."""
        return self.requests[-1][2]

    def counts(self) -> Counter[str]:
        return Counter(run.status(self.now_s) for run in self.runs if run.created_s <= self.now_s)

    def spend(self) -> bool:
        period = int(self.now_s // self.period_s)
        if period != self._period:
            self.remaining = min(self.limit, self.remaining + self.refill * (period - self._period))
            self._period = period
        self.remaining -= 1
        return self.remaining >= 0

    def headers(self) -> dict[str, str]:
        resets_at = at((int(self.now_s // self.period_s) + 1) * self.period_s)
        return {
            "date": format_datetime(at(self.now_s), usegmt=True),
            "x-ratelimit-limit": str(self.limit),
            "x-ratelimit-remaining": str(max(0, self.remaining)),
            "x-ratelimit-reset": str(int(resets_at.timestamp() * 1000)),
        }


class _Server(uvicorn.Server):
    """Is up and gone at once: uvicorn's own loop looks ten times a second whether it should end."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.is_up = threading.Event()
        self._is_over = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._loop = asyncio.get_running_loop()
        self.is_up.set()

    async def main_loop(self) -> None:
        await self._is_over.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:  # noqa: ARG002  uvicorn's signature
        for server in self.servers:
            server.close()
        # A connection that was accepted in this moment becomes one of the server's some turns of the loop later.
        for _ in range(10):
            await asyncio.sleep(0)
        while self.server_state.connections or self.server_state.tasks:
            for connection in list(self.server_state.connections):
                connection.shutdown()
            await asyncio.sleep(0.001)

    def stop(self) -> None:
        """From another thread."""
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._is_over.set)


class FleetApi:
    """The server, in a thread of its own."""

    def __init__(self, fleet: Fleet) -> None:
        self.fleet = fleet
        routes = [
            Route("/api/v1/runs", self._list),
            Route("/api/v3/runs/{id}", self._detail),
            Route("/api/v1/runs/{id}/trace", self._trace),
            Route("/api/v1/whoami", self._whoami),
            Route("/api/v1/query", self._query, methods=["POST"]),
            Route("/api/v2/runs/{id}/cancel", self._cancel, methods=["POST"]),
            Route("/api/v1/runs/{id}/replay", self._replay, methods=["POST"]),
        ]
        self._app = Starlette(routes=routes)
        self._transports: list[asyncio.Transport] = []
        transports = self._transports

        class Protocol(H11Protocol):
            def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
                transports.append(transport)
                super().connection_made(transport)

        config = uvicorn.Config(
            self._app, "127.0.0.1", 0, http=Protocol, log_level="critical", date_header=False, lifespan="off"
        )
        self._server = _Server(config)
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)
        self.url = ""

    async def _serve(self) -> None:
        """Serve, and leave no socket: a peer that went in the middle of an answer may have left one half open."""
        await self._server.serve()
        for transport in self._transports:
            transport.abort()
        for _ in range(3):
            await asyncio.sleep(0)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._server.is_up.wait(10)
        port = self._server.servers[0].sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stop()
        self._thread.join(10)

    def _answer(self, request: Request, answer: Callable[[], tuple[int, object]]) -> Response:
        fleet = self.fleet
        fleet.requests.append((fleet.now_s, request.url.path, dict(request.query_params)))
        if (fault := fleet.fault(request.url.path)) is not None:
            return fault
        if not fleet.spend():
            return JSONResponse({"error": "Rate limit exceeded"}, 429, headers=fleet.headers())
        status, body = answer()
        return JSONResponse(body, status, headers=fleet.headers())

    async def _list(self, request: Request) -> Response:
        return self._answer(request, lambda: (200, self._page(request)))

    def _page(self, request: Request) -> dict[str, object]:
        query, now_s = request.query_params, self.fleet.now_s
        size = int(query.get("page[size]", "25"))
        low = _seconds(query.get("filter[createdAt][from]"), -1e12)
        high = _seconds(query.get("filter[createdAt][to]"), now_s)
        statuses = set(filter(None, query.get("filter[status]", "").split(",")))
        tasks = set(filter(None, query.get("filter[taskIdentifier]", "").split(",")))
        runs = self.fleet.runs
        first = bisect.bisect_right(runs, min(high, now_s), key=lambda run: run.created_s)
        if after := query.get("page[after]"):
            first = min(first, int(after))
        rows: list[dict[str, object]] = []
        index = first
        while index > 0 and len(rows) < size:
            index -= 1
            run = runs[index]
            if run.created_s < low:
                index = 0
                break
            if (not statuses or run.status(now_s) in statuses) and (not tasks or run.task in tasks):
                rows.append(run.row(now_s) | {"env": {"id": "env_1", "name": self.fleet.rows_slug or self.fleet.slug}})
        return {"data": rows, "pagination": {"next": str(index)} if index > 0 else {}}

    async def _detail(self, request: Request) -> Response:
        return self._answer(request, lambda: self._one(request.path_params["id"]))

    def _one(self, run_id: str) -> tuple[int, object]:
        run = self.fleet.find(run_id)
        if run is None or run.id in self.fleet.denied:
            return 404, {"error": "Not found"}
        now_s = self.fleet.now_s
        children = [each.row(now_s) for each in self.fleet.runs if each.parent == run.number]
        attempts = 0 if run.started_s is None or now_s < run.started_s else 1
        related: dict[str, object] = {"children": children}
        if run.parent is not None:
            parent = next(each for each in self.fleet.runs if each.number == run.parent)
            related |= {"parent": parent.row(now_s), "root": parent.row(now_s)}
        # A detail and the rows of relatives tell no environment (wire/README.md §4).
        for row in (*children, related.get("parent"), related.get("root")):
            if isinstance(row, dict):
                row.pop("env", None)
        own = {key: value for key, value in run.row(now_s).items() if key not in {"env", "taskKind"}}
        return 200, own | {
            "payload": {"n": run.number},
            "attemptCount": attempts,
            "attempts": [],
            "triggerFunction": "trigger",
            "relatedRuns": related,
        }

    async def _trace(self, request: Request) -> Response:
        # As soon after a start, and long after an end (wire/README.md §5).
        return self._answer(request, lambda: (404, {"error": "Trace not found"}))

    async def _whoami(self, request: Request) -> Response:
        body = {
            "slug": self.fleet.slug,
            "type": self.fleet.environment,
            "apiKey": "tr_dev_echoed_and_secret",
            "project": {"slug": "hello-world-9aEu", "name": "hello-world"},
            "organization": {"slug": "acme", "title": "Acme"},
        }
        return self._answer(request, lambda: (200, body))

    async def _query(self, request: Request) -> Response:
        if not self.fleet.may_query:
            return self._answer(request, lambda: (401, {"error": "Invalid API key"}))
        titles = {"QUEUED": "Queued", "EXECUTING": "Executing", "COMPLETED": "Completed", "CANCELED": "Canceled"}
        rows = [{"status": titles.get(word, word.title()), "n": n} for word, n in self.fleet.counts().items()]
        return self._answer(request, lambda: (200, {"format": "json", "results": rows}))

    async def _cancel(self, request: Request) -> Response:
        def act() -> tuple[int, object]:
            run = self.fleet.find(request.path_params["id"])
            if run is None:
                return 404, {"error": "Not found"}
            now_s = self.fleet.now_s
            for each in self.fleet.runs:
                is_below = each is run or each.parent == run.number
                if is_below and each.status(now_s) in {"QUEUED", "EXECUTING"}:
                    each.cancelled_s = now_s
            return 200, {"id": run.id}

        return self._answer(request, act)

    async def _replay(self, request: Request) -> Response:
        def act() -> tuple[int, object]:
            run = self.fleet.find(request.path_params["id"])
            if run is None:
                return 404, {"error": "Resource not found"}
            number = 1 + max(each.number for each in self.fleet.runs)
            return 200, {"id": self.fleet.add(FleetRun(number, self.fleet.now_s, task=run.task)).id}

        return self._answer(request, act)


def _seconds(text: str | None, default: float) -> float:
    return default if text is None else int(text) / 1000 - START.timestamp()


def server_error(status: int = 503) -> Response:
    return JSONResponse({"error": "Internal Server Error"}, status)


def html_page() -> Response:
    return HTMLResponse("<!DOCTYPE html><html>bad gateway</html>", 502)


class HalfAnswer(Response):
    """A body that ends before its Content-Length: the server closes the connection then."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002  ASGI's signature
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"100")]})
        await send({"type": "http.response.body", "body": b"{"})


@contextlib.contextmanager
def serving(fleet: Fleet) -> Iterator[FleetApi]:
    """The fleet behind a real port."""
    with FleetApi(fleet) as api:
        yield api


def steady_fleet(clock: VirtualClock, *, queued: int, starts_per_s: int, running_s: float, until_s: float) -> Fleet:
    """A queue that stays `queued` deep while so many runs a second are created, start and, later, end."""
    fleet = Fleet(clock)
    total = queued + int(until_s * starts_per_s)
    fleet.runs = [
        FleetRun(
            number,
            created_s=(number - queued) / starts_per_s,
            started_s=number / starts_per_s,
            ended_s=number / starts_per_s + running_s,
            end="FAILED" if number % 20 == 0 else "COMPLETED",
        )
        for number in range(total)
    ]
    return fleet


def as_json(body: object) -> bytes:
    return json.dumps(body).encode()
