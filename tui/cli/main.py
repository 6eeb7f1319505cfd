"""The group of commands, and the one place where an error becomes a line and an exit code.

What lives here: `main`, the console script. The commands themselves are in `reading`, `watching` and `acting`.
"""

import gc
import os
import sys
from typing import Any, Final, NoReturn

import click
from click.core import ParameterSource

from tui import __version__
from tui.cli import acting, emulating, monitoring, reading, relaying, watching
from tui.cli.bugs import hide_secrets_from_python, say_bug
from tui.cli.exit_codes import ExitCode, Stop
from tui.cli.monitoring import monitor, monitor_options, relay_options
from tui.cli.options import connection_options
from tui.config import Secret, SettingsError
from tui.output import Output, OutputClosed, OutputFailed

SECRET_VARIABLES: Final = ("TRIGGER_SECRET_KEY", "TRIGGER_TUI_RELAY_TOKEN")


@click.group(
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 ok, 1 the API refused, 2 usage, 3 no connection, 4 a watched run failed, 130 interrupted.",
)
@monitor_options
@relay_options
@connection_options
@click.version_option(__version__, prog_name="trigger-tui", message="%(prog)s %(version)s")
@click.pass_context
def commands(context: click.Context, /, **options: Any) -> None:
    """Trigger.dev in the terminal: see every run, why it failed, who triggered whom; cancel and replay.

    Without a command it is the monitor. The key comes from TRIGGER_SECRET_KEY, the address from TRIGGER_API_URL or
    --api-url. `trigger-tui demo` needs neither, and `--relay` takes TRIGGER_TUI_RELAY_TOKEN instead.
    """
    if context.invoked_subcommand is None:
        monitor(context.obj, options)
        return
    for flag in context.command.params:
        is_given = context.get_parameter_source(flag.name or "") is ParameterSource.COMMANDLINE
        if is_given and flag.name != "ascii_only":  # which `main` reads, wherever it stands
            command = context.invoked_subcommand
            raise click.UsageError(f"put {flag.opts[0]} behind `{command}`: before it only the monitor reads it")


for room in (reading, watching, acting, monitoring, emulating, relaying):
    for each in room.COMMANDS:
        commands.add_command(each)


def main() -> NoReturn:
    """Run the command that the process was started with, and exit."""
    # Start-up makes many objects that stay: not looking for garbage among them saves a tenth of a command's CPU.
    # A session turns the collector on again.
    gc.disable()
    output = Output.for_process(os.environ, ascii_only="--ascii" in sys.argv)
    hide_secrets_from_python(output.redact)
    sys.exit(run(output, sys.argv[1:]))


def run(output: Output, arguments: list[str]) -> int:
    """Run one command; return its exit code. An error that is not foreseen here is a bug, and printed as one."""
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
        output.say(f"{error.format_message()} (`trigger-tui --help` shows what there is)")
        return ExitCode.USAGE
    except (OutputClosed, BrokenPipeError):
        return ExitCode.OK
    except OutputFailed as error:
        output.say(str(error))
        return ExitCode.REFUSED
    except (KeyboardInterrupt, click.Abort):
        return ExitCode.INTERRUPTED
    except Exception as bug:  # noqa: BLE001  Python would print it with the key, if an error quotes that
        say_bug(output, bug)
        return ExitCode.REFUSED
    return ExitCode.OK
