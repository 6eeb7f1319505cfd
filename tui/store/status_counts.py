"""How many runs are queued, delayed, executing, waiting and failed: counted here, or carried forward from the server.

What lives here: the figures. Which of them the header has room for is `present.header`'s.

Where every live run is known the live figures are those of the rows. Until then, and for failures where the history was
cut, they are the server's last count and the steps of runs since. That count is answered from a copy that is 0.3 to
1.0 s late (wire/README.md §3), so that a step counts if the run's own time puts it after the middle of that. Error
bound: a figure is wrong by no more than the steps that fell into that stretch of 0.7 s, plus those that no source has
told yet, until the next count. Failures that leave the period between two counts are subtracted only where they are
known.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from sortedcontainers import SortedList

from tui.domain.filters import MAX_QUERY_PERIOD
from tui.domain.run import Run
from tui.domain.status import EXECUTING_FAMILY, FAILED, LIVE, QUEUED_FAMILY, RunStatus
from tui.domain.update import CountsRead, HistoryRead, WindowRead

COPY_DELAY: Final = timedelta(seconds=0.65)
"""The middle of 0.3 and 1.0 s."""

EARLY: Final = timedelta(seconds=30)
"""Steps of so long before an answer may be later than the next count; a query is given up long before that."""

MAX_STEPS: Final = 20_000
"""Between two counts: 500 changes a second for 40 s. With more of them the count is shown with its age."""

MAX_CARRIED: Final = timedelta(seconds=60)
"""A count that is older is shown with its age: what no source told adds up."""

COUNTED: Final = LIVE | FAILED

_UNDATED: Final = datetime.max.replace(tzinfo=UTC)
"""The place of runs whose creation is not known: they are never too old."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusCounts:
    """Runs by status. `counted_at` is when the server counted, of figures that are no newer than that; else None.

    `is_live_partial` and `is_failed_partial`: only the loaded runs were counted, and there may be more.
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
    """One change of a run's status, at the time that the run itself gives. None: it was not there, or is not."""

    at: datetime
    created_at: datetime
    before: RunStatus | None
    after: RunStatus | None


