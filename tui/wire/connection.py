"""Sends HTTP requests over persistent connections: follows redirects, limits sizes and times, translates errors.

Every exception of the transport becomes an `ApiError`, with the help of `wire.request_progress`. No error text holds
a key, a payload or the query of a URL.
"""

import asyncio
import logging
import ssl
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from types import TracebackType
from typing import Self
from urllib.parse import urlencode

import httpx

from tui.domain.action import OnWritten
from tui.domain.run import Json
from tui.domain.text import clean
from tui.lazy_dataclass import dataclass
from tui.settings import Secret
from tui.wire.callbacks import without_callback_secrets
from tui.wire.content_coding import ACCEPTED, BodyReader, BodyTooLarge, CodingError
from tui.wire.errors import ApiError, ServerFault, Unreachable
from tui.wire.request_progress import RequestProgress, TransportFailure
from tui.wire.request_progress import Timeouts as Timeouts  # noqa: PLC0414  exported for callers that create a connection
from tui.wire.responses import Response, read_date

KEEP_ALIVE_S = 60.0
"""Connections that were idle for longer are not reused: the server closes them after 65 s
(tests/wire/recordings/README.md §10).
"""

MAX_CONNECTIONS = 20
"""Open connections: more than the sources use at a time, so that hung reads never delay a user's action."""

MAX_ABANDONED = MAX_CONNECTIONS // 2
"""Abandoned requests after which the pool is replaced. httpcore 1.0.9 leaks a pool slot when a request is canceled
between its connection and its first byte (encode/httpcore issue 1093). MAX_CONNECTIONS leaks would block all requests.
"""

MAX_BODY_BYTES = 64 * 1024 * 1024
"""Decompressed size of one response. A trace of 5,000 spans is 5 MB."""

MAX_REDIRECTS = 3
"""The server itself sends one redirect, for a trailing slash (recording 926)."""

_LOOPBACK = "http://127.0.0.1:"

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_KEEPS_METHOD = frozenset({307, 308})
_MAX_REASON_CHARS = 120


@dataclass(slots=True, eq=False)
class _Pool:
    """An httpx client with its connections. Counts the requests in flight (`sending`) and the abandoned ones."""

    http: httpx.AsyncClient
    sending: int = 0
    abandoned: int = 0


