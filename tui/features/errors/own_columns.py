"""The chosen columns of the list of error groups."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from tui.features.columns.words import ColumnChoice, Wish, divided
from tui.features.errors import columns

GROUP_BUILT_IN: Final = {column.id: column for column in columns.COLUMNS}
GROUP_MEANINGS: Final = {
    "runs": "how many runs failed with it",
    "state": "new, regressed, acknowledged",
    "bars": "failures over the span",
    "task": "the task",
    "error": "its type and message",
    "place": "the first own frame, versions",
    "since": "when it was first seen",
}

_GROWING: Final = {
    columns.TASK.id: Wish(12, 26),
    columns.BARS.id: Wish(12, 24),
    columns.PLACE.id: Wish(22, 44),
    columns.ERROR.id: Wish(12, 80),
}


def own_group_columns_for(
    choices: Sequence[ColumnChoice], width: int
) -> tuple[list[columns.SizedGroupColumn], tuple[str, ...]]:
    """Return the chosen columns that fit into a list, with their widths, in order, and the names of the others."""
    wishes = [_wish(choice, width) for choice in choices]
    placed = list(zip(choices, divided(wishes, max(1, width - columns.EDGES)), strict=True))
    slots = []
    for choice, cells in placed:
        if cells is not None:
            column = GROUP_BUILT_IN[choice.name]
            shown = replace(column, title=choice.title) if choice.title else column
            slots.append(columns.SizedGroupColumn(shown, cells))
    return slots, tuple(choice.name for choice, cells in placed if cells is None)


def usual_group_width(choice: ColumnChoice) -> int:
    """Return the width of a column that has no chosen one, in cells."""
    return _wish(replace(choice, width=0), columns.WIDE_WORDS).least


def _wish(choice: ColumnChoice, width: int) -> Wish:
    if choice.width:
        return Wish(choice.width, choice.width)
    if choice.name == columns.STATE.id:
        cells = columns.STATE_WIDTH if width >= columns.WIDE_WORDS else columns.NARROW_STATE
        return Wish(cells, cells)
    usual = GROUP_BUILT_IN[choice.name].width or 0
    return _GROWING.get(choice.name) or Wish(usual, usual)
