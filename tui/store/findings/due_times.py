"""The due times of a schedule, from its cron expression and its time zone, as the server computes them."""

from collections import deque
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from tui.domain.findings.facts import MAX_SCHEDULES, Schedule

KEPT_SPANS: Final = 16
"""Remembered for each expression. Hundreds of schedules may have the same one, but their runs are in few spans."""

_SECOND: Final = timedelta(seconds=1)
_NEVER_BEFORE: Final = datetime.min.replace(tzinfo=UTC)
_NEVER_AFTER: Final = datetime.max.replace(tzinfo=UTC)

Span = tuple[datetime, datetime]
"""Two due times without another one between them."""


def next_due(schedule: Schedule, after: datetime) -> datetime | None:
    """Return the first due time after a moment; None if the expression or the zone cannot be read, or has none."""
    due_at = _span(schedule, after)[1]
    return None if due_at == _NEVER_AFTER else due_at


def last_due(schedule: Schedule, until: datetime) -> datetime | None:
    """Return the last due time that is not after a moment; None if there is none."""
    due_at = _span(schedule, until)[0]
    return None if due_at == _NEVER_BEFORE else due_at


@lru_cache(MAX_SCHEDULES)
def spans_of(cron: str, zone: str) -> deque[Span]:  # noqa: ARG001  they are the keys of the cache
    """Return the spans of an expression that were last found."""
    return deque(maxlen=KEPT_SPANS)


def _span(schedule: Schedule, moment: datetime) -> Span:
    """Return the due times around a moment: the last one that is not after it, and the next one."""
    cron, zone = schedule.cron, schedule.zone
    spans = spans_of(cron, zone)
    for span in spans:
        if span[0] <= moment < span[1]:
            return span
    second = moment.replace(microsecond=0)
    before = _due(cron, zone, second + _SECOND, is_before=True) or _NEVER_BEFORE
    after = _due(cron, zone, second, is_before=False) or _NEVER_AFTER
    spans.appendleft((before, after))
    return before, after


def _due(cron: str, zone: str, moment: datetime, *, is_before: bool) -> datetime | None:
    from cronsim import CronSim, CronSimError  # noqa: PLC0415  needed only where there is a schedule

    try:
        local = moment.astimezone(ZoneInfo(zone or "UTC"))
        return next(CronSim(cron, local, reverse=is_before)).astimezone(UTC)
    except (CronSimError, StopIteration, ValueError, KeyError, OSError, OverflowError, RecursionError):
        return None
