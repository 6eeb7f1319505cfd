"""The due times of a schedule, from its cron expression and its time zone, as the server computes them."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from tui.domain.findings.facts import Schedule

MAX_CACHED: Final = 1_024
MAX_LOOK_BACK: Final = timedelta(days=400)
"""A schedule that is due less often than once a year has no due time before."""

_FIRST_LOOK_BACK: Final = timedelta(minutes=2)


def next_due(schedule: Schedule, after: datetime) -> datetime | None:
    """Return the first due time after a moment; None if the expression or the zone cannot be read, or has none."""
    return _next_due(schedule.cron, schedule.zone, after)


def last_due(schedule: Schedule, until: datetime) -> datetime | None:
    """Return the last due time that is not after a moment; None if there is none in 400 days."""
    return _last_due(schedule.cron, schedule.zone, until.replace(second=0, microsecond=0))


@lru_cache(MAX_CACHED)
def _next_due(cron: str, zone: str, after: datetime) -> datetime | None:
    return next(_due_times(cron, zone, after), None)


@lru_cache(MAX_CACHED)
def _last_due(cron: str, zone: str, until: datetime) -> datetime | None:
    """Look back twice as far each time, and take the last due time of the first interval that has one."""
    back = _FIRST_LOOK_BACK
    while back <= MAX_LOOK_BACK * 2:
        found = None
        for each in _due_times(cron, zone, until - back):
            if each > until:
                break
            found = each
        if found is not None:
            return found
        back *= 2
    return None


def _due_times(cron: str, zone: str, after: datetime) -> Iterator[datetime]:
    """Yield the due times after a moment, in UTC. A zone or an expression that cannot be read has none."""
    from cronsim import CronSim, CronSimError  # noqa: PLC0415  needed only where there is a schedule

    try:
        times = CronSim(cron, after.astimezone(ZoneInfo(zone or "UTC")))
        for each in times:
            yield each.astimezone(UTC)
    except (CronSimError, ValueError, KeyError, OSError, OverflowError):
        return
