"""The errors view, and the way to it, from it to the runs of a group, and back."""

from collections.abc import Callable, Hashable
from dataclasses import replace
from functools import cached_property
from typing import ClassVar, Final

from textual.binding import Binding, BindingType

from tui.domain.action import Via
from tui.domain.ids import RunId
from tui.domain.text import Raw
from tui.features.actions.view import ACTION_BINDINGS, BY_ID, ActionController
from tui.features.copying.words import Clip
from tui.features.errors.data import LiveErrorGroups
from tui.features.errors.model import DAY, GROUP_ORDERS, NEW_FIRST, SPANS, GroupQuery
from tui.features.errors.view import ERROR_PANES, GroupListPane, GroupRunsPane, GroupSummary, NewestFailurePane
from tui.features.errors.words import error_line, group_markdown, short_fingerprint
from tui.features.runs.data import RunSubscription
from tui.features.runs.screen import MainScreen
from tui.features.runs.views import ListQuery
from tui.kit.commands import OwnSelection
from tui.kit.keys import ACTION_NAMES, Help, bind
from tui.kit.layout import Proportions
from tui.kit.list_panes import ListScreen, MainView, ViewEntrance
from tui.kit.live_model import LiveModel
from tui.kit.page import Page
from tui.lazy_dataclass import dataclass
from tui.store.addresses import ERRORS, ViewAddress, as_words, lists_of, plain_words
from tui.store.changes import Changes
from tui.store.error_groups import ErrorGroup
from tui.text.blocks import GoToRun
from tui.text.styled import plain

# Opens the errors view over the main screen, lists the runs of a group there, and leads back.
#
# The view itself is imported when it is first opened.


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
        self._listing: GroupListing | None = None

    def open(self) -> None:
        """Show the errors."""
        main = self._main
        self.screen = ErrorsScreen(main.live, self.groups, main.action_controller, self._list_runs, main)
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
        (order, text), span = self.groups.query, self.groups.wanted_span
        since, sort = "" if span is DAY else span.name, "" if order is NEW_FIRST else order.id
        server = lists_of(self._main.app_base.part(RunSubscription).chosen.filters)
        return ViewAddress(ERRORS, as_words(text), since, sort, server=server)

    @property
    def facts(self) -> Hashable:
        return (self.groups.query, self.groups.wanted_span, self._main.app_base.part(RunSubscription).chosen)

    @cached_property
    def groups(self) -> LiveErrorGroups:
        """The groups of the view, which remember its span and order."""
        return LiveErrorGroups(self._main.live)

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
        if self._listing is not None:
            self.groups.on_changes(changes)

    def on_filtered(self) -> None:
        """Forget the groups once the list shows something else than the runs of one.

        While a filter is typed, Esc still leads back to the runs of the group.
        """
        listing = None if self._main.prompt.is_open else self._listing
        if listing is not None and self._main.run_list.searched != listing.text:
            self._listing = None
            self.groups.close()

    def _list_runs(self, group: ErrorGroup, run_id: RunId | None) -> None:
        assert self.screen is not None
        main, span = self._main, self.groups.span
        before = main.run_list.views.query
        # Without an age, the list would also show runs of the group that were created before the span.
        age = f" age:<{span.name}" if span.length < before.period else ""
        text, text_name = f"group:{short_fingerprint(group)}{age}", Raw(plain(error_line(group.kind)))
        is_searched = span.length > before.period
        query = replace(before, text=text, text_name=text_name, is_searched=is_searched, is_typing=False)
        self._listing = GroupListing(query.text, before)
        self.screen.dismiss(None)
        main.run_list.show_query(query, run_id or next(iter(group.run_ids), None))
        main.show_list(run_id)


# The keys of the errors view that work in every pane, besides those of every list view.


_FILTER_SENTENCE: Final = "Show only groups that contain these words. Search in any other pane."
KEYS: Final[tuple[Binding, ...]] = (
    bind("enter", "enter", "open", "List the runs of the group; in other panes open the row under the cursor.",
         id="open", rank=10),
    bind("escape", "back", "back",
         "Go one level back: end a search, a filter, a zoom; then go to the errors, then to the runs."),
    bind("exclamation_mark", "leave_view", "back to the runs", "Leave the errors.", id="errors"),
    bind("slash", "search", "filter", _FILTER_SENTENCE, rank=55, need=32),
    bind("left_parenthesis", "span(1)", "longer span", "Show a longer span of time.", id="longer-span"),
    bind("right_parenthesis", "span(-1)", "span", "Show a shorter span of time.", id="shorter-span", rank=60, need=44,
         pair=("longer-span", "shorter-span")),
    bind("x", "new_step(1)", "next new", "Go to the next group that is new in the span.", id="next-new", rank=62,
         need=48, help=Help("move", 70, "next, previous new group", ("next-new", "previous-new"))),
    bind("X", "new_step(-1)", "previous new", "Go to the previous group that is new in the span.", id="previous-new"),
    bind("y", "copy_fingerprint", "copy id", "Copy the id of the run, or the fingerprint of the group.",
         help=Help("copy", 70, "copy a fingerprint or an id")),
    bind("Y", "copy_group", "copy",
         "Choose what to copy: the group as Markdown, its fingerprint, the address of the view, a command, a curl.",
         rank=75, need=50, help=Help("copy", 80, "choose what to copy of it")),
    *ACTION_BINDINGS,
)  # fmt: skip


# The errors view: the groups of failed runs, the selected group, its newest failure, and its runs.


PROPORTIONS: Final = Proportions(main_rows=12, main_columns=132, is_stacked=True)
"""The list has few rows, and long messages."""

NEWEST_EVERY_S: Final = 10.0
"""The pane of the newest failure follows a storm at most this often: each change of it takes two requests."""

