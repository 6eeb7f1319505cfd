"""The blocks "failing now" and "tasks", and the line of runs that ended just now."""

from typing import Final

from tui.domain.findings.facts import FactSource
from tui.domain.findings.finding import NOT_KNOWN, OK
from tui.domain.text import Raw
from tui.present import formatting
from tui.present.actions.row_actions import ListRuns
from tui.present.styled import Line, Piece, Token, joined, line_width
from tui.present.wall.ages import aged, refusal_of
from tui.present.wall.blocks import BlockRow, WallView
from tui.present.wall.durations import brief_duration
from tui.present.wall.failing import failing_columns, failing_row, failing_summary, no_groups_line, shown_groups
from tui.present.wall.hour import WIDE
from tui.present.wall.placed_line import PlacedLine
from tui.present.wall.rules import block_rule, time_marks
from tui.present.wall.tasks import folded_line, more_words, task_columns, task_heads, task_row
from tui.present.wall.verdict import verdict_word
from tui.store.filter_words import as_value
from tui.store.findings.board import JustEnded, TaskHealth

_GAP: Final = "    "
_SHORT_ID: Final = 4


def failing_count(view: WallView, width: int) -> int:
    """Return how many rows the error groups want, at least one for a sentence."""
    return max(1, len(shown_groups(view.failing, hides_acknowledged=width < WIDE)))


def failing_block(view: WallView, width: int, most: int) -> list[BlockRow]:
    """Return the error groups in at most `most` rows below their rule."""
    is_narrow = width < WIDE
    groups = shown_groups(view.failing, hides_acknowledged=is_narrow)
    columns = failing_columns(width)
    at_since: Line = ()
    if view.is_stale and view.heard_at is not None:
        at_since = (Piece(f"at {formatting.time_of_day(view.heard_at, view.now)}", Token.MUTED),)
    right = at_since or failing_summary(view.failing, view.now, is_narrow=is_narrow, hides_acknowledged=is_narrow)
    title = "failing" if view.is_stale else "failing now"
    named = aged((Piece(title, Token.TEXT),), view, FactSource.ERRORS)
    rule = block_rule(named, width, view.look, right=right, is_stale=view.is_stale)
    shown = groups if len(groups) <= most else groups[: max(1, most - 1)]
    rows = [
        BlockRow(
            failing_row(group, columns, view.now, is_stale=view.is_stale),
            key=("group", group.identity),
            opens=ListRuns(
                group.filter_text, Raw(f"{group.type or ''} {group.message}".strip()), filters=group.filters
            ),
        )
        for group in shown
    ]
    if most > 1 and len(shown) < len(groups):
        rest = groups[len(shown) :]
        words = f"{formatting.count(len(rest))} more, {formatting.count(sum(each.count for each in rest))} runs"
        rows.append(BlockRow((Piece("    "), Piece(words, Token.FAINT))))
    if not rows:
        refusal = refusal_of(view.board, FactSource.ERRORS)
        has_reason = refusal is not None and not view.failing.groups
        line: Line = (Piece(refusal or "", Token.FAINT),) if has_reason else no_groups_line(view.failing, view.now)
        rows.append(BlockRow((Piece("  "), *line)))
    return [BlockRow(rule), *rows]


def tasks_block(view: WallView, width: int, most: int, *, is_timeline: bool = False) -> list[BlockRow]:
    """Return the tasks, worst first, in at most `most` rows below their rule. The last one counts those without."""
    tasks = view.board.tasks
    columns = task_columns(width, is_timeline=is_timeline)
    span = view.board.lines.span
    repeat = max(1, columns.cells // span.count)
    marks = time_marks(span, columns.series_at, span.count, repeat, view.now) if is_timeline else []
    has_words = any(row.health is not TaskHealth.HEALTHY or row.has_failures for row in tasks)
    is_healthy = verdict_word(view) == OK and not any(row.has_failures is None for row in tasks)
    order = "all healthy" if is_healthy and not has_words else "worst first"
    title: Line = (Piece("tasks", Token.TEXT), Piece(" · ", Token.FAINT), Piece(order, Token.MUTED))
    title = title[:1] if view.is_stale or not tasks else title
    title = aged(title, view, FactSource.MINUTES)
    heads = task_heads(columns)
    rule = block_rule(title, width, view.look, marks=marks, heads=heads, is_stale=view.is_stale)
    count = len(tasks) if len(tasks) <= most else max(1, most - 1)
    rows = [
        BlockRow(
            task_row(row, columns, view.look, is_stale=view.is_stale),
            key=("task", row.task),
            opens=ListRuns(f"task:{as_value(row.task)}"),
        )
        for row in tasks[:count]
    ]
    if count < len(tasks) and most > 1:
        rest, is_known = tasks[count:], verdict_word(view) != NOT_KNOWN
        running = sum(row.running or 0 for row in rest)
        words = more_words(rest, is_known=is_known) + (f" · {formatting.count(running)} running" if running else "")
        more: Line = (Piece(words, Token.FAINT),)
        line = more if width >= WIDE else folded_line(rest, width - 6, is_known=is_known)
        rows.append(BlockRow((Piece("    "), *line)))
    if not tasks:
        words = formatting.NONE if view.is_loading else "no task ran"
        rows.append(BlockRow((Piece("    "), Piece(words, Token.FAINT))))
    return [BlockRow(rule), *rows]


def just_now_block(view: WallView, width: int) -> list[BlockRow]:
    """Return the runs that ended just now, newest first, in one line."""
    rule = block_rule((Piece("just now", Token.TEXT),), width, view.look, is_stale=view.is_stale)
    parts: list[Line] = []
    for ended in view.board.just_now:
        part = _ended(ended, view)
        if line_width(joined([*parts, part], _GAP)) > width - 4:
            break
        parts.append(part)
    row = PlacedLine()
    row.put(2, joined(parts, _GAP))
    return [BlockRow(rule), BlockRow(row.line(width))]


def _ended(ended: JustEnded, view: WallView) -> Line:
    is_grey = view.is_stale or not ended.is_failed
    glyph = Piece("✗" if ended.is_failed else "✓", Token.MUTED if view.is_stale else Token.GREEN)
    if ended.is_failed and not view.is_stale:
        glyph = Piece("✗", Token.ROSE, is_bold=True)
    line: Line = (
        Piece(f"{formatting.clock(ended.ended_at, view.now)} ", Token.FAINT),
        glyph,
        Piece(" "),
        Piece(ended.task or formatting.NONE, Token.MUTED if is_grey else Token.BRIGHT),
        Piece(f" …{ended.run_id[-_SHORT_ID:]}", Token.FAINT),
    )
    note = ended.error_type or (brief_duration(ended.took) if ended.took is not None else "")
    return (*line, Piece("  "), Piece(note, Token.FAINT)) if note else line
