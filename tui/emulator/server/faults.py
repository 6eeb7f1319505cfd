"""Faults that a test turns on while the server runs, and the connections that break.

`Faults` holds the active ones and selects those that affect a request. `application` and the connections at the end of
this module apply them. A fault is one JSON object:

    {"kind": "latency", "ms": 800, "jitter_ms": 200}      responses come later, by `ms` plus or minus `jitter_ms`
    {"kind": "error", "status": 503}                      this status instead (`body`: this body instead of the usual);
                                                          422: the window is too wide
    {"kind": "hang"}                                      no response until the faults change; then the socket closes
    {"kind": "close"}                                     the socket closes instead of a response
    {"kind": "cut"}                                       the socket closes in the middle of the response
    {"kind": "half-open"}                                 the response stops in the middle, the socket stays open
    {"kind": "lost-answer"}                               the request takes effect, then the socket closes
    {"kind": "refuse"}                                    new connections are reset, open ones keep working;
                                                          `/emulator/` still answers, so that the fault can be ended
    {"kind": "stale"}                                     the world stands still; `Date` and rate limits do not
    {"kind": "halt"}                                      the same, but lists and queries catch up: no worker works
    {"kind": "no-worker"}                                 no worker takes a run: queues hand runs out, and these stay
                                                          QUEUED; what executes goes on
    {"kind": "paused"}                                    the environments are paused: no queue hands a run out
    {"kind": "v2-queues"}                                 queues have no limits of their own, as on newer servers: these
                                                          are in `/concurrency-limits`
    {"kind": "late-counts", "seconds": 10}                queries see the runs as they were up to this long ago
    {"kind": "slow-queries", "seconds": 2}                a query runs this much longer: more than three are 429
    {"kind": "clock-skew", "seconds": 600}                the `Date` header is wrong by this much
    {"kind": "rate-limit", "most": 5, "refill": 5}        another limit; buckets are full at its start and its end
    {"kind": "cached"}                                    a GET gets the first response to the same GET since the fault
                                                          began, `Date` included: a proxy with a stale cache
    {"kind": "must-refetch"}                              a live poll gets Electric's 409, once for each handle; the
                                                          new handle works
    {"kind": "buffered"}                                  a live poll is answered only at the end of its hold: a proxy
                                                          that buffers whole responses
    {"kind": "old-headers"}                               the realtime feed uses the older header names
    {"kind": "realtime-limit", "most": 2}                 another number of live polls at once
    {"kind": "drop"}                                      all open connections are reset, once; new ones work

Faults that affect single requests also take `route` (a name or a list of them; see `/emulator/faults`), `environment`
("dev", "prod"), `share` (of the requests, 0 to 1) and `times` (this many requests, then the fault is used up). Several
may affect one request: latency comes first, the others follow in their order. `refuse`, `stale`, `halt`, `no-worker`,
`paused`, `v2-queues`, `late-counts`, `slow-queries`, `clock-skew`, the two limits and `drop` affect the whole server.

When the faults change, the new ones replace the old ones for held polls too. `close`, `error` and `must-refetch` end a
held poll, `hang` and `half-open` keep it, and faults of the response apply when the poll is due.

Under `stale` nothing starts, ends or appears in lists. Requests still take effect, and `/emulator/world` returns the
same world. When the fault ends, the world catches up. Under `halt` the same holds, but lists and queries first learn
everything that is true at that moment, as they would a second later.
"""

import asyncio
import math
import re
import socket
import struct
from collections.abc import Callable, Collection, Hashable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

import anyio
import h11
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

SERVER_KINDS: dict[str, set[str]] = {
    **{kind: set[str]() for kind in ("refuse", "stale", "halt", "no-worker", "paused", "v2-queues", "drop")},
    **{kind: {"seconds"} for kind in ("late-counts", "slow-queries", "clock-skew")},
    "rate-limit": {"most", "refill"},
    "realtime-limit": {"most"},
}
"""Kinds that affect the whole server, with their fields."""

_OF_A_REQUEST = "hang close cut half-open lost-answer cached must-refetch buffered old-headers"
KINDS = {
    "latency": {"ms", "jitter_ms"},
    "error": {"status", "body"},
    **{kind: set[str]() for kind in _OF_A_REQUEST.split()},
    **SERVER_KINDS,
}

REQUEST_OPTIONS = frozenset({"route", "environment", "share", "times"})
"""Fields of every fault that affects single requests."""

REQUIRED = {"latency": "ms", "clock-skew": "seconds", "rate-limit": "most", "realtime-limit": "most"}
RANGES = {
    "ms": (0, 3_600_000),
    "jitter_ms": (0, 3_600_000),
    "status": (400, 599),
    "seconds": (-1_000_000_000, 1_000_000_000),
    "most": (0, 1_000_000),
    "refill": (0, 1_000_000),
    "share": (0, 1),
    "times": (1, 1_000_000_000),
}
INTEGERS = frozenset({"status", "most", "refill", "times"})
"""Fields that are whole numbers."""