PREPARED_S: Final = 0.1
"""The first frame waits this long for the runs of the store to be grouped: some thousands are."""


class ErrorsScreen(ListScreen):
    """Shows the groups of a `LiveErrorGroups`.

    `list_runs` leaves the view and lists the runs of a group, with the cursor on one of them if it is given.
    `controller` performs the actions of `main`, on the runs of the pane `runs` alone.
    """

    BINDINGS: ClassVar[list[BindingType]] = [*KEYS]

    def __init__(
        self,
        live: LiveModel,
        groups: LiveErrorGroups,
        controller: ActionController,
        list_runs: Callable[[ErrorGroup, RunId | None], None],
        main: MainView,
    ) -> None:
        self.groups = groups
        panes, recent = [pane(live, groups) for pane in ERROR_PANES], (GroupListPane.title, NewestFailurePane.title)
        summary = GroupSummary(live, groups)
        super().__init__(live, groups, panes, summary, main, proportions=PROPORTIONS, recent=recent)
        self._controller = controller
        self._list_runs = list_runs
        self._shown_newest: RunId | None = None
        self._newest_at_s = float("-inf")
        self._opened_s = live.session.clock.monotonic_s()
        self.list_pane: GroupListPane = self.pane_of(GroupListPane)
        self._newest_failure, self._group_runs = self.pane_of(NewestFailurePane), self.pane_of(GroupRunsPane)
        self._group_runs.overlay = controller.overlay

    @property
    def is_preparing(self) -> bool:
        return not self.groups.is_grouped and self.live.session.clock.monotonic_s() - self._opened_s < PREPARED_S

    def on_mount(self) -> None:
        self._opened_s = self.live.session.clock.monotonic_s()
        self.groups.open(self.app_base.part(RunSubscription).chosen.filters)

    def on_unmount(self) -> None:
        self.groups.suspend()

    def rest(self) -> None:
        super().rest()
        self.groups.suspend()

    def resume(self) -> None:
        super().resume()
        self.groups.open(self.app_base.part(RunSubscription).chosen.filters)

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
        match action:
            case "copy_fingerprint":
                return self.groups.list.current is not None
            case "new_step":
                return len(self.groups.list) > 0
            case _ if action in ACTION_NAMES:
                target = self.pane.target
                run = None if target is None else self.live.get(target)
                return self._controller.check(action, parameters, run) is True
            case _:
                return super().has_use_for(action, parameters)

    def belongs_in_footer(self, action: str) -> bool:
        return action != "focus_step"

    def denial_of(self, action: str, parameters: tuple[object, ...]) -> str:
        return self._controller.denial(action, parameters)

    @property
    def outgoing_run(self) -> RunId | None:
        """The run under the cursor; in the list of groups, the newest of the group."""
        return self.pane.target or self.groups.newest

    def action_enter(self) -> None:
        if self.pane is not self.list_pane:
            self.pane.enter()
        elif (group := self.groups.list.current) is not None:
            self._list_runs(group, None)

    def on_page_entered(self, event: Page.Entered) -> None:
        group = self.groups.list.current
        if isinstance(event.action, GoToRun) and group is not None:
            self._list_runs(group, event.action.run_id)

    def action_leave_view(self) -> None:
        self.groups.close()
        super().action_leave_view()

    def action_span(self, step: int) -> None:
        if not self.groups.show_span(step):
            self.say(f"this is the {'longest' if step > 0 else 'shortest'} span")
        self.show_changes()

    def action_new_step(self, step: int) -> None:
        if not self.list_pane.error_step(step):
            self.say("no other group is new")

    def action_refresh_now(self) -> None:
        self.app_base.part(RunSubscription).refresh()
        self.groups.refresh()
        self.selection_loader.refetch()

    def action_act(self, name: str, via: str = Via.KEY) -> None:
        """Ask for confirmation of an action on the run under the cursor."""
        if (target := self.pane.target) is not None and self.pane is self._group_runs:
            self._controller.ask(BY_ID[name], [target], via=Via(via))

    def own_selection(self) -> OwnSelection:
        from tui.features.own_commands.view import GROUPS_VIEW, RUNS_OF_GROUP  # noqa: PLC0415

        scopes = RUNS_OF_GROUP if self.pane in {self._group_runs, self._newest_failure} else GROUPS_VIEW
        return OwnSelection(scopes, run_id=self.pane.target, group=self.groups.list.current)

    def action_withdraw(self) -> None:
        self._controller.withdraw()

    def action_go_to_new(self) -> None:
        self._controller.go_to_new(self.pane.target)

    def action_copy_fingerprint(self) -> None:
        group = self.groups.list.current
        if (target := self.pane.target) is not None:
            self.clipboard.send("id", target)
        elif group is not None:
            self.clipboard.send("fingerprint", group.fingerprint)

    def action_copy_group(self) -> None:
        facts, session = self.groups.facts, self.live.session
        parts: list[Clip] = []
        if facts is not None and (group := self.groups.list.current) is not None:
            environment, redact = session.store.environment, session.secrets.redact
            text = group_markdown(facts, environment=environment, redact=redact, zone=session.settings.zone)
            parts = [Clip("g", "group as Markdown", text), Clip("f", "fingerprint", group.fingerprint)]
        from tui.features.copying.view import open_copy_menu  # noqa: PLC0415  loaded when first used

        open_copy_menu(self, self.live, self.pane.target, self.clipboard, parts)

    def action_palette(self) -> None:
        from tui.features.command_line.model import group_sorts  # noqa: PLC0415  loaded when first used

        sorts = group_sorts(self.groups.sort_by, self.groups.query.order)
        self.main.open_command_line(self, [*sorts, *self.own_commands_without_key()])
