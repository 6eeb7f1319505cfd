"""The panes of the overview: pages of rows that Enter opens. What they show is imported after the first rows."""

from collections.abc import Callable, Hashable, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from tui.kit.lines import GUTTER
from tui.kit.live_model import LiveModel
from tui.kit.page import Page, PageLine, PageRow
from tui.kit.pane import PagePane
from tui.store.changes import Changes
from tui.text.blocks import ListRuns, key_of, selecting_keys
from tui.text.styled import Line, Piece, Token

if TYPE_CHECKING:
    from tui.features.wall.blocks import BlockRow, WallView


MIN_FULL_ROWS: Final = 15
"""Below this height, the overview has no hint, and no time axis."""

ROWS_BELOW: Final = 1
"""Empty rows below the hint."""


def hint_line() -> Line:
    """Return the sentence: `j or ↓ selects a run, x a failed one`, with a stop."""
    failed = key_of("next-error", "x")
    words = f"{selecting_keys()} selects a run" + (f", {failed} a failed one." if failed else ".")
    return (Piece(words, Token.FAINT),)


def unheard_line() -> Line:
    """Return the verdict while the server has not answered once: `NOT KNOWN  no data from the server yet`."""
    from tui.domain.finding import NOT_KNOWN  # noqa: PLC0415  not needed where the server answers

    return (Piece(NOT_KNOWN, Token.AMBER, is_bold=True), Piece("  no data from the server yet", Token.MUTED))


# `LinePage`: a page on which the cursor stands on rows that Enter opens, and nowhere else.


class LinePage(Page):
    """A page of rows with and without an `action`. Without any row that has one, it scrolls.

    A row with the key `("below", key)` belongs to the row with that key, above it. The cursor is on both.
    """

    def _line_at(self, y: int) -> PageLine:
        found, index, row = super()._line_at(y), self._top + y, self.row
        if row is None or row.action is None:
            return found._replace(is_under_cursor=False)
        is_below = 0 <= index < len(self._rows) and self._rows[index].key == ("below", row.key)
        return found._replace(is_under_cursor=found.is_under_cursor or is_below)

    def _go(self, index: int) -> None:
        super()._go(self._stop_from(index, 1 if index >= self._cursor else -1))

    def _clamp(self) -> None:
        self._cursor = self._stop_from(self._cursor, 1)
        super()._clamp()

    def _stop_from(self, index: int, step: int) -> int:
        """Return the index of the next row with an action in a direction, else of the last one in the other."""
        stops = [each for each, row in enumerate(self._rows) if row.action is not None]
        after = [each for each in stops if each >= index]
        before = [each for each in reversed(stops) if each <= index]
        return next(iter((*after[:1], *before) if step > 0 else (*before[:1], *after)), index)


class OverviewTab(NamedTuple):
    """A tab: its rows for a width and a height, or all of them, and the text at the right end of its rule."""

    rows: "Callable[..., list[BlockRow]]"
    right: "Callable[[WallView, int], Line]" = lambda _view, _width: ()


class LinePane(PagePane):
    """A page of lines, each of which lists runs. It is made again with each new view, and never by changes of runs.

    `view` is None until the first rows of the list are shown, which must not wait for it.
    """

    def __init__(self, live: LiveModel, title: str) -> None:
        super().__init__(live, title)
        self.page = LinePage(self.rows)
        self.on_opened: Callable[[ListRuns, Hashable], None] = lambda _runs, _key: None
        """Called with the runs and the key of a line that is opened. A message would come later than the next key."""
        self._view: WallView | None = None
        self._tab: OverviewTab | None = None
        self._is_unheard = False

    def show_view(self, view: "WallView", tab: OverviewTab) -> None:
        """Show another state of the overview as a tab of it."""
        self._view, self._tab = view, tab
        self.rebuild()

    def show_unheard(self, *, is_unheard: bool) -> None:
        """Say, while there is no view, whether the server failed to answer since the start."""
        if is_unheard is not self._is_unheard:
            self._is_unheard = is_unheard
            self.rebuild()

    def on_descendant_focus(self) -> None:
        # A page with the focus scrolls, and shows all lines.
        self.rebuild()

    on_descendant_blur = on_descendant_focus

    def rows(self, width: int) -> Sequence[PageRow]:
        if self._view is None or self._tab is None:
            return self.rows_without_view()
        rows = self._tab.rows(self._view, width, self.page.size.height, has_all=self.body.has_focus)
        return [PageRow(row.line, row.key, row.opens) for row in rows]

    def right(self) -> Line:
        width = self.page.size.width
        if self._view is None or self._tab is None or not width:
            return ()
        return self._tab.right(self._view, width - GUTTER)

    def rows_without_view(self) -> Sequence[PageRow]:
        """Return the rows of a page before there is anything to show."""
        return []

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
            self.on_opened(row.action, row.key)

    def on_page_entered(self, event: LinePage.Entered) -> None:
        event.stop()  # of a double click
        self.enter()

    def word_for(self, action: str, usual: str) -> str:
        return "list runs" if action == "enter" else super().word_for(action, usual)


class OverviewPane(LinePane):
    """Shows the findings, and done, failed, queued and running runs on one axis."""

    def rows_without_view(self) -> Sequence[PageRow]:
        top = [PageRow(()), PageRow(unheard_line())] if self._is_unheard else []
        above = self.page.size.height - ROWS_BELOW - 1
        if above + ROWS_BELOW + 1 < MIN_FULL_ROWS:
            return top
        return [*top, *[PageRow(())] * (above - len(top)), PageRow(hint_line())]


class OverviewTasksPane(LinePane):
    """Shows a line for each task."""

    def left(self) -> Line:
        return (Piece(" · worst first", Token.MUTED),) if self._view is not None else ()
