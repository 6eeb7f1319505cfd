"""Asks for a yes at the terminal, and takes one letter only after the terminal has shown the question.

Behind the question the terminal is asked where its cursor is. What was typed before its answer may be older than the
question, and `y` does not count. A whole word counts at any time: nobody types it by chance.
"""

import os
import re
import select
import signal
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from types import FrameType
from typing import Final

from tui.output import Output
from tui.ui.input.type_ahead import ASK_CURSOR, ASK_EVERY_S, SILENT_AFTER_S

YES: Final = "y"

MAX_TYPED_BYTES: Final = 1_000
"""Of one line; what is longer is no answer."""

WAITING: Final = "Waiting for the terminal to answer; until then y does not count. "

_ANSWER: Final = re.compile(rb"\x1b\[\d{1,5};\d{1,5}R")
_MAY_BECOME_ANSWER: Final = re.compile(rb"\x1b(\[(\d{1,5}(;(\d{1,5})?)?)?)?$")
_ERASE: Final = b"\x08\x7f"
_KILL: Final = b"\x15\x17"
_END_OF_LINE: Final = b"\r\n"
_END_OF_INPUT: Final = b"\x04"
_ENDING: Final = (signal.SIGTERM, signal.SIGHUP)
_MUTE: Final = frozenset({"", "dumb"})
"""Values of TERM of terminals that understand no question."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How often the terminal is asked, when it is taken for one that does not answer, and how long late answers are
    kept from the shell, in seconds.
    """

    ask_every_s: float = ASK_EVERY_S
    silent_after_s: float = SILENT_AFTER_S
    late_within_s: float = 1.0


@dataclass(slots=True)
class Typing:
    """What comes from a terminal that was asked for its cursor: its answers among what a person types.

    `is_seen`: it has answered, so `y` counts. `is_open`: what is typed is shown, and stays.
    """

    word: str
    answers: int = 0
    is_open: bool = False
    _pending: bytes = b""
    _line: bytearray = field(default_factory=bytearray)

    @property
    def is_seen(self) -> bool:
        """Whether the terminal has shown the question."""
        return self.answers > 0

    def feed(self, data: bytes) -> tuple[bool | None, str]:
        """Take some bytes. Return whether the person agrees, None while that is open, and what to show."""
        self._pending += data
        shown = ""
        while True:
            found = _ANSWER.search(self._pending) or _MAY_BECOME_ANSWER.search(self._pending)
            typed = self._pending if found is None else self._pending[: found.start()]
            agrees, more = self._take(typed)
            shown += more
            if agrees is not None or found is None:
                self._pending = b""
                return agrees, shown
            if found.re is _MAY_BECOME_ANSWER:
                self._pending = self._pending[found.start() :]
                return None, shown
            self._pending = self._pending[found.end() :]
            self._see()

    def _see(self) -> None:
        if not self.answers and not self.is_open:
            self._line.clear()
            self.is_open = True
        self.answers += 1

    def _take(self, typed: bytes) -> tuple[bool | None, str]:
        shown = ""
        for number in typed:
            byte = bytes([number])
            if byte in _END_OF_LINE:
                text = self._line.decode("utf-8", "replace").strip()
                self._line.clear()
                if text == self.word or (text == YES and self.is_seen):
                    return True, shown
                if text != YES or self.is_open:
                    return False, shown
            elif (byte == _END_OF_INPUT and not self._line) or len(self._line) > MAX_TYPED_BYTES:
                return False, shown
            elif byte in _ERASE:
                shown += "\b \b" if self._line else ""
                del self._line[-1:]
            elif byte in _KILL:
                shown += "\b \b" * len(self._line)
                self._line.clear()
            elif byte >= b" ":
                shown += byte.decode("ascii", "replace").replace("\ufffd", "?")
                self._line += byte
        return None, shown if self.is_open else ""


def agrees(output: Output, question: str, *, word: str, patience: Patience | None = None) -> bool:
    """Ask on stderr, and return whether a person agreed: by `y` after the question was seen, or by `word`.

    Where the terminal does not tell what it has shown the word alone counts. Any other line means no.
    """
    if output.answers is None:
        return False
    silent = f"The terminal does not tell when it showed this: type {word} to do it. "
    try:
        descriptor = output.answers.fileno()
        termios.tcgetattr(descriptor)
    except (termios.error, OSError, ValueError):  # a stream in memory
        return output.ask(f"{question}{silent}").strip() == word
    with _ended_by_ctrl_c(), _unbuffered(descriptor):
        asking = _Asking(output, descriptor, Typing(word), patience or Patience())
        try:
            return asking.ask(question, silent)
        finally:
            # Behind ctrl-c, too, the shell begins on a line of its own.
            output.prompt("", on_new_line=True)
            asking.keep_late_answers()


