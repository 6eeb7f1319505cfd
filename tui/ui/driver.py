"""The terminal that is drawn on, which may go away at any moment.

What lives here: what Textual's driver leaves open. A closed terminal ends the program instead of hanging or crashing
it, and what is drawn goes to stdout, so that stderr stays free. Both are decided in Textual's driver by private names
alone: its file, and the thread that reads keys.
"""

import os
import sys
from collections.abc import Callable
from typing import Any, Final, TextIO

from textual import events
from textual.drivers.linux_driver import LinuxDriver
from textual.message import Message

HUNG_UP: Final = 129
"""The exit code of a program whose terminal was closed: that of SIGHUP, as shells have it."""


class _Paper:
    """What the driver writes on. Once the terminal is gone the rest is thrown away: a writer that failed would let the
    program wait for it for ever.
    """

    def __init__(self, file: TextIO, on_gone: Callable[[], None]) -> None:
        self._file = file
        self._on_gone = on_gone

    def write(self, text: str) -> None:
        """Write some text, or nowhere."""
        try:
            self._file.write(text)
        except OSError:
            self._lose()

    def flush(self) -> None:
        """Hand it to the terminal."""
        try:
            self._file.flush()
        except OSError:
            self._lose()

    def fileno(self) -> int:
        """The terminal's descriptor."""
        return self._file.fileno()

    def _lose(self) -> None:
        # What could not be written is still in the buffer, and would be tried again at exit.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self._file.fileno())
        os.close(nowhere)
        self._on_gone()


class TerminalDriver(LinuxDriver):
    """Textual's, on stdout, for a terminal that may be closed."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        assert sys.__stdout__ is not None
        # A locale that lacks a character must not end the program.
        sys.__stdout__.reconfigure(errors="replace")
        self._file: Any = _Paper(sys.__stdout__, self._hang_up)

    def process_message(self, message: Message) -> None:
        """Hand on what the terminal sent. Esc and a letter that a slow link brought in one piece look like alt and that
        letter: they are two keys, since nothing here needs alt.
        """
        if isinstance(message, events.Key) and message.key.startswith("alt+") and message.character:
            super().process_message(events.Key("escape", "\x1b"))
            message = events.Key(message.character, message.character)
        super().process_message(message)

    def _run_input_thread(self) -> None:
        try:
            self.run_input_thread()
        except OSError:
            self._hang_up()

    def _hang_up(self) -> None:
        """The terminal is gone, as one of the driver's threads found out."""
        self._loop.call_soon_threadsafe(lambda: self._app.exit(return_code=HUNG_UP))
