"""The values that every block of the overview is made from, and a line that may open something."""

from datetime import datetime
from typing import Final, NamedTuple

from tui.domain.findings.finding import Finding, Verdict
from tui.present.styled import Line
from tui.present.wall.look import WallLook
from tui.store.findings.board import Board, FourLines, QueueRow, TaskRow
from tui.store.findings.failing import FailingGroup, FailingNow

EDGE: Final = 2
"""Free cells at the right edge. Columns so end below the text of their rule."""


class OverviewView(NamedTuple):
    """The board as it is shown at `now`, in the user's zone.

    `frozen_at`: until when the data is confirmed, if it is stale. `in_minutes`: durations have no seconds.
    """

    board: Board
    failing: FailingNow
    now: datetime
    frozen_at: datetime | None = None
    look: WallLook = WallLook()
    in_minutes: bool = False

    @property
    def is_stale(self) -> bool:
        """Whether nothing confirms the data."""
        return self.frozen_at is not None

    @property
    def at(self) -> datetime:
        """The time until which durations run."""
        return self.frozen_at or self.now

    @property
    def verdict(self) -> Verdict | None:
        """The findings, None before they were judged."""
        return self.board.verdict

    @property
    def lines(self) -> FourLines:
        """The four series."""
        return self.board.lines


class OverviewLine(NamedTuple):
    """A line, and the finding, group, task or queue that it is about. `is_below`: it belongs to the line above it."""

    line: Line = ()
    about: Finding | FailingGroup | TaskRow | QueueRow | None = None
    is_below: bool = False


BLANK: Final = OverviewLine()
