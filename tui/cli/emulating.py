"""`emulator`: a server that answers like Trigger.dev, for trying this program and others without an account.

What lives here: the command, and the flags of its worlds, which `demo` has too. The server itself is `tui.emulator`'s;
it ends with Ctrl-C.
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


@dataclass(frozen=True, slots=True)
class WorldOptions:
    """What the flags say of the worlds."""

    seed: int
    rate: float
    history: int
    time_scale: float
    start: datetime | None

    def __post_init__(self) -> None:
        if self.rate * self.time_scale > RUNS_MOST_PER_S:
            raise click.UsageError(f"--rate times --time-scale is {RUNS_MOST_PER_S} runs a second at most")

    def emulator(self) -> "Emulator":
        """The company at work, with the small tasks that only the API triggers; its worlds are not made yet."""
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
    """The flags that say how the worlds are; `history` is how many runs are finished at the start by default."""

    def add(command: F) -> F:
        for option in (
            click.option("--start", type=Moment(), help="What its clock shows at the start [default: now]."),
            click.option(
                "--time-scale",
                type=Factor(0, 1000),
                default=1.0,
                show_default=True,
                help="How fast its time passes; 0: not at all.",
            ),
            click.option(
                "--history",
                type=click.IntRange(0, 1_000_000),
                default=history,
                show_default=True,
                help="Finished runs at the start; with any, a few live ones of weeks.",
            ),
            click.option(
                "--rate", type=Factor(0, 1000), default=2.0, show_default=True, help="Runs a second; 0: only yours."
            ),
            click.option("--seed", type=int, default=0, show_default=True, help="The same seed makes the same world."),
        ):
            command = option(command)
        return command

    return add


def asked_of(options: dict[str, Any]) -> WorldOptions:
    """Takes those flags out of a command's options."""
    return WorldOptions(**{each.name: options.pop(each.name) for each in fields(WorldOptions)})


@click.command("emulator")
@click.option("--port", type=click.IntRange(0, 65535), default=3030, show_default=True, help="0: any free one.")
@world_options(history=2000)
@click.option("--ascii", "ascii_only", is_flag=True, hidden=True)
@click.pass_obj
def emulator(output: Output, /, *, port: int, **options: Any) -> None:
    """Serve a Trigger.dev that does not exist, with a company at work, on 127.0.0.1 until Ctrl-C."""
    from tui.emulator.server.listening import PortTaken, listen

    asked = asked_of(options)
    try:
        listener = listen(port)
    except PortTaken as error:
        raise Stop(ExitCode.REFUSED, str(error)) from None
    state = asked.emulator()
    ready = [each.slug for each in state.environments[: 2 if asked.history <= BOTH_MOST else 1]]
    try:
        with listener:
            if asked.history >= SAID_FROM:
                output.say(f"making a history of {asked.history} runs …")
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
    from tui.emulator.server.listening import address
    from tui.emulator.server.serving import serve

    for slug in ready:
        await (await state.queries(slug)).prepare()
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
