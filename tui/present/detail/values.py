"""Payload, output, metadata and schedule: where a run keeps them, and their rows in the detail pane."""

from typing import Final

from tui.domain.run import ABSENT, Absent, Json, Run
from tui.present.actions.row_actions import FetchValue, Row
from tui.present.detail.error import enter_hint
from tui.present.detail.facts import label_piece
from tui.present.detail.unreadable import MAX_CHARACTERS
from tui.present.detail.view import DetailRead, DetailView
from tui.present.json.fold import JsonFolds
from tui.present.json.rows import ValueRows
from tui.present.read_stage import ReadStage
from tui.present.styled import Line, Piece, Token, cut, wrap
from tui.present.text_block import LABEL

VALUES: Final = ("payload", "output", "metadata", "schedule")
"""The labels, in the order of the page."""

FETCHING: Final = "fetching…"

MAX_VALUE_ROWS: Final = 60
MAX_SEARCHED_ROWS: Final = 400
"""The rows of one value while a search is open, so that its matches are visible."""


def value_of(run: Run, label: str) -> tuple[Json | Absent, str | None]:
    """Return one of `VALUES`, and the URL of a value that the server stores apart.

    The value is `ABSENT` where the run has none, or where it is not known.
    """
    body = run.body[1] if run.body else None
    match label:
        case "payload":
            return (ABSENT, None) if body is None else (body.payload, body.payload_url)
        case "output":
            return (ABSENT, None) if body is None else (body.output, body.output_url)
        case "metadata":
            return (run.metadata_values or ABSENT), None
        case _:
            return (ABSENT if run.fixed.schedule is None else run.fixed.schedule), None


def missing_words(run: Run, label: str, stage: ReadStage = ReadStage.DONE) -> str | None:
    """Return what the page says where a value is absent, or None where it leaves the value out."""
    if label in {"metadata", "schedule"} or (label == "output" and not run.is_final):
        return None
    if run.body is None:
        return stage.words
    return "none, the run failed" if label == "output" and run.status.is_failed else "none"


def value_rows(run: Run, read: DetailRead, view: DetailView, limit: int, values: ValueRows) -> list[Row]:
    """Return the rows of all values, each at most `limit` cells wide."""
    rows: list[Row] = []
    for label in VALUES:
        value, url = value_of(run, label)
        if value is not ABSENT:
            folds = view.folds.get(label, JsonFolds())
            max_rows = MAX_SEARCHED_ROWS if view.is_searched else MAX_VALUE_ROWS
            rows += values.rows(label, value, folds, limit, is_wrapped=view.is_wrapped, max_rows=max_rows)
        elif url is not None:
            rows += _stored_apart_rows(label, view.fetching.get(label, ""), limit)
        elif (words := missing_words(run, label, read.stage)) is not None:
            rows.append(_labelled_row(label, (Piece(words, Token.FAINT),), limit))
    return rows


def _labelled_row(label: str, line: Line, limit: int, action: FetchValue | None = None) -> Row:
    return Row((label_piece(label), *cut(line, limit - LABEL)), label, action)


def _stored_apart_rows(label: str, progress: str, limit: int) -> list[Row]:
    """Return the rows for a value that has to be fetched from its own URL."""
    if progress == FETCHING:
        return [_labelled_row(label, (Piece(progress, Token.MUTED),), limit)]
    action = FetchValue(label)
    if not progress:
        return [_labelled_row(label, (Piece("stored apart  ", Token.MUTED), *enter_hint("fetches it")), limit, action)]
    lines: list[Line] = [(Piece(row, Token.AMBER),) for row in wrap(progress[:MAX_CHARACTERS], limit - LABEL)]
    rows = [_labelled_row("" if index else label, line, limit, action) for index, line in enumerate(lines)]
    rows = [row._replace(key=(label, index)) for index, row in enumerate(rows)]
    return [*rows, _labelled_row("", enter_hint("tries again"), limit, action)._replace(key=(label, "again"))]
