"""`wall`: the monitor, beginning with the wall; with `--json` the findings for a program."""

from typing import Any, Final

import click

from tui.cli.commands.monitor import monitor, monitor_options, relay_options
from tui.cli.options import connection_options
from tui.output import Output

WALL_ADDRESS: Final = "wall?"


@click.command("wall")
@click.option(
    "--json", "as_json", is_flag=True, help="Print the present findings, then one JSON object for each change."
)
@monitor_options
@relay_options
@connection_options
@click.pass_obj
def wall(output: Output, /, *, as_json: bool, **options: Any) -> None:
    """Show findings and the last hour over the whole screen, for a screen that everybody passes.

    It is the monitor, which opens the wall first: W or Esc leads to the runs. With --json it prints until Ctrl-C.
    """
    if not as_json:
        monitor(output, options | {"address": WALL_ADDRESS})
        return
    from tui.cli.findings import settings_of_watch
    from tui.cli.findings_stream import stream_findings
    from tui.cli.sessions import run_async

    run_async(stream_findings(output, settings_of_watch(options)))


COMMANDS: Final = (wall,)
"""The commands of this module."""
