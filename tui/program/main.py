"""The group of commands, and the only place that turns an exception into a line on stderr and an exit code."""

import os
import signal
import sys
from collections.abc import Callable, Mapping
from typing import Any, Final, NoReturn

import click
from click.core import ParameterSource

from tui import __version__
from tui.commands.options import connection_options, monitor_options, relay_options
from tui.commands.output import ExitCode, Output, OutputClosed, OutputFailed, Stop
from tui.program import early
from tui.program.early import print_bug, redact_interpreter_output
from tui.program.monitor import COMMANDS, monitor
from tui.settings.secret import SECRET_VARIABLES, Secret, SettingsError


def _emulator() -> "tuple[click.Command, ...]":
    from tui.program.emulator import COMMANDS  # noqa: PLC0415  loaded when it is run

    return COMMANDS


def _relay() -> "tuple[click.Command, ...]":
    from tui.program.relay import COMMANDS  # noqa: PLC0415  loaded when it is run

    return COMMANDS


OWN: Final = {"demo": lambda: COMMANDS, "wall": lambda: COMMANDS, "emulator": _emulator, "relay": _relay}
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
    """Imports a command when it is named. `--help` and a wrong name import all of them."""

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

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from tui.store.addresses import VIEWS  # most words are commands  # noqa: PLC0415

            if args[0].casefold() in VIEWS:
                raise click.UsageError(f"{args[0]} is a view, whose address has a `?`: '{args[0]}?'") from error
            raise

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        names = importers()
        for name in {cmd_name} if cmd_name in names else names:
            if name not in self.commands:
                self.add_command(load(name))
        return super().get_command(ctx, cmd_name)


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
    except OutputFailed as error:
        output.say(str(error))
        return ExitCode.REFUSED
    except (KeyboardInterrupt, click.Abort):
        return ExitCode.INTERRUPTED
    except Exception as bug:  # noqa: BLE001  Python would print the key if the message contains it
        print_bug(output, bug)
        return ExitCode.REFUSED
    return ExitCode.OK
