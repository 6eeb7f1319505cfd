"""The connection to a relay: receives its messages, and sends requests about single runs over it.

One WebSocket is open at a time. No exception of the websockets library leaves this module.
"""

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import PurePath
from typing import Final, NoReturn

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from tui.domain.text import clean
from tui.settings import Secret
from tui.sources.base import Fatal
from tui.sources.clock import Clock
from tui.sources.relay.handshake import OPEN_TIMEOUT_S, RelayConnector
from tui.wire.client import USER_AGENT
from tui.wire.connection import Timeouts
from tui.wire.errors import NotFound, RateLimited, ServerFault, Unreachable
from tui.wire.limits import MAX_INLINE_BYTES
from tui.wire.object_store import ObjectStore
from tui.wire.read_requests import ApiReader, ReadRequest, http_request_of
from tui.wire.relay.messages import (
    CLOSE_OTHER_VERSION,
    VERSION,
    Call,
    CallResponse,
    Hello,
    RelayMessage,
    ScreenMessage,
    Watch,
    Welcome,
    decode_relay_message,
    encode_screen_message,
)
from tui.wire.responses import Response, response_error

RESPONSE_TIMEOUT_S: Final = 40.0
"""Longer than the relay waits for the API, so that the relay's own error arrives first."""

MAX_CALL_BYTES: Final = 60 * 1024

_NOT_CONNECTED: Final = "the relay is not connected"
_BROKE: Final = "the connection to the relay broke"


class RelayConnection(ApiReader):
    """Reads runs through a relay while `open` holds a connection to it."""

    def __init__(self, url: str, token: Secret, clock: Clock, *, ca: PurePath | None = None) -> None:
        """`ca` is a file of certificates that are trusted instead of the machine's."""
        super().__init__(token)
        self._url = url
        self._connector = RelayConnector(url, token, clock.now, ca)
        self._socket: ClientConnection | None = None
        self._numbers = itertools.count(1)
        self._in_flight: dict[int, asyncio.Future[Response]] = {}
        self._is_watching = False
        self._object_store = ObjectStore(
            USER_AGENT, clock=clock.now, timeouts=Timeouts(), allows_http=url.startswith("ws:")
        )

    async def aclose(self) -> None:
        """Close the connections to the object store. `open` closes the one to the relay."""
        await self._object_store.aclose()

    async def fetch_response(self, request: ReadRequest) -> Response:
        """Return the API's response to a request that the relay passes on."""
        method, path, *_ = http_request_of(request)
        number = next(self._numbers)
        future = self._in_flight[number] = asyncio.get_running_loop().create_future()
        try:
            await self._send(number, request)
            async with asyncio.timeout(RESPONSE_TIMEOUT_S):
                response: Response = replace(await future, label=f"{method} {path}")
        except TimeoutError:
            text = f"{method} {path}: no response from the relay in {RESPONSE_TIMEOUT_S:.0f} s"
            raise Unreachable(text, may_have_arrived=True) from None
        finally:
            del self._in_flight[number]
        if isinstance(error := response_error(response, self._key), RateLimited):
            raise error
        return response

    async def send_call(self, request: ReadRequest) -> int:
        """Send a request without waiting. Returns the number that the response will have. Raises `ApiError`."""
        number = next(self._numbers)
        await self._send(number, request)
        return number

    async def watch(self, *, is_watching: bool) -> None:
        """Tell the relay whether this screen shows findings, now and on every new connection."""
        if is_watching is not self._is_watching:
            self._is_watching = is_watching
            with suppress(Unreachable):
                await self._send_message(Watch(is_watching=is_watching))

    async def receive(self) -> RelayMessage:
        """Return the next message. Raises `ServerFault` for one that cannot be read.

        `open` translates the exception at the end of the connection.
        """
        if self._socket is None:
            raise Unreachable(_NOT_CONNECTED, may_have_arrived=False)
        text = await self._socket.recv(decode=False)
        if len(text) > MAX_INLINE_BYTES:
            return await asyncio.to_thread(decode_relay_message, text)
        return decode_relay_message(text)

    def abort(self) -> None:
        """Close the connection at once."""
        if self._socket is not None:
            self._socket.transport.abort()

    def resolve(self, message: CallResponse) -> None:
        """Finish the `fetch_response` that waits for this response; it may have timed out."""
        future = self._in_flight.get(message.number)
        if future is not None and not future.done():
            future.set_result(message.response)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Welcome]:
        """Hold a connection while the block runs. Raises `ApiError`, or `Fatal` where a retry cannot help."""
        socket = await self._connector.connect()
        try:
            welcome = await self._exchange_hello(socket)
            self._socket = socket
            if self._is_watching:
                await self._send_message(Watch(is_watching=True))
            yield welcome
        except ConnectionClosed as closed:
            self._raise_closed(closed)
        finally:
            self._socket = None
            for future in self._in_flight.values():
                if not future.done():
                    future.set_exception(Unreachable(_BROKE, may_have_arrived=True))
            socket.transport.abort()
            await socket.wait_closed()

    async def fetch_presigned(self, url: str, *, max_bytes: int) -> bytes:
        """Fetch a payload or an output from the object store itself, not through the relay."""
        return await self._object_store.fetch(url, max_bytes=max_bytes)

    async def _send(self, number: int, request: ReadRequest) -> None:
        await self._send_message(Call(number, request))

    async def _send_message(self, message: ScreenMessage) -> None:
        text = encode_screen_message(message)
        if len(text) > MAX_CALL_BYTES:
            raise NotFound("the id is too long for a run")
        if self._socket is None:
            raise Unreachable(_NOT_CONNECTED, may_have_arrived=False)
        try:
            async with asyncio.timeout(OPEN_TIMEOUT_S):
                await self._socket.send(text, text=True)
        except (ConnectionClosed, TimeoutError):
            raise Unreachable(_BROKE, may_have_arrived=False) from None

    async def _exchange_hello(self, socket: ClientConnection) -> Welcome:
        try:
            async with asyncio.timeout(OPEN_TIMEOUT_S):
                await socket.send(encode_screen_message(Hello(VERSION, USER_AGENT)), text=True)
                welcome = decode_relay_message(await socket.recv(decode=False))
        except TimeoutError:
            raise Unreachable(f"the server at {self._url} sent nothing", may_have_arrived=False) from None
        if not isinstance(welcome, Welcome):
            raise ServerFault(f"the server at {self._url} is not a relay: its first message is not a welcome", 200)
        if welcome.version != VERSION:
            _raise_other_version(
                f"the relay speaks version {welcome.version} of the protocol, this screen version {VERSION}"
            )
        return welcome

    def _raise_closed(self, closed: ConnectionClosed) -> NoReturn:
        reason = clean(closed.rcvd.reason) if closed.rcvd is not None else ""
        if closed.rcvd is not None and closed.rcvd.code == CLOSE_OTHER_VERSION:
            _raise_other_version(reason)
        text = "the connection to the relay ended" + (f": {reason}" if reason else "")
        raise Unreachable(text, may_have_arrived=False) from None


def _raise_other_version(text: str) -> NoReturn:
    raise Fatal(f"{text}: install the same version of trigger-tui on both sides") from None
