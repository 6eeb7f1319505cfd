"""The monitor: `trigger-tui` alone, on the real API, and `trigger-tui demo`, on an emulator of its own.

This module checks the terminal and the key before anything is drawn, runs the app inside its session, and turns every
end (a key, a signal, a closed terminal, a bug) into an exit code. `tui.ui` draws.
"""

import asyncio
import gc
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar

import click

from tui.cli.bugs import say_bug
from tui.cli.emulating import WorldOptions, asked_of, world_options
from tui.cli.exit_codes import ExitCode, Stop
from tui.cli.options import following_options
from tui.config import Settings, read_relay_settings, read_settings
from tui.output import Output

if TYPE_CHECKING:
    from types import FrameType

    from tui.ui.app import TriggerApp

F = TypeVar("F", bound=Callable[..., Any])

DEMO_HISTORY: Final = 500
"""Runs that have finished when the demo begins: enough to scroll, made in the time in which the screen is loaded."""

ENDING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
BY_SIGNAL: Final = 128
"""A program that a signal ended exits with this and the signal's number, as shells have it."""


def monitor_options(command: F) -> F:
    """Add the options that the monitor has for every source of runs."""
    for option in (
        click.option(
            "--theme",
            type=click.Choice(["auto", "dark", "light", "16"]),
            default="auto",
            show_default=True,
            help="The colours; 16: the terminal's own.",
        ),
        click.option("--read-only", is_flag=True, help="Without cancel and replay."),
        click.option(
            "--no-title", "has_title", is_flag=True, flag_value=False, default=True, help="Leave the terminal's title."
        ),
        click.option("--mouse", "has_mouse", is_flag=True, help="Take clicks; the terminal then selects no text."),
    ):
        command = option(command)
    return following_options(command)


def relay_options(command: F) -> F:
    """Add the options of a screen of a relay."""
    for option in (
        click.option(
            "--tls-ca",
            type=click.Path(exists=True, dir_okay=False, readable=True, path_type=Path),
            help="Certificates to trust, if the relay's is not of a known authority.",
        ),
        click.option("--relay", "relay_url", metavar="URL", help="Watch through a relay, read-only: ws:// or wss://."),
    ):
        command = option(command)
    return command


@dataclass(frozen=True, slots=True)
class Looks:
    """How the screen is drawn."""

    theme: str
    is_ascii: bool
    has_mouse: bool

    @classmethod
    def of(cls, options: dict[str, Any], output: Output) -> Self:
        """Take these flags out of a command's options."""
        is_ascii = options.pop("ascii_only") or output.is_ascii
        return cls(options.pop("theme"), is_ascii, options.pop("has_mouse"))


def monitor(output: Output, options: dict[str, Any]) -> None:
    """Run the monitor on the API that the environment and the flags name, until the user quits."""
    _check_terminal(os.environ)
    looks = Looks.of(options, output)
    relay_url, ca = options.pop("relay_url"), options.pop("tls_ca")
    if relay_url is None:
        if ca is not None:
            raise Stop(ExitCode.USAGE, "--tls-ca is for --relay: the API's certificates are those of SSL_CERT_FILE")
        _run(output, read_settings(os.environ, **options), looks)
        return
    if ca is not None:
        _check_authority(ca)
    wanted = {name: options[name] for name in ("expect_env", "has_title")}
    settings = read_relay_settings(os.environ, relay_url=relay_url, ca=ca, **wanted)
    _run(output, settings, looks, place=f"relay {settings.relay_url}")


@click.command("demo")
@world_options(history=DEMO_HISTORY)
@click.option("--prod", "is_production", is_flag=True, help="The environment of type PRODUCTION, not the one of DEV.")
@monitor_options
@click.option("--expect-env", metavar="NAME", help="Refuse to act in any other environment (dev, prod).")
@click.option("--ascii", "ascii_only", is_flag=True, help="Draw with ASCII alone.")
@click.pass_obj
def demo(output: Output, /, *, is_production: bool, **options: Any) -> None:
    """The monitor on a Trigger.dev that does not exist, with a company at work: no account, no network."""
    from tui.emulator.server.child import run_in_child

    asked = asked_of(options)
    looks = Looks.of(options, output)
    _check_terminal(os.environ)
    slug = "prod" if is_production else "dev"
    with run_in_child(lambda listener: _serve(asked, slug, listener)) as child:
        try:
            _run(output, read_settings(_demo_environ(child.url, slug), **options), looks, place=f"demo {slug}")
        finally:
            for line in child.stderr_text().splitlines():
                output.say(line)


