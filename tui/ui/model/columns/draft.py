"""The columns of a view as they are arranged in the dialog: each can be shown, moved and resized."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from tui.lazy_dataclass import dataclass
from tui.present.own_columns.choice import MAX_COLUMN_CELLS, MAX_COLUMNS, ColumnChoice, ColumnSet
from tui.present.own_columns.value_formats import KINDS

MIN_COLUMN_CELLS: Final = 3
LAST_SHOWN: Final = "at least one column is shown"


@dataclass(frozen=True, slots=True)
class DraftColumn:
    """A column, and whether it is shown."""

    choice: ColumnChoice
    is_shown: bool


@dataclass(frozen=True, slots=True)
class Bases:
    """The columns that a view can be reset to.

    * `built_in`: the ids of all its own columns
    * `usual`: the program's own choice of them
    * `of_file`: the columns of the config file; None: it has none
    """

    built_in: tuple[str, ...]
    usual: tuple[ColumnChoice, ...]
    of_file: ColumnSet | None = None


class ColumnDraft:
    """The arrangement, with a cursor on one column. Each method returns a remark, empty if it did what it says.

    `width_of` returns the present width of a column that has no chosen one. `has_paths`: the view shows values of runs.
    """

    def __init__(
        self, bases: Bases, saved: ColumnSet | None, width_of: Callable[[ColumnChoice], int], *, has_paths: bool
    ) -> None:
        self._bases = bases
        self._saved = saved
        self._width_of = width_of
        self.has_paths = has_paths
        self.cursor = 0
        self.columns: list[DraftColumn] = []
        self._base: list[DraftColumn] | None = None
        """The columns right after a reset; None: they were chosen earlier."""

        self._is_of_file = saved is None and bases.of_file is not None
        if saved is not None and saved.shown:
            self._show(saved)
        else:
            self._show(bases.of_file if self._is_of_file else None)
            self._base = list(self.columns)

    @property
    def current(self) -> ColumnChoice:
        """The column under the cursor."""
        return self.columns[self.cursor].choice

    @property
    def is_own(self) -> bool:
        """Whether these are columns that the user chose."""
        return self.columns != self._base

    @property
    def shown(self) -> tuple[ColumnChoice, ...] | None:
        """The columns to show now; None: the program's own, which depend on the width of the list."""
        if not self.is_own and not self._is_of_file:
            return None
        return tuple(column.choice for column in self.columns if column.is_shown)

    @property
    def is_changed(self) -> bool:
        """Whether something else is to be saved than before."""
        return self.result != self._saved

    @property
    def result(self) -> ColumnSet | None:
        """The columns to save. None: those of the config file or, without any, the program's own."""
        if not self.is_own:
            return None if self._is_of_file or self._bases.of_file is None else ColumnSet(())
        hidden = (each.choice for each in self.columns if not each.is_shown and each.choice.path is not None)
        return ColumnSet(tuple(each.choice for each in self.columns if each.is_shown), tuple(hidden))

    @property
    def base_words(self) -> str:
        """Where the columns come from, for a title."""
        if self.is_own:
            return "your own"
        return "of the config file" if self._is_of_file else "the program's own"

    def move_cursor(self, step: int) -> str:
        """Move to the next (1) or previous (-1) column."""
        self.cursor = max(0, min(self.cursor + step, len(self.columns) - 1))
        return ""

    def toggle(self) -> str:
        """Show or hide the column under the cursor."""
        column = self.columns[self.cursor]
        if column.is_shown and sum(each.is_shown for each in self.columns) == 1:
            return LAST_SHOWN
        self.columns[self.cursor] = replace(column, is_shown=not column.is_shown)
        return ""

    def move_column(self, step: int) -> str:
        """Move the column under the cursor up or down. The cursor stays on it."""
        place = self.cursor + step
        if 0 <= place < len(self.columns):
            self.columns.insert(place, self.columns.pop(self.cursor))
            self.cursor = place
        return ""

    def resize(self, step: int) -> str:
        """Make the column under the cursor wider or narrower."""
        width = (self.current.width or self._width_of(self.current)) + step
        return self._change(width=max(MIN_COLUMN_CELLS, min(width, MAX_COLUMN_CELLS)))

    def clear_width(self) -> str:
        """Give the column under the cursor its usual width."""
        return self._change(width=0)

    def next_type(self) -> str:
        """Show the values of the column under the cursor as the next type."""
        if self.current.path is None:
            return "only columns by path have a type"
        kinds = list(KINDS)
        kind = kinds[(kinds.index(self.current.type) + 1) % len(kinds)]
        return self._change(type=kind, format="", width=0)

    def add(self, choice: ColumnChoice) -> str:
        """Add a column behind that under the cursor, or go to it if it is there."""
        names = [each.choice.name for each in self.columns]
        if choice.name in names:
            self.cursor = names.index(choice.name)
            self.columns[self.cursor] = DraftColumn(replace(choice, width=self.current.width), is_shown=True)
        elif len(self.columns) >= MAX_COLUMNS:
            return f"there are {MAX_COLUMNS} columns; remove one first"
        else:
            self.cursor += 1
            self.columns.insert(self.cursor, DraftColumn(choice, is_shown=True))
        return ""

    def remove(self) -> str:
        """Remove the column under the cursor, if it is one by path."""
        if self.current.path is None or self.current.name in self._bases.built_in:
            return "a built-in column can only be hidden"
        if self.columns[self.cursor].is_shown and sum(each.is_shown for each in self.columns) == 1:
            return LAST_SHOWN
        del self.columns[self.cursor]
        return self.move_cursor(0)

    def reset(self) -> str:
        """Return to the columns of the config file, and from those to the program's own."""
        self._is_of_file = self._bases.of_file is not None and (self.is_own or not self._is_of_file)
        self._show(self._bases.of_file if self._is_of_file else None)
        self._base = list(self.columns)
        return self.move_cursor(0)

    def _show(self, columns: ColumnSet | None) -> None:
        """Show these columns, or the program's own, with all others hidden below them."""
        shown = self._bases.usual if columns is None else columns.shown
        hidden = () if columns is None else columns.hidden
        kept = [each.choice for each in self.columns if each.choice.path is not None and self.has_paths]
        names = {choice.name for choice in shown}
        rest: Sequence[ColumnChoice] = [
            choice
            for choice in dict.fromkeys([*map(ColumnChoice, self._bases.built_in), *hidden, *kept])
            if choice.name not in names
        ]
        unique = {choice.name: choice for choice in reversed(rest)}
        self.columns = [
            *(DraftColumn(choice, is_shown=True) for choice in shown),
            *(DraftColumn(unique[name], is_shown=False) for name in dict.fromkeys(choice.name for choice in rest)),
        ]

    def _change(self, **values: str | int) -> str:
        column = self.columns[self.cursor]
        # mypy cannot know the types of fields that are given by name.
        self.columns[self.cursor] = replace(column, choice=replace(column.choice, **values))  # type: ignore[arg-type]
        return ""
