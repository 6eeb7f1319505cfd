"""The commands: their group, the only place that turns an exception into an exit code, and the monitor."""

import gc
import math
import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import fields
from datetime import UTC, datetime, tzinfo
from functools import partial
from typing import TYPE_CHECKING, Any, Final, NoReturn

import click
from click.core import ParameterSource

from tui import __version__
from tui.commands.options import (
    F,
    all_of,
    config_file_of,
    config_option,
    connection_options,
    monitor_options,
    relay_options,
    settings_of,
)
from tui.commands.output import SIGNAL_EXIT_BASE, ExitCode, Output, OutputClosed, Stop
from tui.program import early
from tui.program.early import print_bug, redact_interpreter_output
from tui.settings.secret import SECRET_VARIABLES, Secret, SettingsError, zone_of
from tui.settings.settings import Settings, read_settings

if TYPE_CHECKING:
    import socket
    from asyncio import AbstractEventLoop
    from types import FrameType

    from click.shell_completion import CompletionItem

    from tui.emulator.demo_world import WorldOptions
    from tui.emulator.server.emulator import Emulator
    from tui.kit.terminal.early import EarlyTerminal
    from tui.program.app import TriggerApp
    from tui.store.addresses import ViewAddress


# The options that describe the emulated world, for `emulator` and `demo`.


STORIES = ("calm", "bad-deploy", "queue-at-limit", "missed-schedule", "stuck-run", "forgotten-approval")
"""The names of `emulator.stories.TALES`, which is not imported before a world is made."""

MAX_RUNS_PER_S = 2000
"""New runs a second of real time. One core cannot emulate more and answer requests too."""

START_YEARS = range(2000, 2100)


def _start_time(value: str) -> datetime:
    """Parse a time such as `2026-11-24T14:00:00Z`. Without a zone, another machine would give other runs."""
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise click.BadParameter(f"{value!r} is not a time with a zone (2026-11-24T14:00:00Z)")
    if moment.year not in START_YEARS:
        raise click.BadParameter(f"{value!r} is not between {START_YEARS.start} and {START_YEARS.stop}")
    return moment


