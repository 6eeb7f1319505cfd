"""The queues view: the list of queues, and the selected one."""

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar, Final

from textual.binding import BindingType

from tui.domain.ids import RunId
from tui.present.actions.row_actions import GoToRun
from tui.present.dialogs.copying import Clip
from tui.present.styled import Piece, Token
from tui.sources.clock import Timer
from tui.store.changes import Changes
from tui.store.findings.board import QueueRow
from tui.ui.data.action_controller import ACTION_NAMES
from tui.ui.data.live_model import LiveModel
from tui.ui.data.queues.live_queues import LiveQueues
from tui.ui.input.menus import OUTGOING_ACTIONS, open_copy_menu
from tui.ui.model.layout import Proportions
from tui.ui.model.queues.queue_list import MORE
from tui.ui.panes.queues import QUEUE_PANES
from tui.ui.panes.queues.queue import QueuePane
from tui.ui.panes.queues.queue_list import QueueListPane
from tui.ui.panes.queues.summary import QueueSummary
from tui.ui.screens.base import OWN_COMMAND, BaseScreen
from tui.ui.screens.queues.keys import KEYS
from tui.ui.widgets.page import Page

if TYPE_CHECKING:
    from tui.ui.own_commands.offered import OwnSelection
    from tui.ui.screens.main import MainScreen

PROPORTIONS: Final = Proportions(main_rows=20, main_columns=112)
"""The list has as many rows as there are queues in use, and the selected queue four sentences and its hour."""


