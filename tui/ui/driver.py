"""The terminal that the monitor draws on: its modes, its size, its keys, its title, and how it is given back.

It replaces Textual's driver for Linux, whose reading thread dies of one odd byte and whose writes stop the event loop.
Decoding is in `terminal_input`, writing in `terminal_output`. It is a little longer than 300 lines: each step of taking
the terminal has its counterpart in giving it back.
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

from tui.ui.terminal.answers import LateAnswers
from tui.ui.terminal.input import InputDecoder
from tui.ui.terminal.key_backlog import KeyBacklog
from tui.ui.terminal.output import TerminalWriter
from tui.ui.terminal.reader import TerminalReader

HUNG_UP: Final = 129
"""The exit code of a program whose terminal was closed: that of SIGHUP, as shells have it."""

RESTORE_WITHIN_S: Final = 1.0
"""A terminal that takes nothing for this long at the end is blocked."""

RESTORE_AGAIN_WITHIN_S: Final = 0.5
"""The second try, after what was written before is discarded."""

STOP_AGAIN_S: Final = 0.1
"""A program continued in the background stops again after this; `kill %1` sends another signal with SIGCONT."""

MAX_COLUMNS: Final = 2_000
MAX_ROWS: Final = 1_000
"""No screen has more; a terminal that claims to would cost all memory."""

FALLBACK_SIZE: Final = (80, 24)
"""The size of a terminal that does not know its own, as a serial line."""

STDERR: Final = 2

_MOUSE_ON: Final = "\x1b[?1000h\x1b[?1003h\x1b[?1015h\x1b[?1006h"
_MODES_ON: Final = "\x1b[?25l\x1b[?1004h\x1b[?2004h\x1b[?7l"
# Only "disambiguate escape codes". With "report all keys" a shell is unusable after `kill -9`.
_KITTY_ON: Final = "\x1b[>1u"
# Apple's terminal writes a `p` for this question.
_ASK_SYNC: Final = "\x1b[?2026$p"
_SCREEN_ON: Final = "\x1b[?1049h"
_TITLE_PUSH: Final = "\x1b[22;2t"
# A terminal that keeps no titles shows its own rather than ours.
_TITLE_POP: Final = "\x1b]2;\x1b\\\x1b[23;2t"
# Nothing here asks for in-band sizes (2048), but a program before may have.
_MODES_OFF: Final = (
    "\x1b[?2026l\x1b[?2004l\x1b[?7h\x1b[?2048l\x1b[?1000l\x1b[?1003l\x1b[?1015l\x1b[?1006l\x1b[?1004l\x1b[0m"
)
# A terminal keeps these flags by screen, so they go before the alternate one.
_KITTY_OFF: Final = "\x1b[<u"
_SCREEN_OFF: Final = "\x1b[?1049l\x1b[?25h"
# What another program can have left: a character set, colours, margins.
_CLEAR: Final = "\x1b(B\x0f\x1b[0m\x1b[r\x1b[?6l\x1b[2J"


class TerminalDriver(Driver):
    """Draws on stdout and reads stdin, which are one terminal. stderr stays free.

    The public methods belong to the event loop's thread.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        assert sys.__stdin__ is not None
        assert sys.__stdout__ is not None
        self._input, self._output = sys.__stdin__.fileno(), sys.__stdout__.fileno()
        self._size = self._size or size_of(self._output)
        self.backlog = KeyBacklog()
        self._answers = LateAnswers()
        self._attributes: list[Any] | None = None
        self._title: str | None = None
        self._is_active = self._was_continued = self._is_restored = self._is_title_pushed = False
        self._handlers: dict[int, Any] = {}
        self._writer: TerminalWriter | None = None
        self._reader: TerminalReader | None = None

    @property
    def can_suspend(self) -> bool:
        """Textual asks; `suspend` is our way."""
        return True

    def process_message(self, message: Message) -> None:
        """Hand on what the terminal sent, but for keys of a flood that would keep the app busy for minutes."""
        match message:
            case events.CursorPosition():
                self._answers.answer_cursor()
            case messages.TerminalSupportsSynchronizedOutput():
                self._answers.answer_mode()
            case events.InputEvent() | events.Paste() if not self._is_active:
                return  # typed while the terminal is given back: for nobody
            case events.Key() if not self.backlog.admit(message.key):
                return
        super().process_message(message)

    def write(self, data: str) -> None:
        """Send text to the terminal; while it is suspended there is none."""
        if self._writer is not None and self._is_active:
            self._writer.write(data)

    def ask_cursor(self, question: str) -> bool:
        """Ask the terminal for its cursor; False if it is behind, and was not asked."""
        is_sent = self._writer is not None and self._is_active and self._writer.write(question)
        if is_sent:
            self._answers.ask_cursor()
        return is_sent

    def set_title(self, title: str) -> None:
        """Set the terminal's title; the one before comes back at the end. The text holds no controls."""
        self._title = title
        if self._writer is not None and self._is_active:
            # A terminal that is behind drops both: the title is sent again when it has caught up.
            self._is_title_pushed |= self._writer.write(self._title_sequence())

    def _title_sequence(self) -> str:
        if self._title is None:
            return ""
        return f"{'' if self._is_title_pushed else _TITLE_PUSH}\x1b]2;{self._title}\x1b\\"

    def repaint(self) -> None:
        """Put the terminal's modes right and paint everything again, whatever others did to it."""
        if self._is_active:
            self._make_raw()
            self.write(_CLEAR + _MODES_ON)
            self._paint_all()

    def suspend(self) -> None:
        """Give the terminal back and stop, until a shell continues the program in the foreground."""
        self.stop_application_mode()
        self._stop_process()

    def start_application_mode(self) -> None:
        """Take the terminal."""
        if not self._handlers:
            self._handle(signal.SIGWINCH, self._measure)
            self._handle(signal.SIGTSTP, self.suspend)
            # `_stop_process` has to know of this one before its next line.
            self._handlers[signal.SIGCONT] = signal.signal(signal.SIGCONT, self._note_continued)
        if self._writer is None:
            self._writer = TerminalWriter(self._output, on_gone=self._hang_up, on_caught_up=self._catch_up)
        self._attributes = None
        with suppress(termios.error):
            self._attributes = termios.tcgetattr(self._input)
        self._make_raw()
        title, self._is_title_pushed = self._title_sequence(), self._title is not None
        mouse = _MOUSE_ON if self._mouse else ""
        ask = "" if os.environ.get("TERM_PROGRAM") == "Apple_Terminal" else _ASK_SYNC
        self._writer.replace(f"{title}{_SCREEN_ON}{self._kitty(_KITTY_ON)}{_MODES_ON}{mouse}{ask}")
        if ask:
            self._answers.ask_mode()
        self._is_active, self._is_restored = True, False
        self._reader = TerminalReader(
            self._input,
            InputDecoder(has_mouse=self._mouse),
            on_message=self.process_message,
            on_gone=self._hang_up,
            on_failure=self._fail,
        )
        self._measure()

    def disable_input(self) -> None:
        """Read no more keys. What was typed and not read is for nobody."""
        if self._reader is not None:
            self._reader.stop()
            self._reader = None
            with suppress(termios.error):
                termios.tcflush(self._input, termios.TCIFLUSH)

    def stop_application_mode(self) -> None:
        """Give the terminal back, in bounded time, also if it is blocked. Nothing is painted on it afterwards."""
        if not self._is_active or self._writer is None:
            return
        self._is_active = False
        title, self._is_title_pushed = _TITLE_POP if self._is_title_pushed else "", False
        self._writer.replace(f"{_MODES_OFF}{self._kitty(_KITTY_OFF)}{_SCREEN_OFF}{title}")
        self._is_restored = self._writer.finish(RESTORE_WITHIN_S)
        if not self._is_restored:
            # The terminal holds what it has not shown: of a screen that is gone. Without it there is room.
            with suppress(termios.error):
                termios.tcflush(self._output, termios.TCOFLUSH)
                termios.tcflow(self._output, termios.TCOON)
            self._is_restored = self._writer.finish(RESTORE_AGAIN_WITHIN_S)
        else:
            self._answers.wait()
        self.disable_input()
        if self._attributes is not None:
            with suppress(termios.error):
                termios.tcsetattr(self._input, termios.TCSANOW, self._attributes)

    def close(self) -> None:
        """End the threads. stdout and stderr lead nowhere if the terminal takes no more: the last words would wait."""
        self.stop_application_mode()
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        self._handlers.clear()
        if self._writer is not None:
            self._writer.close()
            self._writer = None
            if not self._is_restored:
                _lead_nowhere(self._output)

    def _kitty(self, sequence: str) -> str:
        return "" if constants.DISABLE_KITTY_KEY else sequence

    def _handle(self, number: signal.Signals, handle: Callable[[], None]) -> None:
        def handler(_: int, __: FrameType | None) -> None:
            # A handler runs in the middle of anything, also of what holds a lock.
            self._loop.call_soon_threadsafe(handle)

        self._handlers[number] = signal.signal(number, handler)

    def _make_raw(self) -> None:
        """Have every key come as it is typed, ctrl-c, ctrl-s and ctrl-z too."""
        with suppress(termios.error):
            attributes = termios.tcgetattr(self._input)
            attributes[0] &= ~(termios.IXON | termios.IXOFF | termios.ICRNL | termios.INLCR | termios.IGNCR)
            attributes[3] &= ~(termios.ECHO | termios.ICANON | termios.IEXTEN | termios.ISIG)
            attributes[6][termios.VMIN], attributes[6][termios.VTIME] = 1, 0
            termios.tcsetattr(self._input, termios.TCSANOW, attributes)

    def _measure(self) -> None:
        """Tell the app how large the terminal is."""
        if self._is_active:
            width, height = size_of(self._output)
            size = Size(width, height)
            self.send_message(events.Resize(size, size))

    def _stop_process(self) -> None:
        self._was_continued = False
        # A wrapper, as `time` or `sh -c`, stops too, or the shell would go on waiting for it.
        handler = signal.signal(signal.SIGTSTP, signal.SIG_IGN)
        os.killpg(0, signal.SIGTSTP)
        signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        signal.raise_signal(signal.SIGTSTP)
        signal.signal(signal.SIGTSTP, handler)
        self._loop.call_soon(self._go_on)

    def _note_continued(self, _: int, __: FrameType | None) -> None:
        # After SIGSTOP, which cannot be caught, the terminal was never given back.
        self._was_continued = True
        self._loop.call_soon_threadsafe(self.repaint)

    def _go_on(self, *, has_waited: bool = False) -> None:
        """Take the terminal again, unless the program ends or is in the background."""
        if self._app.return_code is not None or self._is_active:
            return
        # Without job control nothing stops the program: it was never in the background.
        if not self._was_continued or _is_foreground(self._input):
            self.start_application_mode()
            self._paint_all()
        elif has_waited:
            self._stop_process()
        else:
            self._loop.call_later(STOP_AGAIN_S, lambda: self._go_on(has_waited=True))

    def _catch_up(self) -> None:
        with suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self._send_again)

    def _send_again(self) -> None:
        if self._title is not None:
            self.set_title(self._title)
        self._paint_all()

    def _paint_all(self) -> None:
        # In the app's own context, which the callers do not have.
        self._app.call_later(self._app.refresh)

    def _hang_up(self) -> None:
        """The terminal is gone, as one of the threads found out."""
        self._answers.end()
        _lead_nowhere(self._output)
        with suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(lambda: self._app.exit(return_code=HUNG_UP))

    def _fail(self, error: BaseException) -> None:
        """The reading thread ended by a bug: so does the program, which says so."""
        self._answers.end()
        bug = RuntimeError("the thread that reads the keyboard has ended")
        bug.__cause__ = error
        with suppress(RuntimeError):
            # Textual has no public way to end an app by an error of another thread.
            self._loop.call_soon_threadsafe(self._app._handle_exception, bug)  # noqa: SLF001


def size_of(descriptor: int) -> tuple[int, int]:
    """Columns and rows, by the kernel: what a variable says does not change with the window."""
    told = (0, 0)
    with suppress(OSError):
        told = os.get_terminal_size(descriptor)
    columns, rows = (known or fallback for known, fallback in zip(told, FALLBACK_SIZE, strict=True))
    return min(columns, MAX_COLUMNS), min(rows, MAX_ROWS)


def _is_foreground(descriptor: int) -> bool:
    """Whether this program may use the terminal now."""
    try:
        return os.tcgetpgrp(descriptor) == os.getpgrp()
    except OSError:
        return True  # a terminal without job control


def _lead_nowhere(descriptor: int) -> None:
    """Lead stdout, and stderr if that is the same terminal, to nowhere: a write would block or fail."""
    with suppress(OSError):
        device = os.fstat(descriptor).st_rdev
        nowhere = os.open(os.devnull, os.O_WRONLY)
        for each in {descriptor, STDERR}:
            if os.isatty(each) and os.fstat(each).st_rdev == device:
                os.dup2(nowhere, each)
        os.close(nowhere)
