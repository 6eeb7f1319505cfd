"""Sends HTTP requests over persistent connections, tracks each one, and translates errors. httpx2 transports them."""

import asyncio
import logging
import math
import os
import re
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import Future
from contextlib import aclosing, suppress
from dataclasses import field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final, NamedTuple, TypeVar
from urllib.request import getproxies, proxy_bypass

import anyio
import httpx2

from tui.api.errors import ApiError, ServerFault, Unreachable
from tui.api.models import without_callback_secrets
from tui.api.responses import ACCEPTED, BodyError, BodyReader, Response, read_date
from tui.domain.action import OnWritten
from tui.domain.run import Json
from tui.domain.text import clean, shortened
from tui.lazy_dataclass import dataclass
from tui.settings.secret import Secret
from tui.threads import call_detached

T = TypeVar("T")

# TCP options that make the kernel close a connection whose peer has vanished, as after a power cut.
#
# Without them, a request on a persistent connection waits for its own timeout of half a minute.


DEAD_AFTER_S: Final = 10
"""The kernel closes a connection when data or keep-alive probes are unacknowledged for this long."""

_TCP_OPTIONS: Final = {
    "TCP_KEEPIDLE": 4,
    "TCP_KEEPALIVE": 4,  # its name on macOS
    "TCP_KEEPINTVL": 2,
    "TCP_KEEPCNT": 3,
    "TCP_USER_TIMEOUT": DEAD_AFTER_S * 1000,
}


