"""`RunFilters`: the filters that the server applies to the runs list, and the server's notation of periods.

`wire.client` turns them into query parameters. The filter that a user types after `/` is another one: `store.filter`
applies it to the runs in the store. Source: tests/wire/recordings/README.md §3.
"""

import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from tui.domain.ids import BatchId, TaskId
from tui.lazy_dataclass import dataclass

MAX_PERIOD: Final = timedelta(days=3650)
"""Servers keep runs for less than this, and the current time minus this is still a valid date."""

MAX_QUERY_PERIOD: Final = timedelta(days=30)
"""TRQL silently shortens a longer period to this. Source: tests/wire/recordings/README.md §7."""

TASK_QUEUE_PREFIX: Final = "task/"
"""The server stores the queue of task `ok` as `task/ok`. Source: tests/wire/recordings/README.md §3."""

ERROR_ID_PREFIX: Final = "error_"
"""The id of an error group is this and its fingerprint. Source: tests/wire/recordings/README.md §11."""

_PERIOD = re.compile(r"([1-9][0-9]{0,5})([smhdw])\Z")
_UNITS: Final = {
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}


@dataclass(frozen=True, slots=True)
class RunFilters:
    """Selects the runs that match one value of every field that is not empty.

    `statuses` are REST words; `EXECUTING` does not include `DEQUEUED`. A run matches if it has any of the `tags`.
    `queues` are names as a user types them, see `queue_names`. `errors` are ids or fingerprints of the server's error
    groups; tasks share fingerprints, so a group is named with its task. `period` is the server's text (`1h`, `7d`), see
    `parse_period`. `created_from` and `created_to` are precise to the millisecond. Without these three, runs of every
    age match; the request then names a very long period, because the server's default is seven days.
    """

    statuses: tuple[str, ...] = ()
    tasks: tuple[TaskId, ...] = ()
    tags: tuple[str, ...] = ()
    versions: tuple[str, ...] = ()
    queues: tuple[str, ...] = ()
    machines: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()
    batch: BatchId | None = None
    is_test: bool | None = None
    period: str | None = None
    created_from: datetime | None = None
    created_to: datetime | None = None

    @property
    def is_empty(self) -> bool:
        """Whether every run matches."""
        return self == RunFilters()

    @property
    def has_window(self) -> bool:
        """Whether the filters limit the time of creation."""
        return any(bound is not None for bound in (self.period, self.created_from, self.created_to))


def queue_names(queues: Iterable[str]) -> tuple[str, ...]:
    """Return the stored names that typed queue names may mean: `ok` may be a named queue or the queue of task `ok`."""
    names = ((name,) if name.startswith(TASK_QUEUE_PREFIX) else (name, TASK_QUEUE_PREFIX + name) for name in queues)
    return tuple(dict.fromkeys(name for both in names for name in both))


def fingerprint_of(error: str) -> str:
    """Return the fingerprint of an error group by its id or its fingerprint: the server takes both."""
    return error.removeprefix(ERROR_ID_PREFIX)


def query_period(period: timedelta) -> str:
    """Return the server's text for the period of a TRQL query, at most `MAX_QUERY_PERIOD`."""
    return period_text(min(period, MAX_QUERY_PERIOD))


def parse_period(text: str) -> timedelta | None:
    """Parse a period such as `90m`, `24h`, `7d`, `2w`. None: the server would ignore it, or it is too long."""
    found = _PERIOD.match(text)
    if found is None:
        return None
    period = int(found[1]) * _UNITS[found[2]]
    return period if period <= MAX_PERIOD else None


def period_text(period: timedelta) -> str:
    """Return the server's text for a period, in the largest unit that divides it.

    One day is `24h`, a week is `7d`. The shortest period is one second.
    """
    seconds = max(1, period // timedelta(seconds=1))
    for unit, size, least in (("d", 86_400, 2), ("h", 3600, 1), ("m", 60, 1)):
        if seconds % size == 0 and seconds // size >= least:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"
