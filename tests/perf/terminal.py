"""Runs a program on a pty, with an emulated screen, for tests, benchmarks and screenshots.

It sends keys, waits for texts on the screen, and records when bytes arrive. Every wait is a `select` with a deadline.
Times are taken when bytes are read, before they are drawn. The emulated screen is in `tests.perf.screen`, a slow link
in `tests.perf.link`.
"""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Any, Final, Self

from tests.perf.link import Link
from tests.perf.screen import Emulator, Screen

PATIENCE_S: Final = 100.0
"""A program that hangs fails a test, a machine that is busy does not: at a load of 25, a start takes 20 s."""

ACTING_KEYS: Final = frozenset("qCRYO\x03\x0f\x11")
ALONE_S: Final = 0.6
"""Keys that follow many others sooner may be a part of a paste: they neither act nor quit."""

SYNC_BEGINS: Final = b"\x1b[?2026h"

_QUERY: Final = re.compile(rb"\x1b\[(?:6n|(>?)c|\?(\d+)\$p|(>0?q)|(5n))")
_SUPPORTED: Final = {b"2026": 2}
"""DEC modes that this terminal reports as known: 2 means off. It reports others with 0."""


@dataclass(frozen=True, slots=True)
class KeyCost:
    """The cost of one key: the seconds and bytes until the screen is as expected."""

    seconds: float
    bytes: int


