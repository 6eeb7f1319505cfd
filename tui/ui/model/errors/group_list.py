"""The list of error groups without its drawing: order, cursor, and the visible window of rows.

The cursor is a group. While it is at the top and nobody has moved it, the list *follows*: the order stays true, and the
cursor stays on the first row. Once it was moved, the list is *held*: rows keep their places, new groups go above the
first row, out of sight, and a group that vanishes keeps its row until the cursor moves.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from tui.domain.errors.kinds import Fingerprint
from tui.store.error_groups import ErrorGroup
from tui.store.errors.states import ErrorState
from tui.ui.model.errors.spans import NEW_FIRST, GroupOrder, matches_text

SORT_EVERY_S: Final = 10.0
"""How often the list is sorted again while only counts have changed: a storm changes its own row, and no other."""


class GroupListModel:
    """The rows of the list. After each change, the widget compares the visible rows with what it has painted."""

    def __init__(self) -> None:
        self._groups: Mapping[Fingerprint, ErrorGroup] = {}
        self._departed: dict[Fingerprint, ErrorGroup] = {}
        self._order: list[Fingerprint] = []
        self._new: set[Fingerprint] = set()
        self._top = 0
        self._height = 0
        self._cursor: Fingerprint | None = None
        self._is_held = False
        self._sorted_s = float("-inf")
        self.sort_order: GroupOrder = NEW_FIRST
        self.text = ""

    def __len__(self) -> int:
        return len(self._order)

    @property
    def known_count(self) -> int:
        """The number of groups, filtered or not."""
        return len(self._groups)

    @property
    def shown_count(self) -> int:
        """The number of groups that pass the filter and have failures in the span."""
        return len(self._order) - len(self._departed)

    @property
    def new_count(self) -> int:
        """The number of groups that appeared above the window since the cursor was moved."""
        return len(self._new)

    @property
    def is_held(self) -> bool:
        """Whether the rows keep their places, because the user has moved the cursor."""
        return self._is_held

    @property
    def cursor(self) -> Fingerprint | None:
        """The group under the cursor; None without groups."""
        return self._cursor

    @property
    def top(self) -> int:
        """The first row of the window."""
        return self._top

    @property
    def current(self) -> ErrorGroup | None:
        """The group under the cursor, as it was last known."""
        return None if self._cursor is None else self.get(self._cursor)

    @property
    def window(self) -> Sequence[Fingerprint]:
        """The visible rows."""
        return self._order[self._top : self._top + self._height]

    def get(self, fingerprint: Fingerprint) -> ErrorGroup | None:
        """Return a group of the list, or what a departed one was."""
        return self._groups.get(fingerprint) or self._departed.get(fingerprint)

    def is_departed(self, fingerprint: Fingerprint) -> bool:
        """Return whether a row has no failures in the span any more."""
        return fingerprint in self._departed

    def resize(self, height: int) -> None:
        """Set the height of the window. The cursor's row stays visible."""
        self._height = height
        self._show_cursor()

    def show(self, groups: Sequence[ErrorGroup], now_s: float) -> None:
        """Show these groups. `now_s` is a monotonic time."""
        before = self._groups
        self._groups = {group.fingerprint: group for group in groups}
        if self._is_held:
            self._show_held(before)
        elif self._is_sort_due(before, now_s):
            self._sort(now_s)

    def sort_by(self, order: GroupOrder, now_s: float) -> None:
        """Use another order. The cursor stays on its group."""
        self.sort_order = order
        self._sort(now_s)

    def filter(self, text: str, now_s: float) -> None:
        """Show only groups that contain the words of a text."""
        self.text = text
        self._sort(now_s)

    def move(self, rows: int) -> None:
        """Move the cursor, and hold the rows from now on."""
        index = self._index()
        if index is not None:
            self._go(index + rows)

    def to_top(self) -> None:
        """Move the cursor to the first row, and follow again."""
        self._is_held, self._cursor = False, None
        self._sort(self._sorted_s)

    def to_bottom(self) -> None:
        """Move the cursor to the last row."""
        self._go(len(self._order) - 1)

    def go_to(self, fingerprint: Fingerprint, *, row: int | None = None) -> bool:
        """Move the cursor to a group, if possible on a certain row of the window. Return whether it is in the list."""
        if fingerprint not in self._order:
            return False
        index = self._order.index(fingerprint)
        if row is not None:
            self._top = max(0, index - row)
        self._go(index)
        return True

    def to_row(self, y: int) -> None:
        """Move the cursor to a row of the window."""
        if 0 <= y < len(self.window):
            self._go(self._top + y)

    def to_new(self, step: int) -> bool:
        """Move the cursor to the next (1) or previous (-1) NEW group, around the end. Return whether there is one."""
        index = self._index()
        if index is None:
            return False
        count = len(self._order)
        for distance in range(1, count):
            at = (index + step * distance) % count
            group = self.get(self._order[at])
            if group is not None and group.state is ErrorState.NEW:
                self._go(at)
                return True
        return False

    def _index(self) -> int | None:
        return self._order.index(self._cursor) if self._cursor in self._order else None

    def _go(self, index: int) -> None:
        if not self._order:
            return
        self._is_held = True
        target = self._order[max(0, min(index, len(self._order) - 1))]
        self._drop_departed(target)
        self._cursor = target
        self._show_cursor()

    def _drop_departed(self, target: Fingerprint) -> None:
        """Remove the departed rows, apart from the target. The rows above the target move down to close the gaps."""
        gone = [each for each in self._departed if each != target]
        above = sum(self._order.index(each) < self._order.index(target) for each in gone)
        self._order = [each for each in self._order if each not in gone]
        for each in gone:
            del self._departed[each]
        self._top = max(0, self._top - above)

    def _show_held(self, before: Mapping[Fingerprint, ErrorGroup]) -> None:
        for fingerprint in self._order:
            if self._is_shown(fingerprint):
                self._departed.pop(fingerprint, None)
            elif fingerprint not in self._departed and fingerprint in before:
                self._departed[fingerprint] = before[fingerprint]
        placed = set(self._order)
        added = [group for group in self._groups.values() if group.fingerprint not in placed and self._matches(group)]
        if not added:
            return
        added.sort(key=self.sort_order.rank)
        names = [group.fingerprint for group in added]
        self._order = [*names, *self._order]
        self._new.update(names)
        self._top += len(names)
        if self._cursor is None:
            self._cursor = self._order[0]
        self._show_cursor()

    def _is_sort_due(self, before: Mapping[Fingerprint, ErrorGroup], now_s: float) -> bool:
        if before.keys() != self._groups.keys() or now_s - self._sorted_s >= SORT_EVERY_S:
            return True
        return any(before[each].state is not group.state for each, group in self._groups.items())

    def _sort(self, now_s: float) -> None:
        self._sorted_s = now_s
        row = self._row()
        shown = sorted((group for group in self._groups.values() if self._matches(group)), key=self.sort_order.rank)
        self._order = [group.fingerprint for group in shown]
        self._departed.clear()
        if not self._is_held or self._cursor not in self._order:
            self._cursor, self._top, self._is_held = next(iter(self._order), None), 0, False
        elif row is not None:
            self._top = max(0, min(self._order.index(self._cursor) - row, len(self._order) - self._height))
        self._new.clear()
        self._show_cursor()

    def _row(self) -> int | None:
        index = self._index()
        return None if index is None else index - self._top

    def _is_shown(self, fingerprint: Fingerprint) -> bool:
        group = self._groups.get(fingerprint)
        return group is not None and self._matches(group)

    def _matches(self, group: ErrorGroup) -> bool:
        return matches_text(group, self.text)

    def _show_cursor(self) -> None:
        """Scroll so that the cursor is in the window. Rows in the window are not new any more."""
        index, height = self._index(), max(1, self._height)
        if index is None:
            self._top = 0
        else:
            self._top = min(max(self._top, index - height + 1), index)
        self._new.difference_update(self.window)