def detect_dead_peer(connection: Any) -> None:
    """Set the keep-alive options that this system has. Anything that is not a TCP socket stays as it is."""
    with suppress(OSError, AttributeError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in _TCP_OPTIONS.items():
            if hasattr(socket, name):
                connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


# Additions to httpx2: IPv6 addresses behind a proxy, the end of a failed tunnel, and name lookups that may hang.


KEEP_ALIVE_S: Final = 60.0
"""Connections that were idle for longer are not reused: the server closes them after 65 s
(tests/wire/recordings/README.md §10).
"""

MAX_CONNECTIONS: Final = 20
"""Open connections: more than the sources use at a time, so that hung reads never delay a user's action."""


class _BracketedUrl(httpx2.URL):
    """An address whose IPv6 host has brackets. httpcore2 writes the host to a proxy as it is."""

    @property
    def raw_host(self) -> bytes:
        return b"[%b]" % super().raw_host


class _Transport(httpx2.AsyncHTTPTransport):
    """The connections through one proxy, or through none."""

    def __init__(self, proxy: str | None, *, has_tls: bool) -> None:
        """Load httpcore2, which takes 40 ms, so a thread calls this. For TLS, read the authorities of `SSL_CERT_FILE`,
        `SSL_CERT_DIR`, or the system.

        Raises OSError for the authorities, ValueError or `httpx2.InvalidURL` for the proxy.
        """
        through = None if proxy is None else httpx2.Proxy(proxy if "://" in proxy else f"http://{proxy}")
        scheme = "" if through is None else through.url.scheme
        needs_trust = has_tls or scheme == "https"
        trust = httpx2.create_ssl_context() if needs_trust else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        if through is not None and scheme == "https":
            through.ssl_context = trust
        # This logger would log whole addresses, including the signatures of presigned ones.
        logging.getLogger("httpcore2").setLevel(logging.WARNING)
        limits = httpx2.Limits(max_connections=MAX_CONNECTIONS, keepalive_expiry=KEEP_ALIVE_S)
        anyio.run(anyio.sleep, 0)  # loads its half for asyncio here, which takes 12 ms
        super().__init__(verify=trust, proxy=through, limits=limits)
        self._has_http_proxy = scheme in {"http", "https"}

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if self._has_http_proxy and b":" in (host := request.url.raw_host.strip(b"[]")):
            request.url = _BracketedUrl(request.url)
            request.extensions["sni_hostname"] = host.decode()
        try:
            return await super().handle_async_request(request)
        except BaseException:
            # httpcore2 keeps a tunnel whose TLS failed as a connection in use, although no request uses it.
            requests = getattr(self._pool, "_requests", None) if self._has_http_proxy else None
            if requests is not None:
                used = {each.connection for each in requests}
                # All are found before one is closed: meanwhile, another request may begin on an idle connection.
                for each in [each for each in self._pool.connections if each not in used and not each.is_idle()]:
                    with suppress(Exception):
                        await each.aclose()
            raise


class _NameLookups:
    """Looks up names in detached threads.

    anyio's lookups are in the threads of the event loop. One that hangs would delay the exit, and some would use up
    the threads. So anyio looks up only names that have just been found.
    """

    def __init__(self) -> None:
        self._running: dict[str, Future[list[Any]]] = {}

    async def find(self, host: str) -> None:
        """Look up a name, or wait for the lookup of it that has not ended. Raises OSError."""
        if ":" in host or host.replace(".", "").isdigit():
            return
        lookup = self._running.get(host)
        if lookup is None:
            # As bytes: for a text, Python loads the codec idna, whose errors have other words.
            find = partial(socket.getaddrinfo, host.encode(), None, type=socket.SOCK_STREAM)
            lookup = self._running[host] = call_detached("name lookup", find)
            lookup.add_done_callback(lambda _: self._running.pop(host, None))
        await asyncio.wrap_future(lookup)


# Tracks one request through httpx2: whether it was written, and which timeout applies. Translates its exceptions.
#
# Errors of TLS after the handshake and of a SOCKS proxy pass through httpx2 unchanged. All become `Unreachable` here.


_OPENSSL_FRAME: Final = re.compile(r"\A\[[^\]]*\] *| *\(_ssl\.c:[0-9]+\)")
"""The parts around the message of an OpenSSL error: `[SSL: CODE] message (_ssl.c:2580)`."""

STALE_WITHIN_S: Final = 2.0
"""A server that has closed a kept connection refuses the next request within a round trip.

If the connection ends later, the server may have begun to work on the request.
"""

_MAX_REASON_CHARS: Final = 120
_MAX_PATH_CHARS: Final = 90


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
    """Everything before the request is written. httpx2 has no timeout for a proxy's handshake."""

    whole_s: float = 60.0
    """Everything after the request is written. A slow server could reset `read_s` with a byte now and then."""


@dataclass(slots=True, eq=False)
class _Progress:
    """The progress of one request, which may be sent again at any time unless it is an action.

    Once its first byte may have left (`is_written`), `on_written` is called and `timer` restarts with `whole_s`.
    """

    label: str
    timeouts: Timeouts
    names: _NameLookups
    key: Secret | None
    max_bytes: int
    is_action: bool
    on_written: OnWritten | None
    timer: asyncio.Timeout | None = None
    restart: asyncio.Timeout | None = None
    """Ends the request, so that it is sent again."""

    began_s: float = field(default_factory=lambda: asyncio.get_running_loop().time())
    is_written: bool = False
    is_stale: bool = False
    """It failed because a connection of an earlier request ended at once."""

    _reused_at_s: float = -math.inf
    """When the request was written to a connection of an earlier one."""

    _opened: Any = None
    """The stream of a new connection until something is written to it."""

    _was_written: bool = False
    """The request was written at least once. A redirect resets `is_written`, but not the timer."""

    _bug: Exception | None = None
    """The exception of `on_written`, which passes through httpx2 but is not a failure of the transport."""

    @property
    def extensions(self) -> dict[str, Any]:
        """The timeouts and the callback, for httpx2."""
        steps = self.timeouts
        times = {"connect": steps.connect_s, "read": steps.read_s, "write": steps.write_s, "pool": steps.pool_s}
        return {"timeout": times, "trace": self.trace}

    async def trace(self, event: str, info: Mapping[str, Any]) -> None:
        """Handle an event of httpcore2's `trace` extension. A CONNECT goes to the proxy and is not our request."""
        if event.endswith(".connect_tcp.started"):
            async with asyncio.timeout(self.timeouts.connect_s):
                await self.names.find(info["host"])
        elif event.endswith(".connect_tcp.complete"):
            self._opened = info["return_value"]
            detect_dead_peer(self._opened.get_extra_info("socket"))
        elif event == "http11.send_request_headers.started" and info["request"].method != b"CONNECT":
            now_s = asyncio.get_running_loop().time()
            self._reused_at_s = now_s if self._opened is None else -math.inf
            self.is_written, self._opened = True, None
            if self.timer is not None and not self._was_written:
                self._was_written = True
                self.timer.reschedule(now_s + self.timeouts.whole_s)
            if self.on_written is not None:
                try:
                    await self.on_written()
                except Exception as bug:
                    self._bug = bug
                    raise

    async def step(self, awaited: Awaitable[T]) -> T:
        """Await one step of httpx2. Raises `Unreachable` for every exception of the transport."""
        try:
            return await awaited
        except BaseException as error:
            # httpcore2 leaks a new connection when a proxy disconnects, or when TLS is canceled.
            opened, self._opened = self._opened, None
            if opened is not None:
                with suppress(Exception):
                    await opened.aclose()
            if not isinstance(error, Exception) or error is self._bug:
                raise
            has_ended = isinstance(error, httpx2.RemoteProtocolError | httpx2.ReadError | httpx2.WriteError)
            self.is_stale = has_ended and asyncio.get_running_loop().time() - self._reused_at_s < STALE_WITHIN_S
            # httpcore2 writes nothing of a request that h11 rejects.
            is_written = self.is_written and not isinstance(error, httpx2.LocalProtocolError)
            failure = self.unreachable(self._text(error), may_have_arrived=is_written)
        # Raised outside of `except`, since a chained exception would hold the request and its key.
        raise failure

    def unreachable(self, text: str, *, may_have_arrived: bool = False) -> Unreachable:
        return Unreachable(f"{self.label}: {text}", may_have_arrived=may_have_arrived)

    @property
    def overdue(self) -> Unreachable:
        """The error after `timer` ended the request."""
        steps = self.timeouts
        what, most_s = ("complete response", steps.whole_s) if self._was_written else ("connection", steps.reach_s)
        return self.unreachable(f"no {what} within {most_s:g} s", may_have_arrived=self.is_written)

    def _text(self, error: Exception) -> str:
        match error:
            case httpx2.ConnectTimeout() | TimeoutError():
                return f"no connection in {self.timeouts.connect_s:g} s"
            case httpx2.PoolTimeout():
                return f"all connections were busy for {self.timeouts.pool_s:g} s"
            case httpx2.ReadTimeout():
                return f"no response in {self.timeouts.read_s:g} s"
            case httpx2.WriteTimeout():
                return f"the request could not be sent within {self.timeouts.write_s:g} s"
            case ssl.SSLError():
                reason = self.clean(_OPENSSL_FRAME.sub("", str(error)))
                return f"TLS failed: {reason}" if reason else "TLS failed"
            case _ if not self.is_written:
                return f"no connection: {self.clean(_reason(error)) or 'the server closed it'}"
            case httpx2.RemoteProtocolError():
                return "the connection closed before the end of the response, or the response is not HTTP"
            case _:
                return "the connection failed"

    def clean(self, text: str) -> str:
        """Return a library's message as one short line without the key."""
        line = " ".join((text if self.key is None else text.replace(self.key.reveal(), "…")).split())
        return shortened(clean(line), _MAX_REASON_CHARS)


def _reason(error: BaseException) -> str:
    """Return the system's words for a failed connection: anyio and asyncio have others."""
    if isinstance(error, ExceptionGroup):
        return _reason(error.exceptions[-1])
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ssl.SSLError):
        if isinstance(cause, ExceptionGroup):
            cause = cause.exceptions[-1]
        if isinstance(cause, OSError) and cause.errno is not None:
            return os.strerror(cause.errno) if cause.errno > 0 else cause.strerror or str(cause)
        cause = cause.__cause__ or cause.__context__
    return str(error)


