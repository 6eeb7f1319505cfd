"""The options that several commands share, questions at the terminal, and progress."""

import os
import re
import select
import signal
import termios
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import field
from functools import reduce
from math import inf
from pathlib import Path
from types import FrameType
from typing import Any, Final, Literal, TypeVar, get_args, get_origin

import click

from tui.commands.output import ExitCode, Output, Stop, ended_by_ctrl_c
from tui.domain.run import RunId
from tui.domain.text import Raw
from tui.lazy_dataclass import dataclass
from tui.settings.file import load_config, tls_context
from tui.settings.schema import Option, ruled, settings_in
from tui.settings.settings import ConfigFile, Settings, read_relay_settings, read_settings
from tui.terminal.cells import CURSOR_REQUEST, MAX_REQUESTS, REQUEST_INTERVAL_S
from tui.text.styled import Piece, cut, line_width, plain

# The options that several commands share, and the settings that they make.


F = TypeVar("F", bound=Callable[..., Any])

_RUN_ID = re.compile(r"[A-Za-z0-9_-]{1,200}\Z")


def _run_id(value: str) -> RunId:
    """Return the id of a run. It may contain only characters that are safe in the path of a URL."""
    if not _RUN_ID.match(value):
        raise click.BadParameter(f"{value!r} is not a run id (run_…)")
    return RunId(value)


RUN_ID: Final = _run_id
run_argument: Final = click.argument("run_id", metavar="RUN", type=RUN_ID)


def all_of(*options: Callable[[F], F]) -> Callable[[F], F]:
    """Return a decorator that adds options. The help shows the last one first."""
    return lambda command: reduce(lambda made, option: option(made), options, command)


FILE: Final = click.Path(exists=True, dir_okay=False, readable=True, path_type=Path)

config_option: Final = click.option(
    "--config",
    "config_path",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="The config file [default: TRIGGER_TUI_CONFIG, or ~/.config/trigger-tui/config.toml].",
)


def config_file_of(options: dict[str, Any]) -> ConfigFile:
    """Remove the option from a command's options, and read the config file."""
    return load_config(os.environ, options.pop("config_path", None))


def _option_of(annotation: Any, option: Option) -> Callable[[F], F]:
    """Return the option of a setting. Its type is that of the setting, unless its flags take no value."""
    kind, rule = ruled(annotation)
    typed: dict[str, Any] = {"metavar": option.metavar}
    if option.switches:
        typed = {"is_flag": True, "default": None}
    elif get_origin(kind) is Literal:
        typed = {"type": click.Choice(get_args(kind))}
    elif kind in {int, float}:
        ranged = click.IntRange if kind is int else click.FloatRange
        typed = {"type": ranged(rule.bounds.get("ge"), rule.bounds.get("le"))}
    return click.option(option.flags, help=option.help, **typed)


def _options_of(group: str) -> list[Callable[[F], F]]:
    """Return the options of the settings which a group of commands has."""
    found = [(annotation, rule.option) for _, annotation, rule in settings_in(Settings) if rule.option is not None]
    return [_option_of(annotation, option) for annotation, option in found if option.group == group]


api_url_option: Final = click.option(
    "--api-url", metavar="URL", help="The address of the API [default: TRIGGER_API_URL, or Trigger.dev Cloud]."
)

connection_options: Final = all_of(
    config_option,
    click.option("--ascii", "ascii_only", is_flag=True, help="Use only ASCII characters."),
    *_options_of("connection"),
    api_url_option,
)
"""The options of every command that connects to the API."""

following_options: Final = all_of(*_options_of("following")[::-1])
"""The options for following runs: the polling interval, and whether to use the realtime feed."""

json_option: Final = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON object per line, with raw values."
)


def settings_of(
    options: dict[str, Any], environ: Mapping[str, str] = os.environ, file: ConfigFile | None = None
) -> Settings:
    """Return the settings from the environment variables, the config file and a command's options.

    With `--relay` they are those of a session on a relay. Raises `SettingsError`, also for wrong certificates.
    """
    file = config_file_of(options) if file is None else file
    relay_url, ca = options.pop("relay_url", None), options.pop("tls_ca", None)
    if relay_url is None and ca is not None:
        raise Stop(ExitCode.USAGE, "--tls-ca needs --relay; for the API set SSL_CERT_FILE")
    if relay_url is None:
        return read_settings(environ, file=file, **options)
    if ca is not None:
        tls_context(ca)  # raises for a wrong file
    return read_relay_settings(environ, relay_url=relay_url, ca=ca, file=file, **options)


relay_options: Final = all_of(
    click.option(
        "--tls-ca",
        type=FILE,
        help="Certificates to trust, if no known authority signed that of the relay.",
    ),
    click.option("--relay", "relay_url", metavar="URL", help="Connect to a relay, read-only: ws:// or wss://."),
)
"""The options for a connection to a relay."""

