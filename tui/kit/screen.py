"""A screen of panes: header, workspace and footer, and the selection that its panes show."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from textual import events
from textual.app import ComposeResult
from textual.geometry import Region
from textual.reactive import reactive
from textual.strip import Strip

from tui.domain.action import Via
from tui.domain.run import RunId
from tui.kit.bars import Summary, ViewScreen, summary_height
from tui.kit.colors import ColorMode
from tui.kit.keys import ACTION_NAMES, OUTGOING_ACTIONS
from tui.kit.layout import PaneEntry, Proportions
from tui.kit.live_model import LiveModel
from tui.kit.pane import Pane
from tui.kit.selection import FocusedRunFeed, History, Selection, SelectionLoader
from tui.kit.workspace import Workspace
from tui.store.changes import Changes, Topic
from tui.text.blocks import no_run_selected

if TYPE_CHECKING:
    from tui.api.lists import GetRequest
    from tui.kit.commands import OwnSelection


OWN_COMMAND: Final = "own_command"
"""The action of the keys of the user's own commands, which are bound on each screen of panes."""

SLOW_LINK_REST_S: Final = 0.4
"""On a slow link, the panes and the footer follow the cursor once it has rested for this long: longer than the time
between two frames."""

BEHIND_REST_S: Final = 0.05
"""The pause to wait for instead, if keys come faster than they are handled: then several keys are painted at once."""


