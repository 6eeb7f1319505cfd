"""Starts the monitor: `trigger-tui` on the API or a relay, and `trigger-tui demo` on an emulator in a child process.

This module checks the terminal and the settings first, and runs the app inside a session. Whatever ends the app (a key,
a signal, a closed terminal, an exception) becomes an exit code.
"""

import gc
import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar

import click

from tui.cli import early_keys
from tui.cli.bugs import print_bug
from tui.cli.exit_codes import SIGNAL_EXIT_BASE, ExitCode, Stop
from tui.cli.options import config_file_of, config_option, following_options
from tui.cli.world_options import WorldOptions, world_options, world_options_of
from tui.lazy_dataclass import dataclass
from tui.output import Output
from tui.settings import ConfigFile, Settings, read_relay_settings, read_settings
from tui.settings.reading import file_values

if TYPE_CHECKING:
    import socket
    from asyncio import AbstractEventLoop
    from types import FrameType

    from tui.store.addresses.view_address import ViewAddress
    from tui.ui.app import TriggerApp
    from tui.ui.terminal.early import EarlyTerminal

F = TypeVar("F", bound=Callable[..., Any])

DEMO_HISTORY: Final = 500
"""Finished runs at the start of the demo. They are created while the screen is loaded."""

ENDING_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def monitor_options(command: F) -> F:
    """Add the options of the monitor and the demo."""
    for option in (
        click.option(
            "--theme",
            type=click.Choice(["auto", "dark", "light", "16"]),
            help="The colours; 16 uses those of the terminal [default: auto].",
        ),
        click.option("--read-only", is_flag=True, help="Disable cancel and replay."),
        click.option(
            "--no-title",
            "has_title",
            is_flag=True,
            flag_value=False,
            default=True,
            help="Leave the terminal's title alone.",
        ),
        click.option(
            "--slow/--no-slow",
            "slow_link",
            default=None,
            help="Save bytes: always or never [default: when the terminal's link is slow].",
        ),
        click.option("--mouse", "has_mouse", is_flag=True, help="Accept clicks; the terminal then cannot select text."),
    ):
        command = option(command)
    return following_options(command)


def relay_options(command: F) -> F:
    """Add the options for a connection to a relay."""
    for option in (
        click.option(
            "--tls-ca",
            type=click.Path(exists=True, dir_okay=False, readable=True, path_type=Path),
            help="Certificates to trust, if no known authority signed the relay's.",
        ),
        click.option("--relay", "relay_url", metavar="URL", help="Connect to a relay, read-only: ws:// or wss://."),
    ):
        command = option(command)
    return command


def view_address(text: str | None, zone: tzinfo) -> "ViewAddress | None":
    """Parse the address of the first view, with times in a zone. Raises `Stop` if it is none."""
    if text is None:
        return None
    from tui.store.addresses.addressed_views import period_problem
    from tui.store.addresses.view_address import AddressError, parse_address

    try:
        address = parse_address(text)
    except AddressError as error:
        raise Stop(ExitCode.USAGE, str(error)) from None
    if (problem := period_problem(address.since, datetime.now(zone))) is not None:
        raise Stop(ExitCode.USAGE, problem)
    return address


@dataclass(frozen=True, slots=True)
class DisplayOptions:
    """The options for drawing the screen that are no settings."""

    is_ascii: bool
    has_mouse: bool
    address: "ViewAddress | None" = None
    """The view to start with."""

    @classmethod
    def of(cls, options: dict[str, Any], output: Output, file: ConfigFile) -> Self:
        """Remove the display options from a command's options, and return them. The file names the zone of times."""
        is_ascii, zone = options.pop("ascii_only") or output.is_ascii, file_values(file)[0]["zone"]
        return cls(is_ascii, options.pop("has_mouse"), view_address(options.pop("address", None), zone))


