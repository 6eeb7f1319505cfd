"""What the runs below a run amount to, in numbers: the families of statuses, and how many runs are in each.

What lives here: one table and the counts. How they are drawn is `tree_page`'s.
"""

from enum import Enum
from typing import Final, NamedTuple

from tui.domain.status import EXECUTING_FAMILY, FAILED, QUEUED_FAMILY, RunStatus


class Family(Enum):
    """What a status means for the runs above: UNKNOWN may turn out to be anything."""

    FAILED = "failed"
    UNDER_WAY = "under way"
    QUEUED = "queued"
    COMPLETED = "completed"
    ENDED = "ended"
    UNKNOWN = "unknown"

    @property
    def is_calm(self) -> bool:
        """Whether it ended, and well enough to recede."""
        return self is Family.COMPLETED or self is Family.ENDED


def _family_of(status: RunStatus) -> Family:
    if status in FAILED:
        return Family.FAILED
    if status in QUEUED_FAMILY:
        return Family.QUEUED
    if status in EXECUTING_FAMILY or status is RunStatus.WAITING_TO_RESUME:
        return Family.UNDER_WAY
    return Family.COMPLETED if status is RunStatus.COMPLETED_SUCCESSFULLY else Family.ENDED


FAMILIES: Final = {status: _family_of(status) for status in RunStatus}


class RollUp(NamedTuple):
    """How many runs are below: `under_way` are those that execute or wait for others; canceled and expired ones are
    in none of the four.
    """

    failed: int = 0
    under_way: int = 0
    queued: int = 0
    completed: int = 0


NOTHING: Final = RollUp()
OWN: Final = {
    Family.FAILED: RollUp(failed=1),
    Family.UNDER_WAY: RollUp(under_way=1),
    Family.QUEUED: RollUp(queued=1),
    Family.COMPLETED: RollUp(completed=1),
    Family.ENDED: NOTHING,
    Family.UNKNOWN: NOTHING,
}
