"""Writes to a terminal that may be slow, stopped or closed, without blocking the caller.

Other programs share the open file of the terminal, so that its flags must not change. This module therefore opens the
terminal a second time.
"""

import fcntl
import os
import select
import stat
import struct
import termios
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final, NamedTuple

MAX_UNWRITTEN_BYTES: Final = 256 * 1024
"""With this much unwritten, frames are dropped. The whole screen is repainted once the terminal has caught up."""

MAX_WRITE_BYTES: Final = 64 * 1024
"""The maximum size of one write."""

MAX_SHARED_WRITE_BYTES: Final = 256
"""The maximum size of one write to a terminal that could not be reopened. A larger one could block half-way."""

CHECK_INTERVAL_S: Final = 0.1
"""A blocked writer checks this often whether the text to write was replaced."""

END_STRING: Final = "\x1b\\"
"""Ends an escape sequence that was cut half-way. It has no effect otherwise."""


class BlockedWrite(NamedTuple):
    """What the thread wrote after the terminal had not accepted it at once, and whether later text was dropped."""

    size_bytes: int
    seconds: float
    has_dropped: bool


class TerminalWriter:
    """Writes text in order. A thread writes the rest of a text that the terminal does not accept at once.

    `on_gone` is called once when the terminal is closed, `on_caught_up` whenever the thread has written everything.
    Both are called in the thread.
    """

    def __init__(
        self, descriptor: int, *, on_gone: Callable[[], None], on_caught_up: Callable[[BlockedWrite], None]
    ) -> None:
        self._descriptor, self._is_own = _reopen(descriptor)
        self._on_gone = on_gone
        self._on_caught_up = on_caught_up
        self._unwritten = bytearray()
        self._generation = 0
        self._is_behind = self._is_gone = self._is_closed = False
        self._blocked_bytes, self._blocked_s = 0, 0.0
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="terminal-output", daemon=True)
        self._thread.start()

    @property
    def is_blocked(self) -> bool:
        """Whether some text is not written yet. `on_caught_up` follows."""
        return bool(self._unwritten)

    def unsent_bytes(self) -> int:
        """Return how many bytes the kernel still holds. Linux reports none for a pty, whatever it holds."""
        held = b"\0" * struct.calcsize("i")
        with suppress(OSError):
            held = fcntl.ioctl(self._descriptor, termios.TIOCOUTQ, held)
        return int(struct.unpack("i", held)[0])

    def write(self, text: str) -> bool:
        """Write text. Return False if it was dropped because the terminal is behind or closed."""
        with self._changed:
            if len(self._unwritten) >= MAX_UNWRITTEN_BYTES:
                self._is_behind = True
            if self._is_gone or self._is_closed or self._is_behind:
                return False
            # Without "replace" a lone surrogate would raise.
            data = text.encode("utf-8", "replace")
            if self._is_own and not self._unwritten:
                # The thread need not wake up for text that the terminal accepts at once.
                data = data[_write_now(self._descriptor, data) :]
            if data:
                self._append(data)
            return True

    def replace(self, text: str) -> None:
        """Write this text instead of everything that is still unwritten."""
        with self._changed:
            cut = END_STRING if self._unwritten else ""
            self._unwritten.clear()
            self._generation += 1
            self._is_behind = False
            self._append((cut + text).encode("utf-8", "replace"))

    def finish(self, timeout_s: float) -> bool:
        """Wait until everything is written or the terminal is closed. Return False after the timeout."""
        with self._changed:
            return self._changed.wait_for(lambda: self._is_gone or not self._unwritten, timeout_s)

    def close(self) -> None:
        """Stop the thread. Unwritten text is dropped."""
        with self._changed:
            self._is_closed = True
            self._unwritten.clear()
            self._generation += 1
            self._changed.notify_all()
        # A write to a shared terminal may block, and cannot be interrupted.
        self._thread.join(3 * CHECK_INTERVAL_S)
        if self._is_own and not self._thread.is_alive():
            os.close(self._descriptor)

    def _append(self, data: bytes) -> None:
        if not self._unwritten:
            self._blocked_bytes, self._blocked_s = 0, time.monotonic()
        self._unwritten += data
        self._changed.notify_all()

    def _run(self) -> None:
        try:
            while self._write_some():
                pass
        except OSError:
            with self._changed:
                self._is_gone = True
                self._unwritten.clear()
                self._changed.notify_all()
            self._on_gone()

    def _write_some(self) -> bool:
        """Write a piece, or wait until it is possible. Return False after `close`.

        Raises `OSError` if the terminal is closed.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._unwritten or self._is_closed)
            if self._is_closed:
                return False
            generation = self._generation
            piece = bytes(self._unwritten[: MAX_WRITE_BYTES if self._is_own else MAX_SHARED_WRITE_BYTES])
        if not self._is_own and not _wait_writable(self._descriptor, CHECK_INTERVAL_S):
            return True
        try:
            written = os.write(self._descriptor, piece)
        except BlockingIOError:
            _wait_writable(self._descriptor, CHECK_INTERVAL_S)
            return True
        with self._changed:
            if generation == self._generation:
                del self._unwritten[:written]
                self._blocked_bytes += written
            blocked = None
            if not self._unwritten:
                blocked = BlockedWrite(self._blocked_bytes, time.monotonic() - self._blocked_s, self._is_behind)
                self._is_behind = False
                self._changed.notify_all()
        if blocked is not None:
            self._on_caught_up(blocked)
        return True


def _write_now(descriptor: int, data: bytes) -> int:
    """Write as much as the terminal accepts and return the number of bytes.

    It is 0 if the terminal is closed; the thread notices that later.
    """
    try:
        return os.write(descriptor, data)
    except OSError:
        return 0


def _wait_writable(descriptor: int, timeout_s: float) -> bool:
    # Not `poll`: macOS has none for terminals.
    return bool(select.select([], [descriptor], [], timeout_s)[1])


def _reopen(descriptor: int) -> tuple[int, bool]:
    """Reopen a terminal in non-blocking mode. Return the descriptor, and False if it is still the shared one."""
    for path in _paths(descriptor):
        with suppress(OSError):
            own = os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
            # In another mount namespace the name may belong to another terminal.
            if os.fstat(own).st_rdev == os.fstat(descriptor).st_rdev and stat.S_ISCHR(os.fstat(own).st_mode):
                return own, True
            os.close(own)
    return descriptor, False


def _paths(descriptor: int) -> list[str]:
    paths = [f"/proc/self/fd/{descriptor}"]
    with suppress(OSError):
        paths.append(os.ttyname(descriptor))
    return paths
