"""Plans scans of the live runs, and the windows that find the runs which ended. It does no IO.

A scan reads every live run of some statuses, page by page. A run that it should have found and did not has left the
live set. `windows` groups such runs so that one page finds as many of them as possible.

Source: tests/wire/recordings/README.md §3.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tui.domain.ids import Cursor, RunId, TaskId
from tui.domain.run import Run
from tui.domain.status import RunStatus

PAGE_SIZE = 100
"""The largest page of the list. Source: tests/wire/recordings/README.md (recordings 014 and 015)."""

RUNNING = ("EXECUTING", "DEQUEUED", "WAITING")
QUEUED = ("QUEUED", "DELAYED", "PENDING_VERSION")
"""Words of `filter[status]`. EXECUTING does not match DEQUEUED rows. Source: tests/wire/recordings/README.md §2."""

RUNNING_STATUSES = frozenset({RunStatus.EXECUTING, RunStatus.REATTEMPTING, RunStatus.WAITING_TO_RESUME})
QUEUED_STATUSES = frozenset({RunStatus.QUEUED, RunStatus.DELAYED, RunStatus.WAITING_FOR_DEPLOY})

MIN_RUNS_PER_S = 1 / 86_400
"""A density below one run a day is dropped."""

CREATED_SLACK = timedelta(milliseconds=1)
"""Added to both ends of a window. The API does not say whether they are inclusive, and list times are milliseconds."""


@dataclass(slots=True)
class Scan:
    """One pass over the live runs of some statuses, newest first.

    `expected` are the runs that were known to have these statuses at the start.
    """

    words: tuple[str, ...]
    expected: frozenset[RunId]
    cursor: Cursor | None = None
    is_done: bool = False
    _found: set[RunId] = field(default_factory=set)
    _cursors: set[Cursor] = field(default_factory=set)

    def add_page(self, run_ids: Iterable[RunId], next_cursor: Cursor | None) -> None:
        """Add a page. A repeated cursor ends the pass, since it would never end otherwise."""
        self._found.update(run_ids)
        self.is_done = next_cursor is None or next_cursor in self._cursors
        self.cursor = next_cursor
        if next_cursor is not None:
            self._cursors.add(next_cursor)

    @property
    def missing(self) -> frozenset[RunId]:
        """Return the expected runs that no page showed. Only meaningful once the pass is done."""
        return self.expected - self._found


@dataclass(frozen=True, slots=True)
class Window:
    """A range of creation times that contains all `run_ids`, and probably few more runs than fit a page.

    With a `task`, only runs of that task are listed.
    """

    created_from: datetime
    created_to: datetime
    run_ids: tuple[RunId, ...]
    task: TaskId | None = None


class Density:
    """How many runs a second the list has, as its pages showed: of all tasks (None), or of one.

    The store alone cannot tell: of the time before its history it has few runs, and a filter keeps runs out of it.
    """

    def __init__(self) -> None:
        self._per_s: dict[TaskId | None, float] = {}

    def record(self, task: TaskId | None, count: int, duration: timedelta) -> None:
        """Record that pages showed `count` runs that were created over `duration`."""
        self._per_s[task] = count / max(duration, CREATED_SLACK).total_seconds()

    def decay(self) -> None:
        """Halve all densities: the next runs to find may be where the list is less dense."""
        self._per_s = {task: per_s / 2 for task, per_s in self._per_s.items() if per_s > MIN_RUNS_PER_S}

    def rank(self, task: TaskId | None, known_rank: float, age: timedelta) -> float:
        """Estimate how many newer runs the list has than a run of this age, of which `known_rank` are known."""
        return max(known_rank, self._per_s.get(task, 0.0) * age.total_seconds())


def windows(runs: Iterable[Run], rank: Callable[[RunId], float]) -> tuple[list[Window], list[RunId]]:
    """Group runs into windows, the fullest first. Runs without a creation time are returned on their own.

    `rank` is a run's index, by creation, among all runs that a page may show. Runs whose ranks are within one page
    share a window.
    """
    placed: list[tuple[float, datetime, RunId]] = []
    unplaced: list[RunId] = []
    for run in runs:
        if run.fixed.created_at is None:
            unplaced.append(run.id)
        else:
            placed.append((rank(run.id), run.fixed.created_at, run.id))
    placed.sort()
    groups: list[list[tuple[float, datetime, RunId]]] = []
    for place in placed:
        # Keep all runs of one moment in one window: two windows of the same moment would read the same pages.
        if groups and (place[0] - groups[-1][0][0] < PAGE_SIZE or place[1] == groups[-1][-1][1]):
            groups[-1].append(place)
        else:
            groups.append([place])
    found = [
        Window(
            min(created for _, created, _ in group) - CREATED_SLACK,
            max(created for _, created, _ in group) + CREATED_SLACK,
            tuple(run_id for _, _, run_id in group),
        )
        for group in groups
    ]
    return sorted(found, key=lambda window: -len(window.run_ids)), unplaced
