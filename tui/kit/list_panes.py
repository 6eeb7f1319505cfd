"""The screen of a list: the list itself, the page of the row under its cursor, their keys, and the ways to it."""

from collections.abc import Callable, Hashable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Final, NamedTuple

from textual.binding import BindingType

from tui.domain.own_commands import CommandScope
from tui.domain.run import RunId
from tui.kit.bars import Summary, ViewScreen
from tui.kit.commands import Command, OwnSelection
from tui.kit.keys import MARK_ACTIONS, MENU_BINDINGS, OUTGOING_BINDINGS, bind
from tui.kit.layout import Placement, Proportions, Slot
from tui.kit.lines import EDGE, GUTTER
from tui.kit.lists import Clip, ListView, LiveList
from tui.kit.live_model import LiveModel
from tui.kit.page import Page, PageRow
from tui.kit.pane import PagePane, Pane
from tui.kit.rows import MORE
from tui.kit.screen import BaseScreen
from tui.kit.table import RowTable
from tui.kit.words import no_order
from tui.settings.schema import ColumnEntry
from tui.store.addresses import ViewAddress
from tui.store.changes import Changes
from tui.sync.clock import NO_TIMER, Timer
from tui.text import formatting
from tui.text.blocks import GoToRun, ListRuns
from tui.text.styled import Line, Piece, Token
from tui.text.table import SizedColumn

if TYPE_CHECKING:
    from tui.api.lists import GetRequest


class Sorts(NamedTuple):
    """The orders of a list, for the command line: names with sentences, the present one, and a function to use one."""

    sentence: str
    orders: Sequence[tuple[str, str]]
    take: Callable[[str], None]
    current: str


# The panes of a list: the list itself, and the page of the row under its cursor.


class TablePane(Pane):
    """A list in its table, with the columns that the user chose, and marks."""

    def __init__(self, live: LiveModel, title: str, table: RowTable[Any]) -> None:
        super().__init__(live, title)
        self.table = table
        self.table.columns_for = self.slots_for
        self.choices: Sequence[ColumnEntry] | None = None
        """The columns that the user chose, None for the default ones."""

    @property
    def body(self) -> RowTable[Any]:
        return self.table

    def on_mount(self) -> None:
        self.app_base.own_columns.listeners.append(self._show_own_columns)
        self._show_own_columns()

    def on_unmount(self) -> None:
        self.app_base.own_columns.listeners.remove(self._show_own_columns)

    def _show_own_columns(self) -> None:
        self.show_choices(self.app_base.own_columns.shown(self.title))

    def show_choices(self, choices: Sequence[ColumnEntry] | None) -> None:
        """Show the columns that the user chose; None: the default ones."""
        self.choices = choices
        self.table.show_columns()

    def slots_for(self, width: int) -> Sequence[SizedColumn[Any]]:
        """Return the columns for a width in cells."""
        table = self.table.table
        return (
            table.slots(width) if self.choices is None else self.app_base.own_columns.slots(table, self.choices, width)
        )

    def action_columns(self) -> None:
        self.app_base.doors.choose_columns(self)

    def hit_step(self, step: int) -> None:
        if self.searched:
            self.table.step(step)  # in a filtered list every row is a match

    def action_mark(self) -> None:
        self.table.rows.toggle_mark()
        self.table.step(1)
        self.show_marks()

    def action_mark_range(self) -> None:
        self.table.rows.mark_range()
        self.show_marks()

    def action_mark_all(self) -> None:
        self.table.rows.mark_all()
        self.show_marks()

    def clear_marks(self) -> None:
        """Clear all marks."""
        self.table.rows.marks.clear()
        self.show_marks()

    def show_marks(self) -> None:
        """Show which rows are marked."""
        self.table.show_changes()
        self.show_rule()


def go_back(screen: BaseScreen, home: TablePane) -> bool:
    """Go one level back from where a screen is; return whether there was one. `home` is its list."""
    if screen.app_base.close_away_block():
        pass
    elif screen.pane is home and len(home.table.rows.marks):
        home.clear_marks()  # before a filter, which may hide some of them: an action would still be about those
    elif screen.pane.searched:
        screen.pane.search("")
    elif screen.history.back():
        pass
    elif screen.workspace.is_zoomed:
        screen.workspace.action_zoom()
    elif screen.pane is not home:
        screen.workspace.go_to(home.title)
    else:
        return False
    return True


