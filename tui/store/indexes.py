"""The runs of the store by their indexes, the counts by status, and which runs it drops when it is full."""

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple, TypeVar, cast

from sortedcontainers import SortedList

from tui.domain.filters import MAX_QUERY_PERIOD
from tui.domain.run import EXECUTING_FAMILY, FAILED, LIVE, QUEUED_FAMILY, Fixed, Json, Run, RunId, RunStatus, TaskId
from tui.domain.update import CountsRead, HistoryRead, WindowRead
from tui.lazy_dataclass import dataclass
from tui.store.changes import EPOCH, Key, KeyedRun, SortKey, add_to, key_after, key_before, newest_first

# The runs of the store and their indexes: live and failed runs by status, all by parent and creation time.


K = TypeVar("K", bound=Hashable)

INDEXED: Final = LIVE | FAILED
"""The statuses by which runs are found or counted. Nothing asks for others, which most runs have: 40 bytes each."""

_EMPTY = Fixed()


class RunIndex:
    """The runs of the store by id, status, parent and creation time. `_index` must be called for each changed run.

    The sets and mappings that it returns are live views: they change with the next update. Copy them to keep them.
    """

    def __init__(self) -> None:
        self._runs: dict[RunId, Run] = {}
        self._by_status: dict[RunStatus, set[RunId]] = {}
        """Live and failed runs, those of `INDEXED`."""
        self._by_parent: dict[RunId, set[RunId]] = {}
        """The only way to find a run without a state."""
        self._task_counts = Counter[TaskId]()
        """The number of runs of each task: a set of their ids would take 50 bytes a run."""
        self._live: set[RunId] = set()
        self._created = SortedList()

        self.get: Callable[[RunId], Run | None] = self._runs.get
        """Return a run, or None if the store does not have it. Not a method: a filter calls this for every run."""

    def _index(self, before: KeyedRun | None, after: KeyedRun | None) -> None:
        """Replace a run in all indexes. `before` None: the run is new. `after` None: it is removed."""
        keyed = after or before
        if keyed is None:
            return
        run_id = keyed.run.id
        old, new = status_of(before and before.run), status_of(after and after.run)
        if old is not new:
            _move(self._by_status, run_id, _indexed(old), _indexed(new))
            if new is None or new.is_final:
                self._live.discard(run_id)
            else:
                self._live.add(run_id)
        was, now = before.run.fixed if before else _EMPTY, after.run.fixed if after else _EMPTY
        if was is not now:
            if now.task is not None:
                add_to(self._task_counts, now.task, 1)
            if was.task is not None:
                add_to(self._task_counts, was.task, -1)
            _move(self._by_parent, run_id, was.parent_id, now.parent_id)
        move_key(self._created, _key(before), _key(after))

    def __len__(self) -> int:
        return len(self._runs)

    def __contains__(self, run_id: object) -> bool:
        return run_id in self._runs

    def runs(self) -> Iterator[Run]:
        """Iterate over all runs in no particular order, including runs that are known only by id."""
        return iter(self._runs.values())

    def snapshot(self) -> Mapping[RunId, Run]:
        """Return a copy of all runs that later updates do not change."""
        return dict(self._runs)

    def with_status(self, status: RunStatus) -> AbstractSet[RunId]:
        """Return the runs in a status. A run that the server has deleted has none.

        Runs that are neither live nor failed are searched among all: this takes milliseconds, and is no live view.
        """
        if status in INDEXED:
            return self._by_status.get(status, frozenset())
        return {run.id for run in self._runs.values() if status_of(run) is status}

    def with_statuses(self, statuses: Iterable[RunStatus]) -> Iterator[Run]:
        """Iterate over the runs in some statuses, in no particular order."""
        return (self._runs[run_id] for status in statuses for run_id in self.with_status(status))

    def task_count(self, task: TaskId) -> int:
        """Return the number of known runs of a task."""
        return self._task_counts[task]

    def live(self) -> AbstractSet[RunId]:
        """Return the runs that may still change: those with a state that are neither final nor deleted."""
        return self._live

    def children_of(self, run_id: RunId) -> tuple[Run, ...]:
        """Return the known direct children of a run, oldest first."""
        children = (self._runs[child] for child in self._by_parent.get(run_id, ()))
        return tuple(sorted(children, key=lambda run: (run.created_at or EPOCH, run.id)))

    def created_rank(self, run_id: RunId) -> int:
        """Return the index of a run among all runs with a state, newest first. Raises `KeyError` if it is unknown."""
        return int(self._created.bisect_left(newest_first(self._runs[run_id])))

    def created_between(self, start: datetime, end: datetime) -> list[RunId]:
        """Return the runs with a state created from `start` to `end`, both included, newest first."""
        return [key[1] for key in self._created.irange(key_before(end), key_after(start))]

    def newest_first_keys(self) -> list[Key]:
        """Return the sort keys of all runs with a state, newest first."""
        return list(self._created)

    def shared_key(self, key: Key) -> Key:
        """Return the equal key that the indexes keep. So the views of a live run share one key, which saves memory."""
        index = self._created.bisect_left(key)
        found: Key = self._created[index] if index < len(self._created) else key
        return found if found == key else key

    def newest(self) -> Run | None:
        """Return the newest run with a state."""
        return self._runs[self._created[0][1]] if self._created else None

    def newest_existing(self) -> Run | None:
        """Return the newest run that is not from the future: a scheduled run may be older than its due time."""
        runs = (self._runs[run_id] for _, run_id in self._created)
        return next((run for run in runs if run.existed_at == run.created_at), None)

    def oldest(self) -> Run | None:
        """Return the oldest run with a state."""
        return self._runs[self._created[-1][1]] if self._created else None


