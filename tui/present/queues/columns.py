"""The columns of the list of queues. A new column is one row of `COLUMNS`."""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from tui.lazy_dataclass import dataclass
from tui.present import formatting
from tui.present.columns import Now
from tui.present.queues.words import (
    HEALTH_TOKENS,
    READING,
    health_glyph,
    is_full,
    number,
    queued_text,
    rate,
    share,
)
from tui.present.styled import Align, Line, Piece, Token, fit, joined
from tui.present.wall.durations import waited
from tui.store.findings.board import QueueHealth, QueueRow

GAP: Final = 2
EDGES: Final = 2 + 2 + 1  # The gutter, the glyph with its space, and the right edge.
_MIN_NAME: Final = 10
_MAX_NAME: Final = 44
_BAR, _TRACK = "━", "─"


class QueueContent(NamedTuple):
    """The facts that a row shows. `throttled` is known for the selected queue alone."""

    row: QueueRow
    throttled: int | None = None


QueueCell = Callable[[QueueContent, Now, int], Line]
"""Makes a cell for a time and a width in cells."""


@dataclass(frozen=True, slots=True)
class QueueColumn:
    """One column. `width` is in cells; None takes a share of the remaining ones. Narrower lists omit it."""

    id: str
    title: str
    width: int | None
    cell: QueueCell
    align: Align = "left"
    from_width: int = 0


class SizedQueueColumn(NamedTuple):
    """A column and its width in one list."""

    column: QueueColumn
    width: int


def _is_quiet(row: QueueRow) -> bool:
    return row.health is QueueHealth.FINE and not row.is_paused


def _name(content: QueueContent, _now: Now, _width: int) -> Line:
    return (Piece(content.row.name, Token.TEXT if _is_quiet(content.row) else Token.BRIGHT),)


def usage_bar(row: QueueRow, width: int) -> Line:
    """Draw the used part of the limit: blue, and amber when it is full and something waits.

    A queue without a limit has no bar: nothing says when it would be full.
    """
    if row.running is None or row.limit is None:
        return ()
    part = 1.0 if row.limit <= 0 else min(1.0, row.running / row.limit)
    # One run is visible, and a bar is full only if the limit is reached.
    filled = 0 if not row.running else max(1, min(int(part * width), width if part >= 1 else width - 1))
    is_blocked = is_full(row) and (row.has_waiting or not _is_quiet(row))
    token = Token.AMBER if is_blocked and row.health is not QueueHealth.PAUSED else Token.BLUE
    bar = (Piece(_BAR * filled, token),) if filled else ()
    return (*bar, Piece(_TRACK * (width - filled), Token.LINE)) if filled < width else bar


def _bar(content: QueueContent, _now: Now, width: int) -> Line:
    return usage_bar(content.row, width)


def _running(content: QueueContent, _now: Now, _width: int) -> Line:
    row = content.row
    return share(row.running, row.limit, Token.BRIGHT if is_full(row) else Token.TEXT)


def _queued(content: QueueContent, _now: Now, _width: int) -> Line:
    row = content.row
    if row.queued is None:
        return (Piece(queued_text(row), Token.MUTED),)
    is_bad = HEALTH_TOKENS[row.health] is Token.AMBER
    return (Piece(queued_text(row), Token.AMBER if is_bad else Token.TEXT, is_bold=is_bad),)


def oldest_cell(content: QueueContent, now: Now, _width: int) -> Line:
    """Return how long the oldest run has waited."""
    row = content.row
    if row.oldest_at is None:
        return () if row.queued == 0 else (Piece(formatting.NONE, Token.MUTED),)
    at = now.frozen_at or now.at
    token = HEALTH_TOKENS[row.health] if row.health in {QueueHealth.AT_LIMIT, QueueHealth.LATE} else Token.TEXT
    frozen = "~" if now.frozen_at is not None else ""
    return (Piece(waited(at - row.oldest_at, in_minutes=now.in_minutes) + frozen, token),)


def _starts(content: QueueContent, _now: Now, _width: int) -> Line:
    row = content.row
    if row.started_per_min is None:
        return (Piece(formatting.NONE, Token.MUTED),)
    if row.started_per_min <= 0 and not row.has_waiting:
        return ()
    return (Piece(rate(row.started_per_min), Token.MUTED if _is_quiet(row) else Token.TEXT),)


def _throttled(content: QueueContent, _now: Now, _width: int) -> Line:
    if content.throttled is None:
        return (Piece(formatting.NONE, Token.MUTED),)
    return (Piece(number(content.throttled), Token.AMBER),) if content.throttled else ()


def _health(content: QueueContent, _now: Now, _width: int) -> Line:
    health = content.row.health
    return (Piece(health.value, HEALTH_TOKENS[health]),) if health.value else ()


NAME: Final = QueueColumn("queue", "queue", None, _name)
BAR: Final = QueueColumn("bar", "", None, _bar)
RUNNING: Final = QueueColumn("running", "running", 9, _running, "right")
QUEUED: Final = QueueColumn("queued", "queued", 7, _queued, "right")
OLDEST: Final = QueueColumn("oldest", "oldest", 7, oldest_cell, "right")
STARTS: Final = QueueColumn("starts", "start/min", 9, _starts, "right", from_width=100)
THROTTLED: Final = QueueColumn("throttled", "throttled", 9, _throttled, "right", from_width=112)
HEALTH: Final = QueueColumn("health", "health", 12, _health)
COLUMNS: Final = (NAME, BAR, RUNNING, QUEUED, OLDEST, STARTS, THROTTLED, HEALTH)


def queue_columns_for(width: int) -> list[SizedQueueColumn]:
    """Return the columns that a list of this width shows, with their widths, in order."""
    shown = [column for column in COLUMNS if width >= column.from_width]
    rest = width - EDGES - sum(column.width or 0 for column in shown) - GAP * (len(shown) - 1)
    name = max(_MIN_NAME, min(_MAX_NAME, rest * 11 // 20))
    flexible = {NAME.id: name, BAR.id: max(0, rest - name)}
    return [SizedQueueColumn(column, column.width or flexible[column.id]) for column in shown]


def queue_head(slots: Sequence[SizedQueueColumn]) -> Line:
    """Return the line of titles."""
    titles = (fit((Piece(column.title, Token.FAINT),), width, column.align) for column, width in slots)
    return (Piece("  "), *joined(titles, " " * GAP))


def queue_line(content: QueueContent, slots: Sequence[SizedQueueColumn], now: Now, *, is_current: bool = False) -> Line:
    """Return a queue as its glyph and its cells. The name of the current row is bold."""
    cells: list[Line] = []
    for column, width in slots:
        cell = column.cell(content, now, width)
        if is_current and column.id == NAME.id:
            cell = tuple(Piece(piece.text, piece.token, is_bold=True) for piece in cell)
        cells.append(fit(cell, width, column.align))
    return (health_glyph(content.row.health), Piece(" "), *joined(cells, " " * GAP))


def more_line(folded: Sequence[QueueRow], *, is_folded: bool = True) -> Line:
    """Return the line that stands for the queues in which nothing runs, and no run is known to wait."""
    count = len(folded)
    words = f"{count:,} more, empty" if is_folded else f"{count:,} empty queues above"
    if any(row.queued is None for row in folded):
        known = READING if any(row.is_reading for row in folded) else "no run is known to wait"
        words = f"{count:,} more, {known}" if is_folded else f"{count:,} queues above: {known}"
    return (Piece("  "), Piece(words, Token.FAINT))
