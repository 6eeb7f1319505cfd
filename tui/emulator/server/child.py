"""Runs the emulator in a child process, so that it has an interpreter and a core of its own.

The fork must happen before any thread starts. It is cheapest before heavy imports: then the child loads the server
while the parent loads the screen. The child never touches the terminal and never outlives its parent.
"""

import os
import signal
import socket
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from tempfile import TemporaryFile
from typing import IO, Final, NoReturn

# Opens the emulator's socket, on 127.0.0.1 only, before the server is loaded.
#
# Clients that connect wait until the server runs. Opening it needs no heavy import, so the address is known at once.


HOST = "127.0.0.1"
BACKLOG = 2048


class PortTaken(Exception):
    """The port cannot be used. The text says why."""


def listen(port: int) -> socket.socket:
    """Listen on a port (0: any free one). Connections wait until a server accepts them. Raises `PortTaken`."""
    # With the protocol given, asyncio sets TCP_NODELAY. Without it a client waits 40 ms for the second packet.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise PortTaken(f"cannot listen on {HOST}:{port}: {error.strerror or error}") from None
    return listener


def address(listener: socket.socket) -> str:
    """The URL of a listening socket."""
    return f"http://{HOST}:{listener.getsockname()[1]}"


# The child process.


MAX_STDERR_BYTES: Final = 20_000
"""At most this much of the child's stderr is read."""


@dataclass(frozen=True, slots=True)
class Child:
    """A running child: its URL, and its stderr, which is empty unless it has a bug."""

    url: str
    _stderr: IO[bytes]

    def stderr_text(self) -> str:
        self._stderr.seek(0)
        return self._stderr.read(MAX_STDERR_BYTES).decode(errors="replace")


@contextmanager
def run_in_child(serve: Callable[[socket.socket], None]) -> Iterator[Child]:
    """Run `serve` in a child, on a socket that already listens. The child ends with the block.

    It also ends if this process is killed: it reads a pipe whose write end only this process holds.
    """
    listener = listen(0)
    pipe_read, pipe_write = os.pipe()
    with TemporaryFile() as stderr:
        process = os.fork()
        if process == 0:
            os.close(pipe_write)
            _run_child(serve, listener, pipe_read, stderr)
        os.close(pipe_read)
        child = Child(address(listener), stderr)
        listener.close()
        try:
            yield child
        finally:
            os.close(pipe_write)
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
            with suppress(ChildProcessError):
                os.waitpid(process, 0)


def _run_child(
    serve: Callable[[socket.socket], None], listener: socket.socket, pipe_read: int, stderr: IO[bytes]
) -> NoReturn:
    """Run in the child process until it ends. Never returns into the parent's code."""
    code = 1
    try:
        # In a session of its own the child gets no Ctrl-C, hang-up or stop from the terminal.
        os.setsid()
        nowhere = os.open(os.devnull, os.O_RDWR)
        for standard in (0, 1):
            os.dup2(nowhere, standard)
        os.dup2(stderr.fileno(), 2)
        threading.Thread(target=_end_with_parent, args=(pipe_read,), name="parent", daemon=True).start()
        serve(listener)
        code = 0
    except BaseException:  # noqa: BLE001  nothing above it could report it
        traceback.print_exc()
    finally:
        os._exit(code)


def _end_with_parent(pipe_read: int) -> None:
    """Exit once the write end of the pipe is closed, that is, when the parent has ended in any way."""
    os.read(pipe_read, 1)
    os._exit(0)