# Sends requests: follows redirects within their origin, limits sizes and times.
#
# No error text holds a key, a payload or the query of a URL.


MAX_BODY_BYTES = 64 * 1024 * 1024
"""Decompressed size of one response. A trace of 5,000 spans is 5 MB."""

MAX_REDIRECTS = 3
"""The server itself sends one redirect, for a trailing slash (recording 926)."""

MIN_READ_S = 2.0
"""A read that takes this long may be sent again when the user asks for new data."""


class HttpRequest(NamedTuple):
    """A request as HTTP sends it: a GET unless it has a body.

    * `has_own_limit`: the rate limit in the headers of its response is not that of other requests
    * `max_bytes`: limits the body of the response
    * `max_whole_s`: shortens the time for the whole response
    * `is_action`: it follows no redirect: where a middlebox answers for a server that has acted, the action would
      happen twice
    """

    path: str
    params: dict[str, str] | None = None
    json: Json = None
    has_own_limit: bool = False
    max_bytes: int = MAX_BODY_BYTES
    max_whole_s: float = math.inf
    is_action: bool = False

    @property
    def method(self) -> str:
        """The method of HTTP."""
        return "GET" if self.json is None else "POST"


class HttpConnection:
    """Sends requests over persistent connections. The first request reads the environment.

    It names proxies (`HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, `NO_PROXY`) and certificate authorities
    (`SSL_CERT_FILE`, `SSL_CERT_DIR`).
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
        self._headers = httpx2.Headers({b"accept": b"*/*", b"accept-encoding": ACCEPTED.encode(), **headers})
        self._key = key
        self._clock = clock
        self._timeouts = timeouts
        self._names = _NameLookups()
        self._proxies: Mapping[str, str] | None = None
        self._opening = asyncio.Lock()
        self._transports: dict[tuple[str | None, bool], _Transport] = {}
        self._reads: dict[_Progress, None] = {}

    async def aclose(self) -> None:
        """Close all connections. A second call is harmless, and so is a request afterwards, which opens new ones."""
        transports, self._transports = self._transports, {}
        for transport in transports.values():
            with suppress(Exception):
                await transport.aclose()

    async def send(
        self, http: HttpRequest, *, base: str = "", label: str = "", on_written: OnWritten | None = None
    ) -> Response:
        """Send one request, follow redirects within its origin, and return the complete response, whatever its status.

        `base` is the address before its path. `label` names the request in errors, by default by method and path.
        `on_written` is called when the request's first byte is written, also after a redirect. `restart_reads` sends
        all but actions again.

        Raises `Unreachable` if there is no complete response. Raises `ServerFault` for a redirect to another origin or
        of an action, and for a body that is too large or cannot be decompressed.
        """
        label = label or f"{http.method} {shortened(http.path, _MAX_PATH_CHARS)}"
        times = replace(self._timeouts, whole_s=min(self._timeouts.whole_s, http.max_whole_s))
        url, headers = base + http.path, self._headers
        build = partial(httpx2.Request, http.method, url, params=http.params, json=http.json, headers=headers)
        while True:
            progress = _Progress(label, times, self._names, self._key, http.max_bytes, http.is_action, on_written)
            sending = self._send_once(build, progress)
            if http.is_action:
                return await sending
            self._reads[progress] = None
            try:
                with suppress(TimeoutError):  # only of `restart_reads`: any other one is `Unreachable`
                    async with asyncio.timeout(None) as progress.restart:
                        return await sending
            finally:
                del self._reads[progress]

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
        until_s = None if read is None or read.timer is None else read.timer.when()
        if read is None or until_s is None:
            return None
        return read.label, timedelta(seconds=max(0.0, until_s - asyncio.get_running_loop().time()))

    async def _send_once(self, build: Callable[..., httpx2.Request], progress: _Progress) -> Response:
        failure: ApiError
        try:
            request = build(extensions=progress.extensions)
        except (httpx2.InvalidURL, UnicodeError):
            failure = progress.unreachable("the address or the body cannot be encoded")
        else:
            try:
                async with asyncio.timeout(progress.timeouts.reach_s) as progress.timer:
                    return await self._follow(request, progress)
            except TimeoutError:
                failure = progress.overdue
        # Raised outside of `except`, since a chained exception would hold the request and its key.
        raise failure

    async def _follow(self, request: httpx2.Request, progress: _Progress) -> Response:
        """Send a request, and follow redirects within its origin."""
        label = progress.label
        for redirects_left in reversed(range(MAX_REDIRECTS + 1)):
            response = await self._respond(request, progress)
            status = response.status_code
            try:
                if not response.has_redirect_location:
                    return await self._read(response, progress)
                try:
                    target = request.url.join(response.headers["location"])
                except (httpx2.InvalidURL, ValueError):
                    raise ServerFault(f"{label}: redirected to an invalid address", status) from None
                # The key must not reach another origin, and a POST must not become a GET.
                is_same = (target.scheme, target.netloc) == (request.url.scheme, request.url.netloc)
                may_repeat = request.method == "GET" or (status in {307, 308} and not progress.is_action)
                if target == request.url:
                    raise ServerFault(f"{label}: redirected to itself", status)
                if not (is_same and may_repeat):
                    where = "another address of the same host" if is_same else self._redacted_origin(target)
                    raise ServerFault(f"{label}: redirected to {where}, which was not followed", status)
                if not redirects_left:
                    raise ServerFault(f"{label}: too many redirects", status)
            finally:
                with suppress(Exception):  # the response is complete, or its failure is already raised
                    await response.aclose()
            request.url = target  # `Host` stays, since the origin does
        raise AssertionError("the loop ends with a response or an error")

    async def _respond(self, request: httpx2.Request, progress: _Progress) -> httpx2.Response:
        """Send a request without following redirects, and return its response as soon as its head has come.

        A server may close a kept connection while the next request is on its way. Then a GET is sent once more.
        """
        for has_second_try in (request.method == "GET", False):
            progress.is_written = False  # the request that was redirected, or is repeated, had no effect
            transport = await self._transport(request.url, progress)
            try:
                return await progress.step(transport.handle_async_request(request))
            except Unreachable:
                if not (has_second_try and progress.is_stale):
                    raise
        raise AssertionError("the second try ends with a response or an error")

    async def _transport(self, url: httpx2.URL, progress: _Progress) -> _Transport:
        """Return the connections for an address. Raises `Unreachable` for invalid proxies or certificates."""
        if self._proxies is None:
            self._proxies = getproxies()
        proxy = (self._proxies.get(url.scheme) or self._proxies.get("all") or "").strip()
        # `NO_PROXY` names the host, one above it, or `*`. IPv6 addresses may have their brackets.
        if proxy and any(map(proxy_bypass, (url.raw_host.decode(), url.netloc.decode(), "*"))):
            proxy = ""
        way = (proxy or None, url.scheme == "https")
        try:
            async with self._opening:
                if way not in self._transports:
                    self._transports[way] = await asyncio.to_thread(_Transport, way[0], has_tls=way[1])
                return self._transports[way]
        except (OSError, RuntimeError) as error:  # RuntimeError: no thread can be started
            reason = progress.clean(str(error))
        except (httpx2.InvalidURL, ValueError):
            reason = "expected a proxy such as http://host:port; its scheme is http, https, socks5 or socks5h"
        raise progress.unreachable(f"invalid proxy or certificate settings: {reason}")

    async def _read(self, response: httpx2.Response, progress: _Progress) -> Response:
        """Read the body, and yield to the event loop between the steps of its decompression."""
        label, status, headers = progress.label, response.status_code, dict(response.headers.items())
        try:
            reader = BodyReader(headers.get("content-encoding", ""), progress.max_bytes)
            async with aclosing(response.aiter_raw()) as chunks:
                while (chunk := await progress.step(anext(chunks, None))) is not None:
                    for _ in reader.add(chunk):
                        await asyncio.sleep(0)
            body = without_callback_secrets(reader.body())
        except BodyError as error:
            raise ServerFault(f"{label}: {error}", status) from None
        return Response(label, status, headers, body, read_date(headers.get("date"), self._clock()))

    def _redacted_origin(self, url: httpx2.URL) -> str:
        """Return a clean origin, or a placeholder if it contains the key."""
        origin = f"{url.scheme}://{url.netloc.decode()}"
        key = "" if self._key is None else self._key.reveal().lower()
        return "an address that contains the key" if key and key in origin.lower() else clean(origin)
