"""The only writer to stdout and stderr: lines in colour or without, the table of runs, JSON, and one line of diagnosis.

stdout is data, stderr is for people. Nothing that somebody else wrote reaches a terminal as anything but text: pieces
are clean by their construction, diagnostics are cleaned here, JSON is pure ASCII. What to say is decided elsewhere.
"""

import os
import select
import signal
import sys
import termios
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Final, Self, TextIO

from tui.config import Secret
from tui.domain.run import Json, Run
from tui.domain.text import Raw, clean
from tui.present.ascii import ascii_line, ascii_text
from tui.present.json.text import compact
from tui.present.printed.table import PrintedTable
from tui.present.redaction import Redactor
from tui.present.status import LOOKS
from tui.present.styled import Line, Piece, Token

DEFAULT_WIDTH: Final = 80
"""Cells, where there is no terminal but prose still has to be wrapped, or a terminal will not tell."""

MAX_SAID: Final = 1_000
"""Characters of one line of stderr: names of the server's may be a megabyte long."""

_DIGITS: Final = 6  # of COLUMNS: more is no width

# Colours that every terminal has and that can be read on light and dark; greys are the default colour, never the dim
# attribute, which many terminals draw unreadably.
_SGR: Final = {Token.ROSE: "31", Token.AMBER: "33", Token.GREEN: "32", Token.BLUE: "36", Token.ACCENT: "35"}
_GLYPHS: Final = "".join(look.glyph for look in LOOKS.values()) + "…⋯├─└│▌·"


class OutputClosed(Exception):
    """Nobody reads stdout any more (`| head`): time to end, quietly and with exit code 0."""


class OutputFailed(Exception):
    """stdout takes no more (a full disk); the text says why."""


class Output:
    """Where a command's words go, and where its one question is asked.

    What a method prints has left the process when it returns: `watch` is read line by line. Methods that write to
    stdout raise `OutputClosed` when its reader has gone. `width` is in cells; a stdout that is no terminal gets no
    colour, and tables that are not cut. `answers` is where a person types, None where there is nobody to ask.
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
        answers: TextIO | None = None,
    ) -> None:
        self._out = out
        self._err = err
        self._answers = answers
        self._has_color = color and is_terminal
        self._is_ascii = ascii_only
        self._redactor = Redactor()
        self.reading_width = width
        self.width = width if is_terminal else None

    @classmethod
    def for_process(cls, environ: Mapping[str, str], *, ascii_only: bool = False) -> Self:
        """The output of this process, as its streams and its environment ask for: COLUMNS, NO_COLOR, TERM."""
        out = sys.stdout or open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115  `>&-`: None, for ever
        err = sys.stderr or open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115  `2>&-`
        is_terminal = out.isatty()
        can_ask = sys.stdin is not None and sys.stdin.isatty() and err.isatty()
        return cls(
            out,
            err,
            is_terminal=is_terminal,
            width=_width(environ, out if is_terminal else None),
            color=not environ.get("NO_COLOR") and environ.get("TERM") != "dumb",
            ascii_only=ascii_only or not _can_say_glyphs(out),
            answers=sys.stdin if can_ask else None,
        )

    @property
    def can_ask(self) -> bool:
        """Whether a person reads stderr and can type an answer."""
        return self._answers is not None

    @property
    def is_ascii(self) -> bool:
        """Whether only ASCII can be said."""
        return self._is_ascii

    def hide(self, secret: Secret) -> None:
        """Cut a key or token out of everything that is said from now on."""
        self._redactor.hide(secret.reveal())

    def redact(self, text: str) -> str:
        """Cut the hidden secrets out of a text."""
        return self._redactor.redact(text)

    def run_table(self) -> "TableOutput":
        """A table of runs, to be printed page by page."""
        return TableOutput(self)

    def lines(self, lines: Iterable[Line]) -> None:
        """Print styled lines."""
        self._write("".join(f"{self._painted(line)}\n" for line in lines))

    def print(self, text: Raw | str) -> None:
        """Print one plain line."""
        self.lines([(Piece(text),)])

    def json_line(self, value: Json) -> None:
        """Print one JSON value on one line of ASCII: raw values, escaped."""
        self._write(f"{compact(value)}\n")

    def say(self, text: Raw | str) -> None:
        """Tell a person one thing, on one line of stderr; does nothing when nobody can hear it."""
        self._tell(text if len(text) <= MAX_SAID else Raw(f"{text[: MAX_SAID - 1]}…"), "\n")

    @property
    def answers(self) -> TextIO | None:
        """Where a person types, None where there is nobody to ask."""
        return self._answers

    def prompt(self, text: Raw | str, *, on_new_line: bool = False, control: str = "") -> None:
        """Show a text on stderr and stay behind it. `control` is a sequence of our own, sent as it is in one write."""
        self._tell(text, control, "\n" if on_new_line else "")

    def ask(self, question: Raw | str) -> str:
        """Ask a person on stderr; gives the line that was typed, "" when there is nobody or nothing more to read.

        What was typed before the question could be seen does not answer it.
        """
        if self._answers is None:
            return ""
        # An event loop's own handler would only take note of a Ctrl-C, and the read would go on.
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            with suppress(termios.error, OSError):  # a stream in memory keeps no typed-ahead keys
                termios.tcflush(self._answers.fileno(), termios.TCIFLUSH)
            self._tell(question, "")
            with suppress(OSError):  # the terminal is gone
                return self._answers.readline().rstrip("\n")
            return ""
        finally:
            signal.signal(signal.SIGINT, before)

    @property
    def stderr_fd(self) -> int | None:
        """The file descriptor of stderr, None for a stream in memory."""
        try:
            return self._err.fileno()
        except OSError:
            return None

    def stderr_bytes(self, text: Raw | str) -> bytes:
        """One line of stderr as `say` writes it, for who writes it otherwise."""
        return f"{self._shown(text)}\n".encode(self._err.encoding, "replace")

    def _shown(self, text: Raw | str) -> str:
        shown = clean(self.redact(text))
        return ascii_text(shown) if self._is_ascii else shown

    def _tell(self, text: str, end: str, begin: str = "") -> None:
        try:
            _write_to(self._err, begin + self._shown(text) + end)
        except OSError:
            _silence(self._err)

    def _painted(self, line: Line) -> str:
        shown = ascii_line(line) if self._is_ascii else line
        if self._has_color:
            return "".join(map(_painted, shown)).rstrip(" ")
        return "".join(piece.text for piece in shown).rstrip(" ")

    def _write(self, text: str) -> None:
        try:
            _write_to(self._out, text)
        except BrokenPipeError as closed:
            _silence(self._out)
            raise OutputClosed from closed
        except OSError as trouble:
            _silence(self._out)
            raise OutputFailed(f"stdout cannot be written: {trouble.strerror}") from trouble


class TableOutput:
    """The pages of one table of runs on stdout."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._table = PrintedTable(output.width)

    def rows(self, runs: Sequence[Run], now: datetime) -> None:
        """Print a page of runs; the first one has the titles."""
        self._output.lines(self._table.page(runs, now))


