"""Lines for a full stderr: they never block, and dropped lines are counted."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from typing import TextIO

from tui.commands.output import Output
from tui.program.relay import MAX_LINES, StderrLines

SMALL = 16_384
"""The bytes that a small pipe holds."""


def output_to(err: TextIO) -> Output:
    return Output(StringIO(), err, is_terminal=False, width=80, color=False, ascii_only=False)


@contextmanager
def a_pipe() -> Iterator[tuple[int, TextIO]]:
    """Yield the reading end of a small pipe, and a stream that writes to it."""
    reading, writing = os.pipe()
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, SMALL)
    with os.fdopen(writing, "w", encoding="utf-8") as stream:
        try:
            yield reading, stream
        finally:
            os.close(reading)


def test_lines_of_a_full_pipe_are_dropped_and_counted() -> None:
    with a_pipe() as (reading, stream), StderrLines(output_to(stream)) as lines:
        for number in range(3 * MAX_LINES):
            lines.say(f"line {number} {'x' * 50}")
        # The pipe has no reader yet: a blocking write would hang.
        read = b""
        while b"dropped" not in read:
            read += os.read(reading, 65_536)
        lines.say("the last")
        while b"the last" not in read:
            read += os.read(reading, 65_536)
    printed = read.decode().splitlines()
    (note,) = [line for line in printed if "dropped" in line]
    dropped = int(note.split()[0].replace(",", ""))
    assert dropped + len(printed) - 2 == 3 * MAX_LINES
    assert note.endswith("lines were dropped: stderr was full")
    assert [int(line.split()[1]) for line in printed[:100]] == list(range(100))


def test_end_does_not_wait_for_a_full_pipe() -> None:
    with a_pipe() as (_, stream), StderrLines(output_to(stream)) as lines:
        for _ in range(MAX_LINES):
            lines.say("x" * 200)


def test_closed_pipe_stops_the_thread_quietly() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w", encoding="utf-8") as stream, StderrLines(output_to(stream)) as lines:
        for _ in range(2 * MAX_LINES):
            lines.say("x")
