"""Opens the errors view over the main screen, lists the runs of a group there, and leads back.

The view itself is imported when it is first opened.
"""

from collections.abc import Hashable
from dataclasses import replace
from typing import TYPE_CHECKING

from tui.domain.ids import RunId
from tui.domain.text import Raw
from tui.lazy_dataclass import dataclass
from tui.present.styled import plain
from tui.store.addresses.addressed_views import ERRORS, as_words, lists_of, plain_words
from tui.store.addresses.view_address import ViewAddress
from tui.store.changes import Changes
from tui.ui.data.subscription import RunSubscription
from tui.ui.model.errors.ranking import GroupQuery
from tui.ui.model.errors.spans import DAY, GROUP_ORDERS, NEW_FIRST, SPANS
from tui.ui.model.list_views import ListQuery
from tui.ui.screens.main import MainScreen
from tui.ui.screens.view_entrance import ViewEntrance

if TYPE_CHECKING:
    from tui.store.errors.error_group import ErrorGroup
    from tui.ui.data.errors.live_groups import LiveErrorGroups
    from tui.ui.screens.errors.screen import ErrorsScreen


@dataclass(frozen=True, slots=True)
class GroupListing:
    """The list shows the runs of a group: the filter for it, and what the list showed before."""

    text: str
    before: ListQuery


class ErrorsEntrance(ViewEntrance):
    """The way to the errors view and back. The groups stay in memory while the list shows the runs of one of them."""

    name = ERRORS
    screen: "ErrorsScreen | None"
    _main: MainScreen

    def __init__(self, main: MainScreen) -> None:
        super().__init__(main)
        self._groups: LiveErrorGroups | None = None
        self._listing: GroupListing | None = None

    def open(self) -> None:
        """Show the errors."""
        from tui.ui.screens.errors import screen  # noqa: PLC0415  loaded when first used

        main = self._main
        self.screen = screen.ErrorsScreen(main.live, self.groups, main.action_controller, self._list_runs, main)
        main.note_view()
        main.app.push_screen(self.screen, self._on_left)

    def show(self, address: ViewAddress) -> None:
        main = self._main
        main.leave_other_views(but=self)
        subscription = main.app_base.part(RunSubscription)
        if address.server != subscription.chosen.filters:
            server = main.server_filter_of(replace(address, since=""))
            subscription.visit(server, main.run_list.views.query.order.id)
            chosen = subscription.chosen
            listed = replace(main.run_list.views.query, filters=chosen.filters, period=chosen.period)
            main.run_list.show_query(listed, main.run_list.target)
        orders, spans = {order.id: order for order in GROUP_ORDERS}, {span.name: span for span in SPANS}
        query = GroupQuery(orders.get(address.sort, NEW_FIRST), plain_words(address.filter))
        self.groups.show(spans.get(address.since, DAY), query)
        if self.screen is None:
            self.open()
        else:
            self.groups.open(subscription.chosen.filters)
            self.screen.workspace.go_to(self.screen.list_pane.title)
        assert self.screen is not None
        self.screen.list_pane.table.highlight(query.text)

    def address(self) -> ViewAddress:
        order, text = self.groups.query
        span = self.groups.wanted_span
        return ViewAddress(
            ERRORS,
            as_words(text),
            "" if span is DAY else span.name,
            "" if order is NEW_FIRST else order.id,
            server=lists_of(self._main.app_base.part(RunSubscription).chosen.filters),
        )

    @property
    def facts(self) -> Hashable:
        return (self.groups.query, self.groups.wanted_span, self._main.app_base.part(RunSubscription).chosen)

    @property
    def groups(self) -> "LiveErrorGroups":
        """The groups of the view, which remember its span and order."""
        from tui.ui.data.errors.live_groups import LiveErrorGroups  # noqa: PLC0415  loaded when first used

        if self._groups is None:
            self._groups = LiveErrorGroups(self._main.live)
        return self._groups

    def back(self) -> bool:
        """Return to the errors, if the list shows the runs of a group. Return whether it does."""
        listing = self._listing
        if listing is None or self._main.run_list.searched != listing.text:
            return False
        self._listing = None
        # The server's filters may have been changed meanwhile.
        now = self._main.run_list.views.query
        self._main.run_list.show_query(replace(listing.before, filters=now.filters, period=now.period))
        self.open()
        return True

    def on_changes(self, changes: Changes) -> None:
        """Remember which runs changed while the list shows those of a group."""
        if self._listing is not None and self._groups is not None:
            self._groups.on_changes(changes)

    def on_filtered(self) -> None:
        """Forget the groups once the list shows something else than the runs of one.

        While a filter is typed, Esc still leads back to the runs of the group.
        """
        if self._main.prompt.is_open:
            return
        if self._listing is not None and self._main.run_list.searched != self._listing.text and self._groups:
            self._listing = None
            self._groups.close()

    def _list_runs(self, group: "ErrorGroup", run_id: RunId | None) -> None:
        from tui.present.errors.groups.words import error_line, short_fingerprint  # noqa: PLC0415  loaded when first used

        assert self.screen is not None
        assert self._groups is not None
        main, span = self._main, self._groups.span
        before = main.run_list.views.query
        # Without an age, the list would also show runs of the group that were created before the span.
        age = f" age:<{span.name}" if span.length < before.period else ""
        query = replace(
            before,
            text=f"group:{short_fingerprint(group)}{age}",
            text_name=Raw(plain(error_line(group.kind))),
            is_searched=span.length > before.period,
            is_typing=False,
        )
        self._listing = GroupListing(query.text, before)
        self.screen.dismiss(None)
        main.run_list.show_query(query, run_id or next(iter(group.run_ids), None))
        main.show_list(run_id)
