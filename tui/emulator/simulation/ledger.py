"""All runs of an environment: the events that are due, the indexes of lists, changes, and the dropping of old runs."""

import heapq
from bisect import bisect_left, bisect_right, insort
from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Collection, Iterator
from itertools import takewhile
from typing import NamedTuple

from sortedcontainers import SortedList

from tui.emulator.simulation.runs import Run, Status

# The simulated time and its queue of events.
#
# Events at the same time run in the order in which they were scheduled. So the world does not depend on how often it is
# advanced.


class Agenda:
    """A queue of calls ordered by time, in epoch milliseconds."""

    def __init__(self, now_ms: int) -> None:
        self.now_ms = now_ms
        self._heap: list[tuple[int, int, Callable[..., object], tuple[object, ...]]] = []
        self._planned = 0

    def at(self, ms: int, call: Callable[..., object], *args: object) -> None:
        """Schedule a call; a time in the past means now."""
        self._planned += 1
        heapq.heappush(self._heap, (max(self.now_ms, ms), self._planned, call, args))

    def after(self, delay_ms: int, call: Callable[..., object], *args: object) -> None:
        """Schedule a call after a delay."""
        self.at(self.now_ms + delay_ms, call, *args)

    def run_until(self, ms: int) -> None:
        """Run all events up to and including that time. A time in the past changes nothing."""
        heap, pop = self._heap, heapq.heappop
        while heap and heap[0][0] <= ms:
            self.now_ms, _, call, args = pop(heap)
            call(*args)
        self.now_ms = max(self.now_ms, ms)

    @property
    def next_ms(self) -> int | None:
        """The time of the next event; None when none is scheduled."""
        return self._heap[0][0] if self._heap else None

    def __len__(self) -> int:
        return len(self._heap)


# The failed runs that lists contain, by their error group.
#
# A group is a task and a fingerprint. The server hashes the kind and the whole message of an error; the class and the
# stack do not count (recordings 620, 1030: each recorded fingerprint follows from its message).


GROUPED = frozenset({Status.FAILED, Status.CRASHED, Status.TIMED_OUT, Status.SYSTEM_FAILURE})
"""The statuses that count as a failure. Canceled and expired runs are in no group."""


class GroupKey(NamedTuple):
    """The key of an error group."""

    fingerprint: str
    task_id: str


class FailedRuns:
    """The numbers of failed runs, ascending, by error group."""

    def __init__(self) -> None:
        self._by_fingerprint: defaultdict[str, dict[str, list[int]]] = defaultdict(dict)

    def add(self, run: Run) -> None:
        """Add a run, if it failed."""
        if run.failure is not None and run.status in GROUPED:
            insort(self._by_fingerprint[run.failure.fingerprint].setdefault(run.task_id, []), run.number)

    def drop(self, run: Run) -> None:
        """Drop a run."""
        if run.failure is None or (tasks := self._by_fingerprint.get(run.failure.fingerprint)) is None:
            return
        numbers = tasks.get(run.task_id, [])
        at = bisect_left(numbers, run.number)
        if at < len(numbers) and numbers[at] == run.number:
            del numbers[at]
        if not numbers:
            tasks.pop(run.task_id, None)
        if not tasks:
            del self._by_fingerprint[run.failure.fingerprint]

    def groups(self) -> Iterator[tuple[GroupKey, list[int]]]:
        """All groups with the numbers of their runs."""
        for fingerprint, tasks in self._by_fingerprint.items():
            for task_id, numbers in tasks.items():
                yield GroupKey(fingerprint, task_id), numbers

    def with_fingerprint(self, fingerprint: str) -> dict[str, list[int]]:
        """The numbers of the runs with this fingerprint, by task."""
        return self._by_fingerprint.get(fingerprint, {})


# All runs of an environment, and the indexes that lists are filtered by.
#
# The real server answers lists and queries from an analytics store that lags 0.3 to 1.0 s behind its database
# (tests/wire/recordings/README.md §3). Here that store is `Run.listed_status`, the status that lists show, and an index
# of the runs that lists contain. `copy` updates both.


Field = str
"""The name of an index: task, tag, queue, batch, machine, version, schedule or test."""

MAX_REQUESTS = 1000
"""Requests whose run is remembered. A client repeats a request within seconds or never."""