monitor_options: Final = all_of(
    *_options_of("monitor"),
    click.option("--mouse", "has_mouse", is_flag=True, help="Use the mouse; the terminal then selects no text."),
    following_options,
)
"""The options of the monitor and the demo."""


# A line on the terminal's stderr that says how far a command is, and is drawn over by its next text.


MIN_PROGRESS_INTERVAL_S: Final = 0.1
"""Between two texts. A command may be a hundred reads further each second."""


class ProgressLine:
    """The progress of one command. Without a terminal it writes nothing but the lines of `say`."""

    def __init__(self, output: Output, monotonic_s: Callable[[], float]) -> None:
        self._output = output
        self._monotonic_s = monotonic_s
        self._is_shown = output.shows_progress
        self._limit = output.reading_width - 1  # A text in the last column would break the line.
        self._text, self._width = "", 0
        self._drawn_s = -inf

    def show(self, text: str) -> None:
        """Draw a text over the one before, unless that was drawn just now."""
        now_s = self._monotonic_s()
        if self._is_shown and now_s - self._drawn_s >= MIN_PROGRESS_INTERVAL_S:
            self._drawn_s = now_s
            self._draw(text)

    def _draw(self, text: str) -> None:
        line = cut((Piece(text),), self._limit)
        blank = " " * (self._width - line_width(line))
        self._text, self._width = text, line_width(line)
        self._output.prompt(plain(line) + blank, control="\r")

    def clear(self) -> None:
        """Remove the text."""
        if self._width:
            self._draw("")

    def say(self, text: Raw | str) -> None:
        """Print a line on stderr that stays, above the progress."""
        shown = self._text
        self.clear()
        self._output.say(text)
        if shown:
            self._draw(shown)


# Asks a yes/no question at the terminal, and ignores a `y` that was typed before the question was visible.
#
# The program requests the cursor's position right after the question. The terminal reports it in the stream of typed
# keys, so that a `y` after the report was typed after the question. A whole word counts at any time, since it cannot be
# typed by accident. A question that only a whole word confirms needs no report: `Output.ask`.


YES: Final = "y"

MAX_TYPED_BYTES: Final = 1_000
"""A longer line means no."""

WAITING: Final = "Waiting for the terminal. y works once it has answered. "

_REPORT: Final = re.compile(rb"\x1b\[\d{1,5};\d{1,5}R")
_PARTIAL_REPORT: Final = re.compile(rb"\x1b(\[(\d{1,5}(;(\d{1,5})?)?)?)?$")
_ERASE_CHAR: Final = b"\x08\x7f"
_ERASE_LINE: Final = b"\x15\x17"
_END_OF_LINE: Final = b"\r\n"
_END_OF_INPUT: Final = b"\x04"
_ENDING_SIGNALS: Final = (signal.SIGTERM, signal.SIGHUP)
_DUMB_TERMINALS: Final = frozenset({"", "dumb"})
"""Values of TERM for terminals without control sequences."""


LATE_WITHIN_S: Final = 1.0
"""How long to wait, after the answer, for reports that would otherwise be typed into the shell."""


@dataclass(slots=True)
class PromptInput:
    """Parses the terminal's input: cursor position reports, mixed with typed keys.

    `reports` is the number of reports so far. With the first one the terminal has shown the question, so that `y`
    counts. Keys typed before it are not echoed, and it discards them; from then on `echoes` is true.
    """

    word: str
    reports: int = 0
    echoes: bool = False
    _pending: bytes = b""
    _line: bytearray = field(default_factory=bytearray)

    def feed(self, data: bytes) -> tuple[bool | None, str]:
        """Parse input. Return the answer, or None while the line has no end, and the text to echo."""
        data, shown = self._pending + data, ""
        partial = _PARTIAL_REPORT.search(data)
        whole = len(data) if partial is None else partial.start()
        self._pending = data[whole:]
        for index, typed in enumerate(_REPORT.split(data[:whole])):
            if index and not self.reports and not self.echoes:
                self._line.clear()
                self.echoes = True
            self.reports += index > 0
            answer, echo = self._add_typed(typed)
            shown += echo
            if answer is not None:
                return answer, shown
        return None, shown

    def _add_typed(self, typed: bytes) -> tuple[bool | None, str]:
        shown = ""
        for number in typed:
            byte = bytes([number])
            if byte in _END_OF_LINE:
                text = self._line.decode("utf-8", "replace").strip()
                self._line.clear()
                if text == self.word or (text == YES and self.reports):
                    return True, shown
                if text != YES or self.echoes:
                    return False, shown
            elif (byte == _END_OF_INPUT and not self._line) or len(self._line) > MAX_TYPED_BYTES:
                return False, shown
            elif byte in _ERASE_CHAR:
                shown += "\b \b" if self._line else ""
                del self._line[-1:]
            elif byte in _ERASE_LINE:
                shown += "\b \b" * len(self._line)
                self._line.clear()
            elif byte >= b" ":
                shown += byte.decode("ascii", "replace").replace("\ufffd", "?")
                self._line += byte
        return None, shown if self.echoes else ""