class Terminal:
    """A command on a terminal of `columns` x `rows` cells, from its start to `close`.

    `env` is the whole environment, to which the variables of a terminal are added. With `holds_cursor` the cursor
    position is not reported until `answer_cursor`. `name` is what the terminal answers to XTVERSION. A `link` carries
    the bytes. With `is_controlling` the program can open /dev/tty.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        size: tuple[int, int] = (120, 40),
        env: Mapping[str, str] | None = None,
        holds_cursor: bool = False,
        name: str | None = None,
        link: Link | None = None,
        is_controlling: bool = False,
    ) -> None:
        columns, rows = size
        self._name = name
        self._holds_cursor = holds_cursor
        self._many_sent_s = float("-inf")
        self.holds_answers = False
        """Whether status and cursor are reported only by `give_answer`, as by a terminal that is slow to draw."""
        self.held: deque[tuple[int, int] | None] = deque()
        """The queries that wait for `give_answer`: the row and column of the cursor, or None for the status."""
        self._unreported: deque[tuple[int, int]] = deque()
        """Row and column where the cursor was at the questions that were not answered."""
        self._screen = Screen(columns, rows)
        self._emulator = Emulator(self._screen)
        self._drawn = 0
        self._master, slave = pty.openpty()
        _set_size(slave, columns, rows)
        variables = {"TERM": "xterm-256color", "COLORTERM": "truecolor", "PYTHONUTF8": "1"}
        self.began_s = time.monotonic()
        self.process = subprocess.Popen(
            command,
            env={**(os.environ if env is None else env), **variables},
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            # No thread of this process holds a lock that the call needs.
            preexec_fn=partial(fcntl.ioctl, 0, termios.TIOCSCTTY, 0) if is_controlling else None,  # noqa: PLW1509
        )
        os.close(slave)
        self._link = None if link is None else link.start(self._master)
        self._wire = self._master if link is None else link.near
        self.received = bytearray()
        self.arrivals: list[tuple[float, int]] = []
        """For each read, its time and the bytes received until then."""

        self.read_s = self.began_s
        self.is_gone = False
        self._answered_to = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def screen(self) -> Screen:
        """The screen, which is drawn on access: drawing takes longer than reading."""
        self._draw_to(len(self.received))
        return self._screen

    @property
    def descriptor(self) -> int:
        """The terminal's end of the pty."""
        return self._master

    @property
    def lines(self) -> list[str]:
        """The rows of the screen. The second cell of a wide character is empty."""
        return self.screen.rows_text()

    @property
    def text(self) -> str:
        """The screen as one text."""
        return "\n".join(line.rstrip() for line in self.lines)

    @property
    def cursor_row(self) -> int | None:
        """The row with the cursor of the list."""
        return next((y for y in range(self.screen.lines) if self.screen.buffer[y][0].data == "▌"), None)

    def send(self, keys: str) -> None:
        """Send keys. One that acts or quits comes as a person types it: not right behind many others, as in a paste."""
        if keys in ACTING_KEYS and (left_s := self._many_sent_s + ALONE_S - time.monotonic()) > 0:
            self.read_for(left_s)
            if self.is_gone:  # an earlier key ended it meanwhile: what is waited for next says so
                return
        os.write(self._wire, keys.encode())
        if len(keys) > 1:
            self._many_sent_s = time.monotonic()

    def send_alone(self, key: str) -> None:
        """Send a key as a person types it: not joined to those before."""
        self.read_for(ALONE_S)
        self.send(key)

    def answer_cursor(self) -> None:
        """Report the cursor position once: where it was at the oldest question without an answer."""
        row, column = self._unreported.popleft()
        self.send(f"\x1b[{row + 1};{column + 1}R")

    def give_answer(self) -> None:
        """Answer the oldest query that was held."""
        if self.held.popleft() is None:
            self.send("\x1b[0n")
        else:
            self.answer_cursor()

    def drop_answer(self) -> None:
        """Lose the answer to the oldest query that was held."""
        if self.held.popleft() is not None:
            self._unreported.popleft()

    def resize(self, columns: int, rows: int) -> None:
        """Resize the terminal, and notify the program."""
        self.screen.resize(rows, columns)
        _set_size(self._master, columns, rows)
        # The kernel sends this signal only to the foreground job of a controlling terminal.
        self.process.send_signal(signal.SIGWINCH)

    def wait_until(self, is_so: Callable[[], bool], what: str = "it", within_s: float = PATIENCE_S) -> float:
        """Read until a condition holds. Return the time of the bytes that made it true."""
        ends_s = time.monotonic() + within_s
        while not is_so():
            if self.is_gone or not self._read(ends_s):
                end = f"the program ended ({self.process.wait(PATIENCE_S)})" if self.is_gone else f"{within_s} s passed"
                raise AssertionError(f"waited for {what}, and {end}; on the screen:\n{self.text}")
        return self.read_s

    def wait_for(self, *texts: str, within_s: float = PATIENCE_S) -> float:
        """Wait until all texts are on the screen, each within one row."""
        return self.wait_until(lambda: all(text in self.text for text in texts), f"{texts}", within_s)

    def wait_for_bytes(self, wanted: bytes, within_s: float = PATIENCE_S) -> float:
        """Wait until all texts were written since the start, without drawing the screen."""
        return self.wait_until(lambda: wanted in self.received, f"{wanted!r}", within_s)

    def press(self, keys: str, is_done: Callable[[], bool], what: str = "the answer to a key") -> KeyCost:
        """Send keys, and wait until the screen is as expected."""
        before, began_s = len(self.received), time.monotonic()
        self.send(keys)
        return KeyCost(self.wait_until(is_done, what) - began_s, len(self.received) - before)

    def wait_quiet(self, quiet_s: float = 0.15, within_s: float = PATIENCE_S) -> None:
        """Wait until nothing was written for this long."""
        ends_s = time.monotonic() + within_s
        while not self.is_gone and self._read(time.monotonic() + quiet_s):
            if time.monotonic() > ends_s:
                raise AssertionError(f"never quiet; on the screen:\n{self.text}")

    def read_for(self, seconds: float) -> None:
        """Read for this long."""
        ends_s = time.monotonic() + seconds
        while not self.is_gone and time.monotonic() < ends_s:
            self._read(ends_s)

    def check_running(self) -> None:
        """Raise an AssertionError with the exit code and the last screen if the program has ended."""
        if not self.is_gone and self.process.poll() is None:
            return
        while not self.is_gone and self._read(time.monotonic()):
            pass  # what it wrote at its end
        code = self.process.wait(PATIENCE_S)
        raise AssertionError(f"the program ended ({code}); on the screen:\n{self.text}")

    def hang_up(self) -> None:
        """Close the terminal while the program runs."""
        if self._link is not None:
            self._link.close()
        os.close(self._master)
        self.is_gone = True

    def end(self, within_s: float = PATIENCE_S) -> int:
        """Read until the program ends. Return its exit code."""
        ends_s = time.monotonic() + within_s
        while not self.is_gone:
            if not self._read(ends_s):
                raise AssertionError(f"did not end; on the screen:\n{self.text}")
        return self.process.wait(within_s)

    def close(self) -> None:
        """End the program and close the terminal."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(PATIENCE_S)
        if not self.is_gone:
            self.hang_up()

    def _read(self, ends_s: float) -> bool:
        """Read available bytes, or wait for some until the deadline. Return whether any came."""
        ready, _, _ = select.select([self._wire], [], [], max(0.0, ends_s - time.monotonic()))
        if not ready:
            return False
        try:
            chunk = os.read(self._wire, 65536)
        except OSError:  # Linux reports a closed other end this way
            chunk = b""
        if not chunk:
            self.hang_up()
            return True
        self.read_s = time.monotonic()
        self.received += chunk
        self.arrivals.append((self.read_s, len(self.received)))
        self._answer()
        return True

    def _draw_to(self, end: int) -> None:
        """Draw what was received up to an index."""
        if self._drawn < end:
            new = bytes(self.received[self._drawn : end])
            self._drawn = end
            self._emulator.feed(new)

    def _answer(self) -> None:
        """Respond to the program's terminal queries."""
        for query in _QUERY.finditer(self.received, self._answered_to):
            self._answered_to = query.end()
            if query[2] is not None:
                reply = f"\x1b[?{query[2].decode()};{_SUPPORTED.get(bytes(query[2]), 0)}$y"
            elif query[3] is not None:
                if self._name is None:
                    continue
                reply = f"\x1bP>|{self._name}\x1b\\"
            elif query[4] is not None:
                if self.holds_answers:
                    self.held.append(None)
                    continue
                reply = "\x1b[0n"
            elif query[1] is not None:
                reply = "\x1b[>41;0;0c" if query[1] else "\x1b[?62;22c"
            else:
                self._draw_to(query.end())
                self._unreported.append((self._screen.cursor.y, self._screen.cursor.x))
                if self.holds_answers:
                    self.held.append(self._unreported[-1])
                elif not self._holds_cursor:
                    self.answer_cursor()
                continue
            self.send(reply)
        # A query may arrive in two pieces, so the end is searched again.
        self._answered_to = max(self._answered_to, len(self.received) - 8)


def _set_size(descriptor: int, columns: int, rows: int) -> None:
    fcntl.ioctl(descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


Cell = Any
"""A cell of pyte with `data`, `fg`, `bg`, `bold`, `reverse` and more."""
