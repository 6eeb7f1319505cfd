"""The modes of the terminal, its size, and the output to it. The driver and the early terminal share them."""

import os
import signal
import termios
from contextlib import suppress
from typing import Any, Final

from tui.terminal.capabilities import Capabilities
from tui.terminal.output import FrugalOutput, PlainOutput

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
"""With this value of the variable, everything that Textual writes is sent as it is."""

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


def screen_output(columns: int, lines: int) -> FrugalOutput | PlainOutput:
    """Return the output that the variable wants."""
    if os.environ.get(DRIVER_VARIABLE) == PLAIN_DRIVER:
        return PlainOutput()
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
