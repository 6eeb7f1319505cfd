"""The bases of views that list things of many runs each, such as error groups, and of the ways to them."""

from collections.abc import Callable, Hashable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeVar

from textual.binding import BindingType

from tui.domain.ids import RunId
from tui.kit.footer import Summary
from tui.kit.keys import MENU_BINDINGS, OUTGOING_BINDINGS, bind
from tui.kit.layout import Proportions
from tui.kit.live_model import LiveModel
from tui.kit.pane import PagePane, Pane
from tui.kit.rows import TableRows
from tui.kit.screen import BaseScreen, ViewScreen
from tui.kit.table import RowTable
from tui.store.addresses import ViewAddress
from tui.store.changes import Changes
from tui.sync.clock import Timer

if TYPE_CHECKING:
    from tui.kit.commands import Command


P = TypeVar("P", bound=Pane)


# The bases of the panes of a `LiveList`: the list itself, and the pages about the row under its cursor.


class LiveList(Protocol):
    """Rows that stand for many runs each, kept up to date while their view is shown.

    `on_update` is called after a change.
    """

    on_update: Callable[[], None]

    @property
    def list(self) -> TableRows[Any, Any]:
        """The rows. Another object may take its place."""

    def on_changes(self, changes: Changes) -> None:
        """Follow changes of runs or of the session."""

    def on_cursor(self) -> None:
        """Follow the row under the cursor."""

    def tick(self) -> None:
        """Follow the time. Called every second while the view is shown."""


class ListPane(Pane):
    """The list. Its keys act on a row, not on a run. `table` shows the rows."""

    def __init__(self, live: LiveModel, live_list: LiveList, table: RowTable[Any], *, id: str) -> None:  # noqa: A002
        super().__init__(live, id=id)
        self._live_list = live_list
        self.table = table

    @property
    def body(self) -> RowTable[Any]:
        return self.table

    @property
    def target(self) -> RunId | None:
        return None

    def has_use_for(self, action: str) -> bool:
        return len(self._live_list.list) > 0 if action in {"enter", "sort"} else super().has_use_for(action)

    def word_for(self, action: str, usual: str) -> str:
        return "runs" if action == "enter" else super().word_for(action, usual)

    def hit_step(self, step: int) -> None:
        if self.searched:
            self.table.action_move(step)  # every row of a filtered list is a match

    def error_step(self, step: int) -> bool:  # noqa: ARG002  for subclasses
        return False

    def follow_list(self) -> None:
        if self.is_shown:
            self.table.tick()
            self.show_rule()

    def on_show(self) -> None:
        self.follow_list()

    def on_changes(self, changes: Changes) -> None:
        if changes.topics and self.is_shown:
            self.show_rule()

    def tick(self) -> None:
        self.follow_list()


class RowPagePane(PagePane):
    """A page about the row under the cursor. It starts at its top when another row is selected."""

    def __init__(self, live: LiveModel, live_list: LiveList, *, id: str) -> None:  # noqa: A002  Textual's name
        super().__init__(live, id=id)
        self._live_list = live_list

    @property
    def subject(self) -> Hashable:
        return self._live_list.list.cursor

    @property
    def is_ticking(self) -> bool:
        return self._live_list.list.cursor is not None

    def concerns(self, changes: Changes) -> bool:  # noqa: ARG002  the list reports its own changes
        return False

    def follow_list(self) -> None:
        self.rebuild()


# The views that cover the list of runs: the way to each and back, and their part of the screen below.


class MainView(BaseScreen):
    """The screen below all others, as the views above it see it."""

    @property
    def front(self) -> ViewScreen:
        """The view in front: another one, or this one."""
        raise NotImplementedError

    def note_view(self) -> None:
        """Record which view is shown, for the way back."""
        raise NotImplementedError

    def leave_other_views(self, but: "ViewEntrance | None" = None) -> None:
        """Close the views in front of this one, but for the one that is given."""
        raise NotImplementedError

    def open_command_line(self, view: ViewScreen, own: "Sequence[Command]") -> None:
        """Open the command line over a view. `own` are its commands without a key, besides those of every view."""
        raise NotImplementedError

    def action_wall(self) -> None:
        raise NotImplementedError

    def action_view_before(self) -> None:
        raise NotImplementedError


