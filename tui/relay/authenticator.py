"""Who is let in: by their token, and in which words others are sent away.

This module reads the HTTP request that asks for a WebSocket, and reports refusals: once a minute for each host, and
MAX_REFUSALS_SAID times a minute in all. `server` has what becomes of screens that are in.
"""

import json
from collections.abc import Callable
from http import HTTPStatus
from typing import Final

from websockets.asyncio.server import ServerConnection
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from tui.relay.tokens import Tokens
from tui.sources.clock import Clock

SAID_AGAIN_AFTER_S: Final = 60.0
MAX_REFUSALS_SAID: Final = 10
"""Lines within SAID_AGAIN_AFTER_S: a client without a token, from however many addresses, does not fill a log."""

MOST_REFUSED: Final = 1_000
"""Of refusals that are remembered: a door that many knock at tells of some of them again."""


class Authenticator:
    """Knows the tokens of now. `say` hears one line about who was refused."""

    def __init__(self, tokens: Tokens, clock: Clock, say: Callable[[str], None]) -> None:
        self.tokens = tokens
        self._clock = clock
        self._say = say
        self._refused: dict[tuple[str, str], float] = {}
        self._period_s = clock.monotonic_s()
        self._said = 0
        self._unsaid = 0

    def name_of(self, request: Request | None) -> str | None:
        """What the token of a request is called; None: it has none, or one that is not known."""
        given = [] if request is None else request.headers.get_all("Authorization")
        return self.tokens.name_of(given[0]) if len(given) == 1 else None

    def refuse(self, connection: ServerConnection, status: HTTPStatus, why: str) -> Response:
        """The answer to who is not let in."""
        self.tell_refusal(connection, why)
        body = json.dumps({"error": why}).encode()
        headers = Headers({"Content-Type": "application/json", "Content-Length": str(len(body)), "Connection": "close"})
        if status is HTTPStatus.UNAUTHORIZED:
            headers["WWW-Authenticate"] = "Bearer"
        return Response(status.value, status.phrase, headers, body)

    def tell_refusal(self, connection: ServerConnection, why: str) -> None:
        """Say who was sent away, unless that was just said."""
        host = str(connection.remote_address[0]) if connection.remote_address else "somebody"
        now_s = self._clock.monotonic_s()
        if now_s - self._refused.get((host, why), now_s - SAID_AGAIN_AFTER_S) < SAID_AGAIN_AFTER_S:
            return
        if len(self._refused) >= MOST_REFUSED:
            self._refused.clear()
        self._refused[host, why] = now_s
        if now_s - self._period_s >= SAID_AGAIN_AFTER_S:
            if self._unsaid:
                self._say(f"{self._unsaid:,} more screens were refused")
            self._period_s, self._said, self._unsaid = now_s, 0, 0
        if self._said < MAX_REFUSALS_SAID:
            self._said += 1
            self._say(f"a screen at {host} was refused: {why}")
        else:
            self._unsaid += 1