class QueuesScreen(BaseScreen):
    """Shows the queues of a `LiveQueues`.

    `list_runs` leaves the view and lists the runs of a queue, with the cursor on one of them if it is given.
    `main` is the screen below.
    """

    BINDINGS: ClassVar[list[BindingType]] = [*KEYS]

    def __init__(
        self,
        live: LiveModel,
        queues: LiveQueues,
        list_runs: Callable[[QueueRow, RunId | None], None],
        main: "MainScreen",
    ) -> None:
        self.queues = queues
        self._views = [pane(live, queues) for pane in QUEUE_PANES]
        super().__init__(live, self._views, QueueSummary(live, queues), proportions=PROPORTIONS)
        self._main = main
        self._list_runs = list_runs
        self._rest: Timer | None = None
        self.queue_list.on_list_changed = self._on_list_changed

    @property
    def queue_list(self) -> QueueListPane:
        """The list of queues."""
        pane = self.panes[QueueListPane.title]
        assert isinstance(pane, QueueListPane)
        return pane

    @property
    def _queue(self) -> QueuePane:
        pane = self.panes[QueuePane.title]
        assert isinstance(pane, QueuePane)
        return pane

    def on_mount(self) -> None:
        self.queues.on_update = self._on_queues
        self.queues.open()
        self.queue_list.table.highlight(self.queue_list.searched)
        self._show_queues()

    def on_unmount(self) -> None:
        self._stop_rest()
        self.queues.on_update = lambda: None
        self.queues.close()

    def on_changes(self, changes: Changes) -> None:
        self.queues.on_changes(changes)
        super().on_changes(changes)

    def tick(self) -> None:
        self.queues.tick()
        super().tick()

    def _on_queues(self) -> None:
        # A task of the session may call this; widgets are changed on the app's own message loop.
        self.call_later(self._show_queues)

    def _show_queues(self) -> None:
        """Show changes of the queues in the panes that are visible."""
        if not self.is_attached:
            return
        for view in self._views:
            view.show()
        self.summary.rebuild()
        self.refresh_bindings()
        self._main.note_view()

    def _on_list_changed(self) -> None:
        self._show_queues()

    def on_row_table_moved(self) -> None:
        self.queues.on_cursor()
        self._stop_rest()
        rest_s = self.follow_rest_s
        if rest_s:
            self._rest = self.live.session.clock.call_later(rest_s, self._on_queues)
        else:
            self._show_queues()
            self.paint_now()

    def _stop_rest(self) -> None:
        if self._rest is not None:
            self._rest.cancel()
            self._rest = None

    def on_cursor_table_entered(self) -> None:
        self.action_enter()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if self.prompt.is_open:
            return False  # every key is text
        if action == OWN_COMMAND:
            return self.offers_own_command(parameters)
        return action not in ACTION_NAMES

    def has_use_for(self, action: str, parameters: tuple[object, ...]) -> bool:
        match action:
            case _ if action in OUTGOING_ACTIONS:
                return self.outgoing_run is not None
            case "oldest_run":
                return self._oldest_run is not None
            case "copy_queue":
                return self.queues.list.current is not None or self.pane.target is not None
            case "zoom":
                return self.workspace.can_zoom
            case "own_command":
                return self.can_run_own_command(parameters)
            case _:
                return self.pane.has_use_for(action)

    def word_for(self, action: str, usual: str) -> str:
        if action == "zoom" and self.workspace.is_zoomed:
            return "back"
        return self.pane.word_for(action, usual)

    def belongs_in_footer(self, action: str) -> bool:  # noqa: ARG002  the same in every state
        return True

    @property
    def _oldest_run(self) -> RunId | None:
        row = self.queues.list.current
        return None if row is None else row.oldest_run

    @property
    def outgoing_run(self) -> RunId | None:
        """The run under the cursor; in the list of queues, the one that waits longest in the queue."""
        return self.pane.target or self._oldest_run

    def action_enter(self) -> None:
        if self.pane is not self.queue_list:
            self.pane.enter()
        elif self.queues.list.cursor == MORE:
            self.queues.list.toggle_fold()
            self.queues.on_cursor()
            self._show_queues()
        elif (row := self.queues.list.current) is not None:
            self._list_runs(row, None)

    def action_oldest_run(self) -> None:
        row, run_id = self.queues.list.current, self._oldest_run
        if row is not None and run_id is not None:
            self._list_runs(row, run_id)
        else:
            self.footer.notice((Piece("no run is known to wait in this queue", Token.MUTED),))

    def on_page_entered(self, event: Page.Entered) -> None:
        row = self.queues.list.current
        if isinstance(event.action, GoToRun) and row is not None:
            self._list_runs(row, event.action.run_id)

    def action_back(self) -> None:
        if self.pane.searched:
            self.pane.search("")
        elif self.app_base.close_away_block():
            pass
        elif self.workspace.is_zoomed:
            self.workspace.action_zoom()
        elif self.pane is not self.queue_list:
            self.workspace.go_to(QueueListPane.title)
        else:
            self.action_leave_view()

    def action_quit_level(self) -> None:
        self.action_back()

    def action_leave_view(self) -> None:
        self.dismiss(None)

    def action_refresh_now(self) -> None:
        self.app_base.subscription.refresh()
        self.queues.refresh()

    def own_selection(self) -> "OwnSelection":
        from tui.domain.own_commands.placeholders import CommandScope  # noqa: PLC0415  loaded when first used
        from tui.ui.own_commands.offered import OwnSelection  # noqa: PLC0415

        return OwnSelection((CommandScope.RUN, CommandScope.TASK), run_id=self.outgoing_run)

    def action_copy_queue(self) -> None:
        row = self.queues.list.current
        if (target := self.pane.target) is not None:
            self.clipboard.send("id", target)
        elif row is not None:
            self.clipboard.send("name", row.stored_name)

    def action_copy_menu(self) -> None:
        row = self.queues.list.current
        parts = [] if row is None else [Clip("n", "name of the queue", row.stored_name)]
        open_copy_menu(self, self.live, self.pane.target, self.clipboard, parts)

    def action_palette(self) -> None:
        from tui.ui.screens.command_line.sorts import queue_sorts  # noqa: PLC0415  loaded when first used

        sorts = queue_sorts(self.queue_list.sort_by, self.queues.list.query.order)
        self._main.command_line.open(self, [*sorts, *self.own_commands_without_key()])

    def action_wall(self) -> None:
        self._main.wall.open()

    def action_view_before(self) -> None:
        self._main.view_trail.go_back()
