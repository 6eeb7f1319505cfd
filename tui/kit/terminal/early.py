"""The terminal before Textual is imported: its modes, a writer that never blocks, and the first frame."""

import os
import select
import signal
import stat
import termios
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from types import FrameType
from typing import Any, Final, Self

from rich.segment import Segment

from tui.terminal.cells import Capabilities
from tui.terminal.output import FrugalOutput

# The modes of the terminal, its size, and the output to it. The driver and the early terminal share them.


MAX_COLUMNS: Final = 1_000
MAX_ROWS: Final = 400
MAX_CELLS: Final = 160_000
"""A terminal may report any size, and to draw this many cells takes some tenths of a second. Of a larger one, the upper
left part is drawn, and the rest stays blank.
"""

FALLBACK_SIZE: Final = (80, 24)
"""The size of a terminal that does not report one, such as a serial line."""

DRIVER_VARIABLE: Final = "TRIGGER_TUI_DRIVER"
PLAIN_DRIVER: Final = "plain"
"""With this value of the variable, each frame is the whole screen, in sequences that all terminals know."""

STDERR: Final = 2

SIGNAL_EXIT_BASE: Final = 128
"""The exit code of a process that a signal has ended is this plus the number of the signal, as in shells."""

SCREEN_ON: Final = "\x1b[?1049h"
# GNU screen, by default, and the Linux console have no alternate screen: the shell goes on below the last row.
SCREEN_OFF: Final = "\x1b[999H\r\n\x1b[?1049l\x1b[?25h"
MOUSE_ON: Final = "\x1b[?1000h\x1b[?1003h\x1b[?1015h\x1b[?1006h"
# Inserting, origin mode and margins, which a killed program may leave, would garble the first frame.
MODES_ON: Final = "\x1b[?25l\x1b[4l\x1b[?6l\x1b[r\x1b[?1004h\x1b[?2004h\x1b[?7l"
# This program does not enable in-band sizes (2048), but an earlier one may have.
MODES_OFF: Final = (
    "\x1b[?2026l\x1b[?2004l\x1b[?7h\x1b[?2048l\x1b[?1000l\x1b[?1003l\x1b[?1015l\x1b[?1006l\x1b[?1004l\x1b[0m"
)
# Only "disambiguate escape codes". With "report all keys" a shell is unusable after `kill -9`.
KITTY_ON: Final = "\x1b[>1u"
# A terminal keeps these flags for each screen, so they are reset before leaving the alternate screen.
KITTY_OFF: Final = "\x1b[<u"
# Resets the character set, colours and margins that another program may have set.
CLEAR: Final = "\x1b(B\x0f\x1b[0m\x1b[r\x1b[?6l\x1b[2J"

# What a program that was killed may leave: a half sequence, keys and cursor of its own, inserting, margins, and on the
# alternate screen flags of the kitty protocol. `CLEAR` ends it, because a console may print a part of this.
LEFT_BEHIND_OFF: Final = (
    "\x1b\\\x1b[>4m\x1b[?1l\x1b>\x1b[4l\x1b[20l\x1b[?3l\x1b[?5l\x1b[?69l\x1b[?1002l\x1b[?1005l\x1b[0 q" + MODES_OFF
)
KITTY_ALL_OFF: Final = "\x1b[<9u"


