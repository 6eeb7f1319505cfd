"""What the runs below a run amount to, in numbers: the families of statuses, and how many runs are in each.

What lives here: one table and the counts. How they are drawn is `tree_page`'s.
"""

from enum import Enum
from typing import Final, NamedTuple

from tui.domain.status import EXECUTING_FAMILY, FAILED, QUEUED_FAMILY, RunStatus


class StatusFamily(Enum):
    """What a status means for the runs above: UNKNOWN may turn out to be anything."""

    FAILED = "failed"
    UNDER_WAY = "under way"
    QUEUED = "queued"
    COMPLETED = "completed"
    ENDED = "ended"
    UNKNOWN = "unknown"

    @property
    def is_quiet(self) -> bool:
        """Whether it ended, and well enough to recede."""
        return self is StatusFamily.COMPLETED or self is StatusFamily.ENDED


def _family_of(status: RunStatus) -> StatusFamily:
    if status in FAILED:
        return StatusFamily.FAILED
    if status in QUEUED_FAMILY:
        return StatusFamily.QUEUED
    if status in EXECUTING_FAMILY or status is RunStatus.WAITING_TO_RESUME:
        return StatusFamily.UNDER_WAY
    return StatusFamily.COMPLETED if status is RunStatus.COMPLETED_SUCCESSFULLY else StatusFamily.ENDED


STATUS_FAMILIES: Final = {status: _family_of(status) for status in RunStatus}


class RollUp(NamedTuple):
    """How many runs are below: `under_way` are those that execute or wait for others; canceled and expired ones are
    in none of the four.
    """

    failed: int = 0
    under_way: int = 0
    queued: int = 0
    completed: int = 0


EMPTY: Final = RollUp()
ROLL_UPS: Final = {
    StatusFamily.FAILED: RollUp(failed=1),
    StatusFamily.UNDER_WAY: RollUp(under_way=1),
    StatusFamily.QUEUED: RollUp(queued=1),
    StatusFamily.COMPLETED: RollUp(completed=1),
    StatusFamily.ENDED: EMPTY,
    StatusFamily.UNKNOWN: EMPTY,
}
