"""The exit codes, and which error leads to which.

What lives here: the table for scripts. DESIGN §1 fixes the numbers.
"""

from enum import IntEnum


class ExitCode(IntEnum):
    """What a script learns without reading a word."""

    OK = 0
    REFUSED = 1
    USAGE = 2
    NO_CONNECTION = 3
    RUN_FAILED = 4
    INTERRUPTED = 130


class Stop(Exception):
    """End the command now: with a line for stderr (or none) and an exit code, or 128 and the number of a signal."""

    def __init__(self, code: int, line: str = "") -> None:
        super().__init__(line)
        self.code = code
        self.line = line
