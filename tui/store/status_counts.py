"""Counts the runs that are queued, delayed, executing, waiting and failed, for the header.

If every live run is in the store, the store counts them. Otherwise it takes the server's last count and adds the status
changes of runs since then; it does the same for failed runs if the history was not read completely.

The server counts in a replica of its database that is 0.3 to 1.0 s behind. A status change therefore counts as newer
than the server's count if it happened after the middle of that delay. A figure can be wrong by the status changes
within these 0.7 s and by those that no source has read yet, until the next count. A failed run that leaves the period
between two counts is subtracted if it is in the store.
Source: tests/wire/recordings/README.md §3.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from sortedcontainers import SortedList

from tui.domain.filters import MAX_QUERY_PERIOD
from tui.domain.run import Run
from tui.domain.status import EXECUTING_FAMILY, FAILED, LIVE, QUEUED_FAMILY, RunStatus
from tui.domain.update import CountsRead, HistoryRead, WindowRead
from tui.lazy_dataclass import dataclass

REPLICA_DELAY: Final = timedelta(seconds=0.65)
"""The middle of 0.3 and 1.0 s."""

MAX_QUERY_TIME: Final = timedelta(seconds=30)
"""A count that arrives may be this old at most, since queries time out much earlier."""

MAX_STATUS_CHANGES: Final = 20_000
"""The maximum between two counts, 500 a second for 40 s. If there are more, the header shows the age of the count."""

MAX_UPDATED_AGE: Final = timedelta(seconds=60)
"""The header shows the age of an older count, since the status changes that no source has read add up."""

COUNTED: Final = LIVE | FAILED

_UNDATED: Final = datetime.max.replace(tzinfo=UTC)
"""Stands for an unknown creation time. Such runs are never too old."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusCounts:
    """The numbers of runs that the header shows.

    `counted_at` is the time of the server's count if the figures are not newer than that, otherwise None.
    `is_live_partial` and `is_failed_partial`: only runs in the store were counted, and there may be more.
    """

    queued: int = 0
    delayed: int = 0
    pending_version: int = 0
    executing: int = 0
    waiting: int = 0
    failed: int = 0
    counted_at: datetime | None = None
    is_live_partial: bool = False
    is_failed_partial: bool = False


class StatusChange(NamedTuple):
    """One change of a run's status, at the run's own time. None: the run did not exist, or was deleted."""

    at: datetime
    created_at: datetime
    before: RunStatus | None
    after: RunStatus | None


