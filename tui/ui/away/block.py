"""`AwayBlock`: the lines about what happened, over the lower part of a view."""

from datetime import datetime
from typing import Final

from textual.strip import Strip

from tui.present.away.block import away_lines
from tui.present.styled import Line
from tui.store.away.report import AwayReport
from tui.ui.widgets.lines import Cover
from tui.ui.workspace import COVER_ID

MAX_ROWS: Final = 1_000


class AwayBlock(Cover):
    """Shows one report. It never changes by itself. `now` has the zone of the times of day."""

    def __init__(self, report: AwayReport, now: datetime) -> None:
        super().__init__(id=COVER_ID)
        self._report = report
        self._now = now
        self._lines: list[Line] = []
        self._joint: int | None = None

    def needed_rows(self, width: int) -> int:
        """Return the rows in which everything has room."""
        return len(away_lines(self._report, self._now, width, MAX_ROWS))

    def on_resize(self) -> None:
        width, height = self.size
        self._lines = away_lines(self._report, self._now, width, height, joint=self._joint)
        self.refresh()

    def join(self, joint: int | None) -> None:
        if joint != self._joint:
            self._joint = joint
            if self.size:
                self.on_resize()

    def strip_at(self, y: int) -> Strip:
        line = self._lines[y] if y < len(self._lines) else ()
        return self.painter.strip(line, self.size.width)
