"""The page about one run that `show` prints. It takes its lines from the modules of the detail pane."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from tui.domain.hold import QueueState
from tui.domain.ids import RunId
from tui.domain.run import Run
from tui.present import formatting
from tui.present.attempts.text import attempt_lines
from tui.present.columns import Now
from tui.present.detail.body import body_lines
from tui.present.detail.error import best_error
from tui.present.detail.facts import fact_lines, tag_rows
from tui.present.detail.holding import Situation
from tui.present.detail.relatives import children_by_status, children_summary
from tui.present.detail.summary import title_lines
from tui.present.detail.timeline import time_lines, updated_lines
from tui.present.errors.text import error_lines
from tui.present.status import style_of
from tui.present.styled import Line, Piece, Token
from tui.present.text_block import labelled

MIN_WIDTH: Final = 40
MAX_CHILDREN: Final = 10
"""The page names at most this many children with one status, except failed ones."""


def run_page(
    run: Run,
    *,
    now: datetime,
    width: int,
    root: Run | None = None,
    parent: Run | None = None,
    children: Sequence[Run] | None = None,
    queue: QueueState | None = None,
) -> list[Line]:
    """Return the page in lines of at most `width` cells (at least 40), with an empty line between blocks.

    `root`, `parent` and `children` are the relatives that the store knows; `children` is None if they were not read.
    `queue` is the queue of a run that waits in it.
    """
    limit = max(width, MIN_WIDTH)
    blocks = (
        title_lines(run, Now(now), limit),
        _error(run, limit),
        time_lines(run, Now(now), limit, shows_zone=True) + updated_lines(run, Now(now), limit),
        fact_lines(run, limit, Situation(Now(now), queue)) + [row.line for row in tag_rows(run, limit)],
        _relatives(run, root, parent, children, limit),
        body_lines(run, limit),
        attempt_lines(run, run.attempts[1], now, limit) if run.attempts else [],
    )
    lines: list[Line] = []
    for block in blocks:
        if block and lines:
            lines.append(())
        lines += block
    return lines


def _error(run: Run, limit: int) -> list[Line]:
    """Return the error, without its stack where an attempt below shows it."""
    error = best_error(run)
    if error is None:
        return []
    attempts = run.attempts[1].attempts if run.attempts else ()
    is_shown_below = any(attempt.error and attempt.error.stack for attempt in attempts)
    return error_lines(error, limit, with_stack=not is_shown_below)


def _relatives(
    run: Run, root: Run | None, parent: Run | None, children: Sequence[Run] | None, limit: int
) -> list[Line]:
    lines: list[Line] = []
    for label, relative, run_id in (("root", root, run.fixed.root_id), ("parent", parent, run.fixed.parent_id)):
        if relative is not None or run_id is not None:
            lines += labelled(label, _relative(relative, run_id), limit)
    if children is not None:
        lines += _children(children, limit)
    return lines


def _children(children: Sequence[Run], limit: int) -> list[Line]:
    """Return the summary, then the children by status: all that failed, and the first ten of each other status."""
    groups = children_by_status(children)
    lines = children_summary(groups, limit)
    hidden: Counter[str] = Counter()
    for style, runs in groups.items():
        shown = len(runs) if style.is_bold else MAX_CHILDREN
        hidden[style.word] = len(runs[shown:])
        for child in runs[:shown]:
            lines += labelled("", _relative(child, child.id), limit)
    if count := hidden.total():
        note = Piece(f"… and {formatting.count(count)} more; tree prints them", Token.FAINT)
        lines += labelled("", [(note,)], limit)
    return lines


def _relative(run: Run | None, run_id: RunId | None) -> list[Line]:
    if run is None:
        return [(Piece(run_id or ""),)]
    style = style_of(run)
    return [(Piece(run.fixed.task or formatting.NONE),), (Piece(run.id),), (style.mark, Piece(" "), style.name)]
