"""Who is let in: by their token, and in which words others are sent away.

What lives here: looking at the HTTP request that asks for a WebSocket, and telling of refusals, which is done once a
minute for each host. What becomes of who is in is `server`'s.
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
MOST_REFUSED: Final = 1_000
"""Of refusals that are remembered: a door that many knock at tells of some of them again."""


class Door:
    """Knows the tokens of now. `say` hears one line about who was refused."""

    def __init__(self, tokens: Tokens, clock: Clock, say: Callable[[str], None]) -> None:
        self.tokens = tokens
        self._clock = clock
        self._say = say
        self._refused: dict[tuple[str, str], float] = {}

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
        self._say(f"a screen at {host} was refused: {why}")
