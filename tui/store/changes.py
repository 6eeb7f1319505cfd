"""What an update changed in the store, and the orders in which lists sort runs."""

from collections.abc import Callable, Hashable
from dataclasses import field
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from math import inf, nextafter
from typing import Any, Final, NamedTuple, TypeVar

from tui.domain.run import EXECUTING_FAMILY, FAILED, QUEUED_FAMILY, Run, RunId, RunStatus
from tui.lazy_dataclass import dataclass

# The orders in which the list can sort runs. A new order is one row in `ORDERS`.
#
# A sort key depends only on the run, never on the current time. Every key ends in the creation time and the id, so that
# no two runs have the same key. Times and durations are floats: of all types they are compared fastest, and take the
# least memory. Until the year 2242 they are exact to the microsecond.


EPOCH = datetime.fromtimestamp(0, UTC)
"""Stands for an unknown creation time. Such a run is the oldest."""

Key = tuple[float, RunId]
"""The negative creation time in seconds, and the id."""

SortKey = tuple[Any, ...]
"""The rank of a run, then the two parts of its `Key`. The order of creation has no rank, so there it is the `Key`."""

MAX_FOLDED_TASKS: Final = 1024
K = TypeVar("K", bound=Hashable)


def newest_first(run: Run) -> Key:
    """Return the key of the server's order: newest creation first, then by id."""
    created_at = run.created_at
    return 0.0 if created_at is None else -created_at.timestamp(), run.id


def key_before(at: datetime) -> tuple[float]:
    """Return a key that sorts before all runs created at this time, and after those created later."""
    return (-at.timestamp(),)


def key_after(at: datetime) -> tuple[float]:
    """Return a key that sorts after all runs created at this time, and before those created earlier."""
    return (nextafter(-at.timestamp(), inf),)


def add_to(counts: dict[K, int], key: K, number: int) -> None:
    """Add to a count. One that is zero is left out."""
    count = counts.get(key, 0) + number
    if count > 0:
        counts[key] = count
    else:
        counts.pop(key, None)


class KeyedRun(NamedTuple):
    """A run and its `newest_first` key. All indexes and views share the key: for 100,000 runs the keys take 8 MB."""

    run: Run
    key: Key


@dataclass(frozen=True, slots=True)
class Order:
    """One way to sort runs. `rank` returns what comes before creation time and id; the smallest is first.

    None: nothing comes before them. All ranks of an order have the same type, a number or a text. `sentence` says what
    comes first.
    """

    id: str
    title: str
    rank: Callable[[Run], float | str] | None
    sentence: str

    def key(self, run: Run) -> SortKey:
        """Return the sort key of a run. It is unique, and its last part is the id."""
        return newest_first(run) if self.rank is None else (self.rank(run), *newest_first(run))


_GROUPS: tuple[frozenset[RunStatus], ...] = (
    FAILED,
    EXECUTING_FAMILY,
    frozenset({RunStatus.WAITING_TO_RESUME}),
    QUEUED_FAMILY,
    frozenset({RunStatus.EXPIRED}),
    frozenset({RunStatus.CANCELLED}),
    frozenset({RunStatus.COMPLETED_SUCCESSFULLY}),
)
_GROUP_OF = {status: number for number, group in enumerate(_GROUPS) for status in group}


_NO_STATUS: Final = _GROUP_OF[RunStatus.QUEUED]


def _by_status(run: Run) -> int:
    # `run.status` takes three times as long. It only tells retries apart, which are in the same group.
    return _NO_STATUS if run.state is None else _GROUP_OF[run.state.status.canonical]


@lru_cache(MAX_FOLDED_TASKS)
def _folded(task: str) -> str:
    """Return a text that sorts tasks without regard to case. All runs of a task share it."""
    return f"{task.casefold()}\0{task}"


_MAX_TIME_S: Final = 2.0**38
"""More seconds than any run takes and any time has: 8,700 years. Times minus it are exact to 0.1 ms."""


def _by_took(run: Run) -> float:
    """Running runs first, earliest start first; then finished ones, longest first; then those that never started."""
    state = run.state
    if state is None or state.started_at is None:
        return inf
    if state.finished_at is None:
        return inf if state.status.canonical.is_final else state.started_at.timestamp() - _MAX_TIME_S
    return (state.started_at - state.finished_at).total_seconds()


def _by_update(run: Run) -> float:
    return -run.state.updated_at.timestamp() if run.state else 0.0


