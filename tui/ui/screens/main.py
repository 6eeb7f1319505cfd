"""The monitor: the list of runs, the panes about the selected run, and the actions of their common keys."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Final

from textual.binding import BindingType

from tui.domain.action import Via
from tui.domain.ids import RunId
from tui.domain.run import Run
from tui.present import formatting
from tui.present.actions.row_actions import ListRuns
from tui.present.dialogs.filters import Typed, absolute_period_words, read_typed, recalled_line
from tui.present.frame.empty import NO_GROUP_ON_RELAY
from tui.present.list.end import NOT_A_RUN
from tui.present.styled import Line, Piece, Token
from tui.store.addresses.addressed_views import ERRORS, QUEUES, RUN, RUNS, WALL, lists_of
from tui.store.addresses.view_address import ViewAddress
from tui.store.changes import Changes
from tui.store.orders import CREATED, ORDERS
from tui.store.server_filter import ServerFilter
from tui.ui.base import AppBase
from tui.ui.data.action_controller import (
    ACTION_NAMES,
    BY_ID,
    ActionController,
    ActionReports,
    no_run_selected,
)
from tui.ui.data.live_model import LiveModel
from tui.ui.data.subscription import RunSubscription
from tui.ui.model.list_views import ListQuery
from tui.ui.model.selection import Selection
from tui.ui.panes import DETAIL, FORMS, OVERVIEW_PANES, PANES
from tui.ui.panes.base import Notice, OpenRun, Pane
from tui.ui.panes.overview.base import LinePane
from tui.ui.panes.run_list import RunHighlighted, RunListPane
from tui.ui.screens.base import ViewScreen
from tui.ui.screens.command_line.entrance import CommandLineEntrance
from tui.ui.screens.command_line.view_trail import ViewTrail
from tui.ui.screens.main_keys import KEYS
from tui.ui.screens.overview import Overview
from tui.ui.screens.view_entrance import MainView, ViewEntrance
from tui.ui.widgets.run_summary import RunSummary

if TYPE_CHECKING:
    from tui.ui.model.command_line.commands import Command
    from tui.ui.own_commands.offered import OwnSelection
    from tui.ui.panes.entry import PaneEntry

RECALLED_FOR_S: Final = 20.0
"""How long a notice says that the filters are those of the last session: the first rows take a while."""

PROBLEMS_SHOWN_S: Final = 10.0
"""How long a notice at the start says that something is wrong in the config file."""

NOTICE_MARGIN: Final = len(" ? keys   ") + 1
"""Cells of the footer that a notice leaves free."""


class MainScreen(MainView):
    """The first screen of the app. `views` import the views that cover it, by their names, when they are first used."""

    BINDINGS: ClassVar[list[BindingType]] = [*KEYS]

    def __init__(
        self,
        live: LiveModel,
        overview_after_s: float,
        views: Mapping[str, Callable[[], type[ViewEntrance]]],
    ) -> None:
        self._view_loaders = views
        self._views: dict[str, ViewEntrance] = {}
        self.run_summary = RunSummary(live)
        self.overview = Overview(self, overview_after_s)
        self._highlighted: tuple[RunId | None, bool] = (None, False)
        """The run under the cursor of the list that was selected last, and whether it is the line at its end."""
        super().__init__(live, (*PANES, *OVERVIEW_PANES, *FORMS), self.run_summary)
        self.workspace.is_nothing_selected = lambda: self.run_list.rows.is_following
        self.workspace.before_change = self._settle
        reports = ActionReports(lambda text: self.app_base.messages.add(live.session.now(), text), self._show_notice)
        self.action_controller = ActionController(
            live, lambda: self.app_base, reports, open_run=self._open_replay, unmark=self.run_list.clear_shown_marks
        )
        self.command_line = CommandLineEntrance(self)
        self.view_trail = ViewTrail(self)
        self.run_list.on_filtered = self._on_filtered
        self.run_list.table.overlay = self.run_summary.overlay = self.action_controller.overlay
        self.run_summary.overview_lines_for = self.overview.strip_lines

    @property
    def run_list(self) -> RunListPane:
        """The list of runs."""
        pane = self.workspace.made(RunListPane.title)
        assert isinstance(pane, RunListPane)
        return pane

    def _make_pane(self, entry: "PaneEntry") -> Pane:
        pane = super()._make_pane(entry)
        if entry.title == DETAIL:
            from tui.ui.panes.detail import DetailPane  # noqa: PLC0415  loaded when first visible

            assert isinstance(pane, DetailPane)
            pane.overlay = self.action_controller.overlay
        if isinstance(pane, LinePane):
            pane.on_opened = self.overview.list_runs
            pane.show_view(self.overview.view)
        return pane

    def on_mount(self) -> None:
        self.history.on_settled = self._show_followers
        self.app_base.part(RunSubscription).on_filters = partial(self.call_later, self._show_filters)
        self.app_base.farewell = partial(self._farewell, self.app_base)
        self.app_base.unsent = lambda: self.action_controller.action_queue.waiting_counts
        wrong = [each for each in self.live.session.settings.file.complaints if not each.is_remark]
        if wrong:
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
        """Select the run under the cursor of the list now, if the selection follows it later."""
        rows = self.run_list.rows
        if self._highlighted != (rows.cursor, rows.is_at_end):
            self._highlight(rows.cursor, is_list_end=rows.is_at_end)
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
        order = next((each for each in ORDERS if each.id == subscription.shown.order), CREATED)
        self.run_list.show_chosen(
            subscription.chosen,
            order,
            is_wide=subscription.shown.is_wide,
            token=Token.AMBER if subscription.is_recalled else Token.TEXT if subscription.is_filtered else Token.MUTED,
        )
        if subscription.is_recalled:
            width = self.size.width - NOTICE_MARGIN
            line = recalled_line(subscription.chosen, subscription.chosen_at, self.live.session.local_now(), width)
            self.footer.notice(line, for_s=RECALLED_FOR_S)

    def on_run_highlighted(self, event: RunHighlighted) -> None:
        self.note_view()
        if self._highlighted == (event.run_id, event.is_list_end):
            return  # another key was faster
        rest_s = self.follow_rest_s if self.pane is self.run_list else 0.0
        self._highlight(event.run_id, is_list_end=event.is_list_end, rest_s=rest_s)
        if not rest_s:
            self._show_followers()

    def _highlight(self, run_id: RunId | None, *, is_list_end: bool, rest_s: float = 0.0) -> None:
        self._highlighted = run_id, is_list_end
        self.history.restart(run_id, is_list_end=is_list_end, rest_s=rest_s)

    def _show_followers(self) -> None:
        """Paint the panes and the footer at once, which follow the cursor."""
        self.footer.rebuild()
        self.paint_now()

    def on_open_run(self, event: OpenRun) -> None:
        self.history.go(event.run_id)

    def on_notice(self, event: Notice) -> None:
        self.footer.notice(event.line)

    def _on_filtered(self) -> None:
        self.overview.on_filtered()
        for view in self.views:
            view.on_filtered()
        self.note_view()
        if self.pane is self.run_list:
            self.prompt.refresh_remark()

    def on_cursor_table_entered(self) -> None:
        self.action_enter()

    @property
    def can_act(self) -> bool:
        return self.action_controller.is_enabled

    def has_use_for(self, action: str, parameters: tuple[object, ...]) -> bool:
        target = self.pane.target
        if action == "clear_filters":
            return self._is_filtered
        if action == "copy_id":
            return target is not None
        if action not in ACTION_NAMES:
            return super().has_use_for(action, parameters)
        if action == "act" and self._acts_on_marks:
            return self.action_controller.can_any(BY_ID[str(parameters[0])], self.run_list.rows.marks.shown())
        run = None if target is None else self.live.session.store.get(target) or Run(target)
        return self.action_controller.check(action, parameters, run) is True

    def belongs_in_footer(self, action: str) -> bool:
        # Without Enter while no run is selected: the run summary says how to select one.
        is_at_run = self.pane is not self.run_list or self.run_list.target is not None
        if action in {"focus_step", "run_step"}:
            # The overview says how to select a run; this names the way to its panes.
            return (action == "focus_step") is self.workspace.is_overview
        return action != "enter" or is_at_run or self.run_list.rows.is_end_chosen

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
        self.run_list.table.step_run(step)
        self._leave_overview()

    def action_error_step(self, step: int) -> None:
        has_error = self.pane.error_step(step) or (self.pane is not self.run_list and self.run_list.error_step(step))
        self._leave_overview()
        if not has_error:
            self.say("no other failed run is shown")

    def _leave_overview(self) -> None:
        """Go to the list from the overview, which is hidden once a run is selected."""
        if isinstance(self.pane, LinePane) and not self.run_list.rows.is_following:
            self.workspace.go_to(RunListPane.title)

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
            self.action_controller.ask(BY_ID[name], marks, len(self.run_list.rows.marks) - len(marks), via=Via(via))
        else:
            self.action_controller.ask(
                BY_ID[name], [] if self.pane.target is None else [self.pane.target], via=Via(via)
            )

    def own_selection(self) -> "OwnSelection":
        from tui.ui.own_commands.offered import RUNS_VIEW, OwnSelection  # noqa: PLC0415  loaded when first used

        marks = self.run_list.rows.marks
        return OwnSelection(
            RUNS_VIEW,
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
        if (run_id := self._target_to_copy()) is not None:
            self.clipboard.send("id", run_id)

    def action_copy_menu(self) -> None:
        from tui.ui.outgoing.clips import open_copy_menu  # noqa: PLC0415  loaded when first used

        open_copy_menu(self, self.live, self.pane.target, self.clipboard)

    def action_server_filters(self) -> None:
        from tui.ui.screens.server_filters import open_server_filters  # noqa: PLC0415  loaded when first used

        open_server_filters(self, self.live, self.app_base.part(RunSubscription))

    def action_palette(self) -> None:
        from tui.ui.input.commands import form_commands  # noqa: PLC0415  loaded when first used
        from tui.ui.screens.command_line.sorts import run_sorts  # noqa: PLC0415

        forms = {form.title: form.load().form_sentence for form in FORMS if form.title != self.pane.title}
        # The keys of these panes are those of the overview while no run is selected.
        panes = {pane.title: f"Go to the pane {pane.title}." for pane in PANES}
        own = form_commands(self.workspace.show_form, panes | forms)
        sorts = run_sorts(self.run_list.sort_by, self.run_list.views.query.order)
        self.open_command_line(self, [*sorts, *own, *self.own_commands_without_key()])

    def open_command_line(self, view: ViewScreen, own: "Sequence[Command]") -> None:
        self.command_line.open(view, own)

    def note_view(self) -> None:
        self.view_trail.note()

    def action_view_before(self) -> None:
        self.view_trail.go_back()

    def has_view(self, name: str) -> bool:
        """Return whether a view of this name covers the list."""
        return name in self._view_loaders

    def view_named(self, name: str) -> ViewEntrance:
        """Return the way to one of the views."""
        if name not in self._views:
            self._views[name] = self._view_loaders[name]()(self)
        return self._views[name]

    @property
    def views(self) -> list[ViewEntrance]:
        """The ways to the views that were used before, the one that covers all others first."""
        return [self._views[name] for name in self._view_loaders if name in self._views]

    def action_errors(self) -> None:
        self.view_named(ERRORS).open()

    def action_queues(self) -> None:
        self.view_named(QUEUES).open()

    def action_wall(self) -> None:
        self.view_named(WALL).open()

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
            chosen = self.server_filter_of(address)
            order = next((each for each in ORDERS if each.id == address.sort), CREATED)
            self.show_query(ListQuery(chosen.period, address.filter, chosen.filters, order), None)
            return
        self.leave_other_views()
        if not address.pane or address.pane == DETAIL:
            self.workspace.go_to(DETAIL)
        else:
            self.call_later(partial(self.workspace.show_form, address.pane))
        self.history.go(address.run)

    def show_query(self, query: ListQuery, cursor: RunId | None) -> None:
        """Show the list with these filters, in place of the shown view."""
        subscription = self.app_base.part(RunSubscription)
        self.leave_other_views()
        subscription.visit(ServerFilter(query.filters, query.period), query.order.id)
        token = Token.TEXT if subscription.is_filtered else Token.MUTED
        self.run_list.show_query(query, cursor, token=token)
        self.show_list(None)
        if cursor is None:
            self.run_list.table.action_top()

    def query_of(self, runs: ListRuns) -> ListQuery | None:
        """Return the query that lists the runs of a line; None, and say so, where a relay has no such filter.

        A line is about all runs, whichever the server is asked for.
        """
        filters, text = runs.filters, runs.filter_text
        is_relayed = self.live.session.settings.relay_url is not None
        if filters.errors and is_relayed:
            self.front.say(NO_GROUP_ON_RELAY)
            return None
        if runs.queue:
            from tui.ui.model.queue_filter import runs_of_queue  # noqa: PLC0415  loaded when first used

            filters, text = runs_of_queue(text, runs.queue, is_relayed=is_relayed)
        before = self.run_list.views.query
        return replace(before, text=text, text_name=runs.name, filters=filters, is_searched=False, is_typing=False)

    def show_filtered(self, query: ListQuery, run_id: RunId | None = None) -> None:
        """List the runs of a query, with the cursor on a run if one is given."""
        subscription = self.app_base.part(RunSubscription)
        if query.filters != subscription.chosen.filters:
            subscription.visit(ServerFilter(query.filters, query.period), query.order.id)
        token = Token.TEXT if subscription.is_filtered else Token.MUTED
        self.run_list.show_query(query, run_id, token=token)

    def server_filter_of(self, address: ViewAddress) -> ServerFilter:
        """Return the filters of the server that an address has. Its period has been checked."""
        settings, now = self.live.session.settings, self.live.session.local_now()
        period = read_typed(Typed(period=address.since), settings.history, now)
        assert period is not None, "the period has been checked"
        window = period.filters
        filters = replace(address.server, created_from=window.created_from, created_to=window.created_to)
        return ServerFilter(filters, period.period)

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

    def _open_replay(self, run_id: RunId) -> None:
        """Select a run that a replay started, in the detail pane: the list may not show it."""
        self.leave_other_views()
        if self.pane is self.run_list:
            self.workspace.go_to(DETAIL)
        self.history.go(run_id)

    def show_list(self, run_id: RunId | None) -> None:
        """Go to the list, or to the detail of a run in it."""
        if self.workspace.is_zoomed:
            self.workspace.action_zoom()
        self.workspace.go_to(RunListPane.title if run_id is None else DETAIL)
        if run_id is not None:
            self.history.restart(run_id, at_once=True)

    def _farewell(self, app: AppBase) -> list[str]:
        own = app.own_commands  # at the end of the program, the screen does not know its app any more
        return [*self.action_controller.farewell(), *(() if own is None else own.farewell())]

    def _show_notice(self, line: Line) -> None:
        """Show a notice about an action on the view that is in front."""
        self.front.notice(line)

    def _target_to_copy(self) -> RunId | None:
        if (target := self.pane.target) is None:
            self.say(f"copy: {no_run_selected()}")
        return target

    def _back_to_line(self) -> bool:
        """Return to the line of another view whose runs the list shows. Return whether it shows any."""
        views = self.views
        return (
            any(view.back() for view in views if view.name != WALL)
            or self.overview.back()
            or any(view.back() for view in views)
        )

    def _back(self) -> bool:
        """Go one level back; return whether there was one."""
        is_list = self.pane is self.run_list
        if self.run_list.server_search.stop() or (is_list and self._back_to_line()):
            pass
        elif is_list and self.pane.searched and self.run_list.rows.marks.hidden_count:
            # Before the filter that hides some of the marks: an action would still be about them.
            self.run_list.clear_marks()
        elif self.pane.searched:
            self.pane.search("")
        elif self.app_base.close_away_block() or self.history.back():
            pass
        elif self.workspace.is_zoomed:
            self.workspace.action_zoom()
        elif not is_list:
            self.workspace.go_to(RunListPane.title)
        elif self._acts_on_marks:
            self.run_list.clear_marks()
        else:
            return False
        return True
