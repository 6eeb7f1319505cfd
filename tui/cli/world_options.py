"""The options that describe the emulated world, for `emulator` and `demo`."""

import math
import time
from collections.abc import Callable
from dataclasses import fields, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

import click

from tui.lazy_dataclass import dataclass

if TYPE_CHECKING:
    from tui.emulator.server.emulator import Emulator
    from tui.emulator.simulation.arrivals import Story
    from tui.emulator.world import DemoTasks

STORIES = ("calm", "bad-deploy", "queue-at-limit", "missed-schedule", "stuck-run", "forgotten-approval")
"""The names of `emulator.stories.TALES`, which is not imported before a world is made."""

F = TypeVar("F", bound=Callable[..., Any])

MAX_RUNS_PER_S = 2000
"""New runs a second of real time. One core cannot emulate more and answer requests too."""

START_YEARS = range(2000, 2100)


class StartTime(click.ParamType[datetime]):
    """A time with a time zone, such as `2026-11-24T14:00:00Z`."""

    name = "time"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Parse a time. Fails without a time zone, or the command would give other runs on another machine."""
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            moment = None
        if moment is None or moment.tzinfo is None:
            self.fail(f"{value!r} is not a time with a zone (2026-11-24T14:00:00Z)", param, ctx)
        if moment.year not in START_YEARS:
            self.fail(f"{value!r} is not between {START_YEARS.start} and {START_YEARS.stop}", param, ctx)
        return moment


class FiniteFloat(click.FloatRange):
    """A number in a range. click's own type accepts `nan` in every range."""

    def convert(self, value: float, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Parse a number. Fails for `nan`."""
        number = super().convert(value, param, ctx)
        if math.isnan(number):
            self.fail(f"{value!r} is not a number", param, ctx)
        return number


@dataclass(frozen=True, slots=True)
class WorldOptions:
    """The runs to emulate: how many, how fast and from when."""

    seed: int
    rate: float
    history: int
    time_scale: float
    start: datetime | None
    story: str | None = None

    def __post_init__(self) -> None:
        if self.rate * self.time_scale > MAX_RUNS_PER_S:
            raise click.UsageError(f"--rate times --time-scale is {MAX_RUNS_PER_S} runs a second at most")

    def new_emulator(self, *, is_demo: bool = False) -> "Emulator":
        """Return an emulator of the demo tasks, which run by themselves, and the recorded ones, which clients trigger.

        It has no runs before `Emulator.make` creates an environment. A demo without a story has one of its own.
        """
        from tui.emulator.demo_tasks import COMPANY, accepts_any_payload
        from tui.emulator.demo_tasks.history import KNOWN_FAILURES, MIN_HISTORY_WITH_FAILURES, OLD_RUNS, week_of
        from tui.emulator.recorded_tasks import LATER_RECORDED_TASKS, RECORDED_LIMITS, RECORDED_TASKS
        from tui.emulator.server.emulator import Emulator, Options, WorldClock
        from tui.emulator.stories import demo_story, tell

        start_ms = None if self.start is None else int(self.start.timestamp() * 1000)
        known_failures = KNOWN_FAILURES if self.history >= MIN_HISTORY_WITH_FAILURES else ()
        about_ms = time.time_ns() // 1_000_000 if start_ms is None else start_ms
        week = week_of(COMPANY.tasks, self.seed, about_ms, self.history)
        # A demo begins without a finding, so that a newcomer sees one come and go.
        hanging = () if is_demo else OLD_RUNS
        old_runs = (*hanging, *known_failures, *week) if self.history and self.story is None else ()
        recorded = tuple(map(accepts_any_payload, (*RECORDED_TASKS, *LATER_RECORDED_TASKS)))

        def with_recorded(company: "DemoTasks") -> "DemoTasks":
            # A story has tasks of its own under some of the recorded names.
            own = {task.id for task in company.tasks}
            tasks = (*company.tasks, *(task for task in recorded if task.id not in own))
            return replace(company, tasks=tasks, limits={**RECORDED_LIMITS, **company.limits})

        def told(seed: int, start_ms: int) -> "tuple[DemoTasks, Story]":
            if self.story is None:
                return company, demo_story(seed, start_ms)
            told_company, story = tell(self.story, seed, start_ms, self.rate)
            return with_recorded(told_company), story

        company = with_recorded(COMPANY)
        options = Options(
            seed=self.seed,
            rate_per_s=self.rate,
            history=self.history,
            old_runs=old_runs,
            story=told if is_demo or self.story is not None else None,
        )
        return Emulator(company, options, WorldClock(start_ms, self.time_scale))


_OLD_RUNS_HELP = " Unless 0, a few live runs are weeks old."


def world_options(*, history: int, is_demo: bool = False) -> Callable[[F], F]:
    """Return a decorator that adds these options. `history` is the default number of finished runs at the start."""

    def add(command: F) -> F:
        for option in (
            click.option("--start", type=StartTime(), help="The emulator's time at the start [default: now]."),
            click.option(
                "--time-scale",
                type=FiniteFloat(0, 1000),
                default=1.0,
                show_default=True,
                help="The speed of the emulator's clock; 0 stops it.",
            ),
            click.option(
                "--history",
                type=click.IntRange(0, 1_000_000),
                default=history,
                show_default=True,
                help=f"Finished runs at the start.{'' if is_demo else _OLD_RUNS_HELP}",
            ),
            click.option(
                "--rate",
                type=FiniteFloat(0, 1000),
                default=2.0,
                show_default=True,
                help="New runs a second; 0: only those you trigger.",
            ),
            click.option(
                "--story",
                type=click.Choice(STORIES),
                help="A world in which only this goes wrong, 5 to 15 s after the start; calm: nothing.",
            ),
            click.option("--seed", type=int, default=0, show_default=True, help="The same seed creates the same runs."),
        ):
            command = option(command)
        return command

    return add


def world_options_of(options: dict[str, Any]) -> WorldOptions:
    """Remove the options of this module from a command's options, and return them."""
    return WorldOptions(**{each.name: options.pop(each.name) for each in fields(WorldOptions)})
