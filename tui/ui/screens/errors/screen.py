"""The errors view: the groups of failed runs, the selected group, its newest failure, and its runs."""

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar, Final

from textual.binding import BindingType

from tui.domain.action import Via
from tui.domain.ids import RunId
from tui.present.actions.row_actions import GoToRun
from tui.present.dialogs.copying import Clip
from tui.present.errors.groups.markdown import group_markdown
from tui.store.errors.error_group import ErrorGroup
from tui.ui.data.action_controller import ACTION_NAMES, BY_ID, ActionController
from tui.ui.data.errors.live_groups import LiveErrorGroups
from tui.ui.data.live_model import LiveModel
from tui.ui.data.subscription import RunSubscription
from tui.ui.model.layout import Proportions
from tui.ui.panes.errors import ERROR_PANES
from tui.ui.panes.errors.group_list import GroupListPane
from tui.ui.panes.errors.newest_failure import NewestFailurePane
from tui.ui.panes.errors.runs import GroupRunsPane
from tui.ui.screens.errors.keys import KEYS
from tui.ui.screens.list_screen import ListScreen
from tui.ui.screens.view_entrance import MainView
from tui.ui.widgets.group_summary import GroupSummary
from tui.ui.widgets.page import Page

if TYPE_CHECKING:
    from tui.ui.own_commands.offered import OwnSelection

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
        super().__init__(
            live,
            groups,
            [pane(live, groups) for pane in ERROR_PANES],
            GroupSummary(live, groups),
            main,
            proportions=PROPORTIONS,
            recent=(GroupListPane.title, NewestFailurePane.title),
        )
        self._controller = controller
        self._list_runs = list_runs
        self._shown_newest: RunId | None = None
        self._newest_at_s = float("-inf")
        self._opened_s = live.session.clock.monotonic_s()
        self._group_runs.overlay = controller.overlay

    @property
    def list_pane(self) -> GroupListPane:
        pane = self.panes[GroupListPane.title]
        assert isinstance(pane, GroupListPane)
        return pane

    @property
    def _newest_failure(self) -> NewestFailurePane:
        pane = self.panes[NewestFailurePane.title]
        assert isinstance(pane, NewestFailurePane)
        return pane

    @property
    def _group_runs(self) -> GroupRunsPane:
        pane = self.panes[GroupRunsPane.title]
        assert isinstance(pane, GroupRunsPane)
        return pane

    @property
    def is_preparing(self) -> bool:
        is_early = self.live.session.clock.monotonic_s() - self._opened_s < PREPARED_S
        return is_early and not self.groups.is_grouped

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
            word = "longest" if step > 0 else "shortest"
            self.say(f"this is the {word} span")
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

    def own_selection(self) -> "OwnSelection":
        from tui.ui.own_commands.offered import GROUPS_VIEW, RUNS_OF_GROUP, OwnSelection  # noqa: PLC0415

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
            text = group_markdown(
                facts,
                environment=session.store.environment,
                redact=session.secrets.redact,
                zone=session.settings.zone,
            )
            parts = [Clip("g", "group as Markdown", text), Clip("f", "fingerprint", group.fingerprint)]
        from tui.ui.outgoing.clips import open_copy_menu  # noqa: PLC0415  loaded when first used

        open_copy_menu(self, self.live, self.pane.target, self.clipboard, parts)

    def action_palette(self) -> None:
        from tui.ui.screens.command_line.sorts import group_sorts  # noqa: PLC0415  loaded when first used

        sorts = group_sorts(self.list_pane.sort_by, self.groups.query.order)
        self.main.open_command_line(self, [*sorts, *self.own_commands_without_key()])