class HttpConnection:
    """Sends requests to one origin over persistent connections. The first request sets up httpx.

    httpx reads proxies (`HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, `NO_PROXY`) and certificate authorities
    (`SSL_CERT_FILE`, `SSL_CERT_DIR`) from the environment.
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
        self._headers = httpx.Headers({b"accept-encoding": ACCEPTED.encode(), **headers})
        self._key = key
        self._clock = clock
        self._timeouts = timeouts
        self._trust: ssl.SSLContext | None = None
        self._pool: _Pool | None = None
        self._retired: list[_Pool] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close all connections. A second call is harmless, and so is a request afterwards, which opens new ones."""
        pools = [*self._retired, *([self._pool] if self._pool is not None else [])]
        self._pool, self._retired = None, []
        for pool in pools:
            await _close(pool.http)

    async def send(
        self,
        method: str,
        url: str,
        label: str,
        *,
        params: Mapping[str, str] | None = None,
        json: Json = None,
        max_bytes: int | None = None,
        on_written: OnWritten | None = None,
    ) -> Response:
        """Send one request, follow redirects within its origin, and return the complete response, whatever its status.

        `label` names the request in errors. `max_bytes` limits the body, to MAX_BODY_BYTES by default. `on_written` is
        called when the request's first byte is written, also after a redirect.

        Raises `Unreachable` if there is no complete response. Raises `ServerFault` for a redirect to another origin,
        and for a body that is too large or cannot be decompressed.
        """
        failure: ApiError
        progress = RequestProgress(self._timeouts, self._clean, on_written)
        try:
            pool = self._open(url)
            request = _request(pool.http, method, url, params, json, progress)
            async with asyncio.timeout(self._timeouts.reach_s) as progress.timer:
                return await self._send_over(pool, request, progress, label, max_bytes or MAX_BODY_BYTES)
        except _Unusable as error:
            failure = Unreachable(f"{label}: {error}", may_have_arrived=False)
        except TransportFailure as error:
            failure = Unreachable(f"{label}: {error}", may_have_arrived=error.may_have_arrived)
        except TimeoutError:
            failure = Unreachable(f"{label}: {progress.overdue}", may_have_arrived=progress.is_written)
        # Raised outside of `except`, since a chained httpx exception would hold the request and its key.
        raise failure

    async def _send_over(
        self, pool: _Pool, request: httpx.Request, progress: RequestProgress, label: str, max_bytes: int
    ) -> Response:
        """Send a request over a pool, count it if it is abandoned, and retire the pool after too many of those.

        The last request of a retired pool closes it. The canceled request itself cannot: its close would be
        interrupted too, and httpx never resumes a close.
        """
        pool.sending += 1
        try:
            return await self._follow(pool.http, request, progress, label, max_bytes)
        except (asyncio.CancelledError, TransportFailure) as error:
            is_full = isinstance(error, TransportFailure) and error.is_pool_full
            pool.abandoned += MAX_ABANDONED if is_full else 1
            if pool.abandoned >= MAX_ABANDONED and pool is self._pool:
                self._pool = None
                self._retired.append(pool)
            raise
        finally:
            pool.sending -= 1
            if not pool.sending and pool in self._retired:
                self._retired.remove(pool)
                await _close(pool.http)

    def _open(self, url: str) -> _Pool:
        """Return the current pool, or open a new one. Raises `_Unusable` for invalid proxies or certificates."""
        if self._pool is None:
            # These loggers would log whole URLs, including the signatures of presigned ones.
            for name in ("httpx", "httpcore"):
                logging.getLogger(name).setLevel(logging.WARNING)
            steps = self._timeouts
            try:
                if self._trust is None:  # read once: it takes 10 ms, and a later upgrade may move the files
                    self._trust = (
                        _context_without_authorities() if url.startswith(_LOOPBACK) else httpx.create_ssl_context()
                    )
                http = httpx.AsyncClient(
                    headers=self._headers,
                    verify=self._trust,
                    timeout=httpx.Timeout(
                        connect=steps.connect_s, read=steps.read_s, write=steps.write_s, pool=steps.pool_s
                    ),
                    limits=httpx.Limits(
                        max_connections=MAX_CONNECTIONS,
                        max_keepalive_connections=MAX_CONNECTIONS,
                        keepalive_expiry=KEEP_ALIVE_S,
                    ),
                )
            except (OSError, ImportError, ValueError, httpx.InvalidURL) as error:
                raise _Unusable(f"invalid proxy or certificate settings: {self._clean(str(error))}") from None
            self._pool = _Pool(http)
        return self._pool

    async def _follow(
        self, http: httpx.AsyncClient, request: httpx.Request, progress: RequestProgress, label: str, max_bytes: int
    ) -> Response:
        """Send a request, and follow redirects within its origin."""
        for redirects_left in reversed(range(MAX_REDIRECTS + 1)):
            progress.is_written = False  # the request that was redirected had no effect
            if http.is_closed:  # closed meanwhile; httpx raises no error of its own for this
                raise TransportFailure("the connection was closed", may_have_arrived=False)
            response = await progress.step(http.send(request, stream=True))
            try:
                target = _target(request, response, label)
                if target is None:
                    return await self._read(response, progress, label, max_bytes)
                # The key must not reach another origin, and a POST must not become a GET.
                is_same = _origin(target) == _origin(request.url)
                may_repeat = request.method == "GET" or response.status_code in _KEEPS_METHOD
                if not (is_same and may_repeat):
                    why = f"redirected to {self._redacted_url(_origin(target))}, which was not followed"
                    raise ServerFault(f"{label}: {why}", response.status_code)
                if not redirects_left:
                    raise ServerFault(f"{label}: too many redirects", response.status_code)
            finally:
                with suppress(Exception):  # the response is complete, or its failure is already raised
                    await response.aclose()
                del response.stream  # it refers to the response: only a collection would free the two
            request.url = target
        raise AssertionError("the loop ends with a response or an error")

    async def _read(self, response: httpx.Response, progress: RequestProgress, label: str, max_bytes: int) -> Response:
        """Read the body, and yield to the event loop between the steps of its decompression."""
        headers = {name.lower(): value for name, value in response.headers.items()}
        try:
            reader = BodyReader(headers.get("content-encoding", ""), max_bytes)
            chunks = response.aiter_raw()
            while (chunk := await progress.step(anext(chunks, None))) is not None:
                for _ in reader.add(chunk):
                    await asyncio.sleep(0)
            body = without_callback_secrets(reader.body())
        except CodingError as error:
            raise ServerFault(f"{label}: {error}", response.status_code) from None
        except BodyTooLarge:
            raise ServerFault(
                f"{label}: the response has more than {max_bytes:,} bytes", response.status_code
            ) from None
        read_at = read_date(headers.get("date"), self._clock())
        return Response(label, response.status_code, headers, body, read_at)

    def _redacted_url(self, text: str) -> str:
        """Return a clean URL, or a placeholder if it contains the key."""
        key = "" if self._key is None else self._key.reveal().lower()
        return "an address that contains the key" if key and key in text.lower() else clean(text)

    def _clean(self, text: str) -> str:
        """Return a library's message as one short line without the key."""
        line = clean(" ".join((text if self._key is None else text.replace(self._key.reveal(), "…")).split()))
        return line if len(line) <= _MAX_REASON_CHARS else line[: _MAX_REASON_CHARS - 1] + "…"


class _Unusable(Exception):
    """The request or httpx cannot be set up, as the text says."""


def _request(
    http: httpx.AsyncClient,
    method: str,
    url: str,
    params: Mapping[str, str] | None,
    json: Json,
    progress: RequestProgress,
) -> httpx.Request:
    """Build a request that reports to `progress`. Raises `_Unusable`."""
    try:
        # Given apart, httpx would parse the address a second time: a tenth of the CPU of a request.
        whole = f"{url}?{urlencode(params)}" if params else url
        return http.build_request(method, whole, json=json, extensions={"trace": progress.trace})
    except (httpx.InvalidURL, UnicodeError):
        raise _Unusable("the address or the body cannot be encoded") from None


async def _close(http: httpx.AsyncClient) -> None:
    """Close all connections, and ignore errors of dead ones."""
    with suppress(Exception):
        await http.aclose()


def _target(request: httpx.Request, response: httpx.Response, label: str) -> httpx.URL | None:
    """Return the target of a redirect, None for other responses. Raises `ServerFault` for an invalid target."""
    if response.status_code not in _REDIRECTS or "location" not in response.headers:
        return None
    try:
        return request.url.join(response.headers["location"])
    except (httpx.InvalidURL, UnicodeError):
        pass
    raise ServerFault(f"{label}: redirected to an invalid address", response.status_code)


def _origin(url: httpx.URL) -> str:
    return f"{url.scheme}://{url.netloc.decode('ascii', 'replace')}"


def _context_without_authorities() -> ssl.SSLContext:
    """Return a context for a loopback API without TLS: loading the authorities takes a tenth of our start-up time."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
