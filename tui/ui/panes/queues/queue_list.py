"""The pane `queues`: the list of queues, with its filter and order."""

from collections.abc import Callable
from typing import ClassVar

from textual.binding import BindingType

from tui.present.frame.rule import rule_parts
from tui.present.queues.rule import empty_queues_lines, queues_left, queues_right
from tui.present.styled import Line, Piece, Token
from tui.ui.data.live_model import LiveModel
from tui.ui.data.queues.live_queues import LiveQueues
from tui.ui.input.keys import bind
from tui.ui.model.layout import Placement, Slot
from tui.ui.model.queues.orders import QUEUE_ORDERS, QueueOrder
from tui.ui.model.queues.queue_list import MORE
from tui.ui.panes.list_panes import ListPane
from tui.ui.panes.queues.table import QueueTable


class QueueListPane(ListPane):
    """The list of queues."""

    title: ClassVar[str] = "queues"
    placement: ClassVar[Placement] = Placement(Slot.MAIN, has_summary=True)
    search_hint: ClassVar[str] = "any text: the name of a queue, its health"
    BINDINGS: ClassVar[list[BindingType]] = [
        bind("s", "sort", "sort", "Sort by the next order: worst, queued, oldest, usage, starts.", rank=50, need=46),
    ]

    def __init__(self, live: LiveModel, queues: LiveQueues) -> None:
        super().__init__(live, queues, QueueTable(live, queues.list, queues.throttled), id="queues")
        self._queues = queues
        self.table.empty_lines_for = self._empty_lines
        self.on_list_changed: Callable[[], None] = lambda: None
        """Called when the typed filter or the order has changed."""

    def word_for(self, action: str, usual: str) -> str:
        if action == "enter" and self._queues.list.cursor == MORE:
            return "show them" if self._queues.list.is_folded else "fold them"
        return super().word_for(action, usual)

    def left(self) -> Line:
        order, text = self._queues.list.query
        return queues_left(order.words, text)

    def spare(self) -> tuple[Line, ...]:
        return (rule_parts(self.left())[-1],)  # the order

    def right(self) -> Line:
        rows = self._queues.list
        shown = (rows.shown_count, rows.known_count) if rows.query.text else None
        return queues_right(self._queues.read, self.live.now, self.size.width, shown)

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
        self.sort_by(QUEUE_ORDERS[(QUEUE_ORDERS.index(self._queues.list.query.order) + 1) % len(QUEUE_ORDERS)])

    def sort_by(self, order: QueueOrder) -> None:
        """Sort the list."""
        self._queues.show_query(self._queues.list.query._replace(order=order))
        self.on_list_changed()

    def _empty_lines(self, width: int) -> tuple[Line, ...]:
        is_filtered = bool(self.searched) and self._queues.list.known_count > 0
        return tuple(empty_queues_lines(self._queues.read, width, is_filtered=is_filtered))