@dataclass(slots=True)
class Fault:
    """An active fault. `times` is None for a fault without an end."""

    kind: str
    routes: frozenset[str] | None = None
    environment: str | None = None
    share: float = 1.0
    times: int | None = None
    values: dict[str, Any] = field(default_factory=dict)
    memory: dict[Hashable, Any] = field(default_factory=dict)
    """State of the fault since it began: cached responses, replaced handles."""
    ended: asyncio.Event = field(default_factory=asyncio.Event, compare=False, repr=False)
    """Set when the fault ends, for the requests that hang until then."""

    def number(self, name: str, default: float = 0.0) -> float:
        """Return one of its numbers."""
        return float(self.values.get(name, default))


class BadFault(Exception):
    """The JSON object is not a fault. The text says why."""


def parse_fault(spec: Any, routes: Collection[str], environments: Collection[str]) -> Fault:
    """Parse one JSON object. Raises `BadFault`."""
    kind = spec.get("kind") if isinstance(spec, dict) else None
    if not isinstance(kind, str) or kind not in KINDS:
        raise BadFault(f"a fault is an object with one of these kinds: {', '.join(KINDS)}")
    known = KINDS[kind] | (set() if kind in SERVER_KINDS else REQUEST_OPTIONS)
    if odd := sorted(set(spec) - known - {"kind"}):
        raise BadFault(f"{kind} has no field {odd[0]!r}; its fields: {', '.join(sorted(known)) or 'none'}")
    if kind in REQUIRED and REQUIRED[kind] not in spec:
        raise BadFault(f"{kind} needs {REQUIRED[kind]!r}")
    for name in RANGES.keys() & spec.keys():
        _check_number(name, spec[name])
    environment = spec.get("environment")
    if environment is not None and environment not in list(environments):
        raise BadFault(f"unknown environment {environment!r}; the environments: {', '.join(environments)}")
    return Fault(
        kind,
        _routes(spec.get("route"), routes),
        environment,
        float(spec.get("share", 1.0)),
        spec.get("times"),
        {name: spec[name] for name in KINDS[kind] if name in spec},
    )


def _check_number(name: str, value: Any) -> None:
    least, most = RANGES[name]
    is_number = isinstance(value, int if name in INTEGERS else int | float) and not isinstance(value, bool)
    if not is_number or not math.isfinite(value) or not least <= value <= most:
        raise BadFault(f"{name} must be a {'whole ' if name in INTEGERS else ''}number between {least} and {most}")


def _routes(named: Any, routes: Collection[str]) -> frozenset[str] | None:
    if named is None:
        return None
    names = named if isinstance(named, list) else [named]
    if unknown := [name for name in names if name not in list(routes)]:
        raise BadFault(f"unknown route {unknown[0]!r}; the routes: {', '.join(sorted(routes))}")
    return frozenset(names)


class Faults:
    """The active faults. `random` decides which requests a `share` covers.

    `environments` are the slugs of all environments. `on_change` is called after each change.
    """

    def __init__(self, random: Random, environments: Collection[str], on_change: Callable[[], None]) -> None:
        self._random = random
        self._environments = environments
        self._on_change = on_change
        self._faults: tuple[Fault, ...] = ()
        self.specs: list[Any] = []

    def set(self, specs: Sequence[Any], routes: Collection[str]) -> None:
        """Replace all faults by these. Raises `BadFault` without changing anything."""
        faults = [parse_fault(spec, routes, self._environments) for spec in specs]
        before, self._faults = self._faults, tuple(sorted(faults, key=lambda fault: fault.kind != "latency"))
        self.specs = list(specs)
        for fault in before:
            fault.ended.set()
        self._on_change()

    def server_fault(self, kind: str) -> Fault | None:
        """Return the active fault of a kind that affects the whole server."""
        return next((fault for fault in self._faults if fault.kind == kind), None)

    @property
    def is_halted(self) -> bool:
        """Whether the worlds stand still."""
        return any(fault.kind in {"stale", "halt"} for fault in self._faults)

    def select(self, route: str, environment: str, *, method: str = "GET", handle: str = "") -> list[Fault]:
        """Return the faults that affect this request. Counts it for `times` and decides `share` at random.

        `handle` is the handle of a live poll, "" for any other request.
        """
        active = []
        for fault in self._faults:
            is_meant = fault.routes is None or route in fault.routes
            is_there = fault.environment is None or fault.environment == environment
            if fault.kind in SERVER_KINDS or fault.times == 0 or not (is_meant and is_there):
                continue
            if not _applies(fault, method, handle):
                continue
            if fault.share < 1.0 and self._random.random() >= fault.share:
                continue
            if fault.times is not None:
                fault.times -= 1
            active.append(fault)
        return active


