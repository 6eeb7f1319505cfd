"""The pane `errors`: the list of error groups, with its filter, order and span."""

from typing import TYPE_CHECKING, ClassVar

from textual.binding import BindingType

from tui.domain.ids import RunId
from tui.present import formatting
from tui.present.errors.groups.columns import group_columns_for
from tui.present.errors.groups.rule import empty_groups_lines, groups_left, groups_right
from tui.present.styled import Line, Piece, Token
from tui.store.changes import Changes
from tui.ui.data.errors.live_groups import LiveErrorGroups
from tui.ui.data.live_model import LiveModel
from tui.ui.input.keys import bind
from tui.ui.model.errors.spans import GROUP_ORDERS, GroupOrder
from tui.ui.model.layout import Placement, Slot
from tui.ui.panes.base import Pane
from tui.ui.widgets.group_table import GroupTable

if TYPE_CHECKING:
    from tui.present.own_columns.choice import ColumnChoice


class GroupListPane(Pane):
    """The list. Half of the class is short overrides of `Pane`."""

    title: ClassVar[str] = "errors"
    placement: ClassVar[Placement] = Placement(Slot.MAIN, has_summary=True)
    search_hint: ClassVar[str] = "any text: type, message, place, task, version"
    BINDINGS: ClassVar[list[BindingType]] = [
        bind("s", "sort", "sort", "Sort by the next order: new, most, latest, youngest, task.", rank=50, need=46),
        bind("c", "columns", "columns", "Choose the columns, their order and their widths.", rank=78, need=95),
    ]

    def __init__(self, live: LiveModel, groups: LiveErrorGroups) -> None:
        super().__init__(live, id="errors")
        self.groups = groups
        self.table = GroupTable(live, lambda: groups.list)
        self.table.empty_lines_for = self._empty_lines

    def on_mount(self) -> None:
        self.app_base.columns.listeners.append(self._show_columns)
        self._show_columns()

    def on_unmount(self) -> None:
        self.app_base.columns.listeners.remove(self._show_columns)

    def _show_columns(self) -> None:
        self.show_columns(self.app_base.columns.shown(self.title))

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

    @property
    def body(self) -> GroupTable:
        return self.table

    @property
    def target(self) -> RunId | None:
        return None  # its keys act on a group

    def has_use_for(self, action: str) -> bool:
        if action in {"enter", "sort"}:
            return len(self.groups.list) > 0
        return super().has_use_for(action)

    def word_for(self, action: str, usual: str) -> str:
        return "runs" if action == "enter" else super().word_for(action, usual)

    def left(self) -> Line:
        order, text = self.groups.query
        return groups_left(self.groups.scope_words, order.words, text)

    def right(self) -> Line:
        freshness = self.live.freshness
        if freshness.is_stale and freshness.confirmed_at is not None:
            ago = formatting.duration(self.live.now.at - freshness.confirmed_at, in_minutes=self.live.in_minutes)
            return (Piece(f"last confirmed {ago} ago", Token.AMBER),)
        if pending := self.groups.pending:
            return (Piece(pending, Token.MUTED),)
        rows = self.groups.list
        return groups_right(self.groups.read, rows.shown_count, rows.known_count, rows.new_count, self.size.width)

    def search(self, text: str) -> Line:
        """Filter the list, and highlight the words."""
        self.groups.filter(text)
        self.table.highlight(text)
        if pending := self.groups.pending:
            return (Piece(pending, Token.MUTED),)
        rows = self.groups.list
        return (Piece(f"{rows.shown_count:,} of {formatting.plural(rows.known_count, 'group')}", Token.MUTED),)

    @property
    def searched(self) -> str:
        return self.groups.query.text

    def hit_step(self, step: int) -> None:
        if self.searched:
            self.table.action_move(step)  # every group of a filtered list is a match

    def error_step(self, step: int) -> bool:
        return self.table.to_new(step)

    def show(self) -> None:
        """Show what changed in the groups."""
        if self.is_shown:
            self.table.span, self.table.span_words = self.groups.time_span, self.groups.span.words
            self.table.has_states = not self.groups.state_problem
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
        self.sort_by(GROUP_ORDERS[(GROUP_ORDERS.index(self.groups.query.order) + 1) % len(GROUP_ORDERS)])

    def sort_by(self, order: GroupOrder) -> None:
        """Sort the list."""
        self.groups.sort_by(order)

    def _empty_lines(self, width: int) -> tuple[Line, ...]:
        is_filtered = bool(self.searched) and self.groups.list.known_count > 0
        words = self.groups.span.words
        is_stale = self.live.freshness.is_stale
        return tuple(empty_groups_lines(self.groups.read, words, width, is_filtered=is_filtered, is_stale=is_stale))
