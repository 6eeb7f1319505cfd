"""Sends HTTP requests over persistent connections, tracks each one, and translates errors."""

import asyncio
import logging
import math
import re
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from json import dumps
from typing import Any, Final, Self, TypedDict, TypeVar
from urllib.parse import urlencode

from tui.api.errors import ApiError, ServerFault, Unreachable
from tui.api.http import (
    MAX_CONNECTIONS,
    HttpUrl,
    InvalidUrl,
    Proxies,
    detect_dead_peer,
    httpcore,
    new_pool,
    read_authorities,
)
from tui.api.models import without_callback_secrets
from tui.api.responses import ACCEPTED, BodyReader, BodyTooLarge, CodingError, Response, read_date
from tui.domain.action import OnWritten
from tui.domain.run import Json
from tui.domain.text import clean
from tui.lazy_dataclass import dataclass
from tui.settings.secret import Secret

# Tracks one request through httpcore: whether it was written, and which timeout applies. Translates its exceptions.
#
# Errors of TLS after the handshake, of a SOCKS proxy and of sockets pass through httpcore unchanged. All of them become
# `TransportFailure` here.


T = TypeVar("T")

_OPENSSL_FRAME: Final = re.compile(r"\A\[[^\]]*\] *| *\(_ssl\.c:[0-9]+\)")
"""The parts around the message of an OpenSSL error: `[SSL: CODE] message (_ssl.c:2580)`."""


STALE_WITHIN_S: Final = 2.0
"""A server that has closed a kept connection refuses the next request within a round trip.

If the connection ends later, the server may have begun to work on the request.
"""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Timeouts of the steps of one request, in seconds."""

    connect_s: float = 5.0
    """TCP connect: two lost packets on a slow line."""

    read_s: float = 20.0
    """Silence while reading: longer than the slowest query that a user waits for."""

    write_s: float = 10.0

    pool_s: float = 10.0
    """The wait for a free connection."""

    reach_s: float = 15.0
    """Everything before the request is written. httpcore has no timeout for a proxy's handshake."""

    whole_s: float = 60.0
    """Everything after the request is written. A slow server could reset `read_s` with a byte now and then."""


class TransportFailure(Exception):
    """The transport failed, as the text says.

    `is_pool_full`: no connection became free in time. `is_stale`: a connection of an earlier request ended at once.
    """

    def __init__(
        self, text: str, *, may_have_arrived: bool, is_pool_full: bool = False, is_stale: bool = False
    ) -> None:
        super().__init__(text)
        self.may_have_arrived = may_have_arrived
        self.is_pool_full = is_pool_full
        self.is_stale = is_stale


