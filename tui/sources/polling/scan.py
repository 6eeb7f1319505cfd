"""How polling notices that live runs changed: list pages by status, and windows over creation time.

What lives here: the bookkeeping, without IO. A `Scan` reads every live run of some statuses page by page, over as
many cycles as it takes; runs that it should have met and did not have left the live set, and `windows` groups them
so that one list page of 100 finds as many of them as possible, by how close pages showed runs to stand (`Density`).
Source: DESIGN §4; wire/README.md §3.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tui.domain.ids import Cursor, RunId, TaskId
from tui.domain.run import Run
from tui.domain.status import RunStatus

PAGE_SIZE = 100
"""The most that the list gives (recordings 014, 015)."""

RUNNING = ("EXECUTING", "DEQUEUED", "WAITING")
QUEUED = ("QUEUED", "DELAYED", "PENDING_VERSION")
"""Words of `filter[status]`; EXECUTING does not match DEQUEUED rows (wire/README.md §2)."""

RUNNING_STATUSES = frozenset({RunStatus.EXECUTING, RunStatus.REATTEMPTING, RunStatus.WAITING_TO_RESUME})
QUEUED_STATUSES = frozenset({RunStatus.QUEUED, RunStatus.DELAYED, RunStatus.WAITING_FOR_DEPLOY})

LEAST_PER_S = 1 / 86_400
"""One in a day is no crowd."""

CREATED_SLACK = timedelta(milliseconds=1)
"""Around a window: whether its ends belong to it is nowhere said, and list times are whole milliseconds."""


@dataclass(slots=True)
class Scan:
    """One pass over the live runs of some statuses, newest first, a page at a time.

    `expected` are the runs that were known to be in them when the pass began; at its end, `left` are those of them
    that no page showed.
    """

    words: tuple[str, ...]
    expected: frozenset[RunId]
    cursor: Cursor | None = None
    is_done: bool = False
    _seen: set[RunId] = field(default_factory=set)
    _cursors: set[Cursor] = field(default_factory=set)

    def take(self, run_ids: Iterable[RunId], next_cursor: Cursor | None) -> None:
        """Note one page. A cursor that came before ends the pass: a server must not keep us in a circle."""
        self._seen.update(run_ids)
        self.is_done = next_cursor is None or next_cursor in self._cursors
        self.cursor = next_cursor
        if next_cursor is not None:
            self._cursors.add(next_cursor)

    @property
    def left(self) -> frozenset[RunId]:
        """Runs that were expected and not seen; only meaningful when the pass is done."""
        return self.expected - self._seen


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of creation time that holds all `run_ids`, and probably not many more runs than a page: of one `task`
    where that is given.
    """

    created_from: datetime
    created_to: datetime
    run_ids: tuple[RunId, ...]
    task: TaskId | None = None


class Density:
    """How close runs stand in the list, of all tasks (None) or of one, as pages showed.

    The store's own runs are not enough to know: of the time before its history it has those that live and few more,
    and a filter keeps others from it.
    """

    def __init__(self) -> None:
        self._per_s: dict[TaskId | None, float] = {}

    def learn(self, task: TaskId | None, count: int, covered: timedelta) -> None:
        """A page showed so many runs of so long a time."""
        self._per_s[task] = count / max(covered, CREATED_SLACK).total_seconds()

    def doubt(self) -> None:
        """Time has passed, and others are looked for: it may be less crowded where they are."""
        self._per_s = {task: per_s / 2 for task, per_s in self._per_s.items() if per_s > LEAST_PER_S}

    def place(self, task: TaskId | None, rank: float, age: timedelta) -> float:
        """Where in the list a run stands at least, of which `rank` newer ones are known."""
        return max(rank, self._per_s.get(task, 0.0) * age.total_seconds())


def windows(runs: Iterable[Run], rank: Callable[[RunId], float]) -> tuple[list[Window], list[RunId]]:
    """Group runs so that few list pages cover them; those without a creation time are given back on their own.

    `rank` is a run's place in creation order among all runs that a page may show: neighbours within a page's reach
    share a window. The fullest windows come first.
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
        # Runs of one moment are in one window however many they are, or it would be read over and over.
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
