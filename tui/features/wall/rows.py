"""The rows of the wall's blocks: tasks, failing now, schedules, longest runs, approvals, the right column."""

import re
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, NamedTuple, assert_never

from tui.domain.facts import FactSource
from tui.domain.finding import NOT_KNOWN, OK
from tui.domain.run import Run
from tui.domain.text import Raw
from tui.features.alerts.words import RUN_NOT_KNOWN, refused_words
from tui.features.detail.words import full_error
from tui.features.errors.error import ErrorLayout, error_rows
from tui.features.errors.words import STATE_TOKENS, STATE_WORDS, day_words
from tui.features.queues.words import queued_text
from tui.features.wall.blocks import (
    TASK_ROW,
    Bars,
    BlockRow,
    PlacedLine,
    WallLook,
    WallView,
    aged,
    any_of,
    block_rule,
    refusal_of,
    run_target,
    series,
    series_bars,
    summed,
    time_marks,
    top_of,
    two_row_series,
)
from tui.features.wall.findings import WIDE, verdict_word
from tui.store.filter import as_value
from tui.store.findings.rows import (
    BoardSpan,
    DueRow,
    FailingGroup,
    FailingNow,
    JustEnded,
    LongestRow,
    QueueHealth,
    QueueRow,
    TaskHealth,
    TaskRow,
    WaitingRow,
)
from tui.text import formatting
from tui.text.blocks import GoToRun, ListRuns
from tui.text.formatting import brief_duration, waited
from tui.text.status import style_of
from tui.text.styled import Line, Piece, Token, cut, first_line, joined, line_width

# The rows of tasks, worst first: a series, figures, and a word. Wall and overview share them.


_GAP: Final = "   "

MANY_QUEUED: Final = 20
"""From so many on, queued runs are amber where the task's word is."""


class TaskFigure(StrEnum):
    """The figures of a task, by their titles."""

    RUNS = "runs/h"
    FAILED = "failed"
    P95 = "p95"
    NORMAL = "normal"
    RUNNING = "running"
    QUEUED = "queued"
    OLDEST = "oldest"


class TaskColumns(NamedTuple):
    """Where the parts of a row are, in cells: `ends` has the end of each figure, `word_at` where the word begins."""

    width: int
    name_at: int
    series_at: int
    cells: int
    ends: tuple[tuple[TaskFigure, int], ...]
    word_at: int | None = None


MARKS: Final = {
    TaskHealth.FAILING: ("✗", Token.ROSE),
    TaskHealth.SLOW: ("○", Token.AMBER),
    TaskHealth.AT_LIMIT: ("○", Token.AMBER),
    TaskHealth.LATE: ("○", Token.AMBER),
    TaskHealth.MISSING: ("!", Token.AMBER),
    TaskHealth.STUCK: ("!", Token.AMBER),
    TaskHealth.PAUSED: ("‖", Token.MUTED),
}
"""The mark of each word and its colour. Others have none."""

_FIGURE_CELLS: Final = {
    TaskFigure.RUNS: 8,
    TaskFigure.FAILED: 8,
    TaskFigure.P95: 7,
    TaskFigure.NORMAL: 9,
    TaskFigure.RUNNING: 9,
    TaskFigure.QUEUED: 8,
    TaskFigure.OLDEST: 9,
}
_TIMELINE_ENDS: Final = (
    (TaskFigure.RUNS, 90),
    (TaskFigure.FAILED, 97),
    (TaskFigure.P95, 104),
    (TaskFigure.RUNNING, 112),
    (TaskFigure.QUEUED, 119),
)
_NAME_AT: Final = 4
_NAME_CELLS: Final = 16
_SERIES_CELLS: Final = (60, 30, 20)
"""The cells that a series may have: each stands for as many cells of time."""

_NARROW_DROPS: Final = ((72, TaskFigure.P95), (66, TaskFigure.RUNS))


