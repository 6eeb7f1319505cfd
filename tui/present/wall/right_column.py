"""The blocks that only a wide wall has room for: the newest failure opened, the last 24 hours, the queues."""

from datetime import timedelta
from typing import Final

from tui.domain.findings.facts import FactSource
from tui.domain.run import Run
from tui.present import formatting
from tui.present.actions.row_actions import GoToRun, ListRuns
from tui.present.detail.error import full_error
from tui.present.errors.layout import ErrorLayout
from tui.present.errors.rows import error_rows
from tui.present.queues.words import queued_text
from tui.present.status import style_of
from tui.present.styled import Line, Piece, Token, cut, line_width
from tui.present.wall import series as bars
from tui.present.wall.ages import aged, refusal_of
from tui.present.wall.blocks import BlockRow, WallView
from tui.present.wall.durations import waited
from tui.present.wall.failing import no_groups_line
from tui.present.wall.placed_line import PlacedLine
from tui.present.wall.rules import block_rule, time_marks
from tui.store.filter_words import as_value
from tui.store.findings.board import BoardSpan, QueueHealth, QueueRow

DAY_CELL: Final = timedelta(minutes=20)
DAY_CELLS: Final = 72
DAY_ROWS: Final = 4
_INDENT: Final = 2
_NAME_CELLS: Final = 18
_BAR_AT: Final = 22
_MAX_BAR: Final = 48
_UNREAD: Final = "no run of these failures is read"

QUEUE_MARKS: Final = {
    QueueHealth.AT_LIMIT: ("○", Token.AMBER),
    QueueHealth.STUCK: ("!", Token.AMBER),
    QueueHealth.LATE: ("○", Token.AMBER),
    QueueHealth.PAUSED: ("‖", Token.MUTED),
}


def newest_block(view: WallView, width: int, most: int) -> list[BlockRow]:
    """Return the newest failure with its error and stack, in at most `most` rows."""
    run = view.newest
    ended = None if run is None or run.state is None else run.state.finished_at or run.state.updated_at
    age: Line = ()
    if view.is_stale and view.heard_at is not None:
        age = (Piece(f"at {formatting.time_of_day(view.heard_at, view.now)}", Token.MUTED),)
    elif ended is not None:
        lasted = formatting.wait(view.now - ended, in_minutes=view.is_slow_link)
        age = (Piece(f"{lasted} ago", Token.MUTED),)
    title: Line = (Piece("newest failure", Token.TEXT),)
    rule = BlockRow(block_rule(title, width, view.look, right=age, is_stale=view.is_stale, has_dash=False))
    if run is None:
        is_unread = bool(view.failing.groups)
        line = (Piece(_UNREAD, Token.FAINT),) if is_unread else no_groups_line(view.failing, view.now)
        return [rule, BlockRow((Piece(" " * _INDENT), *line))][:most]
    head = _head(run, is_stale=view.is_stale)
    limit = width - _INDENT - 2
    error = full_error(run)
    lines: list[Line] = [(), head, ()]
    if error is not None:
        rows = error_rows(error, ErrorLayout(limit), ("wall", run.id))
        lines += [row.line for row in rows]
    else:
        lines.append((Piece("its error is not read", Token.FAINT),))
    opened = GoToRun(run.id)
    shown = [rule]
    for index, line in enumerate(lines):
        key = ("newest", run.id) if index == 1 else None
        part: Line = (Piece(" " * _INDENT), *cut(line, limit)) if line else ()
        shown.append(BlockRow(part, key=key, opens=opened if key else None))
    return shown[:most]


def day_block(view: WallView, width: int) -> list[BlockRow]:
    """Return the last 24 hours: done and failed in cells of 20 minutes."""
    cells = min(DAY_CELLS, width - _INDENT - 2)
    span = view.day.span if view.day is not None else BoardSpan(DAY_CELL, DAY_CELLS, view.now)
    marks = time_marks(span, _INDENT, cells, 1, view.now)
    title = aged((Piece("last 24 hours", Token.TEXT),), view, None)
    rule = block_rule(title, width, view.look, marks=marks, is_stale=view.is_stale, has_dash=False)
    done = view.day.done.cells if view.day is not None else [None] * DAY_CELLS
    failed = view.day.failed.is_abnormal if view.day is not None else ()
    done = done[-cells:]
    look = bars.Bars(
        bars.top_of(done),
        Token.GUIDE if view.is_stale else Token.SPARK,
        Token.ROSE,
        unknown=Token.AMBER if view.is_stale else Token.GUIDE,
    )
    upper, lower = bars.two_row_series(done, look, view.look, failed[-cells:])
    foot = PlacedLine()
    lines = view.board.lines
    totals: Line = (
        Piece(_count(lines.done.last_day), Token.MUTED),
        Piece(" done   ", Token.FAINT),
        Piece(_count(lines.failed.last_day), Token.MUTED if view.is_stale else Token.ROSE),
        Piece(" failed", Token.FAINT),
    )
    words = "done and failed, a cell is 20 minutes"
    if _INDENT + len(words) + 2 + line_width(totals) <= width - 2:
        foot.put(_INDENT, (Piece(words, Token.FAINT),))
    foot.right(width - 2, totals)
    blank = Piece(" " * _INDENT)
    return [BlockRow(rule), BlockRow((blank, *upper)), BlockRow((blank, *lower)), BlockRow(foot.line(width))]


