"""The emulator in a child of this process, with a core and an interpreter of its own.

What lives here: the fork, and the promise that the child never outlives its parent. It has to be made before anything
starts a thread, and is cheapest before anything heavy is imported: the child then loads the server while the parent
loads the screen. It never touches the terminal.
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

from tui.emulator.server.listening import address, listen

MAX_STDERR_BYTES: Final = 20_000
"""Bytes that are read of what a broken child said."""


@dataclass(frozen=True, slots=True)
class Child:
    """Where it serves, and what it said on stderr, which is nothing unless it has a bug."""

    url: str
    _stderr: IO[bytes]

    def stderr_text(self) -> str:
        """All of it, so far."""
        self._stderr.seek(0)
        return self._stderr.read(MAX_STDERR_BYTES).decode(errors="replace")


@contextmanager
def run_in_child(serve: Callable[[socket.socket], None]) -> Iterator[Child]:
    """Run `serve` in a child on a socket that listens already; the child is gone when the block ends.

    It is gone, too, when this process is killed: it reads a pipe whose other end only this process holds.
    """
    listener = listen(0)
    pipe_read, held = os.pipe()
    with TemporaryFile() as stderr:
        process = os.fork()
        if process == 0:
            os.close(held)
            _run_child(serve, listener, pipe_read, stderr)
        os.close(pipe_read)
        child = Child(address(listener), stderr)
        listener.close()
        try:
            yield child
        finally:
            os.close(held)
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
            with suppress(ChildProcessError):
                os.waitpid(process, 0)


def _run_child(
    serve: Callable[[socket.socket], None], listener: socket.socket, pipe_read: int, stderr: IO[bytes]
) -> NoReturn:
    """What the child does, to its end: never back into the code of the parent."""
    code = 1
    try:
        # A session of its own: no Ctrl-C, hang-up or stop of the terminal reaches it.
        os.setsid()
        nowhere = os.open(os.devnull, os.O_RDWR)
        for standard in (0, 1):
            os.dup2(nowhere, standard)
        os.dup2(stderr.fileno(), 2)
        threading.Thread(target=_end_with_parent, args=(pipe_read,), name="parent", daemon=True).start()
        serve(listener)
        code = 0
    except BaseException:  # noqa: BLE001  nobody is above it
        traceback.print_exc()
    finally:
        os._exit(code)


def _end_with_parent(pipe_read: int) -> None:
    """Wait until the last other end of the pipe is closed, which is when the parent has ended, however it did."""
    os.read(pipe_read, 1)
    os._exit(0)
