"""How old the shown data is, on which source it depends, which runs an outage hid, and the header's recent activity."""

from collections.abc import Callable
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final, NamedTuple, assert_never

from tui.domain.run import FAILED, FEEDS, RELAY, RUN, RUN_FEED, RunId
from tui.domain.update import SourceConnected, SourceRetrying, SourceStopped
from tui.lazy_dataclass import dataclass
from tui.store.changes import EPOCH, Changes, Topic

if TYPE_CHECKING:
    from tui.store.store import SourceStatus, Store


# Counts the runs created in each of the last minutes, and how many of them failed, for the header's sparkline.


MINUTE_COUNT: Final = 16
MAX_RUNS_PER_CALL: Final = 5_000
"""Counting this many runs takes about 2 ms, so that it never delays a key press."""

_MINUTE: Final = timedelta(minutes=1)


class Minute(NamedTuple):
    """The number of runs that were created in one minute, and how many of them failed."""

    run_count: int
    failed_count: int


NO_RUNS: Final = Minute(0, 0)


class Activity:
    """Counts the runs of the last `MINUTE_COUNT` whole minutes. `on_changes` must receive every change of the store."""

    def __init__(self, store: "Store") -> None:
        self._store = store
        self._counted: dict[int, Minute] = {}
        self._outdated: set[int] = set()

    def on_changes(self, changes: Changes) -> None:
        """Mark the minutes in which the changed runs were created. `minutes` counts them again."""
        for run_id in (*changes.added, *changes.changed):
            run = self._store.get(run_id)
            if run is not None and run.created_at is not None:
                self._outdated.add(_minute_number(run.created_at))

    def minutes(self, now: datetime) -> tuple[Minute, ...]:
        """Return the last `MINUTE_COUNT` whole minutes, oldest first.

        One call counts the newest minutes first and stops after about `MAX_RUNS_PER_CALL` runs. The other minutes keep
        their previous counts until a later call.
        """
        last = _minute_number(now) - 1
        shown = range(last - MINUTE_COUNT + 1, last + 1)
        self._counted = {number: self._counted[number] for number in shown if number in self._counted}
        self._outdated = {number for number in self._outdated if number >= shown.start}
        runs_left = MAX_RUNS_PER_CALL
        for number in reversed(shown):
            if number in self._counted and number not in self._outdated:
                continue
            if runs_left <= 0:
                break
            self._counted[number] = self._count(number)
            self._outdated.discard(number)
            runs_left -= self._counted[number].run_count
        return tuple(self._counted.get(number, NO_RUNS) for number in shown)

    def _count(self, number: int) -> Minute:
        start = EPOCH + number * _MINUTE
        run_ids = self._store.created_between(start, start + _MINUTE - timedelta.resolution)
        failed = [self._store.with_status(status) for status in FAILED]
        return Minute(len(run_ids), sum(run_id in runs for runs in failed for run_id in run_ids))


def _minute_number(at: datetime) -> int:
    """Return the number of whole minutes from the epoch to `at`."""
    return (at - EPOCH) // _MINUTE


# Counts the runs that changed during an outage, when the program could not see the changes.


MAX_CATCH_UP: Final = timedelta(minutes=2)
"""If no source has reported `CaughtUp` this long after the outage, the count may stay incomplete."""

_RUNS_PER_TIME_CHECK: Final = 64


@dataclass(frozen=True, slots=True)
class Gap:
    """A period without responses from the server that was long enough to make the data stale."""

    since: datetime
    until: datetime


class Completeness(StrEnum):
    """Whether a count of missed runs is complete.

    SO_FAR: the sources are still reading. AT_LEAST: no source has reported that it has read all changes. ALL: complete.
    """

    SO_FAR = "so far"
    AT_LEAST = "at least"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class MissedRuns:
    """The number of runs that were created, started, changed or ended in a gap, and how many of them failed in it."""

    run_count: int
    failed_count: int
    completeness: Completeness = Completeness.ALL


class MissedRunCounter:
    """Counts the runs that changed during one gap.

    It is created when the gap ends. `on_changes` must receive every change of the store from then on; `count_more` goes
    through the runs that the store already had, a slice at a time. A run that counts once keeps counting, even if it
    changes again after the gap. Once a source has caught up and all runs were checked, the result is final.
    """

    def __init__(self, store: "Store", gap: Gap) -> None:
        self.gap = gap
        self._store = store
        self._unchecked = [run.id for run in store.runs()]
        self._changed: set[RunId] = set()
        self._failed: set[RunId] = set()
        self._result: MissedRuns | None = None

    def on_changes(self, changes: Changes) -> None:
        """Count the changed runs that changed during the gap. Does nothing once the result is final."""
        if self._result is not None:
            return
        for run_id in (*changes.added, *changes.changed):
            self._count(run_id)
        if Topic.SOURCES in changes.topics:
            self._finish_if_complete()

    def count_more(self, is_time_up: Callable[[], bool]) -> bool:
        """Check more of the runs that the store had at the start, until the time is up. Return whether all are."""
        unchecked = self._unchecked
        while unchecked:
            for _ in range(min(_RUNS_PER_TIME_CHECK, len(unchecked))):
                self._count(unchecked.pop())
            if unchecked and is_time_up():
                return False
        self._finish_if_complete()
        return True

    def missed(self, now: datetime) -> MissedRuns:
        """Return the count at this moment."""
        if self._result is not None:
            return self._result
        completeness = Completeness.SO_FAR if now - self.gap.until < MAX_CATCH_UP else Completeness.AT_LEAST
        return MissedRuns(len(self._changed), len(self._failed), completeness)

    def _finish_if_complete(self) -> None:
        caught_up = self._store.caught_up
        if caught_up is not None and caught_up >= self.gap.until and not self._unchecked:
            self._result = MissedRuns(len(self._changed), len(self._failed))
            self._changed, self._failed = set(), set()

    def _count(self, run_id: RunId) -> None:
        run = self._store.get(run_id)
        if run is None or run.state is None:
            return
        state = run.state
        ended_at = state.finished_at or state.expired_at
        if any(map(self._is_within, (state.updated_at, ended_at, state.started_at, run.existed_at))):
            self._changed.add(run_id)
            if run.status.is_failed and self._is_within(ended_at or state.updated_at):
                self._failed.add(run_id)

    def _is_within(self, at: datetime | None) -> bool:
        return at is not None and self.gap.since < at <= self.gap.until


# How old the displayed data is: fresh, late or stale, and which source it depends on.
#
# `FreshnessTracker` observes the statuses of the sources. It measures in seconds of a monotonic clock, so that a change
# of the wall clock makes no data older or younger.


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
        others = (each.failure for name, each in self._health.items() if name not in {leader, RELAY})
        other_failure = None if leader == RELAY else next((each for each in others if each is not None), None)
        health = self._health[leader]
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
