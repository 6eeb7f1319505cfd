"""The monitor: header, panes, footer, and the keys that work whichever pane has the focus.

What lives here: what each of those keys leads to. Where panes stand is `arrangement`'s, reading a run `subject`'s,
acting on it `acting`'s.
"""

from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.reactive import reactive
from textual.screen import Screen

from tui.domain.ids import RunId
from tui.domain.run import Run
from tui.present.styled import Piece, Token
from tui.sources.clock import Timer
from tui.store.changes import Changes, Topic
from tui.store.orders import CREATED, ORDERS
from tui.ui import layout
from tui.ui.acting import ACTION_BINDINGS, ACTION_NAMES, BY_ID, NOTHING_THERE, Acting, Voice
from tui.ui.clipboard import Clipboard
from tui.ui.keys import bind
from tui.ui.live import Live
from tui.ui.menus import MENU_BINDINGS, open_copy_menu, open_help, open_palette, open_server_filters
from tui.ui.panes import PANES
from tui.ui.panes.base import OpenRun, Pane
from tui.ui.panes.detail import DetailPane
from tui.ui.panes.run_list import RunHighlighted, RunListPane
from tui.ui.remembered import Remembered
from tui.ui.subject import Reading, Subject
from tui.ui.trail import Trail
from tui.ui.widgets.footer import Footer
from tui.ui.widgets.header import Header
from tui.ui.widgets.lines import Lines
from tui.ui.widgets.prompt import Prompt
from tui.ui.widgets.strip import Strip, strip_height
from tui.ui.workspace import Workspace

if TYPE_CHECKING:
    from tui.ui.app import TriggerApp

TICK_S = 1.0
FILTER_SENTENCE = "Filter the list, or search in the pane: text, status:failed task:sync-* -tag:x."


