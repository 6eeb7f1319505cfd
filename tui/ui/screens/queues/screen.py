"""The queues view: the list of queues, and the selected one."""

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar, Final

from textual.binding import BindingType

from tui.domain.ids import RunId
from tui.present.actions.row_actions import GoToRun
from tui.present.dialogs.copying import Clip
from tui.store.findings.board import QueueRow
from tui.ui.data.live_model import LiveModel
from tui.ui.data.queues.live_queues import LiveQueues
from tui.ui.data.subscription import RunSubscription
from tui.ui.model.layout import Proportions
from tui.ui.model.queues.queue_list import MORE
from tui.ui.panes.queues import QUEUE_PANES
from tui.ui.panes.queues.queue_list import QueueListPane
from tui.ui.panes.queues.summary import QueueSummary
from tui.ui.screens.list_screen import ListScreen
from tui.ui.screens.queues.keys import KEYS
from tui.ui.screens.view_entrance import MainView
from tui.ui.widgets.page import Page

if TYPE_CHECKING:
    from tui.ui.own_commands.offered import OwnSelection

HOLDERS: Final = "status:executing,dequeued"
"""The filter of the runs that hold the places of a queue. One that is suspended gives its place back."""

PROPORTIONS: Final = Proportions(main_rows=20, main_columns=112)
"""The list has as many rows as there are queues in use, and the selected queue four sentences and its hour."""


class QueuesScreen(ListScreen):
    """Shows the queues of a `LiveQueues`.

    `list_runs` leaves the view and lists the runs of a queue that pass a filter, with the cursor on one of them if it
    is given.
    """

    BINDINGS: ClassVar[list[BindingType]] = [*KEYS]

    def __init__(
        self,
        live: LiveModel,
        queues: LiveQueues,
        list_runs: Callable[[QueueRow, RunId | None, str], None],
        main: MainView,
    ) -> None:
        self.queues = queues
        panes = [pane(live, queues) for pane in QUEUE_PANES]
        super().__init__(live, queues, panes, QueueSummary(live, queues), main, proportions=PROPORTIONS)
        self._list_runs = list_runs
        self.list_pane.on_list_changed = self.show_changes

    @property
    def list_pane(self) -> QueueListPane:
        pane = self.panes[QueueListPane.title]
        assert isinstance(pane, QueueListPane)
        return pane

    def on_mount(self) -> None:
        self.queues.open()
        self.list_pane.table.highlight(self.list_pane.searched)

    def on_unmount(self) -> None:
        self.queues.close()

    def rest(self) -> None:
        super().rest()
        self.queues.rest()

    def resume(self) -> None:
        super().resume()
        self.queues.resume()

    def has_use_for(self, action: str, parameters: tuple[object, ...]) -> bool:
        match action:
            case "oldest_run":
                return self._oldest_run is not None
            case "holders":
                row = self.queues.list.current
                return row is not None and bool(row.running or row.holders)
            case "copy_queue":
                return self.queues.list.current is not None or self.pane.target is not None
            case _:
                return super().has_use_for(action, parameters)

    @property
    def _oldest_run(self) -> RunId | None:
        row = self.queues.list.current
        return None if row is None else row.oldest_run

    @property
    def outgoing_run(self) -> RunId | None:
        """The run under the cursor; in the list of queues, the one that waits longest in the queue."""
        return self.pane.target or self._oldest_run

    def action_enter(self) -> None:
        if self.pane is not self.list_pane:
            self.pane.enter()
        elif self.queues.list.cursor == MORE:
            self.queues.list.toggle_fold()
            self.queues.on_cursor()
            self.show_changes()
        elif (row := self.queues.list.current) is not None:
            self._list_runs(row, None, "")

    def action_holders(self) -> None:
        row = self.queues.list.current
        if row is not None and (row.running or row.holders):
            self._list_runs(row, None, HOLDERS)
        else:
            self.say("no run is known to hold a place of this queue")

    def action_oldest_run(self) -> None:
        row, run_id = self.queues.list.current, self._oldest_run
        if row is not None and run_id is not None:
            self._list_runs(row, run_id, "")
        else:
            self.say("no run is known to wait in this queue")

    def on_page_entered(self, event: Page.Entered) -> None:
        row = self.queues.list.current
        if isinstance(event.action, GoToRun) and row is not None:
            self._list_runs(row, event.action.run_id, "")

    def action_refresh_now(self) -> None:
        self.app_base.part(RunSubscription).refresh()
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
        from tui.ui.outgoing.clips import open_copy_menu  # noqa: PLC0415  loaded when first used

        open_copy_menu(self, self.live, self.pane.target, self.clipboard, parts)

    def action_palette(self) -> None:
        from tui.ui.screens.command_line.sorts import queue_sorts  # noqa: PLC0415  loaded when first used

        sorts = queue_sorts(self.list_pane.sort_by, self.queues.list.query.order)
        self.main.open_command_line(self, [*sorts, *self.own_commands_without_key()])
