"""Prints the traceback of an unexpected exception, without local variables and without any key or token.

Python prints the exceptions of threads, destructors and unawaited tasks by itself; `redact_interpreter_output` redacts
those.
"""

import logging
import sys
import threading
import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from tui.output import Output

if TYPE_CHECKING:
    from types import TracebackType

LAST_LINE: Final = "trigger-tui crashed; see the traceback above."


def print_bug(output: Output, bug: BaseException) -> None:
    """Print the traceback on stderr, then LAST_LINE."""
    for line in "".join(traceback.format_exception(bug)).splitlines():
        output.say(line)
    output.say(LAST_LINE)


def redact_interpreter_output(redact: Callable[[str], str]) -> None:
    """Redact secrets in the output of the interpreter's exception hooks and of `logging`."""

    def write(text: str) -> None:
        if sys.stderr is not None:
            sys.stderr.write(redact(text))

    def hook(kind: type[BaseException], bug: BaseException, trace: "TracebackType | None") -> None:
        write("".join(traceback.format_exception(kind, bug, trace)))

    def thread_hook(args: threading.ExceptHookArgs) -> None:
        if args.exc_type is not SystemExit and args.exc_value is not None:
            write(f"Exception in thread {args.thread.name if args.thread else 'unknown'}:\n")
            hook(args.exc_type, args.exc_value, args.exc_traceback)

    def unraisable_hook(args: "sys.UnraisableHookArgs") -> None:
        if args.exc_value is not None:
            write(f"{args.err_msg or 'Exception ignored in'}: {args.object!r}\n")
            hook(args.exc_type, args.exc_value, args.exc_traceback)

    sys.excepthook, threading.excepthook, sys.unraisablehook = hook, thread_hook, unraisable_hook
    if logging.lastResort is not None:
        logging.lastResort.setFormatter(_RedactingFormatter(redact))


class _RedactingFormatter(logging.Formatter):
    """Formats as usual, then redacts secrets."""

    def __init__(self, redact: Callable[[str], str]) -> None:
        super().__init__()
        self._redact = redact

    def format(self, record: logging.LogRecord) -> str:
        return self._redact(super().format(record))
