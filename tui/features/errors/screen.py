"""The errors view: its panes and keys beside those of every list, the way to it, from it to runs, and back."""

from collections.abc import Hashable, Sequence
from dataclasses import replace
from functools import cached_property
from typing import ClassVar, Final

from textual.binding import BindingType

from tui.domain.action import Via
from tui.domain.facts import ErrorState
from tui.domain.own_commands import CommandScope
from tui.domain.run import Run, RunId
from tui.features.actions.view import ACTION_BINDINGS, BY_ID
from tui.features.attempts.view import ErrorPane
from tui.features.attempts.words import ReadProgress, sentence
from tui.features.errors import words
from tui.features.errors.data import LiveErrorGroups
from tui.features.errors.model import DAY, SPANS
from tui.features.errors.words import group_markdown
from tui.features.runs.columns import RUN_TABLE, STATUS
from tui.features.runs.data import RunSubscription
from tui.features.runs.screen import MainScreen
from tui.kit.commands import OwnSelection
from tui.kit.keys import ACTION_NAMES, Help, bind
from tui.kit.layout import Placement, Proportions, Slot
from tui.kit.lines import GUTTER
from tui.kit.list_panes import ListEntrance, ListScreen, RowPagePane
from tui.kit.lists import Clip
from tui.kit.live_model import LiveModel
from tui.kit.page import LazyRows, PageRow
from tui.kit.rows import RowQuery
from tui.kit.selection import RUN
from tui.store.addresses import ViewAddress, lists_of
from tui.store.changes import Changes, Topic
from tui.store.error_groups import seen_at
from tui.text import formatting
from tui.text.blocks import GoToRun, ListRuns, Row
from tui.text.styled import Line, Piece, Token
from tui.text.table import SizedColumn

# The pane `newest failure`: the newest run of the group with its error, the folded stack, payload and tags.


class NewestFailurePane(ErrorPane):
    """The selected run, which is the newest one of the group."""

    placement: ClassVar[Placement] = Placement(Slot.SECOND)
    needs = (RUN,)

    def __init__(self, live: LiveModel, groups: LiveErrorGroups) -> None:
        super().__init__(live, "newest failure")
        self._groups = groups
        self.has_head = True
        """Whether the page begins with the name of the run. It does not if the summary above it does."""

    @property
    def is_ticking(self) -> bool:
        return self.selection.state_of(RUN).is_fetching  # a run that has ended stays as it is

    def rows(self, width: int) -> Sequence[PageRow]:
        room, selection, run = self.room(width), self.selection, self.run
        fetch, stage = selection.state_of(RUN), self.stage_of(RUN)
        if selection.run_id is None or run is None:
            is_loading = self._groups.read.known_count is None or selection.run_id is not None
            text = fetch.failure or (stage.words if is_loading else words.NOTHING_SELECTED)
            return [Row(()), *sentence(text, room, "none")]
        return words.newest_page(run, ReadProgress(stage, fetch.failure), self.live.now, room, has_head=self.has_head)

    def right(self) -> Line:
        run = self.run
        # As the group counts: from the creation of the run.
        return () if run is None or run.state is None else (Piece(self.live.now.ago(seen_at(run)), Token.MUTED),)

    def follow_list(self) -> None:
        if self.subject is None:
            self.rebuild()

    def tick(self) -> None:
        super().tick()
        if self.is_shown:
            self.show_rule()


# The pane `runs`: all runs of the group under the cursor, newest first. The keys of actions work on them.


class GroupRunsPane(RowPagePane):
    """The runs of a group as rows of the list of runs."""

    placement: ClassVar[Placement] = Placement(Slot.THIRD, has_summary=True)
    live_list: LiveErrorGroups

    def rows(self, width: int) -> Sequence[PageRow]:
        run_ids = self.live_list.run_ids
        return RunRows(self, run_ids, RUN_TABLE.slots(width + GUTTER)) if run_ids else super().rows(width)

    def right(self) -> Line:
        count = len(self.live_list.run_ids)
        return (Piece(formatting.plural(count, "run"), Token.MUTED),) if count else ()

    def word_for(self, action: str, usual: str) -> str:
        return "open" if action == "enter" else super().word_for(action, usual)

    def concerns(self, changes: Changes) -> bool:
        return Topic.ACTIONS in changes.topics or bool(changes.changed)