class FiniteFloat(click.FloatRange):
    """A number in a range. click's own type accepts `nan` in every range."""

    def convert(self, value: float, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Parse a number. Fails for `nan`."""
        number = super().convert(value, param, ctx)
        if math.isnan(number):
            self.fail(f"{value!r} is not a number", param, ctx)
        return number


def world_options(*, history: int, is_demo: bool = False) -> Callable[[F], F]:
    """Return a decorator that adds these options. `history` is the default number of finished runs at the start."""
    number = partial(click.option, show_default=True)
    old_runs = "" if is_demo else " If it is not 0, a few live runs are weeks old."
    return all_of(
        click.option("--start", type=_start_time, metavar="TIME",
                     help="The emulator's time at the start [default: now]."),
        number("--time-scale", type=FiniteFloat(0, 1000), default=1.0,
               help="The speed of the emulator's clock; 0 stops it."),
        number("--history", type=click.IntRange(0, 1_000_000), default=history,
               help=f"Finished runs at the start.{old_runs}"),
        number("--rate", type=FiniteFloat(0, 1000), default=2.0,
               help="New runs a second; 0: only those you trigger."),
        click.option("--story", type=click.Choice(STORIES),
                     help="Emulate one problem, 5 to 15 s after the start; calm: none."),
        number("--seed", type=int, default=0, help="The same seed creates the same runs."),
        click.option("--hostile-texts", is_flag=True,
                     help="Add a task whose texts attack terminals: escape sequences and such."),
    )  # fmt: skip


def world_options_of(options: dict[str, Any]) -> "WorldOptions":
    """Remove the options of this module from a command's options, and return them."""
    from tui.emulator.demo_world import WorldOptions  # noqa: PLC0415

    world = WorldOptions(**{each.name: options.pop(each.name) for each in fields(WorldOptions)})
    if world.rate * world.time_scale > MAX_RUNS_PER_S:
        raise click.UsageError(f"--rate times --time-scale is {MAX_RUNS_PER_S} runs a second at most")
    return world


# Starts the monitor: `trigger-tui` on the API or a relay, and `trigger-tui demo` on an emulator in a child process.
#
# The terminal and the settings are checked first, then the app runs inside a session. Whatever ends the app (a
# key, a signal, a closed terminal, an exception) becomes an exit code.


DEMO_HISTORY: Final = 500
"""Finished runs at the start of the demo. They are created while the screen is loaded."""

ENDING_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def view_address(text: str | None, zone: tzinfo) -> "ViewAddress | None":
    """Parse the address of the first view, with times in a zone. Raises `Stop` if it is none."""
    if text is None:
        return None
    from tui.store.addresses import VIEWS, AddressError, parse_address, period_problem  # noqa: PLC0415

    if text.partition("?")[0].casefold() not in VIEWS:
        import tui.features  # noqa: F401, PLC0415  registers the views of lists
    try:
        address = parse_address(text)
    except AddressError as error:
        raise Stop(ExitCode.USAGE, str(error)) from None
    if (problem := period_problem(address.since, datetime.now(zone))) is not None:
        raise Stop(ExitCode.USAGE, problem)
    return address


def monitor(output: Output, options: dict[str, Any]) -> None:
    """Run the monitor until the user quits. The variables and options name the API or the relay."""
    start = Start(output, options)
    settings = settings_of(options, file=start.file)
    start.run(settings, settings.relay_url and f"relay {settings.relay_url}")


def _addresses(context: click.Context, param: click.Parameter | None, incomplete: str) -> "list[CompletionItem[str]]":
    from tui.commands.completion import complete_addresses  # noqa: PLC0415

    return complete_addresses(context, param, incomplete)


@click.command("demo")
@click.argument("address", required=False, shell_complete=_addresses)
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
    from tui.emulator.server.child import run_in_child  # noqa: PLC0415

    world = world_options_of(options)
    start = Start(output, options)
    slug = "prod" if is_production else "dev"
    # The shown environment is created now, the other one at its first request.
    with run_in_child(lambda listener: _serve(world.new_emulator(is_demo=True), listener, [slug])) as child:
        try:
            settings = read_settings(_demo_environ(child.url, slug), file=start.file, **options)
            start.run(settings, f"demo {slug}")
        finally:
            for line in child.stderr_text().splitlines():
                output.say(line)


def _check_terminal(environ: Mapping[str, str]) -> None:
    """Raise `Stop` if the monitor cannot run on this terminal."""
    if not all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stdout)):
        raise Stop(ExitCode.USAGE, "the monitor needs a terminal; use `trigger-tui ls` in a pipe")
    if environ.get("TERM", "") in {"", "dumb"}:
        raise Stop(ExitCode.USAGE, "the monitor needs a terminal that can move its cursor (TERM is empty or dumb)")


def _demo_environ(url: str, slug: str) -> dict[str, str]:
    """Return the variables for a session on the emulator, and bypass proxies, which cannot reach it.

    The action log stays in its usual folder.
    """
    os.environ.update(NO_PROXY="*", no_proxy="*")
    kept = {
        name: value
        for name, value in os.environ.items()
        if name in {"HOME", "XDG_STATE_HOME"} or name.startswith("TRIGGER_TUI_")
    }
    return kept | {"TRIGGER_SECRET_KEY": f"tr_{slug}_emulator", "TRIGGER_API_URL": url}


def _serve(served: "Emulator", listener: "socket.socket", slugs: Sequence[str], output: Output | None = None) -> None:
    """Create environments, print the address if there is an output, and serve until a signal arrives."""
    import asyncio  # noqa: PLC0415

    from tui.emulator.server.application import application  # noqa: PLC0415
    from tui.emulator.server.serving import serve  # noqa: PLC0415

    async def run() -> None:
        if output is not None:
            for slug in slugs:
                await (await served.queries(slug)).prepare()
            _print_usage(output, listener)
        await serve(application(served), served, listener)

    # Outside the event loop, which would handle Ctrl-C only after all runs are created.
    for slug in slugs:
        served.make(slug)
    gc.freeze()
    gc.enable()
    asyncio.run(run())


