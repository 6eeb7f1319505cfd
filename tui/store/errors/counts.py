"""Counts the failures of one error group in a span of time, kept up to date failure by failure."""

from collections.abc import Hashable, Iterable
from typing import Final, TypeVar

from tui.domain.ids import TaskId
from tui.domain.status import RunStatus
from tui.domain.text import Raw
from tui.store.errors.failures import Failure

K = TypeVar("K", bound=Hashable)

MAX_COUNTED_TAGS: Final = 1_000
"""A group counts this many tags: 100 KB. Then it forgets those that fewer than a quarter of its runs have."""

_FORGOTTEN_PART: Final = 4


class GroupCounts:
    """The failures of a group in a span by task, version, status, tag and cell of time.

    The numbers are in plain dictionaries: 10,000 groups of one failure each are counted in a fifth of the time that
    `Counter` takes.
    """

    __slots__ = ("cell_s", "cells", "count", "statuses", "tags", "tasks", "versions")

    def __init__(self, cell_s: float) -> None:
        self.cell_s = cell_s
        self.count = 0
        self.tasks: dict[TaskId, int] = {}
        self.versions: dict[Raw, int] = {}
        self.statuses: dict[RunStatus, int] = {}
        self.tags: dict[Raw, int] = {}
        self.cells: dict[int, int] = {}

    def add(self, failure: Failure) -> None:
        """Count a failure."""
        self.count += 1
        if failure.task is not None:
            _add_one(self.tasks, failure.task)
        if failure.version is not None:
            _add_one(self.versions, failure.version)
        _add_one(self.statuses, failure.status)
        _add_one(self.cells, int(failure.seen_s // self.cell_s))
        for tag in _unique(failure.tags):
            _add_one(self.tags, tag)
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

    def _forget_rare_tags(self) -> None:
        """Forget tags of few runs. A tag that most runs have comes back long before it counts as shared.

        A run has at most 10 tags, so that at most 40 stay.
        """
        least = self.count / _FORGOTTEN_PART
        self.tags = {tag: count for tag, count in self.tags.items() if count >= least}


def _unique(tags: tuple[Raw, ...]) -> Iterable[Raw]:
    return set(tags) if len(tags) > 1 else tags


def _add_one(counts: dict[K, int], key: K) -> None:
    counts[key] = counts.get(key, 0) + 1


def _take_one(counts: dict[K, int], key: K) -> None:
    count = counts.get(key, 0) - 1
    if count > 0:
        counts[key] = count
    else:
        counts.pop(key, None)