class RunRows(LazyRows):
    """The rows of runs: a group may have 10,000 of them."""

    def __init__(self, pane: GroupRunsPane, run_ids: Sequence[RunId], slots: list[SizedColumn[Run]]) -> None:
        super().__init__(len(run_ids), ())
        self._run_ids, self._slots = run_ids, slots
        self._get, self._overlay, self._now = pane.live.get, pane.live.status_word, pane.live.now

    def make(self, index: int) -> PageRow:
        run_id = self._run_ids[index]
        run = self._get(run_id)
        line: Line = (Piece("? ", Token.MUTED), Piece(run_id, Token.FAINT))
        if run is not None:
            overlay = self._overlay(run_id)
            instead = {} if overlay is None else {STATUS.id: (overlay,)}
            line = RUN_TABLE.row(run, self._slots, self._now, instead=instead)
        return PageRow(line, run_id, GoToRun(run_id))

    def index_of(self, key: Hashable) -> int | None:
        return self._run_ids.index(RunId(str(key))) if key in self._run_ids else None


# The entrance: opens the view, lists the runs of a group, and leads back.


class ErrorsEntrance(ListEntrance):
    """The way to the errors view and back. The groups stay in memory while the list shows the runs of one of them."""

    is_listing = False
    """Whether the list shows the runs of a group, or is about to."""

    @cached_property
    def rows(self) -> LiveErrorGroups:
        groups = LiveErrorGroups(self.main.live, self.view)
        groups.filters = lambda: self._subscription.chosen.filters
        return groups

    @property
    def _subscription(self) -> RunSubscription:
        return self.main.app_base.part(RunSubscription)

    def make(self) -> "ErrorsScreen":
        self.is_listing = False
        return ErrorsScreen(self)

    def show_query(self, address: ViewAddress) -> None:
        main = self.main
        assert isinstance(main, MainScreen)
        if address.server != self._subscription.chosen.filters:
            server = main.server_filter_of(replace(address, since=""))
            listed = replace(main.run_list.views.query, filters=server.filters, period=server.period)
            main.show_filtered(listed, main.run_list.target)
        spans = {span.name: span for span in SPANS}
        self.rows.show(spans.get(address.since, DAY), RowQuery(self.view.order_named(address.sort), address.filter))
        if self.screen is not None:
            self.rows.open()

    def address(self) -> ViewAddress:
        span = self.rows.wanted_span
        server = lists_of(self._subscription.chosen.filters)
        return replace(super().address(), since="" if span is DAY else span.name, server=server)

    def on_changes(self, changes: Changes) -> None:
        """Remember which runs changed while the list shows those of a group."""
        if self.is_listing:
            self.rows.on_changes(changes)

    def list_runs(self, runs: ListRuns | None, run_id: RunId | None = None) -> None:
        group, main = self.rows.list.current, self.main
        assert isinstance(main, MainScreen)
        period = main.run_list.views.query.period
        if runs is None or group is None:
            return
        # Without an age, the list would also show runs of the group that were created before the span.
        age = f" age:<{self.rows.span.name}" if self.rows.span.length < period else ""
        text, is_searched = f"{runs.filter_text}{age}", self.rows.span.length > period
        self.is_listing = True
        filters = main.run_list.views.query.filters
        super().list_runs(
            replace(runs, filter_text=text, filters=filters, is_searched=is_searched, cursor=group.run_ids[0]), run_id
        )
        self.is_listing = self.screen is None  # a relay may have no filter for these runs

    def forget(self) -> None:
        self.is_listing = False
        self.rows.forget()


# The errors view: the groups of failed runs, the selected group, its newest failure, and its runs.


NEWEST_EVERY_S: Final = 10.0
"""While new failures keep coming, the pane shows the newest one at most this often: each change takes two requests."""

PREPARED_S: Final = 0.1
"""The first frame waits at most this long for the groups. That is enough for some thousand runs."""