class Start:
    """A start of the monitor. Its file, the address of its first view and its terminal are checked at once."""

    def __init__(self, output: Output, options: dict[str, Any]) -> None:
        """Remove from the options of a command those that are no settings. Raises `Stop` if something is wrong."""
        self._output = output
        self.file = config_file_of(options)
        self._has_mouse = options.pop("has_mouse")
        self._address = view_address(options.pop("address", None), zone_of(self.file.values.timezone))
        self._farewell: list[str] = []
        """Lines to print after the end."""
        _check_terminal(os.environ)

    def run(self, settings: Settings, environment_name: str | None) -> None:
        """Run the app until it ends. Raises `Stop` unless the exit code is 0.

        `environment_name` is the name under which filters are saved; None: a digest of the key.
        """
        from tui.kit.terminal.early import EarlyTerminal  # noqa: PLC0415  only the monitor needs it

        for name in list(os.environ):
            # Textual checks none of its variables: a wrong one crashes or hangs it, and TEXTUAL_PRESS types keys. Rich
            # takes the first two for the terminal's size.
            if name in {"COLUMNS", "LINES", "ESCDELAY"} or name.startswith("TEXTUAL"):
                del os.environ[name]
        if "STY" in os.environ:
            # GNU screen passes on the COLORTERM of the terminal around it, but misreads true colours.
            os.environ.pop("COLORTERM", None)
        self._output.hide(settings.key)
        self._output.hide(settings.relay_token)
        try:
            assert sys.__stdin__ is not None
            assert sys.__stdout__ is not None
            descriptors = sys.__stdin__.fileno(), sys.__stdout__.fileno()
            with EarlyTerminal(*descriptors, attributes=early.original) as terminal:
                self._show_first_frame(terminal, settings)
                early.return_large_blocks()
                code = self._run_app(settings, terminal, environment_name)
        finally:
            for line in self._farewell:
                self._output.say(line)
        if code:
            raise Stop(code)

    def _show_first_frame(self, terminal: "EarlyTerminal", settings: Settings) -> None:
        """Show the first frame before Textual, asyncio and the session are imported."""
        from tui.kit.colors import LineStyler, detect_color_mode, has_true_color  # noqa: PLC0415
        from tui.program.first_frame import first_frame  # noqa: PLC0415

        styler = LineStyler(
            detect_color_mode(os.environ, settings.theme),
            is_ascii=self._output.is_ascii,
            has_true_color=has_true_color(os.environ) and settings.link.slow != "always",
            own_colors=settings.colors.filled,
        )
        has_list = self._address is None or self._address.view != "wall"
        if rows := first_frame(settings, styler, terminal.size, datetime.now(UTC), has_list=has_list):
            terminal.show(rows)

    def _run_app(self, settings: Settings, terminal: "EarlyTerminal", environment_name: str | None) -> int:
        """Run the app in a session, and return its exit code."""
        import asyncio  # noqa: PLC0415

        from tui.kit.colors import detect_color_mode  # noqa: PLC0415
        from tui.program.app import TriggerApp  # noqa: PLC0415
        from tui.sync.session import Session  # noqa: PLC0415

        async def run() -> int:
            async with Session(settings) as session:
                app = TriggerApp(
                    session,
                    color_mode=detect_color_mode(os.environ, settings.theme),
                    is_ascii=self._output.is_ascii,
                    environ=os.environ,
                    environment_name=environment_name,
                    early_terminal=terminal,
                    address=self._address,
                )
                with _ended_by_signals(app, asyncio.get_running_loop()):
                    await app.run_async(mouse=self._has_mouse)
                self._farewell += app.farewell()
                shown_failure = session.action_log.failure
                if app.failure is not None:
                    raise app.failure
            # Whether the last lines of the log were written is known only after the session has ended.
            if (failure := session.action_log.failure) is not None and failure != shown_failure:
                self._farewell.append(failure)
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


# `wall`: the monitor, beginning with the wall; with `--json` the findings for a program.


@click.command("wall")
@click.option(
    "--json", "as_json", is_flag=True, help="Print the current findings, then one JSON object for each change."
)
@monitor_options
@relay_options
@connection_options
@click.pass_obj
def wall(output: Output, /, *, as_json: bool, **options: Any) -> None:
    """Start with the wall: findings and the last hour over the whole screen, for a shared display.

    W or Esc opens the runs. With --json it prints until Ctrl-C.
    """
    if not as_json:
        monitor(output, options | {"address": "wall?"})
        return
    from tui.features.config.command import run_async  # noqa: PLC0415
    from tui.features.wall.command import stream_findings  # noqa: PLC0415

    run_async(stream_findings(output, settings_of(options)))


# `emulator`: serves the emulated API, to try clients without an account.


MAX_HISTORY_FOR_BOTH = 20_000
"""Up to this many runs both environments are created before serving; above it, production at its first request."""

MIN_ANNOUNCED_HISTORY = 10_000
"""With at least this many runs, a line on stderr explains why the start takes so long."""


