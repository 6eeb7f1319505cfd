"""The outcomes of a task's runs by whole minutes, newest first.

A minute is that of the server's query, or that of the own counts, whichever has all of its runs. So two processes that
read the same server see the same runs, whatever each has read by itself.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from itertools import chain
from typing import Final, NamedTuple

from tui.domain.findings.facts import MinutesRead
from tui.domain.ids import TaskId
from tui.domain.text import Raw
from tui.store.findings.cell_sums import CLOCK_AHEAD_S, server_cells
from tui.store.findings.counted_run import MINUTE_S, Outcome
from tui.store.findings.own_counts import RECENT_MINUTES, OwnCounts, minute_of
from tui.store.findings.packed_ends import MAX_COUNT, PackedEnds, failed_count, outcome_count

WINDOW_S: Final = 600
"""Failures are judged by the ten minutes before the task's newest run: an older failure says little of it."""

RARE_WINDOW_S: Final = 7_200
MIN_RECENT_RUNS: Final = 20
"""A task of which fewer runs ended in these is judged by its last 20 of two hours: it may run every ten minutes."""

MAX_AGE_S: Final = 3_300
"""A task that has not failed for so long is not failing. The server's error groups, which say whether a failure is
acknowledged, are those of an hour."""

MAX_UNREAD_S: Final = 240
"""The server's minutes are read each minute. If they end earlier, nobody knows which run was the last one."""


class Block(NamedTuple):
    """The runs that ended in a minute, or one run. `at_s` is its begin, in seconds since the epoch."""

    at_s: float
    failed: int
    ended: int


