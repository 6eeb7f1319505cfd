"""The page of the selected queue: its sentences, its last hour, and the run that waits longest."""

from typing import Final

from tui.domain.findings.queue_detail import QueueMetrics
from tui.present import formatting
from tui.present.actions.row_actions import GoToRun, Row
from tui.present.columns import Now
from tui.present.queues.facts import QueueFacts
from tui.present.queues.sentences import Sentence, sentences
from tui.present.queues.series import series_lines
from tui.present.queues.words import number
from tui.present.styled import Line, Piece, Token, cut, fold, line_width, pad
from tui.present.text_block import LABEL
from tui.present.wall.durations import brief_duration

NOTHING_SELECTED: Final = "No queue is selected."
_GAP: Final = 2
_MAX_ROWS: Final = 3
"""Rows of one sentence: a message may be long."""


def queue_page(facts: QueueFacts, now: Now, limit: int) -> list[Row]:
    """Return the page in rows of at most `limit` cells."""
    rows: list[Row] = [Row(())]
    for label, sentence in sentences(facts, now):
        rows += [Row(line, (label, index)) for index, line in enumerate(_lines(label, sentence, limit))]
    if (measured := _measured(facts)) is not None:
        rows += [Row(line, ("measured", index)) for index, line in enumerate(_lines("measured", measured, limit))]
    if series := series_lines(facts, now, limit):
        rows += [Row(()), *(Row(line, ("hour", index)) for index, line in enumerate(series))]
    if (oldest := _oldest(facts, now, limit)) is not None:
        rows += [Row(()), oldest]
    return rows


def _lines(label: str, sentence: Sentence, limit: int) -> list[Line]:
    """Return `label     answer  remark`. A remark that does not fit stands on the next line."""
    answer, remark = sentence
    room = max(limit - LABEL, LABEL)
    head = pad((Piece(label, Token.FAINT),), LABEL)
    if not remark or line_width(answer) + _GAP + line_width(remark) <= room:
        parts = [(*answer, Piece(" " * _GAP), *remark) if remark else answer]
    else:
        parts = [answer, remark]
    rows = [row for part in parts for row in _cut_rows(part, room)]
    return [(*(head if not index else (Piece(" " * LABEL),)), *row) for index, row in enumerate(rows)]


def _cut_rows(line: Line, room: int) -> list[Line]:
    rows = fold(line, room)
    if len(rows) <= _MAX_ROWS:
        return rows
    return [*rows[: _MAX_ROWS - 1], cut((*rows[_MAX_ROWS - 1], Piece("  ")), room)]


def _measured(facts: QueueFacts) -> Sentence | None:
    """Return the server's metrics as a sentence; None where they are not known."""
    if facts.metrics_failure:
        return (Piece("not read", Token.MUTED),), (Piece(facts.metrics_failure, Token.FAINT),)
    metrics = facts.metrics
    if metrics is None:
        return ((Piece(facts.stage.words, Token.MUTED),), ()) if facts.is_unread else None
    if not metrics.is_measured:
        return (Piece(formatting.NONE, Token.MUTED),), (
            Piece("the server measured nothing in the last hour", Token.FAINT),
        )
    return (Piece(_measured_words(metrics), Token.TEXT),), (Piece("in the last hour", Token.FAINT),)


def _measured_words(metrics: QueueMetrics) -> str:
    parts = [f"{number(metrics.started)} started", f"{number(metrics.throttled)} throttled"]
    if metrics.wait_p95 is not None:
        parts.append(f"p95 of waits {brief_duration(metrics.wait_p95)}")
    return ", ".join(parts)


def _oldest(facts: QueueFacts, now: Now, limit: int) -> Row | None:
    row = facts.row
    if row.oldest_run is None:
        return None
    head = pad((Piece("oldest", Token.FAINT),), LABEL)
    since = "" if row.oldest_at is None else f"  queued {formatting.clock(row.oldest_at, now.at)}"
    line = (*head, Piece(row.oldest_run, Token.TEXT), Piece(since, Token.FAINT))
    return Row(cut(line, limit), "oldest", GoToRun(row.oldest_run))
