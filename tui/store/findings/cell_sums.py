"""What became of runs within cells of time: by the server's query where it is complete, otherwise by the own counts."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from threading import Lock
from types import MappingProxyType
from typing import Final, NamedTuple

from tui.domain.findings.facts import MinutesRead, TaskMinute
from tui.domain.ids import TaskId
from tui.store.findings.counted_run import MINUTE_S
from tui.store.findings.own_counts import OwnCounts
from tui.store.findings.packed_ends import EndsByTask, PackedEnds, packed
from tui.store.findings.tallies import MinuteTotal

REPLICA_DELAY: Final = timedelta(seconds=5)
"""A query sees what happened this long before it. The server's replica is up to 1 s behind; the rest is a reserve."""


class Sums(NamedTuple):
    """What became of runs. `unstarted` of the ended ones never started."""

    triggered: int = 0
    started: int = 0
    done: int = 0
    failed: int = 0
    ended: int = 0
    unstarted: int = 0

    def plus(self, more: "TaskMinute | MinuteTotal | Sums") -> "Sums":
        """Return the sums with more added."""
        return Sums(
            self.triggered + more.triggered,
            self.started + more.started,
            self.done + more.done,
            self.failed + more.failed,
            self.ended + more.ended,
            self.unstarted + more.unstarted,
        )


NO_SUMS: Final = Sums()
HOUR_S: Final = 3600
MAX_LAST_S: Final = 240
"""The server's last minute began so long ago at most: it is asked once a minute."""

CLOCK_AHEAD_S: Final = 5
"""An end may be so far after the estimate of the server's time."""

_NO_ENDS: Final[Mapping[TaskId, PackedEnds]] = MappingProxyType({})


class ServerCells:
    """The minutes of one answer, by cell and task. `totals` are the sums of all tasks."""

    def __init__(self, read: MinutesRead) -> None:
        self.cell_s = max(1, int(read.cell.total_seconds()))
        self.since_s = read.since.timestamp()
        self.ends_since_s = self.since_s if read.ends_since is None else read.ends_since.timestamp()
        self.until_s = float("-inf") if read.is_cut else (read.at - REPLICA_DELAY).timestamp()
        # Each minute has many tasks: the times of all of them are one object or few, and are converted once.
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
            triggered = started = done = failed = ended = unstarted = 0
            for each in by_task.values():
                triggered += each.triggered
                started += each.started
                done += each.done
                failed += each.failed
                ended += each.ended
                unstarted += each.unstarted
            self.totals[start_s] = Sums(triggered, started, done, failed, ended, unstarted)

    def has(self, start_s: int) -> bool:
        """Whether the cell that begins here was over when the server answered."""
        return start_s % self.cell_s == 0 and self.since_s <= start_s and start_s + self.cell_s <= self.until_s

    def has_ends(self, start_s: int) -> bool:
        """Whether the ends of runs are known of the minute that begins here."""
        return self.ends_since_s <= start_s and start_s + self.cell_s <= self.until_s


KEPT_SPANS: Final = 3
"""The last hour, another span, and the last day. A new answer about a span takes the place of the old one."""

_kept: dict[tuple[timedelta, int], tuple[MinutesRead, ServerCells]] = {}
"""The sums of the newest answers, by their cells and their length in minutes; the one used last is at the end."""

_lock: Final = Lock()


def server_cells(read: MinutesRead) -> ServerCells:
    """Return the sums of an answer. They are added up once, in any thread."""
    span = read.cell, int((read.at - read.since).total_seconds()) // MINUTE_S
    kept = _kept.get(span)
    cells = kept[1] if kept is not None and kept[0] is read else ServerCells(read)
    with _lock:
        _kept.pop(span, None)
        _kept[span] = read, cells
        if len(_kept) > KEPT_SPANS:
            del _kept[next(iter(_kept))]
    return cells


def prepare(read: MinutesRead) -> None:
    """Add up an answer once for all boards, in any thread: ten thousand minutes of tasks take 15 ms."""
    server_cells(read)


class CellSums:
    """Sums of any time that consists of whole minutes.

    `known_until`: minutes that end later are not known, since the server was silent.
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
        """Return the sums of all tasks, None if a part of the time is not known. What is to come is not counted."""
        sums = NO_SUMS
        for each in self._parts(start_s, end_s):
            if each is None:
                return None
            is_server, at = each
            if is_server and self._server is not None:
                sums = sums.plus(self._server.totals.get(at, NO_SUMS))
            elif not is_server:
                sums = sums.plus(self._own.total(at))
        return sums

    @property
    def live_counts(self) -> tuple[int, int] | None:
        """The runs that wait and that execute, by the own counts; None if these lack live runs."""
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
        """Return the part of the last hour that the own counts have in whole minutes."""
        start_s, end_s = self.last_hour
        own_s = min(self._own_since_s, float(end_s))
        return max(start_s, -int(-own_s // MINUTE_S) * MINUTE_S, self._own.first_minute * MINUTE_S), end_s

    def last_minute(self) -> tuple[int, int] | None:
        """Return how many runs were done and how many failed in the last 60 s, None if that is not known.

        Where the store does not have all of these runs, it is the last minute that is over; with server filters, the
        last one of the server, if that is not long ago.
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
        found: list[Mapping[TaskId, PackedEnds]] = []
        for each in self._parts(start_s, end_s):
            if each is None:
                return None
            is_server, at = each
            if is_server and self._server is not None:
                found.append(self._server.ends.get(at, _NO_ENDS))
            else:
                found.append(self._own.ends(at))
        return found

    def _parts(self, start_s: int, end_s: int) -> Iterator[tuple[bool, int] | None]:
        """Yield the server's cells by their begin and the own minutes by their number, None for what is not known."""
        at, end_s = start_s, min(end_s, int(self._now_s) + 1)
        while at < end_s:
            server = self._server
            if server is not None and server.has(at) and at + server.cell_s <= max(end_s, at + MINUTE_S):
                yield True, at
                at += server.cell_s
                continue
            minute_end_s = at + MINUTE_S
            if self._own_since_s > at or at < self._own.first_minute * MINUTE_S or minute_end_s > self._known_until_s:
                yield None
                return
            yield False, at // MINUTE_S
            at = minute_end_s
