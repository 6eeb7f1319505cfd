"""The columns of the list of error groups. A new column is one row of `COLUMNS`."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from tui.domain.status import title_of
from tui.features.errors import words
from tui.store.error_groups import ErrorGroup
from tui.text import formatting
from tui.text.bars import Bars, series, summed, top_of
from tui.text.blocks import Now
from tui.text.status import STATUS_STYLES, UNKNOWN
from tui.text.styled import Line, Piece, Token, cut, fit, line_width
from tui.text.table import Column, Layout, Table, Wish

_MAX_PLAIN_COUNT: Final = 9_999
WIDE_WORDS: Final = 80
"""From this width of the list on, states have their long words."""

STATE_WIDTH: Final = 12
NARROW_STATE: Final = 5
ONLY_NEW: Final = "only NEW"


class GroupRow(NamedTuple):
    """A row of the list: a group, its failures over its span, and the line of the first own frame in its newest one.

    `is_read`: no failed run of the span is left whose error is not known, and which may be of the group.
    """

    group: ErrorGroup
    cells: Sequence[int]
    line: int | None = None
    is_read: bool = True


def count_words(count: int, *, at_least: bool = False) -> str:
    """Return `1,204`, and `12k` from 10,000 on; `≥120` and `≥1k` where more may be of the group."""
    most = _MAX_PLAIN_COUNT // 10 if at_least else _MAX_PLAIN_COUNT
    whole, unit = (count, "") if count <= most else (count // 1000, "k")
    return f"{formatting.count(whole, at_least=at_least)}{unit}"


def _token(row: GroupRow, usual: Token, grey: Token = Token.FAINT) -> Token:
    """Return a token, or a grey one for an acknowledged group."""
    return grey if words.is_acknowledged(row.group) else usual


def _runs(row: GroupRow, _now: Now, _width: int) -> Line:
    count = count_words(row.group.count, at_least=not row.is_read)
    return (Piece(count, _token(row, Token.BRIGHT, Token.MUTED)),)


def _state(row: GroupRow, _now: Now, width: int) -> Line:
    return (words.state_piece(row.group.state, is_narrow=width < STATE_WIDTH),)


def _bars(row: GroupRow, _now: Now, width: int) -> Line:
    cells = summed(row.cells, width)
    return series(cells, Bars(top_of(cells), _token(row, Token.ROSE, Token.GUIDE)))


def _task(row: GroupRow, _now: Now, _width: int) -> Line:
    return (Piece(words.task_words(row.group.tasks), _token(row, Token.BRIGHT, Token.MUTED)),)


def _error(row: GroupRow, _now: Now, _width: int) -> Line:
    return words.error_line(row.group.kind, _token(row, Token.ROSE), _token(row, Token.TEXT))


def _place(row: GroupRow, _now: Now, width: int) -> Line:
    """Return the place on the left and the number of versions on the right."""
    token, count = _token(row, Token.MUTED), len(row.group.versions)
    versions: Line = (Piece(f"  {formatting.count(count) if count else formatting.NONE}", token),)
    room = width - max(line_width(versions), _MIN_VERSIONS)
    place = cut((Piece(words.place_words(row.group.kind, row.line, room), token),), room)
    return (*fit(place, width - line_width(versions)), *versions)


_MIN_VERSIONS: Final = 4


def _since(row: GroupRow, now: Now, _width: int) -> Line:
    return (Piece(words.day_words(words.first_known(row.group), now.at), _token(row, Token.MUTED)),)


def _glyph(group: ErrorGroup) -> Piece:
    """Return the glyph of the status in which most runs of the group ended."""
    style = STATUS_STYLES[title_of(group.statuses[0][0])] if group.statuses else UNKNOWN
    grey = words.is_acknowledged(group)
    return Piece(style.glyph, Token.FAINT if grey else style.glyph_token, is_bold=style.is_bold and not grey)


COLUMNS: Final = (
    Column("runs", "runs", _runs, 5, "right", meaning="how many runs failed with it"),
    Column("state", "state", _state, STATE_WIDTH, from_width=68, meaning="new, regressed, acknowledged"),
    Column("bars", "", _bars, 12, from_width=112, wish=Wish(12, 24), meaning="failures over the span"),
    Column("task", "task", _task, 13, wish=Wish(12, 26), meaning="the task"),
    Column("error", "error", _error, least=8, wish=Wish(12, 80), meaning="its type and message"),
    Column(
        "place",
        "own frame",
        _place,
        22,
        from_width=96,
        wish=Wish(22, 44),
        meaning="the first own frame, versions",
        right_title="versions",
    ),
    Column("since", "since", _since, 6, "right", from_width=64, is_ticking=True, meaning="when it was first seen"),
)
GROUP_TABLE: Final = Table(
    COLUMNS,
    lambda row: _glyph(row.group),
    strong="task",
    layouts=(
        Layout(180, {"bars": 24, "task": 26, "place": 44}),
        Layout(150, {"bars": 24, "task": 20, "place": 32}),
        Layout(96, {"task": 15}),
        Layout(WIDE_WORDS),
        Layout(0, {"state": NARROW_STATE}),
    ),
)
