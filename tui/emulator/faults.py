"""What goes wrong on purpose: faults that a test turns on while the server runs.

What lives here: which faults are on, and whether one strikes a request. What a struck request meets is `server`'s and
`sockets`'. A fault is one JSON object:

    {"kind": "latency", "ms": 800, "jitter_ms": 200}      answers come later
    {"kind": "error", "status": 503}                      this status instead (`body`: this body instead of the usual)
    {"kind": "hang"}                                      no answer, until the fault is gone: then the socket closes
    {"kind": "close"}                                     the socket is closed instead of an answer
    {"kind": "cut"}                                       the socket is closed in the middle of the answer
    {"kind": "half-open"}                                 the answer stops in the middle, the socket stays open for ever
    {"kind": "refuse"}                                    new connections are reset
    {"kind": "lost-answer"}                               the request has its effect, then the socket is closed
    {"kind": "stale"}                                     answers are those of the moment when this was turned on
    {"kind": "clock-skew", "seconds": 600}                the `Date` header is wrong by so much
    {"kind": "rate-limit", "most": 5, "refill": 5}        another limit, from now on

Each also takes `route` (a name, or a list of them; see `/emulator/faults`), `environment` ("dev", "prod"), `share`
(of the requests, 0 to 1) and `times` (so many requests, then it is over). `stale`, `refuse`, `clock-skew` and
`rate-limit` know no route.
"""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

KINDS = {
    "latency": {"ms", "jitter_ms"},
    "error": {"status", "body"},
    "hang": set[str](),
    "close": set[str](),
    "cut": set[str](),
    "half-open": set[str](),
    "refuse": set[str](),
    "lost-answer": set[str](),
    "stale": set[str](),
    "clock-skew": {"seconds"},
    "rate-limit": {"most", "refill"},
}
COMMON = {"kind", "route", "environment", "share", "times"}
WHOLE = frozenset({"stale", "refuse", "clock-skew", "rate-limit"})
"""Kinds that concern the whole server, and no single request."""


@dataclass(slots=True)
class Fault:
    """One fault that is on. `times` None: without end."""

    kind: str
    routes: frozenset[str] | None = None
    environment: str | None = None
    share: float = 1.0
    times: int | None = None
    values: dict[str, Any] = field(default_factory=dict)

    def number(self, name: str, default: float = 0.0) -> float:
        """One of its figures."""
        return float(self.values.get(name, default))


class BadFault(Exception):
    """An object that is no fault; the text says why."""


def read_fault(spec: Any, routes: Collection[str]) -> Fault:
    """Understand one JSON object. Raises `BadFault`."""
    if not isinstance(spec, dict) or spec.get("kind") not in KINDS:
        raise BadFault(f"a fault is an object with a kind: {', '.join(KINDS)}")
    kind: str = spec["kind"]
    if odd := sorted(set(spec) - COMMON - KINDS[kind]):
        raise BadFault(f"{kind} knows no {odd[0]}")
    named = spec.get("route")
    wanted = None if named is None else frozenset([named] if isinstance(named, str) else named)
    if wanted is not None and (unknown := sorted(wanted - set(routes))):
        raise BadFault(f"there is no route {unknown[0]}; the routes: {', '.join(sorted(routes))}")
    for name in KINDS[kind] - {"body"}:
        if name in spec and (isinstance(spec[name], bool) or not isinstance(spec[name], int | float)):
            raise BadFault(f"{name} is a number")
    if kind == "error" and not 400 <= int(spec.get("status", 500)) <= 599:
        raise BadFault("status is between 400 and 599")
    share, times = spec.get("share", 1.0), spec.get("times")
    if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share <= 1:
        raise BadFault("share is between 0 and 1")
    if times is not None and (isinstance(times, bool) or not isinstance(times, int) or times < 1):
        raise BadFault("times is a whole number above 0")
    values = {name: spec[name] for name in KINDS[kind] if name in spec}
    return Fault(kind, wanted, spec.get("environment"), float(share), times, values)


class Faults:
    """The faults that are on. `random` decides for those that strike a share of the requests."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._faults: tuple[Fault, ...] = ()
        self.specs: list[Any] = []
        self.changed = asyncio.Event()
        """Set at the next change, for those that hang until then."""

    def set(self, specs: Sequence[Any], routes: Collection[str]) -> None:
        """From now on these, and no others. Raises `BadFault`, and changes nothing then."""
        self._faults = tuple(read_fault(spec, routes) for spec in specs)
        self.specs = list(specs)
        self.changed.set()
        self.changed = asyncio.Event()

    def whole(self, kind: str) -> Fault | None:
        """The fault of that kind that concerns the whole server."""
        return next((fault for fault in self._faults if fault.kind == kind and fault.times != 0), None)

    def strike(self, route: str, environment: str) -> list[Fault]:
        """Those that strike this request: it counts for `times`, and chance has spoken for `share`."""
        struck = []
        for fault in self._faults:
            is_meant = fault.routes is None or route in fault.routes
            is_there = fault.environment is None or fault.environment == environment
            if fault.kind in WHOLE or fault.times == 0 or not (is_meant and is_there):
                continue
            if fault.share < 1.0 and self._random.random() >= fault.share:
                continue
            if fault.times is not None:
                fault.times -= 1
            struck.append(fault)
        return struck
