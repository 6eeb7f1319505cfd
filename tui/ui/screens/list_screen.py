"""The base of views that list things of many runs each: error groups, queues."""

from collections.abc import Sequence
from typing import ClassVar

from textual.binding import BindingType

from tui.sources.clock import Timer
from tui.store.changes import Changes
from tui.ui.data.live_model import LiveModel
from tui.ui.input.keys import MENU_BINDINGS, OUTGOING_BINDINGS, bind
from tui.ui.model.layout import Proportions
from tui.ui.panes.base import Pane
from tui.ui.panes.list_panes import ListPane, LiveList
from tui.ui.screens.base import BaseScreen
from tui.ui.screens.view_entrance import MainView
from tui.ui.widgets.summary import Summary


class ListScreen(BaseScreen):
    """A list in the main pane, and panes about the row under its cursor. `main` is the screen below."""

    BINDINGS: ClassVar[list[BindingType]] = [
        bind("q", "quit_level", "back", "Go one level back.", id="close"),
        bind("W", "wall", "wall", "Show the wall: findings and the last hour over the whole screen."),
        bind("n", "hit_step(1)", "next match", "Go to the next match of the search.", id="next-match"),
        bind("N", "hit_step(-1)", "previous match", "Go to the previous match of the search.", id="previous-match"),
        bind("p", "pause", "pause", "Stop showing updates, or show them again."),
        bind("r,f5,ctrl+r", "refresh_now", "refresh", "Ask the server now, or try again now.", id="refresh"),
        *OUTGOING_BINDINGS,
        *MENU_BINDINGS,
    ]

    def __init__(
        self,
        live: LiveModel,
        live_list: LiveList,
        panes: Sequence[Pane],
        summary: Summary,
        main: MainView,
        *,
        proportions: Proportions,
        recent: Sequence[str] = (),
    ) -> None:
        super().__init__(live, panes, summary, proportions=proportions, recent=recent)
        self.main = main
        self._live_list = live_list
        self._rest: Timer | None = None

    @property
    def list_pane(self) -> ListPane:
        """The main pane."""
        raise NotImplementedError

    def on_mount(self) -> None:
        # Textual calls the handler of the subclass first, which opens the list.
        self._live_list.on_update = self._show_soon
        self.show_changes()

    def on_unmount(self) -> None:
        self._stop_rest()
        self._live_list.on_update = lambda: None

    def on_changes(self, changes: Changes) -> None:
        self._live_list.on_changes(changes)
        super().on_changes(changes)

    def tick(self) -> None:
        self.follow_cover()
        if not self.is_resting:
            self._live_list.tick()
        super().tick()

    def _show_soon(self) -> None:
        # A task of the session may call this; widgets are changed on the app's own message loop.
        self.call_later(self.show_changes)

    def show_changes(self) -> None:
        """Show what changed in the list, in the panes that are visible."""
        if self.is_attached:
            self.list_pane.follow_list()
            self._show_row()

    def _show_row(self) -> None:
        """Show the row under the cursor in the other panes."""
        for pane in self.panes.values():
            if pane is not self.list_pane:
                pane.follow_list()
        self.summary.rebuild()
        self.refresh_bindings()
        self.main.note_view()

    def on_row_table_moved(self) -> None:
        self._live_list.on_cursor()
        self._stop_rest()
        rest_s = self.follow_rest_s
        if rest_s:
            self._rest = self.live.session.clock.call_later(rest_s, self._show_soon)
        else:
            self.list_pane.show_rule()  # its table shows each move itself
            self._show_row()
            self.paint_now()

    def _stop_rest(self) -> None:
        if self._rest is not None:
            self._rest.cancel()
            self._rest = None

    def on_cursor_table_entered(self) -> None:
        self.action_enter()

    def action_enter(self) -> None:
        raise NotImplementedError

    def action_back(self) -> None:
        if self.pane.searched:
            self.pane.search("")
        elif self.app_base.close_away_block():
            pass
        elif self.workspace.is_zoomed:
            self.workspace.action_zoom()
        elif self.pane is not self.list_pane:
            self.workspace.go_to(self.list_pane.title)
        else:
            self.action_leave_view()

    def action_quit_level(self) -> None:
        self.action_back()

    def action_wall(self) -> None:
        self.main.action_wall()

    def action_view_before(self) -> None:
        self.main.action_view_before()
