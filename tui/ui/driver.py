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

from tui.ui.terminal.early import EarlyTerminal
from tui.ui.terminal.input import InputDecoder
from tui.ui.terminal.key_backlog import KeyBacklog
from tui.ui.terminal.modes import (
    MODES_OFF,
    MODES_ON,
    SCREEN_OFF,
    SCREEN_ON,
    attributes_of,
    enter_raw_mode,
    restore_attributes,
    screen_output,
    size_of,
)
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

STDERR: Final = 2

_MOUSE_ON: Final = "\x1b[?1000h\x1b[?1003h\x1b[?1015h\x1b[?1006h"
# Only "disambiguate escape codes". With "report all keys" a shell is unusable after `kill -9`.
_KITTY_ON: Final = "\x1b[>1u"
# Apple's terminal prints a `p` for this request.
_REQUEST_SYNC: Final = "\x1b[?2026$p"
_TITLE_PUSH: Final = "\x1b[22;2t"
# The empty title is for a terminal that does not save titles.
_TITLE_POP: Final = "\x1b]2;\x1b\\\x1b[23;2t"
# A terminal keeps these flags for each screen, so they are reset before leaving the alternate screen.
_KITTY_OFF: Final = "\x1b[<u"
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
        # Only our app has an early terminal. Textual passes the driver nothing else of ours.
        self._early: EarlyTerminal | None = getattr(self._app, "early_terminal", None)
        self._screen = screen_output(*self._size) if self._early is None else self._early.screen
        self.backlog = KeyBacklog()
        self._replies = PendingReplies()
        self._attributes: list[Any] | None = None
        self._title: str | None = None
        self._is_active = self._was_continued = self._is_restored = self._is_title_pushed = False
        self._is_slow_profile = False
        self._is_held = self._early is not None
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
        self._screen.draw(data)
        if not self._is_held:
            self._send_drawn()

    def release(self) -> None:
        """Take the place of the first frame: send what was drawn meanwhile, and read the keys that were typed.

        Until then, Textual draws widgets that have no content yet, and would lose the keys.
        """
        if self._is_held and self._is_active:
            self._is_held = False
            self._send_drawn()
            self._read_input()

    def _send_drawn(self) -> None:
        text = self._screen.take()
        if text and self._writer is not None and not self._writer.write(text):
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
            enter_raw_mode(self._input)
            self._writer.write(_CLEAR + MODES_ON)
            self._screen.passed(MODES_ON)
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
        early, self._early = self._early, None
        self._attributes = attributes_of(self._input) if early is None else early.take_over()
        enter_raw_mode(self._input)
        shown_size = early.size if early is not None and early.is_shown else None
        title, self._is_title_pushed = self._title_sequence(), self._title is not None
        mouse = _MOUSE_ON if self._mouse else ""
        request = "" if os.environ.get("TERM_PROGRAM") == "Apple_Terminal" else _REQUEST_SYNC
        screen_on = f"{SCREEN_ON}{MODES_ON}" if shown_size is None else ""
        self._writer.replace(f"{title}{screen_on}{self._kitty(_KITTY_ON)}{mouse}{request}")
        if shown_size is None:
            self._screen.passed(MODES_ON)
        if request:
            self._replies.expect_mode()
        self._is_active, self._is_restored = True, False
        if not self._is_held:
            self._read_input()
        if shown_size != size_of(self._output):
            self._screen.resize(*size_of(self._output))
        self._send_size()

    def _read_input(self) -> None:
        self._reader = TerminalReader(
            self._input,
            InputDecoder(has_mouse=self._mouse),
            on_message=self.process_message,
            on_gone=self._on_hang_up,
            on_failure=self._fail,
        )

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
        self._writer.replace(f"{MODES_OFF}{self._kitty(_KITTY_OFF)}{SCREEN_OFF}{title}")
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
        restore_attributes(self._input, self._attributes)

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

    def _report_size(self) -> None:
        """Send the terminal's new size to the app."""
        if self._is_active:
            self._screen.resize(*size_of(self._output))
            self._send_size()

    def _send_size(self) -> None:
        size = Size(*size_of(self._output))
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
