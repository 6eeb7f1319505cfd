"""Writes the relay's log lines to stderr without ever blocking the event loop.

A pipe that its reader does not read is full after some hundred lines, and the next write blocks. Here a thread writes,
in parts that fit into the pipe. Lines that do not fit into the queue are dropped and counted.
"""

import os
import select
import threading
from collections import deque
from contextlib import suppress
from typing import Final, Self

from tui.output import Output

MAX_LINES: Final = 1_000
"""Lines that may wait in the queue."""

CLOSE_CHECK_INTERVAL_S: Final = 0.2
"""While stderr is full, the thread checks this often whether the block has ended."""

CLOSE_TIMEOUT_S: Final = 1.0
"""How long the end of the block waits for the remaining lines."""


class StderrLines:
    """Writes lines in order, in its own thread, while the block runs."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._fd = output.stderr_fd
        self._lines: deque[str] = deque()
        self._dropped = 0
        self._is_closing = False
        self._is_closed = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._write_lines, name="stderr", daemon=True)

    def __enter__(self) -> Self:
        if self._fd is not None:
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Wait for the remaining lines, for at most CLOSE_TIMEOUT_S."""
        with self._changed:
            self._is_closing = True
            self._changed.notify()
        if self._fd is not None:
            self._thread.join(CLOSE_TIMEOUT_S)

    def say(self, text: str) -> None:
        """Queue a line, or drop it if the queue is full."""
        if self._fd is None:  # a stream in memory
            self._output.say(text)
            return
        with self._changed:
            if self._is_closed or len(self._lines) >= MAX_LINES:
                self._dropped += 1
                return
            if self._dropped:
                self._lines.append(self._take_dropped())
            self._lines.append(text)
            self._changed.notify()

    def _write_lines(self) -> None:
        with suppress(OSError):  # the reader of the pipe is gone
            while (line := self._next()) is not None:
                self._write(self._output.stderr_bytes(line))
        with self._changed:
            self._is_closed = True
            self._lines.clear()

    def _next(self) -> str | None:
        """Wait for the next line. Return None when the queue is closed and empty."""
        with self._changed:
            self._changed.wait_for(lambda: self._lines or self._dropped or self._is_closing)
            if self._lines:
                return self._lines.popleft()
            return self._take_dropped() if self._dropped else None

    def _take_dropped(self) -> str:
        dropped, self._dropped = self._dropped, 0
        return f"{dropped:,} lines were dropped: stderr was full"

    def _write(self, data: bytes) -> None:
        """Write a line in parts that fit. Raises `OSError` if the reader is gone, or if stderr is full at the end."""
        assert self._fd is not None
        while data:
            _, writable, _ = select.select([], [self._fd], [], CLOSE_CHECK_INTERVAL_S)
            if writable:
                data = data[os.write(self._fd, data[: select.PIPE_BUF]) :]
            elif self._is_closing:
                raise BrokenPipeError