@click.command("emulator")
@click.option("--port", type=click.IntRange(0, 65535), default=3030, show_default=True, help="0: any free port.")
@world_options(history=2000)
@click.option("--ascii", "ascii_only", is_flag=True, hidden=True)
@click.pass_obj
def emulator(output: Output, /, *, port: int, **options: Any) -> None:
    """Serve an emulated API with sample tasks. It listens on 127.0.0.1 until Ctrl-C."""
    from tui.emulator.server.child import PortTaken, listen  # noqa: PLC0415

    world = world_options_of(options)
    try:
        listener = listen(port)
    except PortTaken as error:
        raise Stop(ExitCode.REFUSED, str(error)) from None
    served = world.new_emulator()
    slugs = [each.slug for each in served.environments[: 2 if world.history <= MAX_HISTORY_FOR_BOTH else 1]]
    with listener:
        if world.history >= MIN_ANNOUNCED_HISTORY:
            output.say(f"creating a history of {world.history} runs …")
        _serve(served, listener, slugs, output)


def _print_usage(output: Output, listener: "socket.socket") -> None:
    """Print the address, and commands to paste into a shell, in 80 columns."""
    from tui.emulator.server.child import address  # noqa: PLC0415

    url = address(listener)
    with suppress(OutputClosed):  # the reader of stdout may be gone; clients may know the port
        output.print_lines(f"""\
Trigger.dev emulator at {url}   (Ctrl-C ends it)

  # point any client at it
  export TRIGGER_API_URL={url}
  export TRIGGER_SECRET_KEY=tr_dev_emulator    # tr_prod_emulator: PRODUCTION

  trigger-tui ls
  curl --oauth2-bearer $TRIGGER_SECRET_KEY $TRIGGER_API_URL/api/v1/runs

  # inject a fault, remove it, and see the emulated runs
  curl $TRIGGER_API_URL/emulator/faults -d '{{"faults": [{{"kind": "hang"}}]}}'
  curl -X DELETE $TRIGGER_API_URL/emulator/faults
  curl $TRIGGER_API_URL/emulator/world""")


# `completion`: a script for the shell. `commands.completion` has the values.


@click.command("completion")
@click.argument("shell", type=click.Choice(("bash", "zsh", "fish")))
@click.pass_obj
def completion(output: Output, /, *, shell: str) -> None:
    """Print a script that lets a shell complete commands, options, statuses, and names that the monitor has seen.

    \b
    bash, in ~/.bashrc:                  eval "$(trigger-tui completion bash)"
    zsh, in ~/.zshrc after compinit:     eval "$(trigger-tui completion zsh)"
    fish, once:                          trigger-tui completion fish > ~/.config/fish/completions/trigger-tui.fish
    """  # noqa: D301  click leaves the lines after \b as they are
    from click.shell_completion import get_completion_class  # noqa: PLC0415

    import tui.commands.completion  # noqa: F401, PLC0415  registers our scripts

    kind = get_completion_class(shell)
    assert kind is not None
    output.print_lines(kind(commands, {}, "trigger-tui", early.COMPLETION_VARIABLE).source().rstrip())


# The group of commands, and the only place that turns an exception into a line on stderr and an exit code.


def _relay() -> "tuple[click.Command, ...]":
    from tui.program.relay import COMMANDS  # noqa: PLC0415  loaded when it is run

    return COMMANDS


OWN: Final = {
    **dict.fromkeys(("demo", "wall", "emulator", "completion"), lambda: (demo, wall, emulator, completion)),
    "relay": _relay,
}
"""The commands that belong to no feature."""


def importers() -> Mapping[str, "Callable[[], tuple[click.Command, ...]]"]:
    """Return all commands by their names, each as a function that imports it."""
    from tui.features import COMMANDS as OF_FEATURES  # noqa: PLC0415  not before the monitor's first frame

    return {**OF_FEATURES, **OWN}


def load(name: str) -> click.Command:
    """Import a command."""
    return next(each for each in importers()[name]() if each.name == name)


ADDRESS: Final = "trigger-tui.address"
"""The place of the view's address among what click keeps for an invocation."""


