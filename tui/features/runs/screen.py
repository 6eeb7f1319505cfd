"""The monitor: the list of runs, the panes about the selected run, the overview, and the way back through views."""

import asyncio
from collections import deque
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar, Final, NamedTuple

from textual.binding import BindingType
from textual.screen import Screen

from tui import features
from tui.domain.action import Via
from tui.domain.filters import read_period
from tui.domain.own_commands import CommandScope
from tui.domain.run import RunId
from tui.features.actions.view import ACTION_BINDINGS, BY_ID, ActionController
from tui.features.runs.data import RunSubscription
from tui.features.runs.model import ListQuery
from tui.features.runs.view import RunListPane, RunSummary
from tui.features.runs.words import NO_GROUP_ON_RELAY, NOT_A_RUN, absolute_period_words, recalled_line
from tui.features.wall.panes import LinePane, unheard_line
from tui.kit.app import AppBase, is_covered
from tui.kit.bars import ViewScreen
from tui.kit.commands import Command, OwnSelection
from tui.kit.keys import ACTION_NAMES, MENU_BINDINGS, OUTGOING_BINDINGS, Help, bind
from tui.kit.layout import PaneEntry
from tui.kit.list_panes import VIEW_BINDINGS, ListEntrance, MainView, Sorts, ViewEntrance, WayBack, go_back
from tui.kit.live_model import LiveModel
from tui.kit.pane import OpenRun, Pane
from tui.kit.screen import BaseScreen
from tui.kit.selection import Selection
from tui.lazy_dataclass import dataclass
from tui.store.addresses import RUN, RUNS, ViewAddress, lists_of, period_problem
from tui.store.changes import CREATED, ORDERS, Changes, Topic, order_named
from tui.store.server_filter import ServerFilter, server_filter
from tui.text import formatting
from tui.text.bars import BarLook
from tui.text.blocks import ListRuns, no_run_selected
from tui.text.styled import Line, Piece, Token, cut

if TYPE_CHECKING:
    from tui.features.command_line.view import CommandLineEntrance
    from tui.features.wall.blocks import WallView
    from tui.features.wall.data import LiveBoard


# The panes of the main screen that its keys lead to.


RUN_LIST: Final = "runs"
"""The title of the pane with the list."""

DETAIL: Final = "detail"
"""The title of the pane that Enter on a run leads to."""


# The overview of the main screen: when it is made, the runs of one of its lines, and the way back.
#
# What it shows is imported and computed once the first rows of the list are shown.


EVERY_S: Final = 2.0
"""How often the numbers change. Each second would cost a busy fleet more than one hundredth of a core."""

SENTENCES_EVERY_S: Final = 5.0
"""Waiting times in sentences change this often; on a slow link everything does."""

FRESH_FOR_S: Final = 5.0
"""After a longer time, a hidden overview is out of date. It is grey when it is shown again, until it is updated."""


@dataclass(frozen=True, slots=True)
class Listing:
    """Says that the list shows the runs of a line of another view or of a pane, or of an address with a period of its
    own. Has that query, and the query from before.
    """

    query: ListQuery
    before: ListQuery
    way: WayBack


