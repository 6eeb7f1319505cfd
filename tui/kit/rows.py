"""The rows of a list without its drawing: order, filter, cursor, marks, and the window of visible rows."""

from collections.abc import Callable, Collection, Container, Hashable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any, Final, Generic, NamedTuple, TypeVar

from tui.lazy_dataclass import dataclass
from tui.text import formatting

# The marked rows of a list, on which the user acts together, and which of them the filter hides.


K = TypeVar("K", bound=str)
R = TypeVar("R")


class Marks(Collection[K], Generic[K]):
    """The marked rows by their keys, in the order in which they were marked."""

    def __init__(self) -> None:
        self._marked: dict[K, None] = {}
        self._hidden: set[K] = set()
        self._has_just_toggled_all = False

    def __len__(self) -> int:
        return len(self._marked)

    def __iter__(self) -> Iterator[K]:
        return iter(self._marked)

    def __contains__(self, key: object) -> bool:
        return key in self._marked

    @property
    def hidden_count(self) -> int:
        """The number of marked rows that the filter hides."""
        return len(self._hidden)

    @property
    def words(self) -> str:
        """How many rows are marked: `12 marked, 3 hidden`; empty without marks."""
        hidden = f", {formatting.count(self.hidden_count)} hidden" if self._hidden else ""
        return f"{formatting.count(len(self))} marked{hidden}" if self._marked else ""

    def shown(self) -> Iterator[K]:
        """Iterate over the marked rows that the filter does not hide."""
        return (key for key in self._marked if key not in self._hidden)

    @property
    def last(self) -> K | None:
        """The row that was marked last."""
        return next(reversed(self._marked), None)

    def toggle(self, key: K) -> None:
        """Mark a row, or remove its mark."""
        self.end_series()
        if key in self._marked:
            self.forget([key])
        else:
            self._marked[key] = None

    def add(self, keys: Iterable[K]) -> None:
        """Mark rows of the list. Rows that are marked already keep their position."""
        self.end_series()
        self._marked |= dict.fromkeys(keys)

    def toggle_all(self, keys: Iterable[K]) -> None:
        """Mark all rows of the list. If all are marked already, clear all marks, hidden ones too.

        The second call in a row always clears, even if a new row arrived in between that is not marked.
        """
        is_second, unmarked = self._has_just_toggled_all, [key for key in keys if key not in self._marked]
        if is_second or not unmarked:
            self.clear()
        else:
            self.add(unmarked)
        self._has_just_toggled_all = not is_second

    def end_series(self) -> None:
        """End a series of `toggle_all` calls, because the user did something else in the list."""
        self._has_just_toggled_all = False

    def clear(self) -> None:
        """Clear all marks, hidden ones too."""
        self.end_series()
        self._marked.clear()
        self._hidden.clear()

    def clear_shown(self) -> None:
        """Clear the marks of the rows that the filter does not hide."""
        self.end_series()
        self._marked = {key: None for key in self._marked if key in self._hidden}

    def show_within(self, keys: Container[K]) -> None:
        """Note which rows the list has: marked ones that are not among them are hidden."""
        self._hidden = {key for key in self._marked if key not in keys}

    def change(self, *, left: Iterable[K], entered: Collection[K], removed: Iterable[K]) -> None:
        """Note which rows left or entered the list. Rows that do not exist any more lose their marks."""
        self._hidden.update(key for key in left if key in self._marked)
        self._hidden.difference_update(entered)
        self.forget(removed)

    def forget(self, keys: Iterable[K]) -> None:
        """Remove the marks of some rows."""
        for key in keys:
            self._marked.pop(key, None)
            self._hidden.discard(key)


# The lines of any list.


