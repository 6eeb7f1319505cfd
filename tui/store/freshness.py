"""How fresh what we know is: when the server last confirmed it, and what that means now.

What lives here: one pure observer of what sources tell. How it is worded is the screen's. Source: DESIGN §5.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, assert_never

from tui.domain.update import SourceConnected, SourceRetrying, SourceStopped
from tui.store.facts import SourceStatus
from tui.store.missed import Gap

LATE_AFTER: Final = 2
STALE_AFTER: Final = 5
"""Times the expected interval without a word."""

SLOW_AFTER = timedelta(seconds=5)
"""Without a first word."""


class Level(StrEnum):
    """CONNECTING until the first word; then by the age of the last one."""

    CONNECTING = "connecting"
    FRESH = "fresh"
    LATE = "late"
    STALE = "stale"


@dataclass(frozen=True, slots=True)
class Freshness:
    """One moment's answer. `confirmed_at` is the last word, `interval` when the next one was expected after it,
    `trouble` what the source said since, `trouble_since` its first failure after the last word. `waited` is how long
    the first word has been waited for.
    """

    level: Level
    confirmed_at: datetime | None = None
    interval: timedelta = timedelta()
    trouble: SourceRetrying | SourceStopped | None = None
    trouble_since: datetime | None = None
    waited: timedelta = timedelta()

    @property
    def is_slow(self) -> bool:
        """Whether the first word takes so long that somebody would ask."""
        return self.confirmed_at is None and self.trouble is None and self.waited >= SLOW_AFTER

    @property
    def is_stale(self) -> bool:
        """Whether values must look dead."""
        return self.level is Level.STALE


class Connection:
    """Remembers the last good word of a source and the trouble since, and the last time without any for too long."""

    def __init__(self) -> None:
        self.gap: Gap | None = None
        self._connected: SourceConnected | None = None
        self._trouble: SourceRetrying | SourceStopped | None = None
        self._trouble_since: datetime | None = None

    def see(self, status: SourceStatus) -> None:
        """Take in the newest word; the same one again does no harm."""
        match status:
            case SourceConnected():
                before = self._connected
                if before is not None and status.at - before.at >= STALE_AFTER * timedelta(seconds=before.interval_s):
                    self.gap = Gap(before.at, status.at)
                self._connected, self._trouble, self._trouble_since = status, None, None
            case SourceRetrying() | SourceStopped():
                self._trouble = status
                self._trouble_since = self._trouble_since or status.at
            case _:
                assert_never(status)

    def at(self, now: datetime, waited: timedelta = timedelta()) -> Freshness:
        """How fresh things are now, `waited` after the start. A source that stopped is stale at once: no word will
        come.
        """
        connected, trouble = self._connected, self._trouble
        if connected is None:
            level = Level.STALE if isinstance(trouble, SourceStopped) else Level.CONNECTING
            return Freshness(level, trouble=trouble, trouble_since=self._trouble_since, waited=waited)
        interval = timedelta(seconds=connected.interval_s)
        age = now - connected.at
        if isinstance(trouble, SourceStopped) or age >= STALE_AFTER * interval:
            level = Level.STALE
        else:
            level = Level.LATE if age >= LATE_AFTER * interval else Level.FRESH
        return Freshness(level, connected.at, interval, trouble, self._trouble_since)