def status_of(run: Run | None) -> RunStatus | None:
    """Return the status under which a run is indexed; None if it has no state, or if the server has deleted it."""
    return None if run is None or run.state is None or run.is_gone else run.status


def _indexed(status: RunStatus | None) -> RunStatus | None:
    return status if status in INDEXED else None


def _key(keyed: KeyedRun | None) -> Key | None:
    return None if keyed is None or keyed.run.state is None else keyed.key


def _move(index: dict[K, set[RunId]], run_id: RunId, old: K | None, new: K | None) -> None:
    if old == new:
        return
    if old is not None:
        index[old].remove(run_id)
        if not index[old]:
            del index[old]
    if new is not None:
        index.setdefault(new, set()).add(run_id)


def move_key(keys: SortedList, old: SortKey | None, new: SortKey | None) -> None:
    """Replace a key in a sorted list. `old` None: it is added. `new` None: it is removed."""
    if old != new:
        if old is not None:
            keys.remove(old)
        if new is not None:
            keys.add(new)


# Decides which runs the store drops when it is full, and which runs lose their large facets, such as the payload.
#
# The store asks for the next run and drops it.


VALUE_BYTES: Final = 100
"""The memory of a value of decoded JSON, without its text."""

ATTEMPT_BYTES: Final = 2_000
"""The memory of an attempt with its error and its stack."""


