"""Reads the schedules, again after a due time, and the newest run of those that seem to have missed one."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from tui.domain.findings.facts import MAX_SCHEDULES, FactSource, Schedule, ScheduleRunsRead, SchedulesRead, WallFacts
from tui.domain.findings.intervals import INTERVALS, PAGE_INTERVAL
from tui.sources.base import KnownFacts
from tui.sources.clock import Clock
from tui.sources.findings.allowance import Rank
from tui.sources.findings.requests import FactRequests
from tui.wire.findings.reader import FactReader
from tui.wire.findings.requests import PAGE_SIZE

INTERVAL_S: Final = INTERVALS[FactSource.SCHEDULES].total_seconds()
PAGE_INTERVAL_S: Final = PAGE_INTERVAL.total_seconds()
"""Each page is read once in this time at most."""

AFTER_DUE: Final = timedelta(seconds=20)
"""The schedules are read again this long after a due time, for the next one."""

RUNS_AGAIN_AFTER_S: Final = 5.0
"""The least time between two reads of the newest run of one schedule."""

MAX_PAGES: Final = MAX_SCHEDULES // PAGE_SIZE

DueSchedules = Callable[[WallFacts, datetime], Sequence[str]]
"""Returns the ids of the schedules whose newest run has to be read."""


class ScheduleReader:
    """Reads schedules for one session."""

    def __init__(
        self,
        requests: FactRequests,
        reader: FactReader,
        store: KnownFacts,
        clock: Clock,
        due_schedules: DueSchedules,
        environment_type: str | None = None,
    ) -> None:
        """`environment_type` counts while the store does not know the environment."""
        self._requests = requests
        self._reader = reader
        self._store = store
        self._clock = clock
        self._due_schedules = due_schedules
        self._environment_type = environment_type
        self._page_count = 1
        self._runs_read_s: dict[str, float] = {}

    @property
    def interval_s(self) -> float:
        """The seconds between two reads of all pages."""
        return max(INTERVAL_S, PAGE_INTERVAL_S * self._page_count)

    def early_s(self, facts: WallFacts, now: datetime) -> float | None:
        """Return the least seconds between two reads, if a due time has passed since the last one, else None."""
        schedules = () if facts.schedules is None else facts.schedules.schedules
        due = (each.next_effective_at or each.next_at for each in schedules if each.is_active)
        has_passed = any(moment is not None and moment + AFTER_DUE <= now for moment in due)
        pages = self._page_count
        return PAGE_INTERVAL_S * (2 * pages - 1) if has_passed else None

    async def read(self) -> SchedulesRead:
        """Read all pages. Raises `ApiError`."""
        environment = self._store.environment
        kind = self._environment_type if environment is None else environment.type
        now, number, is_cut = self._requests.now(), 0, False
        schedules: dict[str, Schedule] = {}
        self._page_count = 1
        while number < self._page_count:
            number += 1
            page = await self._requests.send(
                ("schedules", number), Rank.SCHEDULES, partial(self._reader.read_schedules, number, kind)
            )
            self._page_count = min(page.page_count, MAX_PAGES)
            is_cut |= page.page_count > MAX_PAGES or page.unreadable > 0
            schedules |= {schedule.id: schedule for schedule in page.schedules}
        return SchedulesRead(now, tuple(schedules.values()), is_cut=is_cut)

    async def read_runs(self, facts: WallFacts) -> ScheduleRunsRead | None:
        """Read the newest run of one schedule, if that has to be read for any. Raises `ApiError`."""
        now_s = self._clock.monotonic_s()
        self._runs_read_s = {key: at for key, at in self._runs_read_s.items() if now_s - at < RUNS_AGAIN_AFTER_S}
        due = self._due_schedules(facts, self._requests.now())
        schedule_id = next((each for each in due if each not in self._runs_read_s), None)
        if schedule_id is None:
            return None
        self._runs_read_s[schedule_id] = now_s
        key = ("schedule runs", schedule_id)
        return await self._requests.send(key, Rank.SCHEDULE_RUNS, lambda: self._reader.read_schedule_runs(schedule_id))
