"""One request and its answer, as the routes see them: after authentication, before the wire.

What lives here: values, and the bodies of errors that many routes share. Who may ask is `access`', what may go wrong
on purpose `faults`', the HTTP of it `server`'s.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any, Protocol

from tui.emulator.feed.polls import Poll, PollResult
from tui.emulator.feed.working_sets import WorkingSets
from tui.emulator.query import Queries
from tui.emulator.simulation.script import Json
from tui.emulator.world import World


class FeedSubscription(Protocol):
    """What a request for a realtime feed needs beyond the world: the server's memory, and being held open."""

    sets: WorkingSets
    random: Random

    @property
    def now_ms(self) -> int:
        """The time, in epoch milliseconds, also while the world stands still."""
        ...

    @property
    def is_old(self) -> bool:
        """Whether the answer has the header names of old."""
        ...

    def next_number(self) -> int:
        """The next of the numbers that count the server's answers."""
        ...

    def replace_handle(self, handle: str, new_handle: str) -> str:
        """Note that the server has given up a handle for another one; gives that."""
        ...

    async def hold(self, poll: Poll, handle: str, at_once: PollResult | None = None) -> PollResult:
        """Wait until the poll is answered; with `at_once` it is already. Raises `Refusal` when too many wait."""
        ...


@dataclass(frozen=True, slots=True)
class ApiRequest:
    """A request that may be answered: `world` is moved on to now, `queries` are about it.

    `query` and `path` are decoded, `address` is the server's own (`http://127.0.0.1:3030`), `scopes` those of a public
    token, None for a secret key; `request_key` is what a client calls this request by, each time that it sends it.
    `maybe_subscription` is there for the routes of the realtime feed.
    """

    world: World
    queries: Queries
    path: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes
    is_versioned: bool
    address: str
    scopes: frozenset[str] | None = None
    request_key: str = ""
    maybe_subscription: FeedSubscription | None = None

    @property
    def subscription(self) -> FeedSubscription:
        """What a route of the realtime feed is given."""
        assert self.maybe_subscription is not None
        return self.maybe_subscription

    def json(self) -> Any:
        """The decoded body ({} when there is none). Raises `Refusal` for anything that is no JSON (recording 925)."""
        if not self.body.strip():
            return {}
        try:
            return json.loads(self.body, parse_constant=_no_json, parse_float=_number)
        except (ValueError, RecursionError):
            raise Refusal(400, {"error": "Invalid JSON"}) from None


@dataclass(frozen=True, slots=True)
class ApiResponse:
    """What is answered: `body` as JSON, or a str as plain text."""

    body: Json
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


class Refusal(Exception):
    """A request that is answered with an error; raised anywhere in a route."""

    def __init__(self, status: int, body: Json, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status)
        self.answer = ApiResponse(body, status, headers or {})


def _number(text: str) -> float | None:
    # JavaScript reads 1e999 as Infinity, and writes that as null.
    number = float(text)
    return number if math.isfinite(number) else None


def _no_json(word: str) -> None:
    # Python reads NaN and Infinity, which no JSON has.
    raise ValueError(word)


def not_found() -> Refusal:
    """An unknown, malformed or foreign run on a route that reads (recordings 150-152)."""
    return Refusal(404, {"error": "Not found"}, {"x-should-retry": "true"})


def query_error(*issues: Json) -> Refusal:
    """A list parameter that is refused, with zod's issues (recordings 015, 016, 040-043)."""
    return Refusal(400, {"error": "Query Error", "details": list(issues)})


def validation_error(text: str) -> Refusal:
    """A body that is refused (recordings 384, 609, 837)."""
    return Refusal(400, {"error": f"Validation error: {text}"})