def _check_terminal(environ: Mapping[str, str]) -> None:
    """Refuse a terminal and variables that nothing can be drawn with. Raises `Stop`."""
    from tui.ui.terminal.textual_variables import wrong_variable

    if not all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stdout)):
        raise Stop(ExitCode.USAGE, "the monitor needs a terminal; `trigger-tui ls` prints")
    if environ.get("TERM", "") in {"", "dumb"}:
        raise Stop(ExitCode.USAGE, "the monitor needs a terminal that can move its cursor (TERM says it is dumb)")
    if (wrong := wrong_variable(environ)) is not None:
        raise Stop(ExitCode.USAGE, wrong)


def _check_authority(ca: Path) -> None:
    """Refuse a file that holds no certificates, before there is a screen. Raises `Stop`."""
    from tui.sources.base import Fatal
    from tui.sources.relay.handshake import trusting

    try:
        trusting(ca)
    except Fatal as error:
        raise Stop(ExitCode.USAGE, error.reason) from None


def _demo_environ(url: str, slug: str) -> dict[str, str]:
    """Return variables that lead to the emulator instead of the user's server; the action log stays where it is."""
    # No proxy of the machine leads to it.
    os.environ.update(NO_PROXY="*", no_proxy="*")
    kept = {name: os.environ[name] for name in ("HOME", "XDG_STATE_HOME", "TRIGGER_TUI_TITLE") if name in os.environ}
    return kept | {"TRIGGER_SECRET_KEY": f"tr_{slug}_emulator", "TRIGGER_API_URL": url}


def _serve(asked: WorldOptions, slug: str, listener: socket.socket) -> None:
    """Serve in the child of `demo`: make one environment at once, the other at its first request."""
    from tui.emulator.server.application import application
    from tui.emulator.server.serving import serve

    state = asked.emulator()
    state.make(slug)
    gc.freeze()
    gc.enable()
    asyncio.run(serve(application(state), state, listener))


def _run(output: Output, settings: Settings, looks: Looks, *, place: str | None = None) -> None:
    """Draw until the end. Raises `Stop` unless the exit code is 0. Filters are remembered under the name `place`."""
    from tui.session import Session
    from tui.ui.app import TriggerApp
    from tui.ui.look.theme import look_for

    for variable in ("COLUMNS", "LINES"):
        # The terminal tells its size. Rich reads these for it, and raises on what is no number.
        os.environ.pop(variable, None)
    output.hide(settings.key)
    output.hide(settings.relay_token)
    look = look_for(os.environ, looks.theme)
    farewell: list[str] = []

    async def draw() -> int:
        async with Session(settings) as session:
            app = TriggerApp(session, look=look, is_ascii=looks.is_ascii, environ=os.environ, place=place)
            with _ended_by_signals(app):
                await app.run_async(mouse=looks.has_mouse)
            farewell.extend(app.farewell())
            said = session.action_log.trouble
            if app.failure is not None:
                raise app.failure
        # What the last lines of the log met is known only when the session has ended.
        if (trouble := session.action_log.trouble) is not None and trouble != said:
            farewell.append(trouble)
        return app.return_code or 0

    try:
        code = asyncio.run(draw())
    except Exception as bug:  # noqa: BLE001  told here, once the terminal is given back
        say_bug(output, bug)
        code = ExitCode.REFUSED
    for line in farewell:
        output.say(line)
    if code:
        raise Stop(ExitCode.INTERRUPTED if code == BY_SIGNAL + signal.SIGINT else code)


@contextmanager
def _ended_by_signals(app: "TriggerApp") -> Iterator[None]:
    """Let a signal quit the app; the second signal ends the process at once."""
    loop = asyncio.get_running_loop()

    def end(number: int, _: "FrameType | None") -> None:
        for each in ENDING:
            signal.signal(each, signal.SIG_DFL)
        loop.call_soon_threadsafe(lambda: app.exit(return_code=BY_SIGNAL + number))

    before = {each: signal.signal(each, end) for each in ENDING}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


COMMANDS: Final = (demo,)
