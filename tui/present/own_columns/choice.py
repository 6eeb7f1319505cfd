"""The columns that the user has chosen for one list: which, in which order, how wide, and how values are shown."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from tui.lazy_dataclass import dataclass
from tui.present.own_columns.column_path import ColumnPath, parse_path
from tui.present.own_columns.value_formats import KINDS, is_format

MAX_COLUMN_CELLS: Final = 200
MAX_COLUMNS: Final = 50
AUTO: Final = "auto"


@dataclass(frozen=True, slots=True)
class ColumnChoice:
    """One column. `name` is the id of a built-in column, or a path. A `width` of 0 is the usual one of the column."""

    name: str
    title: str = ""
    width: int = 0
    type: str = AUTO
    format: str = ""

    @property
    def path(self) -> ColumnPath | None:
        """The path to a value of the run; None for a built-in column."""
        return parse_path(self.name)


@dataclass(frozen=True, slots=True)
class ColumnSet:
    """The columns of a list in their order. `hidden` are columns by path that are kept, but not shown."""

    shown: tuple[ColumnChoice, ...]
    hidden: tuple[ColumnChoice, ...] = ()


def problem_of(choice: ColumnChoice, built_in: Sequence[str], *, has_paths: bool) -> str | None:
    """Return what is wrong with a column, None if nothing is.

    `built_in` are the ids of the view's own columns. `has_paths`: it can also show values of runs.
    """
    if choice.name in built_in:
        is_plain = choice.type == AUTO and not choice.format
        return None if is_plain else "only columns by path have a type and a format"
    if choice.path is None or not has_paths:
        paths = ", or a path such as metadata.progress" if has_paths else ""
        return f"expected {', '.join(built_in)}{paths}, got {_quoted(choice.name)}"
    if choice.type not in KINDS:
        return f"expected a type out of {', '.join(KINDS)}, got {_quoted(choice.type)}"
    if not is_format(choice.type, choice.format):
        formats = KINDS[choice.type].formats
        expected = f"expected {formats}" if formats else f"the type {choice.type} has no format"
        return f"{expected}, got {_quoted(choice.format)}"
    return None


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def without_duplicates(choices: Iterable[ColumnChoice]) -> tuple[ColumnChoice, ...]:
    """Return the first choice of each column, MAX_COLUMNS at most. Two spellings of a path are one column."""
    first: dict[str, ColumnChoice] = {}
    for choice in choices:
        name = str(choice.path or choice.name)
        first.setdefault(name, replace(choice, name=name))
    return tuple(first.values())[:MAX_COLUMNS]
