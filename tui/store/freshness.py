"""How old the displayed data is: fresh, late or stale, and which source it depends on.

`FreshnessTracker` observes the statuses of the sources. It measures in seconds of a monotonic clock, so that a change
of the wall clock makes no data older or younger.
"""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final, assert_never

from tui.domain.ids import FEEDS, RELAY, RUN, RUN_FEED
from tui.domain.update import SourceConnected, SourceRetrying, SourceStopped
from tui.lazy_dataclass import dataclass
from tui.store.counts import Gap

if TYPE_CHECKING:
    from tui.store.store import SourceStatus  # the first frame says how fresh data is, and needs no store

LATE_AFTER_INTERVALS: Final = 2
STALE_AFTER_INTERVALS: Final = 5
"""Data is late, then stale, after this many expected intervals without a response."""

SLOW_AFTER: Final = timedelta(seconds=5)
"""The first response is slow if it takes longer than this."""

SourceFailure = SourceRetrying | SourceStopped


class Level(StrEnum):
    """CONNECTING until the first response. Then the age of the last response decides."""

    CONNECTING = "connecting"
    FRESH = "fresh"
    LATE = "late"
    STALE = "stale"


@dataclass(frozen=True, slots=True)
class Freshness:
    """The freshness at one moment.

    * `confirmed_at`: the last successful response of any source.
    * `interval`: the time after it within which the next response was expected.
    * `leader`: the source that the displayed data depends on now.
    * `failure`: the failure of the leader, if its last attempt failed.
    * `failure_since`: the first of the leader's failures in a row, but not before `confirmed_at`.
    * `waited`: how long the program has waited for the first response.
    * `other_failure`: the failure of another source. It does not make the data older, but the user should know.
    """

    level: Level
    confirmed_at: datetime | None = None
    interval: timedelta = timedelta()
    failure: SourceFailure | None = None
    failure_since: datetime | None = None
    waited: timedelta = timedelta()
    leader: str | None = None
    other_failure: SourceFailure | None = None

    @property
    def is_slow(self) -> bool:
        """Whether the first response takes unusually long."""
        return self.confirmed_at is None and self.failure is None and self.waited >= SLOW_AFTER

    @property
    def is_stale(self) -> bool:
        """Whether the values must be shown as outdated."""
        return self.level is Level.STALE

    @property
    def is_live(self) -> bool:
        """Whether the server sends changes by itself, instead of being polled."""
        return self.leader in FEEDS


@dataclass(slots=True)
class _SourceHealth:
    """The last response of one source, and its failures since. Times are seconds of the monotonic clock."""

    responded_s: float | None = None
    interval_s: float = 0.0
    failure: SourceFailure | None = None
    failure_since: datetime | None = None
    failure_since_s: float = 0.0

    def is_healthy(self, elapsed_s: float) -> bool:
        """Whether the source has not failed and its next response is not overdue."""
        return self.responded_s is not None and self.failure is None and elapsed_s < self.late_s

    @property
    def late_s(self) -> float:
        """When the next response becomes overdue."""
        return (self.responded_s or 0.0) + LATE_AFTER_INTERVALS * self.interval_s

    @property
    def failed_s(self) -> float:
        """When the source failed or its response became overdue. Only meaningful if it is not `is_healthy`."""
        return self.failure_since_s if self.failure is not None else self.late_s


