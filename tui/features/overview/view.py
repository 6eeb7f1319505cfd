"""The panes of the overview. What they draw with is imported after the first rows."""

from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, ClassVar

from tui.domain.text import Raw
from tui.features.overview.base import LinePane
from tui.features.overview.hint import MIN_FULL_ROWS, ROWS_BELOW, hint_line, unheard_line
from tui.kit.layout import Placement, Slot
from tui.kit.lines import GUTTER
from tui.kit.page import PageRow
from tui.store.filter import as_value
from tui.text.blocks import ListRuns
from tui.text.styled import Line, Piece, Token

if TYPE_CHECKING:
    from tui.features.overview.words import OverviewLine, OverviewView


# The pane `failing now`: the error groups of the last hour, worst first.


class FailingNowPane(LinePane):
    """Shows a line for each error group of the last hour."""

    title: ClassVar[str] = "failing now"
    placement: ClassVar[Placement] = Placement(Slot.SECOND, is_overview=True)

    def lines(self, view: "OverviewView", width: int) -> "Sequence[OverviewLine]":
        from tui.features.overview.words import failing_lines  # noqa: PLC0415  after the first rows

        return failing_lines(view, width, self.shown_rows)

    def runs_of(self, about: object) -> tuple[Hashable, ListRuns] | None:
        from tui.store.findings.rows import FailingGroup  # noqa: PLC0415  after the first rows

        assert isinstance(about, FailingGroup)
        name = " ".join(each for each in (about.type, about.message) if each)
        return about.identity, ListRuns(about.filter_text, Raw(name), filters=about.filters)

    def right(self) -> Line:
        if self._view is None:
            return ()
        from tui.features.overview.words import failing_rule  # noqa: PLC0415  after the first rows

        return failing_rule(self._view)


# The pane `overview`: the findings, and four series of the last hour.


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
        from tui.features.overview.words import overview_lines  # noqa: PLC0415  after the first rows

        return overview_lines(view, width, self.page.size.height, has_all=self.body.has_focus)

    def runs_of(self, about: object) -> tuple[Hashable, ListRuns] | None:
        from tui.domain.finding import Finding, SubjectKind  # noqa: PLC0415  after the first rows

        assert isinstance(about, Finding)
        queue = about.subject.key if about.subject.kind is SubjectKind.QUEUE else ""
        return about.identity, ListRuns(about.filter_text, queue=queue)

    def right(self) -> Line:
        if self._view is None:
            return ()
        from tui.features.overview.words import overview_rule  # noqa: PLC0415  after the first rows

        return overview_rule(self._view)


# The pane `queues` of the overview: the queues, worst first.


class OverviewQueuesPane(LinePane):
    """Shows a line for each queue."""

    title: ClassVar[str] = "queues"
    placement: ClassVar[Placement] = Placement(Slot.SECOND, is_overview=True)

    def lines(self, view: "OverviewView", width: int) -> "Sequence[OverviewLine]":
        from tui.features.overview.words import queue_lines  # noqa: PLC0415  after the first rows

        return queue_lines(view, width, self.shown_rows)

    def runs_of(self, about: object) -> tuple[Hashable, ListRuns] | None:
        from tui.store.findings.rows import QueueRow  # noqa: PLC0415  after the first rows

        assert isinstance(about, QueueRow)
        return about.stored_name, ListRuns(f"queue:{as_value(about.stored_name)}", queue=about.stored_name)


# The pane `tasks` of the overview: the tasks of the last hour, worst first.


class OverviewTasksPane(LinePane):
    """Shows a line for each task."""

    title: ClassVar[str] = "tasks"
    placement: ClassVar[Placement] = Placement(Slot.THIRD, is_overview=True, is_below=True)

    def lines(self, view: "OverviewView", width: int) -> "Sequence[OverviewLine]":
        from tui.features.overview.words import task_lines  # noqa: PLC0415  after the first rows

        return task_lines(view, width, self.shown_rows)

    def runs_of(self, about: object) -> tuple[Hashable, ListRuns] | None:
        from tui.store.findings.rows import TaskRow  # noqa: PLC0415  after the first rows

        assert isinstance(about, TaskRow)
        return about.task, ListRuns(f"task:{as_value(about.task)}")

    def left(self) -> Line:
        return (Piece(" · worst first", Token.MUTED),) if self._view is not None else ()

    def spare(self) -> tuple[Line, ...]:
        return (self.left(),)  # the titles at the right stand above their columns only while they are whole

    def right(self) -> Line:
        width = self.page.size.width
        if self._view is None or not width:
            return ()
        from tui.features.overview.words import tasks_rule  # noqa: PLC0415  after the first rows

        return tasks_rule(width - GUTTER)
