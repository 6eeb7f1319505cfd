"""The orders of the list of queues, and its typed filter."""

from collections.abc import Callable
from typing import Final, NamedTuple

from tui.lazy_dataclass import dataclass
from tui.store.findings.board import QueueRow
from tui.store.findings.queue_order import QueueRank, worst_first


@dataclass(frozen=True, slots=True)
class QueueOrder:
    """An order of the list. `words` stand in the rule, `sentence` in the command line."""

    id: str
    words: str
    sentence: str
    rank: Callable[[QueueRow], QueueRank]


def _age_rank(row: QueueRow) -> float:
    return float("inf") if row.oldest_at is None else row.oldest_at.timestamp()


def _usage(row: QueueRow) -> float:
    if row.running is None or not row.limit:
        return 0.0
    return row.running / row.limit


def _longest_first(row: QueueRow) -> QueueRank:
    return (-(row.queued or 0), _age_rank(row), row.stored_name)


def _oldest_first(row: QueueRow) -> QueueRank:
    return (_age_rank(row), -(row.queued or 0), row.stored_name)


def _fullest_first(row: QueueRow) -> QueueRank:
    return (-_usage(row), -(row.running or 0), row.stored_name)


def _busiest_first(row: QueueRow) -> QueueRank:
    return (-(row.started_per_min or 0), -(row.running or 0), row.stored_name)


WORST: Final = QueueOrder("worst", "worst first", "The worst queues first.", worst_first)
QUEUE_ORDERS: Final = (
    WORST,
    QueueOrder("queued", "most queued first", "Queues in which the most runs wait first.", _longest_first),
    QueueOrder("oldest", "longest wait first", "Queues whose oldest run waits longest first.", _oldest_first),
    QueueOrder("usage", "fullest first", "Queues that are nearest to their limit first.", _fullest_first),
    QueueOrder("starts", "most starts first", "Queues that start the most runs a minute first.", _busiest_first),
)


class QueueQuery(NamedTuple):
    """Which queues the list shows, and in which order."""

    order: QueueOrder = WORST
    text: str = ""

    def matches(self, row: QueueRow) -> bool:
        """Return whether every word of the typed filter is in the name or the health of a queue."""
        whole = f"{row.stored_name}\n{row.health.value}".casefold()
        return all(word in whole for word in self.text.casefold().split())
