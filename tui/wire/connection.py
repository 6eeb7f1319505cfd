"""One kept HTTP client: a request goes out, a whole answer comes back, everything else is an `ApiError`.

This module holds limits, redirects and sizes. `wire.client` says which requests there are, `wire.responses` what an
answer means. Every exception of the transport, of whatever library, becomes an `ApiError` here, with the help of
`wire.request_progress`. No text of an error holds a key, a payload or the query of an address.
"""

import asyncio
import logging
import ssl
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Self

import httpx

from tui.config import Secret
from tui.domain.action import OnWritten
from tui.domain.run import Json
from tui.domain.text import clean
from tui.wire.content_coding import ACCEPTED, BodyReader, BodyTooLarge, CodingError
from tui.wire.errors import ApiError, ServerFault, Unreachable
from tui.wire.request_progress import RequestProgress, TransportFailure
from tui.wire.request_progress import Timeouts as Timeouts  # noqa: PLC0414  whoever makes a connection sets its timeouts
from tui.wire.responses import Response, read_date

KEEP_ALIVE_S = 60.0
"""A connection idle for longer is not used again: the server closes its side after 65 s (wire/README.md §10)."""

MAX_CONNECTIONS = 20
"""Open at once: more than the sources ever ask at a time, so that hung reads do not hold up a person's action."""

MAX_ABANDONED = MAX_CONNECTIONS // 2
"""Requests that were given up, as when the cursor moves on, before new connections are made: httpcore 1.0.9 loses the
place of one that is cancelled between its connection and its first byte (encode/httpcore issue 1093), and after
MAX_CONNECTIONS of them would ask for nothing ever again.
"""

MAX_BODY_BYTES = 64 * 1024 * 1024
"""Of one answer, unpacked: a trace of 5,000 spans is 5 MB; what is larger would fill the memory of the monitor."""

MAX_REDIRECTS = 3
"""The server sends one, for a trailing slash (recording 926)."""

_LOOPBACK = "http://127.0.0.1:"

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_KEEPS_METHOD = frozenset({307, 308})
_MAX_REASON_CHARS = 120


@dataclass(slots=True, eq=False)
class _Kept:
    """An httpx client with its connections: how many requests use them now, and how many were given up."""

    http: httpx.AsyncClient
    sending: int = 0
    given_up: int = 0


