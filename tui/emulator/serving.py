"""The emulator on a port: uvicorn, started and stopped without waiting.

What lives here: the socket, the server, and the thread for who wants the emulator beside something else. It listens
on 127.0.0.1 only.
"""

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import anyio
import uvicorn
from starlette.types import ASGIApp

from tui.emulator.emulator import Emulator

HOST = "127.0.0.1"
START_S = 30.0
STEP_S = 0.001


class PortTaken(Exception):
    """Nothing can listen there; the text says why."""


def listen(port: int) -> socket.socket:
    """A socket that listens on that port (0: any). Raises `PortTaken`."""
    # With its protocol named, asyncio sends at once what is written; else a client waits 40 ms for the second packet.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
    except OSError as error:
        listener.close()
        raise PortTaken(f"cannot listen on {HOST}:{port}: {error.strerror or error}") from None
    return listener


def address(listener: socket.socket) -> str:
    """Where clients find it."""
    return f"http://{HOST}:{listener.getsockname()[1]}"


class _Server(uvicorn.Server):
    """Is up and gone at once: uvicorn's own loop looks ten times a second whether it should end, and waits for
    connections that hang.
    """

    def __init__(self, config: uvicorn.Config, on_up: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_up = on_up
        self._loop: asyncio.AbstractEventLoop | None = None
        self._is_over: asyncio.Event | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._loop = asyncio.get_running_loop()
        self._is_over = asyncio.Event()
        self._on_up()

    async def main_loop(self) -> None:
        assert self._is_over is not None
        await self._is_over.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:  # noqa: ARG002  uvicorn's signature
        for server in self.servers:
            server.close()
        # A connection that was accepted in this moment becomes one of the server's some turns of the loop later.
        for _ in range(10):
            await asyncio.sleep(0)
        while self.server_state.connections or self.server_state.tasks:
            for connection in list(self.server_state.connections):
                connection.shutdown()
                connection.transport.abort()
            await asyncio.sleep(STEP_S)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """A signal: end now."""
        super().handle_exit(sig, frame)
        self.stop()

    def stop(self) -> None:
        """End; from any thread."""
        if self._loop is not None and self._is_over is not None:
            self._loop.call_soon_threadsafe(self._is_over.set)


def _config(app: ASGIApp, emulator: Emulator) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=emulator.sockets.protocol(),
        ws="none",
        log_level="critical",
        access_log=False,
        date_header=False,
        server_header=False,
        lifespan="off",
        timeout_keep_alive=65,
    )


async def serve(app: ASGIApp, emulator: Emulator, listener: socket.socket, on_up: Callable[[], None]) -> None:
    """Serve until a signal ends it; the worlds move on meanwhile."""
    server = _Server(_config(app, emulator), on_up)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(emulator.tick)
        await server.serve(sockets=[listener])
        tasks.cancel_scope.cancel()
    emulator.close()


@contextmanager
def beside(app: ASGIApp, emulator: Emulator, *, port: int = 0, is_ticking: bool = True) -> Iterator[str]:
    """Serve in a thread of its own, and give the address; everything is gone when the block ends.

    `is_ticking` False: worlds move on with requests only, for who owns their time.
    """
    listener = listen(port)
    is_up = threading.Event()
    server = _Server(_config(app, emulator), is_up.set)

    async def run() -> None:
        async with anyio.create_task_group() as tasks:
            if is_ticking:
                tasks.start_soon(emulator.tick)
            await server.serve(sockets=[listener])
            emulator.sockets.abort_all()
            for _ in range(3):
                await asyncio.sleep(0)
            tasks.cancel_scope.cancel()

    thread = threading.Thread(target=lambda: asyncio.run(run()), name="emulator", daemon=True)
    thread.start()
    try:
        if not is_up.wait(START_S):
            raise PortTaken("the emulator did not start")
        yield address(listener)
    finally:
        server.stop()
        thread.join(START_S)
        emulator.close()
        listener.close()
