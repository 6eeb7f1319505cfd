"""The commands. Each module is named after its command, except two.

`print_runs` has `ls`, `show` and `tree`; `actions` has `cancel` and `replay`. `monitor` also has `demo`.
"""

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import click

NAMES: Final = (
    "cancel",
    "config",
    "demo",
    "emulator",
    "errors",
    "logs",
    "ls",
    "queues",
    "relay",
    "replay",
    "show",
    "status",
    "trace",
    "tree",
    "wall",
    "watch",
)


def load(name: str) -> "click.Command":
    """Import the module of one of the NAMES, and return the command."""
    return next(each for each in _load_module_of(name) if each.name == name)


def _load_module_of(name: str) -> "tuple[click.Command, ...]":  # noqa: C901, PLR0912  one case a command
    """Import each module in the usual way, which type checkers follow."""
    match name:
        case "cancel" | "replay":
            from tui.cli.commands import actions

            return actions.COMMANDS
        case "config":
            from tui.cli.commands import config

            return config.COMMANDS
        case "demo":
            from tui.cli.commands import monitor

            return monitor.COMMANDS
        case "emulator":
            from tui.cli.commands import emulator

            return emulator.COMMANDS
        case "errors":
            from tui.cli.commands import errors

            return errors.COMMANDS
        case "logs":
            from tui.cli.commands import logs

            return logs.COMMANDS
        case "ls" | "show" | "tree":
            from tui.cli.commands import print_runs

            return print_runs.COMMANDS
        case "queues":
            from tui.cli.commands import queues

            return queues.COMMANDS
        case "relay":
            from tui.cli.commands import relay

            return relay.COMMANDS
        case "status":
            from tui.cli.commands import status

            return status.COMMANDS
        case "trace":
            from tui.cli.commands import trace

            return trace.COMMANDS
        case "wall":
            from tui.cli.commands import wall

            return wall.COMMANDS
        case "watch":
            from tui.cli.commands import watch

            return watch.COMMANDS
        case _:
            raise AssertionError(name)
