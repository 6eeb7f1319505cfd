"""Counts the failures of one error group in a span of time, kept up to date failure by failure."""

from collections import Counter
from collections.abc import Hashable, Iterable
from math import ceil
from typing import Final, TypeVar

from tui.domain.ids import TaskId
from tui.domain.status import RunStatus
from tui.domain.text import Raw
from tui.store.errors.failures import Failure, TimeSpan

K = TypeVar("K", bound=Hashable)

MAX_COUNTED_TAGS: Final = 1_000
"""A group counts this many tags: 100 KB. Then it forgets those that fewer than a quarter of its runs have."""

_FORGOTTEN_PART: Final = 4


class GroupCounts:
    """The failures of a group in a span by task, version, status, tag and cell of time.

    A cell's number is its start in seconds since the epoch, divided by its length.
    """

    __slots__ = ("cell_s", "cells", "count", "statuses", "tags", "tasks", "versions")

    def __init__(self, cell_s: float) -> None:
        self.cell_s = cell_s
        self.count = 0
        self.tasks = Counter[TaskId]()
        self.versions = Counter[Raw]()
        self.statuses = Counter[RunStatus]()
        self.tags = Counter[Raw]()
        self.cells = Counter[int]()

    def add(self, failure: Failure) -> None:
        """Count a failure."""
        self.count += 1
        if failure.task is not None:
            self.tasks[failure.task] += 1
        if failure.version is not None:
            self.versions[failure.version] += 1
        self.statuses[failure.status] += 1
        self.cells[int(failure.seen_s // self.cell_s)] += 1
        self.tags.update(_unique(failure.tags))
        if len(self.tags) > MAX_COUNTED_TAGS:
            self._forget_rare_tags()

    def remove(self, failure: Failure) -> None:
        """Undo `add`."""
        self.count -= 1
        if failure.task is not None:
            _take_one(self.tasks, failure.task)
        if failure.version is not None:
            _take_one(self.versions, failure.version)
        _take_one(self.statuses, failure.status)
        _take_one(self.cells, int(failure.seen_s // self.cell_s))
        for tag in _unique(failure.tags):
            _take_one(self.tags, tag)

    def cell_counts(self, span: TimeSpan) -> tuple[int, ...]:
        """Return the counts of the span's last cells. What lies beyond them counts to the first and the last one."""
        end = ceil(span.until.timestamp() / self.cell_s)
        counts = [0] * span.cells
        for number, count in self.cells.items():
            counts[min(max(number - end + span.cells, 0), span.cells - 1)] += count
        return tuple(counts)

    def _forget_rare_tags(self) -> None:
        """Forget tags of few runs. A tag that most runs have comes back long before it counts as shared.

        A run has at most 10 tags, so that at most 40 stay.
        """
        least = self.count / _FORGOTTEN_PART
        self.tags = Counter({tag: count for tag, count in self.tags.items() if count >= least})


def _unique(tags: tuple[Raw, ...]) -> Iterable[Raw]:
    return set(tags) if len(tags) > 1 else tags


def _take_one(counter: Counter[K], key: K) -> None:
    count = counter[key] - 1
    if count > 0:
        counter[key] = count
    else:
        counter.pop(key, None)
