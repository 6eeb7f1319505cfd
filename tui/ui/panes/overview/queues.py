"""The pane `queues` of the overview: the queues, worst first."""

from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, ClassVar

from tui.present.actions.row_actions import ListRuns
from tui.store.filter_words import as_value
from tui.ui.model.layout import Placement, Slot
from tui.ui.panes.overview.base import LinePane

if TYPE_CHECKING:
    from tui.present.overview.view import OverviewLine, OverviewView


class OverviewQueuesPane(LinePane):
    """Shows a line for each queue."""

    title: ClassVar[str] = "queues"
    placement: ClassVar[Placement] = Placement(Slot.SECOND, is_overview=True)

    def lines(self, view: "OverviewView", width: int) -> "Sequence[OverviewLine]":
        from tui.present.overview.queues import queue_lines  # noqa: PLC0415  not needed before the first rows

        return queue_lines(view, width, self.shown_rows)

    def runs_of(self, about: object) -> tuple[Hashable, ListRuns] | None:
        from tui.store.findings.board import QueueRow  # noqa: PLC0415  not needed before the first rows

        assert isinstance(about, QueueRow)
        return about.stored_name, ListRuns(f"queue:{as_value(about.stored_name)}", queue=about.stored_name)