class EndedMinutes:
    """The minutes by which failures are judged at one moment. Those of which nobody has all runs are left out."""

    def __init__(self, minutes: MinutesRead | None, own: OwnCounts, now: datetime) -> None:
        cells = None if minutes is None else server_cells(minutes)
        last = minute_of(now + timedelta(seconds=CLOCK_AHEAD_S))
        self._own = own
        self._minutes: list[tuple[int, Mapping[TaskId, PackedEnds] | None, Mapping[TaskId, PackedEnds] | None]] = []
        """The begin of each minute, newest first, with its ends by the own counts and by the server."""
        counted = own.counted_minutes()
        for minute in range(last, last - (RARE_WINDOW_S + MAX_AGE_S) // MINUTE_S - 1, -1):
            at_s = minute * MINUTE_S
            by_own = own.ends(minute) if any(minute in span for span in counted) else None
            by_server = cells.ends.get(at_s, {}) if cells is not None and cells.has_ends(at_s) else None
            if by_own is not None or by_server is not None:
                self._minutes.append((at_s, by_own, by_server))
        self._since_s = now.timestamp() - MAX_AGE_S
        self._failed_s = {} if cells is None else cells.failed_s
        known_until_s = self._minutes[0][0] + MINUTE_S if self._minutes else 0
        self.is_present = now.timestamp() - known_until_s <= MAX_UNREAD_S
        """Whether the newest run of a task can be named."""
        # If a task's recent runs are many, those that count ended in these minutes, or in the ten before one of them.
        first = last - RECENT_MINUTES - WINDOW_S // MINUTE_S - 1
        self._frequent_since_s = first * MINUTE_S
        self._is_covered = any(first in span and last in span for span in counted)

    def failing_tasks(self) -> Iterator[TaskId]:
        """Yield the tasks that failed within `MAX_AGE_S`, in no particular order."""
        own = {task for task, each in self._own.tasks.items() if each.failures and self._is_late(each.failures[-1])}
        yield from own | {task for task, at_s in self._failed_s.items() if at_s > self._since_s}

    def most_failures(self, task: TaskId) -> int:
        """Return how many failures can be recent at most: many tasks run often and fail seldom."""
        tally = self._own.tasks.get(task)
        if tally is None or not self._is_covered or len(tally.recent) < MIN_RECENT_RUNS:
            return MAX_COUNT
        newest = self._minutes[: WINDOW_S // MINUTE_S]
        since_s = float(self._frequent_since_s)
        if outcome_count(sum([by_own.get(task, 0) for _, by_own, _ in newest if by_own])) >= MIN_RECENT_RUNS:
            # These ten minutes end with the newest run, which is not older than the newest failure.
            since_s = max(since_s, tally.failures[-1].ended_s - WINDOW_S - MINUTE_S)
        return len(tally.failures) - int(tally.failures.bisect_left((since_s,)))

    def _is_late(self, failure: Outcome) -> bool:
        return failure.ended_s // MINUTE_S * MINUTE_S > self._since_s

    def has_failed_lately(self, blocks: Iterable[Block]) -> bool:
        """Return whether a run failed in one of the blocks within `MAX_AGE_S`."""
        return any(each.failed and each.at_s > self._since_s for each in blocks)

    def of(self, task: TaskId, acknowledged: Collection[Raw] = ()) -> Iterator[Block]:
        """Yield the minutes of a task that count, newest first.

        Failures with one of the acknowledged messages count neither as failed nor as ended. Only the own counts know
        the messages.
        """
        ignored = self._ignored(task, acknowledged) if acknowledged else {}
        oldest_s = 0.0
        for at_s, by_own, by_server in self._minutes:
            if at_s <= oldest_s:
                return
            ends = 0 if by_own is None else by_own.get(task, 0)
            if by_server is not None and not acknowledged and (other := by_server.get(task, 0)) != ends:
                ends = max(ends, other, key=outcome_count)  # the greater count of a minute is the newer one
            if not ends or (acknowledged and by_own is None):
                continue
            ended, failed = outcome_count(ends), failed_count(ends)
            if ignored:
                failed, ended = failed - ignored.get(at_s, 0), ended - ignored.get(at_s, 0)
            if ended:
                oldest_s = oldest_s or at_s - RARE_WINDOW_S
                yield Block(at_s, failed, ended)

    def in_order(self, task: TaskId, minutes: list[Block], acknowledged: Collection[Raw] = ()) -> list[Block]:
        """Return the minutes with a block for each run, where its order can matter and the own counts know it."""
        blocks = []
        for each in minutes:
            singles: list[Block] = []
            if 0 < each.failed < each.ended or each is minutes[0]:
                singles = [
                    Block(outcome.ended_s, int(outcome.is_failed), 1)
                    for outcome in reversed(self._own.outcomes(task, int(each.at_s // MINUTE_S)))
                    if not (acknowledged and is_acknowledged(outcome, acknowledged))
                ]
            is_same = len(singles) == each.ended and sum(single.failed for single in singles) == each.failed
            blocks += singles if is_same else [each]
        return blocks

    def oldest_s(self, newest_s: float) -> float:
        """Return when the known part of the two hours before a minute begins."""
        return max(newest_s - RARE_WINDOW_S, self._minutes[-1][0] if self._minutes else 0)

    def _ignored(self, task: TaskId, messages: Collection[Raw]) -> Counter[int]:
        tally = self._own.tasks.get(task)
        return Counter(
            int(each.ended_s // MINUTE_S) * MINUTE_S
            for each in (() if tally is None else tally.failures)
            if is_acknowledged(each, messages)
        )


def is_acknowledged(outcome: Outcome, messages: Collection[Raw]) -> bool:
    """Return whether a run failed with one of the messages, to which the server adds the type of the error."""
    message = outcome.message
    return outcome.is_failed and bool(message) and any(str(message) in each for each in messages)


def split_recent(blocks: Iterator[Block]) -> tuple[list[Block], Iterable[Block]]:
    """Return the recent minutes, at least MIN_RECENT_RUNS runs if there are so many, and the minutes before."""
    recent, ended = list[Block](), 0
    for block in blocks:
        if recent and block.at_s <= recent[0].at_s - WINDOW_S and ended >= MIN_RECENT_RUNS:
            return recent, chain((block,), blocks)
        recent.append(block)
        ended += block.ended
    return recent, ()
