"""The output of commands: data to stdout, messages to stderr, and the exit code."""

import os
import select
import signal
import sys
import termios
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from enum import IntEnum
from itertools import islice
from typing import Final, Self, TextIO

from tui.domain.run import Json
from tui.domain.text import Raw, clean
from tui.settings.secret import Secret
from tui.text.redaction import Redactor
from tui.text.status import STATUS_STYLES, ascii_line, ascii_text
from tui.text.styled import Line, Piece, Token

# Writes the output of commands: data to stdout, messages to stderr.
#
# Only `program.early` and `program.relay` write to stderr without it, and the monitor's driver to the terminal. No
# outside text reaches a terminal as a control sequence: a `Piece` is always clean, messages are cleaned here, and JSON
# is ASCII.


DEFAULT_WIDTH: Final = 80
"""Width in cells if there is no terminal, or if it does not report its width."""

MAX_LINE_CHARS: Final = 1_000
"""Longer lines on stderr are cut: a name from the server may be a megabyte long."""

LINES_PER_WRITE: Final = 500
"""Lines that are written at once, where many are at hand. A system call a line would cost more than the line."""

_MAX_COLUMNS_DIGITS: Final = 5
MAX_WIDTH: Final = 1_000
"""A terminal may report any size, and each span of a trace has a bar over its whole width."""


# Colours that every terminal has, readable on light and dark backgrounds. Grey text uses the default colour: many
# terminals draw the dim attribute unreadably.
_SGR: Final = {Token.ROSE: "31", Token.AMBER: "33", Token.GREEN: "32", Token.BLUE: "36", Token.ACCENT: "35"}
_GLYPHS: Final = "".join(look.glyph for look in STATUS_STYLES.values()) + "…⋯├─└│▌·"


class OutputClosed(Exception):
    """The reader of stdout is gone (`| head`). The program ends with exit code 0."""


class Output:
    """The stdout and stderr of a command, and the keyboard, if it may ask the user.

    Every method flushes, since scripts read `watch` line by line. Methods that write to stdout raise `OutputClosed`
    when its reader is gone. A stdout that is not a terminal gets colours only by FORCE_COLOR, and no shortened tables:
    its `width` is None. `reading_width` is for wrapped text, which has a width in any case.
    """

    def __init__(
        self,
        out: TextIO,
        err: TextIO,
        *,
        is_terminal: bool,
        width: int,
        color: bool,
        ascii_only: bool,
        keyboard: TextIO | None = None,
    ) -> None:
        """`width` is in cells. `keyboard` is None if there is no user to ask."""
        self._out = out
        self._err = err
        self.keyboard = keyboard
        """The terminal that the user types at, None if there is no user to ask."""
        self.has_color = color
        self.is_ascii = ascii_only
        """Whether the output is limited to ASCII."""
        self._redactor = Redactor()
        self.reading_width = width
        self.width = width if is_terminal else None

    @classmethod
    def for_process(cls, environ: Mapping[str, str], *, ascii_only: bool = False) -> Self:
        """Create the output of this process, with COLUMNS, NO_COLOR, FORCE_COLOR and TERM from its environment.

        FORCE_COLOR colours what a pipe gets, too; NO_COLOR wins.
        """
        out = sys.stdout or open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115  closed by `>&-`; stays open
        err = sys.stderr or open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115  closed by `2>&-`
        is_terminal = out.isatty()
        return cls(
            out,
            err,
            is_terminal=is_terminal,
            width=_width(environ, out if is_terminal else None),
            color=not environ.get("NO_COLOR")
            and (bool(environ.get("FORCE_COLOR")) or (is_terminal and environ.get("TERM") != "dumb")),
            ascii_only=ascii_only or not _can_encode_glyphs(out),
            keyboard=sys.stdin if sys.stdin is not None and sys.stdin.isatty() and err.isatty() else None,
        )

    def hide(self, secret: Secret) -> None:
        """Redact a key or token in all later messages on stderr."""
        self._redactor.hide(secret.reveal())

    def redact(self, text: str) -> str:
        """Redact the hidden secrets from a text."""
        return self._redactor.redact(text)

    def lines(self, lines: Iterable[Line]) -> None:
        """Print styled lines, many of them in one write."""
        self._write_all(map(self._paint_line, lines))

    def print(self, text: Raw | str) -> None:
        """Print one plain line."""
        self.lines([(Piece(text),)])

    def print_lines(self, text: str) -> None:
        """Print the plain lines of a text of our own."""
        self.lines((Piece(line),) for line in text.split("\n"))

    def json_line(self, value: Json) -> None:
        """Print a JSON value on one line."""
        self.json_lines([value])

    def json_lines(self, values: Iterable[Json]) -> None:
        """Print JSON values, one a line, with escapes for everything beyond ASCII. Many lines are one write."""
        from tui.text.json import compact  # noqa: PLC0415  the monitor prints none

        self._write_all(map(compact, values))

    def say(self, text: Raw | str) -> None:
        """Print one line on stderr. Ignores a stderr that cannot be written."""
        self._write_message(text if len(text) <= MAX_LINE_CHARS else Raw(f"{text[: MAX_LINE_CHARS - 1]}…"), "\n")

    def prompt(self, text: Raw | str, *, on_new_line: bool = False, control: str = "") -> None:
        """Print a text on stderr without a line break. The control sequence `control` follows in the same write."""
        self._write_message(text, control, "\n" if on_new_line else "")

    def ask(self, question: Raw | str) -> str:
        """Ask on stderr, and return the line that the user types; "" if there is no user or the input has ended.

        Keys typed before the question are discarded.
        """
        if self.keyboard is None:
            return ""
        with ended_by_ctrl_c():
            with suppress(termios.error, OSError):  # a stream in memory has no input queue
                termios.tcflush(self.keyboard.fileno(), termios.TCIFLUSH)
            self._write_message(question, "")
            with suppress(OSError):  # the terminal is gone
                return self.keyboard.readline().rstrip("\n")
        return ""

    @property
    def shows_progress(self) -> bool:
        """Whether stderr is a terminal, where a line can be drawn over."""
        return self._err.isatty()

    def _write_message(self, text: str, end: str, begin: str = "") -> None:
        shown = clean(self.redact(text))
        try:
            _write_to(self._err, begin + (ascii_text(shown) if self.is_ascii else shown) + end)
        except (OSError, ValueError):
            _silence(self._err)

    def _paint_line(self, line: Line) -> str:
        shown = ascii_line(line) if self.is_ascii else line
        if self.has_color:
            return "".join(map(_paint_piece, shown)).rstrip(" ")
        return "".join(piece.text for piece in shown).rstrip(" ")

    def check_reader(self) -> None:
        """Raise `OutputClosed` if the reader of stdout is gone, although there is nothing to write."""
        try:
            poll = select.poll()
            poll.register(self._out.fileno(), 0)
        except (OSError, ValueError):  # a stream in memory has no descriptor
            return
        if any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0)):
            _silence(self._out)
            raise OutputClosed

    def _write_all(self, lines: Iterator[str]) -> None:
        while batch := "".join(f"{line}\n" for line in islice(lines, LINES_PER_WRITE)):
            self._write(batch)

    def _write(self, text: str) -> None:
        try:
            _write_to(self._out, text)
        except BrokenPipeError as closed:
            _silence(self._out)
            raise OutputClosed from closed
        except OSError as error:
            _silence(self._out)
            raise Stop(ExitCode.REFUSED, f"cannot write to stdout: {error.strerror}") from error


