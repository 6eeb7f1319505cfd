"""The orders in which runs can be shown, as data.

What lives here: the keys. Every key depends on the run alone, never on the time now, and is total: it ends in the
newest creation, then the id. A new order is one row in `ORDERS`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from tui.domain.ids import RunId
from tui.domain.run import Run
from tui.domain.status import EXECUTING_FAMILY, FAILED, QUEUED_FAMILY, RunStatus

EPOCH = datetime.fromtimestamp(0, UTC)
"""Where a run stands whose creation time is not known: before all others, and always in the same place."""

Key = tuple[timedelta, RunId]
SortKey = tuple[Any, ...]
"""What an order puts first, then the two parts of a `Key`."""


def newest_first(run: Run) -> Key:
    """The key of the server's own order: the latest creation first, then the id."""
    return EPOCH - (run.fixed.created_at or EPOCH), run.id


class KeyedRun(NamedTuple):
    """A run with its `newest_first` key, which all indexes share: of 100,000 runs the keys weigh 11 MB."""

    run: Run
    key: Key


@dataclass(frozen=True, slots=True)
class Order:
    """One way to sort: `rank` is what comes before creation and id; the smallest comes first."""

    id: str
    title: str
    rank: Callable[[Run], SortKey]

    def key(self, run: Run) -> SortKey:
        """What the run is sorted by; no two runs share one, and its last part is the id."""
        return (*self.rank(run), *newest_first(run))


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


def _by_created(_run: Run) -> SortKey:
    return ()


def _by_status(run: Run) -> SortKey:
    return (_GROUP_OF[run.status],)


def _by_task(run: Run) -> SortKey:
    task = run.fixed.task or ""
    return task.casefold(), task


def _by_took(run: Run) -> SortKey:
    """Those that run, the earliest start first; then those that ended, the longest first; then those never started."""
    state = run.state
    if state is None or state.started_at is None:
        return 2, timedelta()
    if state.finished_at is None:
        return (0, state.started_at - EPOCH) if not run.is_final else (2, timedelta())
    return 1, state.started_at - state.finished_at


def _by_updated(run: Run) -> SortKey:
    return (EPOCH - (run.state.updated_at if run.state else EPOCH),)


def _by_cost(run: Run) -> SortKey:
    return (-(run.state.cost_cents + run.state.base_cost_cents) if run.state else 0.0,)


CREATED = Order("created", "age", _by_created)
STATUS = Order("status", "status", _by_status)
TASK = Order("task", "task", _by_task)
TOOK = Order("took", "took", _by_took)
UPDATED = Order("updated", "updated", _by_updated)
COST = Order("cost", "cost", _by_cost)
ORDERS = (CREATED, STATUS, TASK, TOOK, UPDATED, COST)
"""All of them, in the order in which a key steps through."""
