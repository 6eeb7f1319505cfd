"""`emulator`: serves an emulated Trigger.dev API, to try clients without an account."""

import asyncio
import gc
import socket
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import click

from tui.cli.exit_codes import ExitCode, Stop
from tui.cli.world_options import world_options, world_options_of
from tui.output import Output, OutputClosed

if TYPE_CHECKING:
    from tui.emulator.server.emulator import Emulator

MAX_HISTORY_FOR_BOTH = 20_000
"""Up to this history both environments are created at the start, else production at its first request."""

ANNOUNCED_HISTORY = 10_000
"""From this history on the start takes long enough to print a line."""


@click.command("emulator")
@click.option("--port", type=click.IntRange(0, 65535), default=3030, show_default=True, help="0: any free port.")
@world_options(history=2000)
@click.option("--ascii", "ascii_only", is_flag=True, hidden=True)
@click.pass_obj
def emulator(output: Output, /, *, port: int, **options: Any) -> None:
    """Serve an emulated API with sample tasks. It listens on 127.0.0.1 until Ctrl-C."""
    from tui.emulator.server.listening import PortTaken, listen

    world = world_options_of(options)
    try:
        listener = listen(port)
    except PortTaken as error:
        raise Stop(ExitCode.REFUSED, str(error)) from None
    served = world.new_emulator()
    ready = [each.slug for each in served.environments[: 2 if world.history <= MAX_HISTORY_FOR_BOTH else 1]]
    try:
        with listener:
            if world.history >= ANNOUNCED_HISTORY:
                output.say(f"creating a history of {world.history} runs …")
            # Outside the event loop, which would handle Ctrl-C only after the whole world is created.
            for slug in ready:
                served.make(slug)
            gc.freeze()
            gc.enable()
            asyncio.run(_serve(served, listener, ready, output))
    except KeyboardInterrupt:
        raise Stop(ExitCode.INTERRUPTED) from None


async def _serve(served: "Emulator", listener: socket.socket, ready: list[str], output: Output) -> None:
    """Print the address as soon as requests are fast, then serve until a signal ends it."""
    from tui.emulator.server.application import application
    from tui.emulator.server.listening import address
    from tui.emulator.server.serving import serve

    for slug in ready:
        await (await served.queries(slug)).prepare()
    with suppress(OutputClosed):  # clients may know the port without reading it
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
        "  # make trouble, and look at the truth behind it",
        """  curl $TRIGGER_API_URL/emulator/faults -d '{"faults": [{"kind": "hang"}]}'""",
        "  curl -X DELETE $TRIGGER_API_URL/emulator/faults",
        "  curl $TRIGGER_API_URL/emulator/world",
    ):
        output.print(line)


COMMANDS = (emulator,)
