"""A server of raw sockets for failures that no HTTP server produces, such as broken TLS or half a proxy handshake.

Each connection runs a function of the test in its own thread.
"""

import os
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

CERTIFICATE = str(Path(__file__).parents[1] / "wire" / "loopback.pem")
CONNECTION_TIMEOUT_S = 100.0
"""Timeout of every read and write, so that a wrong test fails instead of hanging."""

Serve = Callable[[socket.socket], object]


@contextmanager
def serving(serve: Serve) -> Iterator[int]:
    """Run `serve` for each connection, and close the connection when it returns. Yield the port."""
    listener = socket.create_server(("127.0.0.1", 0))
    threads: list[threading.Thread] = []
    connections: list[socket.socket] = []

    def attend(connection: socket.socket) -> None:
        with connection, suppress(OSError, EOFError):
            serve(connection)

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            connection.settimeout(CONNECTION_TIMEOUT_S)
            connections.append(connection)
            threads.append(threading.Thread(target=attend, args=(connection,)))
            threads[-1].start()

    accepting = threading.Thread(target=accept)
    accepting.start()
    try:
        yield listener.getsockname()[1]
    finally:
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        accepting.join()
        for connection in connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join()


def tls_server(*, wants_client_certificate: bool = False) -> ssl.SSLContext:
    """Return the TLS context of a server with the certificate of the tests."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    if wants_client_certificate:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(CERTIFICATE)
    return context


def closed(connection: socket.socket) -> None:
    """Close the connection at once."""


def over_tls(serve: Serve, **options: bool) -> Serve:
    """Return a function that runs `serve` on the encrypted connection after the TLS handshake."""

    def begin(connection: socket.socket) -> None:
        with tls_server(**options).wrap_socket(connection, server_side=True) as encrypted:
            serve(encrypted)

    return begin


def read_head(connection: socket.socket) -> bytes:
    """Read a request to the end of its head. Raises EOFError if the connection ends before."""
    head = b""
    while b"\r\n\r\n" not in head:
        part = connection.recv(65_536)
        if not part:
            raise EOFError
        head += part
    return head


def write_past_tls(connection: socket.socket, data: bytes) -> None:
    """Send unencrypted bytes, as a broken middlebox does."""
    os.write(connection.fileno(), data)


def until_closed(connection: socket.socket) -> None:
    """Read until the other side closes the connection."""
    while connection.recv(65_536):
        pass
