"""TCP options that make the kernel close a connection whose peer has vanished, as after a power cut.

Without them, a request on a persistent connection waits for its own timeout of half a minute.
"""

import socket
from contextlib import suppress
from typing import Any, Final

DEAD_AFTER_S: Final = 10
"""The kernel closes a connection when data or keep-alive probes are unacknowledged for this long."""

_IDLE_S: Final = 4
_PROBE_EVERY_S: Final = 2
_PROBES: Final = 3

_OPTIONS: Final = (
    ("TCP_KEEPIDLE", _IDLE_S),
    ("TCP_KEEPALIVE", _IDLE_S),  # its name on macOS
    ("TCP_KEEPINTVL", _PROBE_EVERY_S),
    ("TCP_KEEPCNT", _PROBES),
    ("TCP_USER_TIMEOUT", DEAD_AFTER_S * 1000),
)


def detect_dead_peer(connection: Any) -> None:
    """Set the keep-alive options that this system has. Anything that is not a TCP socket stays as it is."""
    with suppress(OSError, AttributeError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in _OPTIONS:
            if hasattr(socket, name):
                connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
