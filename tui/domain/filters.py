"""What the server is asked to leave out of a list of runs.

What lives here: the value. How it becomes a query is `wire.client`'s; what is filtered here, among the runs that we
have, is `store.filter`'s. Source: wire/README.md §3, recordings 020-063.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from tui.domain.ids import BatchId, TaskId

MAX_PERIOD: Final = timedelta(days=3650)
"""No server keeps runs as long as that, and now minus it is still a date."""

MAX_QUERY_PERIOD: Final = timedelta(days=30)
"""TRQL clips anything longer without notice (recordings 2618, 2619)."""

TASK_QUEUE_PREFIX: Final = "task/"
"""Before a task's id in the stored name of its own queue (recordings 037, 038)."""

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
    """Which runs a list holds: those that match one value of every field that is not empty.

    `statuses` are REST words (`EXECUTING` does not match `DEQUEUED`); several `tags` mean any of them; `queues` are
    names as a person types them, see `queue_names`; `period` is the server's text (`1h`, `7d`), see `parse_period`;
    `created_from` and `created_to` are kept to the millisecond. Without any of these three, runs of every age match:
    a request says so explicitly, since a server that is not told searches seven days (recording 2600).
    """

    statuses: tuple[str, ...] = ()
    tasks: tuple[TaskId, ...] = ()
    tags: tuple[str, ...] = ()
    versions: tuple[str, ...] = ()
    queues: tuple[str, ...] = ()
    machines: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    batch: BatchId | None = None
    is_test: bool | None = None
    period: str | None = None
    created_from: datetime | None = None
    created_to: datetime | None = None

    @property
    def is_empty(self) -> bool:
        """Whether it leaves nothing out."""
        return self == RunFilters()

    @property
    def has_window(self) -> bool:
        """Whether it limits the time of creation."""
        return any(bound is not None for bound in (self.period, self.created_from, self.created_to))


def queue_names(queues: Iterable[str]) -> tuple[str, ...]:
    """The stored names that typed queue names may mean: `ok` is a queue of its own, or the queue of the task `ok`."""
    names = ((name,) if name.startswith(TASK_QUEUE_PREFIX) else (name, TASK_QUEUE_PREFIX + name) for name in queues)
    return tuple(dict.fromkeys(name for both in names for name in both))


def query_period(period: timedelta) -> str:
    """The server's text for the period of a TRQL query, clipped to what the server takes."""
    return period_text(min(period, MAX_QUERY_PERIOD))


def parse_period(text: str) -> timedelta | None:
    """How long a period of the server is (`90m`, `24h`, `7d`, `2w`); None for what it would ignore, or is too long."""
    found = _PERIOD.match(text)
    if found is None:
        return None
    period = int(found[1]) * _UNITS[found[2]]
    return period if period <= MAX_PERIOD else None


def period_text(period: timedelta) -> str:
    """The server's text for a period, in the largest unit that divides it: `24h` rather than a day, `7d`, never weeks.

    Less than a second counts as one.
    """
    seconds = max(1, period // timedelta(seconds=1))
    for unit, size, least in (("d", 86_400, 2), ("h", 3600, 1), ("m", 60, 1)):
        if seconds % size == 0 and seconds // size >= least:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"