def task_columns(width: int, *, is_timeline: bool = False) -> TaskColumns:
    """Return the columns of the wall for a width. A timeline has the cells of the wall's other series."""
    if is_timeline:
        spare = max(0, width - 120)
        repeat = 2 if spare >= 60 else 1
        extra = (repeat - 1) * 60
        rest = spare - extra
        return TaskColumns(width, 4, 22 + rest, 60 * repeat, tuple((each, end + spare) for each, end in _TIMELINE_ENDS))
    if width >= 110:
        sizes = dict.fromkeys(_FIGURE_CELLS, 9) | {TaskFigure.RUNNING: 10}
        return _placed(width, sizes, word_cells=14)
    sizes = {each: size for each, size in _FIGURE_CELLS.items() if each not in {TaskFigure.NORMAL, TaskFigure.OLDEST}}
    for below, figure in _NARROW_DROPS:
        if width < below:
            del sizes[figure]
    return _placed(width, sizes)


def _placed(width: int, sizes: dict[TaskFigure, int], *, word_cells: int = 0) -> TaskColumns:
    """Place the figures from the right end. The name gets some of the remaining cells, the series the rest."""
    end = width - 1 if not word_cells else width - word_cells - 2
    ends: list[tuple[TaskFigure, int]] = []
    for figure in reversed(sizes):
        ends.insert(0, (figure, end))
        end -= sizes[figure]
    room = end - (0 if word_cells else -1) - _NAME_AT
    spare = max(0, room - _NAME_CELLS - _SERIES_CELLS[-1])
    name_cells = _NAME_CELLS + min(spare, 10)
    cells = next((each for each in _SERIES_CELLS if room - name_cells >= each), max(0, room - name_cells))
    word_at = width - word_cells if word_cells else None
    return TaskColumns(width, _NAME_AT, _NAME_AT + name_cells, cells, tuple(ends), word_at)


def task_heads(columns: TaskColumns) -> tuple[tuple[int, str], ...]:
    """Return the titles of the figures with the cells where they end."""
    return tuple((end, figure.value) for figure, end in columns.ends)


def task_row(row: TaskRow, columns: TaskColumns, look: WallLook, *, is_stale: bool = False) -> Line:
    """Return the row of a task. A healthy one is grey; a stale one has no series, and `~` behind running numbers."""
    line = PlacedLine()
    mark, color = MARKS.get(row.health, ("", Token.FAINT))
    if mark and not is_stale:
        line.put(columns.name_at - 2, (Piece(mark, color, is_bold=color is Token.ROSE),))
    name = Token.BRIGHT if color is Token.ROSE else Token.TEXT if mark else Token.MUTED
    room = columns.series_at - columns.name_at - 1
    line.put(columns.name_at, (Piece(row.task, Token.MUTED if is_stale else name),), room)
    if not is_stale and columns.cells:
        line.put(columns.series_at, task_series(row, columns.cells, look))
    for figure, end in columns.ends:
        piece = _figure(row, figure, is_stale=is_stale)
        if piece.text:
            line.right(end, (piece,))
    if columns.word_at is not None and row.health and not is_stale:
        token = color if color in {Token.AMBER, Token.ROSE} else Token.FAINT
        line.put(columns.word_at, (Piece(row.health.value, token),), columns.width - columns.word_at)
    return line.line(columns.width)


