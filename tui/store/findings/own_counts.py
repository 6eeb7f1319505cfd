"""`OwnCounts`: what became of the runs of the store, for each task and minute.

The counts are a function of the runs that the store has: the order in which these arrived makes no difference. Nothing
is counted before an `OwnCounts` is created, and `step` counts in slices.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Final

from tui.domain.ids import RunId, TaskId
from tui.domain.run import Run
from tui.domain.status import EXECUTING_FAMILY
from tui.domain.text import Raw
from tui.domain.update import HistoryRead
from tui.store.changes import Changes
from tui.store.findings.counted_run import MINUTE_S, CountedRun, Outcome, counted
from tui.store.findings.packed_ends import Ends, PackedEnds, unpacked
from tui.store.findings.tallies import NO_TOTAL, MinuteTotal, Tallies, TaskTally
from tui.store.orders import Key
from tui.store.store import Store

KEPT_MINUTES: Final = 20 * 60 + 20
"""The longest span of the wall: 60 cells of 20 minutes."""

RECENT_MINUTES: Final = 15
"""Of these minutes each end is kept, for the counts of the last 60 s. A task with many of them runs often."""

HOUR_MINUTES: Final = 60
"""The 95th percentile of a task is that of this time."""

CONFIRMING_MINUTES: Final = 2
"""For so long the lists that are polled again and again usually have a run that ended."""

MAX_TASKS: Final = 1_000
"""Tasks that are shown and judged."""

MAX_ORDERED_MINUTES: Final = 1_000
"""Minutes of tasks whose runs are kept in their order: those of the tasks that may be failing."""

MAX_BACKWARD_MINUTES: Final = 2
"""The estimate of the server's time may go back by less than this."""

LAST_MINUTE: Final = 10**9
_MOMENT: Final = timedelta(microseconds=1)

