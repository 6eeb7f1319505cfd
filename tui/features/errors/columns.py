"""The columns of the list of error groups. A new column is one row of `COLUMNS`."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final, NamedTuple

from tui.domain.status import title_of
from tui.features.columns.words import ColumnChoice, Wish, divided
from tui.features.errors import words
from tui.lazy_dataclass import dataclass
from tui.store.error_groups import ErrorGroup
from tui.text import formatting
from tui.text.status import STATUS_STYLES, UNKNOWN
from tui.text.styled import Align, Line, Piece, Token, cut, fit, joined, line_width

GAP: Final = 2
EDGES: Final = 2 + 2 + 1  # The gutter, the glyph with its space, and the right edge.
_MIN_REST: Final = 8
_MAX_PLAIN_COUNT: Final = 9_999
WIDE_WORDS: Final = 80
"""From this width of the list on, states have their long words."""


class GroupRow(NamedTuple):
    """A row of the list: a group, its failures over its span, and the line of the first own frame in its newest one.

    `is_read`: no failed run of the span is left whose error is not known, and which may be of the group.
    """

    group: ErrorGroup
    cells: Sequence[int]
    line: int | None = None
    is_read: bool = True


GroupCell = Callable[[GroupRow, datetime, int], Line]
"""Makes a cell for a time and a width in cells."""


@dataclass(frozen=True, slots=True)
class GroupColumn:
    """One column. `width` is in cells; None takes the remaining cells. Lists narrower than `from_width` omit it."""

    id: str
    title: str
    width: int | None
    cell: GroupCell
    align: Align = "left"
    from_width: int = 0
    right_title: str = ""
    """The title of the number at the right end of the column."""


class SizedGroupColumn(NamedTuple):
    """A column and its width in one list."""

    column: GroupColumn
    width: int


def count_words(count: int, *, at_least: bool = False) -> str:
    """Return `1,204`, and `12k` from 10,000 on; `≥120` and `≥1k` where more may be of the group."""
    most = _MAX_PLAIN_COUNT // 10 if at_least else _MAX_PLAIN_COUNT
    whole, unit = (count, "") if count <= most else (count // 1000, "k")
    return f"{formatting.count(whole, at_least=at_least)}{unit}"


def _token(row: GroupRow, usual: Token, grey: Token = Token.FAINT) -> Token:
    """Return a token, or a grey one for an acknowledged group."""
    return grey if words.is_acknowledged(row.group) else usual


def _runs(row: GroupRow, _now: datetime, _width: int) -> Line:
    count = count_words(row.group.count, at_least=not row.is_read)
    return (Piece(count, _token(row, Token.BRIGHT, Token.MUTED)),)


def _state(row: GroupRow, _now: datetime, width: int) -> Line:
    return (words.state_piece(row.group.state, is_narrow=width < STATE_WIDTH),)


def _bars(row: GroupRow, _now: datetime, width: int) -> Line:
    return words.failure_bars(words.merged_cells(row.cells, width), _token(row, Token.ROSE, Token.GUIDE))


def _task(row: GroupRow, _now: datetime, _width: int) -> Line:
    return (Piece(words.task_words(row.group.tasks), _token(row, Token.BRIGHT, Token.MUTED)),)


def _error(row: GroupRow, _now: datetime, _width: int) -> Line:
    return words.error_line(row.group.kind, _token(row, Token.ROSE), _token(row, Token.TEXT))


def _place(row: GroupRow, _now: datetime, width: int) -> Line:
    """Return the place on the left and the number of versions on the right."""
    token, count = _token(row, Token.MUTED), len(row.group.versions)
    versions: Line = (Piece(f"  {formatting.count(count) if count else formatting.NONE}", token),)
    room = width - max(line_width(versions), _MIN_VERSIONS)
    place = cut((Piece(words.place_words(row.group.kind, row.line, room), token),), room)
    return (*fit(place, width - line_width(versions)), *versions)


_MIN_VERSIONS: Final = 4


def _since(row: GroupRow, now: datetime, _width: int) -> Line:
    return (Piece(words.day_words(words.first_known(row.group), now), _token(row, Token.MUTED)),)


STATE_WIDTH: Final = 12
ONLY_NEW: Final = "only NEW"
NARROW_STATE: Final = 5
RUNS: Final = GroupColumn("runs", "runs", 5, _runs, "right")
STATE: Final = GroupColumn("state", "state", STATE_WIDTH, _state, from_width=68)
BARS: Final = GroupColumn("bars", "", 12, _bars, from_width=112)
TASK: Final = GroupColumn("task", "task", 13, _task)
ERROR: Final = GroupColumn("error", "error", None, _error)
PLACE: Final = GroupColumn("place", "own frame", 22, _place, from_width=96, right_title="versions")
SINCE: Final = GroupColumn("since", "since", 6, _since, "right", from_width=64)
COLUMNS: Final = (RUNS, STATE, BARS, TASK, ERROR, PLACE, SINCE)

# Width of the list, and from it on other widths of columns.
_WIDTHS: Final[tuple[tuple[int, dict[str, int]], ...]] = (
    (180, {"bars": 24, "task": 26, "place": 44}),
    (150, {"bars": 24, "task": 20, "place": 32}),
    (96, {"task": 15}),
    (WIDE_WORDS, {}),
    (0, {"state": NARROW_STATE}),
)


def group_columns_for(width: int) -> list[SizedGroupColumn]:
    """Return the columns that a list of this width shows, with their widths, in order."""
    shown = [column for column in COLUMNS if width >= column.from_width]
    own = next(widths for from_width, widths in _WIDTHS if width >= from_width)
    widths = {column.id: own.get(column.id, column.width or 0) for column in shown}
    rest = width - EDGES - sum(widths.values()) - GAP * (len(shown) - 1)
    return [SizedGroupColumn(column, widths[column.id] or max(rest, _MIN_REST)) for column in shown]


def group_head(slots: Sequence[SizedGroupColumn], span_words: str, *, has_states: bool = True) -> Line:
    """Return the line of titles. `span_words` is the title of the bars, like `last 24h`.

    Without `has_states` the title of the states says that only NEW is known.
    """
    own = {BARS: span_words} if has_states else {BARS: span_words, STATE: ONLY_NEW}
    titles: list[Line] = []
    for column, width in slots:
        title: Line = (Piece(own.get(column, column.title), Token.FAINT),)
        if column.right_title:
            title = (*fit(title, width - len(column.right_title)), Piece(column.right_title, Token.FAINT))
        titles.append(fit(title, width, column.align))
    return (Piece("  "), *joined(titles, " " * GAP))


def group_row(row: GroupRow, slots: Sequence[SizedGroupColumn], now: datetime, *, is_current: bool = False) -> Line:
    """Return a group as its glyph and its cells. The task of the current row is bold."""
    cells: list[Line] = []
    for column, width in slots:
        cell = column.cell(row, now, width)
        if is_current and column.id == TASK.id:
            cell = tuple(Piece(piece.text, piece.token, is_bold=True) for piece in cell)
        cells.append(fit(cell, width, column.align))
    return (glyph(row.group), Piece(" "), *joined(cells, " " * GAP))


def glyph(group: ErrorGroup) -> Piece:
    """Return the glyph of the status in which most runs of the group ended."""
    style = STATUS_STYLES[title_of(group.statuses[0][0])] if group.statuses else UNKNOWN
    grey = words.is_acknowledged(group)
    return Piece(style.glyph, Token.FAINT if grey else style.glyph_token, is_bold=style.is_bold and not grey)


# The columns that the user chose.


GROUP_BUILT_IN: Final = {column.id: column for column in COLUMNS}
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
    TASK.id: Wish(12, 26),
    BARS.id: Wish(12, 24),
    PLACE.id: Wish(22, 44),
    ERROR.id: Wish(12, 80),
}


def own_group_columns_for(
    choices: Sequence[ColumnChoice], width: int
) -> tuple[list[SizedGroupColumn], tuple[str, ...]]:
    """Return the chosen columns that fit into a list, with their widths, in order, and the names of the others."""
    wishes = [_wish(choice, width) for choice in choices]
    placed = list(zip(choices, divided(wishes, max(1, width - EDGES)), strict=True))
    slots = []
    for choice, cells in placed:
        if cells is not None:
            column = GROUP_BUILT_IN[choice.name]
            shown = replace(column, title=choice.title) if choice.title else column
            slots.append(SizedGroupColumn(shown, cells))
    return slots, tuple(choice.name for choice, cells in placed if cells is None)


def usual_group_width(choice: ColumnChoice) -> int:
    """Return the width of a column that has no chosen one, in cells."""
    return _wish(replace(choice, width=0), WIDE_WORDS).least


def _wish(choice: ColumnChoice, width: int) -> Wish:
    if choice.width:
        return Wish(choice.width, choice.width)
    if choice.name == STATE.id:
        cells = STATE_WIDTH if width >= WIDE_WORDS else NARROW_STATE
        return Wish(cells, cells)
    usual = GROUP_BUILT_IN[choice.name].width or 0
    return _GROWING.get(choice.name) or Wish(usual, usual)
