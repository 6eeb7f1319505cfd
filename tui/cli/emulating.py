"""`emulator`: serves an emulated Trigger.dev API, to try clients without an account.

The options for the emulated world are here too, since `demo` has the same ones.
"""

import asyncio
import gc
import math
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

import click

from tui.cli.exit_codes import ExitCode, Stop
from tui.output import Output, OutputClosed

if TYPE_CHECKING:
    from tui.emulator.server.emulator import Emulator

F = TypeVar("F", bound=Callable[..., Any])

MAX_HISTORY_FOR_BOTH = 20_000
"""Up to this history both environments are created at the start, else production at its first request."""

ANNOUNCED_HISTORY = 10_000
"""From this history on the start takes long enough to print a line."""

MAX_RUNS_PER_S = 2000
"""One core cannot emulate more runs and answer requests too."""

YEARS = (2000, 2100)


class Moment(click.ParamType[datetime]):
    """A time with its zone, as `2026-11-24T14:00:00Z`."""

    name = "time"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Parse a time. Fails without a zone, since the same command would create another world elsewhere."""
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            moment = None
        if moment is None or moment.tzinfo is None:
            self.fail(f"{value!r} is not a time with a zone (2026-11-24T14:00:00Z)", param, ctx)
        if not YEARS[0] <= moment.year < YEARS[1]:
            self.fail(f"{value!r} is not between {YEARS[0]} and {YEARS[1]}", param, ctx)
        return moment


class Factor(click.FloatRange):
    """A number in a range, but not `nan`, which click accepts in every range."""

    def convert(self, value: float, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Parse a number. Fails for `nan`."""
        number = super().convert(value, param, ctx)
        if math.isnan(number):
            self.fail(f"{value!r} is not a number", param, ctx)
        return number


@dataclass(frozen=True, slots=True)
class WorldOptions:
    """The options for the emulated world."""

    seed: int
    rate: float
    history: int
    time_scale: float
    start: datetime | None

    def __post_init__(self) -> None:
        if self.rate * self.time_scale > MAX_RUNS_PER_S:
            raise click.UsageError(f"--rate times --time-scale is {MAX_RUNS_PER_S} runs a second at most")

    def new_emulator(self) -> "Emulator":
        """Return an emulator with the demo tasks and those that only the API triggers. No world is created yet."""
        from tui.emulator.demo_tasks import COMPANY, accepts_any_payload
        from tui.emulator.demo_tasks.longlived import OLD_RUNS
        from tui.emulator.recorded_tasks import LATER_RECORDED_TASKS, RECORDED_LIMITS, RECORDED_TASKS
        from tui.emulator.server.clock import WorldClock
        from tui.emulator.server.emulator import Emulator, Options

        start_ms = None if self.start is None else int(self.start.timestamp() * 1000)
        old_runs = OLD_RUNS if self.history else ()
        options = Options(seed=self.seed, rate_per_s=self.rate, history=self.history, old_runs=old_runs)
        tasks = (*COMPANY.tasks, *map(accepts_any_payload, (*RECORDED_TASKS, *LATER_RECORDED_TASKS)))
        company = replace(COMPANY, tasks=tasks, limits={**RECORDED_LIMITS, **COMPANY.limits})
        return Emulator(company, options, WorldClock(start_ms, self.time_scale))


def world_options(*, history: int) -> Callable[[F], F]:
    """Add the options for the emulated world. `history` is the default number of finished runs at the start."""

    def add(command: F) -> F:
        for option in (
            click.option("--start", type=Moment(), help="The emulator's time at the start [default: now]."),
            click.option(
                "--time-scale",
                type=Factor(0, 1000),
                default=1.0,
                show_default=True,
                help="The speed of the emulator's clock; 0 stops it.",
            ),
            click.option(
                "--history",
                type=click.IntRange(0, 1_000_000),
                default=history,
                show_default=True,
                help="Finished runs at the start. Unless 0, a few live runs are weeks old.",
            ),
            click.option(
                "--rate",
                type=Factor(0, 1000),
                default=2.0,
                show_default=True,
                help="Runs a second; 0: only yours.",
            ),
            click.option("--seed", type=int, default=0, show_default=True, help="The same seed creates the same runs."),
        ):
            command = option(command)
        return command

    return add


def world_options_of(options: dict[str, Any]) -> WorldOptions:
    """Remove these options from a command's options, and return them."""
    return WorldOptions(**{each.name: options.pop(each.name) for each in fields(WorldOptions)})


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
