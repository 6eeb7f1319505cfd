# ruff: noqa: ARG005  all entries of the table have one signature
"""Faults of HTTP: each maps a request and its correct response to bytes and breaks."""

import gzip
import json
import zlib
from collections.abc import Callable

from tests.hostile.proxy import Break, Request, Response, Script
from tests.support.fleet import SECRET

Fault = Callable[[Request, Response], Response | Script]

MAX_BOMB = 200 * 1024 * 1024
"""Bytes of an unpacked bomb: three times the limit of a response."""

JSON = (b"content-type", b"application/json; charset=utf-8")

STATUSES = (
    *(199, 201, 202, 203, 204, 205, 206, 226, 300, 304, 305, 400, 401, 402, 403, 404, 405, 406, 407, 408, 409, 410),
    *(411, 412, 413, 414, 415, 418, 421, 422, 423, 425, 426, 428, 429, 431, 451, 499, 500, 501, 502, 503, 504, 505),
    *(507, 511, 520, 522, 530, 598, 599, 600, 799, 999),
)

BODIES: dict[str, tuple[bytes, bytes]] = {
    "html": (b"text/html", b"<!doctype html><html><body><h1>It works \x1b[2J</h1></body></html>"),
    "empty": (b"application/json", b""),
    "error": (b"application/json", b'{"error":"No \\u001b[2J such thing\\nforged-line"}'),
    "key": (b"application/json", json.dumps({"error": f"Invalid key {SECRET}", "apiKey": SECRET}).encode()),
    "list": (b"application/json", b'[{"error":"x"}]'),
    "null": (b"application/json", b"null"),
    "text": (b"text/plain", b"upstream connect error\x1b]0;x\x07\r\nforged-line"),
    "latin-1": (b"text/plain; charset=latin-1", b"caf\xe9 \x9b31m"),
    "utf-16": (b"application/json; charset=utf-16", '{"error":"x"}'.encode("utf-16")),
    "long": (b"application/json", b'{"error":"' + b"A" * 300_000 + b'"}'),
    "no-type": (b"", b'{"error":"x"}'),
}
"""Content type and body, by name."""


def _status(status: int, body: str) -> Fault:
    kind, content = BODIES[body]

    def fault(request: Request, response: Response) -> Response:
        return Response(status, [(b"content-type", kind)] if kind else [], content)

    return fault


def _raw(*parts: bytes | Break) -> Fault:
    def fault(request: Request, response: Response) -> Script:
        return parts

    return fault


def _head(*lines: bytes, status: bytes = b"200 OK") -> bytes:
    return b"\r\n".join((b"HTTP/1.1 " + status, *lines, b"", b""))


def _coded(coding: bytes, pack: Callable[[bytes], bytes]) -> Fault:
    """Send the correct response with a content coding, which may be false."""

    def fault(request: Request, response: Response) -> Script:
        body = pack(response.body)
        length = b"content-length: %d" % len(body)
        return _head(b"content-type: application/json", b"content-encoding: " + coding, length) + body, Break.CLOSE

    return fault


def _cut(at: Callable[[bytes], int], then: Break) -> Fault:
    """Send the correct response up to some byte, then break."""

    def fault(request: Request, response: Response) -> Script:
        whole = response.bytes()
        return whole[: at(whole)], then

    return fault


def _framed(*lines: bytes, body: Callable[[bytes], bytes] = lambda body: body) -> Fault:
    """Send the correct body below a false head."""

    def fault(request: Request, response: Response) -> Script:
        return _head(JSON[0] + b": " + JSON[1], *lines) + body(response.body), Break.CLOSE

    return fault


def _moved(status: int, location: bytes | None) -> Fault:
    def fault(request: Request, response: Response) -> Response:
        host = request.headers.get(b"host", b"")
        if location is None:
            return Response(status, [], b"")
        where = location.replace(b"{host}", host).replace(b"{target}", request.target.encode())
        return Response(status, [(b"location", where)], b"")

    return fault


def _with_headers(*headers: tuple[bytes, bytes]) -> Fault:
    def fault(request: Request, response: Response) -> Response:
        names = {name.lower() for name, _ in headers}
        kept = [each for each in response.headers if each[0].lower() not in names]
        return Response(response.status, [*kept, *headers], response.body)

    return fault