def task_series(row: TaskRow, cells: int, look: WallLook) -> Line:
    """Return the bars of a task's ended runs. A cell in which a run failed is rose, unless that is acknowledged."""
    ended = [
        None if done is None and failed is None else (done or 0) + (failed or 0)
        for done, failed in zip(row.done, row.failed, strict=True)
    ]
    is_grey = row.health in {TaskHealth.HEALTHY, TaskHealth.ACKNOWLEDGED}
    failed = [] if row.health is TaskHealth.ACKNOWLEDGED else [bool(number) for number in row.failed]
    repeat = max(1, cells // len(ended)) if ended else 1
    shown = summed(ended, cells)
    token = Token.LINE if is_grey else Token.SPARK
    bars = Bars(top_of(shown), token, Token.ROSE, TASK_ROW, repeat=repeat, has_failure_marks=True)
    return series(shown, bars, look, any_of(failed, cells))


def folded_line(rows: Sequence[TaskRow], limit: int, *, is_known: bool = True) -> Line:
    """Return one line about the tasks that have no row: those with a word by name, the others counted."""
    parts: list[Line] = []
    rest = list(rows)
    for row in rows:
        if row.health is TaskHealth.HEALTHY:
            continue
        queued = f", {formatting.count(row.queued)} queued" if row.queued else ""
        part: Line = (Piece(row.task, Token.MUTED), Piece("  "), Piece(f"{row.health.value}{queued}", Token.FAINT))
        others = [each for each in rest if each is not row]
        last = [(Piece(more_words(others, is_known=is_known)),)] if others else []
        if line_width(joined([*parts, part, *last], _GAP)) <= limit:
            parts.append(part)
            rest = others
    if rest:
        parts.append((Piece(more_words(rest, is_known=is_known), Token.FAINT),))
    return joined(parts, _GAP)


def more_words(rows: Sequence[TaskRow], *, is_known: bool = True) -> str:
    """Return `29 more · 3 with failures`; `29 more healthy` only if none of them failed.

    `is_known`: the server answers.
    """
    count = f"{formatting.count(len(rows))} more"
    if not is_known:
        return count
    failures = Counter(row.has_failures for row in rows)
    numbers = (
        (sum(row.health in MARKS for row in rows), "not healthy"),
        (failures[True], "with failures"),
        (failures[None], "not known"),
    )
    words = [f"{formatting.count(number)} {word}" for number, word in numbers if number]
    return " · ".join([count, *words]) if words else f"{count} healthy"


def _figure(row: TaskRow, figure: TaskFigure, *, is_stale: bool) -> Piece:
    """Return a figure. Zero is blank, what is not known `·`."""
    has_mark = row.health in MARKS
    usual = Token.TEXT if has_mark else Token.FAINT
    match figure:
        case TaskFigure.RUNS:
            piece = _count(row.runs_per_hour, usual)
        case TaskFigure.FAILED:
            is_failing = row.health is TaskHealth.FAILING
            piece = _count(row.failed_count, Token.ROSE if is_failing else Token.TEXT)._replace(is_bold=is_failing)
        case TaskFigure.P95:
            token = Token.AMBER if row.is_p95_abnormal else usual
            is_idle = row.p95 is None and row.runs_per_hour == 0
            piece = Piece("" if is_idle else brief_duration(row.p95), token if row.p95 is not None else Token.FAINT)
        case TaskFigure.NORMAL:
            piece = Piece(brief_duration(row.normal_p95), Token.FAINT)
        case TaskFigure.RUNNING:
            piece = _count(row.running, Token.BLUE)
        case TaskFigure.QUEUED:
            piece = _count(row.queued, _waiting_token(row))
        case TaskFigure.OLDEST:
            unknown = formatting.NONE if row.queued else ""
            piece = Piece(unknown if row.oldest is None else waited(row.oldest), _waiting_token(row))
        case _:
            assert_never(figure)
    if not is_stale or not piece.text:
        return piece
    is_running = figure in {TaskFigure.RUNNING, TaskFigure.QUEUED} and piece.text != formatting.NONE
    return Piece(piece.text + ("~" if is_running else ""), Token.FAINT)


def _count(number: int | None, token: Token) -> Piece:
    if number is None:
        return Piece(formatting.NONE, Token.FAINT)
    return Piece(formatting.count(number) if number else "", token)


def _waiting_token(row: TaskRow) -> Token:
    is_late = row.health in {TaskHealth.AT_LIMIT, TaskHealth.LATE, TaskHealth.SLOW}
    return Token.AMBER if is_late or (row.queued or 0) > MANY_QUEUED else Token.TEXT


# The rows of "failing now": the error groups of the last hour, worst first. Wall and overview share them.


FAILED: Final = "✗"
NOTHING: Final = "only acknowledged failures"
NO_FAILURE: Final = "no run failed in the last hour"
_MIN_MESSAGE: Final = 12


class FailingColumns(NamedTuple):
    """Where the parts of a row are, in cells. None: the row has no such part.

    * `count_end`, `since_end`: where these end. `has_narrow_states`: `again` instead of `regressed`.
    * `width`: where a message ends if nothing stands behind it.
    """

    width: int
    count_end: int
    state_at: int
    task_at: int
    error_at: int
    place_at: int | None = None
    versions_at: int | None = None
    since_end: int | None = None
    has_narrow_states: bool = True
    glyph_at: int = 2


def failing_columns(width: int) -> FailingColumns:
    """Return the columns of the wall for a width."""
    if width >= 110:
        spare = min(width - 120, 60)
        place = 80 + spare // 2 if width >= 120 else width - 40
        return FailingColumns(width - 2, 8, 10, 24, 38, place, versions_at=place + 24, has_narrow_states=False)
    task_cells = 11 if width < 100 else 16
    return FailingColumns(width - 2, 8, 10, 17, 17 + task_cells + 2, since_end=width - 2)


def failing_row(group: FailingGroup, columns: FailingColumns, now: datetime, *, is_stale: bool = False) -> Line:
    """Return the row of a group. The row of an acknowledged group is grey."""
    is_grey = group.is_acknowledged
    strong = Token.MUTED if is_grey or is_stale else Token.BRIGHT
    weak = Token.FAINT if is_grey or is_stale else Token.MUTED
    row = PlacedLine()
    is_rose = not is_grey and not is_stale
    mark = Token.ROSE if is_rose else Token.FAINT if is_grey else Token.MUTED
    row.put(columns.glyph_at, (Piece(FAILED, mark, is_bold=is_rose),))
    row.right(columns.count_end, (Piece(formatting.count(group.count), strong),))
    row.put(columns.state_at, (_state(group, is_narrow=columns.has_narrow_states, is_stale=is_stale),))
    task = group.task if group.task_count <= 1 else formatting.plural(group.task_count, "task")
    row.put(columns.task_at, (Piece(task, strong),), columns.error_at - columns.task_at - 1)
    end = columns.place_at if columns.place_at is not None else columns.width
    if columns.place_at is None and columns.since_end is not None:
        end = columns.since_end - 6
    room = max(_MIN_MESSAGE, end - columns.error_at - 1)
    row.put(columns.error_at, _error(group, is_grey=is_grey or is_stale), room)
    if columns.place_at is not None and columns.versions_at is not None:
        room = columns.versions_at - columns.place_at - 1
        row.put(columns.place_at, (Piece(_place(group, room), weak),), room)
        row.put(columns.versions_at, (_versions(group, weak),), columns.width - columns.versions_at)
    if columns.since_end is not None:
        since = formatting.NONE if group.since is None else day_words(group.since, now)
        row.right(columns.since_end, (Piece(since, Token.FAINT if is_stale else weak),))
    return row.line(columns.width)


def failing_summary(failing: FailingNow, now: datetime, *, is_narrow: bool, hides_acknowledged: bool) -> Line:
    """Return the text at the right end of the rule: `147 in 4 groups, 12 acknowledged`."""
    if not failing.is_known:
        return (Piece(formatting.NONE, Token.MUTED),)
    if not failing.failed_count:
        return ()
    groups = len(failing.groups)
    noun = ("group" if is_narrow else "error group") + ("" if groups == 1 else "s")
    known = failing.acknowledged_count
    since = "" if failing.known_since is None else f" since {formatting.time_of_day(failing.known_since, now)}"
    words = f"{formatting.count(failing.failed_count)} in {formatting.count(groups)} {noun}{since}"
    parts = [Piece(words, Token.MUTED)]
    if known and known == failing.failed_count:
        parts.append(Piece(", acknowledged", Token.MUTED))
    elif known and hides_acknowledged:
        parts += [Piece(", ", Token.MUTED), Piece(formatting.count(known)), Piece(" acknowledged", Token.MUTED)]
    if failing.unread_count:
        parts.append(Piece(f", {formatting.count(failing.unread_count)} not read", Token.MUTED))
    return tuple(parts)


def shown_groups(failing: FailingNow, *, hides_acknowledged: bool) -> Sequence[FailingGroup]:
    """Return the groups that have rows. A narrow screen only counts those that are acknowledged."""
    return [group for group in failing.groups if not (hides_acknowledged and group.is_acknowledged)]


def no_groups_line(failing: FailingNow, now: datetime) -> Line:
    """Return the sentence in place of rows. It claims nothing of a time that was not read."""
    if not failing.is_known:
        return (Piece(formatting.NONE, Token.FAINT),)
    if failing.unread_count:
        return (Piece("these failures are not read yet", Token.FAINT),)
    if failing.problem and not failing.groups:
        return (Piece(refused_words(failing.problem), Token.FAINT),)
    if failing.groups:
        return (Piece(NOTHING, Token.FAINT),)
    if failing.known_since is not None:
        words = f"no run failed since {formatting.time_of_day(failing.known_since, now)}; before that is not read"
        return (Piece(words, Token.FAINT),)
    return (Piece(NO_FAILURE, Token.FAINT),)


def _state(group: FailingGroup, *, is_narrow: bool, is_stale: bool) -> Piece:
    if group.state is None:
        return Piece("")
    token = Token.MUTED if is_stale else STATE_TOKENS[group.state]
    return Piece(STATE_WORDS[group.state][is_narrow], token, is_bold=token is Token.ROSE)


def _error(group: FailingGroup, *, is_grey: bool) -> Line:
    name, message = group.type, first_line(group.message)
    text = Piece(message or ("" if name else "no message"), Token.FAINT if is_grey else Token.TEXT)
    return (Piece(name, Token.FAINT if is_grey else Token.ROSE), Piece(" "), text) if name else (text,)


def _place(group: FailingGroup, room: int) -> str:
    if group.frame is None:
        return formatting.NONE
    place = group.frame.file + ("" if group.line is None else f":{group.line}")
    return place if len(place) <= room else place.removeprefix("src/")


def _versions(group: FailingGroup, weak: Token) -> Piece:
    match group.versions:
        case ():
            return Piece(formatting.NONE, Token.FAINT)
        case (only,):
            return Piece(only, weak)
        case several:
            return Piece(formatting.plural(len(several), "version"), Token.FAINT)


# The blocks "failing now" and "tasks", and the line of runs that ended just now.


_LIST_GAP: Final = "    "
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
    rows = []
    for group in shown:
        line = failing_row(group, columns, view.now, is_stale=view.is_stale)
        name = Raw(f"{group.type or ''} {group.message}".strip())
        opens = ListRuns(group.filter_text, name, filters=group.filters)
        rows.append(BlockRow(line, key=("group", group.identity), opens=opens))
    if most > 1 and len(shown) < len(groups):
        rest = groups[len(shown) :]
        words = f"{formatting.count(len(rest))} more, {formatting.count(sum(each.count for each in rest))} runs"
        rows.append(BlockRow((Piece("    "), Piece(words, Token.FAINT))))
    if not rows:
        refusal = refusal_of(view.board, FactSource.ERRORS)
        has_reason = refusal is not None and not view.failing.groups
        line = (Piece(refusal or "", Token.FAINT),) if has_reason else no_groups_line(view.failing, view.now)
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
    rule = block_rule(title, width, view.look, marks=marks, heads=task_heads(columns), is_stale=view.is_stale)
    count = len(tasks) if len(tasks) <= most else max(1, most - 1)
    rows = []
    for row in tasks[:count]:
        line = task_row(row, columns, view.look, is_stale=view.is_stale)
        rows.append(BlockRow(line, key=("task", row.task), opens=ListRuns(f"task:{as_value(row.task)}")))
    if count < len(tasks) and most > 1:
        rest, is_known = tasks[count:], verdict_word(view) != NOT_KNOWN
        running = sum(row.running or 0 for row in rest)
        words = more_words(rest, is_known=is_known) + (f" · {formatting.count(running)} running" if running else "")
        more: Line = (Piece(words, Token.FAINT),)
        line = more if width >= WIDE else folded_line(rest, width - 6, is_known=is_known)
        rows.append(BlockRow((Piece("    "), *line)))
    if not tasks:
        words = formatting.NONE if view.heard_at is None else "no task ran"
        rows.append(BlockRow((Piece("    "), Piece(words, Token.FAINT))))
    return [BlockRow(rule), *rows]


def just_now_block(view: WallView, width: int) -> list[BlockRow]:
    """Return the runs that ended just now, newest first, in one line."""
    rule = block_rule((Piece("just now", Token.TEXT),), width, view.look, is_stale=view.is_stale)
    parts: list[Line] = []
    for ended in view.board.just_now:
        part = _ended(ended, view)
        if line_width(joined([*parts, part], _LIST_GAP)) > width - 4:
            break
        parts.append(part)
    row = PlacedLine()
    row.put(2, joined(parts, _LIST_GAP))
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


# The blocks without a row in a list of runs: due schedules, the longest runs, and waitpoints for a person.


DUE: Final = "due"
LONGEST: Final = "longest against their p95"
WAITING: Final = "waiting for someone"

_LARGE: Final = 70
"""From this width on a block has the whole id of its runs."""

_EVERY: Final = re.compile(r"\*/(\d{1,3}) \* \* \* \*\Z")
_DAILY: Final = re.compile(r"(\d{1,2}) (\d{1,2}) \* \* \*\Z")
_HOURLY: Final = re.compile(r"(\d{1,2}) \* \* \* \*\Z")


def due_block(view: WallView, width: int, most: int, *, has_dash: bool = True) -> list[BlockRow]:
    """Return the schedules that are late, then the next ones."""
    rows = [_due_row(row, view, width) for row in view.board.due[:most]]
    rule = _rule(DUE, FactSource.SCHEDULES, view, width, has_dash=has_dash)
    return [rule, *(rows or _nothing(view, FactSource.SCHEDULES, "no schedule is due"))]


def longest_block(view: WallView, width: int, most: int) -> list[BlockRow]:
    """Return the runs that execute, by how far they are over the p95 of their task."""
    rows = [_longest_row(row, view, width) for row in view.board.longest[:most]]
    rule = _rule(LONGEST, FactSource.MINUTES, view, width, has_dash=True)
    return [rule, *(rows or _nothing(view, FactSource.RUNS, "no run executes"))]


def waiting_block(view: WallView, width: int, most: int, *, has_dash: bool = True) -> list[BlockRow]:
    """Return the waitpoints that a person has to complete, oldest first."""
    rows = [_waiting_row(row, view, width) for row in view.board.waiting[:most]]
    rule = _rule(WAITING, FactSource.TOKENS, view, width, has_dash=has_dash)
    return [rule, *(rows or _nothing(view, FactSource.TOKENS, "nothing waits for a person"))]


def cron_words(cron: Raw) -> str:
    """Return `every minute`, `every 5 min`, `every hour`, `at 02:00`; an expression that is less simple as it is."""
    text = " ".join(cron.split())
    if text == "* * * * *":
        return "every minute"
    if found := _EVERY.match(text):
        return f"every {int(found[1])} min"
    if _HOURLY.match(text):
        return "every hour"
    if found := _DAILY.match(text):
        return f"at {int(found[2]):02}:{int(found[1]):02}"
    return text


def _rule(title: str, source: FactSource, view: WallView, width: int, *, has_dash: bool) -> BlockRow:
    named = aged((Piece(title, Token.TEXT),), view, source)
    return BlockRow(block_rule(named, width, view.look, is_stale=view.is_stale, has_dash=has_dash))


def _nothing(view: WallView, source: FactSource, words: str) -> Sequence[BlockRow]:
    """Return one line in place of rows: why there are none, or `·` while that is not known."""
    refusal = refusal_of(view.board, source)
    if refusal is not None:
        return (BlockRow((Piece("  "), Piece(refusal, Token.FAINT))),)
    verdict = view.board.verdict
    is_read = any(each.source is source and each.read_at is not None for each in view.board.ages)
    is_read = is_read and (verdict is None or all(each.source is not source for each in verdict.unread))
    return (BlockRow((Piece("  "), Piece(words if is_read else formatting.NONE, Token.FAINT))),)


def _due_row(row: DueRow, view: WallView, width: int) -> BlockRow:
    line = PlacedLine()
    is_late = row.is_late and not view.is_stale
    if is_late:
        line.put(2, (Piece("!", Token.AMBER),))
    name = Piece(row.task, Token.TEXT if is_late else Token.MUTED)
    name_cells = 18 if width >= _LARGE else max(8, width - 24)
    line.put(4, (name,), name_cells)
    end = _due_words(row, view)
    if width >= _LARGE:
        due = formatting.time_of_day(row.due_at, view.now)
        words = f"due {due}, no run" if row.is_late else cron_words(row.cron)
        line.put(4 + name_cells + 1, (Piece(words, Token.FAINT),), width - name_cells - 10 - len(end))
    token = Token.AMBER if is_late else Token.FAINT if width < _LARGE else Token.MUTED
    line.right(width - 2, (Piece(end, token),))
    return BlockRow(line.line(width), key=("due", row.schedule_id), opens=ListRuns(f"task:{as_value(row.task)}"))


def _due_words(row: DueRow, view: WallView) -> str:
    until = row.due_at - view.now
    if row.is_late:
        return f"{formatting.wait(-until, in_minutes=view.is_slow_link)} late"
    if until <= timedelta():
        return "now"
    if until < timedelta(seconds=100):
        return f"in {formatting.wait(until, in_minutes=view.is_slow_link)}"
    is_short = timedelta(minutes=10) <= until < timedelta(hours=1)
    lasts = formatting.duration(until, in_minutes=True) if is_short or view.is_slow_link else brief_duration(until)
    return f"in {lasts}"


def _longest_row(row: LongestRow, view: WallView, width: int) -> BlockRow:
    line = PlacedLine()
    is_stuck = row.is_stuck and not view.is_stale
    if is_stuck:
        line.put(2, (Piece("!", Token.AMBER),))
    lasts = view.since(row.started_at)
    took = waited(lasts, in_minutes=True) if view.is_slow_link else brief_duration(lasts)
    token = Token.MUTED if view.is_stale else Token.AMBER if is_stuck else Token.BLUE
    lasted = Piece(took + ("~" if view.is_stale else ""), token)
    name = Piece(row.task, Token.TEXT if is_stuck else Token.MUTED)
    if width >= _LARGE:
        line.put(4, (name,), 17)
        line.put(22, (Piece(row.run_id, Token.FAINT),), 32)
        line.right(62, (lasted,))
        line.put(64, (Piece("p95 ", Token.FAINT), Piece(brief_duration(row.p95), Token.MUTED)), width - 65)
    else:
        line.put(4, (name, Piece(f" …{row.run_id[-_SHORT_ID:]}", Token.FAINT)), width - 4 - 18)
        line.right(width - 9, (lasted,))
        line.right(width - 2, (Piece(brief_duration(row.p95), Token.FAINT),))
    return BlockRow(line.line(width), key=("run", row.run_id), opens=run_target(row.run_id, ""))


def _waiting_row(row: WaitingRow, view: WallView, width: int) -> BlockRow:
    line = PlacedLine()
    amber = Token.AMBER if row.is_stuck and not view.is_stale else Token.MUTED
    what = ", ".join(row.tags) or row.token_id
    end: Line = (Piece(waited(view.since(row.created_at), in_minutes=view.is_slow_link), amber),)
    line.put(2, (Piece("‖", amber),))
    name = Piece(RUN_NOT_KNOWN if row.run_id is None else row.task or formatting.NONE, Token.MUTED)
    if width >= _LARGE:
        line.put(4, (name,), 17)
        run: Line = (Piece(f"  …{row.run_id[-_SHORT_ID:]}", Token.FAINT),) if row.run_id is not None else ()
        line.put(22, (Piece(what, Token.MUTED), *run), width - 22 - 9)
    else:
        line.put(4, (name,), 13)
        line.put(18, (Piece(what, Token.FAINT),), width - 18 - 2 - line_width(end) - 2)
    line.right(width - 2, end)
    filter_text = f"task:{as_value(row.task)} status:waiting" if row.task is not None else "status:waiting"
    return BlockRow(line.line(width), key=("token", row.token_id), opens=run_target(row.run_id, filter_text))


# The blocks that only a wide wall has room for: the newest failure opened, the last 24 hours, the queues.


DAY_CELL: Final = timedelta(minutes=20)
DAY_CELLS: Final = 72
DAY_ROWS: Final = 4
_INDENT: Final = 2
_BAR_AT: Final = 22

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
        line = no_groups_line(view.failing, view.now)
        if view.failing.groups:
            line = (Piece("no run of these failures is read", Token.FAINT),)
        return [rule, BlockRow((Piece(" " * _INDENT), *line))][:most]
    head = _head(run, is_stale=view.is_stale)
    limit = width - _INDENT - 2
    error = full_error(run)
    lines: list[Line] = [(), head, ()]
    if error is not None:
        lines += [row.line for row in error_rows(error, ErrorLayout(limit), ("wall", run.id))]
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
    look = series_bars("done", done, None, is_stale=view.is_stale)._replace(abnormal_token=Token.ROSE)
    upper, lower = two_row_series(done, look, view.look, failed[-cells:])
    foot = PlacedLine()
    lines = view.board.lines
    totals: Line = (
        Piece(_column_count(lines.done.last_day), Token.MUTED),
        Piece(" done   ", Token.FAINT),
        Piece(_column_count(lines.failed.last_day), Token.MUTED if view.is_stale else Token.ROSE),
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
    line.put(4, (Piece(row.name, Token.TEXT if mark and not view.is_stale else Token.MUTED),), 18)
    cells = min(48, ends[0] - 9 - _BAR_AT)
    bar_token = Token.GUIDE if view.is_stale else Token.AMBER if is_amber else Token.BLUE
    if cells > 4:
        line.put(_BAR_AT, usage_bar(row.running, row.limit, cells, bar_token))
    still = "~" if view.is_stale else ""
    limit: Line = () if row.limit is None else (Piece(f"/{formatting.count(row.limit)}", Token.FAINT),)
    line.right(ends[0], (Piece(_column_count(row.running) + still, Token.TEXT if mark else Token.FAINT), *limit))
    waits = Token.AMBER if is_amber else Token.TEXT
    line.right(ends[1], (Piece(queued_text(row) + (still if row.queued else ""), waits),))
    if row.oldest_at is not None and row.queued:
        line.right(ends[2], (Piece(waited(view.since(row.oldest_at), in_minutes=view.is_slow_link), waits),))
    opens = ListRuns(f"queue:{as_value(row.stored_name)}", queue=row.stored_name)
    return BlockRow(line.line(width), key=("queue", row.stored_name), opens=opens)


def _column_count(number: int | None) -> str:
    return formatting.NONE if number is None else formatting.count(number)
