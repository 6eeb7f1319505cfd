"""One kept HTTP client: a request goes out, a whole answer comes back, everything else is an `ApiError`.

What lives here: timeouts, limits, redirects, sizes, and the translation of what httpx raises. Which requests there
are is said in `wire.client`, what an answer means in `wire.answers`. No `httpx` exception leaves this module, and
no text of an error holds a key, a payload or the query of an address.
"""

import asyncio
import logging
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Self

import httpx

from tui.config import Secret
from tui.domain.run import Json
from tui.domain.text import clean
from tui.wire.answers import Answer, read_date
from tui.wire.errors import ApiError, ServerFault, Unreachable

KEEP_ALIVE_S = 60.0
"""A connection idle for longer is not used again: the server closes its side after 65 s (wire/README.md §10)."""

CONNECTIONS = 20
"""Open at once: more than the sources ever ask at a time, so that hung reads do not hold up a person's action."""

MOST_GIVEN_UP = CONNECTIONS // 2
"""Requests that were given up, as when the cursor moves on, before new connections are made: httpcore 1.0.9 loses the
place of one that is cancelled between its connection and its first byte (encode/httpcore issue 1093), and after
CONNECTIONS of them would ask for nothing ever again.
"""

MAX_BODY_BYTES = 64 * 1024 * 1024
"""Of one answer, unpacked: a trace of 5,000 spans is 5 MB; what is larger would fill the memory of the monitor."""

MAX_REDIRECTS = 3
"""The server sends one, for a trailing slash (recording 926)."""