class Retention:
    """Chooses the runs to drop, and the runs to strip of their large facets.

    * Runs that are final, deleted, or known only by id may be dropped, in the order of their creation. Live and pinned
      runs are never dropped.
    * Payloads, outputs and attempt histories are kept for pinned runs and for the other runs whose large facets were
      read last: at most `max_bodies` runs, and fewer where these take more than some `max_body_bytes`.
    """

    def __init__(self, max_bodies: int, max_body_bytes: int) -> None:
        self._max_bodies = max_bodies
        self._max_body_bytes = max_body_bytes
        self._pins: Counter[RunId] = Counter()
        self._droppable = SortedList()
        self._detailed: dict[RunId, int] = {}
        """The size of the large facets of each run in bytes, the run that was read last at the end."""
        self._body_bytes = 0

    def replace(self, before: KeyedRun | None, after: KeyedRun | None) -> None:
        """Update the entry of a run. `before` None: the run is new. `after` None: it is removed."""
        keyed = after or before
        if keyed is None or keyed.run.id in self._pins:
            return
        move_key(self._droppable, _kept_key(before), _kept_key(after))
        if after is None:
            self._forget_detail(keyed.run.id)

    def next_to_drop(self) -> RunId | None:
        """Return the run to drop next, or None if no run may be dropped."""
        return cast("Key", self._droppable[-1])[1] if self._droppable else None

    def record_detail(self, run: Run) -> None:
        """Record that the payload, the output or the attempts of a run were read."""
        if run.id not in self._pins:
            self._forget_detail(run.id)
            self._detailed[run.id] = size_bytes = _size_bytes(run, self._max_body_bytes)
            self._body_bytes += size_bytes

    def pop_next_to_strip(self, is_found: Callable[[RunId], bool]) -> RunId | None:
        """Remove and return the run to strip of its large facets next, or None if no run has to be stripped.

        It is one that the search has not found, if there is any. If one run takes more than the maximum for all runs,
        only its facets are kept.
        """
        count = len(self._detailed)
        if count <= self._max_bodies and (count <= 1 or self._body_bytes <= self._max_body_bytes):
            return None
        for _ in range(count):
            run_id = next(iter(self._detailed))
            if not is_found(run_id):
                break
            self._detailed[run_id] = self._detailed.pop(run_id)  # read last, from now on
        run_id = next(iter(self._detailed))
        self._forget_detail(run_id)
        return run_id

    def _forget_detail(self, run_id: RunId) -> None:
        self._body_bytes -= self._detailed.pop(run_id, 0)

    def pin(self, run_id: RunId, keyed: KeyedRun | None) -> None:
        """Keep a run and all its facets until each `pin` is undone. `keyed` is the store's run, None if it has none."""
        self.replace(keyed, None)
        self._pins[run_id] += 1

    def unpin(self, run_id: RunId, keyed: KeyedRun | None) -> None:
        """Undo one `pin`. Does nothing if the run is not pinned."""
        if self._pins[run_id] > 1:
            self._pins[run_id] -= 1
        elif self._pins.pop(run_id, 0):
            self.replace(None, keyed)
            if keyed is not None and has_large_facets(keyed.run):
                self.record_detail(keyed.run)


def has_large_facets(run: Run) -> bool:
    """Return whether a run has a facet that is kept only for a few runs."""
    return run.body is not None or run.attempts is not None


def _size_bytes(run: Run, max_bytes: int) -> int:
    """Estimate the memory of the large facets of a run. Stop a little above `max_bytes`, since a key may be waiting."""
    body = None if run.body is None else run.body[1]
    found = 0 if run.attempts is None else ATTEMPT_BYTES * len(run.attempts[1].attempts)
    values: list[Json] = [] if body is None else [body.payload, body.output]
    while values and found <= max_bytes:
        value = values.pop()
        found += VALUE_BYTES
        if isinstance(value, str):
            found += len(value)
        elif isinstance(value, dict):
            values.extend(value.values())
        elif isinstance(value, list):
            values.extend(value)
    return found


def _kept_key(keyed: KeyedRun | None) -> Key | None:
    if keyed is None:
        return None
    run = keyed.run
    return keyed.key if run.state is None or run.is_final or run.is_gone else None


# Counts the runs that are queued, delayed, executing, waiting and failed, for the header.
#
# If every live run is in the store, the store counts them. Otherwise it takes the server's last count and adds the
# status changes of runs since then; it does the same for failed runs if the history was not read completely.
#
# The server counts in a replica of its database that is 0.3 to 1.0 s behind. A status change therefore counts as newer
# than the server's count if it happened after the middle of that delay. A figure can be wrong by the status changes
# within these 0.7 s and by those that no source has read yet, until the next count. A failed run that leaves the period
# between two counts is subtracted if it is in the store.
# Source: tests/wire/recordings/README.md §3.


REPLICA_DELAY: Final = timedelta(seconds=0.65)
"""The middle of 0.3 and 1.0 s."""

MAX_QUERY_TIME: Final = timedelta(seconds=30)
"""A count is at most this old when it arrives, since queries time out much earlier."""

