"""The ways to the views that cover the main screen, and from a line of a view to its runs."""

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from tui.domain.ids import RunId
from tui.present.actions.row_actions import ListRuns
from tui.present.frame.empty import NO_GROUP_ON_RELAY
from tui.present.styled import Token
from tui.store.server_filter import ServerFilter
from tui.ui.model.list_views import ListQuery

if TYPE_CHECKING:
    from tui.ui.screens.main import MainScreen


class CoveringView(Protocol):
    """A screen that covers the main screen."""

    def action_leave_view(self) -> None:
        """Close the view."""


class ViewEntrance:
    """The way to a view and back. A subclass imports the view when it is first opened, and pushes it."""

    def __init__(self, main: "MainScreen") -> None:
        self._main = main
        self.screen: CoveringView | None = None
        """The view, while it is shown."""

    def leave(self) -> None:
        """Close the view, if it is shown."""
        if (screen := self.screen) is not None:
            self.screen = None  # from now on, the view in front is that of the runs
            app = self._main.app
            stack: list[object] = [*app.screen_stack]
            if screen not in stack:
                return  # it was above a view that was left just before
            for _ in stack[stack.index(screen) + 1 :]:
                app.screen.dismiss(None)  # a dialog, or the wall, above it
            screen.action_leave_view()

    def _on_left(self, _: None) -> None:
        self.screen = None
        self._main.on_workspace_panes_changed()
        self._main.note_view()


def query_of(main: "MainScreen", runs: ListRuns) -> ListQuery | None:
    """Return the query that lists the runs of a line; None, and say so, where a relay has no such filter.

    A line is about all runs, whichever the server is asked for.
    """
    filters, text = runs.filters, runs.filter_text
    is_relayed = main.live.session.settings.relay_url is not None
    if filters.errors and is_relayed:
        main.front.say(NO_GROUP_ON_RELAY)
        return None
    if runs.queue:
        from tui.ui.model.queue_filter import runs_of_queue  # noqa: PLC0415  loaded when first used

        filters, text = runs_of_queue(text, runs.queue, is_relayed=is_relayed)
    before = main.run_list.views.query
    return replace(before, text=text, text_name=runs.name, filters=filters, is_searched=False, is_typing=False)


def show_filtered(main: "MainScreen", query: ListQuery, run_id: RunId | None = None) -> None:
    """List the runs of a query, with the cursor on a run if one is given."""
    subscription = main.app_base.subscription
    if query.filters != subscription.chosen.filters:
        subscription.visit(ServerFilter(query.filters, query.period), query.order.id)
    token = Token.TEXT if subscription.is_filtered else Token.MUTED
    main.run_list.show_query(query, run_id, token=token)
