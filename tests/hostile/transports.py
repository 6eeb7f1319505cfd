"""Broken connections below HTTP: TLS during and after the handshake, and each stage of a SOCKS proxy."""

import socket
import ssl
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.hostile.proxy import Break, Early, Greet, Raw, Request, Script

CERTIFICATES = Path(__file__).parent / "certificates"
TRUSTED = Path(__file__).parents[1] / "wire" / "loopback.pem"

BAD_RECORD = b"\x17\x03\x03\x00\x20" + bytes(range(32))
HUGE_RECORD = b"\x17\x03\x03\xff\xff" + b"\x00" * 65_535
UNKNOWN_RECORD = b"\x63\x03\x03\x00\x02\x00\x00"
ALERT = b"\x15\x03\x03\x00\x02\x02\x28"
WARNING = b"\x15\x03\x03\x00\x02\x01\x5a"
HELLO_REQUEST = b"\x16\x03\x03\x00\x04\x00\x00\x00\x00"


def context_of(pem: Path = TRUSTED) -> ssl.SSLContext:
    """Return the TLS context of a server with that certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    return context


def _wanting_a_certificate(version: ssl.TLSVersion) -> ssl.SSLContext:
    """Require a certificate of the client. TLS 1.3 reports a missing one only after the handshake."""
    context = context_of()
    context.maximum_version = version
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(TRUSTED)
    return context


@dataclass(frozen=True, slots=True)
class Transport:
    """The parts of a proxy. `is_broken`: no command can succeed over it."""

    certificate: Callable[[], ssl.SSLContext] | None = context_of
    greet: Greet | None = None
    early: Early | None = None
    is_broken: bool = True
    is_socks: bool = False
    is_slow: bool = False


def _sends(*parts: bytes, then: Break = Break.CLOSE, reads: int = 0) -> Greet:
    """Read some bytes of the client, send some, and end."""

    def greet(connection: socket.socket) -> bool:
        if reads:
            connection.recv(reads)
        for part in parts:
            connection.sendall(part)
        if then is Break.RESET:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif then is Break.HANG:
            while connection.recv(65536):
                pass
        return False

    return greet


def _after_request(*parts: bytes | Break | Raw) -> Early:
    def early(request: Request) -> Script:
        return parts

    return early


def _in_the_answer(*parts: bytes | Break | Raw) -> Early:
    """Send half a response first."""
    return _after_request(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{", *parts)


TLS: dict[str, Transport] = {
    "closes at once": Transport(greet=_sends()),
    "resets at once": Transport(greet=_sends(then=Break.RESET)),
    "says nothing": Transport(greet=_sends(then=Break.HANG), is_slow=True),
    "garbage": Transport(greet=_sends(b"\x00\xff" * 500, reads=1)),
    "plain http": Transport(greet=_sends(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 2\r\n\r\n{}", reads=1)),
    "plain text": Transport(greet=_sends(b"SSH-2.0-OpenSSH_9.2\x1b[2J\r\n", reads=1)),
    "alert in the handshake": Transport(greet=_sends(ALERT, reads=1)),
    "record broken in the handshake": Transport(greet=_sends(BAD_RECORD, reads=1)),
    "record huge in the handshake": Transport(greet=_sends(HUGE_RECORD, reads=1)),
    "half a record": Transport(greet=_sends(BAD_RECORD[:9], reads=1)),
    "half a record, then nothing": Transport(greet=_sends(BAD_RECORD[:9], reads=1, then=Break.HANG), is_slow=True),
    "certificate expired": Transport(lambda: context_of(CERTIFICATES / "expired.pem")),
    "certificate of another host": Transport(lambda: context_of(CERTIFICATES / "elsewhere.pem")),
    "certificate wanted, 1.2": Transport(lambda: _wanting_a_certificate(ssl.TLSVersion.TLSv1_2)),
    "certificate wanted, 1.3": Transport(lambda: _wanting_a_certificate(ssl.TLSVersion.TLSv1_3)),
    "record broken": Transport(early=_after_request(Raw(BAD_RECORD))),
    "record huge": Transport(early=_after_request(Raw(HUGE_RECORD))),
    "record unknown": Transport(early=_after_request(Raw(UNKNOWN_RECORD))),
    "alert": Transport(early=_after_request(Raw(ALERT), Break.CLOSE)),
    "warning": Transport(early=_after_request(Raw(WARNING), Break.CLOSE)),
    "hello again": Transport(early=_after_request(Raw(HELLO_REQUEST), Break.CLOSE)),
    "plain http after the handshake": Transport(early=_after_request(Raw(b"HTTP/1.1 200 OK\r\n\r\n"), Break.CLOSE)),
    "closed without a word": Transport(early=_after_request(Break.CLOSE)),
    "reset": Transport(early=_after_request(Break.RESET)),
    "record broken in the answer": Transport(early=_in_the_answer(Raw(BAD_RECORD))),
    "alert in the answer": Transport(early=_in_the_answer(Raw(ALERT), Break.CLOSE)),
    "closed in the answer": Transport(early=_in_the_answer(Break.CLOSE)),
    "reset in the answer": Transport(early=_in_the_answer(Break.RESET)),
    "half a record in the answer": Transport(early=_in_the_answer(Raw(BAD_RECORD[:9]), Break.CLOSE)),
    "nothing is wrong": Transport(is_broken=False),
}

GREETING = b"\x05\x00"
CONNECTED = b"\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x50"


def _socks(*replies: bytes, then: Break | None = None) -> Transport:
    """Return a proxy that sends one reply for each message of the client, and then serves or ends."""

    def greet(connection: socket.socket) -> bool:
        for reply in replies:
            connection.recv(1024)
            connection.sendall(reply)
        if then is None:
            return True
        connection.recv(1024)
        return _sends(then=then)(connection)

    return Transport(None, greet, is_broken=then is not None, is_socks=True, is_slow=then is Break.HANG)


def _refusing(code: int) -> bytes:
    return b"\x05" + bytes([code]) + b"\x00\x01\x00\x00\x00\x00\x00\x00"


SOCKS: dict[str, Transport] = {
    "closes at once": Transport(None, _sends(), is_socks=True),
    "resets at once": Transport(None, _sends(then=Break.RESET), is_socks=True),
    "says nothing": _socks(then=Break.HANG),
    "closes after the greeting": _socks(then=Break.CLOSE),
    "closes after the method": _socks(GREETING, then=Break.CLOSE),
    "resets after the method": _socks(GREETING, then=Break.RESET),
    "hangs after the method": _socks(GREETING, then=Break.HANG),
    "closes when connected": _socks(GREETING, CONNECTED, then=Break.CLOSE),
    "resets when connected": _socks(GREETING, CONNECTED, then=Break.RESET),
    "half a greeting": _socks(b"\x05", then=Break.CLOSE),
    "half a connection": _socks(GREETING, b"\x05\x00\x00", then=Break.CLOSE),
    "no method fits": _socks(b"\x05\xff", then=Break.CLOSE),
    "wants a password": _socks(b"\x05\x02", then=Break.CLOSE),
    "unknown method": _socks(b"\x05\x7b", then=Break.CLOSE),
    "socks 4": _socks(b"\x00\x5a\x00\x00\x00\x00\x00\x00", then=Break.CLOSE),
    "version 9": _socks(b"\x09\x00", then=Break.CLOSE),
    "http in place of socks": _socks(b"HTTP/1.1 400 Bad Request\r\n\r\n", then=Break.CLOSE),
    "garbage": _socks(b"\xff" * 300, then=Break.CLOSE),
    "address of a bad kind": _socks(GREETING, b"\x05\x00\x00\x09\x00\x00", then=Break.CLOSE),
    "address of no length": _socks(GREETING, b"\x05\x00\x00\x03\x00\x00\x50", then=Break.CLOSE),
    **{f"refuses by {code}": _socks(GREETING, _refusing(code), then=Break.CLOSE) for code in (*range(1, 10), 255)},
    "nothing is wrong": _socks(GREETING, CONNECTED),
}
