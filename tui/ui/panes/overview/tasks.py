"""The pane `tasks` of the overview: the tasks of the last hour, worst first."""

from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, ClassVar

from tui.present.actions.row_actions import ListRuns
from tui.present.styled import Line, Piece, Token
from tui.store.filter_words import as_value
from tui.ui.model.layout import Placement, Slot
from tui.ui.panes.overview.base import LinePane
from tui.ui.widgets.lines import GUTTER

if TYPE_CHECKING:
    from tui.present.overview.view import OverviewLine, OverviewView


class OverviewTasksPane(LinePane):
    """Shows a line for each task."""

    title: ClassVar[str] = "tasks"
    placement: ClassVar[Placement] = Placement(Slot.THIRD, is_overview=True, is_below=True)

    def lines(self, view: "OverviewView", width: int) -> "Sequence[OverviewLine]":
        from tui.present.overview.blocks import task_lines  # noqa: PLC0415  not needed before the first rows

        return task_lines(view, width, self.shown_rows)

    def runs_of(self, about: object) -> tuple[Hashable, ListRuns] | None:
        from tui.store.findings.board import TaskRow  # noqa: PLC0415  not needed before the first rows

        assert isinstance(about, TaskRow)
        return about.task, ListRuns(f"task:{as_value(about.task)}")

    def left(self) -> Line:
        return (Piece(" · worst first", Token.MUTED),) if self._view is not None else ()

    def spare(self) -> tuple[Line, ...]:
        return (self.left(),)  # the titles at the right stand above their columns only while they are whole

    def right(self) -> Line:
        if self._view is None or not self.page.size.width:
            return ()
        from tui.present.overview.blocks import tasks_rule  # noqa: PLC0415  not needed before the first rows

        return tasks_rule(self.page.size.width - GUTTER)