class BaseScreen(ViewScreen):
    """The parts that are always there, and the actions of the keys that every view has.

    The screen passes `selection`, changes and ticks to its panes, in one message: one message to each widget would cost
    0.2 ms more for each.
    """

    selection: reactive[Selection] = reactive(Selection(), init=False, repaint=False)

    def __init__(
        self,
        live: LiveModel,
        panes: Iterable[Pane | PaneEntry],
        summary: Summary,
        *,
        proportions: Proportions | None = None,
        recent: Sequence[str] = (),
    ) -> None:
        """A pane of which an entry is given is made when it is first visible; the rest is as in `Workspace`."""
        super().__init__(live)
        self.selection_loader = SelectionLoader(live.session, self._show_selection)
        self.history = History(self.selection_loader, live.session.clock)
        self.summary = summary
        self.workspace = Workspace(panes, self._make_pane, summary, proportions=proportions, recent=recent)
        self.workspace.before_change = self.history.settle
        self._focused_run_feed = FocusedRunFeed(live.session)

    def render_lines(self, crop: Region) -> list[Strip]:
        return [self.app_base.painter.blank(crop.width)] * crop.height  # see `Backdrop`

    @property
    def follow_rest_s(self) -> float:
        """How long the cursor of the main pane has to rest until the other panes follow it."""
        return SLOW_LINK_REST_S if self.app_base.is_slow_link else BEHIND_REST_S * self.app_base.is_behind

    @property
    def pane(self) -> Pane:
        """The pane that has the focus, or had it last."""
        return self.workspace.pane

    @property
    def panes(self) -> Mapping[str, Pane]:
        """The panes that were made, by title. The others were never visible."""
        return self.workspace.panes

    def _make_pane(self, entry: PaneEntry) -> Pane:
        pane: Pane = entry.load()(self.live, entry.title)
        pane.selection = self.selection
        return pane

    def compose(self) -> ComposeResult:
        self.workspace.arrange_for(self.app.size, summary_height(self.app_base.painter))
        yield self.header
        yield self.workspace
        yield self.footer
        yield self.prompt

    def on_mount(self) -> None:
        self.app_base.own_commands.bind(self)
        self.set_focus(self.pane.body)

    def on_unmount(self) -> None:
        self._focused_run_feed.close()
        self.history.close()
        self.selection_loader.close()

    def on_resize(self) -> None:
        self.arrange_panes()

    def on_screen_resume(self, event: events.ScreenResume) -> None:
        if not self.stack_updates:
            event.refresh_styles = False  # all widgets have just got their styles: 4 ms of the start
        self.tick()  # a covered screen shows no changes

    def arrange_panes(self) -> None:
        """Arrange everything for the size and the colours of the terminal."""
        self.workspace.arrange_for(self.size, summary_height(self.app_base.painter))

    def rest(self) -> None:
        # Both look at `is_resting`, and need nothing for a covered screen.
        self._require_needs()
        self._follow_run()

    resume = rest

    def _require_needs(self) -> None:
        """Fetch what the visible panes need about the selected run."""
        plan = self.workspace.plan
        visible = [pane for name, pane in self.panes.items() if plan.shows(name)]
        needs = dict.fromkeys(self.summary.needs if plan.has_summary else ())
        needs |= dict.fromkeys(need for pane in visible for need in pane.needs)
        # Panes that appear because the cursor selects a run wait until it rests.
        at_once = not self.workspace.is_main_current
        self.selection_loader.require(() if self.is_resting else tuple(needs), at_once=at_once)

    def _follow_run(self) -> None:
        self._focused_run_feed.focus(None if self.is_resting else self.selection.run_id)

    def on_workspace_panes_changed(self) -> None:
        self.follow_panes()

    def follow_panes(self) -> None:
        """Follow the panes that are visible now, and the one that has the focus."""
        self._require_needs()
        self.select_target()
        visible = {name for name in self.panes if self.workspace.plan.shows(name)}
        for pane in self.panes.values():
            pane.stand_beside(visible)
            if pane is not self.pane and pane.finds_nothing:
                pane.search("")  # a search without a match has no use once the user left the pane
        self.refresh_bindings()

    def watch_selection(self, selection: Selection) -> None:
        for pane in self.panes.values():
            pane.selection = selection
        self.summary.selection = selection

    async def action_search(self) -> None:
        pane = self.pane
        await self.ask_search(pane.search_start, pane.searched, pane.search, pane.end_typing, hint=pane.search_hint)

    def action_hit_step(self, step: int) -> None:
        self.pane.hit_step(step)

    def action_pause(self) -> None:
        self.live.toggle_pause()
        self.tick()

    def action_help(self) -> None:
        from tui.kit.page_screen import open_help  # noqa: PLC0415  loaded when first used

        open_help(self, self.live, self.pane.title, [entry.load() for entry in self.workspace.unmade])

    @property
    def listed_runs(self) -> int:
        """How many runs the list of this view has."""
        return 0

    @property
    def first_request(self) -> "GetRequest | None":
        """The request for the first page of the list of this view; None for the list of runs."""
        return None

    @property
    def can_act(self) -> bool:
        """Whether the keys of actions exist here and now."""
        return False

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if self.prompt.is_open:
            return False  # every key is text
        if action == OWN_COMMAND:
            return self.app_base.own_commands.is_enabled(self, int(str(parameters[0])))
        return action not in ACTION_NAMES or self.can_act

    def keeps_keys(self) -> bool:
        return self.pane.is_due

    def has_use_for(self, action: str, parameters: tuple[object, ...]) -> bool:
        if action in OUTGOING_ACTIONS:
            return self.outgoing_run is not None
        if action == "zoom":
            return self.workspace.can_zoom
        if action == OWN_COMMAND:
            return self.app_base.own_commands.has_use_for(self, int(str(parameters[0])))
        return self.pane.has_use_for(action)

    def word_for(self, action: str, usual: str) -> str:
        return "back" if action == "zoom" and self.workspace.is_zoomed else self.pane.word_for(action, usual)

    def own_selection(self) -> "OwnSelection":
        """Return what a command of the user's own would be about."""
        raise NotImplementedError

    def action_own_command(self, number: int, via: str = Via.KEY) -> None:
        self.app_base.own_commands.start(self, number, Via(via))

    @property
    def outgoing_run(self) -> RunId | None:
        """The run that leaves the monitor by `o`, `O` and `ctrl-o`."""
        return self.pane.target

    def action_browse(self) -> None:
        if (run_id := self.outgoing_run) is None:
            self.say(no_run_selected())
        else:
            from tui.kit.page_screen import browse  # noqa: PLC0415  loaded when first used

            browse(self, run_id)

    def action_read_outside(self, reader: str) -> None:
        if (run_id := self.outgoing_run) is None:
            self.say(no_run_selected())
        else:
            self.app_base.doors.read_outside(self, run_id, reader, self.pane)

    def use_color_mode(self, color_mode: ColorMode) -> None:
        super().use_color_mode(color_mode)  # the summary has another height in some colour modes
        self.arrange_panes()

    def select_target(self) -> None:
        """Select the run that the keys of the focused pane act on, if another one is selected. For subclasses."""

    def _show_selection(self, selection: Selection) -> None:
        self.selection = selection
        self._follow_run()
        self.app_base.reporter.report_selection(selection)

    def on_changes(self, changes: Changes) -> None:
        """Show changes of runs or of the session, and fetch again what changed."""
        super().on_changes(changes)
        self.summary.on_changes(changes)
        for pane in self.panes.values():
            pane.on_changes(changes)
        self.selection_loader.on_changes(changes)
        if Topic.ACTIONS in changes.topics or self.pane.target in changes.changed:
            self.refresh_bindings()

    def tick(self) -> None:
        self.follow_cover()
        self.selection_loader.tick()
        self._follow_run()
        super().tick()
        self.summary.tick()
        for pane in self.panes.values():
            pane.tick()
