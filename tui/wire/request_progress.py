"""Tracks one request through httpcore: whether it was written, and which timeout applies. Translates its exceptions.

Errors of TLS after the handshake, of a SOCKS proxy and of sockets pass through httpcore unchanged. All of them become
`TransportFailure` here.
"""

import asyncio
import math
import re
import ssl
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any, Final, TypeVar

from tui.domain.action import OnWritten
from tui.lazy_dataclass import dataclass
from tui.wire.dead_peers import detect_dead_peer
from tui.wire.http.core import httpcore

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
