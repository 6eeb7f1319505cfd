"""`wall`: the monitor, beginning with the wall."""

from typing import Any, Final

import click

from tui.cli.commands.monitor import monitor, monitor_options, relay_options
from tui.cli.options import connection_options
from tui.output import Output

WALL_ADDRESS: Final = "wall?"


@click.command("wall")
@monitor_options
@relay_options
@connection_options
@click.pass_obj
def wall(output: Output, /, **options: Any) -> None:
    """Show findings and the last hour over the whole screen, for a screen that everybody passes.

    It is the monitor, which opens the wall first: W or Esc leads to the runs.
    """
    monitor(output, options | {"address": WALL_ADDRESS})


COMMANDS: Final = (wall,)
"""The commands of this module."""
