"""`AwayBlock`: the lines about what happened, over the lower part of a view."""

from datetime import datetime
from typing import Final

from textual.strip import Strip

from tui.present.away.block import away_lines
from tui.present.styled import Line
from tui.store.away.report import AwayReport
from tui.ui.widgets.lines import LineWidget
from tui.ui.workspace import COVER_ID, Workspace

MAX_ROWS: Final = 1_000


class AwayBlock(LineWidget):
    """Shows one report. It never changes by itself. `now` has the zone of the times of day."""

    def __init__(self, report: AwayReport, now: datetime) -> None:
        super().__init__(id=COVER_ID)
        self._report = report
        self._now = now
        self._lines: list[Line] = []

    def needed_rows(self, width: int) -> int:
        """Return the rows in which everything has room."""
        return len(away_lines(self._report, self._now, width, MAX_ROWS))

    def on_resize(self) -> None:
        width, height = self.size
        self._lines = away_lines(self._report, self._now, width, height, joint=self._joint)
        self.refresh()

    @property
    def _joint(self) -> int | None:
        """The column of the hairline that ends above."""
        workspace = self.parent
        if not isinstance(workspace, Workspace) or workspace.plan.hairline is None or workspace.plan.cover is None:
            return None
        x, _, last = workspace.plan.hairline
        return x if last == workspace.plan.cover.y else None

    def strip_at(self, y: int) -> Strip:
        line = self._lines[y] if y < len(self._lines) else ()
        return self.painter.strip(line, self.size.width)
