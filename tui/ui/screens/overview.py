"""The overview of the main screen: when it is made, the runs of one of its lines, and the way back.

What it shows is imported and computed once the first rows of the list are shown.
"""

import asyncio
import sys
from collections.abc import Hashable
from dataclasses import replace
from importlib import import_module
from typing import TYPE_CHECKING, Final

from tui.domain.filters import RunFilters
from tui.lazy_dataclass import dataclass
from tui.present.overview.hint import unheard_line
from tui.present.styled import Line, Piece, cut
from tui.store.changes import Changes
from tui.ui.base import is_covered
from tui.ui.model.list_views import ListQuery
from tui.ui.panes import OVERVIEW_PANES
from tui.ui.panes.overview.base import LinePane, OpenedLine

if TYPE_CHECKING:
    from tui.present.overview.view import OverviewView
    from tui.ui.panes.overview.live import LiveOverview
    from tui.ui.screens.main import MainScreen


_DRAWING: Final = "tui.ui.panes.overview.drawing"


@dataclass(frozen=True, slots=True)
class LineListing:
    """The list shows the runs of a line: the filters for it, the query before, and where the line is."""

    text: str
    filters: RunFilters
    before: ListQuery
    pane: str
    key: Hashable
    is_zoomed: bool = False


class Overview:
    """Keeps the overview up to date while it is shown, and leads from a line to its runs and back."""

    def __init__(self, main: "MainScreen", after_s: float) -> None:
        """`after_s`: seconds from the first rows to the overview."""
        self._main = main
        self._after_s = after_s
        self._listing: LineListing | None = None
        self._live: LiveOverview | None = None
        self._is_loading = False
        self._ticks_with_rows = 0
        self.view: OverviewView | None = None
        """What is shown, None before the first rows are."""

    @property
    def _is_shown(self) -> bool:
        """Whether a pane of it has a place, or the strip below the list is about no run."""
        main = self._main
        if is_covered(main) or (not main.run_list.rows.is_following and not isinstance(main.pane, LinePane)):
            return False
        plan = main.workspace.plan
        return plan.has_summary or any(plan.shows(each.title) for each in OVERVIEW_PANES)

    def follow(self) -> None:
        """Begin or stop to compute what is shown. Call it when that may have changed."""
        if self._live is not None:
            if not self._is_shown:
                self._live.close()
            elif not self._live.is_open:
                self._live.open()
                self._tick()

    def tick(self) -> None:
        """Show what has changed. Called every second."""
        if self._live is not None:
            self.follow()
            self._tick()
        elif self._is_shown and not self._is_loading:
            main = self._main
            for pane in main.panes.values():
                if isinstance(pane, LinePane):
                    pane.show_unheard(is_unheard=self._is_unheard)
            has_rows = main.run_list.rows.has_runs or main.live.freshness.confirmed_at is not None
            self._ticks_with_rows += has_rows
            if self._ticks_with_rows >= self._after_s:  # one tick a second
                self._is_loading = True
                main.live.session.spawn(self._load(), "import the overview")

    def on_changes(self, changes: Changes) -> None:
        """Note changes of runs and facts."""
        if self._live is not None:
            self._live.on_changes(changes)

    def close(self) -> None:
        """Stop for good."""
        if self._live is not None:
            self._live.close()

    def strip_lines(self, width: int) -> tuple[Line, ...] | None:
        """Return the first findings for the strip below the list; None before they are known."""
        if self.view is None:
            return (cut((Piece("  "), *unheard_line()), width), ()) if self._is_unheard else None
        from tui.present.overview.findings import strip_lines  # noqa: PLC0415  not needed before the first rows

        return strip_lines(self.view, width)

    @property
    def _is_unheard(self) -> bool:
        """Whether the list failed, and the server has not answered once."""
        freshness = self._main.live.freshness
        return freshness.confirmed_at is None and freshness.failure is not None

    async def _load(self) -> None:
        if _DRAWING not in sys.modules:
            await asyncio.to_thread(import_module, _DRAWING)
        self._main.call_later(self._begin)

    def _begin(self) -> None:
        from tui.ui.panes.overview.live import LiveOverview  # noqa: PLC0415  not needed before the first rows

        if self._main.is_attached:
            self._live = LiveOverview(self._main.live, self._show_view)
            self.tick()

    def _tick(self) -> None:
        assert self._live is not None
        app = self._main.app_base
        self._live.tick(app.painter, is_slow_link=app.is_slow_link)

    def _show_view(self, view: "OverviewView") -> None:
        self.view = view
        for pane in self._main.panes.values():
            if isinstance(pane, LinePane):
                pane.show_view(view)

    def list_runs(self, line: OpenedLine) -> None:
        """List the runs of a line, with none of them selected."""
        main, before = self._main, self._main.run_list.views.query
        query = main.query_of(line.runs)
        if query is None:
            return
        self._listing = LineListing(query.text, query.filters, before, line.pane, line.key, main.workspace.is_zoomed)
        main.show_filtered(query)
        main.show_list(None)

    @property
    def is_listing(self) -> bool:
        """Whether the list shows the runs of a line."""
        listing, query = self._listing, self._main.run_list.views.query
        if listing is None or query.text != listing.text:
            return False
        return bool(listing.text) or query.filters == listing.filters

    def back(self) -> bool:
        """Return to the line whose runs the list shows. Return whether it shows those of a line."""
        listing, main = self._listing, self._main
        if listing is None or not self.is_listing:
            return False
        self._listing = None
        now = main.run_list.views.query
        is_other = now.filters != listing.filters or now.period != listing.before.period
        # The server's filters may have been changed meanwhile.
        query = replace(listing.before, filters=now.filters, period=now.period) if is_other else listing.before
        main.show_filtered(query)
        main.run_list.table.action_top()
        main.workspace.go_to(listing.pane)
        if listing.is_zoomed and not main.workspace.is_zoomed:
            main.workspace.action_zoom()
        pane = main.panes[listing.pane]
        if isinstance(pane, LinePane):
            pane.page.go_to(listing.key)
        return True

    def on_filtered(self) -> None:
        """Forget the line once the list shows other runs. While a filter is typed, Esc still leads back to its runs."""
        if not self._main.prompt.is_open and not self.is_listing:
            self._listing = None