class _Asking:
    """One question on a terminal that gives its bytes as they come."""

    def __init__(self, output: Output, descriptor: int, typing: Typing, patience: Patience) -> None:
        self._output = output
        self._descriptor = descriptor
        self._typing = typing
        self._patience = patience
        self._asked = 0
        self._is_silent = False

    def ask(self, question: str, silent: str) -> bool:
        """Ask until a line decides."""
        if os.environ.get("TERM", "") in _MUTE:
            self._output.prompt(question)
            is_meant = None
        else:
            is_meant = self._ask_terminal(question)
        self._is_silent = is_meant is None and not self._typing.is_seen
        if self._is_silent or (is_meant is None and self._asked > 1):
            self._output.prompt(silent if self._is_silent else question, on_new_line=True)
            self._typing.is_open = True
        return bool(self._read(None)) if is_meant is None else is_meant

    def _ask_terminal(self, question: str) -> bool | None:
        """Ask the question, then the terminal, until it has answered, a line decides, or patience ends."""
        began_s = time.monotonic()
        # Question and control sequence go out in one piece: who sees the question has been asked for the answer.
        text, is_new_line = question, False
        while True:
            self._asked += 1  # before: ctrl-c may come in between
            self._output.prompt(text, on_new_line=is_new_line, control=ASK_CURSOR)
            is_meant = self._read(self._patience.ask_every_s, until_seen=True)
            is_over = time.monotonic() - began_s >= self._patience.silent_after_s
            if is_meant is not None or self._typing.is_seen or is_over:
                return is_meant
            is_new_line = self._asked == 1
            text = WAITING if is_new_line else ""

    def keep_late_answers(self) -> None:
        """Read answers that are still to come: the shell would take them for typed."""
        ends_s = time.monotonic() + self._patience.late_within_s
        while self._is_owed and (left_s := ends_s - time.monotonic()) > 0:
            if self._read(left_s, until_seen=True) is False:
                return

    @property
    def _is_owed(self) -> bool:
        return not self._is_silent and self._typing.answers < self._asked

    def _read(self, within_s: float | None, *, until_seen: bool = False) -> bool | None:
        """Read until a line decides, for so long, or until the terminal has answered; None: nothing is decided."""
        ends_s = None if within_s is None else time.monotonic() + within_s
        while True:
            left_s = None if ends_s is None else max(0.0, ends_s - time.monotonic())
            ready, _, _ = select.select([self._descriptor], [], [], left_s)
            if not ready:
                return None
            try:
                data = os.read(self._descriptor, 1024)
            except OSError:  # how Linux says that the other side is gone
                return False
            if not data:
                return False
            is_meant, shown = self._typing.feed(data)
            self._output.prompt("", control=shown)
            if is_meant is not None or (until_seen and self._typing.is_seen):
                return is_meant


@contextmanager
def _unbuffered(descriptor: int) -> Iterator[None]:
    """Bytes as they are typed, not shown, for as long as this lasts; ctrl-c goes on working.

    What was typed before is thrown away. The mode is given back whatever ends this, a signal too, and while ctrl-z
    stops the program.
    """
    before = termios.tcgetattr(descriptor)
    now = termios.tcgetattr(descriptor)
    now[3] &= ~(termios.ICANON | termios.ECHO)
    now[6][termios.VMIN], now[6][termios.VTIME] = 1, 0

    def restore() -> None:
        with suppress(termios.error):  # the terminal is gone
            termios.tcsetattr(descriptor, termios.TCSANOW, before)

    def end(number: int, _: FrameType | None) -> None:
        restore()
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    def stop(number: int, _: FrameType | None) -> None:
        restore()
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
        # A shell has continued the program.
        signal.signal(number, stop)
        termios.tcsetattr(descriptor, termios.TCSANOW, now)

    handlers = {number: signal.signal(number, end) for number in _ENDING}
    handlers[signal.SIGTSTP] = signal.signal(signal.SIGTSTP, stop)
    try:
        termios.tcsetattr(descriptor, termios.TCSAFLUSH, now)
        yield
    finally:
        restore()
        for number, handler in handlers.items():
            signal.signal(number, handler)


@contextmanager
def _ended_by_ctrl_c() -> Iterator[None]:
    """Let ctrl-c end a read: an event loop's own handler would only take note of it."""
    before: Callable[[int, FrameType | None], object] | int | None
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