class Ledger:
    """The runs, numbered in the order of their creation."""

    def __init__(self) -> None:
        self.by_id: dict[str, Run] = {}
        self.by_number: dict[int, Run] = {}
        self.by_idempotency: dict[tuple[str, str], Run] = {}
        self.by_request: OrderedDict[str, Run] = OrderedDict()
        self._is_followed = False
        self.changed: dict[int, None] = {}
        """Numbers of the runs that changed for lists. The follower (`query.database`) empties it."""
        self.dropped: list[int] = []
        """Numbers of the runs that were dropped. The follower empties it."""
        self.failed = FailedRuns()
        self._visible: list[int] = []
        self._created_ms: list[int] = []
        self._by_field: defaultdict[tuple[Field, str], list[int]] = defaultdict(list)
        self._by_status: dict[Status, SortedList[int]] = {status: SortedList() for status in Status}

    def __len__(self) -> int:
        return len(self.by_number)

    def __iter__(self) -> Iterator[Run]:
        """Iterate over all runs, oldest first."""
        return iter(self.by_number.values())

    def follow(self) -> None:
        """Record changes from now on, for one follower. Without a follower they would pile up."""
        self._is_followed = True
        self.changed.clear()
        self.dropped.clear()

    def add(self, run: Run) -> None:
        """Add a new run. Lists do not contain it until `copy`."""
        self.by_id[run.id] = run
        self.by_number[run.number] = run
        if run.idempotency_key:
            self.by_idempotency[run.task_id, run.idempotency_key] = run

    def record_request(self, request_key: str, run: Run) -> None:
        """Remember the run that a request created, in case the response is lost and the client repeats the request."""
        if request_key:
            self.by_request[request_key] = run
            if len(self.by_request) > MAX_REQUESTS:
                self.by_request.popitem(last=False)

    def copy(self, run: Run) -> None:
        """Copy the run, as it is now, to the lists."""
        before = run.listed_status
        run.listed_status = run.status
        self._record_change(run)
        if before is None:
            self._show(run)
        elif before is not run.status:
            self._by_status[before].remove(run.number)
        if before is not run.status:
            self._by_status[run.status].add(run.number)
            self.failed.add(run)

    def copy_all(self) -> None:
        """Copy all runs to the lists, at the end of the history, during which nothing was copied."""
        numbers: dict[Status, list[int]] = {status: [] for status in Status}
        for run in self:
            if run.listed_status is None:
                run.listed_status = run.status
                self._record_change(run)
                self._show(run)
                self.failed.add(run)
                numbers[run.status].append(run.number)
        for status, found in numbers.items():
            self._by_status[status].update(found)

    def tag(self, run: Run, tags: tuple[str, ...]) -> None:
        """Set the tags of a run, and index the new ones if lists contain the run."""
        new = [tag for tag in tags if tag not in run.tags]
        run.tags = tags
        if run.listed_status is not None:
            for tag in new:
                self._insert("tag", tag, run.number)

    def index_version(self, run: Run) -> None:
        """Index the version of a run, which was just set, if lists contain the run."""
        if run.listed_status is not None:
            self._insert("version", run.version, run.number)

    def drop(self, run: Run) -> None:
        """Drop a run. The indexes keep its number until `compact`."""
        del self.by_id[run.id], self.by_number[run.number]
        key = (run.task_id, run.idempotency_key)
        if self.by_idempotency.get(key) is run:
            del self.by_idempotency[key]
        if run.listed_status is not None:
            self._by_status[run.listed_status].remove(run.number)
            self.failed.drop(run)
        if self._is_followed:
            self.changed.pop(run.number, None)
            self.dropped.append(run.number)

    def compact(self) -> None:
        """Remove dropped numbers from the indexes. Takes time in proportion to all runs."""
        kept = self.by_number
        pairs = [(n, ms) for n, ms in zip(self._visible, self._created_ms, strict=True) if n in kept]
        self._visible = [number for number, _ in pairs]
        self._created_ms = [ms for _, ms in pairs]
        for key in list(self._by_field):
            numbers = [number for number in self._by_field[key] if number in kept]
            if numbers:
                self._by_field[key] = numbers
            else:
                del self._by_field[key]

    def visible(self) -> list[int]:
        """The numbers of all runs that lists contain, ascending. Some may be dropped."""
        return self._visible

    def with_status(self, status: Status) -> "SortedList[int]":
        """The numbers of the runs that lists show with this status, ascending."""
        return self._by_status[status]

    def with_field(self, field: Field, value: str) -> list[int]:
        """The numbers of the visible runs with this value, ascending. Some may be dropped."""
        return self._by_field.get((field, value), [])

    def first_since(self, created_ms: int) -> int:
        """The number of the first visible run created at or after that time; above the last number if there is none."""
        at = bisect_left(self._created_ms, created_ms)
        return self._visible[at] if at < len(self._visible) else (self._visible[-1] + 1 if self._visible else 0)

    def last_until(self, created_ms: int) -> int:
        """The number of the last visible run created at or before that time; -1 when there is none."""
        at = bisect_right(self._created_ms, created_ms)
        return self._visible[at - 1] if at else -1

    def _record_change(self, run: Run) -> None:
        if self._is_followed:
            self.changed[run.number] = None

    def _show(self, run: Run) -> None:
        number = run.number
        at = bisect_left(self._visible, number)
        self._visible.insert(at, number)
        self._created_ms.insert(at, run.created_ms)
        for tag in run.tags:
            self._insert("tag", tag, number)
        facts = {"task": run.task_id, "queue": run.queue, "machine": run.machine, "batch": run.batch_id}
        facts |= {"version": run.version, "test": "true" if run.is_test else "", "schedule": run.schedule_id}
        for name, value in facts.items():
            if value:
                self._insert(name, value, number)

    def _insert(self, field: Field, value: str, number: int) -> None:
        numbers = self._by_field[field, value]
        if not numbers or numbers[-1] < number:
            numbers.append(number)
        else:
            at = bisect_left(numbers, number)
            if at == len(numbers) or numbers[at] != number:
                numbers.insert(at, number)


