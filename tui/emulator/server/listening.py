"""The socket on which the emulator is found, before there is an emulator.

What lives here: binding it, on 127.0.0.1 only. Who connects waits until something serves it, so that a program can
know the address while the server still loads. Nothing heavy is imported here.
"""

import socket

HOST = "127.0.0.1"
BACKLOG = 2048


class PortTaken(Exception):
    """Nothing can listen there; the text says why."""


def listen(port: int) -> socket.socket:
    """A socket that listens on that port (0: any). Who connects waits until a server is up. Raises `PortTaken`."""
    # With its protocol named, asyncio sends at once what is written; else a client waits 40 ms for the second packet.
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
    """Where clients find it."""
    return f"http://{HOST}:{listener.getsockname()[1]}"
