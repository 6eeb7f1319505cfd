"""The rows of tasks, worst first: a series, figures, and a word. Wall and overview share them."""

from collections import Counter
from collections.abc import Sequence
from enum import StrEnum
from typing import Final, NamedTuple, assert_never

from tui.present import formatting
from tui.present.styled import Line, Piece, Token, joined, line_width
from tui.present.wall.durations import brief_duration, waited
from tui.present.wall.look import WallLook
from tui.present.wall.placed_line import PlacedLine
from tui.present.wall.series import TASK_ROW, Bars, any_of, series, summed, top_of
from tui.store.findings.board import TaskHealth, TaskRow

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

    @property
    def mark_at(self) -> int:
        """Where the mark is."""
        return self.name_at - 2


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
_WORD_CELLS: Final = 14
_NAME_AT: Final = 4
_NAME_CELLS: Final = 16
_MAX_SPARE_NAME: Final = 10
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
        return _placed(width, sizes, word_cells=_WORD_CELLS)
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
    name_cells = _NAME_CELLS + min(spare, _MAX_SPARE_NAME)
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
        line.put(columns.mark_at, (Piece(mark, color, is_bold=color is Token.ROSE),))
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
    ended = [_added(done, failed) for done, failed in zip(row.done, row.failed, strict=True)]
    is_grey = row.health in {TaskHealth.HEALTHY, TaskHealth.ACKNOWLEDGED}
    failed = [] if row.health is TaskHealth.ACKNOWLEDGED else [bool(number) for number in row.failed]
    repeat = max(1, cells // len(ended)) if ended else 1
    shown = summed(ended, cells)
    bars = Bars(
        top_of(shown),
        Token.LINE if is_grey else Token.SPARK,
        Token.ROSE,
        TASK_ROW,
        repeat=repeat,
        has_failure_marks=True,
    )
    return series(shown, bars, look, any_of(failed, cells))


def folded_line(rows: Sequence[TaskRow], limit: int, *, is_known: bool = True) -> Line:
    """Return one line about the tasks that have no row: those with a word by name, the others counted."""
    parts: list[Line] = []
    rest = list(rows)
    for row in rows:
        if not (words := _folded_words(row)):
            continue
        part: Line = (Piece(row.task, Token.MUTED), Piece("  "), Piece(words, Token.FAINT))
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


def _folded_words(row: TaskRow) -> str:
    if row.health is TaskHealth.HEALTHY:
        return ""
    queued = f", {formatting.count(row.queued)} queued" if row.queued else ""
    return f"{row.health.value}{queued}"


def _added(done: int | None, failed: int | None) -> int | None:
    return None if done is None and failed is None else (done or 0) + (failed or 0)


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
            piece = Piece(_age(row), _waiting_token(row))
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


def _age(row: TaskRow) -> str:
    if row.oldest is None:
        return "" if not row.queued else formatting.NONE
    return waited(row.oldest)


def _waiting_token(row: TaskRow) -> Token:
    is_late = row.health in {TaskHealth.AT_LIMIT, TaskHealth.LATE, TaskHealth.SLOW}
    return Token.AMBER if is_late or (row.queued or 0) > MANY_QUEUED else Token.TEXT
