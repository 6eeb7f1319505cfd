"""The parts of the monitor, and how news reaches them.

Header, panes and footer on one screen, the selection that the panes receive, and the ticker.
"""

from functools import partial
from typing import Final

from textual.app import ComposeResult
from textual.reactive import reactive
from textual.screen import Screen

from tui.present.dialogs.filters import recalled_line
from tui.present.styled import Piece, Token
from tui.store.changes import Changes, Topic
from tui.store.orders import CREATED, ORDERS
from tui.ui.base import AppBase, app_of
from tui.ui.data.focused_run_feed import FocusedRunFeed
from tui.ui.data.live_model import LiveModel
from tui.ui.data.remembered import Remembered
from tui.ui.look.ticking import Ticker
from tui.ui.model import layout
from tui.ui.model.history import History
from tui.ui.model.selection import Selection, SelectionLoader
from tui.ui.panes import PANES
from tui.ui.panes.base import Pane
from tui.ui.panes.detail import DetailPane
from tui.ui.panes.run_list import RunListPane
from tui.ui.widgets.footer import Footer
from tui.ui.widgets.header import Header
from tui.ui.widgets.lines import Lines
from tui.ui.widgets.prompt import Prompt
from tui.ui.widgets.run_summary import RunSummary, strip_height
from tui.ui.workspace import Workspace

RECALLED_FOR_S: Final = 20.0
"""How long a start says which filters were kept: the first rows take a while."""

NOTICE_MARGIN: Final = len(" ? keys   ") + 1
"""Cells that a notice leaves free in the footer."""


class Board(Screen[None]):
    """Everything that is always there, without its keys."""

    selection: reactive[Selection] = reactive(Selection(), init=False, repaint=False)

    def __init__(self, live: LiveModel) -> None:
        super().__init__()
        self.live = live
        self.selection_loader = SelectionLoader(live.session, self._show_selection)
        self.history = History(self.selection_loader)
        self._focused_run_feed = FocusedRunFeed(live.session)
        self.prompt = Prompt()
        self.footer = Footer()
        self.panes: dict[str, Pane] = {pane.title: pane(live, id=pane.title) for pane in PANES}
        self.header = Header(live)
        self.run_summary = RunSummary(live)
        self.workspace = Workspace(self.panes, self.run_summary)
        self.too_small = Lines(id="too-small")
        self._ticker = Ticker(self, live.session.clock, self._tick)

    @property
    def app_base(self) -> AppBase:
        """The app, as what it is."""
        return app_of(self)

    @property
    def run_list(self) -> RunListPane:
        """The list of runs."""
        pane = self.panes[layout.LIST]
        assert isinstance(pane, RunListPane)
        return pane

    @property
    def detail(self) -> DetailPane:
        """The detail of the selected run."""
        pane = self.panes[layout.DETAIL]
        assert isinstance(pane, DetailPane)
        return pane

    @property
    def pane(self) -> Pane:
        """The pane that has the focus, or had it last."""
        return self.workspace.pane

    def compose(self) -> ComposeResult:
        """Header, panes, footer, each in its place from the first frame on."""
        self.workspace.arrange_for(self.app.size, strip_height(self.app_base.painter))
        yield self.header
        for pane in self.panes.values():
            pane.data_bind(Board.selection)
        self.run_summary.data_bind(Board.selection)
        yield self.workspace
        yield self.footer
        yield self.prompt
        yield self.too_small

    def on_mount(self) -> None:
        """Listen, tick, and begin at the list."""
        self.app_base.changed.subscribe(self, self._on_changes)
        self.app_base.subscription.show = partial(self.call_later, self._recall)
        self._ticker.begin()
        self.set_focus(self.run_list.body)

    def on_unmount(self) -> None:
        """Nothing is read, and nothing ticks, for a screen that is gone."""
        self._ticker.stop()
        self._focused_run_feed.end()
        self.selection_loader.close()

    def on_resize(self) -> None:
        """Another size has other places."""
        self.put_in_place()

    def put_in_place(self) -> None:
        """Put everything where it belongs at this size."""
        is_too_small = layout.is_too_small(*self.size)
        if self.has_class("too-small") and not is_too_small:
            self.call_after_refresh(self._give_focus_back)
        self.set_class(is_too_small, "too-small")
        need = f"{layout.LEAST_WIDTH}x{layout.LEAST_HEIGHT}"
        self.too_small.show([(Piece(f"Terminal too small: {self.size.width}x{self.size.height}, needs {need}."),)])
        self.workspace.arrange_for(self.size, strip_height(self.app_base.painter))

    def _give_focus_back(self) -> None:
        """Textual takes it from what is hidden, and gives it to nobody when that is seen again: no key would work."""
        if self.focused is None:
            self.set_focus(self.pane.body)

    def on_workspace_turned(self) -> None:
        """Other panes are seen: what they need is read, and other keys work."""
        plan = self.workspace.plan
        beside = plan.shows(layout.DETAIL) or plan.shows(layout.ATTEMPTS) or plan.has_strip
        self.selection_loader.want(detail=beside, tree=plan.shows(layout.TREE))
        if self.pane is self.run_list and self.history.here != self.run_list.target:
            # What stands beside or below the list is what a key pressed in it is about.
            self.history.begin(self.run_list.target, is_list_end=self.run_list.rows.is_at_end)
        for pane in self.panes.values():
            if pane is not self.pane and pane.finds_nothing:
                pane.search("")  # nobody comes back for it
        self.refresh_bindings()

    def on_run_list_pane_arranged(self) -> None:
        """The list is sorted or laid out otherwise."""
        run_list = self.run_list
        self.app_base.subscription.arrange(run_list.views.wanted.order.id, is_wide=run_list.table.is_wide)

    def _recall(self, kept: Remembered) -> None:
        """Show the list as it was chosen, now or the last time."""
        order = next((each for each in ORDERS if each.id == kept.order), CREATED)
        subscription = self.app_base.subscription
        self.run_list.show_chosen(
            subscription.chosen,
            order,
            is_wide=kept.is_wide,
            token=Token.AMBER if subscription.is_recalled else Token.TEXT if subscription.is_filtered else Token.MUTED,
        )
        if subscription.is_recalled:
            width = self.size.width - NOTICE_MARGIN
            line = recalled_line(subscription.chosen, subscription.kept_at, self.live.session.now(), width)
            self.footer.notice(line, for_s=RECALLED_FOR_S)

    def _show_selection(self, selection: Selection) -> None:
        self.selection = selection
        self._focused_run_feed.at(selection.run_id)
        self.app_base.reporter.see_selection(selection)

    def _on_changes(self, changes: Changes) -> None:
        self.selection_loader.on_changes(changes)
        for bar in (self.header, self.run_summary):
            bar.on_changes(changes)
        for pane in self.panes.values():
            pane.on_changes(changes)
        if Topic.ACTIONS in changes.topics or self.pane.target in changes.changed:
            self.refresh_bindings()

    def _tick(self) -> None:
        self.selection_loader.tick()
        self._focused_run_feed.at(self.selection.run_id)
        for bar in (self.header, self.run_summary, self.footer):
            bar.tick()
        for pane in self.panes.values():
            pane.tick()
