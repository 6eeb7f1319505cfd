"""A server of raw sockets: each connection is handed to a function of the test, in a thread of its own.

For what no HTTP server does: broken TLS, a proxy that closes in the middle of its handshake.
"""

import os
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

CERTIFICATE = str(Path(__file__).parents[1] / "wire" / "loopback.pem")
GIVES_UP_S = 20.0
"""A connection that nobody ends is ended by this, so that a wrong test fails and does not hang."""

Serve = Callable[[socket.socket], object]


@contextmanager
def serving(serve: Serve) -> Iterator[int]:
    """Run `serve` for each connection; gives the port. Every connection is closed when its function returns."""
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
            connection.settimeout(GIVES_UP_S)
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
    """TLS of a server with the tests' own certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    if wants_client_certificate:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(CERTIFICATE)
    return context


def closed(connection: socket.socket) -> None:
    """Say nothing: the connection is closed at once."""


def over_tls(serve: Serve, **options: bool) -> Serve:
    """Shake hands first; `serve` gets the encrypted connection."""

    def begin(connection: socket.socket) -> None:
        with tls_server(**options).wrap_socket(connection, server_side=True) as encrypted:
            serve(encrypted)

    return begin


def read_head(connection: socket.socket) -> bytes:
    """Read to the end of a request's head. Raises EOFError where there is none."""
    head = b""
    while b"\r\n\r\n" not in head:
        part = connection.recv(65_536)
        if not part:
            raise EOFError
        head += part
    return head


def write_past_tls(connection: socket.socket, data: bytes) -> None:
    """Put bytes on the wire below the encryption, as a broken middlebox does."""
    os.write(connection.fileno(), data)


def until_closed(connection: socket.socket) -> None:
    """Read until the other side ends."""
    while connection.recv(65_536):
        pass