def size_of(descriptor: int) -> tuple[int, int]:
    """Return the columns and rows that are drawn, by the size that the kernel has.

    The variables COLUMNS and LINES do not follow the window.
    """
    columns, rows = _reported(descriptor)
    columns = min(columns, MAX_COLUMNS)
    return columns, min(rows, MAX_ROWS, MAX_CELLS // columns)


def has_undrawn_part(descriptor: int) -> bool:
    """Return whether the terminal is larger than what is drawn."""
    return _reported(descriptor) != size_of(descriptor)


def _reported(descriptor: int) -> tuple[int, int]:
    reported = (0, 0)
    with suppress(OSError):
        reported = os.get_terminal_size(descriptor)
    columns, rows = (known or fallback for known, fallback in zip(reported, FALLBACK_SIZE, strict=True))
    return columns, rows


def screen_output(columns: int, lines: int) -> FrugalOutput:
    """Return the output of a terminal of that size."""
    if os.environ.get(DRIVER_VARIABLE) == PLAIN_DRIVER:
        return FrugalOutput(columns, lines, Capabilities(), is_plain=True)
    return FrugalOutput(columns, lines, Capabilities.of(os.environ))


def attributes_of(descriptor: int) -> list[Any] | None:
    """Return the attributes of a terminal to restore at the end; None if it has none."""
    with suppress(termios.error):
        return termios.tcgetattr(descriptor)
    return None


def restore_attributes(descriptor: int, attributes: list[Any] | None) -> None:
    """Set attributes that `attributes_of` returned, and discard typed keys: the shell would run them."""
    if attributes is not None:
        with suppress(termios.error):
            termios.tcflush(descriptor, termios.TCIFLUSH)
            termios.tcsetattr(descriptor, termios.TCSANOW, attributes)


def enter_raw_mode(descriptor: int) -> None:
    """Receive each key at once, including ctrl-c, ctrl-s and ctrl-z."""
    with suppress(termios.error):
        attributes = termios.tcgetattr(descriptor)
        attributes[0] &= ~(termios.IXON | termios.IXOFF | termios.ICRNL | termios.INLCR | termios.IGNCR)
        attributes[3] &= ~(termios.ECHO | termios.ICANON | termios.IEXTEN | termios.ISIG)
        attributes[6][termios.VMIN], attributes[6][termios.VTIME] = 1, 0
        termios.tcsetattr(descriptor, termios.TCSANOW, attributes)


def is_foreground(descriptor: int) -> bool:
    """Return whether this process may use the terminal now."""
    try:
        return os.tcgetpgrp(descriptor) == os.getpgrp()
    except OSError:
        return True  # a terminal without job control


def give_terminal(descriptor: int, group: int) -> None:
    """Make a process group the one in the foreground. Also allowed to a process in the background."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTTOU})
    try:
        with suppress(OSError):  # not its controlling terminal, or the group has ended
            os.tcsetpgrp(descriptor, group)
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTTOU})


def redirect_to_devnull(descriptor: int) -> None:
    """Redirect stdout, and stderr if it is the same terminal, to /dev/null: writes would block or fail."""
    with suppress(OSError):
        device = os.fstat(descriptor).st_rdev
        devnull = os.open(os.devnull, os.O_WRONLY)
        for each in {descriptor, STDERR}:
            if os.isatty(each) and os.fstat(each).st_rdev == device:
                os.dup2(devnull, each)
        os.close(devnull)


# Writes to a terminal that may be slow, stopped or closed, without blocking the caller.
#
# Other programs share the open file of the terminal, so that its flags must not change. The writer therefore opens the
# terminal a second time.


MAX_UNWRITTEN_BYTES: Final = 256 * 1024
"""If more bytes than this wait, frames are dropped. The whole screen is repainted once the terminal has caught up."""

MAX_WRITE_BYTES: Final = 64 * 1024
"""The maximum size of one write."""

MAX_SHARED_WRITE_BYTES: Final = 256
"""The maximum size of one write to a terminal that could not be reopened. A larger one could block half-way."""

CHECK_INTERVAL_S: Final = 0.1
"""A blocked writer checks this often whether the text to write was replaced."""

END_STRING: Final = "\x1b\\"
"""Ends an escape sequence that was cut half-way. It has no effect otherwise."""


class TerminalWriter:
    """Writes text in order. A thread writes the rest of a text that the terminal does not accept at once.

    `on_gone` is called once when the terminal is closed, `on_caught_up` whenever the thread has written everything:
    with True if later text was dropped. Both are called in the thread.
    """

    def __init__(self, descriptor: int, *, on_gone: Callable[[], None], on_caught_up: Callable[[bool], None]) -> None:
        self._descriptor, self._is_own = _reopen(descriptor)
        self._on_gone = on_gone
        self._on_caught_up = on_caught_up
        self._unwritten = bytearray()
        self._generation = 0
        self._is_behind = self._is_gone = self._is_closed = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="terminal-output", daemon=True)
        self._thread.start()

    @property
    def is_blocked(self) -> bool:
        """Whether some text is not written yet. `on_caught_up` follows."""
        return bool(self._unwritten)

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
            if self._unwritten:
                return True
            has_dropped, self._is_behind = self._is_behind, False
            self._changed.notify_all()
        self._on_caught_up(has_dropped)
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
    paths = [f"/proc/self/fd/{descriptor}"]
    with suppress(OSError):
        paths.append(os.ttyname(descriptor))
    for path in paths:
        with suppress(OSError):
            own = os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
            # In another mount namespace the name may belong to another terminal.
            if os.fstat(own).st_rdev == os.fstat(descriptor).st_rdev and stat.S_ISCHR(os.fstat(own).st_mode):
                return own, True
            os.close(own)
    return descriptor, False


# The terminal before the driver: shows one frame while Textual is imported.


WRITE_TIMEOUT_S: Final = 0.1
"""Stop waiting for the terminal after this. A frame that it has not accepted is sent again by the driver."""

_ENDED_BY: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_HELD: Final = (signal.SIGTSTP,)


class EarlyTerminal:
    """Shows a frame until the driver takes the terminal over. Otherwise the end of the block restores it.

    Until then keys wait in the kernel: the driver reads them later.
    """

    def __init__(self, input_descriptor: int, output_descriptor: int, attributes: list[Any] | None = None) -> None:
        """`attributes` are those to restore at the end; None: those of now."""
        self._input, self._output = input_descriptor, output_descriptor
        self.size = size_of(output_descriptor)
        self.screen = screen_output(*self.size)
        self.is_shown = False
        self._attributes = attributes or attributes_of(input_descriptor)
        self._handlers: dict[signal.Signals, Any] = {}
        self._must_restore = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._restore()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _HELD)
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    def show(self, rows: Sequence[Sequence[Segment]]) -> None:
        """Show the rows of a frame."""
        # The signals of the keyboard are off in raw mode: ctrl-c is read as a key later.
        self._must_restore = True
        self._handlers = {each: signal.signal(each, self._end) for each in _ENDED_BY}
        self._handlers[signal.SIGCONT] = signal.signal(signal.SIGCONT, self._on_continued)
        # A stop would leave this frame to the shell: the signal waits for the driver, which restores the terminal.
        signal.pthread_sigmask(signal.SIG_BLOCK, _HELD)
        enter_raw_mode(self._input)
        for y, row in enumerate(rows):
            self.screen.draw(y, 0, row)
        self.is_shown = self._write(f"{SCREEN_ON}{MODES_ON}{self.screen.take()}")

    def take_over(self) -> list[Any] | None:
        """Return the attributes that the terminal had before the frame. From now on the caller restores it."""
        self._must_restore = False
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _HELD)
        return self._attributes

    def _write(self, text: str) -> bool:
        """Write text, and return whether the terminal has accepted all of it."""
        writer = TerminalWriter(self._output, on_gone=lambda: None, on_caught_up=lambda _: None)
        try:
            return writer.write(text) and writer.finish(WRITE_TIMEOUT_S)
        finally:
            writer.close()

    def _restore(self) -> None:
        if self._must_restore:
            self._must_restore = False
            self._write(f"{MODES_OFF}{SCREEN_OFF}")
            restore_attributes(self._input, self._attributes)

    def _on_continued(self, _: int, __: FrameType | None) -> None:
        # SIGSTOP cannot be held. A shell has written on the screen meanwhile.
        self.is_shown = False

    def _end(self, number: int, _: FrameType | None) -> None:
        """End the process. An exception would be lost in some of the modules that are being imported."""
        self._restore()
        os._exit(SIGNAL_EXIT_BASE + number)