class Overview:
    """Keeps the overview up to date while it is shown, and leads from a line to its runs and back."""

    def __init__(self, main: "MainScreen", after_s: float) -> None:
        """`after_s`: seconds from the first rows to the overview."""
        self._main = main
        self._after_s = after_s
        self._board: LiveBoard | None = None
        self._is_loading = self._is_open = self._is_outdated = self._has_new_verdict = False
        self._ticks_with_rows = 0
        self._shown_s = float("-inf")
        self.view: WallView | None = None
        """The overview as it is shown; None until the first rows of the list are shown."""

    @property
    def _is_shown(self) -> bool:
        """Whether a pane of the overview is shown, or the strip below the list, which then shows findings."""
        main = self._main
        if is_covered(main) or (not main.run_list.rows.is_following and not isinstance(main.pane, LinePane)):
            return False
        plan = main.workspace.plan
        return plan.has_summary or any(plan.shows(each.title) for each in features.OVERVIEW_PANES)

    @property
    def _panes(self) -> list[LinePane]:
        return [pane for pane in self._main.panes.values() if isinstance(pane, LinePane)]

    @property
    def _now_s(self) -> float:
        return self._main.live.session.clock.monotonic_s()

    def follow(self) -> None:
        """Start or stop judging findings and updating the overview. Call it when the shown panes may have changed."""
        if self._board is None:
            return
        if not self._is_shown:
            self.close()
        elif not self._is_open:
            self._is_open = self._is_outdated = True
            self._board.open()
            if self.view is not None and self._now_s - self._shown_s > FRESH_FOR_S:
                self._show(replace(self.view, heard_at=self.view.timers_at, is_known=False))
            self._update(self._board)

    def tick(self) -> None:
        """Show what has changed. Called every second."""
        main = self._main
        if self._board is not None:
            self.follow()
            self._update(self._board)
        elif self._is_shown and not self._is_loading:
            for pane in self._panes:
                pane.show_unheard(is_unheard=self._is_unheard)
            self._ticks_with_rows += main.run_list.rows.has_rows or main.live.freshness.confirmed_at is not None
            if self._ticks_with_rows >= self._after_s:  # one tick a second
                self._is_loading = True
                main.live.session.spawn(self._load(), "import the overview")

    def on_changes(self, changes: Changes) -> None:
        """Note changes of runs and facts."""
        if self._board is not None:
            self._board.on_changes(changes)
            self._has_new_verdict |= Topic.VERDICT in changes.topics

    def close(self) -> None:
        """Compute nothing until it is shown again."""
        if self._board is not None and self._is_open:
            self._is_open = False
            self._board.close()

    def strip_lines(self, width: int) -> tuple[Line, ...] | None:
        """Return the first findings for the strip below the list; None before they are known."""
        if self.view is None:
            return (cut((Piece("  "), *unheard_line()), width), ()) if self._is_unheard else None
        from tui.features.wall.overview import strip_lines  # noqa: PLC0415  not needed before the first rows

        return strip_lines(self.view, width)

    @property
    def _is_unheard(self) -> bool:
        """Whether the list failed, and the server has never answered."""
        freshness = self._main.live.freshness
        return freshness.confirmed_at is None and freshness.failure is not None

    async def _load(self) -> None:
        await asyncio.to_thread(import_module, "tui.features.wall.overview")  # which imports the board, too
        self._main.call_later(self._begin)

    def _begin(self) -> None:
        from tui.features.wall.data import LiveBoard  # noqa: PLC0415  not needed before the first rows

        if self._main.is_attached:
            self._board = LiveBoard(self._main.live, self._set_outdated)
            self.tick()

    def _set_outdated(self) -> None:
        self._is_outdated = True

    def _update(self, live_board: "LiveBoard") -> None:
        """Update the overview if it may look different now."""
        from tui.features.wall.blocks import WallView  # noqa: PLC0415  not needed before the first rows

        live, before, age_s = self._main.live, self.view, self._now_s - self._shown_s
        is_slow_link, painter = self._main.app_base.is_slow_link, self._main.app_base.painter
        now, look = live.now, BarLook(painter.is_ascii, painter.is_colorless)
        is_stale, was_stale = now.frozen_at is not None, before is not None and before.is_stale
        # Findings that came or went are shown at once.
        is_new = self._has_new_verdict or is_stale is not was_stale
        is_due = is_new or age_s >= (SENTENCES_EVERY_S if is_slow_link else EVERY_S)
        if not self._is_open or live.pause is not None or not is_due:
            return
        live_board.tick()
        board = live_board.board
        if board is None or not self._is_counted:
            return
        is_other = before is None or (look, is_slow_link, is_stale) != (before.look, before.is_slow_link, was_stale)
        if not (self._is_outdated or is_other or age_s >= SENTENCES_EVERY_S):
            return
        self._is_outdated = self._has_new_verdict = False
        heard_at, self._shown_s = now.until, self._now_s
        self._show(WallView(board, now.at, look, live_board.failing, heard_at, not is_stale, is_slow_link=is_slow_link))

    @property
    def _is_counted(self) -> bool:
        """Whether the board includes the store's runs. After a pause the old overview is grey until they are judged."""
        findings = self._main.live.session.findings
        if findings.own is None or findings.is_judged:
            return findings.is_judged
        return self.view is None and findings.own.listed_since is not None

    def _show(self, view: "WallView") -> None:
        self.view = view
        for pane in self._panes:
            self.show_in(pane)

    def show_in(self, pane: LinePane) -> None:
        """Show the overview in one of its panes, if there is an overview already."""
        if self.view is not None:
            from tui.features.wall.overview import TABS  # noqa: PLC0415  not needed before the first rows

            pane.show_view(self.view, TABS[pane.title])

    def list_runs(self, pane: LinePane, runs: ListRuns, key: Hashable) -> None:
        """List the runs of a line of a pane, with none of them selected, or open the one run of a finding."""
        way = WayBack(partial(self._back_to, pane, key, is_zoomed=self._main.workspace.is_zoomed))
        self._main.list_runs(runs, way, runs.cursor)

    def _back_to(self, pane: LinePane, key: Hashable, *, is_zoomed: bool) -> None:
        main = self._main
        main.run_list.table.action_top()
        main.workspace.go_to(pane.title)
        if is_zoomed and not main.workspace.is_zoomed:
            main.workspace.action_zoom()
        pane.page.go_to(key)


