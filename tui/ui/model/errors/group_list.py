"""The list of error groups without its drawing: order, cursor, and the visible window of rows.

The cursor is a group. While it is at the top and was not moved, the list *follows*: the order stays true, and the
cursor stays on the first row. Once it was moved, the list is *held*: rows keep their places, new groups go above the
first row, out of sight, and a group that vanishes keeps its row until the cursor moves.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from tui.domain.errors.kinds import Fingerprint
from tui.store.errors.error_group import ErrorGroup
from tui.store.errors.states import ErrorState
from tui.ui.model.errors.ranking import GroupQuery, GroupRanking
from tui.ui.model.errors.spans import GroupOrder

MAX_PUT_AT_ONCE: Final = 128
"""So many groups find their new places within 2 ms. If more have changed, all are sorted again, in steps."""

_FREED_PER_STEP: Final = 256

SORT_EVERY_S: Final = 10.0
"""How often the list is sorted again while only counts have changed: a storm changes its own row, and no other."""


class GroupListModel:
    """The rows of the list. After each change, the widget compares the visible rows with what it has painted."""

    def __init__(self, query: GroupQuery | None = None) -> None:
        self._groups: dict[Fingerprint, ErrorGroup] = {}
        self._replaced: dict[Fingerprint, ErrorGroup] = {}
        self._ranking = GroupRanking(query or GroupQuery())
        self._departed: dict[Fingerprint, ErrorGroup] = {}
        self._order: list[Fingerprint] = []
        self._placed: set[Fingerprint] = set()
        self._new: set[Fingerprint] = set()
        self._top = 0
        self._height = 0
        self._cursor: Fingerprint | None = None
        self._is_held = False
        self._sorted_s = float("-inf")

    def __len__(self) -> int:
        return len(self._order)

    def emptied(self, query: GroupQuery) -> "GroupListModel":
        """Return a list of the same height without groups."""
        model = GroupListModel(query)
        model.resize(self._height)
        return model

    @property
    def query(self) -> GroupQuery:
        """The order of the rows, and the typed filter that they pass."""
        return self._ranking.query

    @property
    def sort_order(self) -> GroupOrder:
        """The order of the rows."""
        return self._ranking.query.order

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
    def cursor(self) -> Fingerprint | None:
        """The group under the cursor; None without groups."""
        return self._cursor

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

    def show(
        self, changed: Mapping[Fingerprint, ErrorGroup | None], query: GroupQuery, now_s: float, *, is_new: bool = False
    ) -> Iterator[None]:
        """Take over groups that changed (None: it is gone), and show those that match a query, in steps.

        The rows change in the last step. The steps may be abandoned before. Rows that are `is_new`, such as those of
        another span, do not keep the places of earlier ones. `now_s` is a monotonic time.
        """
        ranking, groups = self._ranking, self._groups
        is_sorted_again = is_new or query != ranking.query
        if is_sorted_again or len(changed) > MAX_PUT_AT_ONCE:
            ranking = GroupRanking(query)
            kept = (group for each, group in self._groups.items() if each not in changed)
            found = [*kept, *(group for group in changed.values() if group is not None)]
            groups = {group.fingerprint: group for group in found}
            yield
            yield from ranking.fill(found)
        else:
            for fingerprint, group in changed.items():
                ranking.put(fingerprint, group)
        self._ranking = ranking
        if is_sorted_again or (not self._is_held and self._is_sort_due(changed, now_s)):
            self._take_over(groups, changed)
            self._sort(now_s)
        else:
            before = {each: group for each in changed if (group := self._groups.get(each)) is not None}
            self._take_over(groups, changed)
            if self._is_held:
                self._show_held(before, changed)

    def free(self) -> Iterator[None]:
        """Free the groups that many others have replaced, in steps: 10,000 of them take some 5 ms."""
        while self._replaced:
            for _ in range(min(_FREED_PER_STEP, len(self._replaced))):
                self._replaced.popitem()
            yield

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
        return self._order.index(self._cursor) if self._cursor in self._placed else None

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
        if gone:
            self._order = [each for each in self._order if each not in self._departed or each == target]
        self._placed.difference_update(gone)
        for each in gone:
            del self._departed[each]
        self._top = max(0, self._top - above)

    def _take_over(
        self, groups: dict[Fingerprint, ErrorGroup], changed: Mapping[Fingerprint, ErrorGroup | None]
    ) -> None:
        if groups is not self._groups:
            self._replaced, self._groups = self._groups, groups
            return
        for fingerprint, group in changed.items():
            if group is None:
                self._groups.pop(fingerprint, None)
            else:
                self._groups[fingerprint] = group

    def _show_held(
        self, before: Mapping[Fingerprint, ErrorGroup], changed: Mapping[Fingerprint, ErrorGroup | None]
    ) -> None:
        placed, ranking = self._placed, self._ranking
        for fingerprint in changed:
            if fingerprint not in placed:
                continue
            if fingerprint in ranking:
                self._departed.pop(fingerprint, None)
            elif fingerprint not in self._departed and fingerprint in before:
                self._departed[fingerprint] = before[fingerprint]
        added = [each for each in changed if each not in placed and each in ranking]
        if not added:
            return
        added.sort(key=ranking.rank_of)
        self._order = [*added, *self._order]
        self._placed.update(added)
        self._new.update(added)
        self._top += len(added)
        if self._cursor is None:
            self._cursor = self._order[0]
        self._show_cursor()

    def _is_sort_due(self, changed: Mapping[Fingerprint, ErrorGroup | None], now_s: float) -> bool:
        if now_s - self._sorted_s >= SORT_EVERY_S:
            return True
        before = self._groups
        return any(
            group is None or each not in before or before[each].state is not group.state
            for each, group in changed.items()
        )

    def _sort(self, now_s: float) -> None:
        self._sorted_s = now_s
        row = self._row()
        self._order = list(self._ranking)
        self._placed = set(self._order)
        self._departed.clear()
        if not self._is_held or self._cursor not in self._placed:
            self._cursor, self._top, self._is_held = next(iter(self._order), None), 0, False
        elif row is not None:
            self._top = max(0, min(self._order.index(self._cursor) - row, len(self._order) - self._height))
        self._new.clear()
        self._show_cursor()

    def _row(self) -> int | None:
        index = self._index()
        return None if index is None else index - self._top

    def _show_cursor(self) -> None:
        """Scroll so that the cursor is in the window. Rows in the window are not new any more."""
        index, height = self._index(), max(1, self._height)
        if index is None:
            self._top = 0
        else:
            self._top = min(max(self._top, index - height + 1), index)
        self._new.difference_update(self.window)
