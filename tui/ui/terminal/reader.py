"""The thread that reads the keyboard."""

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


class TerminalReader:
    """Reads a terminal from its making to `stop`, and hands on what it decodes.

    The callbacks are called in the thread: `on_gone` when the terminal is closed, `on_failure` when a bug ended the
    thread. After either of them nothing more is read.
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
        self._stops, self._stop = os.pipe()
        self._thread = threading.Thread(target=self._run, name="terminal-input", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread and wait for that."""
        os.close(self._stop)
        self._thread.join()
        os.close(self._stops)

    def _run(self) -> None:
        try:
            while self._read():
                pass
        except OSError:
            self._on_gone()
        except BaseException as error:  # noqa: BLE001  told by whoever runs the app
            self._on_failure(error)

    def _read(self) -> bool:
        """Hand on what was typed; False when the thread is to end. Raises `OSError`: the terminal is closed."""
        # Not `poll`: macOS has none for terminals.
        ready, _, _ = select.select([self._descriptor, self._stops], [], [], self._wait_s())
        if self._stops in ready:
            return False
        now_s = time.monotonic()
        if self._descriptor in ready:
            try:
                data = os.read(self._descriptor, READ_BYTES)
            except BlockingIOError:  # another program made it non-blocking, and another reader was faster
                return True
            if not data:
                raise OSError(errno.EIO, "the terminal is closed")
            found = self._decoder.feed(data, now_s)
        else:
            found = self._decoder.expire(now_s)
        for message in found:
            self._on_message(message)
        return True

    def _wait_s(self) -> float | None:
        deadline_s = self._decoder.deadline_s
        return None if deadline_s is None else max(0.0, deadline_s - time.monotonic())