class ListPane(TablePane):
    """The list. Its keys act on a row, not on a run. `table` shows the rows."""

    placement: ClassVar[Placement] = Placement(Slot.MAIN, has_summary=True)
    BINDINGS: ClassVar[list[BindingType]] = [
        bind("s", "sort", "sort", "Sort by the next column.", rank=50, need=46),
        bind("c", "columns", "columns", "Choose the columns, their order and their widths.", rank=78, need=95),
        bind("space", "mark", "mark", "Mark the row, or remove its mark."),
        bind("V", "mark_range", "mark range", "Mark everything from the last mark to here."),
        bind("asterisk", "mark_all", "mark all shown", "Mark all rows that are shown; twice clears all marks."),
    ]  # fmt: skip

    def __init__(self, live: LiveModel, rows: LiveList[Any]) -> None:
        table: RowTable[Any] = RowTable(live, rows.view.table, lambda: rows.list, rows.drawn)
        super().__init__(live, rows.view.name, table)
        self.rows = rows
        self.table.empty_lines_for = rows.empty_lines
        self.table.more_line = rows.more_line
        self.search_hint = rows.view.search_hint
        self.on_list_changed: Callable[[], None] = lambda: None
        """Called when the typed filter or the order has changed."""

    def on_mount(self) -> None:
        self.table.highlight(self.searched)

    @property
    def target(self) -> RunId | None:
        return None

    def has_use_for(self, action: str) -> bool:
        if action in {"enter", "sort", *MARK_ACTIONS}:
            return len(self.rows.list) > 0
        return super().has_use_for(action)

    def word_for(self, action: str, usual: str) -> str:
        if action == "enter" and self.rows.list.cursor == MORE:
            return "show them" if self.rows.list.is_folded else "fold them"
        return "runs" if action == "enter" else super().word_for(action, usual)

    def left(self) -> Line:
        return self.rows.left()

    def right(self) -> Line:
        return self.rows.right(self.size.width)

    def search(self, text: str) -> Line:
        """Filter the list, and highlight the words."""
        self.rows.show_query(self.rows.query._replace(text=text))
        self.table.highlight(text)
        self.on_list_changed()
        rows = self.rows.list
        known = formatting.plural(rows.known_count, self.rows.view.noun)
        return (Piece(self.rows.pending or f"{formatting.count(rows.shown_count)} of {known}", Token.MUTED),)

    @property
    def searched(self) -> str:
        return self.rows.query.text

    def follow_list(self) -> None:
        if self.is_shown:
            self.table.titles = self.rows.begin_drawing()
            self.table.tick()
            self.show_rule()

    def on_show(self) -> None:
        self.follow_list()

    def on_changes(self, changes: Changes) -> None:
        if changes.topics and self.is_shown:
            self.show_rule()

    def tick(self) -> None:
        self.follow_list()

    def action_sort(self) -> None:
        orders = self.rows.view.orders
        self.sort_by(orders[(orders.index(self.rows.query.order) + 1) % len(orders)].id)

    def on_row_table_title_clicked(self, event: RowTable.TitleClicked) -> None:
        if event.order in {each.id for each in self.rows.view.orders}:
            self.sort_by(event.order)
        else:
            self.say(no_order(event.column.title))

    def sort_by(self, name: str) -> None:
        """Sort by the order of a name."""
        self.rows.show_query(self.rows.query._replace(order=self.rows.view.order_named(name)))
        self.on_list_changed()


