"""The blocks at the right of the overview: the error groups of the last hour, and the tasks, both worst first."""

from typing import Final

from tui.domain.findings.finding import NOT_KNOWN
from tui.present import formatting
from tui.present.findings.verdict_words import refused_words
from tui.present.overview.view import BLANK, EDGE, OverviewLine, OverviewView
from tui.present.styled import Line, Piece, Token, cut, wrap
from tui.present.wall.failing import FailingColumns, failing_columns, failing_row, no_groups_line
from tui.present.wall.placed_line import PlacedLine
from tui.present.wall.tasks import TaskColumns, TaskFigure, more_words, task_columns, task_heads, task_row

_GUTTER: Final = 2
"""The wall's rows begin behind a gutter, which the pages of panes have already."""

_WIDE_FAILING: Final = 110
_WIDE_TASKS: Final = 79
_MIN_SERIES: Final = 56
_MIN_QUEUED: Final = 46
_COUNT_CELLS: Final = 3


def failing_lines(view: OverviewView, width: int, rows: int) -> list[OverviewLine]:
    """Return a line for each error group of the last hour, or a sentence. If not all fit, the last line counts them."""
    failing, limit = view.failing, width - EDGE
    lines = [BLANK]
    if not failing.groups:
        lines.append(OverviewLine(no_groups_line(failing, view.now)))
    columns = _failing_columns(view, limit)
    room = rows - len(lines)
    shown = failing.groups if len(failing.groups) <= max(room, 1) else failing.groups[: max(room - 1, 1)]
    lines += [OverviewLine(failing_row(group, columns, view.now, is_stale=view.is_stale), group) for group in shown]
    if hidden := failing.groups[len(shown) :]:
        count, runs = formatting.count(len(hidden)), sum(group.count for group in hidden)
        words = f"  {count} more with {formatting.plural(runs, 'failed run')}"
        lines.append(OverviewLine((Piece(words, Token.FAINT),)))
    if failing.problem and failing.groups:
        lines += [OverviewLine((Piece(text, Token.FAINT),)) for text in wrap(refused_words(failing.problem), limit)]
    return lines


def failing_rule(view: OverviewView) -> Line:
    """Return the text at the right end of the rule: `147 in the last hour, 12 not read`, or `147 since 07:26`."""
    failing = view.failing
    if not failing.is_known or not failing.failed_count:
        return ()
    unread = f", {formatting.count(failing.unread_count)} not read" if failing.unread_count else ""
    since = None if failing.known_since is None else formatting.time_of_day(failing.known_since, view.now)
    when = "in the last hour" if since is None else f"since {since}"
    return (Piece(f"{formatting.count(failing.failed_count)} {when}{unread}", Token.MUTED),)


def task_lines(view: OverviewView, width: int, rows: int) -> list[OverviewLine]:
    """Return a line for each task. If not all fit, the last one counts the others."""
    tasks, columns = view.board.tasks, _task_columns(width - EDGE)
    if not tasks:
        return [BLANK, OverviewLine((Piece("no task has run yet", Token.FAINT),))]
    shown = tasks if len(tasks) <= max(rows, 1) else tasks[: max(rows - 1, 1)]
    lines = [OverviewLine(task_row(task, columns, view.look, is_stale=view.is_stale), task) for task in shown]
    if hidden := tasks[len(shown) :]:
        is_known = not view.is_stale and view.verdict is not None and view.verdict.word != NOT_KNOWN
        words = cut((Piece(f"  {more_words(hidden, is_known=is_known)}", Token.FAINT),), width - EDGE)
        lines.append(OverviewLine(words))
    return lines


def tasks_rule(width: int) -> Line:
    """Return the titles of the columns of a page of that width, for the right end of its rule."""
    limit = width - EDGE
    columns = _task_columns(limit)
    heads = task_heads(columns)
    if not heads:
        return ()
    end, name = heads[0]
    begin = end - len(name)
    line = PlacedLine()
    for end, name in heads:
        line.right(end - begin, (Piece(name, Token.MUTED),))
    if columns.word_at is not None:
        line.put(columns.word_at - begin, (Piece("health", Token.MUTED),))
    return line.line(limit - begin)


def _failing_columns(view: OverviewView, limit: int) -> FailingColumns:
    if limit >= _WIDE_FAILING:
        wide = failing_columns(limit + _GUTTER)
        return FailingColumns(
            limit,
            wide.count_end - _GUTTER,
            wide.state_at - _GUTTER,
            wide.task_at - _GUTTER,
            wide.error_at - _GUTTER,
            _moved(wide.place_at),
            _moved(wide.versions_at),
            _moved(wide.since_end),
            has_narrow_states=wide.has_narrow_states,
            glyph_at=0,
        )
    digits = max([_COUNT_CELLS, *(len(formatting.count(group.count)) for group in view.failing.groups)])
    count_end = 2 + digits
    task_at = count_end + 9
    task_cells = 11 if limit < _WIDE_TASKS else 16
    if limit < _MIN_QUEUED:
        task_cells = 8
    return FailingColumns(
        limit, count_end, count_end + 2, task_at, task_at + task_cells + 2, since_end=limit, glyph_at=0
    )


def _moved(at: int | None) -> int | None:
    return None if at is None else at - _GUTTER


def _task_columns(limit: int) -> TaskColumns:
    if limit >= _WIDE_TASKS:
        wide = task_columns(limit + _GUTTER + 1)
        return TaskColumns(
            limit,
            wide.name_at - _GUTTER,
            wide.series_at - _GUTTER,
            wide.cells,
            tuple((figure, end - _GUTTER) for figure, end in wide.ends),
            _moved(wide.word_at),
        )
    ends = (
        (TaskFigure.FAILED, limit - 23),
        (TaskFigure.P95, limit - 16),
        (TaskFigure.RUNNING, limit - 8),
        (TaskFigure.QUEUED, limit),
    )
    cells = 12 if limit >= _MIN_SERIES else 0
    return TaskColumns(limit, 2, limit - 31 - cells, cells, ends)
