"""Opens the emulator's socket, on 127.0.0.1 only, before the server is loaded.

Clients that connect wait until the server runs. This module imports nothing heavy, so the address is known at once.
"""

import socket

HOST = "127.0.0.1"
BACKLOG = 2048


class PortTaken(Exception):
    """The port cannot be used. The text says why."""


def listen(port: int) -> socket.socket:
    """Listen on a port (0: any free one). Connections wait until a server accepts them. Raises `PortTaken`."""
    # With the protocol given, asyncio sets TCP_NODELAY. Without it a client waits 40 ms for the second packet.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise PortTaken(f"cannot listen on {HOST}:{port}: {error.strerror or error}") from None
    return listener


def address(listener: socket.socket) -> str:
    """The URL of a listening socket."""
    return f"http://{HOST}:{listener.getsockname()[1]}"
