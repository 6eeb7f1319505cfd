"""Textual's driver for the terminal: its modes, size, input and title, and how it is restored at the end.

It replaces Textual's Linux driver. The reading thread of that driver ends on some input, and its writes block the event
loop. Decoding is in `terminal.input`, writing in `terminal.output`. The module is longer than 300 lines because each
step of setting up the terminal is next to the step that undoes it.
"""

import os
import signal
import sys
import termios
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Any, Final

from textual import constants, events, messages
from textual.driver import Driver
from textual.geometry import Size
from textual.message import Message

from tui.terminal.capabilities import Capabilities
from tui.terminal.output import FrugalOutput, PlainOutput
from tui.ui.terminal.input import InputDecoder
from tui.ui.terminal.key_backlog import KeyBacklog
from tui.ui.terminal.output import TerminalWriter
from tui.ui.terminal.pending_replies import PendingReplies
from tui.ui.terminal.reader import TerminalReader

HANGUP_EXIT_CODE: Final = 129
"""The exit code after the terminal was closed: 128 plus the number of SIGHUP, as in shells."""

RESTORE_TIMEOUT_S: Final = 1.0
"""A terminal that accepts nothing for this long at the end is blocked."""

RETRY_RESTORE_TIMEOUT_S: Final = 0.5
"""The timeout of the second attempt, after the unwritten output was discarded."""

STOP_AGAIN_S: Final = 0.1
"""If continued in the background, the program stops again after this long.

The delay lets a signal come first that the shell sends together with SIGCONT, as `kill %1` does.
"""

MAX_COLUMNS: Final = 2_000
MAX_ROWS: Final = 1_000
"""Bounds the memory: a terminal may report any size."""

FALLBACK_SIZE: Final = (80, 24)
"""The size of a terminal that does not report one, such as a serial line."""

STDERR: Final = 2

DRIVER_VARIABLE: Final = "TRIGGER_TUI_DRIVER"
PLAIN_DRIVER: Final = "plain"
"""With this value of the variable, everything that Textual writes is sent as it is."""

_MOUSE_ON: Final = "\x1b[?1000h\x1b[?1003h\x1b[?1015h\x1b[?1006h"
_MODES_ON: Final = "\x1b[?25l\x1b[?1004h\x1b[?2004h\x1b[?7l"
# Only "disambiguate escape codes". With "report all keys" a shell is unusable after `kill -9`.
_KITTY_ON: Final = "\x1b[>1u"
# Apple's terminal prints a `p` for this request.
_REQUEST_SYNC: Final = "\x1b[?2026$p"
_SCREEN_ON: Final = "\x1b[?1049h"
_TITLE_PUSH: Final = "\x1b[22;2t"
# The empty title is for a terminal that does not save titles.
_TITLE_POP: Final = "\x1b]2;\x1b\\\x1b[23;2t"
# This program does not enable in-band sizes (2048), but an earlier one may have.
_MODES_OFF: Final = (
    "\x1b[?2026l\x1b[?2004l\x1b[?7h\x1b[?2048l\x1b[?1000l\x1b[?1003l\x1b[?1015l\x1b[?1006l\x1b[?1004l\x1b[0m"
)
# A terminal keeps these flags for each screen, so they are reset before leaving the alternate screen.
_KITTY_OFF: Final = "\x1b[<u"
_SCREEN_OFF: Final = "\x1b[?1049l\x1b[?25h"
# Resets the character set, colours and margins that another program may have set.
_CLEAR: Final = "\x1b(B\x0f\x1b[0m\x1b[r\x1b[?6l\x1b[2J"