# Records changes of runs: sets the status and the time of the change, logs it, and copies it to the lists later.
#
# The log of recent changes lets the realtime feed find new rows without reading all runs.


LOG_MS = 30_000
"""How long the log keeps a change: longer than the server holds any poll. A poll that was held to the end does not use
the log but reads all runs.
"""


class Change(NamedTuple):
    """One change of a run. `version` counts the changes of its world."""

    version: int
    ms: int
    run: Run


class ChangeLog:
    """The changes of the last `LOG_MS`, in order."""

    def __init__(self) -> None:
        self.version = 0
        """The version of the last change."""
        self._recent: deque[Change] = deque()

    def record(self, run: Run, now_ms: int) -> None:
        """Log a change of the run at this time."""
        self.version += 1
        recent = self._recent
        recent.append(Change(self.version, now_ms, run))
        while recent[0].ms < now_ms - LOG_MS:
            recent.popleft()

    def after(self, version: int) -> Iterator[Change]:
        """The changes after that version, oldest first."""
        return self._last(takewhile(lambda change: change.version > version, reversed(self._recent)))

    def since(self, ms: int) -> Iterator[Change]:
        """The changes since that time, oldest first."""
        return self._last(takewhile(lambda change: change.ms >= ms, reversed(self._recent)))

    @staticmethod
    def _last(newest_first: Iterator[Change]) -> Iterator[Change]:
        return reversed(list(newest_first))


class Changes:
    """Records changes. `lag_ms` is the shortest and the longest delay until lists show a change."""

    def __init__(self, agenda: Agenda, ledger: Ledger, lag_ms: tuple[int, int]) -> None:
        self.agenda = agenda
        self.ledger = ledger
        self.log = ChangeLog()
        self.is_copying = False
        """Whether changes are logged and copied to the lists. False while the history is simulated, which ends with a
        copy of all runs.
        """
        self._lag_ms = lag_ms

    def set_status(self, run: Run, status: Status) -> int:
        """Set the status. This cancels the run's scheduled events, by a new `Run.turn`, which is returned."""
        run.status = status
        run.turn += 1
        self.touch(run)
        return run.turn

    def touch(self, run: Run) -> None:
        """Set the time of the last change to now."""
        run.updated_ms = self.agenda.now_ms
        self.publish(run)

    def publish(self, run: Run) -> None:
        """Log a change of the run, and copy the run to the lists after the delay."""
        if self.is_copying:
            self.log.record(run, self.agenda.now_ms)
        self.copy_later(run)

    def copy_later(self, run: Run) -> None:
        """Copy the run to the lists after the delay, in the state that it has by then."""
        if self.is_copying and not run.is_copy_scheduled:
            run.is_copy_scheduled = True
            low, high = self._lag_ms
            self.agenda.after(low + run.seed % (high - low + 1), self._copy, run)

    def _copy(self, run: Run) -> None:
        run.is_copy_scheduled = False
        if run.number in self.ledger.by_number:
            self.ledger.copy(run)


MAX_DROPPED_SHARE = 0.25
"""The indexes are rebuilt when they hold more dropped runs than this share of the kept ones."""


def drop_oldest(ledger: Ledger, count: int, kept: Collection[Run] = ()) -> None:
    """Drop the oldest `count` finished runs, except `kept` roots with their families.

    Whole families go first, then single runs and the leaves of families.
    """
    dropped: list[Run] = []
    for run in ledger:
        if len(dropped) >= count:
            break
        family = _family(run) if run.root is None and run not in kept else []
        if len(dropped) + len(family) <= count and all(member.status.is_final for member in family):
            dropped += family
    for run in dropped:
        ledger.drop(run)
    count -= len(dropped)
    if count > 0:
        _drop_single_runs(ledger, count, kept)
    if len(ledger.visible()) > len(ledger) * (1 + MAX_DROPPED_SHARE):
        ledger.compact()


def _drop_single_runs(ledger: Ledger, count: int, kept: Collection[Run]) -> None:
    for run in sorted(ledger, key=lambda run: (run.depth > 0, -run.depth, run.number)):
        if count > 0 and run.status.is_final and not run.children and (run.root or run) not in kept:
            count -= 1
            if run.parent is not None:
                # The trace still refers to it, and so do runs that wait for it. Only the rows disappear.
                run.parent.children = tuple(child for child in run.parent.children if child is not run)
            ledger.drop(run)


def _family(root: Run) -> list[Run]:
    family = [root]
    for run in family:
        family.extend(run.children)
    return family
