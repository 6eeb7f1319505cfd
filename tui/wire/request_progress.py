"""One request on its way through httpx: whether it was written, how long it may take, and what its failure means.

httpx translates the exceptions of httpcore alone. TLS after the handshake, a SOCKS proxy that breaks off, and what the
sockets below raise pass through it as they are. Here all of them become `TransportFailure`.
"""

import asyncio
import re
import ssl
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import httpx

from tui.domain.action import OnWritten
from tui.wire.dead_peers import notice_dead_peer

T = TypeVar("T")

_OPENSSL_PLACE: Final = re.compile(r"\A\[[^\]]*\] *| *\(_ssl\.c:[0-9]+\)")
"""What OpenSSL's own words stand between: `[SSL: CODE] what happened (_ssl.c:2580)`."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long each step may take, in seconds.

    `connect_s` is two lost packets on a slow line, `read_s` more than the slowest query that a person waits for,
    `pool_s` the wait for a free connection. `reach_s` bounds all that precedes the request: the free connection, TCP, a
    proxy's handshake (which httpcore waits for without end) and TLS. `whole_s` bounds the rest: a server may send a
    byte now and then.
    """

    connect_s: float = 5.0
    read_s: float = 20.0
    write_s: float = 10.0
    pool_s: float = 10.0
    reach_s: float = 15.0
    whole_s: float = 60.0


class TransportFailure(Exception):
    """The transport failed; the text says how. `is_pool_full`: no connection became free."""

    def __init__(self, text: str, *, may_have_arrived: bool, is_pool_full: bool = False) -> None:
        super().__init__(text)
        self.may_have_arrived = may_have_arrived
        self.is_pool_full = is_pool_full


@dataclass(slots=True, eq=False)
class RequestProgress:
    """One request. `is_written`: its first byte may have left; from then on `timer` gives it `whole_s`.

    `clean` makes a short line of a library's words. `on_written` is called when the first byte leaves.
    """

    timeouts: Timeouts
    clean: Callable[[str], str]
    on_written: OnWritten | None = None
    timer: asyncio.Timeout | None = None
    is_written: bool = False
    _opened: Any = None
    """The stream of a connection on which nothing was written yet."""

    _has_left: bool = False
    """It was written once at least: a redirect leads to another request within the same time."""

    _bug: Exception | None = None
    """What `on_written` raised: it passes through httpx, and is none of the transport's failures."""

    async def trace(self, event: str, info: Mapping[str, Any]) -> None:
        """Follow httpcore's `trace` extension. A CONNECT is for the proxy: it says nothing of our request."""
        if event.endswith(".connect_tcp.complete"):
            self._opened = info["return_value"]
            notice_dead_peer(self._opened.get_extra_info("socket"))
        elif event == "http11.send_request_headers.started" and info["request"].method != b"CONNECT":
            self.is_written, self._opened = True, None
            if self.timer is not None and not self._has_left:
                self._has_left = True
                self.timer.reschedule(asyncio.get_running_loop().time() + self.timeouts.whole_s)
            if self.on_written is not None:
                try:
                    await self.on_written()
                except Exception as bug:
                    self._bug = bug
                    raise

    @property
    def overdue(self) -> str:
        """What to say when `timer` ended it."""
        if self._has_left:
            return f"no whole answer in {self.timeouts.whole_s:g} s"
        return f"no connection in {self.timeouts.reach_s:g} s"

    async def step(self, awaited: Awaitable[T]) -> T:
        """Await one step of httpx. Raises `TransportFailure` for whatever it raises."""
        try:
            return await awaited
        except BaseException as error:
            await self._close_opened()
            if not isinstance(error, Exception) or error is self._bug:
                raise
            failure = self._failure(error)
        # Raised out here so that it carries no httpx exception, whose request holds the key.
        raise failure

    async def _close_opened(self) -> None:
        """Close what httpcore opened and forgot: it leaves a connection open whose proxy breaks off."""
        opened, self._opened = self._opened, None
        if opened is not None:
            with suppress(Exception):
                await opened.aclose()

    def _failure(self, error: Exception) -> TransportFailure:
        # httpcore writes nothing of a request that h11 refuses.
        may_have_arrived = self.is_written and not isinstance(error, httpx.LocalProtocolError)
        is_pool_full = isinstance(error, httpx.PoolTimeout)
        return TransportFailure(self._words(error), may_have_arrived=may_have_arrived, is_pool_full=is_pool_full)

    def _words(self, error: Exception) -> str:
        match error:
            case httpx.ConnectTimeout():
                return f"no connection in {self.timeouts.connect_s:g} s"
            case httpx.PoolTimeout():
                return f"no free connection in {self.timeouts.pool_s:g} s"
            case httpx.ReadTimeout():
                return f"no answer in {self.timeouts.read_s:g} s"
            case httpx.WriteTimeout():
                return f"not sent in {self.timeouts.write_s:g} s"
            case ssl.SSLError():
                reason = self.clean(_OPENSSL_PLACE.sub("", str(error)))
                return f"TLS broke: {reason}" if reason else "TLS broke"
            case _ if not self.is_written:
                return f"no connection: {self.clean(str(error)) or 'it broke off'}"
            case httpx.RemoteProtocolError():
                return "the connection was closed without a whole answer, or it was no HTTP"
            case _:
                return "the connection broke"
