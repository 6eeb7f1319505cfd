"""The base class of the panes of the overview: a page on whose rows the cursor stands."""

from collections.abc import Callable, Hashable, Sequence
from typing import TYPE_CHECKING, Final

from textual import events

from tui.kit.live_model import LiveModel
from tui.kit.page import Page, PageLine, PageRow
from tui.kit.pane import PagePane
from tui.lazy_dataclass import dataclass
from tui.store.changes import Changes
from tui.text.blocks import ListRuns

if TYPE_CHECKING:
    from tui.features.overview.words import OverviewLine, OverviewView


# `LinePage`: a page on which the cursor stands on rows that Enter opens, and nowhere else.


class BelowRow(tuple[Hashable]):
    """The key of a row that belongs to the one above it, whose key it holds. The cursor is on both."""

    __slots__ = ()


class LinePage(Page):
    """A page of rows with and without an `action`. Without any row that has one, it scrolls."""

    def on_focus(self) -> None:
        self._repaint_cursor()

    def on_blur(self) -> None:
        self._repaint_cursor()

    def _repaint_cursor(self) -> None:
        self.refresh_lines([y for y in range(self.size.height) if self._line_at(y).is_under_cursor])

    def _line_at(self, y: int) -> PageLine:
        found, index = super()._line_at(y), self._top + y
        row = self.row
        if row is None or row.action is None:
            return found._replace(is_under_cursor=False)
        if 0 <= index < len(self._rows) and self._rows[index].key == BelowRow((row.key,)):
            return found._replace(is_under_cursor=True)
        return found

    def _go(self, index: int) -> None:
        step = 1 if index >= self._cursor else -1
        super()._go(self._stop_from(index, step))

    def _clamp(self) -> None:
        self._cursor = self._stop_from(self._cursor, 1)
        super()._clamp()

    def _stop_from(self, index: int, step: int) -> int:
        """Return the index of the next row with an action in a direction, else of the last one in the other."""
        stops = [each for each, row in enumerate(self._rows) if row.action is not None]
        if not stops:
            return index
        after = [each for each in stops if each >= index]
        before = [each for each in stops if each <= index]
        if step > 0:
            return after[0] if after else before[-1]
        return before[-1] if before else after[0]


MAX_ROWS: Final = 500
"""Lines of a page. No environment has as many findings, error groups, tasks or queues that matter."""


@dataclass(frozen=True, slots=True)
class OpenedLine:
    """A line that the user opened, whose runs are to be listed. `key` is that of the line in the pane."""

    runs: ListRuns
    pane: str
    key: Hashable


class LinePane(PagePane):
    """A page of lines, each of which lists runs. It is made again with each new view, and never by changes of runs.

    `view` is None until the first rows of the list are shown, which must not wait for it.
    """

    def __init__(self, live: LiveModel, *, id: str) -> None:  # noqa: A002  Textual's name
        super().__init__(live, id=id)
        self.page = LinePage(self.rows)
        self.on_opened: Callable[[OpenedLine], None] = lambda _: None
        """Called when a line is opened. A message would come later than the next key."""
        self._view: OverviewView | None = None
        self._is_unheard = False

    def show_view(self, view: "OverviewView | None") -> None:
        """Show another state of the overview."""
        self._view = view
        self.rebuild()

    def show_unheard(self, *, is_unheard: bool) -> None:
        """Say, while there is no view, whether the server failed to answer since the start."""
        if is_unheard is not self._is_unheard:
            self._is_unheard = is_unheard
            self.rebuild()

    def on_resize(self, _: events.Resize) -> None:
        self.rebuild()

    def rows(self, width: int) -> Sequence[PageRow]:
        return self.rows_without_view() if self._view is None else self._page_rows(self.lines(self._view, width))

    @property
    def shown_rows(self) -> int:
        """How many lines are shown at most. A page with the focus scrolls, and shows all."""
        return MAX_ROWS if self.body.has_focus else self.page.size.height

    def on_descendant_focus(self) -> None:
        self.rebuild()

    def on_descendant_blur(self) -> None:
        self.rebuild()

    def rows_without_view(self) -> Sequence[PageRow]:
        """Return the rows of a page before there is anything to show."""
        return []

    def lines(self, view: "OverviewView", width: int) -> "Sequence[OverviewLine]":
        """Return the lines for a page of `width` cells."""
        raise NotImplementedError

    def runs_of(self, about: object) -> tuple[Hashable, ListRuns] | None:
        """Return the key of a line about something, and its runs."""
        raise NotImplementedError

    def _page_rows(self, lines: "Sequence[OverviewLine]") -> list[PageRow]:
        rows: list[PageRow] = []
        for line, about, is_below in lines:
            found = None if about is None else self.runs_of(about)
            if found is None:
                rows.append(PageRow(line))
            elif is_below:
                rows.append(PageRow(line, BelowRow((found[0],))))
            else:
                rows.append(PageRow(line, *found))
        return rows

    @property
    def is_ticking(self) -> bool:
        return False

    @property
    def subject(self) -> Hashable:
        return None

    def concerns(self, changes: Changes) -> bool:  # noqa: ARG002  the view decides
        return False

    def enter(self) -> None:
        row = self.page.row
        if row is not None and isinstance(row.action, ListRuns):
            self.on_opened(OpenedLine(row.action, self.title, row.key))

    def on_page_entered(self, event: LinePage.Entered) -> None:
        event.stop()  # of a double click
        self.enter()

    def word_for(self, action: str, usual: str) -> str:
        return "list runs" if action == "enter" else super().word_for(action, usual)
