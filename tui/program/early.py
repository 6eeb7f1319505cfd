"""The terminal during the imports, large blocks of memory, and how a crash is printed. Imports nothing large."""

import os
import signal
import sys
import termios
import traceback
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType

    from tui.commands.output import Output


# Keeps ctrl-q among the typed keys from the start of the program, before anything else is imported.
#
# With flow control, a terminal takes ctrl-q for "go on" and drops it, until the monitor switches to raw mode. Flow
# control is turned off only for the monitor and the demo.


INTERRUPTED: Final = 130
_STDIN: Final = 0

COMPLETION_VARIABLE: Final = "_TRIGGER_TUI_COMPLETE"
"""The scripts of click, for a shell, start the program with it."""

original: list[Any] | None = None
"""The attributes that the terminal had before `begin`; None if `begin` changed nothing."""


def starts_monitor(arguments: "Sequence[str]") -> bool:
    """Return whether arguments start the monitor or the demo. The names of the other commands are not known yet.

    Only `--ascii` may come before the name of a command. So the monitor is meant if there is no argument, or if the
    first one is an option or an address (it has a `?`).
    """
    first = next((each for each in arguments if each != "--ascii"), "")
    return first in {"", "demo"} or first.startswith("-") or "?" in first


def begin(arguments: "Sequence[str]") -> None:
    """Turn flow control off if the arguments start the monitor or the demo. If it was on, ctrl-c ends the program until
    its imports are done.
    """
    global original  # noqa: PLW0603  a process has one terminal
    if not starts_monitor(arguments) or COMPLETION_VARIABLE in os.environ:
        return
    with suppress(termios.error):
        attributes = termios.tcgetattr(_STDIN)
        if attributes[0] & termios.IXON and _is_foreground():
            original = termios.tcgetattr(_STDIN)
            attributes[0] &= ~termios.IXON
            termios.tcsetattr(_STDIN, termios.TCSANOW, attributes)
            signal.signal(signal.SIGINT, _exit_at_interrupt)


def restore() -> None:
    """Restore the terminal. A second call does nothing."""
    global original  # noqa: PLW0603
    if original is not None and _is_foreground():
        with suppress(termios.error):
            termios.tcsetattr(_STDIN, termios.TCSANOW, original)
        original = None


def _is_foreground() -> bool:
    """Return whether this process may change the terminal: in the background it would be stopped."""
    try:
        return os.tcgetpgrp(_STDIN) == os.getpgrp()
    except OSError:
        return False


def _exit_at_interrupt(_: int, __: "FrameType | None") -> None:
    restore()
    os._exit(INTERRUPTED)


# Keeps the memory of a process that runs for days small: the C library gives large blocks back to the system.
#
# glibc raises its threshold for such blocks each time it frees one. After some large responses it takes them from the
# heap, which then has holes. It also keeps a heap for each thread.


LARGE_BLOCK_BYTES: Final = 128 * 1024
"""glibc's first threshold. Larger blocks are pages of their own."""

HEAPS: Final = 1

# The names of `malloc.h`.
_M_MMAP_THRESHOLD: Final = -3
_M_ARENA_MAX: Final = -8


def return_large_blocks() -> None:
    """Fix glibc's thresholds and let all threads share a heap. Call it before the first thread starts.

    With `give_memory_back` of `kit/speed.py` it saves 9 MB of 110 after 15 minutes at 20 runs/s. Other C libraries have
    no such settings, and stay as they are.
    """
    try:
        import ctypes  # noqa: PLC0415

        mallopt = ctypes.CDLL(None).mallopt
    except (ImportError, AttributeError, OSError, TypeError):
        return
    mallopt(_M_MMAP_THRESHOLD, LARGE_BLOCK_BYTES)
    mallopt(_M_ARENA_MAX, HEAPS)


# Prints the traceback of an unexpected exception, without local variables and without any key or token.
#
# Python itself prints the exceptions of threads, destructors and unawaited tasks to `sys.stderr`, which
# `redact_interpreter_output` replaces to redact them.


LAST_LINE: Final = "trigger-tui crashed; see the traceback above."


def print_bug(output: "Output", bug: BaseException) -> None:
    """Print the traceback on stderr, then LAST_LINE."""
    for line in "".join(traceback.format_exception(bug)).splitlines():
        output.say(line)
    output.say(LAST_LINE)


def redact_interpreter_output(redact: Callable[[str], str]) -> None:
    """Redact secrets in all that the interpreter and `logging` write to stderr."""
    if sys.stderr is not None:
        write = sys.stderr.write
        sys.stderr.write = lambda text: write(redact(text))  # type: ignore[method-assign]
