# ruff: noqa: ARG005  all entries of the table have one signature
"""A proxy between a relay and a screen: it changes every third message to the screen."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from random import Random

from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from tests.hostile.poisons import BYTES, NUMBERS, SHAPES, TEXTS, TIMES
from tests.hostile.rewriting import leaves

Frame = bytes | str
Change = Callable[[bytes, Random, str], list[Frame]]
"""Maps a message, a random generator and a marker to the messages for the screen."""


class Closing(Exception):
    """Close the connection with a code and a reason instead."""

    def __init__(self, code: int, words: str) -> None:
        super().__init__(words)
        self.code = code
        self.words = words


def _with(fragment: Callable[[str], bytes], *, texts_only: bool) -> Change:
    """Replace one value of the message by a fragment of JSON."""

    def change(message: bytes, random: Random, marker: str) -> list[Frame]:
        value = json.loads(message)
        places = [(holder, key) for holder, key in leaves(value) if not texts_only or isinstance(holder[key], str)]
        if not places:
            return [message]
        holder, key = random.choice(places)
        holder[key] = "@hostile@"
        return [json.dumps(value).encode().replace(b'"@hostile@"', fragment(marker))]

    return change


def _text(tail: str) -> Change:
    return _with(lambda marker: json.dumps(marker + tail).encode(), texts_only=True)


def _shape(each: bytes) -> Change:
    return _with(lambda marker: each, texts_only=False)


def _bytes(tail: bytes) -> Change:
    return _with(lambda marker: b'"' + marker.encode() + tail + b'"', texts_only=True)


def _without_a_key(message: bytes, random: Random, marker: str) -> list[Frame]:
    value = json.loads(message)
    places = [(holder, key) for holder, key in leaves(value) if isinstance(holder, dict)]
    if places:
        holder, key = random.choice(places)
        del holder[key]
    return [json.dumps(value).encode()]


def _closes(code: int, words: str) -> Change:
    def change(message: bytes, random: Random, marker: str) -> list[Frame]:
        raise Closing(code, words)

    return change


CHANGES: dict[str, Change] = {
    **{f"text {name}": _text(tail) for name, tail in TEXTS.items()},
    **{f"bytes {name}": _bytes(tail) for name, tail in BYTES.items()},
    **{f"shape {name}": _shape(each) for name, each in (SHAPES | NUMBERS | TIMES).items()},
    "a key is missing": _without_a_key,
    "cut": lambda message, random, marker: [message[: len(message) // 2]],
    "empty": lambda message, random, marker: [b""],
    "twice": lambda message, random, marker: [message, message],
    "lost": lambda message, random, marker: [],
    "no json": lambda message, random, marker: [b"\x1b[2J{"],
    "no utf-8": lambda message, random, marker: [b"\xff\xfe" + message],
    "binary": lambda message, random, marker: [bytes(bytearray(message))],
    "a list": lambda message, random, marker: [b"[" + message + b"]"],
    "null": lambda message, random, marker: [b"null"],
    "an unknown kind": lambda message, random, marker: [b'{"kind": "\\u001b[2J", "t": 1}'],
    "another version": lambda message, random, marker: [b'{"kind": "welcome", "version": 99, "program": "\\u001b[2J"}'],
    "of megabytes": lambda message, random, marker: [b'{"x": "' + b"A" * 20_000_000 + b'"}'],
    "a flood": lambda message, random, marker: [message] * 200,
    "closed in order": _closes(1000, "bye \x1b[2J"),
    "closed by a fault": _closes(1011, "\x1b]0;x\x07"),
    "closed by us": _closes(4001, "version \u202e"),
    "closed unknown": _closes(4999, "x" * 100),
}
"""The changes, by name."""


class HostileRelay:
    """Forwards between a screen and the relay at `url`, and changes messages to the screen."""

    server: Server

    def __init__(self, url: str, change: str, marker: str, number: int) -> None:
        self._url = url
        self._change = CHANGES[change]
        self._marker = marker
        self._random = Random(number)
        self._share = number % 3
        self.changed = 0

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.server.sockets[0].getsockname()[1]}"

    @asynccontextmanager
    async def serving(self) -> AsyncIterator["HostileRelay"]:
        """Serve until the block ends."""
        async with serve(self._meet, "127.0.0.1", 0, compression=None, max_size=None) as self.server:
            yield self

    async def idle(self) -> None:
        """Wait until the screens have received all messages."""
        for connection in self.server.connections:
            with suppress(ConnectionClosed):
                await (await connection.ping())

    async def _meet(self, screen: ServerConnection) -> None:
        assert screen.request is not None
        headers = {"Authorization": screen.request.headers["Authorization"]}
        target = self._url + screen.request.path.rstrip("/")
        with suppress(ConnectionClosed):
            async with connect(
                target, additional_headers=headers, compression=None, max_size=None, proxy=None
            ) as relay:
                ways = [
                    asyncio.create_task(self._to_relay(screen, relay)),
                    asyncio.create_task(self._to_screen(screen, relay)),
                ]
                try:
                    # When one side disconnects, the other is closed.
                    done, _ = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
                    for way in done:
                        way.result()
                finally:
                    for way in ways:
                        way.cancel()

    async def _to_relay(self, screen: ServerConnection, relay: ClientConnection) -> None:
        with suppress(ConnectionClosed):
            async for message in screen:
                await relay.send(message)

    async def _to_screen(self, screen: ServerConnection, relay: ClientConnection) -> None:
        number = 0
        async for message in relay:
            raw = message.encode() if isinstance(message, str) else message
            frames: list[Frame] = [message]
            if number % 3 == self._share:
                self.changed += 1
                try:
                    frames = self._change(raw, self._random, self._marker)
                except Closing as closing:
                    await screen.close(closing.code, closing.words)
                    return
            number += 1
            for frame in frames:
                await screen.send(frame)
