"""`emulator`: serves an emulated Trigger.dev API, to try clients without an account."""

import asyncio
import gc
import socket
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import click

from tui.commands.output import ExitCode, Output, OutputClosed, Stop
from tui.program.monitor import world_options, world_options_of

if TYPE_CHECKING:
    from tui.emulator.server.emulator import Emulator


MAX_HISTORY_FOR_BOTH = 20_000
"""Up to this many runs both environments are created before serving; above it, production at its first request."""

MIN_ANNOUNCED_HISTORY = 10_000
"""From this many runs on, a line on stderr explains why the start takes so long."""


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
    try:
        with listener:
            if world.history >= MIN_ANNOUNCED_HISTORY:
                output.say(f"creating a history of {world.history} runs …")
            # Outside the event loop, which would handle Ctrl-C only after all runs are created.
            for slug in slugs:
                served.make(slug)
            gc.freeze()
            gc.enable()
            asyncio.run(_serve(served, listener, slugs, output))
    except KeyboardInterrupt:
        raise Stop(ExitCode.INTERRUPTED) from None


async def _serve(served: "Emulator", listener: socket.socket, slugs: list[str], output: Output) -> None:
    """Prepare the first queries, print the address, and serve until a signal arrives."""
    from tui.emulator.server.application import application  # noqa: PLC0415
    from tui.emulator.server.child import address  # noqa: PLC0415
    from tui.emulator.server.serving import serve  # noqa: PLC0415

    for slug in slugs:
        await (await served.queries(slug)).prepare()
    with suppress(OutputClosed):  # the reader of stdout may be gone; clients may know the port
        _print_usage(output, address(listener))
    await serve(application(served), served, listener)


def _print_usage(output: Output, url: str) -> None:
    """Print the address, and commands to paste into a shell, in 80 columns."""
    for line in (
        f"Trigger.dev emulator at {url}   (Ctrl-C ends it)",
        "",
        "  # point any client at it",
        f"  export TRIGGER_API_URL={url}",
        "  export TRIGGER_SECRET_KEY=tr_dev_emulator    # tr_prod_emulator: PRODUCTION",
        "",
        "  trigger-tui ls",
        "  curl --oauth2-bearer $TRIGGER_SECRET_KEY $TRIGGER_API_URL/api/v1/runs",
        "",
        "  # inject a fault, remove it, and see the emulated runs",
        """  curl $TRIGGER_API_URL/emulator/faults -d '{"faults": [{"kind": "hang"}]}'""",
        "  curl -X DELETE $TRIGGER_API_URL/emulator/faults",
        "  curl $TRIGGER_API_URL/emulator/world",
    ):
        output.print(line)


COMMANDS = (emulator,)