def _silence(stream: TextIO) -> None:
    """Lead a stream to nowhere, or the interpreter's own flush at exit would complain about the pipe."""
    with suppress(OSError):  # a stream in memory has no descriptor
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


def _painted(piece: Piece) -> str:
    codes = [code for code in ("1" if piece.is_bold else "", _SGR.get(piece.token, "")) if code]
    return f"\x1b[{';'.join(codes)}m{piece.text}\x1b[0m" if codes and piece.text.strip(" ") else piece.text


def _write_to(stream: TextIO, text: str) -> None:
    descriptor = _non_blocking(stream)
    if descriptor is not None:
        # Python loses what does not fit. Another program has left the mode on the file that it shares with us.
        left = text.encode(stream.encoding, "replace")
        while left:
            select.select([], [descriptor], [])
            with suppress(BlockingIOError):
                left = left[os.write(descriptor, left) :]
        return
    try:
        stream.write(text)
    except UnicodeEncodeError:
        encoding = stream.encoding
        stream.write(text.encode(encoding, "replace").decode(encoding))
    stream.flush()


def _non_blocking(stream: TextIO) -> int | None:
    """The descriptor of a stream in non-blocking mode; None for all others."""
    try:
        descriptor = stream.fileno()
        return None if os.get_blocking(descriptor) else descriptor
    except (OSError, ValueError):  # a stream in memory, or a closed one
        return None


def _width(environ: Mapping[str, str], terminal: TextIO | None) -> int:
    told = environ.get("COLUMNS", "")
    if told.isdecimal() and 0 < len(told) < _DIGITS and int(told) > 0:
        return int(told)
    with suppress(OSError, ValueError):
        if terminal is not None:
            return os.get_terminal_size(terminal.fileno()).columns or DEFAULT_WIDTH
    return DEFAULT_WIDTH


def _can_say_glyphs(stream: TextIO) -> bool:
    try:
        _GLYPHS.encode(stream.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True