class TerminalDriver(Driver):
    """Draws on stdout and reads stdin, which are the same terminal. stderr is not used.

    Call the public methods in the thread of the event loop.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        assert sys.__stdin__ is not None
        assert sys.__stdout__ is not None
        self._input, self._output = sys.__stdin__.fileno(), sys.__stdout__.fileno()
        self._size = self._size or size_of(self._output)
        self._screen = _screen_output(*self._size)
        self.backlog = KeyBacklog()
        self._replies = PendingReplies()
        self._attributes: list[Any] | None = None
        self._title: str | None = None
        self._is_active = self._was_continued = self._is_restored = self._is_title_pushed = False
        self._is_slow_profile = False
        self._handlers: dict[int, Any] = {}
        self._writer: TerminalWriter | None = None
        self._reader: TerminalReader | None = None

    @property
    def can_suspend(self) -> bool:
        """Whether `suspend` works. Textual asks for it."""
        return True

    def process_message(self, message: Message) -> None:
        """Pass a decoded message to the app, except for keys beyond the bound of the backlog."""
        match message:
            case events.CursorPosition():
                self._replies.record_cursor()
            case messages.TerminalSupportsSynchronizedOutput():
                self._replies.record_mode()
            case events.InputEvent() | events.Paste() if not self._is_active:
                return  # typed while the terminal is restored
            case events.Key() if not self.backlog.admit(message.key):
                return
        super().process_message(message)

    def send_message(self, message: Message) -> None:
        """Pass a message to the app, from any thread. Textual's own method creates a task for each."""
        self._app.post_message(message)

    def write(self, data: str) -> None:
        """Write text to the terminal. Does nothing while the program is suspended."""
        if self._writer is None or not self._is_active:
            return
        text = self._screen.write(data)
        if text and not self._writer.write(text):
            self._screen.forget()

    def request_cursor(self, sequence: str) -> bool:
        """Request the cursor's position. Return False if the terminal is behind, so that nothing was sent."""
        is_sent = self._writer is not None and self._is_active and self._writer.write(sequence)
        if is_sent:
            self._replies.expect_cursor()
        return is_sent

    def set_title(self, title: str) -> None:
        """Set the terminal's title, which must not contain controls. The previous title is restored at the end."""
        self._title = title
        if self._writer is not None and self._is_active:
            # If the terminal is behind, the title is dropped here and sent again once it has caught up.
            self._is_title_pushed |= self._writer.write(self._title_sequence())

    def _title_sequence(self) -> str:
        if self._title is None:
            return ""
        return f"{'' if self._is_title_pushed else _TITLE_PUSH}\x1b]2;{self._title}\x1b\\"

    def set_slow_profile(self, *, is_on: bool) -> None:
        """Set whether the app draws for a slow link. The terminal then gets at most four frames a second."""
        self._is_slow_profile = is_on

    def repaint(self) -> None:
        """Set the terminal's modes again and repaint everything, after another program may have changed them."""
        if self._writer is not None and self._is_active:
            self._enter_raw_mode()
            self._writer.write(_CLEAR + _MODES_ON)
            self._screen.passed(_MODES_ON)
            self._paint_all()

    def suspend(self) -> None:
        """Restore the terminal and stop the process until a shell continues it in the foreground."""
        self.stop_application_mode()
        self._stop_process()

    def start_application_mode(self) -> None:
        """Set up the terminal."""
        if not self._handlers:
            self._handle(signal.SIGWINCH, self._report_size)
            self._handle(signal.SIGTSTP, self.suspend)
            # Not by `_handle`: `_stop_process` needs the result as soon as the process continues.
            self._handlers[signal.SIGCONT] = signal.signal(signal.SIGCONT, self._on_continued)
        if self._writer is None:
            self._writer = TerminalWriter(self._output, on_gone=self._on_hang_up, on_caught_up=self._on_caught_up)
        self._attributes = None
        with suppress(termios.error):
            self._attributes = termios.tcgetattr(self._input)
        self._enter_raw_mode()
        title, self._is_title_pushed = self._title_sequence(), self._title is not None
        mouse = _MOUSE_ON if self._mouse else ""
        request = "" if os.environ.get("TERM_PROGRAM") == "Apple_Terminal" else _REQUEST_SYNC
        self._writer.replace(f"{title}{_SCREEN_ON}{self._kitty(_KITTY_ON)}{_MODES_ON}{mouse}{request}")
        self._screen.passed(_MODES_ON)
        if request:
            self._replies.expect_mode()
        self._is_active, self._is_restored = True, False
        self._reader = TerminalReader(
            self._input,
            InputDecoder(has_mouse=self._mouse),
            on_message=self.process_message,
            on_gone=self._on_hang_up,
            on_failure=self._fail,
        )
        self._report_size()

    def disable_input(self) -> None:
        """Stop reading, and discard typed keys that were not read."""
        if self._reader is not None:
            self._reader.stop()
            self._reader = None
            with suppress(termios.error):
                termios.tcflush(self._input, termios.TCIFLUSH)

    def stop_application_mode(self) -> None:
        """Restore the terminal, in bounded time even if it is blocked. Nothing is drawn afterwards."""
        if not self._is_active or self._writer is None:
            return
        self._is_active = False
        title, self._is_title_pushed = _TITLE_POP if self._is_title_pushed else "", False
        self._writer.replace(f"{_MODES_OFF}{self._kitty(_KITTY_OFF)}{_SCREEN_OFF}{title}")
        self._is_restored = self._writer.finish(RESTORE_TIMEOUT_S)
        if not self._is_restored:
            # Discard output that the terminal has not shown, to make room for restoring the modes.
            with suppress(termios.error):
                termios.tcflush(self._output, termios.TCOFLUSH)
                termios.tcflow(self._output, termios.TCOON)
            self._is_restored = self._writer.finish(RETRY_RESTORE_TIMEOUT_S)
        else:
            self._replies.wait()
        self.disable_input()
        if self._attributes is not None:
            with suppress(termios.error):
                termios.tcsetattr(self._input, termios.TCSANOW, self._attributes)

    def close(self) -> None:
        """Stop the threads. If the terminal is blocked, discard later output to it, which would block too."""
        self.stop_application_mode()
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        self._handlers.clear()
        if self._writer is not None:
            self._writer.close()
            self._writer = None
            if not self._is_restored:
                _redirect_to_devnull(self._output)

    def _kitty(self, sequence: str) -> str:
        return "" if constants.DISABLE_KITTY_KEY else sequence

    def _handle(self, number: signal.Signals, handle: Callable[[], None]) -> None:
        def handler(_: int, __: FrameType | None) -> None:
            # A signal handler may interrupt code that holds a lock.
            self._loop.call_soon_threadsafe(handle)

        self._handlers[number] = signal.signal(number, handler)

    def _enter_raw_mode(self) -> None:
        """Receive each key at once, including ctrl-c, ctrl-s and ctrl-z."""
        with suppress(termios.error):
            attributes = termios.tcgetattr(self._input)
            attributes[0] &= ~(termios.IXON | termios.IXOFF | termios.ICRNL | termios.INLCR | termios.IGNCR)
            attributes[3] &= ~(termios.ECHO | termios.ICANON | termios.IEXTEN | termios.ISIG)
            attributes[6][termios.VMIN], attributes[6][termios.VTIME] = 1, 0
            termios.tcsetattr(self._input, termios.TCSANOW, attributes)

    def _report_size(self) -> None:
        """Send the terminal's size to the app."""
        if self._is_active:
            width, height = size_of(self._output)
            size = Size(width, height)
            self._screen.resize(width, height)
            self.send_message(events.Resize(size, size))

    def _stop_process(self) -> None:
        self._was_continued = False
        # Stop a wrapper such as `time` or `sh -c` too, or the shell would go on waiting for it.
        handler = signal.signal(signal.SIGTSTP, signal.SIG_IGN)
        os.killpg(0, signal.SIGTSTP)
        signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        signal.raise_signal(signal.SIGTSTP)
        signal.signal(signal.SIGTSTP, handler)
        self._loop.call_soon(self._resume)

    def _on_continued(self, _: int, __: FrameType | None) -> None:
        # SIGSTOP cannot be caught, so that the terminal was not restored before it.
        self._was_continued = True
        self._loop.call_soon_threadsafe(self.repaint)

    def _resume(self, *, is_retry: bool = False) -> None:
        """Set up the terminal again, unless the program is ending or in the background."""
        if self._app.return_code is not None or self._is_active:
            return
        # Without job control the process was never stopped, so that it is not in the background.
        if not self._was_continued or _is_foreground(self._input):
            self.start_application_mode()
            self._paint_all()
        elif is_retry:
            self._stop_process()
        else:
            self._loop.call_later(STOP_AGAIN_S, lambda: self._resume(is_retry=True))

    def _on_caught_up(self) -> None:
        with suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self._resend)

    def _resend(self) -> None:
        if self._title is not None:
            self.set_title(self._title)
        self._paint_all()

    def _paint_all(self) -> None:
        # Callers run outside the app's context.
        self._app.call_later(self._app.refresh)

    def _on_hang_up(self) -> None:
        """End the app because the terminal was closed. Called in one of the threads."""
        self._replies.clear()
        _redirect_to_devnull(self._output)
        with suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(lambda: self._app.exit(return_code=HANGUP_EXIT_CODE))

    def _fail(self, error: BaseException) -> None:
        """End the app with an error because the reading thread has raised."""
        self._replies.clear()
        bug = RuntimeError("the thread that reads the terminal has failed")
        bug.__cause__ = error
        with suppress(RuntimeError):
            # Textual has no public way to end an app by an error of another thread.
            self._loop.call_soon_threadsafe(self._app._handle_exception, bug)  # noqa: SLF001