def monitor(output: Output, options: dict[str, Any]) -> None:
    """Run the monitor until the user quits. The variables and options name the API or the relay."""
    relay_url, ca, file = options.pop("relay_url"), options.pop("tls_ca"), config_file_of(options)
    display = DisplayOptions.of(options, output, file)
    _check_terminal(os.environ)
    if relay_url is None:
        if ca is not None:
            raise Stop(ExitCode.USAGE, "--tls-ca needs --relay; for the API set SSL_CERT_FILE")
        _run(output, read_settings(os.environ, file=file, **options), display)
        return
    if ca is not None:
        check_certificates(ca)
    shared = {name: options[name] for name in ("expect_env", "has_title", "slow_link", "theme")}
    settings = read_relay_settings(os.environ, relay_url=relay_url, ca=ca, file=file, **shared)
    _run(output, settings, display, environment_name=f"relay {settings.relay_url}")


@click.command("demo")
@click.argument("address", required=False)
@world_options(history=DEMO_HISTORY, is_demo=True)
@click.option("--prod", "is_production", is_flag=True, help="Show the environment prod instead of dev.")
@monitor_options
@click.option("--expect-env", metavar="NAME", help="Refuse to act in any other environment (dev, prod).")
@click.option("--ascii", "ascii_only", is_flag=True, help="Use only ASCII characters.")
@config_option
@click.pass_obj
def demo(output: Output, /, *, is_production: bool, **options: Any) -> None:
    """Try the monitor without an account. It shows sample tasks on an emulated server; no network is used.

    ADDRESS is the view to start with, such as 'runs?status=failed' or 'errors?'.
    """
    from tui.emulator.server.child import run_in_child

    world = world_options_of(options)
    file = config_file_of(options)
    display = DisplayOptions.of(options, output, file)
    _check_terminal(os.environ)
    slug = "prod" if is_production else "dev"
    with run_in_child(lambda listener: _serve(world, slug, listener)) as child:
        try:
            _run(
                output,
                read_settings(_demo_environ(child.url, slug), file=file, **options),
                display,
                environment_name=f"demo {slug}",
            )
        finally:
            for line in child.stderr_text().splitlines():
                output.say(line)


def _check_terminal(environ: Mapping[str, str]) -> None:
    """Raise `Stop` if this terminal, or a variable that Textual reads, would break the monitor."""
    from tui.ui.terminal.textual_variables import invalid_variable_message

    if not all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stdout)):
        raise Stop(ExitCode.USAGE, "the monitor needs a terminal; use `trigger-tui ls` in a pipe")
    if environ.get("TERM", "") in {"", "dumb"}:
        raise Stop(ExitCode.USAGE, "the monitor needs a terminal that can move its cursor (TERM is empty or dumb)")
    if (wrong := invalid_variable_message(environ)) is not None:
        raise Stop(ExitCode.USAGE, wrong)


def check_certificates(ca: Path) -> None:
    """Raise `Stop` unless the file contains certificates."""
    from tui.sources.base import Fatal
    from tui.sources.relay.authorities import tls_context

    try:
        tls_context(ca)
    except Fatal as error:
        raise Stop(ExitCode.USAGE, error.reason) from None


def _demo_environ(url: str, slug: str) -> dict[str, str]:
    """Return the variables for a session on the emulator, and bypass proxies, which cannot reach it.

    The action log stays in its usual folder.
    """
    os.environ.update(NO_PROXY="*", no_proxy="*")
    names = ("HOME", "XDG_STATE_HOME", "TRIGGER_TUI_TITLE", "TRIGGER_TUI_SLOW")
    kept = {name: os.environ[name] for name in names if name in os.environ}
    return kept | {"TRIGGER_SECRET_KEY": f"tr_{slug}_emulator", "TRIGGER_API_URL": url}


def _serve(world: WorldOptions, slug: str, listener: "socket.socket") -> None:
    """Serve in the child process. The shown environment is created now, the other one at its first request."""
    import asyncio

    from tui.emulator.server.application import application
    from tui.emulator.server.serving import serve

    emulator = world.new_emulator(is_demo=True)
    emulator.make(slug)
    gc.freeze()
    gc.enable()
    asyncio.run(serve(application(emulator), emulator, listener))


