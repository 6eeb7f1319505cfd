"""Makes the kernel notice a peer that is gone without a word: a host that lost its power, a path that eats packets.

Without it a request on a kept connection, or a held poll, waits for its own timeout of half a minute.
"""

import socket
from contextlib import suppress
from typing import Any, Final

NOTICED_WITHIN_S: Final = 10
"""Data that nobody acknowledges for so long, or probes on an idle connection, end the connection."""

_IDLE_S: Final = 4
_PROBE_EVERY_S: Final = 2
_PROBES: Final = 3

_OPTIONS: Final = (
    ("TCP_KEEPIDLE", _IDLE_S),
    ("TCP_KEEPALIVE", _IDLE_S),  # its name on macOS
    ("TCP_KEEPINTVL", _PROBE_EVERY_S),
    ("TCP_KEEPCNT", _PROBES),
    ("TCP_USER_TIMEOUT", NOTICED_WITHIN_S * 1000),
)


def notice_dead_peer(connection: Any) -> None:
    """Set the options of a TCP socket, as far as the system has them; anything else is left as it is."""
    with suppress(OSError, AttributeError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in _OPTIONS:
            if hasattr(socket, name):
                connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