def confirm(output: Output, question: str, *, word: str) -> bool:
    """Ask on stderr. Return whether the user typed `y` after the question was shown, or typed `word`.

    If the terminal never reports its cursor, only the word counts. A `y` that comes too early is ignored. Any other
    line means no.
    """
    if output.keyboard is None:
        return False
    descriptor = output.keyboard.fileno()
    with suppress(termios.error), ended_by_ctrl_c(), _unbuffered(descriptor):
        prompt = _Prompt(output, descriptor, PromptInput(word))
        try:
            return prompt.ask(question)
        finally:
            # So that the shell's prompt starts on a new line, after Ctrl-C too.
            output.prompt("", on_new_line=True)
            prompt.drain_late_reports()
    return False  # the terminal is gone


@dataclass(slots=True)
class _Prompt:
    """One question, on a terminal that passes on each key at once."""

    _output: Output
    _descriptor: int
    _input: PromptInput
    _requested_reports: int = 0
    _is_silent: bool = False

    def ask(self, question: str) -> bool:
        """Ask until the user ends a line, and return whether it confirms."""
        answer = None
        if os.environ.get("TERM", "") in _DUMB_TERMINALS:
            self._output.prompt(question)
        else:
            answer = self._ask_terminal(question)
        if answer is not None:
            return answer
        self._is_silent = not self._input.reports
        if self._is_silent or self._requested_reports > 1:
            if self._is_silent:
                question = f"The terminal does not answer queries: type {self._input.word} to confirm. "
            self._output.prompt(question, on_new_line=True)
            self._input.echoes = True
        return bool(self._read(None))

    def _ask_terminal(self, question: str) -> bool | None:
        """Show the question, and request reports until one arrives, the user answers, or the terminal is silent."""
        # The question and the request for a report are one write: the report proves that the question was shown.
        text, on_new_line = question, False
        while True:
            self._requested_reports += 1  # before the write, which Ctrl-C may interrupt
            self._output.prompt(text, on_new_line=on_new_line, control=CURSOR_REQUEST)
            answer = self._read(REQUEST_INTERVAL_S, until_shown=True)
            if answer is not None or self._input.reports or self._requested_reports >= MAX_REQUESTS:
                return answer
            on_new_line = self._requested_reports == 1
            text = WAITING if on_new_line else ""

    def drain_late_reports(self) -> None:
        """Wait for reports that were requested and have not arrived; the shell would read them as typed keys."""
        ends_s = time.monotonic() + LATE_WITHIN_S
        while not self._is_silent and self._input.reports < self._requested_reports:
            left_s = ends_s - time.monotonic()
            if left_s <= 0 or self._read(left_s, until_shown=True) is False:
                return

    def _read(self, timeout_s: float | None, *, until_shown: bool = False) -> bool | None:
        """Read until the user ends a line, or until a report if `until_shown`. Return the answer, None without one."""
        ends_s = None if timeout_s is None else time.monotonic() + timeout_s
        while True:
            left_s = None if ends_s is None else max(0.0, ends_s - time.monotonic())
            ready, _, _ = select.select([self._descriptor], [], [], left_s)
            if not ready:
                return None
            try:
                data = os.read(self._descriptor, 1024)
            except OSError:  # on Linux: the terminal is closed
                return False
            if not data:
                return False
            answer, echo = self._input.feed(data)
            self._output.prompt("", control=echo)
            if answer is not None or (until_shown and self._input.reports):
                return answer


@contextmanager
def _unbuffered(descriptor: int) -> Iterator[None]:
    """Let the terminal pass on each key at once, without echo, while the block runs; Ctrl-C still works.

    Keys typed before are discarded. The old mode is restored at the end, before a signal ends the process, and while
    the process is stopped by Ctrl-Z.
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

    def stop(number: int, frame: FrameType | None) -> None:
        end(number, frame)
        # Here the shell has resumed the process.
        signal.signal(number, stop)
        termios.tcsetattr(descriptor, termios.TCSANOW, now)

    handlers = {number: signal.signal(number, end) for number in _ENDING_SIGNALS}
    handlers[signal.SIGTSTP] = signal.signal(signal.SIGTSTP, stop)
    try:
        termios.tcsetattr(descriptor, termios.TCSAFLUSH, now)
        yield
    finally:
        restore()
        for number, handler in handlers.items():
            signal.signal(number, handler)