class _LazyGroup(click.Group):
    """Imports a command when it is named. `--help` imports all of them."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's
        return sorted(importers())

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Take the address of a view out of the arguments. It stands where a command could, and has a `?`."""
        if any("?" in arg for arg in args):
            _, rest, _ = self.make_parser(ctx).parse_args(list(args))
            if rest and rest[0].partition("?")[0].isalpha() and "?" in rest[0]:
                ctx.meta[ADDRESS] = rest[0]
                ctx.allow_interspersed_args = True  # options may follow it, as they follow a command
                args = [*args[: len(args) - len(rest)], *rest[1:]]
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:  # click would print an empty line
            raise Stop(ExitCode.INTERRUPTED) from None

    def shell_complete(self, ctx: click.Context, incomplete: str) -> "list[CompletionItem[str]]":
        """Complete options, commands, and addresses of saved views. Imports no command, so it has no help."""
        from click.shell_completion import CompletionItem  # noqa: PLC0415

        names = [CompletionItem(name) for name in sorted(importers()) if name.startswith(incomplete)]
        return [*names, *_addresses(ctx, None, incomplete), *click.Command.shell_complete(self, ctx, incomplete)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command. Raises `UsageError` if there is none of this name."""
        names = importers()
        if cmd_name in names:
            return load(cmd_name)
        if ctx.resilient_parsing:  # a shell completes what is after it
            return None
        from tui.store.addresses import VIEWS  # most words are commands  # noqa: PLC0415

        if cmd_name.casefold() in VIEWS:
            raise click.UsageError(f"{cmd_name} is a view, whose address has a `?`: '{cmd_name}?'")
        raise click.exceptions.NoSuchCommand(cmd_name, possibilities=names, ctx=ctx)


@click.group(
    cls=_LazyGroup,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 ok, 1 the API refused, 2 usage, 3 no connection, 4 findings, or a watched run failed, "
    "130 interrupted.",
)
@monitor_options
@relay_options
@connection_options
@click.version_option(__version__, prog_name="trigger-tui", message="%(prog)s %(version)s")
@click.pass_context
def commands(context: click.Context, /, **options: Any) -> None:
    """Trigger.dev in the terminal: see every run, why it failed and which run triggered it; cancel and replay runs.

    Without a command the monitor starts. It opens a view if one is named: 'runs?task=charge-*&status=failed&sort=took',
    'errors?', 'run?id=run_…'; a view always has a `?`. The key comes from TRIGGER_SECRET_KEY, the server's address from
    TRIGGER_API_URL or --api-url. `trigger-tui demo` needs neither; `--relay` needs TRIGGER_TUI_RELAY_TOKEN instead.
    """
    address = context.meta.get(ADDRESS)
    if context.invoked_subcommand is None:
        monitor(context.obj, options | {"address": address})
        return
    if address is not None:
        raise click.UsageError(f"{address} is a view, and `{context.invoked_subcommand}` a command: name only one")
    for flag in context.command.params:
        is_given = context.get_parameter_source(flag.name or "") is ParameterSource.COMMANDLINE
        if is_given and flag.name != "ascii_only":  # `main` reads this one from any position
            command = context.invoked_subcommand
            raise click.UsageError(f"put {flag.opts[0]} after `{command}`: before it, only the monitor reads it")


def main() -> NoReturn:
    """Run the command of `sys.argv`, and exit."""
    try:
        output = Output.for_process(os.environ, ascii_only="--ascii" in sys.argv)
        redact_interpreter_output(output.redact)
        code = run(output, sys.argv[1:])
    except KeyboardInterrupt:
        code = ExitCode.INTERRUPTED
    finally:
        early.restore()
    # Python would print a traceback of Ctrl-C while it ends.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    sys.exit(code)


def run(output: Output, arguments: list[str]) -> int:
    """Run one command, and return its exit code. An unexpected exception is printed with its traceback."""
    if early.COMPLETION_VARIABLE in os.environ:
        import tui.commands.completion  # noqa: F401, PLC0415  registers our scripts
    for variable in SECRET_VARIABLES:
        output.hide(Secret(os.environ.get(variable, "").strip()))
    try:
        commands.main(arguments, prog_name="trigger-tui", standalone_mode=False, obj=output)
    except Stop as stop:
        if stop.line:
            output.say(stop.line)
        return stop.code
    except SettingsError as error:
        output.say(str(error))
        return ExitCode.USAGE
    except click.ClickException as error:
        output.say(f"{error.format_message()} (see `trigger-tui --help`)")
        return ExitCode.USAGE
    except (OutputClosed, BrokenPipeError):
        return ExitCode.OK
    except (KeyboardInterrupt, click.Abort):
        return ExitCode.INTERRUPTED
    except Exception as bug:  # noqa: BLE001  Python would print the key if the message contains it
        print_bug(output, bug)
        return ExitCode.REFUSED
    return ExitCode.OK
