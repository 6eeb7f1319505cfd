"""The link to a relay: one WebSocket at a time, over which a screen hears, and asks about single runs.

What lives here: the screen's side of the connection. How one is made is `dial`'s, what is heard `relay`'s to make use
of. No exception of websockets leaves this module. Source: DESIGN §6.
"""

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import PurePath
from typing import Final, NoReturn

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from tui.config import Secret
from tui.domain.text import clean
from tui.sources.base import Fatal
from tui.sources.clock import Clock
from tui.sources.relay.handshake import OPEN_WITHIN_S, RelayConnector
from tui.wire.client import USER_AGENT
from tui.wire.connection import Timeouts
from tui.wire.errors import NotFound, RateLimited, ServerFault, Unreachable
from tui.wire.object_store import ObjectStore
from tui.wire.read_requests import ApiReader, ReadRequest, http_request_of
from tui.wire.relay.messages import (
    OTHER_VERSION,
    VERSION,
    Call,
    CallResponse,
    Hello,
    RelayMessage,
    Welcome,
    decode_relay_message,
    encode_screen_message,
)
from tui.wire.responses import Response, refusal

ANSWER_WITHIN_S: Final = 40.0
"""Longer than the relay waits for the API, so that it is the relay that says what was wrong."""

LARGEST_CALL: Final = 60 * 1024
_NOT_CONNECTED: Final = "the relay is not connected"
_BROKE: Final = "the connection to the relay broke"


class RelayConnection(ApiReader):
    """One connection to a relay at a time, over which questions are asked; made by `open`."""

    def __init__(self, url: str, token: Secret, clock: Clock, *, ca: PurePath | None = None) -> None:
        """`ca` is a file of certificates that are trusted instead of the machine's."""
        super().__init__(token)
        self._url = url
        self._dial = RelayConnector(url, token, clock.now, ca)
        self._line: ClientConnection | None = None
        self._numbers = itertools.count(1)
        self._open: dict[int, asyncio.Future[Response]] = {}
        self._stored = ObjectStore(USER_AGENT, clock=clock.now, timeouts=Timeouts(), allows_http=url.startswith("ws:"))

    async def aclose(self) -> None:
        """Close what the source did not: connections to the object store."""
        await self._stored.aclose()

    async def fetch_response(self, request: ReadRequest) -> Response:
        """The API's whole answer to a question, carried by the relay."""
        method, path, _ = http_request_of(request)
        number = next(self._numbers)
        answer = self._open[number] = asyncio.get_running_loop().create_future()
        try:
            await self._send(number, request)
            async with asyncio.timeout(ANSWER_WITHIN_S):
                told: Response = replace(await answer, label=f"{method} {path}")
        except TimeoutError:
            late = f"{method} {path}: no answer of the relay in {ANSWER_WITHIN_S:.0f} s"
            raise Unreachable(late, may_have_arrived=True) from None
        finally:
            del self._open[number]
        if isinstance(error := refusal(told, self._key), RateLimited):
            raise error
        return told

    async def post(self, question: ReadRequest) -> int:
        """Ask without waiting; gives the number under which the answer will be heard. Raises `ApiError`."""
        number = next(self._numbers)
        await self._send(number, question)
        return number

    async def hear(self) -> RelayMessage:
        """The next message. Raises `ServerFault` for one that cannot be read; the end of the connection is `open`'s to
        tell.
        """
        if self._line is None:
            raise Unreachable(_NOT_CONNECTED, may_have_arrived=False)
        return decode_relay_message(await self._line.recv(decode=False))

    def cut(self) -> None:
        """End the connection at once."""
        if self._line is not None:
            self._line.transport.abort()

    def take(self, answered: CallResponse) -> None:
        """Hand an answer to who waits for it; perhaps nobody does any more."""
        waiting = self._open.get(answered.number)
        if waiting is not None and not waiting.done():
            waiting.set_result(answered.response)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Welcome]:
        """Be connected to a relay that said welcome. Raises `ApiError`, or `Fatal` for what only a person can mend."""
        line = await self._dial.connect()
        try:
            welcome = await self._greet(line)
            self._line = line
            yield welcome
        except ConnectionClosed as closed:
            self._tell_why(closed)
        finally:
            self._line = None
            for answer in self._open.values():
                if not answer.done():
                    answer.set_exception(Unreachable(_BROKE, may_have_arrived=True))
            line.transport.abort()
            await line.wait_closed()

    async def _send(self, number: int, question: ReadRequest) -> None:
        message = encode_screen_message(Call(number, question))
        if len(message) > LARGEST_CALL:
            raise NotFound("an id of so many characters can be none")
        if self._line is None:
            raise Unreachable(_NOT_CONNECTED, may_have_arrived=False)
        try:
            async with asyncio.timeout(OPEN_WITHIN_S):
                await self._line.send(message, text=True)
        except (ConnectionClosed, TimeoutError):
            raise Unreachable(_BROKE, may_have_arrived=False) from None

    async def _greet(self, line: ClientConnection) -> Welcome:
        try:
            async with asyncio.timeout(OPEN_WITHIN_S):
                await line.send(encode_screen_message(Hello(VERSION, USER_AGENT)), text=True)
                first = decode_relay_message(await line.recv(decode=False))
        except TimeoutError:
            raise Unreachable(f"{self._url} says nothing", may_have_arrived=False) from None
        if not isinstance(first, Welcome):
            raise ServerFault(f"what answers at {self._url} does not begin as a relay does", 200)
        if first.version != VERSION:
            self._differ(f"the relay speaks version {first.version} of the protocol, this screen version {VERSION}")
        return first

    def _tell_why(self, closed: ConnectionClosed) -> NoReturn:
        words = clean(closed.rcvd.reason) if closed.rcvd is not None else ""
        if closed.rcvd is not None and closed.rcvd.code == OTHER_VERSION:
            self._differ(words)
        why = f": {words}" if words else ""
        raise Unreachable(f"the connection to the relay ended{why}", may_have_arrived=False) from None

    def _differ(self, words: str) -> NoReturn:
        raise Fatal(f"{words}: install the same version of trigger-tui on both sides") from None

    async def fetch_presigned(self, url: str, *, max_bytes: int) -> bytes:
        """The bytes behind a payload's or an output's address, from the object store itself."""
        return await self._stored.fetch(url, max_bytes=max_bytes)