def _by_cost(run: Run) -> float:
    return -(run.state.cost_cents + run.state.base_cost_cents) if run.state else 0.0


CREATED = Order("created", "age", None, "Newest runs first")
STATUS = Order("status", "status", _by_status, "Failed runs first, then running and waiting ones, completed runs last")
TASK = Order("task", "task", lambda run: _folded(run.fixed.task or ""), "By the name of the task")
TOOK = Order("took", "took", _by_took, "Running runs first, then the longest ones")
UPDATED = Order("updated", "updated", _by_update, "Latest change first")
COST = Order("cost", "cost", _by_cost, "Most expensive runs first")
ORDERS = (CREATED, STATUS, TASK, TOOK, UPDATED, COST)
"""All orders. The sort key steps through them in this order."""


def order_named(name: str | None) -> Order:
    """Return the order of an id, the usual one for an unknown one."""
    return next((each for each in ORDERS if each.id == name), CREATED)


# `Changes`: what an update changed in the store. The session merges them and passes them to its listeners.


class Topic(StrEnum):
    """A part of the store that changed.

    RUNS: `added`, `changed` or `removed` is not empty. COUNTS: `Store.server_counts`. CAPABILITIES:
    `Store.lost_capabilities`. SOURCES: `Store.source_statuses` or `Store.caught_up`. Each other topic is the attribute
    of the store with the same name.
    """

    RUNS = "runs"
    COUNTS = "counts"
    ENVIRONMENT = "environment"
    CAPABILITIES = "capabilities"
    SOURCES = "sources"
    HISTORY = "history"
    BUDGET = "budget"
    ACTIONS = "actions"
    RECONCILED = "reconciled"
    WINDOW = "window"
    WALL_FACTS = "wall_facts"
    VERDICT = "verdict"


@dataclass(frozen=True, slots=True)
class Transition:
    """A run's status or its title changed. `before` is None if no status of the run was known."""

    run_id: RunId
    before: Run | None
    after: Run


@dataclass(slots=True)
class Changes:
    """The changes of the store since some moment. A run is in at most one of `added`, `changed` and `removed`.

    * `added`: runs that are new. A run that is known only by its id, as the parent of another, counts too.
    * `changed`: runs with a different facet, or a different action on them.
    * `removed`: runs that the store has dropped, also those that were added and dropped within the same `Changes`.
    * `transitions`: changes of a run's status, in the order of the updates.
    """

    added: set[RunId] = field(default_factory=set)
    changed: set[RunId] = field(default_factory=set)
    removed: set[RunId] = field(default_factory=set)
    transitions: list[Transition] = field(default_factory=list)
    topics: set[Topic] = field(default_factory=set)

    @property
    def is_empty(self) -> bool:
        """Whether nothing changed."""
        return not (self.added or self.changed or self.removed or self.transitions or self.topics)

    def record(self, before: Run | None, after: Run) -> None:
        """Record that a run changed from `before` to `after`. None: the store did not have it."""
        if before is None:
            self.added.add(after.id)
        elif after.id not in self.added:
            self.changed.add(after.id)
        known = before if before is not None and before.state is not None else None
        if after.state is not None and (known is None or _status_and_title(known) != _status_and_title(after)):
            self.transitions.append(Transition(after.id, known, after))

    def merge(self, later: "Changes") -> None:
        """Add changes that happened later. Merging in any grouping gives the same. If a run was added and removed, the
        later event wins.
        """
        self.added -= later.removed
        self.added |= later.added
        self.changed -= later.added | later.removed
        self.changed |= later.changed - self.added
        self.removed -= later.added | later.changed
        self.removed |= later.removed
        self.transitions += later.transitions
        self.topics |= later.topics


def _status_and_title(run: Run) -> tuple[RunStatus, str]:
    """Return the status and its title. A status that we do not know keeps its title when the server says that the run
    has ended, so the title alone does not show that change.
    """
    return run.status, run.status_title


@dataclass(frozen=True, slots=True)
class ViewDelta:
    """How a view changed.

    `entered` and `left` are runs that the view now shows or no longer shows. `changed` are other runs of the view;
    they may have moved. Indexes come from the view.
    """

    entered: frozenset[RunId]
    left: frozenset[RunId]
    changed: frozenset[RunId]

    @property
    def is_empty(self) -> bool:
        """Whether nothing changed."""
        return not (self.entered or self.left or self.changed)