@dataclass(slots=True, eq=False)
class RequestProgress:
    """The progress of one request.

    Once its first byte may have left (`is_written`), `on_written` is called and `timer` restarts with `whole_s`.
    `clean` turns a library's error message into one short line.
    """

    timeouts: Timeouts
    clean: Callable[[str], str]
    on_written: OnWritten | None = None
    timer: asyncio.Timeout | None = None
    is_written: bool = False
    _reused_at_s: float = -math.inf
    """When the request was written to a connection of an earlier one."""

    _opened: Any = None
    """The stream of a new connection until something is written to it."""

    _was_written: bool = False
    """The request was written at least once. A redirect resets `is_written`, but not the timer."""

    _bug: Exception | None = None
    """The exception of `on_written`, which passes through httpcore but is not a failure of the transport."""

    @property
    def extensions(self) -> dict[str, Any]:
        """The timeouts and the callback, for httpcore."""
        steps = self.timeouts
        times = {"connect": steps.connect_s, "read": steps.read_s, "write": steps.write_s, "pool": steps.pool_s}
        return {"timeout": times, "trace": self.trace}

    async def trace(self, event: str, info: Mapping[str, Any]) -> None:
        """Handle an event of httpcore's `trace` extension. A CONNECT goes to the proxy and is not our request."""
        if event.endswith(".connect_tcp.complete"):
            self._opened = info["return_value"]
            detect_dead_peer(self._opened.get_extra_info("socket"))
        elif event == "http11.send_request_headers.started" and info["request"].method != b"CONNECT":
            self._reused_at_s = asyncio.get_running_loop().time() if self._opened is None else -math.inf
            self.is_written, self._opened = True, None
            if self.timer is not None and not self._was_written:
                self._was_written = True
                self.timer.reschedule(asyncio.get_running_loop().time() + self.timeouts.whole_s)
            if self.on_written is not None:
                try:
                    await self.on_written()
                except Exception as bug:
                    self._bug = bug
                    raise

    @property
    def overdue(self) -> str:
        """The error text after `timer` ended the request."""
        if self._was_written:
            return f"no complete response in {self.timeouts.whole_s:g} s"
        return f"no connection in {self.timeouts.reach_s:g} s"

    async def step(self, awaited: Awaitable[T]) -> T:
        """Await one step of httpcore. Raises `TransportFailure` for every exception of the transport."""
        try:
            return await awaited
        except BaseException as error:
            await self._close_leaked()
            if not isinstance(error, Exception) or error is self._bug:
                raise
            failure = self._failure(error)
        # Raised outside of `except`, since a chained exception would hold the request and its key.
        raise failure

    async def _close_leaked(self) -> None:
        """Close the new connection: httpcore leaks it when a proxy disconnects during the handshake."""
        opened, self._opened = self._opened, None
        if opened is not None:
            with suppress(Exception):
                await opened.aclose()

    def _failure(self, error: Exception) -> TransportFailure:
        # httpcore writes nothing of a request that h11 rejects.
        may_have_arrived = self.is_written and not isinstance(error, httpcore.LocalProtocolError)
        is_pool_full = isinstance(error, httpcore.PoolTimeout)
        has_ended = isinstance(error, httpcore.RemoteProtocolError | httpcore.ReadError | httpcore.WriteError)
        return TransportFailure(
            self._text(error),
            may_have_arrived=may_have_arrived,
            is_pool_full=is_pool_full,
            is_stale=has_ended and asyncio.get_running_loop().time() - self._reused_at_s < STALE_WITHIN_S,
        )

    def _text(self, error: Exception) -> str:
        match error:
            case httpcore.ConnectTimeout():
                return f"no connection in {self.timeouts.connect_s:g} s"
            case httpcore.PoolTimeout():
                return f"no free connection in {self.timeouts.pool_s:g} s"
            case httpcore.ReadTimeout():
                return f"no response in {self.timeouts.read_s:g} s"
            case httpcore.WriteTimeout():
                return f"not sent in {self.timeouts.write_s:g} s"
            case ssl.SSLError():
                reason = self.clean(_OPENSSL_FRAME.sub("", str(error)))
                return f"TLS failed: {reason}" if reason else "TLS failed"
            case _ if not self.is_written:
                return f"no connection: {self.clean(str(error)) or 'the other side closed it'}"
            case httpcore.RemoteProtocolError():
                return "the connection closed before the end of the response, or the response is not HTTP"
            case _:
                return "the connection failed"


# Sends HTTP requests over persistent connections: follows redirects, limits sizes and times, translates errors.
#
# Every exception of the transport becomes an `ApiError`, with the help of `RequestProgress`. No error text holds
# a key, a payload or the query of a URL.


MAX_ABANDONED = MAX_CONNECTIONS // 2
"""Abandoned requests after which the pool is replaced. httpcore 1.0.9 leaks a pool slot when a request is canceled
between its connection and its first byte (encode/httpcore issue 1093). MAX_CONNECTIONS leaks would block all requests.
"""

MAX_BODY_BYTES = 64 * 1024 * 1024
"""Decompressed size of one response. A trace of 5,000 spans is 5 MB."""

MAX_REDIRECTS = 3
"""The server itself sends one redirect, for a trailing slash (recording 926)."""

MIN_READ_S = 2.0
"""A read that takes this long may be sent again when the user asks for new data."""

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_KEEPS_METHOD = frozenset({307, 308})
_MAX_REASON_CHARS = 120


@dataclass(slots=True, eq=False)
class _Pool:
    """The connections through one proxy, or through none. Counts those in flight (`sending`) and abandoned."""

    http: httpcore.AsyncConnectionPool
    proxy: HttpUrl | None
    has_tls: bool
    sending: int = 0
    abandoned: int = 0
    is_closed: bool = False


@dataclass(slots=True, eq=False)
class _Read:
    """A request in flight that may be sent again at any time. `restart` ends it for that."""

    label: str
    progress: RequestProgress
    began_s: float
    restart: asyncio.Timeout | None = None