class FreshnessTracker:
    """Tracks the last response and the failures of each source, and the last gap in the data.

    The leader is the feed while it works, otherwise the polling source. The polling source then has `interval_s` from
    the loss of the feed to its next response. If the connection to a relay fails, the relay leads: all data comes
    through it. `elapsed_s` are seconds of a monotonic clock. `gap` is the last period in which all data was stale.
    """

    def __init__(self, interval_s: float = 2.0) -> None:
        self.gap: Gap | None = None
        self.interval_s = interval_s
        """The polling interval of the settings."""
        self._health: dict[str, _SourceHealth] = {}
        self._stale_since_s: float | None = None
        self._min_gap_s = 0.0

    def record(self, status: "SourceStatus", elapsed_s: float, now: datetime) -> None:
        """Record the status of a source. Recording the same status twice has no effect. `now` is the server's time.

        The feed of one run is ignored if all runs are shown: it says nothing about the others.
        """
        if status.source == RUN_FEED and RUN not in self._health:
            return
        health = self._health.setdefault(status.source, _SourceHealth())
        match status:
            case SourceConnected():
                responded_s = elapsed_s - max(0.0, (now - status.at).total_seconds())
                if health.failure is None and health.responded_s is not None and responded_s <= health.responded_s:
                    return
                self._begin_gap(elapsed_s, now)
                health.responded_s, health.interval_s = responded_s, status.interval_s
                health.failure = health.failure_since = None
                self._end_gap(elapsed_s, now)
            case SourceRetrying() | SourceStopped():
                if health.failure is None:
                    health.failure_since, health.failure_since_s = status.at, elapsed_s
                health.failure = status
            case _:
                assert_never(status)

    def _begin_gap(self, elapsed_s: float, now: datetime) -> None:
        """Before a response is recorded: if the data is stale, a gap began at the last response.

        The gap must be at least as long as it takes data to become stale.
        """
        before, confirmed_s = self.at(elapsed_s, now), self._confirmed_s()
        if self._stale_since_s is None and before.is_stale and confirmed_s is not None:
            silence_s = STALE_AFTER_INTERVALS * before.interval.total_seconds()
            self._stale_since_s = confirmed_s
            self._min_gap_s = 0.0 if isinstance(before.failure, SourceStopped) else silence_s

    def _end_gap(self, elapsed_s: float, now: datetime) -> None:
        """After a response is recorded: end the gap if the data is fresh again.

        A late response, to a request from before the gap, does not end it.
        """
        confirmed_s = self._confirmed_s()
        if self._stale_since_s is None or confirmed_s is None or confirmed_s <= self._stale_since_s + self._min_gap_s:
            return
        if not self.at(elapsed_s, now).is_stale:
            since, until = (now - timedelta(seconds=elapsed_s - each) for each in (self._stale_since_s, confirmed_s))
            self.gap, self._stale_since_s = Gap(since, until), None

    def at(self, elapsed_s: float, now: datetime, waited: timedelta = timedelta()) -> Freshness:
        """Return the freshness now. `waited` is the time since the start of the program.

        If the leader has stopped, the data is stale at once, since no response will come.
        """
        leader = self._leader(elapsed_s)
        if leader is None:
            return Freshness(Level.CONNECTING, waited=waited)
        health, other_failure = self._health[leader], self._other_failure(leader)
        confirmed_s = self._confirmed_s()
        if confirmed_s is None:
            level = Level.STALE if isinstance(health.failure, SourceStopped) else Level.CONNECTING
            since = health.failure_since
            return Freshness(level, None, timedelta(), health.failure, since, waited, leader, other_failure)
        basis_s, interval_s, latest_s = self._expectation(leader, confirmed_s)
        stale_s = min(basis_s + STALE_AFTER_INTERVALS * interval_s, latest_s)
        if isinstance(health.failure, SourceStopped) or elapsed_s >= stale_s:
            level = Level.STALE
        else:
            level = Level.LATE if elapsed_s >= basis_s + LATE_AFTER_INTERVALS * interval_s else Level.FRESH
        confirmed_at = now - timedelta(seconds=elapsed_s - confirmed_s)
        # A source may have failed for hours while another one worked: the outage began with the last response of any.
        since = health.failure_since and max(health.failure_since, confirmed_at)
        interval = timedelta(seconds=interval_s)
        return Freshness(level, confirmed_at, interval, health.failure, since, timedelta(), leader, other_failure)

    def _leader(self, elapsed_s: float) -> str | None:
        """Return the source that the displayed data depends on."""
        relay = self._health.get(RELAY)
        if relay is not None and not relay.is_healthy(elapsed_s):
            return RELAY
        feeds = [name for name in self._health if name in FEEDS]
        working = next((name for name in feeds if self._health[name].is_healthy(elapsed_s)), None)
        poller = next((name for name in self._health if name not in FEEDS and name != RELAY), None)
        # The data never depended on a feed that has not responded yet.
        connected = next((name for name in feeds if self._health[name].responded_s is not None), None)
        return working or poller or connected or (RELAY if relay is not None else None)

    def _other_failure(self, leader: str) -> SourceFailure | None:
        others = (health.failure for name, health in self._health.items() if name not in {leader, RELAY})
        return None if leader == RELAY else next((failure for failure in others if failure is not None), None)

    def _confirmed_s(self) -> float | None:
        """Return the time of the last response of any source; behind a relay at most the relay's own last message."""
        others = (health.responded_s for name, health in self._health.items() if name != RELAY)
        responses = [responded_s for responded_s in others if responded_s is not None]
        relay = self._health.get(RELAY)
        if relay is None or not responses:
            return max(responses, default=None)
        return None if relay.responded_s is None else min(max(responses), relay.responded_s)

    def _expectation(self, leader: str, confirmed_s: float) -> tuple[float, float, float]:
        """Return when the wait for the next response began, its interval, and when the data is stale in any case.

        If a feed was lost, the wait of the polling source begins with the loss. Its first response may be slow, so that
        the last value limits the wait.
        """
        health = self._health[leader]
        never_s = float("inf")
        lost = [other for name, other in self._health.items() if name in FEEDS and other.responded_s is not None]
        if leader == RELAY or leader in FEEDS or not lost:
            return confirmed_s, health.interval_s or self.interval_s, never_s
        feed = max(lost, key=lambda other: other.failed_s)
        if health.responded_s is not None and health.responded_s >= feed.failed_s:
            return confirmed_s, health.interval_s, never_s
        latest_s = confirmed_s + STALE_AFTER_INTERVALS * max(feed.interval_s, self.interval_s)
        return max(confirmed_s, feed.failed_s), self.interval_s, latest_s
