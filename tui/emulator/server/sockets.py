"""Answers that are none: sockets that close, hang, or die in the middle.

What lives here: the HTTP/1.1 protocol of uvicorn with its transports at hand, and responses that use them. An ASGI
application cannot close a connection otherwise.
"""

import asyncio
import re
import socket
import struct
from collections.abc import Callable
from typing import Any

import anyio
import h11
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

RESET = struct.pack("ii", 1, 0)
"""SO_LINGER that is on, for no time: closing a socket throws away what was not sent, and tells it the other side."""


SILENCE_S = 1.0
"""A connection that says nothing for so long while new ones are refused is reset: it wants nothing of the control."""

REQUEST_LINE_BYTES = 2048
"""By then a request has told what it wants."""

_CONTROL = re.compile(rb"[A-Z]+ (https?://[^/ ]+)?/emulator/")


class Sockets:
    """The open connections, by the address of the client. `is_refusing` says whether new ones are reset.

    A request to `/emulator/` is let through all the same: it may be the one that ends the refusing.

    `exempt` is a connection that `reset` leaves alone: the one on which it is asked for.
    """

    def __init__(self) -> None:
        self.is_refusing: Callable[[], bool] = lambda: False
        self.exempt: Any = None
        self._transports: dict[Any, asyncio.Transport] = {}

    def protocol(self) -> type[H11Protocol]:
        """The class that uvicorn makes a connection of."""
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
        """Close the connection of that client at once."""
        if client is not None and (transport := self._transports.get(tuple(client))) is not None:
            transport.abort()

    def reset(self) -> None:
        """Reset all that are open now, but the spared one."""
        for client, transport in list(self._transports.items()):
            if client != self.exempt:
                _reset(transport)


def _reset(transport: asyncio.Transport) -> None:
    raw = transport.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    transport.abort()


class ClosedResponse(Response):
    """No answer: the connection closes."""

    def __init__(self, sockets: Sockets) -> None:
        super().__init__()
        self._sockets = sockets

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002  ASGI's signature
        """Close it."""
        self._sockets.abort(scope.get("client"))
        await _wait_for_disconnect(receive)


class HangingResponse(Response):
    """No answer until it is `ended` (or until the client leaves); then the connection closes."""

    def __init__(self, sockets: Sockets, ended: asyncio.Event) -> None:
        super().__init__()
        self._sockets = sockets
        self._ended = ended

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002  ASGI's signature
        """Wait."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._close_when_ended, scope.get("client"))
            await _wait_for_disconnect(receive)
            tasks.cancel_scope.cancel()

    async def _close_when_ended(self, client: Any) -> None:
        await self._ended.wait()
        self._sockets.abort(client)


class SilentResponse(Response):
    """No answer, ever: nothing comes until the client leaves."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002  ASGI's signature
        """Wait."""
        await _wait_for_disconnect(receive)


class TruncatedResponse(Response):
    """Half of an answer; then the connection closes (`stays_open` False), or nothing comes any more."""

    def __init__(self, answer: Response, sockets: Sockets, *, stays_open: bool) -> None:
        super().__init__()
        self._answer = answer
        self._sockets = sockets
        self._stays_open = stays_open

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the head and half of the body."""
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