class RowPagePane(PagePane):
    """A page about the row under the cursor. It starts at its top when another row is selected."""

    placement: ClassVar[Placement] = Placement(Slot.FIRST)

    def __init__(self, live: LiveModel, live_list: LiveList[Any], title: str = "") -> None:
        super().__init__(live, title or live_list.view.noun)
        self.live_list = live_list

    @property
    def target(self) -> RunId | None:
        action = self._row_action
        return action.run_id if isinstance(action, GoToRun) else None

    def rows(self, width: int) -> Sequence[PageRow]:
        return [PageRow(row.line, row.key, row.action) for row in self.live_list.page(width - EDGE)]

    def left(self) -> Line:
        return self.live_list.page_left()

    def right(self) -> Line:
        return self.live_list.page_right(self.size.width - GUTTER - EDGE)

    @property
    def subject(self) -> Hashable:
        return self.live_list.list.cursor

    @property
    def is_ticking(self) -> bool:
        return self.live_list.list.cursor is not None

    def concerns(self, changes: Changes) -> bool:  # noqa: ARG002  the list reports its own changes
        return False

    def follow_list(self) -> None:
        self.rebuild()


class RowSummary(Summary):
    """Two lines about the row under the cursor, where its page is not visible."""

    def __init__(self, live: LiveModel, live_list: LiveList[Any]) -> None:
        super().__init__(live)
        self._live_list = live_list

    def content(self, width: int) -> tuple[Line, ...]:
        return self._live_list.summary(width)


# The views that cover the list of runs: the way to each and back, and their part of the screen below.


class WayBack(NamedTuple):
    """The way from the runs of a line back to it.

    `back` returns to it, `forget` is called once the list shows others.
    """

    back: Callable[[], None]
    forget: Callable[[], None] = lambda: None


VIEW_BINDINGS: Final = (
    bind("exclamation_mark", "view('errors')", "errors", "Show what fails: the failed runs, grouped by their errors.",
         id="errors"),
    bind("Q", "view('queues')", "queues", "Show why runs wait: the queues, how full each is, whether it gets shorter.",
         id="queues"),
    bind("W", "view('wall')", "wall", "Show the wall: findings and the last hour over the whole screen.", id="wall"),
)  # fmt: skip
"""The keys of the views, which are the same in each."""


class MainView(BaseScreen):
    """The lowest screen, with the methods that the views above it use."""

    def action_refresh_now(self) -> None:
        raise NotImplementedError

    @property
    def front(self) -> ViewScreen:
        """The view in front: another one, or this one."""
        raise NotImplementedError

    def note_view(self) -> None:
        """Record which view is shown, for the way back."""
        raise NotImplementedError

    def leave_other_views(self, but: "ViewEntrance | None" = None) -> None:
        """Close the views in front of this one, except `but`."""
        raise NotImplementedError

    def open_command_line(self, view: ViewScreen, own: Sequence[Command], sorts: Sorts | None = None) -> None:
        """Open the command line over a view. `own` are its commands without a key, besides those of every view."""
        raise NotImplementedError

    def list_runs(self, runs: ListRuns, way: WayBack, run_id: RunId | None = None) -> None:
        """List the runs of a line of a view, with the cursor on one of them if it is given."""
        raise NotImplementedError

    def action_view(self, name: str) -> None:
        """Show a view in place of the one in front. The wall covers that one."""
        raise NotImplementedError

    def action_view_before(self) -> None:
        raise NotImplementedError


class ViewEntrance:
    """The way to a view and back. A subclass imports the view when it is first opened, and pushes it.

    `name` is the name of the view in an address.
    """

    name = ""

    def __init__(self, main: MainView) -> None:
        self.main = main
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

    def on_changes(self, changes: Changes) -> None:
        """Note changes while the view is not shown."""

    def leave(self) -> None:
        """Close the view, if it is shown."""
        if (screen := self.screen) is not None:
            self.screen = None  # from now on, the view in front is that of the runs
            app = self.main.app
            stack: list[object] = [*app.screen_stack]
            if screen not in stack:
                return  # the view above which it was shown was closed just before
            for _ in stack[stack.index(screen) + 1 :]:
                app.screen.dismiss(None)  # a dialog, or the wall, above it
            screen.action_leave_view()

    def _on_left(self, _: None) -> None:
        self.screen = None
        self.main.on_workspace_panes_changed()
        self.main.note_view()


