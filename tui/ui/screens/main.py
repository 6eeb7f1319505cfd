"""The monitor: the board, and the keys that work on it whichever pane has the focus.

What lives here: what each of those keys leads to, and where it has nothing to do. The parts are `board`'s, acting on a
run is `acting`'s. The class is longer than 200 lines: it is the list of keys with one line behind each.
"""

from functools import partial
from typing import ClassVar, Final

from textual import events
from textual.binding import Binding, BindingType

from tui.domain.action import Via
from tui.domain.ids import RunId
from tui.domain.run import Run
from tui.present.dialogs.filters import recalled_line
from tui.present.list.end import NOT_A_RUN
from tui.present.styled import Piece, Token
from tui.store.orders import CREATED, ORDERS
from tui.ui.data.action_controller import (
    ACTION_BINDINGS,
    ACTION_NAMES,
    BY_ID,
    NO_RUN_SELECTED,
    ActionController,
    ActionReports,
)
from tui.ui.data.live_model import LiveModel
from tui.ui.data.remembered import Remembered
from tui.ui.input.clipboard import Clipboard
from tui.ui.input.keys import bind
from tui.ui.input.menus import MENU_BINDINGS, open_copy_menu, open_help, open_palette, open_server_filters
from tui.ui.look.theme import ColorMode
from tui.ui.panes import PANES
from tui.ui.panes.base import OpenRun
from tui.ui.panes.detail import DetailPane
from tui.ui.panes.run_list import RunHighlighted, RunListPane
from tui.ui.screens.base import BaseScreen

ENTER_SENTENCE: Final = (
    "Open what the cursor is on; on the last line of the list, ask the server. While no run is selected, select the "
    "first one."
)
FILTER_SENTENCE: Final = (
    "Filter the list: any text, status:failed task:sync-* -tag:x took:>10s age:<5m queue: version: error: id: env: "
    "test:yes. Search in any other pane."
)


RECALLED_FOR_S: Final = 20.0
"""How long a start says that the filters are those of the last session: the first rows take a while."""

NOTICE_MARGIN: Final = len(" ? keys   ") + 1
"""Cells of the footer that a notice leaves free."""

KEYS: Final[tuple[Binding, ...]] = (
    bind("enter", "enter", "open", ENTER_SENTENCE, rank=10),
    bind("escape", "back", "back", "One level back: ends a selection, a search, a filter, a zoom, then to the list."),
    bind("q", "quit_level", "back, quit", "One level back; at the list it ends the program."),
    bind("left_square_bracket", "run_step(-1)", "previous run", "The previous run of the list, from any pane."),
    bind("right_square_bracket", "run_step(1)", "next run", "The next run of the list, from any pane.", rank=65),
    bind("slash", "search", "filter", FILTER_SENTENCE, rank=40, need=30),
    bind("f", "server_filters", "server filters", "What the server sends: by status, task, tag.", rank=45, need=40),
    bind("0", "clear_filters", "clear filters", "Take every filter away: what was typed, and the server's."),
    bind("n", "hit_step(1)", "next match", "The next match of the search."),
    bind("N", "hit_step(-1)", "previous match", "The previous match of the search."),
    bind("x", "error_step(1)", "next error", "The next failed run.", rank=60, need=32),
    bind("X", "error_step(-1)", "previous error", "The previous failed run."),
    bind("p", "pause", "pause", "Stop showing updates, or go on."),
    bind("r,f5,ctrl+r", "refresh_now", "refresh", "Ask the server now, or try again now.", shown="r F5 ctrl-r"),
    bind("y", "copy_id", "copy id", "Send the id of the run to the terminal's clipboard.", rank=75, need=60),
    bind("Y", "copy_menu", "copy what", "Choose what to send: id, payload, output, error with its stack."),
    *ACTION_BINDINGS,
    *MENU_BINDINGS,
)


