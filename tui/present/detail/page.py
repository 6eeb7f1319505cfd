"""The detail pane's page about one run: status, error, timeline, facts, relatives, values.

This module holds the order of the page. Every known field of a run is on it, or one Enter away from it.
"""

from typing import Final

from tui.domain.run import ABSENT, Absent, Json, Run
from tui.present.actions.row_actions import Row
from tui.present.columns import Now
from tui.present.detail.error import ERROR, best_error, error_rows
from tui.present.detail.facts import fact_rows, fact_text, tag_rows
from tui.present.detail.holding import Situation
from tui.present.detail.relatives import Relatives, ancestor_rows, child_rows
from tui.present.detail.summary import head_lines
from tui.present.detail.timeline import time_lines, timeline_line, updated_lines
from tui.present.detail.unreadable import failure_lines
from tui.present.detail.values import value_of, value_rows
from tui.present.detail.view import DetailRead, DetailView
from tui.present.formatting import NOT_READ
from tui.present.json.fold import value_at
from tui.present.json.rows import ValuePath, ValueRows
from tui.present.read_stage import ReadStage
from tui.present.styled import Line

MIN_WIDTH: Final = 30


def detail_rows(
    run: Run, around: Relatives, read: DetailRead, view: DetailView, now: Now, width: int, values: ValueRows
) -> list[Row]:
    """Return the page in rows of at most `width` cells (at least 30), with an empty row before each block.

    `values` caches the rows of the values: pass the same object for as long as the page shows one run.
    """
    limit = max(width, MIN_WIDTH)
    children = child_rows(around, now, limit, view.unfolded)
    life = timeline_line(run, now, limit)
    situation = Situation(now, read.queue)
    # One word for all of them suffices, and it stands at the payload.
    unread = NOT_READ if read.stage is ReadStage.DONE else ""
    blocks = (
        _keyed(head_lines(run, now, limit, read.action), "head"),
        _keyed(failure_lines(run, read.failure, now, limit), "failure"),
        error_rows(run, limit),
        [
            *([Row(life, "life")] if life else []),
            *_keyed(time_lines(run, now, limit), "time"),
            *ancestor_rows(run, around, now, limit, unread),
            *fact_rows(run, limit, is_seldom=False, is_wrapped=view.is_wrapped, unread=unread, situation=situation),
            *tag_rows(run, limit),
        ],
        children if around.children else [],
        value_rows(run, read, view, limit, values),
        [
            *fact_rows(run, limit, is_seldom=True, is_wrapped=view.is_wrapped, unread=unread),
            *_keyed(updated_lines(run, now, limit), "updated"),
            *(children if not around.children else []),
        ],
    )
    rows: list[Row] = []
    for block in blocks:
        if block:
            rows.append(Row(()))
            rows += block
    return rows


def whole_of(run: Run, path: ValuePath) -> Json | Absent:
    """Return all of a cut error, fact or value for a screen of its own; `ABSENT` if the run no longer has it."""
    if path.label == ERROR:
        error = best_error(run)
        return ABSENT if error is None else f"{error.message}\n\n{error.stack}" if error.stack else error.message
    if (text := fact_text(run, path.label)) is not None:
        return text
    value, _ = value_of(run, path.label)
    return value if value is ABSENT else value_at(value, path.path)


def _keyed(lines: list[Line], key: str) -> list[Row]:
    return [Row(line, (key, index)) for index, line in enumerate(lines)]
