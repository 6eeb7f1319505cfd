"""`relay`: serves one session with the API to many screens on other machines."""

import asyncio
import errno
import logging
import os
import resource
import signal
import socket
import ssl
import threading
import traceback
from contextlib import suppress
from pathlib import Path
from queue import Full, Queue
from typing import TYPE_CHECKING, Any, Final, Self

import click

from tui.commands.options import FILE, api_url_option, config_option, settings_of
from tui.commands.output import SIGNAL_EXIT_BASE, ExitCode, Output, OutputClosed, Stop
from tui.features.config.command import open_session, report_complaints
from tui.lazy_dataclass import dataclass
from tui.program.early import return_large_blocks
from tui.settings.schema import MIN_INTERVAL_S
from tui.settings.settings import Settings, is_loopback

if TYPE_CHECKING:
    from tui.api.lists import AnyRead
    from tui.relay.server import Relay, RelayOptions, Tokens


# Writes the relay's log lines to stderr without ever blocking the event loop.
#
# A pipe that its reader does not read is full after some hundred lines, and the next write blocks. Here a thread
# writes. Lines that do not fit into the queue are dropped and counted.


MAX_LINES: Final = 1_000
"""Lines that may wait in the queue."""

CLOSE_TIMEOUT_S: Final = 1.0
"""How long the end of the block waits for room in the queue, and then for the remaining lines."""


class StderrLines:
    """Writes lines in order, in its own thread, while the block runs."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._lines: Queue[str | None] = Queue(MAX_LINES)
        """None ends the thread."""
        self._dropped = 0
        # A write that blocks does not keep the program from ending.
        self._thread = threading.Thread(target=self._write_lines, name="stderr", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Wait for the remaining lines, but not for long."""
        with suppress(Full):
            self._lines.put(None, timeout=CLOSE_TIMEOUT_S)
            self._thread.join(CLOSE_TIMEOUT_S)

    def say(self, text: str) -> None:
        """Queue a line, or drop it if the queue is full."""
        try:
            self._lines.put_nowait(text)
        except Full:
            self._dropped += 1

    def _write_lines(self) -> None:
        reported, is_open = 0, True
        while is_open:
            line = self._lines.get()
            is_open = line is not None
            if line is not None:
                self._output.say(line)
            if (dropped := self._dropped) > reported and self._lines.empty():
                self._output.say(f"{dropped - reported:,} log lines were dropped: stderr did not accept them")
                reported = dropped


# `relay` checks its options, opens the socket and handles signals. The server is in `tui.relay.server`.


DEFAULT_LISTEN: Final = "127.0.0.1:7337"
MAX_OPEN_FILES: Final = 65_536
"""The limit of open files and connections to request from the system. The usual 1,024 are too few: clients without a
token could use them up.
"""

MIN_WARNING_INTERVAL_S: Final = 60.0
PORTS: Final = range(65_536)


def _address(_: click.Context, __: click.Parameter, value: str) -> tuple[str, int]:
    """Parse a host and a port: `127.0.0.1:7337`, `[::1]:7337`, `0.0.0.0:7337`."""
    host, colon, port = value.rpartition(":")
    host = host[1:-1] if host.startswith("[") and host.endswith("]") else "" if ":" in host else host
    if not colon or not host or not port.isdecimal() or int(port) not in PORTS:
        raise click.BadParameter(f"{value!r} is not a host and a port ({DEFAULT_LISTEN})")
    return host, int(port)


@click.command("relay")
@click.option(
    "--listen",
    "address",
    metavar="HOST:PORT",
    callback=_address,
    default=DEFAULT_LISTEN,
    show_default=True,
    help="The address to listen on.",
)
@click.option(
    "--tokens", "tokens_file", type=FILE, required=True, help="A file of tokens, one a line, readable only by you."
)
@click.option("--tls-cert", type=FILE, help="The certificate with its chain; PEM.")
@click.option("--tls-key", type=FILE, help="The certificate's key, if it is in another file.")
@click.option(
    "--max-screens",
    type=click.IntRange(1, 10_000),
    default=300,
    show_default=True,
    help="The limit of screens at a time.",
)
@api_url_option
@click.option("--interval", type=click.FloatRange(MIN_INTERVAL_S, 3600), help="Seconds between polls.")
@config_option
@click.option("--ascii", "ascii_only", is_flag=True, hidden=True)
@click.pass_obj
def relay(
    output: Output,
    /,
    *,
    address: tuple[str, int],
    tokens_file: Path,
    tls_cert: Path | None,
    tls_key: Path | None,
    max_screens: int,
    **options: Any,
) -> None:
    """Share one API connection with many read-only screens, over WebSockets. Ctrl-C ends it."""
    from tui.relay.server import RelayOptions, TokensError, read_tokens  # noqa: PLC0415

    host, port = address
    if tls_cert is None and not is_loopback(host):
        raise Stop(ExitCode.USAGE, f"--listen {host}: for other machines a relay needs --tls-cert and --tls-key")
    if tls_key is not None and tls_cert is None:
        raise Stop(ExitCode.USAGE, "--tls-key needs --tls-cert")
    try:
        tokens = read_tokens(tokens_file)
    except TokensError as error:
        raise Stop(ExitCode.USAGE, str(error)) from None
    _hide(output, tokens)
    settings = settings_of({**options, "read_only": True})
    report_complaints(settings, output)
    tls = None if tls_cert is None else _tls_context(tls_cert, tls_key)
    _allow_many_files()
    return_large_blocks()
    with _open_listener(host, port) as listener:
        lines = StderrLines(output)
        command = _RelayCommand(output, lines, tokens_file, listener, RelayOptions(max_screens, tls, _lists()))
        with lines:
            code = asyncio.run(command.serve(settings, tokens))
    raise Stop(code)


