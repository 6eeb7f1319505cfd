"""A loopback proxy in its own thread that records when each response ended.

It forwards everything unchanged. A change of direction separates requests and responses, which is enough for HTTP/1.1
clients without pipelining.
"""

import asyncio
import threading
import time
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from tui.emulator.server.child import address, listen

CHUNK_BYTES = 65_536
METHODS = (b"GET ", b"POST ", b"PUT ", b"DELETE ")


@dataclass(slots=True)
class Exchange:
    """One request and its response. `answered_s` is the monotonic time of the response's last byte."""

    path: str
    answered_s: float = 0.0


@dataclass
class CountingProxy:
    """A proxy for the server at `upstream`. Read `exchanges` when no request is in flight."""

    upstream: str
    exchanges: list[Exchange] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._listener = listen(0)
        self.url = address(self._listener)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve, name="counting proxy", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def of(self, prefix: str) -> list[Exchange]:
        """Return the exchanges whose path starts with `prefix`."""
        return [exchange for exchange in self.exchanges if exchange.path.startswith(prefix)]

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._connect, sock=self._listener))
        self._loop.run_forever()
        server.close()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0.01))
        self._loop.close()

    async def _connect(self, near: asyncio.StreamReader, to_near: asyncio.StreamWriter) -> None:
        address = urlsplit(self.upstream)
        far, to_far = await asyncio.open_connection(address.hostname, address.port)
        kept: list[Exchange] = []
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._send(near, to_far, kept))
                tasks.create_task(self._receive(far, to_near, kept))
        except* (OSError, asyncio.CancelledError):
            pass  # a peer or this proxy has closed the connection
        finally:
            to_far.close()
            to_near.close()

    async def _send(self, near: asyncio.StreamReader, to_far: asyncio.StreamWriter, kept: list[Exchange]) -> None:
        while chunk := await near.read(CHUNK_BYTES):
            if chunk.startswith(METHODS):
                kept.append(Exchange(chunk.split(b" ", 2)[1].decode("ascii", "replace")))
                self.exchanges.append(kept[-1])
            to_far.write(chunk)
        to_far.close()

    async def _receive(self, far: asyncio.StreamReader, to_near: asyncio.StreamWriter, kept: list[Exchange]) -> None:
        while chunk := await far.read(CHUNK_BYTES):
            if kept:
                kept[-1].answered_s = time.monotonic()
            to_near.write(chunk)
        to_near.close()
