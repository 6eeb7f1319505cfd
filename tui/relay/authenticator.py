"""Checks the tokens of HTTP requests that open a WebSocket, and logs refusals at a limited rate."""

import json
from collections.abc import Callable
from http import HTTPStatus
from typing import Final

from websockets.asyncio.server import ServerConnection
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from tui.relay.tokens import Tokens
from tui.sources.clock import Clock

REFUSAL_PERIOD_S: Final = 60.0
"""The same refusal of the same host is logged once in this time."""

MAX_REFUSALS_LOGGED: Final = 10
"""Lines per period, so that a client without a token cannot fill the log, however many addresses it uses."""

MAX_REFUSALS_KEPT: Final = 1_000
"""Logged refusals that are remembered, by host and reason. Above this many all are forgotten."""


class Authenticator:
    """Checks requests against the current tokens. `log` receives lines for the operator."""

    def __init__(self, tokens: Tokens, clock: Clock, log: Callable[[str], None]) -> None:
        self.tokens = tokens
        self._clock = clock
        self._log = log
        self._logged_s: dict[tuple[str, str], float] = {}
        self._period_began_s = clock.monotonic_s()
        self._logged_count = 0
        self._skipped_count = 0

    def token_name(self, request: Request | None) -> str | None:
        """Return the name of the request's token, or None if it has no known token."""
        values = [] if request is None else request.headers.get_all("Authorization")
        return self.tokens.name_of(values[0]) if len(values) == 1 else None

    def refuse(self, connection: ServerConnection, status: HTTPStatus, reason: str) -> Response:
        """Log a refusal, and return the HTTP response for it."""
        self.log_refusal(connection, reason)
        body = json.dumps({"error": reason}).encode()
        headers = Headers({"Content-Type": "application/json", "Content-Length": str(len(body)), "Connection": "close"})
        if status is HTTPStatus.UNAUTHORIZED:
            headers["WWW-Authenticate"] = "Bearer"
        return Response(status.value, status.phrase, headers, body)

    def log_refusal(self, connection: ServerConnection, reason: str) -> None:
        """Log a refusal, unless it is a repetition or too many were logged in this period."""
        host = str(connection.remote_address[0]) if connection.remote_address else "an unknown address"
        now_s = self._clock.monotonic_s()
        if now_s - self._logged_s.get((host, reason), now_s - REFUSAL_PERIOD_S) < REFUSAL_PERIOD_S:
            return
        if len(self._logged_s) >= MAX_REFUSALS_KEPT:
            self._logged_s.clear()
        self._logged_s[host, reason] = now_s
        if now_s - self._period_began_s >= REFUSAL_PERIOD_S:
            if self._skipped_count:
                noun = "request was" if self._skipped_count == 1 else "requests were"
                self._log(f"{self._skipped_count:,} more {noun} refused")
            self._period_began_s, self._logged_count, self._skipped_count = now_s, 0, 0
        if self._logged_count < MAX_REFUSALS_LOGGED:
            self._logged_count += 1
            self._log(f"a screen at {host} was refused: {reason}")
        else:
            self._skipped_count += 1
