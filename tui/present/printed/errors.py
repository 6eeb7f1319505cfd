"""The error groups that `errors` prints: as a table for people, and as JSON objects of raw values."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from tui.domain.errors.kinds import OwnFrame
from tui.domain.run import Json
from tui.domain.status import title_of
from tui.present import formatting
from tui.present.printed.schema import iso_time
from tui.present.status import STATUS_STYLES
from tui.present.styled import Align, Line, Piece, Token, first_line, fit, joined, line_width
from tui.store.errors.error_group import ErrorGroup
from tui.store.errors.states import ErrorState

Object = dict[str, Json]

_GAP: Final = 2
_GLYPH_CELLS: Final = 2
_STATE_TOKENS: Final = {
    ErrorState.NEW: Token.ROSE,
    ErrorState.REGRESSED: Token.AMBER,
    ErrorState.ACKNOWLEDGED: Token.FAINT,
    ErrorState.UNRESOLVED: Token.MUTED,
}


def group_object(group: ErrorGroup, *, are_all_read: bool) -> Object:
    """Return a group with every key of `errors --json`, None where its value is not known.

    `are_all_read`: the errors of all failed runs of the span are known. Any other run may be of this group too.

    * `fingerprint`: the same in every session and for every environment
    * `type`: the class of the exception, or Trigger.dev's code; None for a thrown string
    * `message`: normalised
    * `frame`: the first own frame, as `function (file)`; None without one
    * `count`: failed runs of the span
    * `tasks`, `versions`: the most frequent first
    * `firstSeen`, `lastSeen`: the creation times of the oldest and the newest of the runs
    * `state`: new, regressed, acknowledged or unresolved
    * `runIds`: the newest first; `runIdsComplete`: whether these are all runs of the group
    """
    kind = group.kind
    return {
        "fingerprint": kind.fingerprint,
        "type": kind.type,
        "message": kind.message,
        "frame": None if kind.frame is None else frame_text(kind.frame),
        "count": group.count,
        "tasks": [task for task, _ in group.tasks],
        "versions": [version for version, _ in group.versions],
        "firstSeen": iso_time(group.first_seen),
        "lastSeen": iso_time(group.last_seen),
        "state": None if group.state is None else group.state.value,
        "runIds": list(group.run_ids),
        "runIdsComplete": group.has_all_run_ids and are_all_read,
    }


def frame_text(frame: OwnFrame) -> str:
    """Return a frame as a stack trace has it, without the line: `chargeCard (src/lib/psp.ts)`."""
    return frame.file if frame.function is None else f"{frame.function} ({frame.file})"


class _Column(NamedTuple):
    """A column. `least` is its width where the line is full; None: it is never cut. The greatest `drop_rank` is dropped
    first, those of rank 0 never.
    """

    title: str
    cell: Callable[[ErrorGroup, datetime], Line]
    align: Align = "left"
    least: int | None = None
    drop_rank: int = 0


def _count(group: ErrorGroup, _now: datetime) -> Line:
    return (Piece(formatting.count(group.count), _token(group, Token.BRIGHT)),)


def _state(group: ErrorGroup, _now: datetime) -> Line:
    state = group.state
    if state is None:
        return (Piece(formatting.NONE, Token.FAINT),)
    word = state.value.upper() if state is ErrorState.NEW else state.value
    return (Piece(word, _STATE_TOKENS[state], is_bold=state is ErrorState.NEW),)


def _task(group: ErrorGroup, _now: datetime) -> Line:
    if not group.tasks:
        return (Piece(formatting.NONE, Token.FAINT),)
    more = len(group.tasks) - 1
    task = Piece(group.tasks[0][0], _token(group, Token.BRIGHT))
    return (task, Piece(f" +{more}", Token.FAINT)) if more else (task,)


def _error(group: ErrorGroup, _now: datetime) -> Line:
    message = Piece(first_line(group.kind.message), _token(group, Token.TEXT))
    if group.kind.type is None:
        return (message,)
    return (Piece(group.kind.type, _token(group, Token.ROSE), is_bold=True), Piece(" "), message)


def _frame(group: ErrorGroup, _now: datetime) -> Line:
    frame = group.kind.frame
    if frame is None:
        return (Piece(formatting.NONE, Token.FAINT),)
    file = Piece(frame.file, Token.MUTED)  # first, since the end of the cell may be cut
    return (file,) if frame.function is None else (file, Piece(f" {frame.function}", Token.FAINT))


def _versions(group: ErrorGroup, _now: datetime) -> Line:
    return (Piece(formatting.count(len(group.versions)), Token.MUTED),)


def _first(group: ErrorGroup, now: datetime) -> Line:
    return (Piece(formatting.age(group.first_seen, now), Token.MUTED),)


def _last(group: ErrorGroup, now: datetime) -> Line:
    return (Piece(formatting.age(group.last_seen, now), _token(group, Token.TEXT)),)


_COLUMNS: Final = (
    _Column("runs", _count, "right"),
    _Column("state", _state, drop_rank=1),
    _Column("task", _task, least=14),
    _Column("error", _error, least=32),
    _Column("own frame", _frame, least=20, drop_rank=3),
    _Column("versions", _versions, "right", drop_rank=4),
    _Column("first", _first, "right", drop_rank=2),
    _Column("last", _last, "right"),
)
_GROWTH: Final = ("error", "task", "own frame")
"""The columns that get the cells which are left, in this order. In a very narrow terminal they give cells up."""

_MIN_CUT: Final = 4


def group_lines(groups: Sequence[ErrorGroup], now: datetime, limit: int | None) -> list[Line]:
    """Return a line of titles and one line a group, of at most `limit` cells if possible (None: nothing is cut).

    The columns error, task and own frame shrink first. Then columns are dropped.
    """
    if not groups:
        return []
    natural = {
        column.title: max(len(column.title), *(line_width(column.cell(group, now)) for group in groups))
        for column in _COLUMNS
    }
    columns, widths = _fitted(natural, limit)
    head = joined(fit((Piece(each.title, Token.FAINT),), widths[each.title], each.align) for each in columns)
    return [(Piece(" " * _GLYPH_CELLS), *head)] + [
        (
            _mark(group),
            Piece(" "),
            *joined(fit(each.cell(group, now), widths[each.title], each.align) for each in columns),
        )
        for group in groups
    ]


def _fitted(natural: dict[str, int], limit: int | None) -> tuple[list[_Column], dict[str, int]]:
    columns = list(_COLUMNS)
    if limit is None:
        return columns, natural
    while True:
        widths = {each.title: min(natural[each.title], each.least or natural[each.title]) for each in columns}
        spare = limit - _GLYPH_CELLS - sum(widths.values()) - _GAP * (len(columns) - 1)
        last = max(columns, key=lambda each: each.drop_rank)
        if spare >= 0 or last.drop_rank == 0:
            break
        columns.remove(last)
    for title in _GROWTH:
        if spare < 0 and title in widths:
            shrunk = min(-spare, widths[title] - _MIN_CUT)
            widths[title] -= shrunk
            spare += shrunk
        elif title in widths:
            grown = max(min(spare, natural[title] - widths[title]), 0)
            widths[title] += grown
            spare -= grown
    return columns, widths


def _mark(group: ErrorGroup) -> Piece:
    """Return the glyph of the status that most runs of the group ended with."""
    return STATUS_STYLES[title_of(group.statuses[0][0])].mark


def _token(group: ErrorGroup, token: Token) -> Token:
    """Return a token, or a grey one for an acknowledged group."""
    return Token.FAINT if group.state is ErrorState.ACKNOWLEDGED else token
