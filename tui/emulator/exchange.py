"""Requests and responses as the routes see them: after authentication and without HTTP.

Also the bodies of errors that several routes share.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any, Protocol

from tui.emulator.feed import Poll, PollResult, WorkingSets
from tui.emulator.query.database import Queries
from tui.emulator.simulation.script import Json
from tui.emulator.world import World


class FeedSubscription(Protocol):
    """The part of a request for a realtime feed that the server provides: the working sets, and holding it open."""

    sets: WorkingSets
    random: Random

    @property
    def now_ms(self) -> int:
        """The server's time in epoch milliseconds, also while the world stands still."""

    @property
    def is_old(self) -> bool:
        """Whether the response uses the older header names."""

    def next_number(self) -> int:
        """The next of the numbers in handles, offsets and cursors."""

    def replace_handle(self, handle: str, new_handle: str) -> str:
        """Replace a handle that the server gave up. Returns the new one."""

    async def hold(self, poll: Poll, handle: str, at_once: PollResult | None = None) -> PollResult:
        """Wait for the result of the poll, or return `at_once`. Raises `Refusal` when too many polls are held."""


@dataclass(frozen=True, slots=True)
class ApiRequest:
    """A request that passed authentication. `world` is advanced to now; `queries` query it.

    `query` and `path` are decoded. `address` is the server's base URL (`http://127.0.0.1:3030`). `scopes` belong to a
    public token; None means a secret key. `request_key` is the client's id of this request, the same when it repeats
    it. `maybe_subscription` is set on the routes of the realtime feed. `user` is the user that a public token acts for.
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
    user: str | None = None

    @property
    def subscription(self) -> FeedSubscription:
        """The subscription of a request for the realtime feed."""
        assert self.maybe_subscription is not None
        return self.maybe_subscription

    def json(self) -> Any:
        """Decode the body, {} when it is empty. Raises `Refusal` for invalid JSON (recording 925)."""
        if not self.body.strip():
            return {}
        try:
            return json.loads(self.body, parse_constant=_no_json, parse_float=_number)
        except (ValueError, RecursionError):
            raise Refusal(400, {"error": "Invalid JSON"}) from None


@dataclass(frozen=True, slots=True)
class ApiResponse:
    """A response: `body` is sent as JSON, or as plain text if it is a str."""

    body: Json
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


class Refusal(Exception):
    """An error response, raised anywhere in a route."""

    def __init__(self, status: int, body: Json, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status)
        self.answer = ApiResponse(body, status, headers or {})


def _number(text: str) -> float | None:
    # JavaScript parses 1e999 as Infinity and serialises that as null.
    number = float(text)
    return number if math.isfinite(number) else None


def _no_json(word: str) -> None:
    # Python parses NaN and Infinity, which are not JSON.
    raise ValueError(word)


def not_found() -> Refusal:
    """An unknown, malformed or foreign run id on a route that reads (recordings 150-152)."""
    return Refusal(404, {"error": "Not found"}, {"x-should-retry": "true"})


def query_error(*issues: Json) -> Refusal:
    """An invalid list parameter, with zod's issues (recordings 015, 016, 040-043)."""
    return Refusal(400, {"error": "Query Error", "details": list(issues)})


def validation_error(text: str) -> Refusal:
    """An invalid body (recordings 384, 609, 837)."""
    return Refusal(400, {"error": f"Validation error: {text}"})


def json_type(value: Json) -> str:
    """The word of zod for a JSON type."""
    kinds = {bool: "boolean", int: "number", float: "number", str: "string", list: "array", dict: "object"}
    return kinds.get(type(value), "null")


PAGE = (
    '<!DOCTYPE html><html lang="en"><head><meta charSet="utf-8"/><title>{title}</title></head>'
    "<body><h1>{title}</h1></body></html>"
)


def unknown_route() -> Refusal:
    """The 404 page (recording 920)."""
    headers = {"content-type": "text/html; charset=utf-8", "cache-control": "no-cache"}
    return Refusal(404, PAGE.format(title="404 Not found"), headers)
