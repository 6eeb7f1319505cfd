"""The due times of a schedule, from its cron expression and its time zone, as the server computes them."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import lru_cache, partial
from typing import Final
from zoneinfo import ZoneInfo

from tui.domain.findings.facts import MAX_SCHEDULES, Schedule

KEPT_MOMENTS: Final = 8
"""Remembered for each schedule. It is asked for a few moments each second; one or two of them are new each minute."""

_SECOND: Final = timedelta(seconds=1)


def next_due(schedule: Schedule, after: datetime) -> datetime | None:
    """Return the first due time after a moment; None if the expression or the zone cannot be read, or has none."""
    return due_times_of(schedule.cron, schedule.zone)(after.replace(microsecond=0), is_before=False)


def last_due(schedule: Schedule, until: datetime) -> datetime | None:
    """Return the last due time that is not after a moment; None if there is none."""
    # By minutes, so that an answer serves for a while. A due time has no seconds.
    minute = until.replace(second=0, microsecond=0)
    return due_times_of(schedule.cron, schedule.zone)(minute + _SECOND, is_before=True)


@lru_cache(MAX_SCHEDULES)
def due_times_of(cron: str, zone: str) -> Callable[..., datetime | None]:
    """Return `_due` of a schedule, with a memory of its own: a shared one would keep the minutes of hours."""
    return lru_cache(KEPT_MOMENTS)(partial(_due, cron, zone))


def _due(cron: str, zone: str, moment: datetime, *, is_before: bool) -> datetime | None:
    from cronsim import CronSim, CronSimError  # noqa: PLC0415  needed only where there is a schedule

    try:
        local = moment.astimezone(ZoneInfo(zone or "UTC"))
        return next(CronSim(cron, local, reverse=is_before)).astimezone(UTC)
    except (CronSimError, StopIteration, ValueError, KeyError, OSError, OverflowError):
        return None
