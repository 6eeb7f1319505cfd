"""The base class of the panes of the overview."""

from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING

from textual.message import Message

from tui.domain.text import Raw
from tui.lazy_dataclass import dataclass
from tui.store.changes import Changes
from tui.ui.data.live_model import LiveModel
from tui.ui.model.page_rows import PageRow
from tui.ui.panes.base import PagePane
from tui.ui.panes.overview.page import BelowRow, LinePage

if TYPE_CHECKING:
    from tui.present.overview.view import OverviewLine, OverviewView


@dataclass(frozen=True, slots=True)
class RunsOfLine:
    """The runs that a line stands for: the filter that lists them, and the name beside it in the rule."""

    filter_text: str
    name: Raw = Raw("")


class LineOpened(Message):
    """The user opened a line, whose key in the pane is `key`: its runs are to be listed."""

    def __init__(self, runs: RunsOfLine, pane: str, key: Hashable) -> None:
        super().__init__()
        self.runs = runs
        self.pane = pane
        self.key = key


class LinePane(PagePane):
    """A page of lines, each of which lists runs. It is made again with each new view, and never by changes of runs.

    `view` is None until the first rows of the list are shown, which must not wait for it.
    """

    def __init__(self, live: LiveModel, *, id: str) -> None:  # noqa: A002  Textual's name
        super().__init__(live, id=id)
        self.page = LinePage(self.rows)
        self._view: OverviewView | None = None

    def show_view(self, view: "OverviewView | None") -> None:
        """Show another state of the overview."""
        self._view = view
        self.rebuild()

    def rows(self, width: int) -> Sequence[PageRow]:
        if self._view is None:
            return self.rows_without_view()
        return self._page_rows(self.lines(self._view, width))

    def rows_without_view(self) -> Sequence[PageRow]:
        """Return the rows of a page before there is anything to show."""
        return []

    def lines(self, view: "OverviewView", width: int) -> "Sequence[OverviewLine]":
        """Return the lines for a page of `width` cells."""
        raise NotImplementedError

    def runs_of(self, about: object) -> tuple[Hashable, RunsOfLine] | None:
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

    def on_page_entered(self, event: LinePage.Entered) -> None:
        event.stop()
        if isinstance(event.action, RunsOfLine) and self.page.row is not None:
            self.post_message(LineOpened(event.action, self.title, self.page.row.key))

    def word_for(self, action: str, usual: str) -> str:
        return "list runs" if action == "enter" else super().word_for(action, usual)