# The views that were shown before, and the way back through them.


MAX_VIEWS: Final = 50


class ShownView(NamedTuple):
    """A view as it was left: the query of the list, with the run under its cursor, or the address of another view."""

    what: ListQuery | ViewAddress
    cursor: RunId | None = None


# The monitor: the list of runs, the panes about the selected run, and the actions of their common keys.


RECALLED_FOR_S: Final = 20.0
"""How long a notice says that the filters come from the last session. The first rows take a while."""

PROBLEMS_SHOWN_S: Final = 10.0
"""How long a notice at the start says that something is wrong in the config file."""

NOTICE_MARGIN: Final = len(" ? keys   ") + 1
"""Cells of the footer that a notice leaves free."""


class MainScreen(MainView):
    """The first screen of the app: the panes about runs, and those of the overview while none is selected."""

    BINDINGS: ClassVar[list[BindingType]] = [
        bind("enter", "enter", "open",
             "Open the row under the cursor; on the last line of the list, search the server. "
             "While no run is selected, select the first one.", id="open", rank=10),
        bind("escape", "back", "back",
             "Go one step back: close the block “while you were away”, clear marks, close a search, a filter, a zoom; "
             "then go to the list; then clear the selection."),
        bind("q", "quit_level", "back, quit", "Go one step back; at the list, end the program.", id="close"),
        bind("left_square_bracket", "run_step(-1)", "previous run",
             "Go to the previous run of the list, from any pane.", id="previous-run",
             help=Help("move", 50, "previous, next run", ("previous-run", "next-run"))),
        bind("right_square_bracket", "run_step(1)", "next run", "Go to the next run of the list, from any pane.",
             id="next-run", rank=65),
        bind("slash", "search", "filter",
             "Filter the list: any text, status:failed task:sync-* -tag:x took:>10s age:<5m queue: version: error: "
             "group: id: env: test:yes payload.customer:1025. Search in any other pane.", rank=40, need=30),
        bind("f", "server_filters", "server filters", "Choose which runs the server sends: by status, task, tag.",
             rank=45, need=40, help=Help("find", 30, "filters of the server")),
        bind("0", "clear_filters", "clear filters", "Clear all filters: the typed one, and the server's.",
             help=Help("find", 40, "clear all filters")),
        *VIEW_BINDINGS[:2],
        bind("W", "view('wall')", "wall", "Show the wall: findings and the last hour over the whole screen.", id="wall",
             rank=77, need=70),
        bind("n", "hit_step(1)", "next match", "Go to the next match of the search.", id="next-match"),
        bind("N", "hit_step(-1)", "previous match", "Go to the previous match of the search.", id="previous-match"),
        bind("x", "error_step(1)", "failed run", "Go to the next failed run.", id="next-error", rank=60, need=32,
             help=Help("move", 60, "next, previous failed run", ("next-error", "previous-error"))),
        bind("X", "error_step(-1)", "previous failed run", "Go to the previous failed run.", id="previous-error"),
        bind("p", "pause", "pause", "Stop showing updates, or show them again."),
        bind("r,f5,ctrl+r", "refresh_now", "refresh", "Read from the server now, or try again now.", id="refresh"),
        bind("y", "copy_id", "copy id", "Copy the id of the run to the clipboard of the terminal.", rank=75, need=60),
        bind("Y", "copy_menu", "copy what",
             "Choose what to copy: id, payload, output, error with its stack, a ticket in Markdown, the address, "
             "a link to the dashboard, a shell command, a curl."),
        *OUTGOING_BINDINGS,
        *ACTION_BINDINGS,
        *MENU_BINDINGS,
    ]  # fmt: skip

    def __init__(self, live: LiveModel, overview_after_s: float) -> None:
        self._views: dict[str, ViewEntrance] = {}
        self.run_summary = RunSummary(live)
        self.overview = Overview(self, overview_after_s)
        self._highlighted: tuple[RunId | None, bool] = (None, False)
        """What was selected last: a run of the list, or no run and whether it was the line at the end of the list."""
        super().__init__(live, (*features.PANES, *features.OVERVIEW_PANES, *features.FORMS), self.run_summary)
        self.workspace.is_nothing_selected = lambda: self.run_list.rows.is_following
        self.workspace.before_change = self._settle
        self.action_controller = ActionController(
            live,
            lambda: self.app_base,
            add_message=lambda text: self.app_base.messages.add(live.session.now(), text),
            show_notice=lambda line: self.front.notice(line),  # noqa: PLW0108  another view may be in front then
            open_run=self.open_run,
            unmark=self.run_list.clear_shown_marks,
        )
        self._command_line: CommandLineEntrance | None = None
        self._listing: Listing | None = None
        # The way back through the views: lists with their filters, errors, queues, the wall.
        self._views_before: deque[ShownView] = deque(maxlen=MAX_VIEWS)
        self._current_view: ShownView | None = None
        self.run_list.on_filtered = self._on_filtered
        self.run_list.on_highlighted = self._on_highlighted
        self.run_summary.overview_lines_for = self.overview.strip_lines

    @property
    def run_list(self) -> RunListPane:
        """The list of runs."""
        pane = self.workspace.made(RUN_LIST)
        assert isinstance(pane, RunListPane)
        return pane

    def _make_pane(self, entry: "PaneEntry") -> Pane:
        pane = super()._make_pane(entry)
        if isinstance(pane, LinePane):
            pane.on_opened = partial(self.overview.list_runs, pane)
            self.overview.show_in(pane)
        return pane

    def on_mount(self) -> None:
        self.history.on_settled = self._show_followers
        self.app_base.part(RunSubscription).on_filters = partial(self.call_later, self._show_filters)
        self.app_base.farewell = partial(self._farewell, self.app_base)
        self.app_base.unsent = lambda: self.action_controller.action_queue.waiting_counts
        if wrong := [each for each in self.live.session.settings.file.complaints if not each.is_remark]:
            words = f"config file: {formatting.plural(len(wrong), 'problem')} · :messages"
            self.footer.notice((Piece(words, Token.AMBER),), for_s=PROBLEMS_SHOWN_S)

    def select_target(self) -> None:
        if self.pane is self.run_list and self.history.current != self.run_list.target:
            self.history.restart(self.run_list.target, is_list_end=self.run_list.rows.is_at_end)

    def tick(self) -> None:
        self.overview.tick()
        super().tick()

    def follow_panes(self) -> None:
        super().follow_panes()
        self.overview.follow()

    def on_unmount(self) -> None:
        self.overview.close()

    def _settle(self) -> None:
        """Select the run under the cursor of the list now, if that was to happen later."""
        self._highlight()
        self.history.settle()

    def watch_selection(self, selection: Selection) -> None:
        super().watch_selection(selection)
        self.workspace.show_selection()
        self.overview.follow()

    def on_changes(self, changes: Changes) -> None:
        super().on_changes(changes)
        for view in self.views:
            view.on_changes(changes)
        self.overview.on_changes(changes)
        if self._acts_on_marks and any(run_id in self.run_list.rows.marks for run_id in changes.changed):
            self.refresh_bindings()

    def _show_filters(self) -> None:
        """Show the list with the filters and the order that were loaded or chosen."""
        subscription = self.app_base.part(RunSubscription)
        self.run_list.show_chosen()
        if subscription.is_recalled:
            width, now = self.size.width - NOTICE_MARGIN, self.live.session.local_now()
            line = recalled_line(subscription.chosen, subscription.shown.chosen_at, now, width)
            self.footer.notice(line, for_s=RECALLED_FOR_S)

    def _on_highlighted(self) -> None:
        self.note_view()
        rest_s = self.follow_rest_s if self.pane is self.run_list else 0.0
        if self._highlight(rest_s) and not rest_s:
            self._show_followers()

    def _highlight(self, rest_s: float = 0.0) -> bool:
        """Select what is under the cursor of the list, once it rests; return whether that is something else."""
        rows, before = self.run_list.rows, self._highlighted
        self._highlighted = rows.cursor, rows.is_at_end
        if self._highlighted != before:
            self.history.restart(rows.cursor, is_list_end=rows.is_at_end, rest_s=rest_s)
        return self._highlighted != before

    def _show_followers(self) -> None:
        """Paint the panes and the footer at once, which follow the cursor."""
        self.footer.rebuild()
        self.paint_now()

    def on_open_run(self, event: OpenRun) -> None:
        if not isinstance(event.opened, ListRuns):
            self.history.go(event.opened)
        elif (run_id := self.selection.run_id) is not None:
            self.list_runs(event.opened, WayBack(partial(self.open_run, run_id)))

    def _on_filtered(self) -> None:
        # While a filter is typed, Esc still leads back to the runs of the line.
        if self._listing is not None and not self.prompt.is_open and not self._is_listing:
            self._forget_line()
        self.note_view()
        if self.pane is self.run_list:
            self.prompt.refresh_remark()

    def on_row_table_entered(self) -> None:
        self.action_enter()

    @property
    def can_act(self) -> bool:
        return self.action_controller.is_enabled

    def has_use_for(self, action: str, parameters: tuple[object, ...]) -> bool:
        # The footer calls this for each of some seventy keys, so look for the target only where it matters.
        if action == "clear_filters":
            return self._is_filtered
        if action == "copy_id":
            return self.pane.target is not None
        if action not in ACTION_NAMES:
            return super().has_use_for(action, parameters)
        targets: Iterable[RunId] = () if self.pane.target is None else (self.pane.target,)
        if action == "act" and self._acts_on_marks:
            targets = self.run_list.rows.marks.shown()
        return self.action_controller.has_use_for(action, parameters, targets)

    def belongs_in_footer(self, action: str) -> bool:
        # While no run is selected, leave out Enter: the run summary says how to select one.
        if action in {"focus_step", "run_step"}:
            # The overview says how to select a run; this names the way to its panes.
            return (action == "focus_step") is self.workspace.is_overview
        is_at_list = action == "enter" and self.pane is self.run_list
        return not is_at_list or self.run_list.target is not None or self.run_list.rows.is_end_chosen

    def denial_of(self, action: str, parameters: tuple[object, ...]) -> str:
        return self.action_controller.denial(action, parameters)

    def action_enter(self) -> None:
        if self.pane is not self.run_list or self.run_list.rows.is_end_chosen:
            self.pane.enter()
        elif (run_id := self.run_list.target) is None:
            self.run_list.table.action_move(1)
        else:
            self.history.restart(run_id, at_once=True)
            self.workspace.go_to(DETAIL)

    def action_back(self) -> None:
        if not self._back() and not self.run_list.rows.is_following:
            self.run_list.table.action_top()  # not for `q`, which ends the program at the list

    def action_quit_level(self) -> None:
        if not self._back():
            self.app_base.action_leave()

    def action_run_step(self, step: int) -> None:
        self.run_list.table.step(step)
        self._leave_overview()

    def action_error_step(self, step: int) -> None:
        has_error = self.pane.error_step(step) or (self.pane is not self.run_list and self.run_list.error_step(step))
        self._leave_overview()
        if not has_error:
            self.say("no other failed run is shown")

    def _leave_overview(self) -> None:
        """Go to the list from the overview, which is hidden once a run is selected."""
        if isinstance(self.pane, LinePane) and not self.run_list.rows.is_following:
            self.workspace.go_to(RUN_LIST)

    def action_clear_filters(self) -> None:
        had_any = self._is_filtered
        for pane in self.panes.values():
            if pane.searched:
                pane.search("")
                pane.end_typing()
        self.app_base.part(RunSubscription).clear()
        self.say("all filters are cleared" if had_any else "no filter is set")
        self.refresh_bindings()

    @property
    def _is_filtered(self) -> bool:
        return self.app_base.part(RunSubscription).is_filtered or any(pane.searched for pane in self.panes.values())

    def action_refresh_now(self) -> None:
        self.app_base.part(RunSubscription).refresh()
        self.selection_loader.refetch()
        for pane in self.panes.values():
            pane.refetch()

    def action_act(self, name: str, via: str = Via.KEY) -> None:
        """Ask for confirmation of an action on the marked runs of the list, else on the target of the pane."""
        if self.pane is self.run_list and self.run_list.rows.is_at_end and not self._acts_on_marks:
            self.say(f"{name}: {NOT_A_RUN}")
        elif self._acts_on_marks:
            marks = self.run_list.rows.marked_runs
            hidden_count = len(self.run_list.rows.marks) - len(marks)
            self.action_controller.ask(BY_ID[name], marks, hidden_count, self.pane.target, via=Via(via))
        else:
            targets = [] if self.pane.target is None else [self.pane.target]
            self.action_controller.ask(BY_ID[name], targets, via=Via(via))

    def own_selection(self) -> OwnSelection:
        marks = self.run_list.rows.marks
        return OwnSelection(
            (CommandScope.MARKS, CommandScope.RUN, CommandScope.TASK),
            run_id=self.pane.target,
            has_marks=self._acts_on_marks and len(marks) > marks.hidden_count,
            hidden_marks=marks.hidden_count,
            marks=lambda: self.run_list.rows.marked_runs,
        )

    def action_withdraw(self) -> None:
        self.action_controller.withdraw()

    def action_go_to_new(self) -> None:
        self.action_controller.go_to_new(self.pane.target)
        self.refresh_bindings()

    def action_copy_id(self) -> None:
        if (run_id := self.pane.target) is not None:
            self.clipboard.send("id", run_id)
        else:
            self.say(f"copy: {no_run_selected()}")

    def action_copy_menu(self) -> None:
        self.app_base.doors.open_copy_menu(self, self.pane.target, ())

    def action_server_filters(self) -> None:
        from tui.features.runs.filters import ServerFiltersScreen  # noqa: PLC0415  loaded when first used

        self.app.push_screen(ServerFiltersScreen(self.live.session, self.app_base.part(RunSubscription)))

    def action_palette(self) -> None:
        from tui.features.command_line.view import form_commands  # noqa: PLC0415  loaded when first used

        forms = {form.title: form.load().form_sentence for form in features.FORMS if form.title != self.pane.title}
        # The keys of these panes are those of the overview while no run is selected.
        panes = {pane.title: f"Go to the pane {pane.title}." for pane in features.PANES}
        own = form_commands(self.workspace.show_form, panes | forms)
        orders = {order.title: order for order in ORDERS}
        sentences = [(order.title, order.sentence) for order in ORDERS]
        current = self.run_list.views.query.order.title
        sorts = Sorts("The order of the list.", sentences, lambda name: self.run_list.sort_by(orders[name]), current)
        self.open_command_line(self, [*own, *self.app_base.own_commands.palette_rows(self)], sorts)

    def open_command_line(self, view: ViewScreen, own: Sequence[Command], sorts: Sorts | None = None) -> None:
        from tui.features.command_line.view import CommandLineEntrance  # noqa: PLC0415  loaded when first used

        if self._command_line is None:
            self._command_line = CommandLineEntrance(self)
        self._command_line.open(view, own, sorts)

    def note_view(self) -> None:
        """Record the view that is shown now. Call it whenever another one may be shown; the same view costs nothing."""
        current, is_list = self._current_view, self.front is self
        if isinstance(self.front, BaseScreen) and self.front.prompt.is_open:
            return  # the filter is still being typed
        if is_list and self.pane is not self.run_list and current is not None:
            return  # an opened run belongs to the view from which it was opened
        what = self.run_list.views.query if is_list else address_of(self.front)
        if current is None or current.what != what:
            # Before the first key, the user has not left any view to return to.
            if current is not None and self.app_base.last_key:
                self._views_before.append(current)
            self._current_view = ShownView(what, self.run_list.target if is_list else None)
        elif is_list:
            self._current_view = current._replace(cursor=self.run_list.target)

    def action_view_before(self) -> None:
        self.note_view()
        is_run = self.front is self and self.pane is not self.run_list
        view = self._current_view if is_run else self._views_before.pop() if self._views_before else None
        if view is None:
            self.front.say("there is no previous view")
            return
        self._current_view = view
        if isinstance(view.what, ListQuery):
            self.show_query(view.what, view.cursor)
        else:
            apply_address(self.app_base, view.what)

    def view_named(self, name: str) -> ViewEntrance:
        """Return the way to one of the views."""
        if name not in self._views:
            if name in features.VIEWS:
                self._views[name] = features.VIEWS[name]()(self)
            else:
                kind = features.ENTRANCES[name]() if name in features.ENTRANCES else ListEntrance
                self._views[name] = kind(self, features.LISTS[name]())
        return self._views[name]

    @property
    def views(self) -> list[ViewEntrance]:
        """The ways to the views that were used before, the one that covers all others first."""
        return [self._views[name] for name in (*features.VIEWS, *features.LISTS) if name in self._views]

    def action_view(self, name: str) -> None:
        entrance = self.view_named(name)
        if name in features.LISTS:
            self.leave_other_views(but=entrance)
        if entrance.screen is None:
            entrance.open()

    @property
    def front(self) -> ViewScreen:
        return next((view.screen for view in self.views if view.screen is not None), self)

    def leave_other_views(self, but: ViewEntrance | None = None) -> None:
        for view in self.views:
            if view is not but:
                view.leave()

    def show_address(self, address: ViewAddress) -> None:
        """Show the list, or a run, in place of the view that is shown."""
        if address.run is None or address.view != RUN:
            chosen, listing = self.server_filter_of(address), self._listing
            query = ListQuery(chosen.period, address.filter, chosen.filters, order_named(address.sort))
            before = self.run_list.views.query if listing is None or not self._is_listing else listing.before
            self.show_query(query, None)
            self.run_list.clear_marks()  # those of another list
            if query.text and query.period != before.period:  # Esc takes the period back with the filter
                self._forget_line()
                self._listing = Listing(query, before, WayBack(partial(self.show_list, None)))
            return
        self.leave_other_views()
        if not address.pane or address.pane == DETAIL:
            self.workspace.go_to(DETAIL)
        else:
            self.call_later(partial(self.workspace.show_form, address.pane))
        self.history.go(address.run)

    def show_query(self, query: ListQuery, cursor: RunId | None) -> None:
        """Show the list with these filters, in place of the shown view."""
        self.leave_other_views()
        self.show_filtered(query, cursor)
        self.show_list(None)
        if cursor is None:
            self.run_list.table.action_top()

    def query_of(self, runs: ListRuns) -> ListQuery | None:
        """Return the query that lists the runs of a line; None, and say so, where a relay has no such filter.

        The runs of a line are listed without the filters of the server that are chosen now.
        """
        filters, text = runs.filters, runs.filter_text
        is_relayed = self.live.session.settings.relay_url is not None
        if filters.errors and is_relayed:
            self.front.say(NO_GROUP_ON_RELAY)
            return None
        if is_relayed and filters.schedules:
            filters = replace(filters, schedules=())  # a relay has no such filter; the text names the task
        if runs.queue:
            from tui.features.queues.view import runs_of_queue  # noqa: PLC0415  loaded when first used

            filters, text = runs_of_queue(text, runs.queue, is_relayed=is_relayed)
        named = replace(self.run_list.views.query, text=text, text_name=runs.name, filters=filters)
        return replace(named, is_searched=runs.is_searched, is_typing=False)

    def list_runs(self, runs: ListRuns, way: WayBack, run_id: RunId | None = None) -> None:
        before = self.run_list.views.query
        if (query := self.query_of(runs)) is None:
            return
        self._forget_line()
        self._listing = Listing(query, before, way)
        self.leave_other_views()
        self.show_filtered(query, run_id or runs.cursor)
        self.show_list(run_id)

    def show_filtered(self, query: ListQuery, run_id: RunId | None = None) -> None:
        """List the runs of a query, with the cursor on a run if one is given."""
        self.app_base.part(RunSubscription).visit(ServerFilter(query.filters, query.period), query.order.id)
        self.run_list.show_query(query, run_id)

    def server_filter_of(self, address: ViewAddress) -> ServerFilter:
        """Return the filters of the server that an address has. Its period has been checked."""
        settings, now = self.live.session.settings, self.live.session.local_now()
        period = read_period(address.since, now) if address.since else settings.history
        return server_filter(address.server, period, now)

    def address(self) -> ViewAddress:
        """Return the address of the list, or of the run that is shown."""
        run_id = None if self.pane is self.run_list else self.pane.target or self.selection.run_id
        if run_id is not None:
            return ViewAddress(RUN, run=run_id, pane="" if self.pane.title == DETAIL else self.pane.title)
        query = self.run_list.views.query
        is_usual = query.filters.created_from is None and query.period == self.live.session.settings.history
        text = query.text
        return ViewAddress(
            RUNS,
            f'{text}"'.strip() if text.count('"') % 2 else text.strip(),
            "" if is_usual else absolute_period_words(query.filters, query.period),
            "" if query.order is CREATED else query.order.id,
            server=lists_of(query.filters),
        )

    @property
    def listed_runs(self) -> int:
        return len(self.run_list.rows.view)

    @property
    def _acts_on_marks(self) -> bool:
        """Whether an action is about the marked runs, wherever the cursor is."""
        return self.pane is self.run_list and len(self.run_list.rows.marks) > 0

    def open_run(self, run_id: RunId) -> None:
        """Select a run that the list may not show, in the detail pane."""
        self.leave_other_views()
        if self.pane is self.run_list:
            self.workspace.go_to(DETAIL)
        self.history.go(run_id)

    def show_list(self, run_id: RunId | None) -> None:
        """Go to the list, or to the detail of a run in it."""
        if self.workspace.is_zoomed:
            self.workspace.action_zoom()
        self.workspace.go_to(RUN_LIST if run_id is None else DETAIL)
        if run_id is not None:
            self.history.restart(run_id, at_once=True)

    def _farewell(self, app: AppBase) -> list[str]:
        # At the end of the program, the screen does not know its app any more.
        return [*self.action_controller.farewell(), *app.own_commands.farewell()]

    @property
    def _is_listing(self) -> bool:
        """Whether the list shows the runs of a line."""
        listing, query = self._listing, self.run_list.views.query
        if listing is None or query.text != listing.query.text:
            return False
        return bool(query.text) or query.filters == listing.query.filters

    def _forget_line(self) -> None:
        if self._listing is not None:
            listing, self._listing = self._listing, None
            listing.way.forget()

    def _back_to_line(self) -> bool:
        """Return to the line whose runs the list shows. Return whether it shows those of one."""
        listing, query = self._listing, self.run_list.views.query
        if listing is None or not self._is_listing:
            return False
        self._listing = None
        is_other = query.filters != listing.query.filters or query.period != listing.query.period
        # The user may have changed the server's filters meanwhile.
        before = replace(listing.before, filters=query.filters, period=query.period) if is_other else listing.before
        self.show_filtered(before)
        listing.way.back()
        return True

    def _back(self) -> bool:
        """Go one level back; return whether there was one."""
        is_list = self.pane is self.run_list
        is_marked = len(self.run_list.rows.marks) > 0
        if self.run_list.server_search.stop() or (is_list and not is_marked and self._back_to_line()):
            return True
        return go_back(self, self.run_list)


