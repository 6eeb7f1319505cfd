"""Runs the emulator on a port with uvicorn, in this thread or in one of its own.

The socket comes from `child.listen`.
"""

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

import anyio
import uvicorn
from starlette.types import ASGIApp

from tui.emulator.server.child import address, listen
from tui.emulator.server.emulator import Emulator

STEP_S = 0.001


class _Server(uvicorn.Server):
    """A uvicorn server that starts and stops at once. It calls `on_up` when it accepts connections.

    Uvicorn's own loop checks ten times a second whether to stop, and waits for connections that hang.
    """

    def __init__(self, config: uvicorn.Config, on_up: Callable[[], None] = lambda: None) -> None:
        super().__init__(config)
        self._on_up = on_up
        self._loop: asyncio.AbstractEventLoop | None = None
        self._is_over = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)
        self._on_up()

    async def main_loop(self) -> None:
        """Wait for `stop`."""
        try:
            await self._is_over.wait()
        except asyncio.CancelledError:
            with anyio.CancelScope(shield=True):
                await self.shutdown()
            raise

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:  # noqa: ARG002  uvicorn's signature
        """Stop at once, even with open connections."""
        listeners = [listener for server in self.servers for listener in server.sockets]
        for listener in listeners:
            asyncio.get_running_loop().remove_reader(listener.fileno())
        # A connection accepted just now reaches the server a few loop iterations later. If the listener closes before
        # that, asyncio loses the connection.
        for _ in range(10):
            await asyncio.sleep(0)
        for server in self.servers:
            server.close()
        state = self.server_state
        while state.connections or state.tasks:
            for connection in list(state.connections):
                connection.shutdown()
                connection.transport.abort()
            for task in list(state.tasks):
                task.cancel()
            await asyncio.sleep(STEP_S)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        super().handle_exit(sig, frame)
        self.stop()

    def stop(self) -> None:
        """Stop the server. Can be called from any thread at any time."""
        self.should_exit = True
        if self._loop is not None:
            with suppress(RuntimeError):  # the event loop is closed
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


async def serve(app: ASGIApp, emulator: Emulator, listener: socket.socket) -> None:
    """Serve and advance the worlds until a signal arrives."""
    try:
        await _run(_Server(_config(app, emulator)), emulator, listener, is_ticking=True)
    finally:
        emulator.close()


@contextmanager
def serve_in_thread(app: ASGIApp, emulator: Emulator, *, port: int = 0, is_ticking: bool = True) -> Iterator[str]:
    """Serve in a thread and yield the URL. The server stops when the block ends.

    With `is_ticking` False, worlds advance only with requests, for tests that own the clock. Raises `PortTaken`, and
    any error of the server itself.
    """
    is_up = threading.Event()
    server = _Server(_config(app, emulator), is_up.set)
    listener = listen(port)
    failures: list[BaseException] = []

    def work() -> None:
        try:
            asyncio.run(_run(server, emulator, listener, is_ticking=is_ticking))
        except BaseException as failure:  # noqa: BLE001  raised again in the calling thread
            failures.append(failure)
        finally:
            is_up.set()

    thread = threading.Thread(target=work, name="emulator", daemon=True)
    thread.start()
    try:
        is_up.wait()
        if not failures:
            yield address(listener)
    finally:
        server.stop()
        thread.join()
        emulator.close()
        listener.close()
    if failures:
        raise failures[0]


async def _run(server: _Server, emulator: Emulator, listener: socket.socket, *, is_ticking: bool) -> None:
    async with anyio.create_task_group() as tasks:
        if is_ticking:
            tasks.start_soon(emulator.tick)
        await server.serve(sockets=[listener])
        tasks.cancel_scope.cancel()
