"""The order of queues: worst first."""

from typing import Final

from tui.store.findings.board import QueueHealth, QueueRow

QueueRank = tuple[object, ...]
_HEALTH_RANK: Final = {health: rank for rank, health in enumerate(QueueHealth)}


def worst_first(row: QueueRow) -> QueueRank:
    """Return the rank of a queue: by its health, then by waiting and by running runs."""
    return (_HEALTH_RANK[row.health], -(row.queued or 0), -(row.running or 0), row.stored_name)
