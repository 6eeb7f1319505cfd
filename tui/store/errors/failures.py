"""`Failure`: what the error groups need to know of one failed run."""

from datetime import datetime, timedelta
from math import ceil
from typing import Final, NamedTuple

from tui.domain.errors.error import RunError
from tui.domain.errors.kinds import Fingerprint
from tui.domain.ids import RunId, TaskId
from tui.domain.run import Run, State
from tui.domain.status import RunStatus
from tui.domain.text import Raw

DEFAULT_CELLS: Final = 24
NO_ERROR: Final = RunError(Raw(""))
"""Stands for the error of a run that failed without one."""


class TimeSpan(NamedTuple):
    """A span of time, both ends included, and the number of cells that its failures are counted in."""

    since: datetime
    until: datetime
    cells: int = DEFAULT_CELLS

    @property
    def cell_s(self) -> float:
        """The length of a cell in seconds."""
        return max((self.until - self.since) / timedelta(seconds=1), 1.0) / self.cells

    @property
    def first_cell(self) -> int:
        """The number of the span's first cell. A cell's number is its start since the epoch, divided by its length."""
        return ceil(self.until.timestamp() / self.cell_s) - self.cells

    def moves_to(self, later: "TimeSpan") -> bool:
        """Return whether another span is this one a little later: as long, with the same cells, and overlapping."""
        is_same = later.until - later.since == self.until - self.since and later.cells == self.cells
        return is_same and self.since <= later.since <= self.until


class Failure(NamedTuple):
    """One failed run. `fingerprint` is None as long as the run's error has not been read.

    `seen_s`: the time of the failure in seconds since the epoch. It is the creation time of the run, as in the server's
    own groups, in the list and in the header's counts; an earlier one if the run failed before its due time.
    """

    seen_s: float
    run_id: RunId
    fingerprint: Fingerprint | None
    error: RunError | None
    task: TaskId | None
    version: Raw | None
    status: RunStatus
    tags: tuple[Raw, ...]


def is_failure(run: Run | None) -> bool:
    """Return whether a run belongs to an error group, or will when its error is read."""
    return run is not None and run.state is not None and run.status.is_failed and not run.is_gone


def seen_at(run: Run, state: State) -> datetime:
    """Return the time of a failed run's failure: see `Failure.seen_s`."""
    return run.existed_at or state.updated_at


def known_error(run: Run, state: State) -> RunError | None:
    """Return a failed run's error, an empty one if the server says that there is none; None if it is not known."""
    facet = run.error_facet
    if facet is None:
        return None
    stamp, error = facet
    # What was read before the run failed says nothing.
    return NO_ERROR if error is None and stamp.updated_at >= state.updated_at else error
