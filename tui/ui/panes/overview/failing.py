"""The pane `failing now`: the error groups of the last hour, worst first."""

from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, ClassVar

from tui.domain.text import Raw
from tui.present.actions.row_actions import ListRuns
from tui.present.styled import Line
from tui.ui.model.layout import Placement, Slot
from tui.ui.panes.overview.base import LinePane

if TYPE_CHECKING:
    from tui.present.overview.view import OverviewLine, OverviewView


class FailingNowPane(LinePane):
    """Shows a line for each error group of the last hour."""

    title: ClassVar[str] = "failing now"
    placement: ClassVar[Placement] = Placement(Slot.SECOND, is_overview=True)

    def lines(self, view: "OverviewView", width: int) -> "Sequence[OverviewLine]":
        from tui.present.overview.blocks import failing_lines  # noqa: PLC0415  not needed before the first rows

        return failing_lines(view, width, self.shown_rows)

    def runs_of(self, about: object) -> tuple[Hashable, ListRuns] | None:
        from tui.store.findings.failing import FailingGroup  # noqa: PLC0415  not needed before the first rows

        assert isinstance(about, FailingGroup)
        name = " ".join(each for each in (about.type, about.message) if each)
        return about.identity, ListRuns(about.filter_text, Raw(name), filters=about.filters)

    def right(self) -> Line:
        if self._view is None:
            return ()
        from tui.present.overview.blocks import failing_rule  # noqa: PLC0415  not needed before the first rows

        return failing_rule(self._view)
