"""`emulator`: a server that answers like Trigger.dev, for trying this program and others without an account.

What lives here: the command. The server itself is `tui.emulator`'s; it ends with Ctrl-C.
"""

import asyncio
import gc
from collections.abc import Callable
from datetime import datetime

import click

from tui.cli.exit_codes import ExitCode, Stop
from tui.output import Output


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
        return moment


@click.command("emulator")
@click.option("--port", type=click.IntRange(0, 65535), default=3030, show_default=True, help="0: any free one.")
@click.option("--seed", type=int, default=0, show_default=True, help="The same seed makes the same world.")
@click.option(
    "--rate", type=click.FloatRange(0, 1000), default=2.0, show_default=True, help="Runs a second; 0: only yours."
)
@click.option(
    "--history", type=click.IntRange(0, 1_000_000), default=2000, show_default=True, help="Finished runs at the start."
)
@click.option(
    "--time-scale", type=click.FloatRange(0, 1000), default=1.0, show_default=True, help="How fast its time passes."
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
    from tui.emulator.application import application
    from tui.emulator.clock import WorldClock
    from tui.emulator.company import COMPANY
    from tui.emulator.emulator import Emulator, Options
    from tui.emulator.serving import PortTaken, address, listen, serve

    gc.enable()
    start_ms = None if start is None else int(start.timestamp() * 1000)
    options = Options(seed=seed, rate_per_s=rate, history=history)
    state = Emulator(COMPANY, options, WorldClock(start_ms, time_scale))
    try:
        listener = listen(port)
    except PortTaken as error:
        raise Stop(ExitCode.REFUSED, str(error)) from None
    try:
        asyncio.run(serve(application(state), state, listener, _told(output, address(listener))))
    except KeyboardInterrupt:
        raise Stop(ExitCode.INTERRUPTED) from None


def _told(output: Output, url: str) -> Callable[[], None]:
    """Says where it is, once it answers."""

    def tell() -> None:
        for line in (
            f"Trigger.dev emulator at {url}   (Ctrl-C ends it)",
            "",
            "  development   export TRIGGER_SECRET_KEY=tr_dev_emulator",
            "  PRODUCTION    export TRIGGER_SECRET_KEY=tr_prod_emulator",
            f"  both          export TRIGGER_API_URL={url}",
            "",
            "  then          trigger-tui ls",
            "  or            curl -H 'Authorization: Bearer tr_dev_emulator' " + f"{url}/api/v1/runs",
            "",
            f'  faults        curl -X POST {url}/emulator/faults -d \'{{"faults": [{{"kind": "latency", "ms": 800}}]}}\'',
            f"  the truth     curl {url}/emulator/world",
        ):
            output.print(line)

    return tell


COMMANDS = (emulator,)