def _bomb(times: int) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    block = b" " * (1024 * 1024)
    packed = b"".join(packer.compress(block) for _ in range(MAX_BOMB // len(block))) + packer.flush()
    for _ in range(times - 1):
        packed = gzip.compress(packed)
    return packed


def _chunks(body: bytes) -> bytes:
    return b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)


def _half(whole: bytes) -> int:
    head = whole.index(b"\r\n\r\n") + 4
    return head + (len(whole) - head) // 2


STAGES: dict[str, Callable[[bytes], int]] = {
    "before the head": lambda whole: 0,
    "in the status line": lambda whole: 7,
    "in the headers": lambda whole: whole.index(b"\r\n") + 9,
    "after the head": lambda whole: whole.index(b"\r\n\r\n") + 4,
    "in the body": _half,
    "before the last byte": lambda whole: len(whole) - 1,
}

FAULTS: dict[str, Fault] = {
    **{f"status {status} {body}": _status(status, body) for status in STATUSES for body in BODIES},
    **{f"cut {stage}": _cut(at, Break.CLOSE) for stage, at in STAGES.items()},
    **{f"reset {stage}": _cut(at, Break.RESET) for stage, at in STAGES.items()},
    **{f"hang {stage}": _cut(at, Break.HANG) for stage, at in STAGES.items()},
    **{f"moved {status} to itself": _moved(status, b"{target}") for status in (301, 302, 303, 307, 308)},
    **{f"moved {status} elsewhere": _moved(status, b"http://127.0.0.1:9/x") for status in (301, 302, 303, 307, 308)},
    "moved nowhere": _moved(302, None),
    "moved to nothing": _moved(302, b""),
    "moved to a file": _moved(302, b"file:///etc/passwd"),
    "moved to a bad host": _moved(302, b"http://[::bad/"),
    "moved to bytes": _moved(302, b"/caf\xe9\x1b[2J"),
    "moved to a user": _moved(302, b"http://u:p@{host}/x"),
    "moved to a port": _moved(302, b"http://127.0.0.1:99999/"),
    "moved to a long address": _moved(302, b"/" + b"a" * 60_000),
    "gzip cut": _coded(b"gzip", lambda body: gzip.compress(body)[:-9]),
    "gzip of nothing": _coded(b"gzip", lambda body: b""),
    "gzip that is none": _coded(b"gzip", lambda body: body),
    "gzip with a tail": _coded(b"gzip", lambda body: gzip.compress(body) + b"tail"),
    "gzip bomb": _coded(b"gzip", lambda body: _bomb(1)),
    "gzip bomb in gzip": _coded(b"gzip, gzip", lambda body: _bomb(2)),
    "gzip twice": _coded(b"gzip, gzip", lambda body: gzip.compress(gzip.compress(body))),
    "gzip ten times": _coded(b", ".join([b"gzip"] * 10), lambda body: body),
    "deflate": _coded(b"deflate", zlib.compress),
    "deflate raw": _coded(b"deflate", lambda body: zlib.compress(body)[2:-4]),
    "deflate cut": _coded(b"deflate", lambda body: zlib.compress(body)[:-5]),
    "brotli": _coded(b"br", lambda body: body),
    "coding unknown": _coded(b"x-\x1b[2J", lambda body: body),
    "coding identity": _coded(b"identity", lambda body: body),
    "length too short": _framed(b"content-length: 3"),
    "length too long": _framed(b"content-length: 999999"),
    "length negative": _framed(b"content-length: -1"),
    "length no number": _framed(b"content-length: many"),
    "length huge": _framed(b"content-length: 99999999999999999999999"),
    "lengths that differ": _framed(b"content-length: 1", b"content-length: 2"),
    "length and chunks": _framed(b"content-length: 5", b"transfer-encoding: chunked", body=_chunks),
    "chunks without an end": _framed(b"transfer-encoding: chunked", body=lambda body: b"5\r\nhello\r\n"),
    "chunks of garbage": _framed(b"transfer-encoding: chunked", body=lambda body: b"zz\r\nhello\r\n"),
    "chunk negative": _framed(b"transfer-encoding: chunked", body=lambda body: b"-5\r\nhello\r\n0\r\n\r\n"),
    "chunk huge": _framed(b"transfer-encoding: chunked", body=lambda body: b"ffffffffffffffff\r\nhello"),
    "chunk extension": _framed(b"transfer-encoding: chunked", body=lambda body: b"5;a=\x1b\r\nhello\r\n0\r\n\r\n"),
    "coding of transfer unknown": _framed(b"transfer-encoding: \x0bchunked"),
    "until it closes": _framed(),
    "no http": _raw(b"\x16\x03\x01 what is this?\r\n\r\n", Break.CLOSE),
    "http 0.9": _raw(b"<html>hello</html>", Break.CLOSE),
    "http 2": _raw(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Break.CLOSE),
    "http 1.0": _raw(b"HTTP/1.0 200 OK\r\n\r\n{}", Break.CLOSE),
    "http 9.9": _raw(b"HTTP/9.9 200 OK\r\ncontent-length: 2\r\n\r\n{}"),
    "icy": _raw(b"ICY 200 OK\r\ncontent-length: 2\r\n\r\n{}", Break.CLOSE),
    "status no number": _raw(b"HTTP/1.1 abc OK\r\n\r\n", Break.CLOSE),
    "status missing": _raw(b"HTTP/1.1\r\n\r\n", Break.CLOSE),
    "status negative": _raw(b"HTTP/1.1 -200 OK\r\n\r\n", Break.CLOSE),
    "status with a long reason": _raw(_head(b"content-length: 2", status=b"500 " + b"x" * 60_000) + b"{}"),
    "status with bytes": _raw(_head(b"content-length: 0", status=b"500 caf\xe9\x1b[2J")),
    "lines without cr": _raw(b"HTTP/1.1 200 OK\ncontent-length: 2\n\n{}", Break.CLOSE),
    "blank lines first": _raw(b"\r\n\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}", Break.CLOSE),
    "header without a colon": _raw(_head(b"nonsense", b"content-length: 2") + b"{}"),
    "header folded": _raw(_head(b"x-a: b", b" c", b"content-length: 2") + b"{}"),
    "header with nul": _raw(_head(b"x-a: b\x00c", b"content-length: 2") + b"{}", Break.CLOSE),
    "header without a name": _raw(_head(b": x", b"content-length: 2") + b"{}", Break.CLOSE),
    "header of a megabyte": _raw(_head(b"x-a: " + b"x" * 1_000_000, b"content-length: 2") + b"{}", Break.CLOSE),
    "headers without an end": _raw(b"HTTP/1.1 200 OK\r\n" + b"x-a: b\r\n" * 100_000, Break.CLOSE),
    "headers by thousands": _raw(_head(*(b"x-%d: b" % n for n in range(3_000)), b"content-length: 2") + b"{}"),
    "continues on and on": _raw(_head(status=b"100 Continue") * 500, Break.CLOSE),
    "continues first": _framed(b"content-length: 2", body=lambda body: b"{}"),
    "switches protocols": _raw(_head(b"upgrade: websocket", status=b"101 Switching Protocols"), Break.CLOSE),
    "early hints": _raw(_head(b"link: </x>", status=b"103 Early Hints"), Break.CLOSE),
    "two answers": _raw((_head(b"content-length: 2") + b"{}") * 2),
    "answer and garbage": _raw(_head(b"content-length: 2") + b"{}garbage"),
    "drips the head": lambda request, response: (Break.DRIP, response.bytes()[:2_000]),
    "drips without an end": _raw(_head(b"content-length: 100000"), Break.DRIP, b" " * 100_000),
    "type html": _with_headers((b"content-type", b"text/html")),
    "type missing": _with_headers((b"content-type", b"")),
    "type nonsense": _with_headers((b"content-type", b"\x1b[2J; charset=klingon")),
    "cookies": _with_headers((b"set-cookie", b"a=" + b"b" * 5_000 + b"\x1b; domain=.com")),
    "dated in year 1": _with_headers((b"date", b"Mon, 01 Jan 0001 00:00:00 GMT")),
    "dated in year 9999": _with_headers((b"date", b"Fri, 31 Dec 9999 23:59:59 GMT")),
    "dated nowhere": _with_headers((b"date", b"Tue, 24 Nov 2026 14:05:00 +9999")),
    "dated by nonsense": _with_headers((b"date", b"\xff\x00\x1b")),
    "retry after for ever": _with_headers((b"retry-after", b"999999999999")),
    "budget of nothing": _with_headers((b"x-ratelimit-remaining", b"0"), (b"x-ratelimit-reset", b"1")),
    "budget negative": _with_headers((b"x-ratelimit-limit", b"-5"), (b"x-ratelimit-remaining", b"-9")),
}
"""The faults, by name. Hangs and drips end by the client's timeouts."""

SLOW = frozenset(name for name in FAULTS if name.startswith(("hang", "drips")))
"""Faults that last until a timeout."""