@contextmanager
def ended_by_ctrl_c() -> Iterator[None]:
    """Let Ctrl-C interrupt a blocking read; asyncio's handler would wait for its end."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _silence(stream: TextIO) -> None:
    """Redirect a stream to /dev/null. Otherwise the interpreter's flush at exit would report the broken pipe."""
    with suppress(OSError, ValueError):  # a stream in memory has no descriptor, nor has one that was closed
        descriptor = stream.fileno()
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, descriptor)
        os.close(nowhere)


def _paint_piece(piece: Piece) -> str:
    codes = [code for code in ("1" if piece.is_bold else "", _SGR.get(piece.token, "")) if code]
    return f"\x1b[{';'.join(codes)}m{piece.text}\x1b[0m" if codes and piece.text.strip(" ") else piece.text


def _write_to(stream: TextIO, text: str) -> None:
    """Write a text at once. Characters that the stream cannot encode become question marks."""
    encoding = stream.encoding or "utf-8"
    left = text.encode(encoding, "replace")
    try:
        stream.fileno()
    except (OSError, ValueError):  # a stream in memory
        stream.write(left.decode(encoding))
        stream.flush()
        return
    # Not by the stream: another program that shares the file may have made it non-blocking, and Python would drop the
    # bytes that do not fit. And a thread that ends with the program must not hold its lock. A stream that was closed
    # meanwhile has no descriptor any more: its number may be another file's.
    while left:
        select.select([], [stream], [])
        with suppress(BlockingIOError):
            left = left[os.write(stream.fileno(), left) :]


def _width(environ: Mapping[str, str], terminal: TextIO | None) -> int:
    columns = environ.get("COLUMNS", "")
    if columns.isdecimal() and 0 < len(columns) <= _MAX_COLUMNS_DIGITS and int(columns) > 0:
        return min(int(columns), MAX_WIDTH)
    with suppress(OSError, ValueError):
        if terminal is not None:
            return min(os.get_terminal_size(terminal.fileno()).columns or DEFAULT_WIDTH, MAX_WIDTH)
    return DEFAULT_WIDTH


def _can_encode_glyphs(stream: TextIO) -> bool:
    try:
        _GLYPHS.encode(stream.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


# The exit codes that scripts rely on, and the exception that ends a command with one of them.


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