def queues_block(view: WallView, width: int, most: int) -> list[BlockRow]:
    """Return the queues, worst first, with their usage, in at most `most` rows below their rule."""
    ends = (width - 23, width - 13, width - 3)
    heads = list(zip(ends, ("running", "queued", "oldest"), strict=True))
    title = aged((Piece("queues", Token.TEXT),), view, FactSource.QUEUES, FactSource.WAITS)
    rule = block_rule(title, width, view.look, heads=heads, is_stale=view.is_stale, has_dash=False)
    queues = view.board.queues
    count = len(queues) if len(queues) <= most else max(0, most - 1)
    rows = [_queue_row(row, view, width, ends) for row in queues[:count]]
    if count < len(queues) and most > 0:
        words = f"{formatting.count(len(queues) - count)} more"
        rows.append(BlockRow((Piece("    "), Piece(words, Token.FAINT))))
    if not queues:
        words = refusal_of(view.board, FactSource.QUEUES) or formatting.NONE
        rows.append(BlockRow((Piece(" " * _INDENT), Piece(words, Token.FAINT))))
    return [BlockRow(rule), *rows]


def usage_bar(running: int | None, limit: int | None, cells: int, token: Token) -> Line:
    """Return how much of a limit is used: `━` on `─`. Without a limit it is blank."""
    if running is None or not limit:
        return ()
    used = min(cells, -(-running * cells // limit))
    return (Piece("━" * used, token), Piece("─" * (cells - used), Token.LINE))


def _head(run: Run, *, is_stale: bool) -> Line:
    style = style_of(run)
    token = Token.MUTED if is_stale else style.glyph_token
    return (
        Piece(style.glyph, token, is_bold=not is_stale),
        Piece(" "),
        Piece(style.word, token, is_bold=not is_stale),
        Piece("  "),
        Piece(run.fixed.task or formatting.NONE, Token.BRIGHT, is_bold=True),
        Piece("  "),
        Piece(run.id, Token.FAINT),
    )


def _queue_row(row: QueueRow, view: WallView, width: int, ends: tuple[int, int, int]) -> BlockRow:
    line = PlacedLine()
    mark, color = QUEUE_MARKS.get(row.health, ("", Token.FAINT))
    is_amber = color is Token.AMBER and not view.is_stale
    if mark:
        line.put(2, (Piece(mark, Token.MUTED if view.is_stale else color),))
    line.put(4, (Piece(row.name, Token.TEXT if mark and not view.is_stale else Token.MUTED),), _NAME_CELLS)
    cells = min(_MAX_BAR, ends[0] - 9 - _BAR_AT)
    bar_token = Token.GUIDE if view.is_stale else Token.AMBER if is_amber else Token.BLUE
    if cells > 4:
        line.put(_BAR_AT, usage_bar(row.running, row.limit, cells, bar_token))
    still = "~" if view.is_stale else ""
    limit: Line = () if row.limit is None else (Piece(f"/{formatting.count(row.limit)}", Token.FAINT),)
    line.right(ends[0], (Piece(_count(row.running) + still, Token.TEXT if mark else Token.FAINT), *limit))
    waits = Token.AMBER if is_amber else Token.TEXT
    line.right(ends[1], (Piece(queued_text(row) + (still if row.queued else ""), waits),))
    if row.oldest_at is not None and row.queued:
        line.right(ends[2], (Piece(waited(view.since(row.oldest_at), in_minutes=view.is_slow_link), waits),))
    opens = ListRuns(f"queue:{as_value(row.stored_name)}", queue=row.stored_name)
    return BlockRow(line.line(width), key=("queue", row.stored_name), opens=opens)


def _count(number: int | None) -> str:
    return formatting.NONE if number is None else formatting.count(number)
