"""A running emulator with the recorded project's tasks, whose clock the test owns.

It serves real HTTP on loopback. Each case gets new worlds. `runs` lists the recorded runs.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from tests.support.emulator.server import START_MS, EmulatorServer, server_of
from tui.emulator.environment import API_VERSION, DEVELOPMENT, PRODUCTION
from tui.emulator.recorded_tasks import LATER_RECORDED_TASKS, RECORDED_LIMITS, RECORDED_TASKS
from tui.emulator.world import DemoTasks, World

SCHEDULED = next(task for task in LATER_RECORDED_TASKS if task.id == "nightly-report")
SCHEDULED_TASKS = (replace(SCHEDULED, id="daily-report", every_s=86_400), replace(SCHEDULED, every_s=60))
"""The recorded project had two schedules of one task. Here a task has one schedule."""

UNSCHEDULED_TASKS = tuple(task for task in (*RECORDED_TASKS, *LATER_RECORDED_TASKS) if task is not SCHEDULED)
COMPANY = DemoTasks((*UNSCHEDULED_TASKS, *SCHEDULED_TASKS), limits=RECORDED_LIMITS)
KEYS = {"dev": DEVELOPMENT.key, "prod": PRODUCTION.key}
VERSIONED = {"x-trigger-api-version": API_VERSION}


@dataclass
class Scene(EmulatorServer):
    """The emulator of one case."""

    quiet: tuple[int, str, list[World]] | None = None
    """An environment that no case changes, once built: its time, its key and its worlds."""

    aged: World | None = None
    """A world with runs of 0 to 40 days that no case changes, once built."""

    def reset(self, seed: int = 0) -> None:
        """Start with new worlds, no faults, full rate limits, and the same feeds after any other case."""
        self.emulator.feeds.random.seed(seed)
        self.time[0] = START_MS
        self.key = DEVELOPMENT.key
        self.emulator.limiter.forget()
        self.emulator.faults.set([], ())
        for environment in (DEVELOPMENT, PRODUCTION):
            self.emulator.put(World(COMPANY, start_ms=START_MS, environment=environment, seed=seed))


@contextmanager
def scenes() -> Iterator[Scene]:
    """Start the server. Call `reset` before each case."""
    with server_of(Scene, COMPANY) as scene:
        yield scene


__all__ = ["START_MS", "Scene", "scenes"]
