"""The world that `demo` and `emulator` serve: sample tasks, their history, and a story.

Its parts are imported when it is made: `demo` makes it in a child process alone.
"""

import time
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tui.emulator.server.emulator import Emulator
    from tui.emulator.simulation.arrivals import Story
    from tui.emulator.world import DemoTasks


@dataclass(frozen=True, slots=True)
class WorldOptions:
    """The runs to emulate: how many, how fast and from when."""

    seed: int
    rate: float
    history: int
    time_scale: float
    start: datetime | None
    story: str | None = None
    hostile_texts: bool = False

    def new_emulator(self, *, is_demo: bool = False) -> "Emulator":
        """Return an emulator of the demo tasks, which run by themselves, and the recorded ones, which clients trigger.

        It has no runs before `Emulator.make` creates an environment. A demo without a story has one of its own.
        """
        from tui.emulator.demo_tasks import COMPANY, HOSTILE_COMPANY, accepts_any_payload  # noqa: PLC0415
        from tui.emulator.demo_tasks.history import KNOWN_FAILURES, MIN_HISTORY_WITH_FAILURES, OLD_RUNS, week_of  # noqa: PLC0415
        from tui.emulator.recorded_tasks import LATER_RECORDED_TASKS, RECORDED_LIMITS, RECORDED_TASKS  # noqa: PLC0415
        from tui.emulator.server.emulator import Emulator, Options, WorldClock  # noqa: PLC0415
        from tui.emulator.stories import demo_story, tell  # noqa: PLC0415

        start_ms = None if self.start is None else int(self.start.timestamp() * 1000)
        known_failures = KNOWN_FAILURES if self.history >= MIN_HISTORY_WITH_FAILURES else ()
        about_ms = time.time_ns() // 1_000_000 if start_ms is None else start_ms
        usual = HOSTILE_COMPANY if self.hostile_texts else COMPANY
        week = week_of(usual.tasks, self.seed, about_ms, self.history)
        # A demo begins without a finding, so that a newcomer sees one come and go.
        old_runs = (*(() if is_demo else OLD_RUNS), *known_failures, *week)
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

        company = with_recorded(usual)
        options = Options(
            seed=self.seed,
            rate_per_s=self.rate,
            history=self.history,
            old_runs=old_runs if self.history and self.story is None else (),
            story=told if is_demo or self.story is not None else None,
        )
        return Emulator(company, options, WorldClock(start_ms, self.time_scale))