class ListEntrance(ViewEntrance):
    """The way to a list and back. The list keeps its cursor while the runs of a row are shown."""

    screen: "ListScreen | None"

    def __init__(self, main: MainView, view: ListView[Any]) -> None:
        super().__init__(main)
        self.name = view.name
        self.view = view

    @cached_property
    def rows(self) -> LiveList[Any]:
        """The rows, which remember order, filter and cursor."""
        return (self.view.live or LiveList)(self.main.live, self.view)

    def make(self) -> "ListScreen":
        """Make the screen."""
        return ListScreen(self)

    def open(self) -> None:
        self.screen = self.make()
        self.main.note_view()
        self.main.app.push_screen(self.screen, self._on_left)

    def show(self, address: ViewAddress) -> None:
        self.main.leave_other_views(but=self)
        self.show_query(address)
        if self.screen is None:
            self.open()
        else:
            self.screen.workspace.go_to(self.view.name)
            self.screen.list_pane.table.highlight(address.filter)

    def show_query(self, address: ViewAddress) -> None:
        """Use the filter and the order of an address."""
        self.rows.show_query(self.rows.query._replace(order=self.view.order_named(address.sort), text=address.filter))

    def address(self) -> ViewAddress:
        order, text = self.rows.query
        closed = f'{text}"' if text.count('"') % 2 else text
        return ViewAddress(self.name, closed.strip(), sort="" if order is self.view.orders[0] else order.id)

    def list_runs(self, runs: ListRuns | None, run_id: RunId | None = None) -> None:
        """List the runs of a row. Esc leads back to it."""
        if self.screen is not None and runs is not None:
            self.main.list_runs(runs, WayBack(self.open, self.forget), run_id)

    def forget(self) -> None:
        """Release memory, because the list of runs does not show the runs of a row any more."""


