"""Writes to a terminal that may be slow, stopped or closed, without ever making the caller wait.

Other programs share the terminal's open file, so its flags are not touched: this module opens the terminal again.
"""

import os
import select
import stat
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Final

MAX_WAITING_BYTES: Final = 256 * 1024
"""With this much unwritten the terminal is behind: frames are dropped, and the whole screen is painted afterwards."""

PIECE_BYTES: Final = 64 * 1024
"""One write."""

SHARED_PIECE_BYTES: Final = 256
"""One write where the terminal cannot be opened again: a larger one could block in the middle."""

LOOK_AGAIN_S: Final = 0.1
"""A blocked writer looks this often whether what it has to write was replaced."""

END_STRING: Final = "\x1b\\"
"""Ends a sequence that was cut in the middle; otherwise it means nothing."""


class TerminalWriter:
    """Writes what `write` was given, in order; what the terminal does not take at once, in a thread.

    `on_gone` is called once when the terminal is closed, `on_caught_up` when it was behind and has taken everything.
    Both are called in the thread.
    """

    def __init__(self, descriptor: int, *, on_gone: Callable[[], None], on_caught_up: Callable[[], None]) -> None:
        self._descriptor, self._is_own = _open_again(descriptor)
        self._on_gone = on_gone
        self._on_caught_up = on_caught_up
        self._waiting = bytearray()
        self._generation = 0
        self._is_behind = self._is_gone = self._is_closed = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="terminal-output", daemon=True)
        self._thread.start()

    def write(self, text: str) -> bool:
        """Send some text; False if it was dropped, because the terminal is behind or closed."""
        with self._changed:
            if len(self._waiting) >= MAX_WAITING_BYTES:
                self._is_behind = True
            if self._is_gone or self._is_closed or self._is_behind:
                return False
            # A lone surrogate must not end the program.
            data = text.encode("utf-8", "replace")
            if self._is_own and not self._waiting:
                # No other thread has to wake up for what the terminal takes at once.
                data = data[_written(self._descriptor, data) :]
            if data:
                self._waiting += data
                self._changed.notify_all()
            return True

    def replace(self, text: str) -> None:
        """Send this instead of all that is unwritten."""
        with self._changed:
            cut = END_STRING if self._waiting else ""
            self._waiting[:] = (cut + text).encode("utf-8", "replace")
            self._generation += 1
            self._is_behind = False
            self._changed.notify_all()

    def finish(self, within_s: float) -> bool:
        """Wait until all is written, or the terminal is closed; False if it takes longer."""
        with self._changed:
            return self._changed.wait_for(lambda: self._is_gone or not self._waiting, within_s)

    def close(self) -> None:
        """End the thread. What is unwritten is dropped."""
        with self._changed:
            self._is_closed = True
            self._waiting.clear()
            self._generation += 1
            self._changed.notify_all()
        # Only a write to a shared terminal can block, and nothing can end that.
        self._thread.join(3 * LOOK_AGAIN_S)
        if self._is_own and not self._thread.is_alive():
            os.close(self._descriptor)

    def _run(self) -> None:
        try:
            while self._write_some():
                pass
        except OSError:
            with self._changed:
                self._is_gone = True
                self._waiting.clear()
                self._changed.notify_all()
            self._on_gone()

    def _write_some(self) -> bool:
        """Write a piece, or wait until that is possible; False after `close`. Raises `OSError` without a terminal."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._is_closed)
            if self._is_closed:
                return False
            generation = self._generation
            piece = bytes(self._waiting[: PIECE_BYTES if self._is_own else SHARED_PIECE_BYTES])
        if not self._is_own and not _may_write(self._descriptor, LOOK_AGAIN_S):
            return True
        try:
            written = os.write(self._descriptor, piece)
        except BlockingIOError:
            _may_write(self._descriptor, LOOK_AGAIN_S)
            return True
        with self._changed:
            if generation == self._generation:
                del self._waiting[:written]
            is_done = not self._waiting
            has_caught_up = is_done and self._is_behind
            if is_done:
                self._is_behind = False
                self._changed.notify_all()
        if has_caught_up:
            self._on_caught_up()
        return True


def _written(descriptor: int, data: bytes) -> int:
    """Write what a non-blocking terminal takes; 0 also if it is closed, which the thread finds out."""
    try:
        return os.write(descriptor, data)
    except OSError:
        return 0


def _may_write(descriptor: int, within_s: float) -> bool:
    # Not `poll`: macOS has none for terminals.
    return bool(select.select([], [descriptor], [], within_s)[1])


def _open_again(descriptor: int) -> tuple[int, bool]:
    """Open a terminal by itself and non-blocking; returns the descriptor, and False if that is the shared one."""
    for path in _paths(descriptor):
        with suppress(OSError):
            own = os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
            # Another file system may have another terminal by that name.
            if os.fstat(own).st_rdev == os.fstat(descriptor).st_rdev and stat.S_ISCHR(os.fstat(own).st_mode):
                return own, True
            os.close(own)
    return descriptor, False


def _paths(descriptor: int) -> list[str]:
    paths = [f"/proc/self/fd/{descriptor}"]
    with suppress(OSError):
        paths.append(os.ttyname(descriptor))
    return paths
