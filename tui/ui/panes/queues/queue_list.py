"""The pane `queues`: the list of queues, with its filter and order."""

from collections.abc import Callable
from typing import ClassVar

from textual.binding import BindingType

from tui.domain.ids import RunId
from tui.present.queues.rule import empty_queues_lines, queues_left, queues_right
from tui.present.styled import Line, Piece, Token
from tui.store.changes import Changes
from tui.ui.data.live_model import LiveModel
from tui.ui.data.queues.live_queues import LiveQueues
from tui.ui.input.keys import bind
from tui.ui.model.layout import Placement, Slot
from tui.ui.model.queues.orders import QUEUE_ORDERS, QueueOrder
from tui.ui.model.queues.queue_list import MORE
from tui.ui.panes.base import Pane
from tui.ui.panes.queues.table import QueueTable


class QueueListPane(Pane):
    """The list. Half of the class is short overrides of `Pane`."""

    title: ClassVar[str] = "queues"
    placement: ClassVar[Placement] = Placement(Slot.MAIN, has_summary=True)
    search_hint: ClassVar[str] = "any text: the name of a queue, its health"
    BINDINGS: ClassVar[list[BindingType]] = [
        bind("s", "sort", "sort", "Sort by the next order: worst, queued, oldest, usage, starts.", rank=50, need=46),
    ]

    def __init__(self, live: LiveModel, queues: LiveQueues) -> None:
        super().__init__(live, id="queues")
        self.queues = queues
        self.table = QueueTable(live, queues.list, queues.throttled)
        self.table.empty_lines_for = self._empty_lines
        self.on_list_changed: Callable[[], None] = lambda: None
        """Called when the typed filter or the order has changed."""

    @property
    def body(self) -> QueueTable:
        return self.table

    @property
    def target(self) -> RunId | None:
        return None  # its keys act on a queue

    def has_use_for(self, action: str) -> bool:
        if action in {"enter", "sort"}:
            return len(self.queues.list) > 0
        return super().has_use_for(action)

    def word_for(self, action: str, usual: str) -> str:
        if action != "enter":
            return super().word_for(action, usual)
        if self.queues.list.cursor == MORE:
            return "show them" if self.queues.list.is_folded else "fold them"
        return "runs"

    def left(self) -> Line:
        order, text = self.queues.list.query
        return queues_left(order.words, text)

    def right(self) -> Line:
        rows = self.queues.list
        shown = (rows.shown_count, rows.known_count) if rows.query.text else None
        return queues_right(self.queues.read, self.live.now, self.size.width, shown)

    def search(self, text: str) -> Line:
        """Filter the list, and highlight the words."""
        rows = self.queues.list
        self.queues.show_query(rows.query._replace(text=text))
        self.table.highlight(text)
        self.on_list_changed()
        return (Piece(f"{rows.shown_count:,} of {rows.known_count:,} queues", Token.MUTED),)

    @property
    def searched(self) -> str:
        return self.queues.list.query.text

    def hit_step(self, step: int) -> None:
        if self.searched:
            self.table.action_move(step)  # every queue of a filtered list is a match

    def error_step(self, step: int) -> bool:  # noqa: ARG002  queues have no errors
        return False

    def show(self) -> None:
        """Show changes of the queues."""
        if self.is_shown:
            self.table.show_changes()
            self.show_rule()

    def on_show(self) -> None:
        self.show()

    def on_changes(self, changes: Changes) -> None:
        if changes.topics:
            self.show_rule()

    def tick(self) -> None:
        self.show()

    def action_sort(self) -> None:
        self.sort_by(QUEUE_ORDERS[(QUEUE_ORDERS.index(self.queues.list.query.order) + 1) % len(QUEUE_ORDERS)])

    def sort_by(self, order: QueueOrder) -> None:
        """Sort the list."""
        self.queues.show_query(self.queues.list.query._replace(order=order))
        self.on_list_changed()

    def _empty_lines(self, width: int) -> tuple[Line, ...]:
        is_filtered = bool(self.searched) and self.queues.list.known_count > 0
        return tuple(empty_queues_lines(self.queues.read, width, is_filtered=is_filtered))