class StatusCounter:
    """Follows every run of a store."""

    def __init__(self) -> None:
        self._created: dict[RunStatus, SortedList] = {status: SortedList() for status in COUNTED}
        self._counts: CountsRead | None = None
        self._steps: list[StatusChange] = []
        """Those after the last count, or those that may be after the next one where there was none."""
        self._delta: Counter[RunStatus] = Counter()
        """What they add up to."""
        self._is_overfull = False

    def replace(self, before: Run | None, after: Run) -> None:
        """One run is now `after`."""
        self._move(before, after)
        if _status_of(before) is not _status_of(after):
            since = self._since(after)
            steps = [step for step in steps_between(before, after) if since is None or step.at > since]
            self._steps += steps
            self._add(steps)
            if len(self._steps) > MAX_STEPS:
                self._shorten(since)

    def _shorten(self, since: datetime | None) -> None:
        """Forget the steps that no count to come can need, or all of them, where those that it needs are too many."""
        self._steps = [step for step in self._steps if since is not None and step.at > since]
        if len(self._steps) > MAX_STEPS:
            self._steps, self._is_overfull = [], True

    def drop(self, run: Run) -> None:
        """The store lets a run go. It is no less there for the server."""
        self._move(run, None)

    def rebase(self, counts: CountsRead) -> None:
        """The server counted."""
        self._counts, self._is_overfull = counts, False
        since = counts.at - COPY_DELAY
        self._steps = [step for step in self._steps if step.at > since]
        self._delta.clear()
        self._add(self._steps)

    def _add(self, steps: Iterable[StatusChange]) -> None:
        """Steps of runs that were too old for the count change nothing in it."""
        begin = None if self._counts is None else _begin_of(self._counts)
        for step in steps:
            if begin is None or step.created_at < begin:
                continue
            if step.before is not None:
                self._delta[step.before] -= 1
            if step.after is not None:
                self._delta[step.after] += 1

    def counts(
        self, now: datetime, window: WindowRead | None, history: HistoryRead | None, *, is_full: bool
    ) -> StatusCounts:
        """The figures of now. `is_full`: the store may have let ended runs of the period go."""
        is_whole = window is not None and not window.is_filtered
        is_live_known = window is not None and is_whole and window.is_live_complete
        is_history_whole = history is not None and history.is_complete and not history.is_cut
        is_failed_known = is_whole and is_history_whole and not is_full
        local = Counter({status: len(created) for status, created in self._created.items()})
        told = local
        if self._counts is not None:
            has_steps = is_whole and not self._is_overfull
            told = self._carried(self._counts, now) if has_steps else self._with_older(self._counts, is_whole=is_whole)
        live = local if is_live_known else told
        if is_failed_known and window is not None:
            failed = self._failed_since(now - window.period)
        else:
            failed = sum(told[status] for status in FAILED)
        is_told, counted_at = self._counts is not None, None
        if self._counts is not None and not (is_live_known and is_failed_known):
            is_carried = is_whole and not self._is_overfull and now - self._counts.at <= MAX_CARRIED
            counted_at = None if is_carried else self._counts.at
        return StatusCounts(
            queued=live[RunStatus.QUEUED],
            delayed=live[RunStatus.DELAYED],
            pending_version=live[RunStatus.WAITING_FOR_DEPLOY],
            executing=sum(live[status] for status in EXECUTING_FAMILY),
            waiting=live[RunStatus.WAITING_TO_RESUME],
            failed=failed,
            counted_at=counted_at,
            is_live_partial=not (is_told or is_live_known),
            is_failed_partial=not (is_told or is_failed_known),
        )

    def _carried(self, counts: CountsRead, now: datetime) -> Counter[RunStatus]:
        """The server's count with the steps since, the live runs that were too old for it, and less those that are."""
        begin = _begin_of(counts)
        total = Counter({status: counts.counts.get(status, 0) + self._delta[status] for status in COUNTED})
        for status in LIVE:
            total[status] += self._created[status].bisect_left(begin)
        for status in FAILED:
            created = self._created[status]
            total[status] -= created.bisect_left(begin + (now - counts.at)) - created.bisect_left(begin)
        return Counter({status: max(0, count) for status, count in total.items()})

    def _with_older(self, counts: CountsRead, *, is_whole: bool) -> Counter[RunStatus]:
        """The server's count with the live runs that were too old for it.

        Where filters keep runs from the list the server counts live runs as far back as a query reaches.
        """
        begin = _begin_of(counts) if is_whole else counts.at - MAX_QUERY_PERIOD
        older = Counter({status: self._created[status].bisect_left(begin) for status in LIVE})
        return Counter(counts.counts) + older

    def _failed_since(self, since: datetime) -> int:
        lists = (self._created[status] for status in FAILED)
        return sum(len(created) - created.bisect_left(since) for created in lists)

    def _since(self, run: Run) -> datetime | None:
        """Which steps of a run can matter to this count or the next: those after that moment."""
        if self._counts is not None:
            return self._counts.at - COPY_DELAY
        return None if run.read_at is None else run.read_at - EARLY

    def _move(self, before: Run | None, after: Run | None) -> None:
        old, new = _place_of(before), _place_of(after)
        if old == new:
            return
        if old is not None:
            self._created[old[0]].remove(old[1])
        if new is not None:
            self._created[new[0]].add(new[1])


def _begin_of(counts: CountsRead) -> datetime:
    """Runs that were created earlier are not in a count."""
    return counts.at - timedelta(hours=counts.period_h)


def steps_between(before: Run | None, after: Run) -> Iterator[StatusChange]:
    """What a run went through between two readings of it, with those steps that nobody read but its times tell."""
    was, now = _status_of(before), _status_of(after)
    state = after.state
    if was is now or state is None:
        return
    created_at = after.fixed.created_at or _UNDATED
    if now is None:
        yield StatusChange(after.gone_at or state.updated_at, created_at, was, None)
        return
    if was is None:
        was = now if now in QUEUED_FAMILY else RunStatus.QUEUED
        yield StatusChange(after.fixed.created_at or state.updated_at, created_at, None, was)
    at = state.updated_at
    if now.is_final and state.finished_at is not None:
        # A run may be changed after its end, by a tag: the end is when it ended.
        at = min(at, state.finished_at)
    # One that was queued again after an attempt had started long before.
    has_started = before is not None and before.state is not None and before.state.started_at is not None
    started_at = None if has_started else state.started_at
    if was in QUEUED_FAMILY and now not in QUEUED_FAMILY and started_at is not None and started_at < at:
        yield StatusChange(started_at, created_at, was, RunStatus.EXECUTING)
        was = RunStatus.EXECUTING
    if was is not now:
        yield StatusChange(at, created_at, was, now)


def _status_of(run: Run | None) -> RunStatus | None:
    return None if run is None or run.state is None or run.is_gone else run.status


def _place_of(run: Run | None) -> tuple[RunStatus, datetime] | None:
    status = _status_of(run)
    if run is None or status is None or status not in COUNTED:
        return None
    return status, run.fixed.created_at or _UNDATED