class StatusCounter:
    """Counts the runs of a store by status. It must be called for every changed run and every count of the server."""

    def __init__(self) -> None:
        self._created: dict[RunStatus, SortedList] = {status: SortedList() for status in COUNTED}
        self._counts: CountsRead | None = None
        self._changes: list[StatusChange] = []
        """The status changes after the last count. Before the first count: those that may be after it."""
        self._sum: Counter[RunStatus] = Counter()
        """Their sum."""
        self._has_overflowed = False

    def replace(self, before: Run | None, after: Run) -> None:
        """Replace a run. `before` None: the run is new."""
        self._move(before, after)
        if _status_of(before) is not _status_of(after):
            since = self._relevant_after(after)
            changes = [change for change in status_changes_between(before, after) if since is None or change.at > since]
            self._changes += changes
            self._add(changes)
            if len(self._changes) > MAX_STATUS_CHANGES:
                self._drop_outdated(since)

    def _drop_outdated(self, since: datetime | None) -> None:
        """Drop the status changes that no later count needs; drop all if that leaves too many."""
        self._changes = [change for change in self._changes if since is not None and change.at > since]
        if len(self._changes) > MAX_STATUS_CHANGES:
            self._changes, self._has_overflowed = [], True

    def drop(self, run: Run) -> None:
        """Remove a run that the store drops. The run still exists on the server."""
        self._move(run, None)

    def rebase(self, counts: CountsRead) -> None:
        """Continue from a new count of the server."""
        self._counts, self._has_overflowed = counts, False
        since = counts.at - REPLICA_DELAY
        self._changes = [change for change in self._changes if change.at > since]
        self._sum.clear()
        self._add(self._changes)

    def _add(self, changes: Iterable[StatusChange]) -> None:
        """Add status changes to the sum, except those of runs that are too old to be in the count."""
        oldest = None if self._counts is None else _oldest_counted(self._counts)
        for change in changes:
            if oldest is None or change.created_at < oldest:
                continue
            if change.before is not None:
                self._sum[change.before] -= 1
            if change.after is not None:
                self._sum[change.after] += 1

    def counts(
        self, now: datetime, window: WindowRead | None, history: HistoryRead | None, *, is_full: bool
    ) -> StatusCounts:
        """Return the counts now. `is_full`: the store may have dropped finished runs of the period."""
        is_unfiltered = window is not None and not window.is_filtered
        is_live_known = window is not None and is_unfiltered and window.is_live_complete
        is_history_complete = history is not None and history.is_complete and not history.is_cut
        is_failed_known = is_unfiltered and is_history_complete and not is_full
        loaded = Counter({status: len(created) for status, created in self._created.items()})
        estimate = loaded if self._counts is None else self._estimate(self._counts, now, is_unfiltered=is_unfiltered)
        live = loaded if is_live_known else estimate
        if is_failed_known and window is not None:
            failed = self._failed_since(now - window.period)
        else:
            failed = sum(estimate[status] for status in FAILED)
        has_server_counts, counted_at = self._counts is not None, None
        if self._counts is not None and not (is_live_known and is_failed_known):
            is_up_to_date = is_unfiltered and not self._has_overflowed and now - self._counts.at <= MAX_UPDATED_AGE
            counted_at = None if is_up_to_date else self._counts.at
        return StatusCounts(
            queued=live[RunStatus.QUEUED],
            delayed=live[RunStatus.DELAYED],
            pending_version=live[RunStatus.WAITING_FOR_DEPLOY],
            executing=sum(live[status] for status in EXECUTING_FAMILY),
            waiting=live[RunStatus.WAITING_TO_RESUME],
            failed=failed,
            counted_at=counted_at,
            is_live_partial=not (has_server_counts or is_live_known),
            is_failed_partial=not (has_server_counts or is_failed_known),
        )

    def _estimate(self, counts: CountsRead, now: datetime, *, is_unfiltered: bool) -> Counter[RunStatus]:
        """Return the server's count, updated as far as possible."""
        if is_unfiltered and not self._has_overflowed:
            return self._updated(counts, now)
        return self._with_older(counts, is_unfiltered=is_unfiltered)

    def _updated(self, counts: CountsRead, now: datetime) -> Counter[RunStatus]:
        """Return the server's count plus the status changes since.

        Live runs that were too old for the count are added; failed runs that are too old by now are subtracted.
        """
        oldest = _oldest_counted(counts)
        total = Counter({status: counts.counts.get(status, 0) + self._sum[status] for status in COUNTED})
        for status in LIVE:
            total[status] += self._created[status].bisect_left(oldest)
        for status in FAILED:
            created = self._created[status]
            total[status] -= created.bisect_left(oldest + (now - counts.at)) - created.bisect_left(oldest)
        return Counter({status: max(0, count) for status, count in total.items()})

    def _with_older(self, counts: CountsRead, *, is_unfiltered: bool) -> Counter[RunStatus]:
        """Return the server's count plus the live runs that were too old for it.

        If the lists are filtered, the count includes live runs as far back as a query can reach.
        """
        oldest = _oldest_counted(counts) if is_unfiltered else counts.at - MAX_QUERY_PERIOD
        older = Counter({status: self._created[status].bisect_left(oldest) for status in LIVE})
        return Counter(counts.counts) + older

    def _failed_since(self, since: datetime) -> int:
        lists = (self._created[status] for status in FAILED)
        return sum(len(created) - created.bisect_left(since) for created in lists)

    def _relevant_after(self, run: Run) -> datetime | None:
        """Return the time after which a status change of the run matters for this count or the next one."""
        if self._counts is not None:
            return self._counts.at - REPLICA_DELAY
        return None if run.read_at is None else run.read_at - MAX_QUERY_TIME

    def _move(self, before: Run | None, after: Run | None) -> None:
        old, new = _list_entry(before), _list_entry(after)
        if old == new:
            return
        if old is not None:
            self._created[old[0]].remove(old[1])
        if new is not None:
            self._created[new[0]].add(new[1])


def _oldest_counted(counts: CountsRead) -> datetime:
    """Return the creation time of the oldest runs that a count includes."""
    return counts.at - timedelta(hours=counts.period_h)


def status_changes_between(before: Run | None, after: Run) -> Iterator[StatusChange]:
    """Yield the status changes of a run between two reads, including those that only its times show."""
    old, new = _status_of(before), _status_of(after)
    state = after.state
    if old is new or state is None:
        return
    created_at = after.created_at or _UNDATED
    if new is None:
        yield StatusChange(after.gone_at or state.updated_at, created_at, old, None)
        return
    if old is None:
        old = new if new in QUEUED_FAMILY else RunStatus.QUEUED
        yield StatusChange(after.existed_at or state.updated_at, created_at, None, old)
    at = state.updated_at
    if new.is_final and state.finished_at is not None:
        # A tag may change a run after its end: its last status change is the end.
        at = min(at, state.finished_at)
    # A run that is queued again for a retry has started long before.
    has_started = before is not None and before.state is not None and before.state.started_at is not None
    started_at = None if has_started else state.started_at
    if old in QUEUED_FAMILY and new not in QUEUED_FAMILY and started_at is not None and started_at < at:
        yield StatusChange(started_at, created_at, old, RunStatus.EXECUTING)
        old = RunStatus.EXECUTING
    if old is not new:
        yield StatusChange(at, created_at, old, new)


def _status_of(run: Run | None) -> RunStatus | None:
    return None if run is None or run.state is None or run.is_gone else run.status


def _list_entry(run: Run | None) -> tuple[RunStatus, datetime] | None:
    status = _status_of(run)
    if run is None or status is None or status not in COUNTED:
        return None
    return status, run.created_at or _UNDATED
