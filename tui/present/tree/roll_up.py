"""Counts of the runs below a run, by family of status."""

from enum import Enum
from typing import Final, NamedTuple

from tui.domain.status import EXECUTING_FAMILY, FAILED, QUEUED_FAMILY, RunStatus


class StatusFamily(Enum):
    """The effect of a status on the roll-up of the runs above it."""

    FAILED = "failed"
    ACTIVE = "active"
    QUEUED = "queued"
    COMPLETED = "completed"
    ENDED = "ended"
    UNKNOWN = "unknown"

    @property
    def is_quiet(self) -> bool:
        """Whether the run ended without a failure."""
        return self is StatusFamily.COMPLETED or self is StatusFamily.ENDED


def _family_of(status: RunStatus) -> StatusFamily:
    if status in FAILED:
        return StatusFamily.FAILED
    if status in QUEUED_FAMILY:
        return StatusFamily.QUEUED
    if status in EXECUTING_FAMILY or status is RunStatus.WAITING_TO_RESUME:
        return StatusFamily.ACTIVE
    return StatusFamily.COMPLETED if status is RunStatus.COMPLETED_SUCCESSFULLY else StatusFamily.ENDED


STATUS_FAMILIES: Final = {status: _family_of(status) for status in RunStatus}


class RollUp(NamedTuple):
    """The number of runs below. `active` counts runs that execute or wait; no field counts canceled and expired
    runs.
    """

    failed: int = 0
    active: int = 0
    queued: int = 0
    completed: int = 0


EMPTY: Final = RollUp()
ROLL_UPS: Final = {
    StatusFamily.FAILED: RollUp(failed=1),
    StatusFamily.ACTIVE: RollUp(active=1),
    StatusFamily.QUEUED: RollUp(queued=1),
    StatusFamily.COMPLETED: RollUp(completed=1),
    StatusFamily.ENDED: EMPTY,
    StatusFamily.UNKNOWN: EMPTY,
}