class MainScreen(Screen[None]):
    """Everything that is always there."""

    BINDINGS: ClassVar[list[BindingType]] = [
        bind("enter", "enter", "open", "Open what the cursor is on.", rank=10),
        bind("escape", "back", "back", "One level back: ends a search, a filter, a zoom, then to the list."),
        bind("q", "quit_level", "back, quit", "One level back; at the list it ends the program."),
        bind("left_square_bracket", "run_step(-1)", "previous run", "The previous run of the list, from any pane."),
        bind("right_square_bracket", "run_step(1)", "next run", "The next run of the list, from any pane.", rank=65),
        bind("slash", "search", "filter", FILTER_SENTENCE, rank=40, need=30),
        bind("f", "server_filters", "server filters", "What the server sends: by status, task, tag.", rank=45, need=40),
        bind("n", "hit_step(1)", "next match", "The next match of the search."),
        bind("N", "hit_step(-1)", "previous match", "The previous match of the search."),
        bind("x", "error_step(1)", "next error", "The next failed run.", rank=60, need=32),
        bind("X", "error_step(-1)", "previous error", "The previous failed run."),
        bind("p", "pause", "pause", "Stop showing updates, or go on."),
        bind("r", "refresh_now", "refresh", "Ask the server now, or try again now."),
        bind("y", "copy_id", "copy id", "Send the id of the run to the terminal's clipboard.", rank=75, need=60),
        bind("Y", "copy_menu", "copy what", "Choose what to send: id, payload, output, error with its stack."),
        *ACTION_BINDINGS,
        *MENU_BINDINGS,
    ]

    subject: reactive[Subject] = reactive(Subject(), init=False, repaint=False)

    def __init__(self, live: Live) -> None:
        super().__init__()
        self.live = live
        self.reading = Reading(live.session, self._show_subject)
        self.trail = Trail(self.reading)
        self.prompt = Prompt()
        self.footer = Footer()
        voice = Voice(lambda text: self.host.messages.add(live.session.now(), text), self.footer.notice)
        self.panes: dict[str, Pane] = {pane.title: pane(live, id=pane.title) for pane in PANES}
        self.acting = Acting(live, lambda: self.host, voice, open_run=self._open_new, unmark=self.run_list.clear_marks)
        self.header = Header(live)
        self.strip = Strip(live, self.acting.overlay)
        self.workspace = Workspace(self.panes, self.strip)
        self.too_small = Lines(id="too-small")
        self._ticking: Timer

    @property
    def host(self) -> "TriggerApp":
        """The app, as what it is."""
        app: TriggerApp = self.app  # type: ignore[assignment]  # Textual types it as any app
        return app

    @property
    def run_list(self) -> RunListPane:
        """The list of runs."""
        pane = self.panes[layout.LIST]
        assert isinstance(pane, RunListPane)
        return pane

    @property
    def _detail(self) -> DetailPane:
        pane = self.panes[layout.DETAIL]
        assert isinstance(pane, DetailPane)
        return pane

    @property
    def pane(self) -> Pane:
        """The pane that has the focus, or had it last."""
        return self.workspace.pane

    def compose(self) -> ComposeResult:
        """Header, panes, footer."""
        self.run_list.table.overlay = self._detail.overlay = self.acting.overlay
        yield self.header
        for pane in self.panes.values():
            pane.data_bind(MainScreen.subject)
        self.strip.data_bind(MainScreen.subject)
        yield self.workspace
        yield self.footer
        yield self.prompt
        yield self.too_small

    def on_mount(self) -> None:
        """Listen, tick, and begin at the list."""
        self.host.changed.subscribe(self, self._see)
        self.host.farewell = self.acting.farewell
        self.host.following.show = partial(self.call_later, self._recall)
        self._plan_tick()
        self.set_focus(self.run_list.body)

    def on_unmount(self) -> None:
        """Nothing is read, and nothing ticks, for a screen that is gone."""
        self._ticking.cancel()
        self.reading.close()

    def on_resize(self) -> None:
        """Another size has other places."""
        self.set_class(layout.is_too_small(*self.size), "too-small")
        need = f"{layout.LEAST_WIDTH}x{layout.LEAST_HEIGHT}"
        self.too_small.show([(Piece(f"This needs {need}; it is {self.size.width}x{self.size.height}."),)])
        self.workspace.arrange_for(self.size, strip_height(self.host.painter))

    def on_workspace_turned(self) -> None:
        """Other panes are seen: what they need is read, and other keys work."""
        plan = self.workspace.plan
        beside = plan.shows(layout.DETAIL) or plan.shows(layout.ATTEMPTS) or plan.has_strip
        self.reading.want(detail=beside, tree=plan.shows(layout.TREE))
        if self.pane is self.run_list and self.trail.here != self.run_list.target:
            # What stands beside or below the list is what a key pressed in it is about.
            self.trail.begin(self.run_list.target)
        self.refresh_bindings()

    def on_run_highlighted(self, event: RunHighlighted) -> None:
        """The cursor of the list is on another run."""
        self.trail.begin(event.run_id)
        self.refresh_bindings()

    def on_run_list_pane_arranged(self) -> None:
        """The list is sorted or laid out otherwise."""
        run_list = self.run_list
        self.host.following.arrange(run_list.views.wanted.order.id, is_wide=run_list.table.is_wide)

    def on_open_run(self, event: OpenRun) -> None:
        """A pane leads to another run."""
        self.trail.go(event.run_id)

    def on_run_table_entered(self) -> None:
        """A run was clicked twice."""
        self.action_enter()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002  Textual's
        """While something is typed every key is text; of what writes there is no trace where nothing may be written."""
        if self.prompt.is_open:
            return False
        return self.acting.exists if action in ACTION_NAMES else True

    def has_use_for(self, action: str, parameters: tuple[object, ...]) -> bool:
        """Whether an action would do more now than say why not."""
        target = self.pane.target
        if action in {"copy_id", "copy_menu"}:
            return target is not None
        if action == "zoom":
            return self.workspace.can_zoom
        if action not in ACTION_NAMES:
            return self.pane.has_use_for(action)
        if action == "act" and self._acts_on_marks:
            return self.acting.block is None
        run = None if target is None else self.live.session.store.get(target) or Run(target)
        return self.acting.check(action, parameters, run) is True

    def word_for(self, action: str, usual: str) -> str:
        """What an action is called now."""
        if action == "zoom" and self.workspace.is_zoomed:
            return "back"
        return self.pane.word_for(action, usual)

    def action_enter(self) -> None:
        """Open what the cursor is on."""
        if self.pane is not self.run_list:
            self.pane.enter()
        elif (run_id := self.run_list.target) is not None:
            self.trail.begin(run_id, at_once=True)
            self.workspace.action_pane(layout.DETAIL)

    def action_back(self) -> None:
        """One level back; at the root nothing."""
        self._back()

    def action_quit_level(self) -> None:
        """One level back; at the root the end."""
        if not self._back():
            self.host.action_leave()

    def action_run_step(self, step: int) -> None:
        """The previous or next run of the list, from any pane."""
        self.run_list.table.action_move(step)

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
            self.footer.remove_class("away")

        self.footer.add_class("away")
        self.prompt.open(before, pane.search, end, hint=pane.search_hint)

    def action_hit_step(self, step: int) -> None:
        """The next or previous match."""
        self.pane.hit_step(step)

    def action_pause(self) -> None:
        """Stand still, or go on."""
        self.live.toggle_pause()
        self._tick()

    def action_refresh_now(self) -> None:
        """Ask now."""
        self.host.following.refresh()
        self.reading.reread()

    def action_act(self, name: str) -> None:
        """Ask whether to cancel or replay: in the list what is marked, else the run under the cursor."""
        if self._acts_on_marks:
            marks = self.run_list.rows.marks
            self.acting.ask(BY_ID[name], marks, self.run_list.rows.mark_count - len(marks))
        else:
            self.acting.ask(BY_ID[name], [] if self.pane.target is None else [self.pane.target])

    def action_withdraw(self) -> None:
        """Take back what waits to be sent."""
        self.acting.withdraw()

    def action_go_to_new(self) -> None:
        """Go to the run that the last replay started."""
        self.acting.go_to_new()
        self.refresh_bindings()

    def action_copy_id(self) -> None:
        """Send the id."""
        if (run_id := self._target_to_copy()) is not None:
            self._clipboard.send("id", run_id)

    def action_copy_menu(self) -> None:
        """Choose what to send."""
        if (run_id := self._target_to_copy()) is not None:
            open_copy_menu(self, run_id, self._clipboard)

    def action_server_filters(self) -> None:
        """Choose what the server leaves out."""
        open_server_filters(self)

    def action_palette(self) -> None:
        """Choose a command by name."""
        open_palette(self)

    def action_help(self) -> None:
        """Show the keys."""
        open_help(self)

    @property
    def _acts_on_marks(self) -> bool:
        """Whether a verb is about what is marked, wherever the cursor is."""
        return self.pane is self.run_list and self.run_list.rows.mark_count > 0

    def _open_new(self, run_id: RunId) -> None:
        """Go to a run that a replay started: in a pane about it, since the list may not show it."""
        if self.pane is self.run_list:
            self.workspace.action_pane(layout.DETAIL)
        self.trail.go(run_id)

    def _target_to_copy(self) -> RunId | None:
        if (target := self.pane.target) is None:
            self.footer.notice((Piece(f"copy: {NOTHING_THERE}", Token.MUTED),))
        return target

    @property
    def _clipboard(self) -> Clipboard:
        return Clipboard(self.host.environ, self.host.write, self.footer.notice)

    def _back(self) -> bool:
        """Go one level back; whether there was one."""
        if self.pane.searched:
            self.pane.search("")
        elif self.trail.back():
            pass
        elif self.workspace.is_zoomed:
            self.workspace.action_zoom()
        elif self.pane is not self.run_list:
            self.workspace.action_pane(layout.LIST)
        elif self.run_list.rows.mark_count:
            self.run_list.clear_marks()
        else:
            return False
        return True

    def _recall(self, kept: Remembered) -> None:
        """Show the list as it was chosen, now or the last time."""
        order = next((each for each in ORDERS if each.id == kept.order), CREATED)
        self.run_list.show_chosen(self.host.following.chosen, order, is_wide=kept.is_wide)

    def _show_subject(self, subject: Subject) -> None:
        self.subject = subject
        self.host.reporter.see_reading(subject)

    def _see(self, changes: Changes) -> None:
        self.reading.see(changes)
        for bar in (self.header, self.strip):
            bar.see(changes)
        for pane in self.panes.values():
            pane.see(changes)
        if Topic.ACTIONS in changes.topics or self.pane.target in changes.changed:
            self.refresh_bindings()

    def _plan_tick(self) -> None:
        """One ticker for all, in the session's time."""

        def ring() -> None:
            self.call_later(self._on_tick)

        self._ticking = self.live.session.clock.call_later(TICK_S, ring)

    def _on_tick(self) -> None:
        self._tick()
        self._plan_tick()

    def _tick(self) -> None:
        self.reading.tick()
        for bar in (self.header, self.strip, self.footer):
            bar.tick()
        for pane in self.panes.values():
            pane.tick()