class MainScreen(BaseScreen):
    """The monitor: the list of runs, the panes about the selected run, and the keys that work in each of them."""

    BINDINGS: ClassVar[list[BindingType]] = [*KEYS]

    def __init__(self, live: LiveModel) -> None:
        super().__init__(live, PANES)
        reports = ActionReports(lambda text: self.app_base.messages.add(live.session.now(), text), self.footer.notice)
        self.action_controller = ActionController(
            live, lambda: self.app_base, reports, open_run=self._open_new, unmark=self.run_list.clear_shown_marks
        )
        self.run_list.table.overlay = self.detail.overlay = self.run_summary.overlay = self.action_controller.overlay

    @property
    def run_list(self) -> RunListPane:
        """The list of runs."""
        pane = self.panes[RunListPane.title]
        assert isinstance(pane, RunListPane)
        return pane

    @property
    def detail(self) -> DetailPane:
        """The detail of the selected run."""
        pane = self.panes[DetailPane.title]
        assert isinstance(pane, DetailPane)
        return pane

    def on_mount(self) -> None:
        self.app_base.subscription.on_filters = partial(self.call_later, self._show_filters)
        self.app_base.farewell = self.action_controller.farewell
        self.app_base.unsent = lambda: self.action_controller.action_queue.waiting_counts

    def select_target(self) -> None:
        if self.pane is self.run_list and self.history.current != self.run_list.target:
            self.history.restart(self.run_list.target, is_list_end=self.run_list.rows.is_at_end)

    def _show_filters(self, remembered: Remembered) -> None:
        """Show the list with the filters and the order that are remembered or just chosen."""
        order = next((each for each in ORDERS if each.id == remembered.order), CREATED)
        subscription = self.app_base.subscription
        self.run_list.show_chosen(
            subscription.chosen,
            order,
            is_wide=remembered.is_wide,
            token=Token.AMBER if subscription.is_recalled else Token.TEXT if subscription.is_filtered else Token.MUTED,
        )
        if subscription.is_recalled:
            width = self.size.width - NOTICE_MARGIN
            line = recalled_line(subscription.chosen, subscription.chosen_at, self.live.session.now(), width)
            self.footer.notice(line, for_s=RECALLED_FOR_S)

    def on_run_highlighted(self, event: RunHighlighted) -> None:
        """The cursor of the list is on another run."""
        self.history.restart(event.run_id, is_list_end=event.is_list_end)
        self.refresh_bindings()

    def on_open_run(self, event: OpenRun) -> None:
        """A pane leads to another run."""
        self.history.go(event.run_id)

    def on_run_list_pane_filtered(self) -> None:
        """What is typed finds other runs: the words beside it count them."""
        if self.pane is self.run_list:
            self.prompt.refresh_remark()

    def on_run_table_entered(self) -> None:
        """A run was clicked twice."""
        self.action_enter()

    def on_key(self, event: events.Key) -> None:
        """Say that a key that nothing took does nothing here."""
        if not self.prompt.is_open:
            self.footer.show_unbound_key(event)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002  Textual's
        """While something is typed every key is text; of what writes there is no trace where nothing may be written."""
        if self.prompt.is_open:
            return False
        return self.action_controller.exists if action in ACTION_NAMES else True

    def has_use_for(self, action: str, parameters: tuple[object, ...]) -> bool:
        """Whether an action would do more now than say why not."""
        target = self.pane.target
        if action == "clear_filters":
            return self._is_filtered
        if action in {"copy_id", "copy_menu"}:
            return target is not None
        if action == "zoom":
            return self.workspace.can_zoom
        if action not in ACTION_NAMES:
            return self.pane.has_use_for(action)
        if action == "act" and self._acts_on_marks:
            rows = self.run_list.rows
            return self.action_controller.block is None and len(rows.marks) > rows.marks.hidden_count
        run = None if target is None else self.live.session.store.get(target) or Run(target)
        return self.action_controller.check(action, parameters, run) is True

    def word_for(self, action: str, usual: str) -> str:
        """What an action is called now."""
        if action == "zoom" and self.workspace.is_zoomed:
            return "back"
        return self.pane.word_for(action, usual)

    def belongs_in_footer(self, action: str) -> bool:
        """Leave out Enter while no run is selected: the strip says how to select one."""
        is_at_run = self.pane is not self.run_list or self.run_list.target is not None
        return action != "enter" or is_at_run or self.run_list.rows.is_at_end

    def action_enter(self) -> None:
        """Open what the cursor is on, or put the cursor on the first run."""
        if self.pane is not self.run_list or self.run_list.rows.is_at_end:
            self.pane.enter()
        elif (run_id := self.run_list.target) is None:
            self.run_list.table.action_move(1)
        else:
            self.history.restart(run_id, at_once=True)
            self.workspace.action_pane(DetailPane.title)

    def action_back(self) -> None:
        """One level back; at the root nothing."""
        self._back()

    def action_quit_level(self) -> None:
        """One level back; at the root the end."""
        if not self._back():
            self.app_base.action_leave()

    def action_run_step(self, step: int) -> None:
        """The previous or next run of the list, from any pane."""
        self.run_list.table.step_run(step)

    def action_error_step(self, step: int) -> None:
        """The next or previous error, of the pane or of the list."""
        is_there = self.pane.error_step(step) or (self.pane is not self.run_list and self.run_list.error_step(step))
        if not is_there:
            self.footer.notice((Piece("no other failed run is shown", Token.MUTED),))

    def action_search(self) -> None:
        """Type a filter, or a search."""
        pane, before = self.pane, self.pane.searched

        def end(_: str, is_kept: bool) -> None:  # noqa: FBT001  the prompt's word
            if not is_kept:
                pane.search(before)
            pane.end_typing()
            self.footer.remove_class("away")

        self.footer.add_class("away")
        self.prompt.open(before, pane.search, end, hint=pane.search_hint)

    def action_clear_filters(self) -> None:
        """Take away the typed filter, the searches of the panes, and the server's filters."""
        had_any = self._is_filtered
        for pane in self.panes.values():
            if pane.searched:
                pane.search("")
                pane.end_typing()
        self.app_base.subscription.clear()
        self.footer.notice((Piece("all filters are cleared" if had_any else "no filter is set", Token.MUTED),))
        self.refresh_bindings()

    @property
    def _is_filtered(self) -> bool:
        return self.app_base.subscription.is_filtered or any(pane.searched for pane in self.panes.values())

    def action_hit_step(self, step: int) -> None:
        """The next or previous match."""
        self.pane.hit_step(step)

    def action_pause(self) -> None:
        """Stand still, or go on."""
        self.live.toggle_pause()
        self.tick()

    def action_refresh_now(self) -> None:
        """Ask now."""
        self.app_base.subscription.refresh()
        self.selection_loader.refetch()

    def action_act(self, name: str, via: str = Via.KEY) -> None:
        """Ask whether to cancel or replay: in the list what is marked, else the run under the cursor."""
        if self.pane is self.run_list and self.run_list.rows.is_at_end and not self._acts_on_marks:
            self.footer.notice((Piece(f"{name}: {NOT_A_RUN}", Token.MUTED),))
        elif self._acts_on_marks:
            marks = self.run_list.rows.marked_runs
            self.action_controller.ask(BY_ID[name], marks, len(self.run_list.rows.marks) - len(marks), via=Via(via))
        else:
            self.action_controller.ask(
                BY_ID[name], [] if self.pane.target is None else [self.pane.target], via=Via(via)
            )

    def action_withdraw(self) -> None:
        """Take back what waits to be sent."""
        self.action_controller.withdraw()

    def action_go_to_new(self) -> None:
        """Go to the run that a replay of this one started."""
        self.action_controller.go_to_new(self.pane.target)
        self.refresh_bindings()

    def action_copy_id(self) -> None:
        """Send the id."""
        if (run_id := self._target_to_copy()) is not None:
            self._clipboard.send("id", run_id)

    def action_copy_menu(self) -> None:
        """Choose what to send."""
        if (run_id := self._target_to_copy()) is not None:
            open_copy_menu(self, self.live, run_id, self._clipboard)

    def action_server_filters(self) -> None:
        """Choose what the server leaves out."""
        open_server_filters(self, self.live, self.app_base.subscription)

    def action_palette(self) -> None:
        """Choose a command by name."""
        open_palette(self, self.live, self.app_base.messages, sort_by=self.run_list.sort_by, use_look=self._use_look)

    def action_help(self) -> None:
        """Show the keys."""
        open_help(self, self.live, self.pane.title)

    def _use_look(self, look: ColorMode) -> None:
        """Other colours; the strip has other rows where its ground has none."""
        self.app_base.use_look(look)
        self.put_in_place()

    @property
    def _acts_on_marks(self) -> bool:
        """Whether a verb is about what is marked, wherever the cursor is."""
        return self.pane is self.run_list and len(self.run_list.rows.marks) > 0

    def _open_new(self, run_id: RunId) -> None:
        """Go to a run that a replay started: in a pane about it, since the list may not show it."""
        if self.pane is self.run_list:
            self.workspace.action_pane(DetailPane.title)
        self.history.go(run_id)

    def _target_to_copy(self) -> RunId | None:
        if (target := self.pane.target) is None:
            self.footer.notice((Piece(f"copy: {NO_RUN_SELECTED}", Token.MUTED),))
        return target

    @property
    def _clipboard(self) -> Clipboard:
        return Clipboard(self.app_base.environ, self.app_base.write, self.footer.notice)

    def _back(self) -> bool:
        """Go one level back; whether there was one."""
        if self.run_list.server_search.stop():
            pass
        elif self._acts_on_marks:
            # Before the filter: it may hide some of them, and Esc takes back first what a verb would act on.
            self.run_list.clear_marks()
        elif self.pane.searched:
            self.pane.search("")
        elif self.history.back():
            pass
        elif self.workspace.is_zoomed:
            self.workspace.action_zoom()
        elif self.pane is not self.run_list:
            self.workspace.action_pane(RunListPane.title)
        else:
            return False
        return True