def _run(output: Output, settings: Settings, display: DisplayOptions, *, environment_name: str | None = None) -> None:
    """Run the app until it ends. Raises `Stop` unless the exit code is 0.

    `environment_name` is the name under which filters are saved; None: a digest of the key.
    """
    for variable in ("COLUMNS", "LINES"):
        # Rich would use them instead of the terminal's size, and raises if one is not a number.
        os.environ.pop(variable, None)
    if "STY" in os.environ:
        # GNU screen passes on the COLORTERM of the terminal around it, but misreads true colours.
        os.environ.pop("COLORTERM", None)
    output.hide(settings.key)
    output.hide(settings.relay_token)
    farewell: list[str] = []
    try:
        with _early_terminal() as terminal:
            _show_first_frame(terminal, settings, display)
            _return_large_blocks()
            code = _run_app(settings, display, terminal, environment_name, farewell)
    except Exception as bug:  # noqa: BLE001  printed here, after the terminal is restored
        print_bug(output, bug)
        code = ExitCode.REFUSED
    for line in farewell:
        output.say(line)
    if code:
        raise Stop(ExitCode.INTERRUPTED if code == SIGNAL_EXIT_BASE + signal.SIGINT else code)


def _early_terminal() -> "EarlyTerminal":
    from tui.ui.terminal.early import EarlyTerminal

    assert sys.__stdin__ is not None
    assert sys.__stdout__ is not None
    return EarlyTerminal(sys.__stdin__.fileno(), sys.__stdout__.fileno(), attributes=early_keys.original_attributes())


def _show_first_frame(terminal: "EarlyTerminal", settings: Settings, display: DisplayOptions) -> None:
    """Show the first frame before Textual, asyncio and the session are imported."""
    from tui.ui.first_frame import first_frame
    from tui.ui.look.palettes import detect_color_mode, has_true_color
    from tui.ui.look.styles import LineStyler

    styler = LineStyler(
        detect_color_mode(os.environ, settings.theme),
        is_ascii=display.is_ascii,
        has_true_color=has_true_color(os.environ) and settings.slow_link is not True,
        own_colors=settings.colors,
    )
    has_list = display.address is None or display.address.view != "wall"
    if rows := first_frame(settings, styler, terminal.size, datetime.now(UTC), has_list=has_list):
        terminal.show(rows)


def _return_large_blocks() -> None:
    from tui.cli.allocator import return_large_blocks

    return_large_blocks()


def _run_app(
    settings: Settings,
    display: DisplayOptions,
    terminal: "EarlyTerminal",
    environment_name: str | None,
    farewell: list[str],
) -> int:
    """Run the app in a session, and return its exit code. Adds to `farewell` what to print afterwards."""
    import asyncio

    from tui.session import Session
    from tui.ui.app import TriggerApp
    from tui.ui.look.palettes import detect_color_mode

    async def run() -> int:
        async with Session(settings) as session:
            app = TriggerApp(
                session,
                color_mode=detect_color_mode(os.environ, settings.theme),
                is_ascii=display.is_ascii,
                environ=os.environ,
                environment_name=environment_name,
                early_terminal=terminal,
                address=display.address,
            )
            with _ended_by_signals(app, asyncio.get_running_loop()):
                await app.run_async(mouse=display.has_mouse)
            farewell.extend(app.farewell())
            shown_failure = session.action_log.failure
            if app.failure is not None:
                raise app.failure
        # Whether the last lines of the log were written is known only after the session has ended.
        if (failure := session.action_log.failure) is not None and failure != shown_failure:
            farewell.append(failure)
        return app.return_code or 0

    return asyncio.run(run())


@contextmanager
def _ended_by_signals(app: "TriggerApp", loop: "AbstractEventLoop") -> Iterator[None]:
    """Quit the app at the first signal. The second signal ends the process at once."""

    def end(number: int, _: "FrameType | None") -> None:
        for each in ENDING_SIGNALS:
            signal.signal(each, signal.SIG_DFL)
        loop.call_soon_threadsafe(lambda: app.exit(return_code=SIGNAL_EXIT_BASE + number))

    before = {each: signal.signal(each, end) for each in ENDING_SIGNALS}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


COMMANDS: Final = (demo,)