class _RequestHeaders(tuple[tuple[bytes, bytes], ...]):
    """Headers of a request, which show neither themselves nor the key among them."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<{len(self)} headers>"


@dataclass(frozen=True, slots=True)
class _Call:
    """A request before it is sent; a redirect changes its address, but never sends an action again."""

    method: str
    url: HttpUrl
    headers: _RequestHeaders
    body: bytes | None
    is_action: bool


class SendOptions(TypedDict, total=False):
    """Options of a request, as `HttpConnection.send` describes them."""

    params: Mapping[str, str] | None
    json: Json
    on_written: OnWritten | None
    max_bytes: int | None
    max_whole_s: float


class HttpConnection:
    """Sends requests over persistent connections. The first request reads the environment.

    It names proxies (`HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, `NO_PROXY`) and certificate authorities
    (`SSL_CERT_FILE`, `SSL_CERT_DIR`). A request that needs another proxy, or TLS, replaces the pool.
    """

    def __init__(
        self,
        *,
        headers: Mapping[bytes, bytes],
        key: Secret | None = None,
        clock: Callable[[], datetime],
        timeouts: Timeouts,
    ) -> None:
        """`key` is redacted from every error text. `clock` dates a response that has no `Date`."""
        self._headers = _RequestHeaders(
            ((b"accept", b"*/*"), (b"accept-encoding", ACCEPTED.encode()), *headers.items())
        )
        self._key = key
        self._clock = clock
        self._timeouts = timeouts
        self._proxies: Proxies | None = None
        self._trust: ssl.SSLContext | None = None
        self._pool: _Pool | None = None
        self._retired: list[_Pool] = []
        self._reads: dict[_Read, None] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close all connections. A second call is harmless, and so is a request afterwards, which opens new ones."""
        pools = [*self._retired, *([self._pool] if self._pool is not None else [])]
        self._pool, self._retired = None, []
        for pool in pools:
            await _close(pool)

    async def send(
        self,
        method: str,
        url: str,
        label: str,
        *,
        params: Mapping[str, str] | None = None,
        json: Json = None,
        max_bytes: int | None = None,
        max_whole_s: float = math.inf,
        on_written: OnWritten | None = None,
        is_action: bool = False,
    ) -> Response:
        """Send one request, follow redirects within its origin, and return the complete response, whatever its status.

        `label` names the request in errors. `max_bytes` limits the body, to MAX_BODY_BYTES by default. `max_whole_s`
        shortens the time for the whole response. `on_written` is called when the request's first byte is written, also
        after a redirect. An action follows no redirect: where a middlebox answers for a server that has acted, the
        action would happen twice. `restart_reads` sends all but actions again.

        Raises `Unreachable` if there is no complete response. Raises `ServerFault` for a redirect to another origin or
        of an action, and for a body that is too large or cannot be decompressed.
        """
        times = replace(self._timeouts, whole_s=min(self._timeouts.whole_s, max_whole_s))
        while True:
            progress = RequestProgress(times, self._clean, on_written)
            sending = self._send_once(
                progress, method, url, label, params, json, max_bytes or MAX_BODY_BYTES, is_action=is_action
            )
            if is_action:
                return await sending
            read = _Read(label, progress, asyncio.get_running_loop().time())
            self._reads[read] = None
            try:
                async with asyncio.timeout(None) as read.restart:
                    return await sending
            except TimeoutError:  # only of `restart_reads`: any other one is `Unreachable`
                continue
            finally:
                del self._reads[read]

    def restart_reads(self) -> None:
        """Cancel the reads in flight, and send them again. Young ones go on: they may be answered soon, and the user
        may hold the key down.
        """
        now_s = asyncio.get_running_loop().time()
        for read in self._reads:
            if read.restart is not None and now_s - read.began_s >= MIN_READ_S:
                read.restart.reschedule(now_s)
                read.restart = None  # it raises a second time, while the read is being canceled

    def oldest_read(self) -> tuple[str, timedelta] | None:
        """Return the label of the read in flight that began first, and after which time it fails at the latest."""
        read = next(iter(self._reads), None)
        until_s = None if read is None or read.progress.timer is None else read.progress.timer.when()
        if read is None or until_s is None:
            return None
        return read.label, timedelta(seconds=max(0.0, until_s - asyncio.get_running_loop().time()))

    async def _send_once(
        self,
        progress: RequestProgress,
        method: str,
        url: str,
        label: str,
        params: Mapping[str, str] | None,
        json: Json,
        max_bytes: int,
        *,
        is_action: bool,
    ) -> Response:
        failure: ApiError
        try:
            call = self._call(method, url, params, json, is_action=is_action)
            async with asyncio.timeout(self._timeouts.reach_s) as progress.timer:
                pool = await self._open(call.url)
                return await self._send_over(pool, call, progress, label, max_bytes)
        except _Unusable as error:
            failure = Unreachable(f"{label}: {error}", may_have_arrived=False)
        except TransportFailure as error:
            failure = Unreachable(f"{label}: {error}", may_have_arrived=error.may_have_arrived)
        except TimeoutError:
            failure = Unreachable(f"{label}: {progress.overdue}", may_have_arrived=progress.is_written)
        # Raised outside of `except`, since a chained exception would hold the request and its key.
        raise failure

    async def _send_over(
        self, pool: _Pool, call: _Call, progress: RequestProgress, label: str, max_bytes: int
    ) -> Response:
        """Send a request over a pool, count it if it is abandoned, and retire the pool after too many of those.

        The last request of a retired pool closes it. The canceled request itself cannot: its close would be
        interrupted too, and httpcore never resumes a close.
        """
        pool.sending += 1
        try:
            return await self._follow(pool, call, progress, label, max_bytes)
        except (asyncio.CancelledError, TransportFailure) as error:
            is_full = isinstance(error, TransportFailure) and error.is_pool_full
            pool.abandoned += MAX_ABANDONED if is_full else 1
            if pool.abandoned >= MAX_ABANDONED and pool is self._pool:
                self._retire()
            raise
        finally:
            pool.sending -= 1
            await self._close_unused()

    def _call(self, method: str, url: str, params: Mapping[str, str] | None, json: Json, *, is_action: bool) -> _Call:
        """Build a request. Raises `_Unusable`."""
        try:
            address = HttpUrl.of(url)
            if params:
                address = address.with_query(urlencode(params))
            if json is None:
                body = None if method == "GET" else b""
                return _Call(method, address, self._headers, body, is_action)
            body = dumps(json, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
        except (InvalidUrl, UnicodeError):
            raise _Unusable("the address or the body cannot be encoded") from None
        headers = _RequestHeaders((*self._headers, (b"content-type", b"application/json")))
        return _Call(method, address, headers, body, is_action)

    async def _open(self, url: HttpUrl) -> _Pool:
        """Return the pool for an address. Raises `_Unusable` for invalid proxies or certificates."""
        has_tls = url.scheme == "https"
        try:
            if self._proxies is None:
                self._proxies = Proxies.of_environment()
            proxy = self._proxies.for_url(url)
            needs_trust = has_tls or (proxy is not None and proxy.scheme == "https")
            if needs_trust and self._trust is None:  # read once: a later upgrade may move the files
                self._trust = await asyncio.to_thread(read_authorities)
            pool = self._pool
            if pool is None or pool.has_tls is not has_tls or pool.proxy != proxy:
                self._retire()
                # These loggers would log whole addresses, including the signatures of presigned ones.
                logging.getLogger("httpcore").setLevel(logging.WARNING)
                http = new_pool(proxy, self._trust)
                pool = self._pool = _Pool(http, proxy, has_tls)
        except (OSError, ImportError, RuntimeError, ValueError) as error:
            raise _Unusable(f"invalid proxy or certificate settings: {self._clean(str(error))}") from None
        return pool

    def _retire(self) -> None:
        """Use the current pool for no more requests. The end of its last one, or of the next one, closes it."""
        if self._pool is not None:
            self._retired.append(self._pool)
            self._pool = None

    async def _close_unused(self) -> None:
        """Close the retired pools that no request uses."""
        unused = [each for each in self._retired if not each.sending]
        self._retired = [each for each in self._retired if each.sending]
        for pool in unused:
            await _close(pool)

    async def _follow(
        self, pool: _Pool, call: _Call, progress: RequestProgress, label: str, max_bytes: int
    ) -> Response:
        """Send a request, and follow redirects within its origin."""
        for redirects_left in reversed(range(MAX_REDIRECTS + 1)):
            response = await self._respond(pool, call, progress)
            try:
                headers = _decoded(response.headers)
                target = _target(call.url, response.status, headers, label)
                if target is None:
                    return await self._read(response, headers, progress, label, max_bytes)
                # The key must not reach another origin, and a POST must not become a GET.
                is_same = target.origin == call.url.origin
                may_repeat = call.method == "GET" or (response.status in _KEEPS_METHOD and not call.is_action)
                if target == call.url:
                    raise ServerFault(f"{label}: redirected to itself", response.status)
                if not (is_same and may_repeat):
                    where = "another of its addresses" if is_same else self._redacted_url(target.origin)
                    raise ServerFault(f"{label}: redirected to {where}, which was not followed", response.status)
                if not redirects_left:
                    raise ServerFault(f"{label}: too many redirects", response.status)
            finally:
                with suppress(Exception):  # the response is complete, or its failure is already raised
                    await response.aclose()
                del response.stream  # it refers to the response: only a collection would free the two
            call = replace(call, url=target)
        raise AssertionError("the loop ends with a response or an error")

    async def _respond(self, pool: _Pool, call: _Call, progress: RequestProgress) -> httpcore.Response:
        """Send a request without following redirects, and return its response as soon as its head has come.

        A server may close a kept connection while the next request is on its way. Then a GET is sent once more.
        """
        for has_second_try in (call.method == "GET", False):
            progress.is_written = False  # the request that was redirected, or is repeated, had no effect
            if pool.is_closed:  # httpcore would open a new connection, which is never closed
                raise TransportFailure("the connection was closed", may_have_arrived=False)
            try:
                return await progress.step(pool.http.handle_async_request(_request(call, pool.proxy, progress)))
            except TransportFailure as failure:
                if not (has_second_try and failure.is_stale):
                    raise
        raise AssertionError("the second try ends with a response or an error")

    async def _read(
        self,
        response: httpcore.Response,
        headers: Mapping[str, str],
        progress: RequestProgress,
        label: str,
        max_bytes: int,
    ) -> Response:
        """Read the body, and yield to the event loop between the steps of its decompression."""
        try:
            reader = BodyReader(headers.get("content-encoding", ""), max_bytes)
            chunks = response.aiter_stream()
            while (chunk := await progress.step(anext(chunks, None))) is not None:
                for _ in reader.add(chunk):
                    await asyncio.sleep(0)
            body = without_callback_secrets(reader.body())
        except CodingError as error:
            raise ServerFault(f"{label}: {error}", response.status) from None
        except BodyTooLarge:
            raise ServerFault(f"{label}: the response has more than {max_bytes:,} bytes", response.status) from None
        read_at = read_date(headers.get("date"), self._clock())
        return Response(label, response.status, headers, body, read_at)

    def _redacted_url(self, text: str) -> str:
        """Return a clean URL, or a placeholder if it contains the key."""
        key = "" if self._key is None else self._key.reveal().lower()
        return "an address that contains the key" if key and key in text.lower() else clean(text)

    def _clean(self, text: str) -> str:
        """Return a library's message as one short line without the key."""
        line = clean(" ".join((text if self._key is None else text.replace(self._key.reveal(), "…")).split()))
        return line if len(line) <= _MAX_REASON_CHARS else line[: _MAX_REASON_CHARS - 1] + "…"


class _Unusable(Exception):
    """The request or its connection cannot be set up, as the text says."""


def _request(call: _Call, proxy: HttpUrl | None, progress: RequestProgress) -> httpcore.Request:
    """Return a request that reports to `progress`."""
    # httpcore writes the host into the first line for an HTTP proxy as it is.
    is_written = proxy is not None and proxy.scheme in {"http", "https"}
    host = call.url.bracketed_host if is_written else call.url.host
    headers = [(b"host", call.url.netloc.encode()), *call.headers]
    if call.body is not None:
        headers.append((b"content-length", str(len(call.body)).encode()))
    url = httpcore.URL(scheme=call.url.scheme, host=host, port=call.url.port, target=call.url.target)
    return httpcore.Request(call.method, url, headers=headers, content=call.body, extensions=progress.extensions)


async def _close(pool: _Pool) -> None:
    """Close all connections, and ignore errors of dead ones."""
    pool.is_closed = True
    with suppress(Exception):
        await pool.http.aclose()


def _decoded(headers: Sequence[tuple[bytes, bytes]]) -> dict[str, str]:
    """Return the headers of a response with their names in lower case. Repeated ones are joined."""
    found: dict[str, str] = {}
    for name_bytes, value_bytes in headers:
        name = name_bytes.decode("latin-1").lower()
        try:
            value = value_bytes.decode()
        except UnicodeDecodeError:
            value = value_bytes.decode("latin-1")
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found


def _target(url: HttpUrl, status: int, headers: Mapping[str, str], label: str) -> HttpUrl | None:
    """Return the target of a redirect, None for other responses. Raises `ServerFault` for an invalid target."""
    if status not in _REDIRECTS or "location" not in headers:
        return None
    try:
        return url.join(headers["location"])
    except InvalidUrl:
        raise ServerFault(f"{label}: redirected to an invalid address", status) from None
