"""The schedules of an environment: when each is due, the runs that it starts, and the payload that it passes to them.

A schedule that is not active fires no run. Source: tests/wire/recordings/README.md §12 (recordings 1241, 1242, 2800).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

from tui.emulator.simulation.agenda import Agenda
from tui.emulator.simulation.names import base36, digest
from tui.emulator.simulation.script import Json, Task

UPCOMING: Final = 10
TIME_ZONE: Final = "UTC"

MAX_SPREAD_MS: Final = 8_000
"""The server announces each schedule's runs for a fixed time after they are due, below this one."""

EARLY_MS: Final = 6_300
"""A scheduled run exists so long before its due time, its `createdAt` (tests/wire/recordings/README.md §12)."""

_DAY_S: Final = 86_400
_HOUR_S: Final = 3_600
_NOON: Final = 12
_ID_LENGTH: Final = 21


@dataclass(slots=True, eq=False)
class Schedule:
    """One schedule: it starts a run of `task` once in each period of the task, which are counted from the epoch."""

    task: Task
    id: str
    is_active: bool = True
    silent_from_ms: int | None = None
    """From this due time on it starts no run, although it is active: what a server does whose scheduler is broken."""

    given_spread_ms: int | None = None
    """`spread_ms`, if a story chooses it."""

    turn: int = 0
    """Counts activations. An event is void once the turn at which it was planned has passed."""

    @property
    def period_ms(self) -> int:
        return (self.task.every_s or 60) * 1000

    def next_ms(self, now_ms: int) -> int | None:
        """The first due time after now; None while it is not active."""
        phase_ms = self.task.phase_s * 1000
        return ((now_ms - phase_ms) // self.period_ms + 1) * self.period_ms + phase_ms if self.is_active else None

    @property
    def spread_ms(self) -> int:
        """How long after a due time its run is announced (recordings 1099 and 2801: always the same)."""
        return digest("spread", self.id) % MAX_SPREAD_MS if self.given_spread_ms is None else self.given_spread_ms

    def is_silent(self, due_ms: int) -> bool:
        """Whether it starts no run at that due time."""
        return self.silent_from_ms is not None and due_ms >= self.silent_from_ms


class Schedules:
    """All schedules of an environment, one for each task with a period. `fire` creates a run for a due time."""

    def __init__(self, tasks: Sequence[Task], agenda: Agenda, fire: Callable[[Task, int], object]) -> None:
        self._agenda = agenda
        self._fire = fire
        self._all = [Schedule(task, schedule_id(task)) for task in tasks if task.every_s]

    def begin(self) -> None:
        """Plan the next run of each active schedule."""
        for schedule in self._all:
            self._plan(schedule)

    def newest_first(self) -> list[Schedule]:
        return self._all[::-1]

    def find(self, key: str) -> Schedule | None:
        return next((schedule for schedule in self._all if schedule.id == key), None)

    def of_task(self, task_id: str) -> Schedule | None:
        return next((schedule for schedule in self._all if schedule.task.id == task_id), None)

    def activate(self, schedule: Schedule, *, is_active: bool) -> None:
        """Activate or deactivate a schedule. No change means that nothing happens."""
        if schedule.is_active is not is_active:
            schedule.is_active = is_active
            schedule.turn += 1
            self._plan(schedule)

    def silence(self, task_id: str, from_ms: int, spread_ms: int) -> None:
        """Start no run of this task from a due time on. `spread_ms` is how long after it the run is announced."""
        schedule = self.of_task(task_id)
        if schedule is not None:
            schedule.silent_from_ms, schedule.given_spread_ms = from_ms, spread_ms

    def deactivate_all(self) -> None:
        for schedule in self._all:
            self.activate(schedule, is_active=False)

    def _plan(self, schedule: Schedule) -> None:
        self._plan_after(schedule, self._agenda.now_ms)

    def _plan_after(self, schedule: Schedule, after_ms: int) -> None:
        due_ms = schedule.next_ms(after_ms)
        if due_ms is not None:
            early_ms = max(due_ms - EARLY_MS, self._agenda.now_ms)
            self._agenda.at(early_ms, self._start_run, schedule, schedule.turn, due_ms)

    def _start_run(self, schedule: Schedule, turn: int, due_ms: int) -> None:
        if schedule.turn == turn:
            if not schedule.is_silent(due_ms):
                self._fire(schedule.task, due_ms)
            self._plan_after(schedule, due_ms)


def schedule_of(task: Task) -> dict[str, Json]:
    """The `schedule` object in the detail of a scheduled run."""
    return {
        "id": schedule_id(task),
        "externalId": task.id,
        "deduplicationKey": deduplication_key(task),
        "generator": generator_of(task),
    }


def deduplication_key(task: Task) -> str:
    return f"{task.id}-schedule"


def generator_of(task: Task) -> dict[str, Json]:
    """The cron expression of a task's schedule, and its description."""
    expression, words = _cron(task.every_s or 60, task.phase_s)
    return {"type": "CRON", "expression": expression, "description": words}


def schedule_id(task: Task) -> str:
    """The id of a task's schedule, like `sched_rmvpuj863t5sge5st3832`."""
    return _schedule_id(task.id)


@lru_cache
def _schedule_id(task_id: str) -> str:
    return f"sched_{base36(digest('schedule', task_id, size=16), _ID_LENGTH)}"


def schedule_payload(task: Task, at_ms: int) -> dict[str, Json]:
    """The payload of a run that the schedule starts at that time."""
    period_ms = (task.every_s or 60) * 1000
    return {
        "scheduleId": schedule_id(task),
        "type": "IMPERATIVE",
        "timestamp": _iso(at_ms),
        "lastTimestamp": _iso(at_ms - period_ms),
        "externalId": task.id,
        "timezone": TIME_ZONE,
        "upcoming": [_iso(at_ms + turn * period_ms) for turn in range(1, UPCOMING + 1)],
    }


def _iso(ms: int) -> str:
    time = datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds")
    return time.replace("+00:00", "Z")


def _cron(every_s: int, phase_s: int) -> tuple[str, str]:
    """The cron expression of a period that is due so long after its beginning, and its description."""
    hour, minute = divmod(phase_s // 60, 60)
    if every_s % _DAY_S == 0:
        return f"{minute} {hour} * * *", f"At {hour % 12 or 12:02}:{minute:02} {'PM' if hour >= _NOON else 'AM'}"
    if every_s % _HOUR_S == 0:
        hours = every_s // _HOUR_S
        if minute:
            return f"{minute} * * * *", f"At {minute} minutes past the hour"
        return ("0 * * * *", "Every hour") if hours == 1 else (f"0 */{hours} * * *", f"Every {hours} hours")
    minutes = max(1, every_s // 60)
    return ("* * * * *", "Every minute") if minutes == 1 else (f"*/{minutes} * * * *", f"Every {minutes} minutes")
