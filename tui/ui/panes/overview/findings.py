"""The pane `overview`: the findings, and four series of the last hour."""

from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, ClassVar

from tui.present.actions.row_actions import ListRuns
from tui.present.overview.hint import MIN_FULL_ROWS, ROWS_BELOW, hint_line, unheard_line
from tui.present.styled import Line
from tui.ui.model.layout import Placement, Slot
from tui.ui.model.page_rows import PageRow
from tui.ui.panes.overview.base import LinePane

if TYPE_CHECKING:
    from tui.present.overview.view import OverviewLine, OverviewView


class OverviewPane(LinePane):
    """Shows the findings, two lines for each, and done, failed, queued and running runs on one axis."""

    title: ClassVar[str] = "overview"
    placement: ClassVar[Placement] = Placement(Slot.FIRST, is_overview=True)

    def rows_without_view(self) -> Sequence[PageRow]:
        top = [PageRow(()), PageRow(unheard_line())] if self._is_unheard else []
        above = self.page.size.height - ROWS_BELOW - 1
        if above + ROWS_BELOW + 1 < MIN_FULL_ROWS:
            return top
        return [*top, *[PageRow(())] * (above - len(top)), PageRow(hint_line())]

    def lines(self, view: "OverviewView", width: int) -> "Sequence[OverviewLine]":
        from tui.present.overview.findings import overview_lines  # noqa: PLC0415  not needed before the first rows

        return overview_lines(view, width, self.page.size.height, has_all=self.body.has_focus)

    def runs_of(self, about: object) -> tuple[Hashable, ListRuns] | None:
        from tui.domain.findings.finding import Finding, SubjectKind  # noqa: PLC0415  not needed before the first rows

        assert isinstance(about, Finding)
        queue = about.subject.key if about.subject.kind is SubjectKind.QUEUE else ""
        return about.identity, ListRuns(about.filter_text, queue=queue)

    def right(self) -> Line:
        if self._view is None:
            return ()
        from tui.present.overview.findings import overview_rule  # noqa: PLC0415  not needed before the first rows

        return overview_rule(self._view)