def _lists() -> "tuple[AnyRead, ...]":
    """Return the lists that a screen may read through the relay: those that are declared."""
    from tui.features import LISTS  # noqa: PLC0415  loaded when it is run

    views = [load() for load in LISTS.values()]
    return tuple(read for view in views for read in (view.read, view.detail) if read is not None)


def _tls_context(cert: Path, key: Path | None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        # An empty password, or OpenSSL would ask for a passphrase on the terminal.
        context.load_cert_chain(cert, key, password="")
    except (OSError, ssl.SSLError) as error:
        reason = getattr(error, "reason", None) or error.strerror
        raise Stop(ExitCode.USAGE, f"--tls-cert {cert} and its key cannot be used: {reason}") from None
    return context


def _allow_many_files() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = MAX_OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, MAX_OPEN_FILES)
    if soft != resource.RLIM_INFINITY and soft < limit:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))


def _open_listener(host: str, port: int) -> socket.socket:
    is_v6 = ":" in host
    family = socket.AF_INET6 if is_v6 else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, dualstack_ipv6=is_v6)
    except OSError as error:
        raise Stop(ExitCode.REFUSED, f"cannot listen on {host}:{port}: {error.strerror or error}") from None


@dataclass(slots=True)
class _RelayCommand:
    """The running command, with its signal handlers and its messages."""

    _output: Output
    _lines: StderrLines
    _tokens_file: Path
    _listener: socket.socket
    _options: "RelayOptions"
    _warned_s: float = float("-inf")

    async def serve(self, settings: Settings, tokens: "Tokens") -> int:
        """Serve until a signal arrives. Return the exit code."""
        from tui.relay.server import Relay  # noqa: PLC0415

        loop = asyncio.get_running_loop()
        loop.set_exception_handler(self._on_loop_error)
        # asyncio warns for each message to a screen that has disconnected, which may be thousands of lines.
        logging.getLogger("asyncio").setLevel(logging.ERROR)
        ended: asyncio.Future[int] = loop.create_future()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, _end, ended, number)
        async with open_session(settings, self._lines) as session:
            relay = Relay(session, tokens, self._options, log=self._lines.say)
            loop.add_signal_handler(signal.SIGHUP, self._reload_tokens, relay)
            async with relay.serving(self._listener):
                self._print_usage()
                await asyncio.wait((ended, relay.failure), return_when=asyncio.FIRST_COMPLETED)
                if relay.failure.done():
                    await relay.failure
        return await ended

    def _on_loop_error(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Log an error of the event loop. Too many open files are logged at most once a minute."""
        error = context.get("exception")
        if not (isinstance(error, OSError) and error.errno in {errno.EMFILE, errno.ENFILE}):
            self._lines.say(str(context.get("message", "the event loop reports an error")))
            for part in traceback.format_exception(error) if error is not None else ():
                for line in part.rstrip("\n").split("\n"):
                    self._lines.say(line)
        elif loop.time() - self._warned_s >= MIN_WARNING_INTERVAL_S:
            self._warned_s = loop.time()
            self._lines.say("no new connections for now: too many open files (ulimit -n)")

    def _reload_tokens(self, relay: "Relay") -> None:
        from tui.relay.server import TokensError, read_tokens  # noqa: PLC0415

        try:
            tokens = read_tokens(self._tokens_file)
            _hide(self._output, tokens)
            relay.replace_tokens(tokens)
        except TokensError as error:
            self._lines.say(f"{error}; the old tokens stay valid")
        else:
            self._lines.say(f"the tokens in {self._tokens_file} were read again")

    def _print_usage(self) -> None:
        """Print the address, and commands to paste into a shell."""
        host, port = self._listener.getsockname()[:2]
        scheme = "ws" if self._options.tls is None else "wss"
        shown = f"[{host}]" if ":" in host else host
        if not is_loopback(host):
            shown = socket.gethostname() if host in {"0.0.0.0", "::"} else shown  # noqa: S104  compared, not bound
        with suppress(OutputClosed):  # the reader of stdout may be gone
            self._output.print_lines(f"""\
relay at {scheme}://{shown}:{port}   (Ctrl-C ends it)

  # on the machine of a screen
  export TRIGGER_TUI_RELAY_TOKEN=…    # a token from {self._tokens_file}
  trigger-tui --relay {scheme}://{shown}:{port}""")


def _hide(output: Output, tokens: "Tokens") -> None:
    """Redact the tokens in all output."""
    for token in tokens.secrets:
        output.hide(token)


def _end(ended: "asyncio.Future[int]", number: signal.Signals) -> None:
    if ended.done():
        # The second signal ends the process at once.
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
    else:
        ended.set_result(SIGNAL_EXIT_BASE + number)


COMMANDS: Final = (relay,)
