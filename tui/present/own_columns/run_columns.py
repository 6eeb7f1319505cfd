"""The chosen columns of the list of runs, built-in ones and values out of metadata, payload and output."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Final, NamedTuple

from tui.domain.run import Run
from tui.present.columns import (
    AGE,
    COLUMNS,
    CREATED,
    EDGES,
    ERROR,
    RUN,
    TAGS,
    TAGS_OR_ERROR,
    TASK,
    Column,
    Now,
    SizedColumn,
)
from tui.present.list.wide_columns import ID_CELLS, WHOLE_RUN
from tui.present.own_columns.cell_value import CellValue
from tui.present.own_columns.choice import ColumnChoice
from tui.present.own_columns.column_path import ColumnPath
from tui.present.own_columns.column_widths import Wish, divided
from tui.present.own_columns.value_formats import FLEXIBLE, KINDS, value_line
from tui.present.status import style_of
from tui.present.styled import Line, Token

TAGS_AND_ERROR: Final = replace(TAGS_OR_ERROR, id="error-tags")
BUILT_IN: Final = {
    column.id: column
    for column in (*COLUMNS[: COLUMNS.index(AGE) + 1], CREATED, *COLUMNS[COLUMNS.index(AGE) + 1 :], TAGS_AND_ERROR)
}
"""The list's own columns by their ids, in their usual order."""

MEANINGS: Final = {
    "status": "the status in words",
    "task": "the task",
    "run": "the id, whole if it fits",
    "took": "from start to end, or to now",
    "age": "since it was created",
    "created": "when it was created",
    "version": "the version of the code",
    "tags": "its tags",
    "error": "why it failed",
    "cost": "compute and run",
    "error-tags": "the error, else the tags",
}

_GROWING: Final = {
    TASK.id: Wish(12, 26),
    TAGS.id: Wish(8, 22),
    TAGS_AND_ERROR.id: Wish(12, 40),
    ERROR.id: Wish(12, 60),
}
_VALUE_CELLS: Final = 24
_MAX_TITLE: Final = 14

ReadValue = Callable[[Run, ColumnPath], CellValue]
"""Returns the value at a path of a run, as far as it was read."""


class FittedColumns(NamedTuple):
    """The columns that a list of one width shows, and the names of the chosen ones that do not fit."""

    slots: list[SizedColumn]
    left_out: tuple[str, ...]


def own_columns_for(
    choices: Sequence[ColumnChoice], pane_width: int, read: ReadValue, *, is_wide: bool = False
) -> FittedColumns:
    """Return the chosen columns that fit into a pane, with their widths, in order.

    `is_wide`: the list shows clock times beside ages, and whole run ids if they fit.
    """
    if is_wide:
        choices = _with_times(choices)
    widths = divided([_wish(choice, is_wide=is_wide) for choice in choices], max(1, pane_width - EDGES))
    placed = list(zip(choices, widths, strict=True))
    slots = [SizedColumn(_column(choice, width, read), width) for choice, width in placed if width is not None]
    return FittedColumns(slots, tuple(choice.name for choice, width in placed if width is None))


def usual_width(choice: ColumnChoice) -> int:
    """Return the width of a column that has no chosen one, in cells."""
    path = choice.path
    if path is not None:
        title = choice.title or path.title
        return max(KINDS[choice.type].width, min(len(title), _MAX_TITLE))
    return BUILT_IN[choice.name].width or _GROWING[choice.name].least


def _wish(choice: ColumnChoice, *, is_wide: bool) -> Wish:
    if choice.width:
        return Wish(choice.width, choice.width)
    usual = usual_width(choice)
    if choice.name == RUN.id:
        return Wish(usual, ID_CELLS if is_wide else usual)
    if choice.name in _GROWING:
        return _GROWING[choice.name]
    is_growing = choice.path is not None and choice.type in FLEXIBLE
    return Wish(usual, max(usual, _VALUE_CELLS) if is_growing else usual)


def _column(choice: ColumnChoice, width: int, read: ReadValue) -> Column:
    """Return the column of a choice in a width: ids are whole where they fit, and a bar fills its cells."""
    path = choice.path
    if path is None:
        column = WHOLE_RUN if choice.name == RUN.id and width >= ID_CELLS else BUILT_IN[choice.name]
        return replace(column, title=choice.title) if choice.title else column
    title = choice.title or (path.title if len(path.title) <= width else path.last_name)
    cell = partial(_value, read=read, path=path, choice=choice, width=width)
    return Column(choice.name, title, None, cell, KINDS[choice.type].align, is_value=True)


def _value(run: Run, now: Now, *, read: ReadValue, path: ColumnPath, choice: ColumnChoice, width: int) -> Line:
    style = style_of(run).row
    tokens = style.rest, Token.BLUE if style.took is Token.BLUE else Token.SPARK
    return value_line(read(run, path), choice.type, choice.format, width, now.at, tokens)


def _with_times(choices: Sequence[ColumnChoice]) -> list[ColumnChoice]:
    """Put the times of creation behind the ages, unless they are chosen already."""
    names = [choice.name for choice in choices]
    if CREATED.id in names or AGE.id not in names:
        return list(choices)
    place = names.index(AGE.id) + 1
    return [*choices[:place], ColumnChoice(CREATED.id), *choices[place:]]