class ErrorsScreen(ListScreen):
    """Shows the groups. The actions of the main screen work on the runs of the pane `runs` alone."""

    entrance: ErrorsEntrance
    BINDINGS: ClassVar[list[BindingType]] = [
        bind("exclamation_mark", "leave_view", "back to the runs", "Leave the errors.", id="errors"),
        bind("left_parenthesis", "span(1)", "longer period", "Show a longer period.", id="longer-span"),
        bind("right_parenthesis", "span(-1)", "period", "Show a shorter period.", id="shorter-span", rank=60,
             need=44, pair=("longer-span", "shorter-span")),
        bind("x", "new_step(1)", "next new", "Go to the next group that is new in the period.", id="next-new", rank=62,
             need=48, help=Help("move", 70, "next, previous new group", ("next-new", "previous-new"))),
        bind("X", "new_step(-1)", "previous new", "Go to the previous group that is new in the period.",
             id="previous-new"),
        *ACTION_BINDINGS,
    ]  # fmt: skip
    proportions = Proportions(main_rows=21, main_columns=132, is_stacked=True)
    """The list has long messages."""

    def __init__(self, entrance: ErrorsEntrance) -> None:
        main, groups = entrance.main, entrance.rows
        assert isinstance(main, MainScreen)
        self._newest_failure = NewestFailurePane(main.live, groups)
        self._group_runs = GroupRunsPane(main.live, groups, "runs")
        recent = (groups.view.name, self._newest_failure.title)
        super().__init__(entrance, [self._newest_failure, self._group_runs], recent=recent)
        self.summary.needs = (RUN,)
        self.groups = groups
        self._controller = main.action_controller
        self._shown_newest: RunId | None = None
        self._newest_at_s = float("-inf")
        self._opened_s = main.live.session.clock.monotonic_s()

    @property
    def is_preparing(self) -> bool:
        return not self.groups.is_grouped and self.live.session.clock.monotonic_s() - self._opened_s < PREPARED_S

    def follow_panes(self) -> None:
        self._newest_failure.has_head = not self.workspace.plan.has_summary
        super().follow_panes()
        self._newest_failure.rebuild()

    def tick(self) -> None:
        super().tick()
        self._select_newest()

    def show_changes(self) -> None:
        super().show_changes()
        if self.is_attached:
            self._select_newest()

    def _select_newest(self) -> None:
        """Select the newest run of the group under the cursor. During a storm it follows at intervals.

        While the user reads the failure, it stays.
        """
        newest, clock = self.groups.newest, self.live.session.clock
        if newest == self._shown_newest:
            return
        is_same_group = self._shown_newest is not None and self._shown_newest in self.groups.run_ids
        is_early = clock.monotonic_s() - self._newest_at_s < NEWEST_EVERY_S
        if is_same_group and (is_early or self.pane is self._newest_failure):
            return
        self._shown_newest, self._newest_at_s = newest, clock.monotonic_s()
        self.history.restart(newest)

    @property
    def can_act(self) -> bool:
        return self._controller.is_enabled and self.pane is self._group_runs

    def has_use_for(self, action: str, parameters: tuple[object, ...]) -> bool:
        if action == "new_step":
            return len(self.groups.list) > 0
        if action in ACTION_NAMES:
            targets = [] if self.pane.target is None else [self.pane.target]
            return self._controller.has_use_for(action, parameters, targets)
        return super().has_use_for(action, parameters)

    def belongs_in_footer(self, action: str) -> bool:
        return action != "focus_step"

    def denial_of(self, action: str, parameters: tuple[object, ...]) -> str:
        return self._controller.denial(action, parameters)

    @property
    def outgoing_run(self) -> RunId | None:
        """The run under the cursor; in the list of groups, the newest of the group."""
        return self.pane.target or self.groups.newest

    def action_leave_view(self) -> None:
        if not self.entrance.is_listing:
            self.groups.forget()
        super().action_leave_view()

    def action_span(self, step: int) -> None:
        if not self.groups.show_span(step):
            self.say(f"this is the {'longest' if step > 0 else 'shortest'} period")
        self.show_changes()

    def action_new_step(self, step: int) -> None:
        before, rows = self.groups.list.cursor, self.groups.list
        self.list_pane.table.move_cursor(lambda: rows.to_next(step, lambda each: each.state is ErrorState.NEW))
        if rows.cursor == before:
            self.say("no other group is new")

    def action_refresh_now(self) -> None:
        super().action_refresh_now()
        self.selection_loader.refetch()

    def action_act(self, name: str, via: str = Via.KEY) -> None:
        """Ask for confirmation of an action on the run under the cursor."""
        if (target := self.pane.target) is not None and self.pane is self._group_runs:
            self._controller.ask(BY_ID[name], [target], via=Via(via))

    def own_selection(self) -> OwnSelection:
        # The nearest first.
        group, run, task = CommandScope.GROUP, CommandScope.RUN, CommandScope.TASK
        is_at_run = self.pane in {self._group_runs, self._newest_failure}
        scopes = (run, group, task) if is_at_run else (group, run, task)
        return OwnSelection(scopes, run_id=self.pane.target, group=self.groups.list.current)

    def action_withdraw(self) -> None:
        self._controller.withdraw()

    def action_go_to_new(self) -> None:
        self._controller.go_to_new(self.pane.target)

    def copy_texts(self) -> Sequence[Clip]:
        facts, session, texts = self.groups.facts, self.live.session, super().copy_texts()
        if facts is None:
            return texts
        environment, redact = session.store.environment, session.secrets.redact
        text = group_markdown(facts, environment=environment, redact=redact, zone=session.settings.zone)
        return [Clip("g", "group as Markdown", text), *texts]