class ListScreen(BaseScreen):
    """A list in the main pane, and panes about the row under its cursor. A subclass adds keys, panes, texts."""

    BINDINGS: ClassVar[list[BindingType]] = [
        bind("enter", "enter", "open", "List the runs of the row; in other panes open the row under the cursor.",
             id="open", rank=10),
        bind("escape", "back", "back",
             "Go one step back: clear marks, close a search, a filter, a zoom; then go to the list, then to the runs."),
        bind("q", "back", "back", "Go one step back.", id="close"),
        bind("slash", "search", "filter",
             "Show only rows that contain the typed words. In other panes, search.",
             rank=55, need=32),
        bind("y", "copy_id", "copy", "Copy the name of the row or of the marked rows, or the id of the run."),
        bind("Y", "copy_menu", "copy what",
             "Choose what to copy: a text of the row, the address of the view, a command, a curl.", rank=75, need=50),
        *VIEW_BINDINGS,
        bind("n", "hit_step(1)", "next match", "Go to the next match of the search.", id="next-match"),
        bind("N", "hit_step(-1)", "previous match", "Go to the previous match of the search.", id="previous-match"),
        bind("p", "pause", "pause", "Stop showing updates, or show them again."),
        bind("r,f5,ctrl+r", "refresh_now", "refresh", "Read from the server now.", id="refresh"),
        *OUTGOING_BINDINGS,
        *MENU_BINDINGS,
    ]  # fmt: skip
    proportions: ClassVar[Proportions] = Proportions(main_rows=20, main_columns=112)
    scopes: ClassVar[tuple[CommandScope, ...]] = (CommandScope.RUN, CommandScope.TASK)
    """The scopes of the user's own commands that work here."""

    def __init__(self, entrance: ListEntrance, more: Sequence[Pane] = (), *, recent: Sequence[str] = ()) -> None:
        live, rows = entrance.main.live, entrance.rows
        self.entrance, self.rows, self.main = entrance, rows, entrance.main
        self.list_pane = ListPane(live, rows)
        panes = [self.list_pane, RowPagePane(live, rows), *more]
        super().__init__(live, panes, RowSummary(live, rows), proportions=self.proportions, recent=recent)
        self.list_pane.on_list_changed = self.show_changes
        self.list_pane.table.on_moved = self._on_moved
        self._rest: Timer = NO_TIMER

    @property
    def first_request(self) -> "GetRequest | None":
        return self.rows.request

    def on_mount(self) -> None:
        self.rows.on_update = self._show_soon
        self.rows.open()
        self.show_changes()

    def on_unmount(self) -> None:
        self._rest.cancel()
        self.rows.on_update = lambda: None
        self.rows.close()

    def rest(self) -> None:
        super().rest()
        self.rows.rest()

    def resume(self) -> None:
        super().resume()
        self.rows.open()

    def on_changes(self, changes: Changes) -> None:
        self.rows.on_changes(changes)
        super().on_changes(changes)

    def tick(self) -> None:
        self.follow_cover()
        if not self.is_resting:
            self.rows.tick()
        super().tick()

    def _show_soon(self) -> None:
        # A task of the session may call this, but widgets must be changed on the app's own message loop.
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

    def _on_moved(self) -> None:
        self.rows.follow_row()
        self._rest.cancel()
        if rest_s := self.follow_rest_s:
            self._rest = self.live.session.clock.call_later(rest_s, self._show_soon)
        else:
            self.list_pane.show_rule()  # its table shows each move itself
            self._show_row()
            self.paint_now()

    def has_use_for(self, action: str, parameters: tuple[object, ...]) -> bool:
        if action == "copy_id":
            return self.pane.target is not None or bool(self._copied)
        return super().has_use_for(action, parameters)

    def on_row_table_entered(self) -> None:
        self.action_enter()

    def action_enter(self) -> None:
        row = self.rows.list.current
        if self.pane is not self.list_pane:
            self.pane.enter()
        elif self.rows.list.cursor == MORE:
            self.rows.toggle_fold()
            self.show_changes()
        elif row is not None:
            if (runs := self.rows.runs_of(row)) is None:
                self.say(self.rows.no_runs_words(row))
            self.entrance.list_runs(runs)

    def on_page_entered(self, event: Page.Entered) -> None:
        row = self.rows.list.current
        if isinstance(event.action, GoToRun) and row is not None:
            runs = self.rows.runs_of(row) or ListRuns("")
            self.entrance.list_runs(runs, event.action.run_id)

    def action_back(self) -> None:
        if go_back(self, self.list_pane):
            self.show_changes()
        else:
            self.action_leave_view()

    def action_view(self, name: str) -> None:
        self.main.action_view(name)

    def action_view_before(self) -> None:
        self.main.action_view_before()

    def action_refresh_now(self) -> None:
        self.main.action_refresh_now()
        self.rows.refresh()

    def own_selection(self) -> OwnSelection:
        return OwnSelection(self.scopes, run_id=self.outgoing_run)

    @property
    def _copied(self) -> list[Clip]:
        """The first text of each marked row, or of the row under the cursor."""
        rows = self.rows.list
        found = rows.marked or ([] if rows.current is None else [rows.current])
        return [texts[0] for row in found if (texts := self.rows.view.copies(row))]

    def action_copy_id(self) -> None:
        if (target := self.pane.target) is not None:
            self.clipboard.send("id", target)
        elif (texts := self._row_texts) and texts[0].text is not None:
            self.clipboard.send(texts[0].name, texts[0].text)

    @property
    def _row_texts(self) -> Sequence[Clip]:
        """The texts of the row under the cursor, or those of the marked rows together."""
        row, copied = self.rows.list.current, self._copied
        texts = [] if row is None else self.rows.view.copies(row)
        if len(copied) > 1 and texts:
            name = f"{texts[0].name} of {len(copied)} marked rows"
            return [Clip(texts[0].key, name, "\n".join(each.text or "" for each in copied)), *texts[1:]]
        return texts

    def copy_texts(self) -> Sequence[Clip]:
        """Return the rows of the copy menu, beside those of a run."""
        return self._row_texts

    def action_copy_menu(self) -> None:
        self.app_base.doors.open_copy_menu(self, self.pane.target, self.copy_texts())

    def action_palette(self) -> None:
        view = self.rows.view
        orders = [(order.id, order.sentence.removesuffix(".")) for order in view.orders]
        sorts = Sorts(f"The order of the {view.name}.", orders, self.list_pane.sort_by, self.rows.query.order.id)
        self.main.open_command_line(self, self.app_base.own_commands.palette_rows(self), sorts)