_NO_ENDS: Final[Mapping[TaskId, PackedEnds]] = MappingProxyType({})

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
        self._hide = store.hide
        self._pending: set[RunId] = set()
        self._runs: dict[RunId, Run] = {}
        """Each run as it was counted."""
        self._ended: dict[int, list[RunId]] = {}
        """The runs that ended in a minute."""
        self._restart()
        self._filtered_history: HistoryRead | None = None
        """The history that was read with filters, the last time that they were active."""
        self._filtered_until = time_of(0)
        self.scheduled_s: dict[TaskId, float] = {}
        """When the newest run of a task that a schedule started was created."""
        self.last_started: datetime | None = None
        """The latest start of any run."""
        self.newest_version: Raw | None = None
        """The version of the newest run that has one."""
        self._newest_version_at: datetime | None = None

    def _restart(self) -> None:
        """Count everything again."""
        self._last_minute: int | None = None
        self._initial: list[Key] | None = None
        self._before_gap: tuple[datetime, datetime] | None = None
        self._outcomes: dict[tuple[TaskId, int], list[Outcome]] = {}
        """Those that `outcomes` has returned, until they change."""
        self._runs.clear()
        self._ended.clear()
        self._tallies = Tallies(self._hide)

    def on_changes(self, changes: Changes) -> None:
        """Note which runs changed. The next steps count them."""
        self._pending.update(changes.added, changes.changed, changes.removed)

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
            self._hide(self._initial)
        for _ in range(RUNS_PER_STEP):
            if self._initial:
                _, run_id = self._initial.pop()
            elif self._pending:
                run_id = self._pending.pop()
            else:
                return False
            self._recount(run_id)
        return bool(self._initial or self._pending)

    def settle(self, now: datetime) -> None:
        """Count everything at once."""
        while self.step(now):
            pass

    @property
    def pending_count(self) -> int:
        """How many runs have changed and are not counted again."""
        return len(self._pending)

    @property
    def counted_since(self) -> datetime | None:
        """Everything that ended since this time is counted; None if that is not known of any time.

        The store may have dropped the oldest runs. A run that was created before, and ended since, is missing if no
        list had it while it was live. With server filters, only the runs that the lists have are counted.
        """
        return None if self.is_filtered else self.listed_since

    @property
    def listed_since(self) -> datetime | None:
        """As `counted_since`, of the runs that match the server filters."""
        history = self._store.history
        if history is None or self._initial != []:
            return None
        since = max(history.reached, self._kept_since())
        # The lists that were read with filters say nothing of what else ended.
        return since if self.is_filtered or history is not self._filtered_history else max(since, self._filtered_until)

    @property
    def is_filtered(self) -> bool:
        """Whether server filters are active, so that the runs that do not match are missing."""
        window = self._store.window
        return window is not None and window.is_filtered

    def _kept_since(self) -> datetime:
        oldest = self._store.oldest() if len(self._store) >= self._store.max_runs else None
        first = time_of(self._tallies.first)
        return first if oldest is None or oldest.created_at is None else max(first, oldest.created_at)

    def counted_minutes(self) -> list[range]:
        """Return the minutes since the epoch of which every run that ended is counted.

        Those that were counted before the list was read again, or with filters, still are.
        """
        since, spans = self.counted_since, list[range]()
        if self._before_gap is not None:
            first, last = self._before_gap
            first = max(first, self._kept_since())
            if since is None or since > last:
                spans.append(range(minute_of(first - _MOMENT) + 1, minute_of(last)))
            else:
                since = min(since, first)
        if since is not None:
            spans.append(range(minute_of(since - _MOMENT) + 1, LAST_MINUTE))
        return spans

    def _note_coverage(self, now: datetime) -> None:
        if self.is_filtered:
            self._filtered_history, self._filtered_until = self._store.history, now
        since, before = self.counted_since, self._before_gap
        if since is not None and (before is None or since <= before[1]):
            read = self._store.caught_up
            until = now if read is None else max(since, min(now, read))
            first = since if before is None else min(since, before[0])
            self._before_gap = first, until if before is None else max(until, before[1])

    @property
    def is_live_complete(self) -> bool:
        """Whether every live run is in the store."""
        window = self._store.window
        return window is not None and window.is_live_complete and not window.is_filtered

    @property
    def tasks(self) -> Mapping[TaskId, TaskTally]:
        """The tasks that have runs."""
        return self._tallies.tasks

    def ends(self, minute: int) -> Mapping[TaskId, PackedEnds]:
        """Return how many runs ended in a minute since the epoch, by task."""
        return self._tallies.ends.get(minute, _NO_ENDS)

    def ends_of(self, task: TaskId, first: int, last: int) -> Iterator[tuple[int, Ends]]:
        """Yield the minutes between two, newest first, in which runs of a task ended, and how many did."""
        # This runs for up to 1,200 minutes of each task that has failures, once a second.
        by_minute = self._tallies.ends
        for minute in range(last, first - 1, -1):
            by_task = by_minute.get(minute)
            if by_task is not None and (ends := by_task.get(task)) is not None:
                yield minute, unpacked(ends)

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

    def total(self, minute: int) -> MinuteTotal:
        """Return the counts of a minute since the epoch, of all tasks."""
        return self._tallies.totals.get(minute, NO_TOTAL)

    def ended_within(self, first_s: int, last_s: int) -> tuple[int, int]:
        """Return how many runs were done and how many failed in these seconds, of the last `RECENT_MINUTES`."""
        seconds = self._tallies.seconds
        done, failed = (
            sum(seconds[each, is_failed] for each in range(first_s, last_s + 1)) for is_failed in (False, True)
        )
        return done, failed

    @property
    def first_minute(self) -> int:
        """The oldest minute that is kept."""
        return self._tallies.first

    def run(self, run_id: RunId) -> Run | None:
        """Return a run of the store."""
        return self._store.get(run_id)

    def executing_runs(self) -> Iterator[Run]:
        """Iterate over the runs that execute, in no particular order."""
        for status in EXECUTING_FAMILY:
            for run_id in self._store.with_status(status):
                run = self._store.get(run_id)
                if run is not None:
                    yield run

    def last_ended(self, count: int) -> list[Run]:
        """Return the runs that ended last, newest first."""
        found: list[tuple[float, RunId, Run]] = []
        for minute in sorted(self._ended, reverse=True):
            for run_id in self._ended[minute]:
                run = self._runs[run_id]
                if run.state is not None:
                    ended_at = run.state.finished_at or run.state.expired_at or run.state.updated_at
                    found.append((ended_at.timestamp(), run_id, run))
            if len(found) >= count:
                break
        return [run for _, _, run in sorted(found, reverse=True)[:count]]

    def _advance(self, minute: int) -> bool:
        """Forget the minutes that are too old by now, a few runs at a time. Return whether that is done."""
        tallies = self._tallies
        first, recent, hour = minute - KEPT_MINUTES, minute - RECENT_MINUTES, minute - HOUR_MINUTES
        if self._last_minute is not None and minute < self._last_minute - MAX_BACKWARD_MINUTES:
            # The local clock stood in for the server's until the first answer, and was ahead.
            self._restart()
            tallies = self._tallies
        if self._last_minute is None:
            tallies.first, tallies.recent_first, tallies.hour_first = first, recent, hour
            self._last_minute = minute
        for each in range(max(self._last_minute, recent), minute):
            self._share(each - CONFIRMING_MINUTES)
        self._last_minute = minute
        left = RUNS_PER_STEP
        while tallies.recent_first < recent and left > 0:
            left -= self._for_each(tallies.recent_first, tallies.leave_recent)
            tallies.recent_first += 1
        while tallies.hour_first < hour and left > 0:
            left -= self._for_each(tallies.hour_first, tallies.leave_hour)
            tallies.hour_first += 1
        while tallies.first < first and left > 0:
            for part in self._parts(tallies.first):
                tallies.add(part, -1)
                del self._runs[part.run_id]
                left -= 1
            self._ended.pop(tallies.first, None)
            self._outcomes.clear()
            tallies.forget(tallies.first)
            tallies.first += 1
        return left > 0

    def _share(self, minute: int) -> None:
        """Refer to the store's objects for the runs that ended in a minute.

        The store replaces a run that the server confirms, without a change to count. The one that was counted would
        stay in memory as well.
        """
        for run_id in self._ended.get(minute, ()):
            current = self._store.get(run_id)
            if current is not None and run_id not in self._pending:
                self._runs[run_id] = current
        self._hide(self._runs)

    def _for_each(self, minute: int, forget: Callable[[CountedRun], None]) -> int:
        parts = self._parts(minute)
        for part in parts:
            forget(part)
        return len(parts)

    def _parts(self, minute: int) -> list[CountedRun]:
        """Return what counts of the runs that ended in a minute."""
        parts = (counted(self._runs[run_id]) for run_id in self._ended.get(minute, ()))
        return [part for part in parts if part is not None]

    def _recount(self, run_id: RunId) -> None:
        before, after = self._runs.get(run_id), self._store.get(run_id)
        old = None if before is None else counted(before)
        new = counted(after)
        if new is not None and new.ended is not None and new.ended < self._tallies.first:
            new = None
        if old != new:
            if old is not None:
                self._remove(old)
            if new is not None:
                self._add(new)
        if new is None or after is None:
            self._runs.pop(run_id, None)
            return
        self._runs[run_id] = after
        self._hide(self._runs)  # a dictionary is seen again after each new value
        if new.scheduled_s is not None:
            self.scheduled_s[new.task] = max(new.scheduled_s, self.scheduled_s.get(new.task, 0.0))
        self._note_version(after)
        started_at = None if after.state is None else after.state.started_at
        if started_at is not None and (self.last_started is None or started_at > self.last_started):
            self.last_started = started_at

    def _add(self, part: CountedRun) -> None:
        if part.outcome is not None:
            self._hide(part.outcome)
        self._tallies.add(part)
        if part.ended is not None:
            ended = self._ended.setdefault(part.ended, [])
            ended.append(part.run_id)
            self._hide(ended)
            self._outcomes.pop((part.task, part.ended), None)

    def _remove(self, part: CountedRun) -> None:
        self._tallies.add(part, -1)
        if part.ended is not None:
            self._ended[part.ended].remove(part.run_id)
            self._outcomes.pop((part.task, part.ended), None)

    def _note_version(self, run: Run) -> None:
        """Note the version of the run that started last: an older one may have waited for it."""
        version, known_at = run.fixed.version, self._newest_version_at
        started_at = None if run.state is None else run.state.started_at
        if version is not None and started_at is not None and (known_at is None or started_at > known_at):
            self.newest_version, self._newest_version_at = version, started_at


def said_since(own: OwnCounts) -> datetime | None:
    """Return `listed_since` for a sentence. Where every minute drops the oldest one: the next full hour."""
    since = own.listed_since
    if since is None or since != time_of(own.first_minute):
        return since
    return time_of(-(-own.first_minute // HOUR_MINUTES) * HOUR_MINUTES)
