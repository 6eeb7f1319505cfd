"""Plans which pages find the live runs, and which find the runs that ended. It does no IO.

A scan reads every live run of some statuses, page by page. `run_lister` and `older` send its requests. An expected run
that no page shows has left the live set. `plan_windows` groups such runs by creation time, so that one page finds as
many of them as possible; `rereads` reads these windows.

Source: tests/wire/recordings/README.md §3.
"""

from collections.abc import Callable, Iterable
from dataclasses import field
from datetime import datetime, timedelta

from tui.domain.ids import RunId, TaskId
from tui.domain.run import Run
from tui.domain.status import RunStatus
from tui.lazy_dataclass import dataclass
from tui.sources.paging import Paging
from tui.wire.runs import ListPage

PAGE_SIZE = 100
"""The largest page of the list. Source: tests/wire/recordings/README.md (recordings 014 and 015)."""

RUNNING_WORDS = ("EXECUTING", "DEQUEUED", "WAITING")
QUEUED_WORDS = ("QUEUED", "DELAYED", "PENDING_VERSION")
"""Values of `filter[status]`. EXECUTING does not match DEQUEUED rows. Source: tests/wire/recordings/README.md §2."""

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

    status_words: tuple[str, ...]
    expected: frozenset[RunId]
    paging: Paging = field(default_factory=Paging)
    _found: set[RunId] = field(default_factory=set)

    def add_page(self, page: ListPage) -> None:
        """Add a page. Pages that do not end end the pass."""
        ids = [patch.id for patch in page.patches]
        self._found.update(ids)
        self.paging.add(ids, page.next)

    @property
    def missing(self) -> frozenset[RunId]:
        """Return the expected runs that no page showed. Valid once the pass is done."""
        return self.expected - self._found


@dataclass(frozen=True, slots=True)
class Window:
    """A range of creation times that contains all `run_ids`. All its runs probably fit in about one page.

    With a `task`, only runs of that task are listed.
    """

    created_from: datetime
    created_to: datetime
    run_ids: tuple[RunId, ...]
    task: TaskId | None = None


class Density:
    """Estimates from pages how many runs were created per second, of one task or of all (None).

    The store does not have all runs: it has few from before its history, and none that a filter excludes.
    """

    def __init__(self) -> None:
        self._per_s: dict[TaskId | None, float] = {}

    def record(self, task: TaskId | None, count: int, duration: timedelta) -> None:
        """Record that pages showed `count` runs, which were created within `duration`."""
        self._per_s[task] = count / max(duration, CREATED_SLACK).total_seconds()

    def decay(self) -> None:
        """Halve all densities, since the list may be less dense around the next runs to find."""
        self._per_s = {task: per_s / 2 for task, per_s in self._per_s.items() if per_s > MIN_RUNS_PER_S}

    def rank(self, task: TaskId | None, known_rank: float, age: timedelta) -> float:
        """Estimate how many runs of the list are newer than a run of this age. `known_rank` of them are known."""
        return max(known_rank, self._per_s.get(task, 0.0) * age.total_seconds())


def plan_windows(runs: Iterable[Run], rank: Callable[[RunId], float]) -> tuple[list[Window], list[RunId]]:
    """Return windows for these runs, the fullest first, and the runs without a creation time.

    `rank` is a run's index among all runs that a page may show, the newest first. Runs whose ranks are less than a page
    apart share a window.
    """
    ranked: list[tuple[float, datetime, RunId]] = []
    undated: list[RunId] = []
    for run in runs:
        if run.created_at is None:
            undated.append(run.id)
        else:
            ranked.append((rank(run.id), run.created_at, run.id))
    ranked.sort()
    groups: list[list[tuple[float, datetime, RunId]]] = []
    for entry in ranked:
        # Keep all runs of one moment in one window: two windows of the same moment would read the same pages.
        if groups and (entry[0] - groups[-1][0][0] < PAGE_SIZE or entry[1] == groups[-1][-1][1]):
            groups[-1].append(entry)
        else:
            groups.append([entry])
    planned = [
        Window(
            min(created for _, created, _ in group) - CREATED_SLACK,
            max(created for _, created, _ in group) + CREATED_SLACK,
            tuple(run_id for _, _, run_id in group),
        )
        for group in groups
    ]
    return sorted(planned, key=lambda window: -len(window.run_ids)), undated
