"""Keeps ctrl-q among the typed keys from the start of the program, before anything else is imported.

With flow control, a terminal takes ctrl-q for "go on" and drops it, until the monitor switches to raw mode. Only the
monitor and the demo do this.
"""

import os
import signal
import termios
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from tui.cli.commands import NAMES

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType

INTERRUPTED: Final = 130
_STDIN: Final = 0
_OTHERS: Final = frozenset(NAMES) - {"demo"}

_original: list[Any] | None = None


def begin(arguments: "Sequence[str]") -> None:
    """Turn flow control off, and end quietly at ctrl-c, if the arguments start the monitor or the demo."""
    global _original  # noqa: PLW0603  a process has one terminal
    if not _OTHERS.isdisjoint(arguments):
        return
    with suppress(termios.error):
        attributes = termios.tcgetattr(_STDIN)
        if attributes[0] & termios.IXON and _is_foreground():
            _original = termios.tcgetattr(_STDIN)
            attributes[0] &= ~termios.IXON
            termios.tcsetattr(_STDIN, termios.TCSANOW, attributes)
            signal.signal(signal.SIGINT, _end)


def original_attributes() -> list[Any] | None:
    """Return the attributes that the terminal had before `begin`; None if they are still the same."""
    return _original


def restore() -> None:
    """Restore the terminal. A second call does nothing."""
    global _original  # noqa: PLW0603
    if _original is not None and _is_foreground():
        with suppress(termios.error):
            termios.tcsetattr(_STDIN, termios.TCSANOW, _original)
        _original = None


def _is_foreground() -> bool:
    """Return whether this process may change the terminal: in the background it would be stopped."""
    try:
        return os.tcgetpgrp(_STDIN) == os.getpgrp()
    except OSError:
        return False


def _end(_: int, __: "FrameType | None") -> None:
    restore()
    os._exit(INTERRUPTED)
