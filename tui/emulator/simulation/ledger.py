"""All runs of an environment, and the indexes that lists are filtered by.

The real server answers lists and queries from an analytics store that lags 0.3 to 1.0 s behind its database
(tests/wire/recordings/README.md §3). Here that store is `Run.listed_status`, the status that lists show, and an index
of the runs that lists contain. `copy` updates both.
"""

from bisect import bisect_left, bisect_right
from collections import OrderedDict, defaultdict
from collections.abc import Iterator

from sortedcontainers import SortedList

from tui.emulator.simulation.failed_runs import FailedRuns
from tui.emulator.simulation.runs import Run
from tui.emulator.simulation.statuses import Status

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
        self._by_request: OrderedDict[str, Run] = OrderedDict()
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

    def find_by_request(self, request_key: str) -> Run | None:
        """The run that this request created, if it was sent before."""
        return self._by_request.get(request_key)

    def record_request(self, request_key: str, run: Run) -> None:
        """Remember the run that a request created, in case the response is lost and the client repeats the request."""
        if request_key:
            self._by_request[request_key] = run
            if len(self._by_request) > MAX_REQUESTS:
                self._by_request.popitem(last=False)

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
        at = (
            len(self._visible)
            if not self._visible or self._visible[-1] < number
            else bisect_left(self._visible, number)
        )
        self._visible.insert(at, number)
        self._created_ms.insert(at, run.created_ms)
        self._insert("task", run.task_id, number)
        self._insert("queue", run.queue, number)
        self._insert("machine", run.machine, number)
        for tag in run.tags:
            self._insert("tag", tag, number)
        if run.batch_id:
            self._insert("batch", run.batch_id, number)
        if run.version:
            self._insert("version", run.version, number)
        if run.is_test:
            self._insert("test", "true", number)
        if run.schedule_id:
            self._insert("schedule", run.schedule_id, number)

    def _insert(self, field: Field, value: str, number: int) -> None:
        numbers = self._by_field[field, value]
        if not numbers or numbers[-1] < number:
            numbers.append(number)
        else:
            at = bisect_left(numbers, number)
            if at == len(numbers) or numbers[at] != number:
                numbers.insert(at, number)