class HttpConnection:
    """Sends requests to one origin, over connections that are kept; httpx is set up by the first of them.

    Proxies (`HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, `NO_PROXY`) and certificate authorities (`SSL_CERT_FILE`,
    `SSL_CERT_DIR`) are those of the environment, as httpx reads them.
    """

    def __init__(
        self,
        *,
        headers: Mapping[bytes, bytes],
        key: Secret | None = None,
        clock: Callable[[], datetime],
        timeouts: Timeouts,
    ) -> None:
        """`key` is cut out of every text of an error; `clock` dates an answer that has no `Date`."""
        self._headers = httpx.Headers({b"accept-encoding": ACCEPTED.encode(), **headers})
        self._key = key
        self._clock = clock
        self._timeouts = timeouts
        self._trust: ssl.SSLContext | None = None
        self._kept: _Kept | None = None
        self._retired: list[_Kept] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close all connections. It may be called twice, and used again afterwards."""
        kept = [*self._retired, *([self._kept] if self._kept is not None else [])]
        self._kept, self._retired = None, []
        for each in kept:
            await _close(each.http)

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
        """Send one request, follow redirects within its origin, and read the answer whole, whatever its status.

        `label` is what errors call the request; the body may have `max_bytes`, MAX_BODY_BYTES unless it is given.
        `on_written` is called when the request leaves, and again where a redirect leads.
        Raises `Unreachable`, or `ServerFault` for a redirect elsewhere, a larger body or one that cannot be unpacked.
        """
        failure: ApiError
        progress = RequestProgress(self._timeouts, self._clean, on_written)
        try:
            kept = self._open(url)
            request = _request(kept.http, method, url, params, json, progress)
            async with asyncio.timeout(self._timeouts.reach_s) as progress.timer:
                return await self._through(kept, request, progress, label, max_bytes or MAX_BODY_BYTES)
        except _Unusable as error:
            failure = Unreachable(f"{label}: {error}", may_have_arrived=False)
        except TransportFailure as lost:
            failure = Unreachable(f"{label}: {lost}", may_have_arrived=lost.may_have_arrived)
        except TimeoutError:
            failure = Unreachable(f"{label}: {progress.overdue}", may_have_arrived=progress.is_written)
        # Raised out here so that it carries no httpx exception, whose request holds the key.
        raise failure

    async def _through(
        self, kept: _Kept, request: httpx.Request, progress: RequestProgress, label: str, max_bytes: int
    ) -> Response:
        """Send a request, and count it where it failed: httpcore may have lost its place among the connections.

        The last request on retired connections closes them: a request that is cancelled while it closes them would
        leave the rest of them open, since httpx closes but once.
        """
        kept.sending += 1
        try:
            return await self._follow(kept.http, request, progress, label, max_bytes)
        except (asyncio.CancelledError, TransportFailure) as error:
            is_full = isinstance(error, TransportFailure) and error.is_pool_full
            kept.given_up += MAX_ABANDONED if is_full else 1
            if kept.given_up >= MAX_ABANDONED and kept is self._kept:
                self._kept = None
                self._retired.append(kept)
            raise
        finally:
            kept.sending -= 1
            if not kept.sending and kept in self._retired:
                self._retired.remove(kept)
                await _close(kept.http)

    def _open(self, url: str) -> _Kept:
        """The httpx client of now. Raises `_Unusable` where the environment names certificates or proxies wrongly."""
        if self._kept is None:
            # They log whole addresses, the signatures of presigned ones included.
            for name in ("httpx", "httpcore"):
                logging.getLogger(name).setLevel(logging.WARNING)
            steps = self._timeouts
            try:
                if self._trust is None:  # read once: it takes 10 ms, and an upgrade may have moved the files
                    self._trust = _trusting_nobody() if url.startswith(_LOOPBACK) else httpx.create_ssl_context()
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
                raise _Unusable(
                    f"the proxy or certificate settings cannot be used: {self._clean(str(error))}"
                ) from None
            self._kept = _Kept(http)
        return self._kept

    async def _follow(
        self, http: httpx.AsyncClient, request: httpx.Request, progress: RequestProgress, label: str, max_bytes: int
    ) -> Response:
        """Send a request, and again where a redirect leads, as long as it stays in its origin."""
        for redirects_left in reversed(range(MAX_REDIRECTS + 1)):
            progress.is_written = False  # a redirect says that the request before it had no effect
            if http.is_closed:  # while a redirect was read; httpx would raise no error of its own
                raise TransportFailure("the connection was closed", may_have_arrived=False)
            response = await progress.step(http.send(request, stream=True))
            try:
                target = _target(request, response, label)
                if target is None:
                    return await self._read(response, progress, label, max_bytes)
                # Our key goes to no other origin, and a POST never becomes a GET.
                is_same = _origin(target) == _origin(request.url)
                may_repeat = request.method == "GET" or response.status_code in _KEEPS_METHOD
                if not (is_same and may_repeat):
                    why = f"redirected to {self._cut(_origin(target))}, which was not followed"
                    raise ServerFault(f"{label}: {why}", response.status_code)
                if not redirects_left:
                    raise ServerFault(f"{label}: redirected in a circle", response.status_code)
            finally:
                with suppress(Exception):  # the answer is here, or its loss is being told
                    await response.aclose()
            request.url = target
        raise AssertionError("the last redirect is refused above")

    async def _read(self, response: httpx.Response, progress: RequestProgress, label: str, max_bytes: int) -> Response:
        """Read the body, and yield to the event loop with every step of its decoding."""
        headers = {name.lower(): value for name, value in response.headers.items()}
        try:
            reader = BodyReader(headers.get("content-encoding", ""), max_bytes)
            chunks = response.aiter_raw()
            while (chunk := await progress.step(anext(chunks, None))) is not None:
                for _ in reader.add(chunk):
                    await asyncio.sleep(0)
            body = reader.body()
        except CodingError as error:
            raise ServerFault(f"{label}: {error}", response.status_code) from None
        except BodyTooLarge:
            raise ServerFault(f"{label}: an answer of more than {max_bytes:,} bytes", response.status_code) from None
        read_at = read_date(headers.get("date"), self._clock())
        return Response(label, response.status_code, headers, body, read_at)

    def _cut(self, text: str) -> str:
        """A text of the other side, clean and without our key."""
        key = "" if self._key is None else self._key.reveal().lower()
        return "an address that holds the key" if key and key in text.lower() else clean(text)

    def _clean(self, text: str) -> str:
        """One short line of a library's words, without our key."""
        line = clean(" ".join((text if self._key is None else text.replace(self._key.reveal(), "…")).split()))
        return line if len(line) <= _MAX_REASON_CHARS else line[: _MAX_REASON_CHARS - 1] + "…"


class _Unusable(Exception):
    """The request or httpx cannot be set up; the text says why."""


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
        return http.build_request(method, url, params=params, json=json, extensions={"trace": progress.trace})
    except (httpx.InvalidURL, UnicodeError):
        raise _Unusable("the address or the text that was to be sent cannot be written") from None


async def _close(http: httpx.AsyncClient) -> None:
    """Close all connections; what a dead one raises meanwhile changes nothing."""
    with suppress(Exception):
        await http.aclose()


def _target(request: httpx.Request, response: httpx.Response, label: str) -> httpx.URL | None:
    """Return where a redirect leads, None for an answer. Raises `ServerFault` where it leads to no address."""
    if response.status_code not in _REDIRECTS or "location" not in response.headers:
        return None
    try:
        return request.url.join(response.headers["location"])
    except (httpx.InvalidURL, UnicodeError):
        pass
    raise ServerFault(f"{label}: redirected to an address that is none", response.status_code)


def _origin(url: httpx.URL) -> str:
    return f"{url.scheme}://{url.netloc.decode('ascii', 'replace')}"


def _trusting_nobody() -> ssl.SSLContext:
    """For what is never asked over TLS: to read all authorities for it would cost a tenth of the program's start."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
