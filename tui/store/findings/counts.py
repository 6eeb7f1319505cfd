"""Counts how runs started and ended, by task and cell of time: from the store's runs, and from the server's query."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from types import MappingProxyType
from typing import Final, NamedTuple
from weakref import WeakKeyDictionary

from sortedcontainers import SortedList

from tui.domain.facts import MinutesRead, TaskMinute
from tui.domain.run import EXECUTING_FAMILY, FAILED, Run, RunId, RunStatus, TaskId
from tui.domain.text import Raw
from tui.domain.update import HistoryRead
from tui.store.changes import EPOCH, Changes, Key, add_to
from tui.store.store import Store

# `CountedRun`: the values of a run that our own counts need. They depend only on the run.


MINUTE_S: Final = 60
MIN_DURATION_S: Final = 0.001
SCHEDULED: Final = "SCHEDULED"


class Outcome(NamedTuple):
    """How a run ended. `message` is the message of its error, None if it is not known."""

    ended_s: float
    run_id: RunId
    is_failed: bool
    version: Raw | None
    message: Raw | None


class CountedRun(NamedTuple):
    """The minutes since the epoch in which a run was created, started and ended, each None if it was not.

    * `outcome`: None while the run is live, and if it was canceled or expired.
    * `took_s`: how long a run that completed took.
    * `queued_s`: since when it waits in its queue. A run that waits for a retry is not in its queue.
    * `is_executing`: it has started and holds a place in its queue.
    """

    run_id: RunId
    task: TaskId
    created: int | None
    started: int | None
    ended: int | None
    outcome: Outcome | None
    took_s: float | None
    queued_s: float | None
    is_executing: bool
    scheduled_s: float | None


def counted(run: Run | None) -> CountedRun | None:
    """Return the values of a run that are counted; None if too little is known of it."""
    if run is None or run.state is None or run.is_gone:
        return None
    state, fixed, status = run.state, run.fixed, run.status
    if fixed.task is None:
        return None
    created_s, existed_s = _seconds(run.created_at), _seconds(run.existed_at)
    started_s = _seconds(state.started_at)
    ended_s = outcome = took_s = queued_s = None
    if status.is_final:
        ended_s = (ended_at(run) or state.updated_at).timestamp()
        is_failed = status in FAILED
        if is_failed or status is RunStatus.COMPLETED_SUCCESSFULLY:
            message = None if run.error_value is None else run.error_value.message
            outcome = Outcome(ended_s, run.id, is_failed, fixed.version, message)
            took_s = None if is_failed or started_s is None else max(ended_s - started_s, MIN_DURATION_S)
    elif status is RunStatus.QUEUED and not run.attempt_count and started_s is None:
        queued_s = max(created_s or 0.0, _seconds(state.delayed_until) or 0.0) or None
    created, started, ended = _minute(existed_s), _minute(started_s), _minute(ended_s)
    is_executing, scheduled_s = status in EXECUTING_FAMILY, created_s if fixed.task_kind == SCHEDULED else None
    return CountedRun(run.id, fixed.task, created, started, ended, outcome, took_s, queued_s, is_executing, scheduled_s)


def ended_at(run: Run) -> datetime | None:
    """Return when a run ended, None where its state is not known."""
    state = run.state
    return None if state is None else state.finished_at or state.expired_at or state.updated_at


def _seconds(at: datetime | None) -> float | None:
    return None if at is None else at.timestamp()


def _minute(seconds: float | None) -> int | None:
    return None if seconds is None else int(seconds // MINUTE_S)


# How many runs of a task ended within a time, in one integer.
#
# A task has counts for each minute, some 100,000 in all. While the garbage collector visits objects, a pressed key
# waits. It skips integers and dicts that have only integers, so counts are packed into integers. Their sum is right
# without unpacking.


Cells = Sequence[int | None]
"""One number a cell of time, oldest first, None where it is not known."""


_BITS: Final = 32
_MASK: Final = (1 << _BITS) - 1
MAX_COUNT: Final = 1 << 25
"""The greatest value of each count, so that the sum of 100 counts fits into its bits. A store has fewer runs, but a bad
server may send any number.
"""

PackedEnds = int
EndsByTask = dict[TaskId, PackedEnds]
Parts = Sequence[Mapping[TaskId, PackedEnds]]
"""The ends within the parts of a time."""


class Ends(NamedTuple):
    """`done` and `failed` are among the ended ones; the rest was canceled or expired."""

    done: int
    failed: int
    ended: int


def packed(done: int, failed: int, ended: int) -> PackedEnds:
    """Return counts as one integer. The sum of such integers has the sums of their counts."""
    # `done` has the lowest bits. In most minutes nothing failed, so the integer is small, and Python shares small ones.
    counts = (done, failed, ended - done - failed)
    return sum(max(0, min(count, MAX_COUNT)) << turn * _BITS for turn, count in enumerate(counts))


def unpacked(ends: PackedEnds) -> Ends:
    """Return the counts of an integer, or of a sum of them."""
    done, failed = ends & _MASK, ends >> _BITS & _MASK
    return Ends(done, failed, done + failed + (ends >> 2 * _BITS))


def failed_count(ends: PackedEnds) -> int:
    """Return how many runs failed."""
    return ends >> _BITS & _MASK


def outcome_count(ends: PackedEnds) -> int:
    """Return how many runs were done or failed."""
    return (ends & _MASK) + (ends >> _BITS & _MASK)


def done_and_failed(cells: Sequence[Parts | None], tasks: Iterable[TaskId]) -> Mapping[TaskId, tuple[Cells, Cells]]:
    """Return how many runs of some tasks were done and failed in each cell, None if a cell is unknown."""
    blank = [None if parts is None else 0 for parts in cells]
    found = {task: (blank.copy(), blank.copy()) for task in tasks}
    # In most cells only a few of the tasks have an ended run, and only these take time.
    for cell, parts in enumerate(cells):
        for part in parts or ():
            for task in part.keys() & found.keys():
                done, failed = found[task]
                done[cell] = (done[cell] or 0) + (part[task] & _MASK)
                failed[cell] = (failed[cell] or 0) + (part[task] >> _BITS & _MASK)
    return found


def packed_end(outcome: Outcome | None) -> PackedEnds:
    """Return the end of one run. Without an outcome, the run was canceled or expired."""
    return packed(0, 0, 1) if outcome is None else packed(not outcome.is_failed, outcome.is_failed, 1)


# Sums over runs, by task and minute. Runs can be added and removed in any order.


class Sums(NamedTuple):
    """How many runs were triggered, started and ended. `ended` includes `done`, `failed`, and `unstarted`, the runs
    that ended without a start.
    """

    triggered: int = 0
    started: int = 0
    done: int = 0
    failed: int = 0
    ended: int = 0
    unstarted: int = 0


NO_SUMS: Final = Sums()


class TaskTally:
    """The live runs of a task, its durations in the last hour, and its versions."""

    __slots__ = ("durations", "executing", "failures", "queued", "versions")

    def __init__(self) -> None:
        self.queued = SortedList()
        """When each waiting run was queued, in seconds, and its id."""
        self.executing = 0
        self.failures = SortedList()
        """The outcomes of failed runs of all kept minutes, oldest first."""
        self.durations = SortedList()
        """How many seconds the runs took that completed in the last hour."""
        self.versions: Counter[Raw | None] = Counter()
        """The ended runs of all kept minutes, by version."""

    @property
    def is_empty(self) -> bool:
        """Whether the task has no run that counts."""
        return not (self.queued or self.executing or self.durations or self.versions)

    @property
    def p95(self) -> timedelta | None:
        """The 95th percentile of the durations, None without runs."""
        return timedelta(seconds=self.durations[-1 - len(self.durations) // 20]) if self.durations else None


# `OwnCounts`: how the runs of the store started and ended, for each task and minute.
#
# The counts are a function of the runs that the store has: the order in which these arrived makes no difference.
# Nothing is counted before an `OwnCounts` is created, and `step` counts in slices.


KEPT_MINUTES: Final = 20 * 60 + 20
"""The longest span of the wall: 60 cells of 20 minutes."""

RECENT_MINUTES: Final = 15
"""For this many minutes, each end is kept by its second, for the counts of the last 60 s."""

HOUR_MINUTES: Final = 60
"""The 95th percentile of a task is made from the runs of this time."""

CONFIRMING_MINUTES: Final = 2
"""A run that ended this recently is usually still in a list that is polled, so the server may still confirm it."""

MAX_TASKS: Final = 1_000
"""At most this many tasks are shown and judged."""

MAX_ORDERED_MINUTES: Final = 1_000
"""For at most this many minutes of tasks, the outcomes are kept in their order. Only tasks that may fail need them."""

MAX_BACKWARD_MINUTES: Final = 2
"""The estimate of the server's time may go back by less than this."""