def _applies(fault: Fault, method: str, handle: str) -> bool:
    """Whether a fault can affect such a request."""
    if fault.kind == "cached":
        return method == "GET"
    is_of_live_polls = fault.kind in {"must-refetch", "buffered"}
    return not is_of_live_polls or (handle != "" and handle not in fault.memory)


# Connections that close, hang or break in the middle of a response.
#
# An ASGI application cannot close a connection. So these classes derive from uvicorn's HTTP/1.1 protocol, to reach its
# transports, and from starlette's responses, to use them.


RESET = struct.pack("ii", 1, 0)
"""SO_LINGER with a timeout of zero: closing the socket discards unsent data and sends a reset."""


SILENCE_S = 1.0
"""While new connections are refused, one that sends nothing for this long is reset."""

REQUEST_LINE_BYTES = 2048
"""The first line of a request is complete by then."""

_CONTROL = re.compile(rb"[A-Z]+ (https?://[^/ ]+)?/emulator/")


class Sockets:
    """The open connections, by client address. `is_refusing` says whether new ones are reset.

    Requests to `/emulator/` still pass, because one of them may end the refusal. `reset` leaves the connection `exempt`
    alone: the one that asked for the reset.
    """

    def __init__(self) -> None:
        self.is_refusing: Callable[[], bool] = lambda: False
        self.exempt: Any = None
        self._transports: dict[Any, asyncio.Transport] = {}

    def protocol(self) -> type[H11Protocol]:
        """Return the protocol class for uvicorn's connections."""
        sockets = self

        class Protocol(H11Protocol):
            _came_refused = False
            _is_in_head = False
            _unread = b""

            def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
                super().connection_made(transport)
                sockets._transports[self.client] = transport
                self._came_refused = sockets.is_refusing()
                if self._came_refused:
                    self.loop.call_later(SILENCE_S, self._reset_silent)

            def connection_lost(self, exc: Exception | None) -> None:
                sockets._transports.pop(self.client, None)
                super().connection_lost(exc)

            def data_received(self, data: bytes) -> None:
                begins = not self._is_in_head and self.conn.their_state in {h11.IDLE, h11.DONE}
                self._unread += data
                if begins and self._came_refused and sockets.is_refusing():
                    if b"\n" not in self._unread and len(self._unread) < REQUEST_LINE_BYTES:
                        return
                    if not _CONTROL.match(self._unread):
                        _reset(self.transport)
                        return
                data, self._unread = self._unread, b""
                super().data_received(data)
                self._is_in_head = self.conn.their_state is h11.IDLE

            def _reset_silent(self) -> None:
                is_new = self.conn.their_state is h11.IDLE and self.cycle is None
                if is_new and sockets.is_refusing() and not self.transport.is_closing():
                    _reset(self.transport)

        return Protocol

    def abort(self, client: Any) -> None:
        """Close the connection of a client at once."""
        if client is not None and (transport := self._transports.get(tuple(client))) is not None:
            transport.abort()

    def reset(self) -> None:
        """Reset all open connections except the exempt one."""
        for client, transport in list(self._transports.items()):
            if client != self.exempt:
                _reset(transport)


def _reset(transport: asyncio.Transport) -> None:
    raw = transport.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    transport.abort()


class ClosedResponse(Response):
    """Closes the connection without a response."""

    def __init__(self, sockets: Sockets) -> None:
        super().__init__()
        self._sockets = sockets

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002  ASGI's signature
        self._sockets.abort(scope.get("client"))
        await _wait_for_disconnect(receive)


class HangingResponse(Response):
    """Sends nothing until `ended` is set or the client disconnects, then closes the connection."""

    def __init__(self, sockets: Sockets, ended: asyncio.Event) -> None:
        super().__init__()
        self._sockets = sockets
        self._ended = ended

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002  ASGI's signature
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._close_when_ended, scope.get("client"))
            await _wait_for_disconnect(receive)
            tasks.cancel_scope.cancel()

    async def _close_when_ended(self, client: Any) -> None:
        await self._ended.wait()
        self._sockets.abort(client)


class SilentResponse(Response):
    """Sends nothing until the client disconnects."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002  ASGI's signature
        await _wait_for_disconnect(receive)


class TruncatedResponse(Response):
    """Sends half of a response, then closes the connection or, with `stays_open`, sends nothing more."""

    def __init__(self, answer: Response, sockets: Sockets, *, stays_open: bool) -> None:
        super().__init__()
        self._answer = answer
        self._sockets = sockets
        self._stays_open = stays_open

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = bytes(self._answer.body)
        await send(
            {"type": "http.response.start", "status": self._answer.status_code, "headers": self._answer.raw_headers}
        )
        await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
        if not self._stays_open:
            self._sockets.abort(scope.get("client"))
        await _wait_for_disconnect(receive)


async def _wait_for_disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