class RowLines(Generic[K]):
    """What all lists share: the window of visible lines, the cursor, the marks, the rows that are new.

    An index counts the rows of a list. A line may also be something else, such as a gap in the list of runs.
    """

    def __init__(self, height: int) -> None:
        self.height = height
        self.top = 0
        """The first line of the window."""
        self.window: Sequence[Hashable] = []
        """The visible lines: rows by their keys, and others."""
        self.cursor: K | None = None
        """The row under the cursor; None without one."""
        self.marks = Marks[K]()
        self._new: set[K] = set()

    def __len__(self) -> int:
        raise NotImplementedError

    @property
    def cursor_item(self) -> Hashable | None:
        """The line under the cursor."""
        return self.cursor

    @property
    def has_rows(self) -> bool:
        """Whether there is a row."""
        return len(self) > 0

    @property
    def new_count(self) -> int:
        """The number of rows that appeared since the cursor was moved, and were not visible yet."""
        return len(self._new)

    def get(self, key: Any) -> Any:
        """Return a row of the list, or the last state of a departed one; None for other lines."""
        raise NotImplementedError

    def is_departed(self, key: Hashable) -> bool:
        """Return whether a row is not in the list any more, and stays only until the cursor moves."""
        raise NotImplementedError

    def index_of(self, key: K | None) -> int | None:
        """Return the index of a row; None if the list does not have it, or not any more."""
        raise NotImplementedError

    def keys(self, start: int, stop: int) -> Sequence[K]:
        """Return the keys of the rows from index `start` up to `stop`, exclusive."""
        raise NotImplementedError

    def move(self, lines: int) -> None:
        """Move the cursor."""
        raise NotImplementedError

    def to_top(self) -> None:
        """Move the cursor to the first row, and follow again."""
        raise NotImplementedError

    def to_bottom(self) -> None:
        """Move the cursor to the last line."""
        raise NotImplementedError

    def to_line(self, y: int) -> None:
        """Move the cursor to a line of the window, if it can stand there."""
        raise NotImplementedError

    def resize(self, height: int) -> None:
        """Set the height of the window. The line of the cursor stays visible."""
        if height != self.height:
            self.height = height
            self._show_cursor()

    def toggle_mark(self) -> None:
        """Mark the row under the cursor, or remove its mark."""
        if self.cursor is not None and self.index_of(self.cursor) is not None:
            self.marks.toggle(self.cursor)

    def mark_range(self) -> None:
        """Mark all rows from the one that was marked last to the cursor."""
        if (here := self.index_of(self.cursor)) is not None:
            last = self.index_of(self.marks.last)
            first, stop = sorted((here, here if last is None else last))
            self.marks.add(self.keys(first, stop + 1))

    def mark_all(self) -> None:
        """Mark all rows that are shown. Clear all marks if all are marked, and on a second call in a row."""
        self.marks.toggle_all(self.keys(0, len(self)))

    def _cursor_line(self) -> int | None:
        """Return the line of the cursor, None while there is none."""
        raise NotImplementedError

    def _lines(self, start: int, stop: int) -> Sequence[Hashable]:
        """Return the lines from `start` up to `stop`, exclusive."""
        raise NotImplementedError

    def _show_cursor(self, *, keeps_top: bool = False) -> None:
        """Scroll so that the cursor is in the window, and no line below the last row is blank. `keeps_top` allows blank
        lines.
        """
        height, line = max(1, self.height), self._cursor_line()
        last_top = self.top if keeps_top else len(self) - height
        self.top = 0 if line is None else max(0, min(self.top, last_top))
        if line is not None:
            self.top = min(max(self.top, line - height + 1), line)
        self.window = self._lines(self.top, self.top + self.height)
        self._new.difference_update(self.window)  # rows in the window are not new any more


# The order of a list, and its typed filter.


@dataclass(frozen=True, slots=True)
class ListOrder(Generic[R]):
    """An order of a list. `id` is its name in addresses, `words` stand in the rule, `sentence` in the command line.

    `rank` returns the sort key of a row. Rows of the same rank are sorted by their keys.
    """

    id: str
    words: str
    sentence: str
    rank: Callable[[R], tuple[object, ...]]


def earliest_first(at: datetime | None) -> float:
    """Return a rank by which the earliest time is the first, and an unknown one the last."""
    return float("inf") if at is None else at.timestamp()


def latest_first(at: datetime | None) -> float:
    """Return a rank by which the latest time is the first, and an unknown one the last."""
    return float("inf") if at is None else -at.timestamp()


class RowQuery(NamedTuple, Generic[R]):
    """Which rows a list shows, and in which order."""

    order: ListOrder[R]
    text: str = ""


Ranks = dict[str, tuple[object, ...]]


# `ListModel`: the rows of a list in their order, the cursor, and the window of visible rows.
#
# The cursor is a row, not a line. Until the user moves it, the list *follows*: it is always sorted, and the cursor is
# on whatever row is first. After that the list is *held*: rows keep their places, new ones go above the first row, out
# of sight, and one that vanishes keeps its row until the cursor moves.


MORE: Final = ""
"""The key of the last line, which stands for folded rows. Every row has a key."""

_RANKED_PER_STEP: Final = 16
"""Rows that are filtered and ranked at once. All 10,000 ranks are sorted in 6 ms."""

_MIN_FOLDED: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class RowRules(Generic[R]):
    """The knowledge of a list about its rows.

    * `key`: returns the identity of a row
    * `folds`: returns whether a row is folded into the last line, with others of its kind
    * `sort_every_s`: changes for which `moves` is False sort the list again at most this often
    * `moves`: returns whether the change of a row sorts the list at once
    """

    key: Callable[[R], str]
    folds: Callable[[R], bool] | None = None
    sort_every_s: float = 0.0
    moves: Callable[[R, R], bool] = lambda *_: True

    def filter(self, text: str) -> Callable[[R], bool]:
        """Return the test of a typed text."""
        raise NotImplementedError