class ViewEntrance:
    """The way to a view and back. A subclass imports the view when it is first opened, and pushes it.

    `name` is the view's in an address.
    """

    name = ""

    def __init__(self, main: MainView) -> None:
        self._main = main
        self.screen: ViewScreen | None = None
        """The view, while it is shown."""

    def open(self) -> None:
        """Show the view."""
        raise NotImplementedError

    def show(self, address: ViewAddress) -> None:
        """Show the view as an address has it, in place of the present one."""
        raise NotImplementedError

    def address(self) -> ViewAddress:
        """Return the address of the shown view."""
        raise NotImplementedError

    @property
    def facts(self) -> Hashable:
        """The facts that tell two views apart. They are cheap to compare."""
        raise NotImplementedError

    def back(self) -> bool:
        """Return to the line of the view whose runs the list shows. Return whether it shows any."""
        return False

    def on_changes(self, changes: Changes) -> None:
        """Note changes while the view is not shown."""

    def on_filtered(self) -> None:
        """Forget the line whose runs the list showed, if it shows others now."""

    def leave(self) -> None:
        """Close the view, if it is shown."""
        if (screen := self.screen) is not None:
            self.screen = None  # from now on, the view in front is that of the runs
            app = self._main.app
            stack: list[object] = [*app.screen_stack]
            if screen not in stack:
                return  # it was above a view that was left just before
            for _ in stack[stack.index(screen) + 1 :]:
                app.screen.dismiss(None)  # a dialog, or the wall, above it
            screen.action_leave_view()

    def _on_left(self, _: None) -> None:
        self.screen = None
        self._main.on_workspace_panes_changed()
        self._main.note_view()


# The base of views that list things of many runs each: error groups, queues.


class ListScreen(BaseScreen):
    """A list in the main pane, and panes about the row under its cursor. `main` is the screen below."""

    BINDINGS: ClassVar[list[BindingType]] = [
        bind("q", "quit_level", "back", "Go one level back.", id="close"),
        bind("W", "wall", "wall", "Show the wall: findings and the last hour over the whole screen."),
        bind("n", "hit_step(1)", "next match", "Go to the next match of the search.", id="next-match"),
        bind("N", "hit_step(-1)", "previous match", "Go to the previous match of the search.", id="previous-match"),
        bind("p", "pause", "pause", "Stop showing updates, or show them again."),
        bind("r,f5,ctrl+r", "refresh_now", "refresh", "Ask the server now, or try again now.", id="refresh"),
        *OUTGOING_BINDINGS,
        *MENU_BINDINGS,
    ]
    list_pane: ListPane
    """The main pane."""

    def __init__(
        self,
        live: LiveModel,
        live_list: LiveList,
        panes: Sequence[Pane],
        summary: Summary,
        main: MainView,
        *,
        proportions: Proportions,
        recent: Sequence[str] = (),
    ) -> None:
        super().__init__(live, panes, summary, proportions=proportions, recent=recent)
        self.main = main
        self._live_list = live_list
        self._rest: Timer | None = None

    def pane_of(self, kind: type[P]) -> P:
        """Return the pane of a kind."""
        pane = self.panes[kind.title]
        assert isinstance(pane, kind)
        return pane

    def on_mount(self) -> None:
        # Textual calls the handler of the subclass first, which opens the list.
        self._live_list.on_update = self._show_soon
        self.show_changes()

    def on_unmount(self) -> None:
        self._stop_rest()
        self._live_list.on_update = lambda: None

    def on_changes(self, changes: Changes) -> None:
        self._live_list.on_changes(changes)
        super().on_changes(changes)

    def tick(self) -> None:
        self.follow_cover()
        if not self.is_resting:
            self._live_list.tick()
        super().tick()

    def _show_soon(self) -> None:
        # A task of the session may call this; widgets are changed on the app's own message loop.
        self.call_later(self.show_changes)

    def show_changes(self) -> None:
        """Show what changed in the list, in the panes that are visible."""
        if self.is_attached:
            self.list_pane.follow_list()
            self._show_row()

    def _show_row(self) -> None:
        """Show the row under the cursor in the other panes."""
        for pane in self.panes.values():
            if pane is not self.list_pane:
                pane.follow_list()
        self.summary.rebuild()
        self.refresh_bindings()
        self.main.note_view()

    def on_row_table_moved(self) -> None:
        self._live_list.on_cursor()
        self._stop_rest()
        if rest_s := self.follow_rest_s:
            self._rest = self.live.session.clock.call_later(rest_s, self._show_soon)
        else:
            self.list_pane.show_rule()  # its table shows each move itself
            self._show_row()
            self.paint_now()

    def _stop_rest(self) -> None:
        if self._rest is not None:
            self._rest.cancel()
            self._rest = None

    def on_cursor_table_entered(self) -> None:
        self.action_enter()

    def action_enter(self) -> None:
        raise NotImplementedError

    def action_back(self) -> None:
        if self.pane.searched:
            self.pane.search("")
        elif self.app_base.close_away_block():
            pass
        elif self.workspace.is_zoomed:
            self.workspace.action_zoom()
        elif self.pane is not self.list_pane:
            self.workspace.go_to(self.list_pane.title)
        else:
            self.action_leave_view()

    def action_quit_level(self) -> None:
        self.action_back()

    def action_wall(self) -> None:
        self.main.action_wall()

    def action_view_before(self) -> None:
        self.main.action_view_before()
