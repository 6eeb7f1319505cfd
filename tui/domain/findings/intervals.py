"""How often each source of facts is read, and when an answer is old: its numbers show their age, OK is not known."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final

from tui.domain.findings.facts import FactSource

INTERVALS: Final[Mapping[FactSource, timedelta]] = MappingProxyType(
    {
        FactSource.WAITS: timedelta(seconds=15),
        FactSource.QUEUES: timedelta(seconds=20),
        FactSource.MINUTES: timedelta(minutes=1),
        FactSource.NORMALS: timedelta(hours=1),
        FactSource.SCHEDULES: timedelta(minutes=5),
        FactSource.TOKENS: timedelta(minutes=1),
        FactSource.DEPLOYMENTS: timedelta(minutes=1),
        FactSource.ERRORS: timedelta(minutes=1),
    }
)
"""What takes several pages may be read less often: `PAGE_INTERVAL` for each page."""

PAGE_INTERVAL: Final = timedelta(minutes=1)
LAST_DAY_INTERVAL: Final = timedelta(minutes=5)
"""The totals of the last 24 hours."""

OLD_AFTER_INTERVALS: Final = 3
MIN_OLD: Final = timedelta(seconds=60)

MAX_FAILING: Final = timedelta(minutes=3)
"""A source whose reads have failed for so long is not known, however rarely it is read."""

DECIDING: Final = tuple(each for each in FactSource if each not in {FactSource.RUNS, FactSource.DEPLOYMENTS})
"""The sources of facts without which a finding may be missed. The runs decide, too: the session knows about them."""


def old_after(interval: timedelta) -> timedelta:
    """Return from which age on a number is old that is read once an interval."""
    return max(OLD_AFTER_INTERVALS * interval, MIN_OLD)


def age_shown(read_at: datetime | None, interval: timedelta, now: datetime) -> timedelta | None:
    """Return the age that has to stand beside a number, None for a number that is not old, or was not read."""
    age = None if read_at is None else now - read_at
    return age if age is not None and age > old_after(interval) else None