def _screen_output(columns: int, lines: int) -> FrugalOutput | PlainOutput:
    if os.environ.get(DRIVER_VARIABLE) == PLAIN_DRIVER:
        return PlainOutput()
    return FrugalOutput(columns, lines, Capabilities.of(os.environ))


def size_of(descriptor: int) -> tuple[int, int]:
    """Return columns and rows from the kernel. The variables COLUMNS and LINES do not follow the window."""
    reported = (0, 0)
    with suppress(OSError):
        reported = os.get_terminal_size(descriptor)
    columns, rows = (known or fallback for known, fallback in zip(reported, FALLBACK_SIZE, strict=True))
    return min(columns, MAX_COLUMNS), min(rows, MAX_ROWS)


def _is_foreground(descriptor: int) -> bool:
    """Return whether this process may use the terminal now."""
    try:
        return os.tcgetpgrp(descriptor) == os.getpgrp()
    except OSError:
        return True  # a terminal without job control


def _redirect_to_devnull(descriptor: int) -> None:
    """Redirect stdout, and stderr if it is the same terminal, to /dev/null: writes would block or fail."""
    with suppress(OSError):
        device = os.fstat(descriptor).st_rdev
        devnull = os.open(os.devnull, os.O_WRONLY)
        for each in {descriptor, STDERR}:
            if os.isatty(each) and os.fstat(each).st_rdev == device:
                os.dup2(devnull, each)
        os.close(devnull)