LAST_MINUTE: Final = 10**9


RUNS_PER_STEP: Final = 200
"""Counting these takes at most 4 ms."""


def minute_of(at: datetime) -> int:
    """Return the number of whole minutes since the epoch."""
    return int(at.timestamp() // MINUTE_S)


def time_of(minute: int) -> datetime:
    """Return the begin of a minute."""
    return datetime.fromtimestamp(minute * MINUTE_S, UTC)


class OwnCounts:
    """The runs of the store by task and minute. `on_changes` must receive every change of the store.

    `step` brings the counts up to date. Until it returns False, they lack what has changed since. A minute is counted
    for each task that had a run in it, so that all cells together are at most three times the store's runs.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._filtered_history: HistoryRead | None = None
        """The history that was read with filters, the last time that they were active."""
        self._filtered_until = time_of(0)
        self._restart()

    def _restart(self) -> None:
        """Count everything again."""
        self.pending: set[RunId] = set()
        """The runs that have changed and are not counted again."""
        self._runs: dict[RunId, Run] = {}
        """Each run as it was counted."""
        self._ended: dict[int, list[RunId]] = {}
        """The runs that ended in a minute."""
        self._last_minute: int | None = None
        self._initial: list[Key] | None = None
        self._last_complete: tuple[datetime, datetime] | None = None
        """The longest span of time, up to the last step that allowed it, of which all ends are counted."""
        self._outcomes: dict[tuple[TaskId, int], list[Outcome]] = {}
        """The outcomes that `outcomes` has returned, until they change."""
        self.first_minute = self._recent_first = self._hour_first = 0
        """The oldest minutes of which counts, ends and durations are kept."""
        self._ends: dict[int, EndsByTask] = {}
        self._totals: Counter[tuple[int, str]] = Counter()
        """The `Sums` of all tasks by minute and name."""
        self._seconds: Counter[tuple[int, bool]] = Counter()
        """The recent ends by second and by whether the run failed."""
        self.tasks: dict[TaskId, TaskTally] = {}
        """The tasks that have runs."""
        self.scheduled_s: dict[TaskId, float] = {}
        """When the newest run of a task that a schedule started was created."""
        self.last_started: datetime | None = None
        """The latest start of any run."""

    def on_changes(self, changes: Changes) -> None:
        """Record which runs changed. The next steps count them."""
        self.pending.update(changes.added, changes.changed, changes.removed)

    def step(self, now: datetime) -> bool:
        """Count at most `RUNS_PER_STEP` runs, the newest first. Return whether there are more."""
        has_more = self._count_some(now)
        if not has_more:
            self._note_coverage(now)
        return has_more

    def _count_some(self, now: datetime) -> bool:
        if not self._advance(minute_of(now)):
            return True
        if self._initial is None:
            self._initial = list(self._store.newest_first_keys())
            self._initial.reverse()
        for _ in range(RUNS_PER_STEP):
            if self._initial:
                _, run_id = self._initial.pop()
            elif self.pending:
                run_id = self.pending.pop()
            else:
                return False
            self._recount(run_id)
        return bool(self._initial or self.pending)

    def settle(self, now: datetime) -> None:
        """Count everything at once."""
        while self.step(now):
            pass

    @property
    def counted_since(self) -> datetime | None:
        """From this time on, no run that ended is missing. None: runs may be missing at any time.

        The store may have dropped the oldest runs. A run that was created before, and ended since, is missing if no
        list had it while it was live. With server filters, only the runs that the lists have are counted.
        """
        return None if self.is_filtered else self.listed_since

    @property
    def listed_since(self) -> datetime | None:
        """Like `counted_since`, but only for runs that match the server filters."""
        history = self._store.history
        if history is None or self._initial != []:
            return None
        since = max(history.reached, self._kept_since())
        # Lists that were read with filters do not show which other runs ended.
        return since if self.is_filtered or history is not self._filtered_history else max(since, self._filtered_until)

    @property
    def is_filtered(self) -> bool:
        """Whether server filters are active, so that the runs that do not match are missing."""
        window = self._store.window
        return window is not None and window.is_filtered

    def _kept_since(self) -> datetime:
        oldest = self._store.oldest() if len(self._store) >= self._store.max_runs else None
        first = time_of(self.first_minute)
        return first if oldest is None or oldest.created_at is None else max(first, oldest.created_at)

    def counted_minutes(self) -> list[range]:
        """Return the minutes since the epoch of which every run that ended is counted.

        Minutes that were complete before the list was read again, or before filters were set, stay complete.
        """
        since, spans = self.counted_since, list[range]()
        if self._last_complete is not None:
            first, last = self._last_complete
            first = max(first, self._kept_since())
            if since is None or since > last:
                spans.append(range(minute_of(first - timedelta.resolution) + 1, minute_of(last)))
            else:
                since = min(since, first)
        if since is not None:
            spans.append(range(minute_of(since - timedelta.resolution) + 1, LAST_MINUTE))
        return spans

    def _note_coverage(self, now: datetime) -> None:
        if self.is_filtered:
            self._filtered_history, self._filtered_until = self._store.history, now
        since, before = self.counted_since, self._last_complete
        if since is not None and (before is None or since <= before[1]):
            read = self._store.caught_up
            until = now if read is None else max(since, min(now, read))
            first = since if before is None else min(since, before[0])
            self._last_complete = first, until if before is None else max(until, before[1])

    @property
    def is_live_complete(self) -> bool:
        """Whether every live run is in the store."""
        window = self._store.window
        return window is not None and window.is_live_complete and not window.is_filtered

    def ends(self, minute: int) -> Mapping[TaskId, PackedEnds]:
        """Return how many runs ended in a minute since the epoch, by task."""
        return self._ends.get(minute, _NO_ENDS)

    def outcomes(self, task: TaskId, minute: int) -> Sequence[Outcome]:
        """Return how the runs of a task ended in a minute, oldest first."""
        known = self._outcomes.get((task, minute))
        if known is None:
            runs = (self._runs[run_id] for run_id in self._ended.get(minute, ()))
            parts = (counted(run) for run in runs if run.fixed.task == task)
            known = sorted(part.outcome for part in parts if part is not None and part.outcome is not None)
            if len(self._outcomes) >= MAX_ORDERED_MINUTES:
                self._outcomes.clear()
            self._outcomes[task, minute] = known
        return known

    def total(self, minute: int) -> Sums:
        """Return the counts of a minute since the epoch, of all tasks."""
        return Sums(*(self._totals[minute, kind] for kind in Sums._fields))

    def has_recent(self, task: TaskId) -> bool:
        """Return whether a run of a task was done or failed within the last `RECENT_MINUTES`."""
        minutes = range(self._recent_first, (self._last_minute or 0) + 2)
        return any(outcome_count(self.ends(minute).get(task, 0)) for minute in minutes)

    def ended_within(self, first_s: int, last_s: int) -> tuple[int, int]:
        """Return how many runs were done and how many failed in these seconds, of the last `RECENT_MINUTES`."""
        seconds = self._seconds
        within = range(first_s, last_s + 1)
        return sum(seconds[each, False] for each in within), sum(seconds[each, True] for each in within)

    def run(self, run_id: RunId) -> Run | None:
        """Return a run of the store."""
        return self._store.get(run_id)

    def executing_runs(self) -> Iterator[Run]:
        """Iterate over the runs that execute, in no particular order."""
        return self._store.with_statuses(EXECUTING_FAMILY)

    def last_ended(self, count: int) -> list[Run]:
        """Return the runs that ended last, newest first."""
        found: list[Run] = []
        for minute in sorted(self._ended, reverse=True):
            found += (self._runs[run_id] for run_id in self._ended[minute])
            if len(found) >= count:
                break
        return sorted(found, key=lambda run: (ended_at(run) or EPOCH, run.id), reverse=True)[:count]

    def _advance(self, minute: int) -> bool:
        """Forget the minutes that are too old by now, a few runs at a time. Return whether that is done."""
        first, recent, hour = minute - KEPT_MINUTES, minute - RECENT_MINUTES, minute - HOUR_MINUTES
        if self._last_minute is not None and minute < self._last_minute - MAX_BACKWARD_MINUTES:
            # Until the first answer, the local clock was used instead of the server's, and it was ahead.
            self._restart()
        if self._last_minute is None:
            self.first_minute, self._recent_first, self._hour_first = first, recent, hour
            self._last_minute = minute
        for each in range(max(self._last_minute, recent), minute):
            self._share(each - CONFIRMING_MINUTES)
        self._last_minute = minute
        if self._recent_first < recent:
            self._recent_first = recent
            for key in [key for key in self._seconds if key[0] < recent * MINUTE_S]:
                del self._seconds[key]
        left = RUNS_PER_STEP
        while self._hour_first < hour and left > 0:
            left -= self._for_each(self._hour_first, self._leave_hour)
            self._hour_first += 1
        while self.first_minute < first and left > 0:
            left -= self._for_each(self.first_minute, self._forget)
            for kind in Sums._fields:
                self._totals.pop((self.first_minute, kind), None)
            self.first_minute += 1
        return left > 0

    def _forget(self, part: CountedRun) -> None:
        self._count(part, -1)
        del self._runs[part.run_id]

    def _leave_hour(self, part: CountedRun) -> None:
        """Forget a run among the durations of the last hour."""
        if part.took_s is not None:
            self.tasks[part.task].durations.discard(part.took_s)

    def _share(self, minute: int) -> None:
        """For the runs that ended in a minute, refer to the objects of the store.

        When the server confirms a run, the store replaces the object without a change that counts. Otherwise the object
        that was counted would stay in memory as well.
        """
        for run_id in self._ended.get(minute, ()):
            current = self._store.get(run_id)
            if current is not None and run_id not in self.pending:
                self._runs[run_id] = current

    def _for_each(self, minute: int, forget: Callable[[CountedRun], None]) -> int:
        """Call a function for the runs that ended in a minute. Return how many these are."""
        parts = [counted(self._runs[run_id]) for run_id in self._ended.get(minute, ())]
        for part in parts:
            if part is not None:
                forget(part)
        return len(parts)

    def _recount(self, run_id: RunId) -> None:
        before, after = self._runs.get(run_id), self._store.get(run_id)
        old = None if before is None else counted(before)
        new = counted(after)
        if new is not None and new.ended is not None and new.ended < self.first_minute:
            new = None
        if old != new:
            if old is not None:
                self._count(old, -1)
            if new is not None:
                self._count(new, 1)
        if new is None or after is None:
            self._runs.pop(run_id, None)
            return
        self._runs[run_id] = after
        if new.scheduled_s is not None:
            self.scheduled_s[new.task] = max(new.scheduled_s, self.scheduled_s.get(new.task, 0.0))
        started_at = None if after.state is None else after.state.started_at
        if started_at is not None and (self.last_started is None or started_at > self.last_started):
            self.last_started = started_at

    def _count(self, part: CountedRun, sign: int) -> None:
        """Add a run, or with the sign -1 remove it."""
        for kind, minute in (("triggered", part.created), ("started", part.started), ("ended", part.ended)):
            if minute is not None and minute >= self.first_minute:
                add_to(self._totals, (minute, kind), sign)
        task = self.tasks.get(part.task)
        if task is None:
            task = self.tasks[part.task] = TaskTally()
        task.executing += sign if part.is_executing else 0
        if part.queued_s is not None:
            _put(task.queued, (part.queued_s, part.run_id), sign)
        if part.ended is not None:
            self._count_end(task, part, part.ended, sign)
        if task.is_empty:
            del self.tasks[part.task]

    def _count_end(self, task: TaskTally, part: CountedRun, minute: int, sign: int) -> None:
        ended, ends, outcome = self._ended.setdefault(minute, []), self._ends.setdefault(minute, {}), part.outcome
        (ended.append if sign > 0 else ended.remove)(part.run_id)  # a set would take five times the memory
        self._outcomes.pop((part.task, minute), None)
        add_to(ends, part.task, sign * packed_end(outcome))
        if not ended:
            del self._ended[minute], self._ends[minute]
        if part.started is None:
            add_to(self._totals, (minute, "unstarted"), sign)
        if outcome is None:
            return
        add_to(self._totals, (minute, "failed" if outcome.is_failed else "done"), sign)
        add_to(task.versions, outcome.version, sign)
        if outcome.is_failed:
            _put(task.failures, outcome, sign)
        if minute >= self._recent_first:
            add_to(self._seconds, (int(outcome.ended_s), outcome.is_failed), sign)
        if minute >= self._hour_first and part.took_s is not None:
            _put(task.durations, part.took_s, sign)


def _put(values: SortedList, value: object, sign: int) -> None:
    """Add a value to a sorted list, or with the sign -1 remove it."""
    (values.add if sign > 0 else values.discard)(value)


def said_since(own: OwnCounts) -> datetime | None:
    """Return `listed_since` for a sentence. If the oldest minute is dropped every minute, return the next full hour."""
    since = own.listed_since
    if since is None or since != time_of(own.first_minute):
        return since
    return time_of(-(-own.first_minute // HOUR_MINUTES) * HOUR_MINUTES)


# How runs started and ended within cells of time: from the server's query if it is complete, otherwise from our own
# counts.


REPLICA_DELAY: Final = timedelta(seconds=5)
"""A query sees what happened this long before it. The server's replica is up to 1 s behind; the rest is a reserve."""


HOUR_S: Final = 3600
MAX_LAST_S: Final = 240
"""The last minute of the server's answer began at most this long ago, since the server is asked once a minute."""

CLOCK_AHEAD_S: Final = 5
"""The end of a run may be this far after our estimate of the server's time."""

_NO_ENDS: Final[Mapping[TaskId, PackedEnds]] = MappingProxyType({})


class ServerCells:
    """The minutes of one answer, by cell and task. `totals` are the sums of all tasks."""

    def __init__(self, read: MinutesRead) -> None:
        self.cell_s = max(1, int(read.cell.total_seconds()))
        self.since_s = read.since.timestamp()
        self.ends_since_s = self.since_s if read.ends_since is None else read.ends_since.timestamp()
        self.until_s = float("-inf") if read.is_cut else (read.at - REPLICA_DELAY).timestamp()
        # Each minute has many tasks, which share one or few time objects. Each of these is converted once.
        seconds: dict[datetime, int] = {}
        cells: dict[int, dict[TaskId, TaskMinute]] = {}
        for each in read.minutes:
            start_s = seconds.get(each.start)
            if start_s is None:
                start_s = seconds[each.start] = int(each.start.timestamp())
            cells.setdefault(start_s, {})[each.task] = each
        self.ends: dict[int, EndsByTask] = {}
        self.totals: dict[int, Sums] = {}
        self.failed_s: dict[TaskId, int] = {}
        """The newest cell in which runs of a task failed."""
        for start_s, by_task in sorted(cells.items()):
            self.failed_s |= {task: start_s for task, each in by_task.items() if each.failed}
            self.ends[start_s] = {task: packed(each.done, each.failed, each.ended) for task, each in by_task.items()}
            self.totals[start_s] = Sums(*(sum(map(attrgetter(kind), by_task.values())) for kind in Sums._fields))

    def has(self, start_s: int) -> bool:
        """Whether the cell that begins here was over when the server answered."""
        return start_s % self.cell_s == 0 and self.since_s <= start_s and start_s + self.cell_s <= self.until_s

    def has_ends(self, start_s: int) -> bool:
        """Whether the ends of runs are known for the minute that begins here."""
        return self.ends_since_s <= start_s and start_s + self.cell_s <= self.until_s


_cells: Final = WeakKeyDictionary[MinutesRead, ServerCells]()
"""The sums of each answer that is in use."""


def server_cells(read: MinutesRead) -> ServerCells:
    """Return the sums of an answer. They are added up once, in any thread: ten thousand minutes of tasks take 15 ms."""
    cells = _cells.get(read)
    if cells is None:
        cells = _cells[read] = ServerCells(read)
    return cells


class CellSums:
    """Sums of any time that consists of whole minutes.

    `known_until`: minutes that end after this are unknown, since the server was silent.
    """

    def __init__(
        self, minutes: MinutesRead | None, own: OwnCounts, now: datetime, known_until: datetime | None = None
    ) -> None:
        self._server = None if minutes is None else server_cells(minutes)
        self._own = own
        since = own.listed_since
        self._own_since_s = float("inf") if since is None else since.timestamp()
        self._now_s = now.timestamp()
        self._known_until_s = float("inf") if known_until is None else known_until.timestamp()

    def total(self, start_s: int, end_s: int) -> Sums | None:
        """Return the sums of all tasks, None if a part of the time is unknown. Time in the future is left out."""
        parts = self._parts(start_s, end_s)
        return None if parts is None else Sums(*map(sum, zip(NO_SUMS, *(total for total, _ in parts), strict=True)))

    @property
    def live_counts(self) -> tuple[int, int] | None:
        """How many runs wait and how many execute, by our own counts; None if these lack live runs."""
        if not self._own.is_live_complete:
            return None
        tasks = self._own.tasks.values()
        return sum(len(each.queued) for each in tasks), sum(each.executing for each in tasks)

    @property
    def last_hour(self) -> tuple[int, int]:
        """When the last hour began, and when it ends. If the server is silent, it ends with the last known minute."""
        is_silent = self._known_until_s < self._now_s
        minute_s = int(min(self._now_s, self._known_until_s)) // MINUTE_S * MINUTE_S
        next_s = minute_s + MINUTE_S
        return next_s - HOUR_S, minute_s if is_silent else next_s

    @property
    def own_hour(self) -> tuple[int, int]:
        """Return the part of the last hour for which our own counts have whole minutes."""
        start_s, end_s = self.last_hour
        own_s = min(self._own_since_s, float(end_s))
        return max(start_s, -int(-own_s // MINUTE_S) * MINUTE_S, self._own.first_minute * MINUTE_S), end_s

    def last_minute(self) -> tuple[int, int] | None:
        """Return how many runs were done and how many failed in the last 60 s, None if that is not known.

        If the store does not have all of these runs, the last full minute is returned; with server filters, the last
        minute of the server's answer, if that is recent.
        """
        now_s = int(self._now_s)
        if self._own.is_filtered and self._server is not None and self._known_until_s == float("inf"):
            for minute_s in range(now_s // MINUTE_S * MINUTE_S - MINUTE_S, now_s - MAX_LAST_S, -MINUTE_S):
                if self._server.has(minute_s):
                    last = self._server.totals.get(minute_s, NO_SUMS)
                    return last.done, last.failed
        if self._known_until_s == float("inf") and self._own_since_s <= now_s - MINUTE_S:
            return self._own.ended_within(now_s - MINUTE_S + 1, now_s + CLOCK_AHEAD_S)
        minute_s = now_s // MINUTE_S * MINUTE_S
        sums = self.total(minute_s - MINUTE_S, minute_s)
        return None if sums is None else (sums.done, sums.failed)

    def by_task(self, start_s: int, end_s: int) -> list[Mapping[TaskId, PackedEnds]] | None:
        """Return how many runs of each task ended, by parts of the time; None if a part is not known."""
        parts = self._parts(start_s, end_s)
        return None if parts is None else [ends for _, ends in parts]

    def _parts(self, start_s: int, end_s: int) -> list[tuple[Sums, Mapping[TaskId, PackedEnds]]] | None:
        """Return the sums of the server's cells and of our own minutes, None if a part is unknown."""
        at, end_s, server, found = start_s, min(end_s, int(self._now_s) + 1), self._server, []
        while at < end_s:
            if server is not None and server.has(at) and at + server.cell_s <= max(end_s, at + MINUTE_S):
                found.append((server.totals.get(at, NO_SUMS), server.ends.get(at, _NO_ENDS)))
                at += server.cell_s
                continue
            minute, minute_end_s = at // MINUTE_S, at + MINUTE_S
            if self._own_since_s > at or minute < self._own.first_minute or minute_end_s > self._known_until_s:
                return None
            found.append((self._own.total(minute), self._own.ends(minute)))
            at = minute_end_s
        return found
