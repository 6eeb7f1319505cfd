"""Opens the queues view over the main screen, lists the runs of a queue there, and leads back.

The view itself is imported when it is first opened.
"""

from collections.abc import Hashable
from dataclasses import replace
from typing import TYPE_CHECKING

from tui.domain.filters import RunFilters
from tui.domain.ids import RunId
from tui.lazy_dataclass import dataclass
from tui.store.addresses.addressed_views import QUEUES, as_words, plain_words
from tui.store.addresses.view_address import ViewAddress
from tui.store.filter_words import as_value
from tui.store.server_filter import ServerFilter
from tui.ui.data.subscription import RunSubscription
from tui.ui.model.list_views import ListQuery
from tui.ui.model.queues.orders import QUEUE_ORDERS, WORST, QueueQuery
from tui.ui.screens.main import MainScreen
from tui.ui.screens.view_entrance import ViewEntrance

if TYPE_CHECKING:
    from tui.store.findings.board import QueueRow
    from tui.ui.data.queues.live_queues import LiveQueues
    from tui.ui.screens.queues.screen import QueuesScreen


@dataclass(frozen=True, slots=True)
class QueueListing:
    """The list shows the runs of a queue: the filters for it, and the earlier query of the list."""

    filters: RunFilters
    text: str
    before: ListQuery


class QueuesEntrance(ViewEntrance):
    """The way to the queues view and back. The list of queues keeps its cursor while runs are shown."""

    name = QUEUES
    screen: "QueuesScreen | None"
    _main: MainScreen

    def __init__(self, main: MainScreen) -> None:
        super().__init__(main)
        self._queues: LiveQueues | None = None
        self._listing: QueueListing | None = None

    def open(self) -> None:
        """Show the queues."""
        from tui.ui.screens.queues import screen  # noqa: PLC0415  loaded when first used

        main = self._main
        self.screen = screen.QueuesScreen(main.live, self.queues, self._list_runs, main)
        main.note_view()
        main.app.push_screen(self.screen, self._on_left)

    def show(self, address: ViewAddress) -> None:
        self._main.leave_other_views(but=self)
        orders = {order.id: order for order in QUEUE_ORDERS}
        query = QueueQuery(orders.get(address.sort, WORST), plain_words(address.filter))
        self.queues.show_query(query)
        if self.screen is None:
            self.open()
        else:
            self.screen.workspace.go_to(self.screen.list_pane.title)
            self.screen.list_pane.table.highlight(query.text)

    def address(self) -> ViewAddress:
        order, text = self.queues.list.query
        return ViewAddress(QUEUES, as_words(text), sort="" if order is WORST else order.id)

    @property
    def facts(self) -> Hashable:
        return self.queues.list.query

    @property
    def queues(self) -> "LiveQueues":
        """The queues of the view, which remember its order, filter and cursor."""
        from tui.ui.data.queues.live_queues import LiveQueues  # noqa: PLC0415  loaded when first used

        if self._queues is None:
            self._queues = LiveQueues(self._main.live)
        return self._queues

    def back(self) -> bool:
        """Return to the queues, if the list shows the runs of one. Return whether it does."""
        listing, main = self._listing, self._main
        if listing is None or main.run_list.searched != listing.text:
            return False
        self._listing = None
        if main.run_list.views.query.filters != listing.filters:
            return False  # the user has chosen other filters of the server meanwhile
        self._show(listing.before)
        self.open()
        return True

    def _list_runs(self, row: "QueueRow", run_id: RunId | None, words: str) -> None:
        from tui.ui.model.queue_filter import runs_of_queue  # noqa: PLC0415  loaded when first used

        assert self.screen is not None
        main = self._main
        before = main.run_list.views.query
        is_relayed = main.live.session.settings.relay_url is not None
        text = f"queue:{as_value(row.name)} {words}".strip()
        filters, text = runs_of_queue(text, row.stored_name, is_relayed=is_relayed)
        self._listing = QueueListing(filters, text, before)
        self.screen.dismiss(None)
        self._show(replace(before, filters=filters, text=text, is_searched=False, is_typing=False), run_id)
        main.show_list(run_id)

    def _show(self, query: ListQuery, run_id: RunId | None = None) -> None:
        main = self._main
        if query.filters != main.run_list.views.query.filters:
            main.app_base.part(RunSubscription).visit(ServerFilter(query.filters, query.period), query.order.id)
        main.run_list.show_query(query, run_id)
