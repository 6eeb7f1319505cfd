"""The thread that reads the terminal's input."""

import errno
import os
import select
import threading
import time
from collections.abc import Callable
from typing import Final

from textual.message import Message

from tui.ui.terminal.input import InputDecoder

READ_BYTES: Final = 4096


ESCAPE_CHECK_S: Final = 0.1
"""Between two looks at unfinished input."""


class TerminalReader:
    """Reads and decodes a terminal's input until `stop`. It starts on creation.

    The callbacks run in the thread: `on_message` for each decoded message, `on_gone` when the terminal is closed,
    `on_failure` when the thread raised. After the last two, reading has ended.
    """

    def __init__(
        self,
        descriptor: int,
        decoder: InputDecoder,
        *,
        on_message: Callable[[Message], None],
        on_gone: Callable[[], None],
        on_failure: Callable[[BaseException], None],
    ) -> None:
        self._descriptor = descriptor
        self._decoder = decoder
        self._on_message = on_message
        self._on_gone = on_gone
        self._on_failure = on_failure
        self._stop_read_fd, self._stop_write_fd = os.pipe()
        self._thread = threading.Thread(target=self._run, name="terminal-input", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop the thread and wait until it has ended."""
        os.close(self._stop_write_fd)
        self._thread.join()
        os.close(self._stop_read_fd)

    def _run(self) -> None:
        try:
            while self._read():
                pass
        except OSError:
            self._on_gone()
        except BaseException as error:  # noqa: BLE001  the app reports it
            self._on_failure(error)

    def _read(self) -> bool:
        """Wait for input and emit its messages. Return False after `stop`.

        Raises `OSError` if the terminal is closed.
        """
        # Not `poll`: macOS has none for terminals.
        ready, _, _ = select.select([self._descriptor, self._stop_read_fd], [], [], self._timeout_s())
        if self._stop_read_fd in ready:
            return False
        now_s = time.monotonic()
        if self._descriptor in ready:
            try:
                data = os.read(self._descriptor, READ_BYTES)
            except BlockingIOError:  # the terminal is non-blocking, and another program has read the input
                return True
            if not data:
                raise OSError(errno.EIO, "the terminal is closed")
            found = self._decoder.feed(data, now_s)
        else:
            found = self._decoder.expire(now_s)
        for message in found:
            self._on_message(message)
        return True

    def _timeout_s(self) -> float | None:
        deadline_s = self._decoder.deadline_s
        # At most a short time: the terminal may have given its last answer meanwhile, and an Esc is a key then.
        return None if deadline_s is None else min(ESCAPE_CHECK_S, max(0.0, deadline_s - time.monotonic()))