# `apply_address` brings the program to a view, and `address_of` names the one that is shown.
#
# An address at the start, the command line, saved views and the way back all go through here. What an address sets is
# not saved for the next start. A view that the user opens by its key does not go through here.


def apply_address(app: AppBase, address: ViewAddress) -> str | None:
    """Show a view in place of the present one. Close all dialogs first.

    If the period of the address is not possible, the view's own is used. Returns why, as a sentence without a full
    stop.
    """
    problem = period_problem(address.since, app.session.local_now())
    if problem is not None:
        address = replace(address, since="")
    main = _main_of(app)
    if address.view in features.VIEWS or address.view in features.LISTS:
        main.view_named(address.view).show(address)
    else:
        main.show_address(address)
    return problem


def address_of(screen: Screen[Any]) -> ViewAddress:
    """Return the address of the view that a screen shows, or of the view below a dialog or a page.

    If a word of the filter is not understood, its address cannot be opened: `parse_address` says why.
    """
    stack = screen.app.screen_stack
    main = _main_of(screen.app)
    # A view that is about to be pushed is not in the stack yet.
    below = reversed(stack[: stack.index(screen)] if screen in stack else stack)
    for each in (screen, *below):
        for view in main.views:
            if view.screen is each:
                return view.address()
    return main.address()


def _main_of(app: Any) -> MainScreen:
    return next(each for each in app.screen_stack if isinstance(each, MainScreen))
