"""Connections that close, hang or break in the middle of a response.

An ASGI application cannot close a connection. So this module subclasses uvicorn's HTTP/1.1 protocol to reach its
transports, and defines responses that use them.
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