_LOOPBACK = "http://127.0.0.1:"

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_KEEPS_METHOD = frozenset({307, 308})
_LONGEST_REASON = 120


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long each step may take, in seconds.

    `connect_s` is two lost packets on a slow line, `read_s` more than the slowest query that a person waits for,
    `pool_s` the wait for a free connection, `whole_s` the bound of a server that sends a byte now and then.
    """

    connect_s: float = 5.0
    read_s: float = 20.0
    write_s: float = 10.0
    pool_s: float = 10.0
    whole_s: float = 60.0


@dataclass(slots=True, eq=False)
class _Kept:
    """An httpx client with its connections: how many requests use them now, and how many were given up."""

    http: httpx.AsyncClient
    sending: int = 0
    given_up: int = 0


class Connection:
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
        self._headers = httpx.Headers(headers)
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
            await each.http.aclose()

    async def send(
        self,
        method: str,
        url: str,
        asked: str,
        *,
        params: Mapping[str, str] | None = None,
        json: Json = None,
        max_bytes: int | None = None,
    ) -> Answer:
        """Send one request, follow redirects within its origin, and read the answer whole, whatever its status.

        `asked` is what errors call the request; the body may have `max_bytes`, MAX_BODY_BYTES unless it is given.
        Raises `Unreachable`, or `ServerFault` for a redirect elsewhere, a larger body or one that cannot be unpacked.
        """
        failure: ApiError
        try:
            kept = self._open(url)
            request = kept.http.build_request(method, url, params=params, json=json)
            async with asyncio.timeout(self._timeouts.whole_s):
                return await self._through(kept, request, asked, max_bytes or MAX_BODY_BYTES)
        except _Unusable as error:
            failure = Unreachable(f"{asked}: {error}", may_have_arrived=False)
        except TimeoutError:
            failure = Unreachable(f"{asked}: no whole answer in {self._timeouts.whole_s:g} s", may_have_arrived=True)
        except (httpx.InvalidURL, UnicodeError):  # a host that is no domain name fails as IDNA
            failure = ServerFault(f"{asked}: sent to an address that is none", 200)
        except httpx.DecodingError:
            failure = ServerFault(f"{asked}: an answer that cannot be unpacked", 200)
        except httpx.HTTPError as error:
            failure = self._unreachable(asked, error)
        # Raised out here so that it carries no httpx exception, whose request holds the key.
        raise failure

    async def _through(self, kept: _Kept, request: httpx.Request, asked: str, max_bytes: int) -> Answer:
        """Send it, and note when it is given up: its place among the connections may be lost with that.

        The last one on old connections closes them: who asks next may be given up while he does, and httpx, which
        closes but once, would leave the rest of them open.
        """
        kept.sending += 1
        try:
            return await self._follow(kept.http, request, asked, max_bytes)
        except (asyncio.CancelledError, httpx.PoolTimeout) as error:
            kept.given_up += 1 if isinstance(error, asyncio.CancelledError) else MOST_GIVEN_UP
            if kept.given_up >= MOST_GIVEN_UP and kept is self._kept:
                self._kept = None
                self._retired.append(kept)
            raise
        finally:
            kept.sending -= 1
            if not kept.sending and kept in self._retired:
                self._retired.remove(kept)
                await kept.http.aclose()

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
                        max_connections=CONNECTIONS,
                        max_keepalive_connections=CONNECTIONS,
                        keepalive_expiry=KEEP_ALIVE_S,
                    ),
                )
            except (OSError, ImportError, ValueError, httpx.InvalidURL) as error:
                raise _Unusable(f"the proxy or certificate settings cannot be used: {self._reason(error)}") from None
            self._kept = _Kept(http)
        return self._kept

    async def _follow(self, http: httpx.AsyncClient, request: httpx.Request, asked: str, max_bytes: int) -> Answer:
        """Send a request, and again where a redirect leads, as long as it stays in its origin."""
        for redirects_left in reversed(range(MAX_REDIRECTS + 1)):
            if http.is_closed:  # while a redirect was read; httpx would raise no error of its own
                raise Unreachable(f"{asked}: the connection was closed", may_have_arrived=False)
            response = await http.send(request, stream=True)
            try:
                target = _target(request, response)
                if target is None:
                    return await self._read(response, asked, max_bytes)
                # Our key goes to no other origin, and a POST never becomes a GET.
                is_same = _origin(target) == _origin(request.url)
                may_repeat = request.method == "GET" or response.status_code in _KEEPS_METHOD
                if not (is_same and may_repeat):
                    why = f"redirected to {self._cut(_origin(target))}, which was not followed"
                    raise ServerFault(f"{asked}: {why}", response.status_code)
                if not redirects_left:
                    raise ServerFault(f"{asked}: redirected in a circle", response.status_code)
            finally:
                await response.aclose()
            request.url = target
        raise AssertionError("the last redirect is refused above")

    async def _read(self, response: httpx.Response, asked: str, max_bytes: int) -> Answer:
        chunks: list[bytes] = []
        size = 0
        async for chunk in response.aiter_bytes():
            size += len(chunk)
            if size > max_bytes:
                chunks.clear()  # the error, and with it this frame, is kept until the next try
                raise ServerFault(f"{asked}: an answer of more than {max_bytes:,} bytes", response.status_code)
            chunks.append(chunk)
        headers = {name.lower(): value for name, value in response.headers.items()}
        read_at = read_date(headers.get("date"), self._clock())
        return Answer(asked, response.status_code, headers, b"".join(chunks), read_at)

    def _unreachable(self, asked: str, error: httpx.HTTPError) -> Unreachable:
        never_left = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)
        match error:
            case httpx.ConnectTimeout():
                text = f"no connection in {self._timeouts.connect_s:g} s"
            case httpx.PoolTimeout():
                text = f"no free connection in {self._timeouts.pool_s:g} s"
            case httpx.ReadTimeout():
                text = f"no answer in {self._timeouts.read_s:g} s"
            case httpx.WriteTimeout():
                text = f"not sent in {self._timeouts.write_s:g} s"
            case httpx.ConnectError() | httpx.ProxyError():
                text = f"no connection: {self._reason(error)}"
            case httpx.RemoteProtocolError():
                text = "the connection was closed without a whole answer, or it was no HTTP"
            case _:
                text = "the connection broke"
        arrived = not isinstance(error, (*never_left, httpx.ProxyError))
        return Unreachable(f"{asked}: {text}", may_have_arrived=arrived)

    def _cut(self, text: str) -> str:
        """A text of the other side, clean and without our key."""
        key = "" if self._key is None else self._key.reveal().lower()
        return "an address that holds the key" if key and key in text.lower() else clean(text)

    def _reason(self, error: Exception) -> str:
        text = str(error) if self._key is None else str(error).replace(self._key.reveal(), "…")
        line = clean(" ".join(text.split())) or type(error).__name__
        return line if len(line) <= _LONGEST_REASON else line[: _LONGEST_REASON - 1] + "…"


class _Unusable(Exception):
    """httpx cannot be set up; the text says why."""


def _target(request: httpx.Request, response: httpx.Response) -> httpx.URL | None:
    """Where a redirect leads; None when this is the answer itself."""
    if response.status_code not in _REDIRECTS or "location" not in response.headers:
        return None
    return request.url.join(response.headers["location"])


def _origin(url: httpx.URL) -> str:
    return f"{url.scheme}://{url.netloc.decode('ascii', 'replace')}"


def _trusting_nobody() -> ssl.SSLContext:
    """For what is never asked over TLS: to read all authorities for it would cost a tenth of the program's start."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
