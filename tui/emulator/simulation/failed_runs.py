"""The failed runs that lists contain, by their error group.

A group is a task and a fingerprint. The server hashes the kind and the whole message of an error; the class and the
stack do not count (recordings 620, 1030: each recorded fingerprint follows from its message).
"""

from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

from tui.emulator.simulation.runs import Run
from tui.emulator.simulation.statuses import Status

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
