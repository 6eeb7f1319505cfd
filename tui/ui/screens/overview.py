"""The overview of the main screen: the runs of one of its lines, and the way back."""

from collections.abc import Hashable
from dataclasses import replace
from typing import TYPE_CHECKING

from tui.domain.filters import RunFilters
from tui.lazy_dataclass import dataclass
from tui.present.styled import Token
from tui.store.server_filter import ServerFilter
from tui.ui.model.list_views import ListQuery
from tui.ui.panes.overview.base import LineOpened, LinePane

if TYPE_CHECKING:
    from tui.ui.screens.main import MainScreen


@dataclass(frozen=True, slots=True)
class LineListing:
    """The list shows the runs of a line: the filter for it, the query before, and where the line is."""

    text: str
    before: ListQuery
    pane: str
    key: Hashable
    is_zoomed: bool = False


class Overview:
    """Leads from a line to its runs and back."""

    def __init__(self, main: "MainScreen") -> None:
        self._main = main
        self._listing: LineListing | None = None

    def list_runs(self, event: LineOpened) -> None:
        """List the runs of a line, with none of them selected."""
        main, runs = self._main, event.runs
        before = main.run_list.views.query
        query = replace(before, text=runs.filter_text, text_name=runs.name, is_searched=False, is_typing=False)
        # A line is about all runs, whichever the server is asked for.
        query = replace(query, filters=RunFilters())
        self._listing = LineListing(query.text, before, event.pane, event.key, main.workspace.is_zoomed)
        self._show(query)
        main.show_list(None)

    @property
    def is_listing(self) -> bool:
        """Whether the list shows the runs of a line."""
        return self._listing is not None and self._main.run_list.searched == self._listing.text

    def back(self) -> bool:
        """Return to the line whose runs the list shows. Return whether it shows those of a line."""
        listing, main = self._listing, self._main
        if listing is None or not self.is_listing:
            return False
        self._listing = None
        now = main.run_list.views.query
        is_other = now.filters != RunFilters() or now.period != listing.before.period
        # The server's filters may have been changed meanwhile.
        query = replace(listing.before, filters=now.filters, period=now.period) if is_other else listing.before
        self._show(query)
        main.run_list.table.action_top()
        main.workspace.go_to(listing.pane)
        if listing.is_zoomed and not main.workspace.is_zoomed:
            main.workspace.action_zoom()
        pane = main.panes[listing.pane]
        if isinstance(pane, LinePane):
            pane.page.go_to(listing.key)
        return True

    def _show(self, query: ListQuery) -> None:
        subscription = self._main.app_base.subscription
        if query.filters != subscription.chosen.filters:
            subscription.visit(ServerFilter(query.filters, query.period), query.order.id)
        token = Token.TEXT if subscription.is_filtered else Token.MUTED
        self._main.run_list.show_query(query, token=token)

    def on_filtered(self) -> None:
        """Forget the line once the list shows other runs. While a filter is typed, Esc still leads back to its runs."""
        if not self._main.prompt.is_open and not self.is_listing:
            self._listing = None
