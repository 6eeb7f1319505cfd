"""The pane `errors`: the list of error groups, with its filter, order and span."""

from typing import TYPE_CHECKING, ClassVar

from textual.binding import BindingType

from tui.present import formatting
from tui.present.errors.groups.columns import group_columns_for
from tui.present.errors.groups.rule import empty_groups_lines, groups_left, groups_right
from tui.present.frame.rule import rule_parts
from tui.present.styled import Line, Piece, Token
from tui.ui.data.columns.chosen import ChosenColumns
from tui.ui.data.errors.live_groups import LiveErrorGroups
from tui.ui.data.live_model import LiveModel
from tui.ui.input.keys import bind
from tui.ui.model.errors.spans import GROUP_ORDERS, GroupOrder
from tui.ui.model.layout import Placement, Slot
from tui.ui.panes.list_panes import ListPane
from tui.ui.widgets.group_table import GroupTable

if TYPE_CHECKING:
    from tui.present.own_columns.choice import ColumnChoice


class GroupListPane(ListPane):
    """The list of error groups."""

    title: ClassVar[str] = "errors"
    placement: ClassVar[Placement] = Placement(Slot.MAIN, has_summary=True)
    search_hint: ClassVar[str] = "any text: type, message, place, task, version"
    table: GroupTable
    BINDINGS: ClassVar[list[BindingType]] = [
        bind("s", "sort", "sort", "Sort by the next order: new, most, latest, youngest, task.", rank=50, need=46),
        bind("c", "columns", "columns", "Choose the columns, their order and their widths.", rank=78, need=95),
    ]

    def __init__(self, live: LiveModel, groups: LiveErrorGroups) -> None:
        super().__init__(live, groups, GroupTable(live, lambda: groups.list), id="errors")
        self._groups = groups
        self.table.empty_lines_for = self._empty_lines

    def on_mount(self) -> None:
        self.app_base.part(ChosenColumns).listeners.append(self._show_columns)
        self._show_columns()

    def on_unmount(self) -> None:
        self.app_base.part(ChosenColumns).listeners.remove(self._show_columns)

    def _show_columns(self) -> None:
        self.show_columns(self.app_base.part(ChosenColumns).shown(self.title))

    def show_columns(self, choices: "tuple[ColumnChoice, ...] | None") -> None:
        """Show chosen columns; None: the program's own."""
        if choices is None:
            self.table.columns_for = group_columns_for
        else:
            from tui.present.own_columns.group_columns import own_group_columns_for  # noqa: PLC0415  not needed before

            self.table.columns_for = lambda width: own_group_columns_for(choices, width)[0]
        self.table.show_columns()

    def action_columns(self) -> None:
        from tui.ui.screens.columns.entrance import open_group_columns  # noqa: PLC0415  loaded when first used

        open_group_columns(self)

    def left(self) -> Line:
        order, text = self._groups.query
        return groups_left(self._groups.scope_words, order.words, text)

    def spare(self) -> tuple[Line, ...]:
        return (rule_parts(self.left())[-1],)  # the order

    def right(self) -> Line:
        freshness = self.live.freshness
        if freshness.is_stale and freshness.confirmed_at is not None:
            ago = formatting.duration(self.live.now.at - freshness.confirmed_at, in_minutes=self.live.in_minutes)
            return (Piece(f"last confirmed {ago} ago", Token.AMBER),)
        if pending := self._groups.pending:
            return (Piece(pending, Token.MUTED),)
        rows = self._groups.list
        return groups_right(self._groups.read, rows.shown_count, rows.known_count, rows.new_count, self.size.width)

    def search(self, text: str) -> Line:
        """Filter the list, and highlight the words."""
        self._groups.filter(text)
        self.table.highlight(text)
        if pending := self._groups.pending:
            return (Piece(pending, Token.MUTED),)
        rows = self._groups.list
        return (Piece(f"{rows.shown_count:,} of {formatting.plural(rows.known_count, 'group')}", Token.MUTED),)

    @property
    def searched(self) -> str:
        return self._groups.query.text

    def error_step(self, step: int) -> bool:
        return self.table.to_new(step)

    def follow_list(self) -> None:
        table, read, words = self.table, self._groups.read, self._groups.span.words
        # The errors of runs that fail now are read within moments: no row says for those that more may be of its group.
        is_followed = table.is_read and table.span_words == words and not (read.failure or read.unreadable_count)
        table.is_read = read.is_complete or is_followed
        table.span, table.span_words = self._groups.time_span, words
        table.has_states = not self._groups.state_problem
        super().follow_list()

    def action_sort(self) -> None:
        self.sort_by(GROUP_ORDERS[(GROUP_ORDERS.index(self._groups.query.order) + 1) % len(GROUP_ORDERS)])

    def sort_by(self, order: GroupOrder) -> None:
        """Sort the list."""
        self._groups.sort_by(order)

    def _empty_lines(self, width: int) -> tuple[Line, ...]:
        is_filtered = bool(self.searched) and self._groups.list.known_count > 0
        words = self._groups.span.words
        is_stale = self.live.freshness.is_stale
        return tuple(empty_groups_lines(self._groups.read, words, width, is_filtered=is_filtered, is_stale=is_stale))
