"""Counts the failures of one error group in a span of time, kept up to date failure by failure."""

from collections import Counter
from collections.abc import Hashable
from typing import TypeVar

from tui.domain.ids import TaskId
from tui.domain.status import RunStatus
from tui.domain.text import Raw
from tui.store.errors.failures import Failure

K = TypeVar("K", bound=Hashable)


class GroupCounts:
    """The failures of a group in a span by task, version, status, tag and cell of time.

    `revision` grows with each change. A cell's number is its start in seconds since the epoch, divided by its length.
    """

    __slots__ = ("cell_s", "cells", "count", "revision", "statuses", "tags", "tasks", "versions")

    def __init__(self, cell_s: float) -> None:
        self.cell_s = cell_s
        self.count = 0
        self.revision = 0
        self.tasks = Counter[TaskId]()
        self.versions = Counter[Raw]()
        self.statuses = Counter[RunStatus]()
        self.tags = Counter[Raw]()
        self.cells = Counter[int]()

    def add(self, failure: Failure) -> None:
        """Count a failure."""
        self._count(failure, 1)

    def remove(self, failure: Failure) -> None:
        """Undo `add`."""
        self._count(failure, -1)

    def _count(self, failure: Failure, step: int) -> None:
        self.revision += 1
        self.count += step
        if failure.task is not None:
            _step(self.tasks, failure.task, step)
        if failure.version is not None:
            _step(self.versions, failure.version, step)
        _step(self.statuses, failure.status, step)
        _step(self.cells, int(failure.seen_s // self.cell_s), step)
        for tag in set(failure.tags):
            _step(self.tags, tag, step)


def _step(counter: Counter[K], key: K, step: int) -> None:
    count = counter[key] + step
    if count:
        counter[key] = count
    else:
        del counter[key]
