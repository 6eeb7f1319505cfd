"""The queues that `queues` prints: as a table for people, and as JSON objects of raw values."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from tui.domain.run import Json
from tui.present import formatting
from tui.present.printed.schema import iso_time
from tui.present.queues.words import HEALTH_TOKENS, health_glyph, is_empty, is_full, queued_text, rate, share
from tui.present.styled import Align, Line, Piece, Token, fit, joined, line_width
from tui.present.wall.durations import waited
from tui.store.findings.board import QueueHealth, QueueRow

_GAP: Final = 2
_GLYPH_CELLS: Final = 2
_MIN_NAME: Final = 12
HEALTHY: Final = "ok"
"""The word of `--json` for a queue of which nothing is wrong. The table leaves the cell empty."""


def queue_object(row: QueueRow) -> dict[str, Json]:
    """Return a queue with every key of `queues --json`, None where its value is not known.

    * `type`: `task` for the queue of a task, otherwise `custom`
    * `oldestQueuedAt`, `oldestRunId`: of the run that waits longest, without delayed ones
    * `queued`, `queuedAtLeast`: how many wait; where the waits were not read, only the list's number is known, which
      does not count the runs that were handed to a worker
    * `startedPerMin`: of the last minute
    * `holders`: the tasks whose runs execute and hold the places of the queue
    * `standstill`: why no run starts, whatever the limit: `queue-paused`, `environment-paused` or `no-worker`
    * `health`: `at its limit`, `paused`, `late` (the oldest waits over a minute), `busy` (over 80 %) or `ok`; None
      where nothing is wrong as far as it is known, and the waits were not read
    """
    is_known = row.are_waits_read
    healthy = HEALTHY if is_known else None
    return {
        "name": row.name,
        "type": "task" if row.is_task else "custom",
        "running": row.running,
        "limit": row.limit,
        "queued": None if row.is_least else row.queued,
        "queuedAtLeast": row.queued if row.is_least else None,
        "paused": row.is_paused,
        "oldestQueuedAt": iso_time(row.oldest_at),
        "oldestRunId": row.oldest_run,
        "startedPerMin": row.started_per_min,
        "holders": None
        if not row.are_waits_read
        else [{"task": each.task, "runs": each.runs, "longestSince": iso_time(each.since)} for each in row.holders],
        "standstill": None if row.standstill is None else row.standstill.reason.value,
        "health": healthy if row.health is QueueHealth.FINE else row.health.value,
    }


class _PrintedColumn(NamedTuple):
    """A column. The greatest `drop_rank` is dropped first where the line is full, those of rank 0 never."""

    title: str
    cell: Callable[[QueueRow, datetime], Line]
    align: Align = "left"
    drop_rank: int = 0


def _name(row: QueueRow, _now: datetime) -> Line:
    return (Piece(row.name, Token.MUTED if is_empty(row) else Token.BRIGHT),)


def _type(row: QueueRow, _now: datetime) -> Line:
    return (Piece("task" if row.is_task else "custom", Token.FAINT),)


def _running(row: QueueRow, _now: datetime) -> Line:
    return share(row.running, row.limit, Token.BRIGHT if is_full(row) else Token.TEXT)


def _queued(row: QueueRow, _now: datetime) -> Line:
    return _number(None if row.queued is None else queued_text(row, "0"), row)


def _oldest(row: QueueRow, now: datetime) -> Line:
    if row.oldest_at is None and row.queued == 0:
        return ()
    return _number(None if row.oldest_at is None else waited(now - row.oldest_at), row)


def _starts(row: QueueRow, _now: datetime) -> Line:
    return (Piece(rate(row.started_per_min), Token.MUTED),)


def _number(text: str | None, row: QueueRow) -> Line:
    if text is None:
        return (Piece(formatting.NONE, Token.MUTED),)
    is_bad = HEALTH_TOKENS[row.health] is Token.AMBER
    return (Piece(text, Token.AMBER if is_bad else Token.TEXT if row.queued else Token.MUTED),)


def _health(row: QueueRow, _now: datetime) -> Line:
    return (Piece(row.health.value, HEALTH_TOKENS[row.health]),) if row.health.value else ()


_COLUMNS: Final = (
    _PrintedColumn("queue", _name),
    _PrintedColumn("type", _type, drop_rank=3),
    _PrintedColumn("running", _running, "right"),
    _PrintedColumn("queued", _queued, "right"),
    _PrintedColumn("oldest", _oldest, "right", drop_rank=1),
    _PrintedColumn("start/min", _starts, "right", drop_rank=2),
    _PrintedColumn("health", _health),
)


def queue_lines(rows: Sequence[QueueRow], now: datetime, limit: int | None) -> list[Line]:
    """Return a line of titles and one line a queue, of at most `limit` cells if possible (None: nothing is cut).

    The name shrinks first. Then columns are dropped.
    """
    if not rows:
        return []
    widths = {
        column.title: max(len(column.title), *(line_width(column.cell(row, now)) for row in rows))
        for column in _COLUMNS
    }
    columns = list(_COLUMNS)
    if limit is not None:
        while True:
            others = sum(widths[each.title] for each in columns[1:]) + _GAP * (len(columns) - 1)
            room = limit - _GLYPH_CELLS - others
            last = max(columns, key=lambda each: each.drop_rank)
            if room >= min(_MIN_NAME, widths["queue"]) or last.drop_rank == 0:
                break
            columns.remove(last)
        widths["queue"] = max(1, min(widths["queue"], room))
    head = joined(fit((Piece(each.title, Token.FAINT),), widths[each.title], each.align) for each in columns)
    return [(Piece(" " * _GLYPH_CELLS), *head)] + [
        (
            health_glyph(row.health),
            Piece(" "),
            *joined(fit(each.cell(row, now), widths[each.title], each.align) for each in columns),
        )
        for row in rows
    ]
