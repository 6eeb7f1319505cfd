"""The queues view: its panes, and the way to it, from it to the runs of a queue, and back."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from functools import cached_property
from typing import ClassVar, Final, NamedTuple

from textual.binding import Binding, BindingType

from tui.domain.filters import RunFilters
from tui.domain.ids import RunId
from tui.domain.own_commands import CommandScope
from tui.features.copying.words import Clip
from tui.features.queues import model, page
from tui.features.queues.words import health_glyph
from tui.features.runs.data import RunSubscription
from tui.features.runs.screen import MainScreen
from tui.features.runs.views import ListQuery
from tui.kit.commands import OwnSelection
from tui.kit.footer import Summary
from tui.kit.keys import Help, bind
from tui.kit.layout import Placement, Proportions, Slot
from tui.kit.lines import EDGE, GUTTER
from tui.kit.list_panes import ListPane, ListScreen, MainView, RowPagePane, ViewEntrance
from tui.kit.live_model import LiveModel
from tui.kit.page import Page, PageRow
from tui.kit.table import RowTable
from tui.kit.words import rule_parts
from tui.lazy_dataclass import dataclass
from tui.store.addresses import QUEUES, ViewAddress, as_words, plain_words
from tui.store.filter import as_value
from tui.store.findings.rows import QueueHealth, QueueRow
from tui.store.server_filter import ServerFilter
from tui.text import formatting
from tui.text.blocks import GoToRun
from tui.text.styled import Line, Piece, Token

# The pane `queue`: since when and why the selected queue is blocked, whether it drains, and its last hour.


class QueuePane(RowPagePane):
    """The facts of the queue under the cursor."""

    title: ClassVar[str] = "queue"
    placement: ClassVar[Placement] = Placement(Slot.FIRST)

    def __init__(self, live: LiveModel, queues: model.LiveQueues) -> None:
        super().__init__(live, queues, id="queue")
        self._queues = queues

    @property
    def target(self) -> RunId | None:
        action = self._row_action
        return action.run_id if isinstance(action, GoToRun) else None

    def rows(self, width: int) -> Sequence[PageRow]:
        facts = self._queues.facts
        if facts is None:
            read = self._queues.read
            is_loading = read.read_at is None and not read.refusal and not read.failure
            text = formatting.LOADING if is_loading else page.NOTHING_SELECTED
            return [PageRow(()), PageRow((Piece(text, Token.MUTED),), "none")]
        return [PageRow(row.line, row.key, row.action) for row in page.queue_page(facts, self.live.now, width - EDGE)]

    def left(self) -> Line:
        row = self._queues.list.current
        if row is None:
            return ()
        glyph = () if row.health in {QueueHealth.FINE, QueueHealth.BUSY} else (health_glyph(row.health), Piece(" "))
        return (Piece(" · ", Token.MUTED), *glyph, Piece(row.name, Token.TEXT))

    def right(self) -> Line:
        facts = self._queues.facts
        words = "" if facts is None else page.cell_words(facts, self.size.width - GUTTER - EDGE)
        return (Piece(words, Token.MUTED),) if words else ()


# The table of queues.
#
# `QueueListModel` decides which queue is on which row, `features.queues.page` makes the cells.


class _QueueLine(NamedTuple):
    """What the row of a queue is made from. `oldest` is the only text in it that depends on the time.

    The content of the line that stands for the folded queues is that line itself.
    """

    content: page.QueueContent
    is_bold: bool
    oldest: Line


class QueueTable(RowTable[str]):
    """Shows the rows of a `QueueListModel` below a line of column names."""

    def __init__(self, live: LiveModel, rows: model.QueueListModel, throttled: Callable[[str], int | None]) -> None:
        """`throttled` returns how many runs of a queue waited for its limit in the last hour, where that is known."""
        super().__init__(live)
        self._rows = rows
        self._throttled = throttled
        self.slots: list[page.SizedQueueColumn] = []
        """The columns that are shown, with their widths."""

    @property
    def rows(self) -> model.QueueListModel:
        return self._rows

    def head_line(self) -> Line:
        return page.queue_head(self.slots)

    def fit_columns(self) -> None:
        self.slots = page.queue_columns_for(self.size.width)

    def content_of(self, key: str, *, is_bold: bool) -> Hashable | None:
        rows = self._rows
        if key == model.MORE:
            return page.more_line(rows.folded_rows, is_folded=rows.is_folded)
        row = rows.get(key)
        if row is None:
            return None
        content = page.QueueContent(row, self._throttled(key))
        return _QueueLine(content, is_bold, page.oldest_cell(content, self.now, 0))

    def line_of(self, content: Hashable) -> Line:
        if isinstance(content, _QueueLine):
            return page.queue_line(content.content, self.slots, self.now, is_current=content.is_bold)
        assert isinstance(content, tuple)
        return content


# The pane `queues`: the list of queues, with its filter and order.


class QueueListPane(ListPane):
    """The list of queues."""

    title: ClassVar[str] = "queues"
    placement: ClassVar[Placement] = Placement(Slot.MAIN, has_summary=True)
    search_hint: ClassVar[str] = "any text: the name of a queue, its health"
    BINDINGS: ClassVar[list[BindingType]] = [
        bind("s", "sort", "sort", "Sort by the next order: worst, queued, oldest, usage, starts.", rank=50, need=46),
    ]

    def __init__(self, live: LiveModel, queues: model.LiveQueues) -> None:
        super().__init__(live, queues, QueueTable(live, queues.list, queues.throttled), id="queues")
        self._queues = queues
        self.table.empty_lines_for = self._empty_lines
        self.on_list_changed: Callable[[], None] = lambda: None
        """Called when the typed filter or the order has changed."""

    def word_for(self, action: str, usual: str) -> str:
        if action == "enter" and self._queues.list.cursor == model.MORE:
            return "show them" if self._queues.list.is_folded else "fold them"
        return super().word_for(action, usual)

    def left(self) -> Line:
        order, text = self._queues.list.query
        return page.queues_left(order.words, text)

    def spare(self) -> tuple[Line, ...]:
        return (rule_parts(self.left())[-1],)  # the order

    def right(self) -> Line:
        rows = self._queues.list
        shown = (rows.shown_count, rows.known_count) if rows.query.text else None
        return page.queues_right(self._queues.read, self.live.now, self.size.width, shown)

    def search(self, text: str) -> Line:
        """Filter the list, and highlight the words."""
        rows = self._queues.list
        self._queues.show_query(rows.query._replace(text=text))
        self.table.highlight(text)
        self.on_list_changed()
        return (Piece(f"{rows.shown_count:,} of {rows.known_count:,} queues", Token.MUTED),)

    @property
    def searched(self) -> str:
        return self._queues.list.query.text

    def action_sort(self) -> None:
        orders = model.QUEUE_ORDERS
        self.sort_by(orders[(orders.index(self._queues.list.query.order) + 1) % len(orders)])

    def sort_by(self, order: model.QueueOrder) -> None:
        """Sort the list."""
        self._queues.show_query(self._queues.list.query._replace(order=order))
        self.on_list_changed()

    def _empty_lines(self, width: int) -> tuple[Line, ...]:
        is_filtered = bool(self.searched) and self._queues.list.known_count > 0
        return tuple(page.empty_queues_lines(self._queues.read, width, is_filtered=is_filtered))


# The panes of the queues view, in the order of their numbers. The named limits that queues share get a pane of their
# own between the two.


QUEUE_PANES: Final = (QueueListPane, QueuePane)
"""The panes of the queues view. The position of a pane is its number, which is the key that leads to it."""


# The two lines about the selected queue, visible where its page is not.


class QueueSummary(Summary):
    """Summarises the queue under the cursor."""

    def __init__(self, live: LiveModel, queues: model.LiveQueues) -> None:
        super().__init__(live)
        self._queues = queues

    def content(self, width: int) -> tuple[Line, ...]:
        return page.queue_summary_lines(self._queues.facts, self.live.now, width)


# Opens the queues view over the main screen, lists the runs of a queue there, and leads back.
#
# The view itself is imported when it is first opened.


@dataclass(frozen=True, slots=True)
class QueueListing:
    """The list shows the runs of a queue: the filters for it, and the earlier query of the list."""

    filters: RunFilters
    text: str
    before: ListQuery


class QueuesEntrance(ViewEntrance):
    """The way to the queues view and back. The list of queues keeps its cursor while runs are shown."""

    name = QUEUES
    screen: "QueuesScreen | None"
    _main: MainScreen

    def __init__(self, main: MainScreen) -> None:
        super().__init__(main)
        self._listing: QueueListing | None = None

    def open(self) -> None:
        """Show the queues."""
        main = self._main
        self.screen = QueuesScreen(main.live, self.queues, self._list_runs, main)
        main.note_view()
        main.app.push_screen(self.screen, self._on_left)

    def show(self, address: ViewAddress) -> None:
        self._main.leave_other_views(but=self)
        orders = {order.id: order for order in model.QUEUE_ORDERS}
        query = model.QueueQuery(orders.get(address.sort, model.WORST), plain_words(address.filter))
        self.queues.show_query(query)
        if self.screen is None:
            self.open()
        else:
            self.screen.workspace.go_to(self.screen.list_pane.title)
            self.screen.list_pane.table.highlight(query.text)

    def address(self) -> ViewAddress:
        order, text = self.queues.list.query
        return ViewAddress(QUEUES, as_words(text), sort="" if order is model.WORST else order.id)

    @property
    def facts(self) -> Hashable:
        return self.queues.list.query

    @cached_property
    def queues(self) -> model.LiveQueues:
        """The queues of the view, which remember its order, filter and cursor."""
        return model.LiveQueues(self._main.live)

    def back(self) -> bool:
        """Return to the queues, if the list shows the runs of one. Return whether it does."""
        listing, main = self._listing, self._main
        if listing is None or main.run_list.searched != listing.text:
            return False
        self._listing = None
        if main.run_list.views.query.filters != listing.filters:
            return False  # the user has chosen other filters of the server meanwhile
        self._show(listing.before)
        self.open()
        return True

    def _list_runs(self, row: QueueRow, run_id: RunId | None, words: str) -> None:
        assert self.screen is not None
        main, before = self._main, self._main.run_list.views.query
        is_relayed = main.live.session.settings.relay_url is not None
        text = f"queue:{as_value(row.name)} {words}".strip()
        filters, text = model.runs_of_queue(text, row.stored_name, is_relayed=is_relayed)
        self._listing = QueueListing(filters, text, before)
        self.screen.dismiss(None)
        self._show(replace(before, filters=filters, text=text, is_searched=False, is_typing=False), run_id)
        main.show_list(run_id)

    def _show(self, query: ListQuery, run_id: RunId | None = None) -> None:
        main = self._main
        if query.filters != main.run_list.views.query.filters:
            main.app_base.part(RunSubscription).visit(ServerFilter(query.filters, query.period), query.order.id)
        main.run_list.show_query(query, run_id)


# The keys of the queues view that work in every pane, besides those of every list view.


_FILTER_SENTENCE: Final = "Show only queues whose name or health contains these words. Search in any other pane."
KEYS: Final[tuple[Binding, ...]] = (
    bind("enter", "enter", "open",
         "List the runs of the queue; show the empty queues on the last line; in other panes open the row.",
         id="open", rank=10),
    bind("escape", "back", "back",
         "Go one level back: end a search, a filter, a zoom; then go to the queues, then to the runs."),
    bind("Q", "leave_view", "back to the runs", "Leave the queues.", id="queues"),
    bind("v", "oldest_run", "oldest run", "Open the run that waits longest in the queue.", rank=45, need=30,
         help=Help("move", 130, "the oldest run of a queue")),
    bind("h", "holders", "holders", "List the runs that execute and hold the places of the queue.", rank=46, need=32,
         help=Help("move", 140, "the runs that hold its places")),
    bind("slash", "search", "filter", _FILTER_SENTENCE, rank=55, need=32),
    bind("y", "copy_queue", "copy name", "Copy the name of the queue, or the id of the run.", id="copy-queue",
         help=Help("copy", 90, "copy the name of a queue")),
    bind("Y", "copy_menu", "copy",
         "Choose what to copy: the name of the queue, the address of the view, a command, a curl.", id="copy-menu"),
)  # fmt: skip


# The queues view: the list of queues, and the selected one.


HOLDERS: Final = "status:executing,dequeued"
"""The filter of the runs that hold the places of a queue. One that is suspended gives its place back."""

PROPORTIONS: Final = Proportions(main_rows=20, main_columns=112)
"""The list has as many rows as there are queues in use, and the selected queue four sentences and its hour."""


class QueuesScreen(ListScreen):
    """Shows the queues of a `LiveQueues`.

    `list_runs` leaves the view and lists the runs of a queue that pass a filter, with the cursor on one of them if it
    is given.
    """

    BINDINGS: ClassVar[list[BindingType]] = [*KEYS]

    def __init__(
        self,
        live: LiveModel,
        queues: model.LiveQueues,
        list_runs: Callable[[QueueRow, RunId | None, str], None],
        main: MainView,
    ) -> None:
        self.queues = queues
        panes = [pane(live, queues) for pane in QUEUE_PANES]
        super().__init__(live, queues, panes, QueueSummary(live, queues), main, proportions=PROPORTIONS)
        self._list_runs = list_runs
        self.list_pane: QueueListPane = self.pane_of(QueueListPane)
        self.list_pane.on_list_changed = self.show_changes

    def on_mount(self) -> None:
        self.queues.open()
        self.list_pane.table.highlight(self.list_pane.searched)

    def on_unmount(self) -> None:
        self.queues.close()

    def rest(self) -> None:
        super().rest()
        self.queues.rest()

    def resume(self) -> None:
        super().resume()
        self.queues.resume()

    def has_use_for(self, action: str, parameters: tuple[object, ...]) -> bool:
        match action:
            case "oldest_run":
                return self._oldest_run is not None
            case "holders":
                row = self.queues.list.current
                return row is not None and bool(row.running or row.holders)
            case "copy_queue":
                return self.queues.list.current is not None or self.pane.target is not None
            case _:
                return super().has_use_for(action, parameters)

    @property
    def _oldest_run(self) -> RunId | None:
        row = self.queues.list.current
        return None if row is None else row.oldest_run

    @property
    def outgoing_run(self) -> RunId | None:
        """The run under the cursor; in the list of queues, the one that waits longest in the queue."""
        return self.pane.target or self._oldest_run

    def action_enter(self) -> None:
        if self.pane is not self.list_pane:
            self.pane.enter()
        elif self.queues.list.cursor == model.MORE:
            self.queues.list.toggle_fold()
            self.queues.on_cursor()
            self.show_changes()
        elif (row := self.queues.list.current) is not None:
            self._list_runs(row, None, "")

    def action_holders(self) -> None:
        row = self.queues.list.current
        if row is not None and (row.running or row.holders):
            self._list_runs(row, None, HOLDERS)
        else:
            self.say("no run is known to hold a place of this queue")

    def action_oldest_run(self) -> None:
        row, run_id = self.queues.list.current, self._oldest_run
        if row is not None and run_id is not None:
            self._list_runs(row, run_id, "")
        else:
            self.say("no run is known to wait in this queue")

    def on_page_entered(self, event: Page.Entered) -> None:
        row = self.queues.list.current
        if isinstance(event.action, GoToRun) and row is not None:
            self._list_runs(row, event.action.run_id, "")

    def action_refresh_now(self) -> None:
        self.app_base.part(RunSubscription).refresh()
        self.queues.selected.refresh()

    def own_selection(self) -> OwnSelection:
        return OwnSelection((CommandScope.RUN, CommandScope.TASK), run_id=self.outgoing_run)

    def action_copy_queue(self) -> None:
        row = self.queues.list.current
        if (target := self.pane.target) is not None:
            self.clipboard.send("id", target)
        elif row is not None:
            self.clipboard.send("name", row.stored_name)

    def action_copy_menu(self) -> None:
        row = self.queues.list.current
        parts = [] if row is None else [Clip("n", "name of the queue", row.stored_name)]
        from tui.features.copying.view import open_copy_menu  # noqa: PLC0415  loaded when first used

        open_copy_menu(self, self.live, self.pane.target, self.clipboard, parts)

    def action_palette(self) -> None:
        from tui.features.command_line.model import queue_sorts  # noqa: PLC0415  loaded when first used

        sorts = queue_sorts(self.list_pane.sort_by, self.queues.list.query.order)
        self.main.open_command_line(self, [*sorts, *self.own_commands_without_key()])