MAX_STATUS_CHANGES: Final = 20_000
"""The most status changes that are kept between two counts: 500 a second for 40 s. With more, the header shows the age
of the count.
"""

MAX_UPDATED_AGE: Final = timedelta(seconds=60)
"""The header shows the age of an older count, since the status changes that no source has read add up."""

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

    @property
    def all_queued(self) -> int:
        """The number after Q: delayed runs and those that wait for a version are queued, too."""
        return self.queued + self.delayed + self.pending_version


class StatusChange(NamedTuple):
    """One change of a run's status, at the run's own time. None: the run did not exist, or was deleted."""

    at: datetime
    created_at: datetime
    before: RunStatus | None
    after: RunStatus | None


class StatusCounter:
    """Counts the runs of a store by status. It must be called for every changed run and every count of the server."""

    def __init__(self) -> None:
        self._created: dict[RunStatus, SortedList] = {status: SortedList() for status in INDEXED}
        self._counts: CountsRead | None = None
        self._changes: list[StatusChange] = []
        """The status changes after the last count. Before the first count: those that may be after it."""
        self._sum: Counter[RunStatus] = Counter()
        """The sum of these changes."""
        self._has_overflowed = False

    def replace(self, before: Run | None, after: Run) -> None:
        """Replace a run. `before` None: the run is new."""
        self._move(before, after)
        if status_of(before) is not status_of(after):
            since = self._relevant_after(after)
            changes = [change for change in status_changes_between(before, after) if since is None or change.at > since]
            self._changes += changes
            self._add(changes)
            if len(self._changes) > MAX_STATUS_CHANGES:
                # Drop those that no later count needs; drop all if that leaves too many.
                self._changes = [change for change in self._changes if since is not None and change.at > since]
                if len(self._changes) > MAX_STATUS_CHANGES:
                    self._changes, self._has_overflowed = [], True

    def drop(self, run: Run) -> None:
        """Remove a run that the store drops. The run still exists on the server."""
        self._move(run, None)

    def rebase(self, counts: CountsRead) -> None:
        """Continue from a new count of the server."""
        self._counts, self._has_overflowed = counts, False
        self._changes = [change for change in self._changes if change.at > counts.at - REPLICA_DELAY]
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
            lists = (self._created[status] for status in FAILED)
            failed = sum(len(created) - created.bisect_left(now - window.period) for created in lists)
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
        """Return the server's count, updated as far as possible, plus the live runs that were too old for it.

        Later status changes are added to it, and failed runs that are too old by now are subtracted. If the lists are
        filtered, the count includes live runs as far back as a query can reach.
        """
        oldest = _oldest_counted(counts) if is_unfiltered else counts.at - MAX_QUERY_PERIOD
        if not is_unfiltered or self._has_overflowed:
            older = {status: self._created[status].bisect_left(oldest) for status in LIVE}
            return Counter(counts.counts) + Counter(older)
        total = Counter({status: counts.counts.get(status, 0) + self._sum[status] for status in INDEXED})
        for status in LIVE:
            total[status] += self._created[status].bisect_left(oldest)
        for status in FAILED:
            created = self._created[status]
            total[status] -= created.bisect_left(oldest + (now - counts.at)) - created.bisect_left(oldest)
        return Counter({status: max(0, count) for status, count in total.items()})

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
    old, new = status_of(before), status_of(after)
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
        # A new tag may change a run after its end, so the time of its end counts as the last status change.
        at = min(at, state.finished_at)
    # A run that is queued again for a retry started earlier.
    has_started = before is not None and before.state is not None and before.state.started_at is not None
    started_at = None if has_started else state.started_at
    if old in QUEUED_FAMILY and new not in QUEUED_FAMILY and started_at is not None and started_at < at:
        yield StatusChange(started_at, created_at, old, RunStatus.EXECUTING)
        old = RunStatus.EXECUTING
    if old is not new:
        yield StatusChange(at, created_at, old, new)


def _list_entry(run: Run | None) -> tuple[RunStatus, datetime] | None:
    status = status_of(run)
    return None if run is None or status not in INDEXED else (status, run.created_at or _UNDATED)
