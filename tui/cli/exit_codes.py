"""The exit codes that scripts rely on, and the exception that ends a command with one of them."""

from enum import IntEnum
from typing import Final

SIGNAL_EXIT_BASE: Final = 128
"""After a signal the exit code is this plus the signal's number, as in shells."""


class ExitCode(IntEnum):
    """The result of a command.

    RUN_FAILED: `watch RUN` ended, and the run did not complete; `status` printed a finding.
    """

    OK = 0
    REFUSED = 1
    USAGE = 2
    NO_CONNECTION = 3
    RUN_FAILED = 4
    INTERRUPTED = 130


class Stop(Exception):
    """Ends the command. `line` goes to stderr. `code` is an `ExitCode`, or SIGNAL_EXIT_BASE plus a signal."""

    def __init__(self, code: int, line: str = "") -> None:
        super().__init__(line)
        self.code = code
        self.line = line