class ListModel(RowLines[str], Generic[R]):
    """The rows of a list by their keys. After each change, the table compares visible rows with the painted ones."""

    window: Sequence[str]

    def __init__(self, rules: RowRules[R], query: RowQuery[R], height: int = 0) -> None:
        super().__init__(height)
        self.rules = rules
        self.query = query
        """The order of the rows, and the typed filter that they pass."""
        self._rows: dict[str, R] = {}
        self._ranks: Ranks = {}
        self._matches = rules.filter(query.text)
        self._order: list[str] = []
        self._placed: set[str] = set()
        self._departed: dict[str, R] = {}
        self._sorted_s = float("-inf")
        self._is_held = False
        self.is_in_order = True
        """Whether the rows stand in their order. Rows that change while the user is at one keep their places."""
        self.is_folded = True
        self.folded_rows: Sequence[R] = ()
        """The rows that the last line stands for, or that are unfolded above it."""

    def __len__(self) -> int:
        return len(self._order)

    @property
    def known_count(self) -> int:
        """The number of rows, filtered or not."""
        return len(self._rows)

    @property
    def shown_count(self) -> int:
        """The number of rows that pass the filter, folded ones too."""
        return len(self._ranks)

    @property
    def current(self) -> R | None:
        """The row under the cursor, as it was last known; None without one, and on the last line."""
        return None if self.cursor is None else self.get(self.cursor)

    @property
    def marked(self) -> Sequence[R]:
        """The marked rows that the filter does not hide, in the order of the list."""
        keys = set(self.marks.shown())
        return [self._rows[key] for key in self._order if key in keys]

    def get(self, key: str) -> R | None:
        return self._rows.get(key) or self._departed.get(key)

    def is_departed(self, key: Hashable) -> bool:
        return key in self._departed

    def index_of(self, key: str | None) -> int | None:
        return self._order.index(key) if key in self._ranks and key in self._placed else None

    def keys(self, start: int, stop: int) -> Sequence[str]:
        return [key for key in self._order[start:stop] if key in self._ranks]

    def show_all(self, rows: Iterable[R]) -> None:
        """Show these rows and no others, at once: for lists of at most some thousand."""
        found = {self.rules.key(row): row for row in rows}
        changed: dict[str, R | None] = {key: row for key, row in found.items() if self._rows.get(key) != row}
        changed |= dict.fromkeys(self._rows.keys() - found.keys())
        for _ in self.show(changed, self.query, 0.0):
            pass

    def show_query(self, query: RowQuery[R]) -> None:
        """Show the rows that pass another filter, or in another order, at once. The cursor stays on its row."""
        for _ in self.show({}, query, self._sorted_s):
            pass

    def show(
        self,
        changed: Mapping[Any, R | None],
        query: RowQuery[R],
        now_s: float,
        *,
        is_new: bool = False,
        goes_to_top: bool = False,
    ) -> Iterator[None]:
        """Take over rows that changed (None: it is gone), and show those that match a query, in steps.

        The list changes in the last step. The steps may be abandoned before. Rows that are `is_new`, such as those of
        another span, do not keep the places of earlier ones. With `goes_to_top`, a cursor that the user has not moved
        is on the first row. `now_s` is a monotonic time.
        """
        is_sorted_again = is_new or query != self.query
        rows = {key: row for key, row in {**self._rows, **changed}.items() if row is not None}
        matches = self.rules.filter(query.text) if is_sorted_again else self._matches
        ranks: Ranks = {} if is_sorted_again else self._ranks.copy()
        for number, (key, row) in enumerate((rows if is_sorted_again else changed).items(), 1):
            if row is not None and matches(row):
                ranks[key] = self._rank(key, row, query)
            else:
                ranks.pop(key, None)
            if not number % _RANKED_PER_STEP:
                yield
        before = {each: was for each in changed if (was := self._rows.get(each)) is not None}
        self._rows, self._ranks, self._matches, self.query = rows, ranks, matches, query
        self.marks.forget([key for key in self.marks if key not in rows])
        if goes_to_top and not self._is_held:
            self.cursor = None
            self._sort(now_s)
        elif is_sorted_again or (not self._is_held and self._is_sort_due(before, changed, now_s)):
            self._sort(now_s)
        elif self._is_held:
            self._show_held(before, changed)

    def toggle_fold(self) -> None:
        """Show the folded rows, or fold them again."""
        self.is_folded = not self.is_folded
        self._sort(self._sorted_s)

    def move(self, lines: int) -> None:
        if self.cursor is not None:
            self._go(self._order.index(self.cursor) + lines)

    def to_top(self) -> None:
        self._is_held, self.cursor, self.top = False, None, 0
        self._sort(self._sorted_s)

    def to_bottom(self) -> None:
        self._go(len(self._order) - 1)

    def to_line(self, y: int) -> None:
        if 0 <= y < len(self.window):
            self._go(self.top + y)

    def to_next(self, step: int, is_wanted: Callable[[R], bool]) -> bool:
        """Move the cursor to the next (1) or previous (-1) row of a kind, around the end; return if there is one."""
        count = len(self._order)
        index = None if self.cursor is None else self._order.index(self.cursor)
        for distance in range(1, 0 if index is None else count):
            at = ((index or 0) + step * distance) % count
            row = self.get(self._order[at])
            if row is not None and is_wanted(row):
                self._go(at)
                return True
        return False

    def _rank(self, key: str, row: R, query: RowQuery[R]) -> tuple[object, ...]:
        is_last = self.rules.folds is not None and not query.text and self.rules.folds(row)
        return (is_last, *query.order.rank(row), key)

    def _is_sort_due(self, before: Mapping[str, R], changed: Mapping[str, R | None], now_s: float) -> bool:
        if now_s - self._sorted_s >= self.rules.sort_every_s:
            return True
        moves = self.rules.moves
        return any(row is None or each not in before or moves(before[each], row) for each, row in changed.items())

    def _find_folded(self) -> set[str]:
        """Find the rows that the last line stands for, and return those that it hides."""
        self.folded_rows, folds = (), self.rules.folds
        if folds is None or self.query.text:
            return set()
        found = {key: row for key in self._ranks if folds(row := self._rows[key])}
        if not _MIN_FOLDED <= len(found) < len(self._ranks):
            return set()
        self.folded_rows = list(found.values())
        # A row that the user has moved to is not folded away below the cursor.
        return found.keys() - ({self.cursor} if self._is_held else set()) if self.is_folded else set()

    def _sort(self, now_s: float) -> None:
        self._sorted_s = now_s
        index = self._order.index(self.cursor) if self.cursor in self._placed else None
        line = None if index is None else index - self.top
        folded = self._find_folded()
        self._set_order([key for key in sorted(self._ranks, key=self._ranks.__getitem__) if key not in folded])
        self._departed.clear()
        self.is_in_order = True
        if self.cursor not in self._placed:
            self.cursor, self.top, self._is_held = next(iter(self._order), None), 0, False
        elif not self._is_held:
            # While the list follows, the cursor stays on its row, but the first rows stay visible.
            index, self.top = self._order.index(self.cursor), 0
            self.cursor = self.cursor if index < self.height else self._order[0]
        elif line is not None:
            self.top = max(0, min(self._order.index(self.cursor) - line, len(self._order) - self.height))
        self._new.clear()
        self._show_cursor()

    def _set_order(self, keys: list[str]) -> None:
        self._order = [*keys, MORE] if self.folded_rows else keys
        self._placed = set(self._order)
        self.marks.show_within(self._placed)

    def _show_held(self, before: Mapping[str, R], changed: Mapping[str, R | None]) -> None:
        """Keep all rows in their places, and put new ones above the first."""
        for key in changed:
            if key in self._ranks:
                self._departed.pop(key, None)
            elif key in self._placed and key not in self._departed and key in before:
                self._departed[key] = before[key]
        had_more, folded = bool(self.folded_rows), self._find_folded()
        ranks = [self._ranks[key] for key in self._order if key in self._ranks]
        self.is_in_order = all(first <= second for first, second in pairwise(ranks))
        added = [each for each in changed if each not in self._placed and each in self._ranks and each not in folded]
        if not added and had_more is bool(self.folded_rows):
            return
        added.sort(key=self._ranks.__getitem__)
        self._set_order([*added, *(key for key in self._order if key != MORE)])
        self._new.update(added)
        self.top += len(added)
        if self.cursor not in self._placed:
            self.cursor = next(iter(self._order), None)
        self._show_cursor(keeps_top=True)

    def _go(self, index: int) -> None:
        if not self._order:
            return
        self._is_held = True
        self.marks.end_series()
        target = self._order[max(0, min(index, len(self._order) - 1))]
        # The departed rows go now, apart from the target. The rows above it move down to close the gaps.
        gone = [each for each in self._departed if each != target]
        above = sum(self._order.index(each) < self._order.index(target) for each in gone)
        if gone:
            self._order = [each for each in self._order if each not in self._departed or each == target]
        self._placed.difference_update(gone)
        for each in gone:
            del self._departed[each]
        self.top = max(0, self.top - above)
        self.cursor = target
        self._show_cursor()

    def _cursor_line(self) -> int | None:
        return self._order.index(self.cursor) if self.cursor in self._placed else None

    def _lines(self, start: int, stop: int) -> Sequence[Hashable]:
        return self._order[start:stop]
