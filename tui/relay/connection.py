"""The server's WebSocket connections, with bounded memory for unread pongs, and a set of all that are open."""

import asyncio
from typing import Final

from websockets.asyncio.server import ServerConnection

MAX_UNSENT_PONG_BYTES: Final = 64 * 1024
"""The most unread pongs of one peer. One that pings every few seconds and reads nothing reaches it in an hour."""


class ScreenConnection(ServerConnection):
    """Disconnects a peer that sends pings and does not read the pongs.

    websockets writes a pong for every ping without waiting, so such a peer would fill the memory.
    """

    _unsent_pong_bytes = 0

    def data_received(self, data: bytes) -> None:
        """Process received bytes. Everything written meanwhile is pongs."""
        before = self.transport.get_write_buffer_size()
        super().data_received(data)
        unsent = self.transport.get_write_buffer_size()
        self._unsent_pong_bytes = self._unsent_pong_bytes + unsent - before if unsent else 0
        if self._unsent_pong_bytes > MAX_UNSENT_PONG_BYTES:
            self.transport.abort()


def connection_type(connections: set[ServerConnection]) -> type[ServerConnection]:
    """Return a connection class that keeps its open connections in the set.

    The server of websockets does not list connections without a complete request, but waits for them when it closes.
    """

    class TrackedConnection(ScreenConnection):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            connections.add(self)
            super().connection_made(transport)

        def connection_lost(self, exc: Exception | None) -> None:
            connections.discard(self)
            super().connection_lost(exc)

    return TrackedConnection
