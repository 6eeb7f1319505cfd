"""A connection to one screen, which answers pings only as long as somebody reads the answers.

What lives here: what websockets does with no regard to who reads, or does not know of who has said nothing yet. What is
said on a connection is `server`'s.
"""

import asyncio
from typing import Final

from websockets.asyncio.server import ServerConnection

MOST_PONGS: Final = 64 * 1024
"""Bytes of them that may wait behind each other: a peer sends a ping in some seconds, of which 500 are an hour."""


class ClientConnection(ServerConnection):
    """Pongs are written as the pings are read, and wait for nothing: pings that come faster than their answers are
    read would fill the memory, until the keepalive notices.
    """

    _pongs = 0

    def data_received(self, data: bytes) -> None:
        """Give up whose answers wait: nothing else is written while what came is read."""
        before = self.transport.get_write_buffer_size()
        super().data_received(data)
        waiting = self.transport.get_write_buffer_size()
        self._pongs = self._pongs + waiting - before if waiting else 0
        if self._pongs > MOST_PONGS:
            self.transport.abort()


def noted_in(here: set[ServerConnection]) -> type[ServerConnection]:
    """The connections of one server. All that there are are in `here`: the server itself knows none whose request has
    not come yet, and would wait for it before it ends.
    """

    class Noted(ClientConnection):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            here.add(self)
            super().connection_made(transport)

        def connection_lost(self, exc: Exception | None) -> None:
            here.discard(self)
            super().connection_lost(exc)

    return Noted
