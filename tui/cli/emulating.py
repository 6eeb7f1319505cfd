"""`emulator`: a server that answers like Trigger.dev, for trying this program and others without an account.

What lives here: the command. The server itself is `tui.emulator`'s; it ends with Ctrl-C.
"""

import asyncio
import gc
import math
import socket
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING

import click

from tui.cli.exit_codes import ExitCode, Stop
from tui.output import Output, OutputClosed

if TYPE_CHECKING:
    from tui.emulator.server.emulator import Emulator

BOTH_MOST = 20_000
"""Up to such a history both environments are ready at once; else production's is made when it is first asked for."""

SAID_FROM = 10_000
"""From such a history on it takes long enough to say what is going on."""

RUNS_MOST_PER_S = 2000
"""What one core can do beside answering."""

YEARS = (2000, 2100)


class Moment(click.ParamType[datetime]):
    """A time with its zone, as `2026-11-24T14:00:00Z`."""

    name = "time"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Refuse what tells no zone: the same command would make another world elsewhere."""
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            moment = None
        if moment is None or moment.tzinfo is None:
            self.fail(f"{value!r} is no time with a zone (2026-11-24T14:00:00Z)", param, ctx)
        if not YEARS[0] <= moment.year < YEARS[1]:
            self.fail(f"{value!r} is not between {YEARS[0]} and {YEARS[1]}", param, ctx)
        return moment


class Factor(click.FloatRange):
    """A number in a range; `nan`, which is in every range, is none."""

    def convert(self, value: float, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Refuse it."""
        number = super().convert(value, param, ctx)
        if math.isnan(number):
            self.fail(f"{value!r} is no number", param, ctx)
        return number


@click.command("emulator")
@click.option("--port", type=click.IntRange(0, 65535), default=3030, show_default=True, help="0: any free one.")
@click.option("--seed", type=int, default=0, show_default=True, help="The same seed makes the same world.")
@click.option("--rate", type=Factor(0, 1000), default=2.0, show_default=True, help="Runs a second; 0: only yours.")
@click.option(
    "--history", type=click.IntRange(0, 1_000_000), default=2000, show_default=True, help="Finished runs at the start."
)
@click.option(
    "--time-scale",
    type=Factor(0, 1000),
    default=1.0,
    show_default=True,
    help="How fast its time passes; 0: not at all.",
)
@click.option("--start", type=Moment(), help="What its clock shows at the start [default: now].")
@click.option("--ascii", "ascii_only", is_flag=True, hidden=True)
@click.pass_obj
def emulator(
    output: Output,
    port: int,
    seed: int,
    rate: float,
    history: int,
    time_scale: float,
    start: datetime | None,
    ascii_only: bool,  # noqa: ARG001, FBT001  read by main
) -> None:
    """Serve a Trigger.dev that does not exist, with a company at work, on 127.0.0.1 until Ctrl-C."""
    from tui.emulator.company import COMPANY
    from tui.emulator.server.clock import WorldClock
    from tui.emulator.server.emulator import Emulator, Options
    from tui.emulator.server.serving import PortTaken, listen

    if rate * time_scale > RUNS_MOST_PER_S:
        raise click.UsageError(f"--rate times --time-scale is {RUNS_MOST_PER_S} runs a second at most")
    try:
        listener = listen(port)
    except PortTaken as error:
        raise Stop(ExitCode.REFUSED, str(error)) from None
    start_ms = None if start is None else int(start.timestamp() * 1000)
    options = Options(seed=seed, rate_per_s=rate, history=history)
    state = Emulator(COMPANY, options, WorldClock(start_ms, time_scale))
    ready = [each.slug for each in state.environments[: 2 if history <= BOTH_MOST else 1]]
    try:
        with listener:
            if history >= SAID_FROM:
                output.say(f"making a history of {history} runs …")
            # Here and not in the loop, which would look at a Ctrl-C only when a world is whole.
            for slug in ready:
                state.make(slug)
            gc.freeze()
            gc.enable()
            asyncio.run(_serve(state, listener, ready, output))
    except KeyboardInterrupt:
        raise Stop(ExitCode.INTERRUPTED) from None


async def _serve(state: "Emulator", listener: socket.socket, ready: list[str], output: Output) -> None:
    """Say where it is once it can answer at once, then serve until a signal ends it."""
    from tui.emulator.server.application import application
    from tui.emulator.server.serving import address, serve

    for slug in ready:
        await (await state.queries(slug)).follow()
    # A server whose address nobody reads is asked by who chose the port.
    with suppress(OutputClosed):
        _tell(output, address(listener))
    await serve(application(state), state, listener)


def _tell(output: Output, url: str) -> None:
    """Say where it is and how to use it, in lines that a shell takes and that 80 columns hold."""
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
