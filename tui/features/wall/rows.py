"""The rows of the blocks of wall and overview: the hour, tasks, errors, schedules, runs, tokens, queues."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from tui.domain.facts import FactSource, WaitToken
from tui.domain.finding import NOT_KNOWN, OK
from tui.domain.text import Raw
from tui.features.alerts.words import RUN_NOT_KNOWN, refused_words
from tui.features.detail.words import full_error
from tui.features.errors.error import ErrorLayout, error_line, error_rows
from tui.features.errors.words import state_piece
from tui.features.queues.words import QUEUE_TABLE, health_glyph
from tui.features.wall.blocks import (
    INDENT,
    BlockRow,
    PlacedLine,
    WallView,
    block_rule,
    indented,
    listed,
    row_of,
    span_words,
    time_marks,
)
from tui.features.wall.data import CELL_SIZES, DAY_CELLS
from tui.store.filter import as_value
from tui.store.findings.board import (
    BoardSpan,
    DueRow,
    FailingGroup,
    FailingNow,
    FourLines,
    LongestRow,
    QueueRow,
    TaskHealth,
    TaskRow,
)
from tui.store.findings.board import Line as Series
from tui.store.findings.counts import ended_at
from tui.store.store import read_at
from tui.text import formatting
from tui.text.bars import BarLook, Bars, Cells, any_of, series, summed, top_of, two_row_series
from tui.text.blocks import GoToRun, ListRuns, Now
from tui.text.formatting import brief_duration, waited
from tui.text.status import style_of
from tui.text.styled import Line, Piece, Token, cut, fit, joined, line_width, plain
from tui.text.table import REST, Cell, Column, Spot, figures, placed, places

WIDE: Final = 110
TASK_ROW: Final = 6
"""The height of the bars of a task in eighths."""
_SHORT_ID: Final = 4

Layouts = Sequence[tuple[int, Sequence[Spot]]]
"""Each layout with the least width at which it is used, the widest first."""


def layout_for(layouts: Layouts, width: int) -> Sequence[Spot]:
    """Return the layout of rows of this width."""
    return next((layout for from_width, layout in layouts if width >= from_width), layouts[-1][1])


# The scales of the four series, and how they look.


MIN_FAILED_TOP: Final = 7
"""The scale of failures: up to this number, each failure is one more eighth."""

QUIET_SHARE: Final = 3
"""The scale of a level is at least this many times its normal, so that a calm hour looks calm."""

MIN_LEVEL_TOP: Final = 10.0
"""The least scale of a level, so that two queued runs do not fill a bar."""


def series_bars(name: str, cells: Cells, normal: float | None, *, is_stale: bool, repeat: int = 1) -> Bars:
    """Return how the series `done`, `failed`, `queued` or `running` looks."""
    unknown = Token.AMBER if is_stale else Token.GUIDE
    if name == "failed":
        return Bars(top_of(cells, MIN_FAILED_TOP), Token.ROSE, Token.ROSE, unknown=unknown, repeat=repeat)
    top = top_of(cells, max(MIN_LEVEL_TOP, QUIET_SHARE * (normal or 0)) if name in LEVELS else 1)
    return Bars(top, Token.GUIDE if is_stale else Token.SPARK, unknown=unknown, repeat=repeat)


# The four series: done, failed, queued, running, on one axis, with their newest figures. The overview has them too.


LEVELS: Final = frozenset({"queued", "running"})
"""Numbers of a moment. The others are rates."""


def four_series(lines: FourLines) -> dict[str, Series]:
    """Return the series by their names."""
    return {"done": lines.done, "failed": lines.failed, "queued": lines.queued, "running": lines.running}


def series_rows(
    view: WallView,
    layout: Sequence[Spot],
    width: int,
    lines: dict[str, Series],
    *,
    is_tall: bool = False,
    usual: Token = Token.BRIGHT,
) -> list[Line]:
    """Return one or two lines for each series: its name, its newest figure, its cells, and the totals."""
    rows: list[Line] = []
    for name, line in lines.items():
        room = next((room for place, _, room in places(layout, width) if place.name == "series"), 0)
        bars = series_bars(name, line.cells, line.normal, is_stale=view.is_stale, repeat=room // (len(line.cells) or 1))
        abnormal = () if view.is_stale else line.is_abnormal
        drawn = series(line.cells, bars, view.look, abnormal)
        if is_tall:
            upper, drawn = two_row_series(line.cells, bars, view.look, abnormal)
            rows.append(placed(layout, width, {"series": upper}))
        head, now = (Piece(name, Token.FAINT),), (_figure(name, line, view, usual),)
        cells = {"name": head, "now": now, "series": drawn} | ({} if view.is_stale else _totals(name, line))
        cells["head"] = (*fit(head, layout[0].cells - line_width(now)), *now)
        rows.append(placed(layout, width, cells))
    return rows


def _figure(name: str, line: Series, view: WallView, usual: Token) -> Piece:
    """Return the newest figure. An unknown one is `·`, an old level has `~`, and an old rate is not shown."""
    if line.now is None:
        return Piece(formatting.NONE, Token.FAINT)
    text = formatting.count(round(line.now))
    if name not in LEVELS:
        text = f"{line.now:.1f}" if 0 < line.now < 1 else text if line.now < 10_000 else whole_text(line.now)
        text = "" if view.is_stale else f"{text}/min"
    if view.is_stale:
        return Piece(view.frozen(text), Token.MUTED)
    if name == "failed":
        return Piece(text, Token.ROSE if line.now else Token.MUTED, is_bold=line.now > 0)
    is_abnormal = name != "done" and bool(line.is_abnormal) and line.is_abnormal[-1]
    return Piece(text, Token.AMBER if is_abnormal else usual, is_bold=is_abnormal)


def _totals(name: str, line: Series) -> dict[str, Line]:
    most = "max " if name in LEVELS else ""
    unknown = Piece(formatting.NONE, Token.FAINT)
    values = {"span": line.in_span, "normal": line.normal, "last 24h": line.last_day}
    return {
        key: (unknown if value is None else Piece(f"{most}{formatting.count(round(value))}", token),)
        for (key, value), token in zip(values.items(), (Token.TEXT, Token.MUTED, Token.MUTED), strict=True)
    }


class HourForm(NamedTuple):
    """The form of the series: the width, one or two rows for each, and whether a row below them marks the deploy."""

    width: int
    is_tall: bool = False
    has_deploy: bool = False

    @property
    def rows(self) -> int:
        """The rows of the block with its rule."""
        return 1 + (8 if self.is_tall else 4) + self.has_deploy


def _hour_layout(form: HourForm, count: int) -> Sequence[Spot]:
    """Return the layout for `count` cells of time."""
    if form.width < WIDE:
        return Spot("head", 15, gap=2), Spot("series", max(1, min(count, form.width - 20)))
    name, now = (11, 10) if form.is_tall else (12, 9)
    repeat = min(2, max(1, (form.width - name - 47) // count))
    ends = *figures({"now": now, "span": 11, "normal": 11}), *figures({"last 24h": 11}, 116)
    return Spot("name", name, gap=0), Spot("series", count * repeat, gap=0), *ends


def hour_block(view: WallView, form: HourForm) -> list[BlockRow]:
    """Return the block of the four series."""
    lines, width = view.board.lines, form.width - 2
    layout = _hour_layout(form, lines.span.count)
    begins = {place.name: (begin + 2, room) for place, begin, room in places(layout, width)}
    at, room = begins["series"]
    cells, repeat = min(room, lines.span.count), max(1, room // lines.span.count)
    span = span_words(lines.span, cells, view.now, is_earlier=view.is_earlier)
    titles = {"span": span if len(span) < 11 else "in all"}
    heads = [(sum(begins[name]), titles.get(name, name)) for name in begins if name not in {"head", "name", "series"}]
    old = (FactSource.NORMALS, None) if heads else ()
    marks = time_marks(lines.span, at, cells, repeat, view.now)
    shown = {
        name: replace(line, cells=line.cells[-cells:], is_abnormal=line.is_abnormal[-cells:])
        for name, line in four_series(lines).items()
    }
    rows = series_rows(view, layout, width, shown, is_tall=form.is_tall)
    if form.has_deploy:
        rows.append(_deploy_row(view, at - 2, cells, repeat, form))
    return [block_rule(view, span, form.width, *old, marks=marks, heads=heads), *map(row_of, rows)]


def _deploy_row(view: WallView, at: int, cells: int, repeat: int, form: HourForm) -> Line:
    """Return the marks of the deploys below their cells. The newest one is named."""
    row, lines, width = PlacedLine(), view.board.lines, form.width - 2
    first = lines.span.start + (lines.span.count - cells) * lines.span.cell
    deployments = sorted(lines.deployments, key=lambda each: each.deployed_at)
    placed = [((each.deployed_at - first) // lines.span.cell, each) for each in deployments]
    if not (placed := [(at + cell * repeat, each) for cell, each in placed if 0 <= cell < cells]):
        return row.line(width)
    x, newest = placed[-1]
    time = f" {formatting.time_of_day(newest.deployed_at, view.now)}" if form.is_tall else ""
    name = Piece(f"{newest.version} deployed{time}" if newest is deployments[-1] else "", Token.FAINT)
    mark, cells_of_name = Piece("┆", Token.GUIDE), line_width((name,))
    # Its name is more than the marks of older deploys, which it may cover.
    is_left = x + 1 + cells_of_name > width and x >= cells_of_name
    begin = x - cells_of_name if is_left else x
    for older, _ in placed[:-1]:
        if row.width <= older < begin:
            row.put(older, (mark,))
    row.put(begin, (name, mark) if is_left else (mark, name), width - begin)
    return row.line(width)


def whole_text(number: float | None) -> str:
    """Return a number in at most four signs: `9999`, `12k`."""
    whole = round(number or 0)
    return "" if number is None else f"{whole}" if whole < 10_000 else f"{whole // 1000}k"


# The rows of tasks, worst first: a series, figures, and a word. Wall and overview share them.


MANY_QUEUED: Final = 20
"""More queued runs than this are amber, even if the task is healthy."""

MARKS: Final = {
    TaskHealth.FAILING: ("✗", Token.ROSE),
    TaskHealth.SLOW: ("○", Token.AMBER),
    TaskHealth.AT_LIMIT: ("○", Token.AMBER),
    TaskHealth.LATE: ("○", Token.AMBER),
    TaskHealth.MISSING: ("!", Token.AMBER),
    TaskHealth.STUCK: ("!", Token.AMBER),
    TaskHealth.PAUSED: ("‖", Token.MUTED),
}
"""The mark of each word and its colour. Other words have no mark."""

_MARK: Final = Spot("mark", 1)
_FLEXIBLE: Final = (_MARK, Spot("name", 15, 10), Spot("series", 20, REST, gap=0))
_WIDE_FIGURES: Final = {"runs/h": 9, "failed": 9, "p95": 9, "normal": 9, "running": 10, "queued": 9, "oldest": 9}
TASKS: Final[Layouts] = (
    (107, (*_FLEXIBLE, *figures(_WIDE_FIGURES), Spot("", 2, gap=0), Spot("word", 13))),
    (
        0,
        (
            *_FLEXIBLE,
            *figures({"runs/h": 7}, 63),
            *figures({"failed": 8}),
            *figures({"p95": 7}, 69),
            *figures({"running": 9, "queued": 8}),
        ),
    ),
)
_TIMELINE: Final = figures({"runs/h": 8, "failed": 7, "p95": 7, "running": 8, "queued": 7})
TASK_TIMELINES: Final[Layouts] = tuple(
    (from_width, (_MARK, Spot("name", 0, REST), Spot("series", cells, gap=0), *_TIMELINE))
    for from_width, cells in ((177, 120), (0, 60))
)
"""The series has the cells of the wall's other series."""

_SERIES_CELLS: Final = (120, 60, 30, 20)
"""The widths of a series. A cell of the row stands for one or more cells of time, or two cells stand for one."""


def task_heads(layout: Sequence[Spot], width: int, at: int = 0) -> list[tuple[int, str]]:
    """Return the titles of the figures with the cells where they end. The rows begin at cell `at`."""
    return [(at + begin + cells, place.name) for place, begin, cells in places(layout, width) if place.align == "right"]


def task_cells(row: TaskRow, view: WallView) -> dict[str, Cell]:
    """Return the cells of a task. A healthy task is grey; a stale one has no series. Zero is blank, unknown is `·`."""
    mark, color = MARKS.get(row.health, ("", Token.FAINT))
    usual = Token.TEXT if mark else Token.FAINT
    is_failing = row.health is TaskHealth.FAILING
    is_late = row.health in {TaskHealth.AT_LIMIT, TaskHealth.LATE, TaskHealth.SLOW}
    waits = Token.AMBER if is_late or (row.queued or 0) > MANY_QUEUED else Token.TEXT
    is_idle = row.p95 is None and row.runs_per_hour == 0
    speed = Token.AMBER if row.is_p95_abnormal else usual
    oldest = formatting.NONE if row.queued else ""
    numbers = {
        "runs/h": _count(row.runs_per_hour, usual),
        "failed": _count(row.failed_count, Token.ROSE if is_failing else Token.TEXT)._replace(is_bold=is_failing),
        "p95": Piece("" if is_idle else brief_duration(row.p95), Token.FAINT if row.p95 is None else speed),
        "normal": Piece(brief_duration(row.normal_p95), Token.FAINT),
        "running": _count(row.running, Token.BLUE),
        "queued": _count(row.queued, waits),
        "oldest": Piece(oldest if row.oldest is None else waited(row.oldest), waits),
    }
    if view.is_stale:
        running = {name: view.frozen(numbers[name].text) for name in ("running", "queued")}
        stale = {name: (Piece(running.get(name, each.text), Token.FAINT),) for name, each in numbers.items()}
        return {"name": (Piece(row.task, Token.MUTED),), **stale}
    name = Token.BRIGHT if color is Token.ROSE else Token.TEXT if mark else Token.MUTED
    return {
        "mark": (Piece(mark, color, is_bold=color is Token.ROSE),),
        "name": (Piece(row.task, name),),
        "series": lambda room: task_series(row, room, view.look),
        **{name: (each,) for name, each in numbers.items()},
        "word": (Piece(row.health.value, Token.FAINT if color is Token.MUTED else color),),
    }


def task_row(row: TaskRow, layout: Sequence[Spot], width: int, view: WallView) -> BlockRow:
    """Return the row of a task, which opens its runs."""
    line = placed(layout, width, task_cells(row, view))
    return BlockRow(line, key=("task", row.task), opens=ListRuns(f"task:{as_value(row.task)}"))


def task_series(row: TaskRow, room: int, look: BarLook) -> Line:
    """Return the bars of a task's ended runs. A cell in which a run failed is rose, unless that is acknowledged."""
    cells = next((each for each in _SERIES_CELLS if room >= each), room)
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
    return series(shown, bars, look, any_of(failed, cells)) if cells else ()


def folded_line(rows: Sequence[TaskRow], limit: int, *, is_known: bool = True) -> Line:
    """Return one line about the tasks that have no row: those with a word by name, the others counted."""
    parts: list[Line] = []
    rest = list(rows)
    for row in rows:
        if row.health is TaskHealth.HEALTHY:
            continue
        queued = f", {formatting.count(row.queued)} queued" if row.queued else ""
        part: Line = (Piece(row.task, Token.MUTED), INDENT, Piece(f"{row.health.value}{queued}", Token.FAINT))
        others = [each for each in rest if each is not row]
        last = [(Piece(more_words(others, is_known=is_known)),)] if others else []
        if line_width(joined([*parts, part, *last], "   ")) <= limit:
            parts.append(part)
            rest = others
    more = [(Piece(more_words(rest, is_known=is_known), Token.FAINT),)] if rest else []
    return joined([*parts, *more], "   ")


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


def _count(number: int | None, token: Token = Token.TEXT) -> Piece:
    if number is None:
        return Piece(formatting.NONE, Token.FAINT)
    return Piece(formatting.count(number) if number else "", token)


# The rows of error groups of the last hour, worst first. Wall and overview share them.


NOTHING: Final = "only acknowledged failures"
NO_FAILURE: Final = "no run failed in the last hour"
FAILING_WIDE: Final = 106
"""Rows of at least this width have the place and the versions of an error."""

_FAILING_TASK: Final = ((79, 17), (46, 12), (0, 9))


def failing_layout(failing: FailingNow, width: int, digits: int) -> Sequence[Spot]:
    """Return the layout of a width. The counts have at least `digits` cells."""
    digits = max([digits, *(len(formatting.count(group.count)) for group in failing.groups)])
    head = (_MARK, Spot("count", digits, align="right", gap=2))
    if width >= FAILING_WIDE:
        places = Spot("state", 12, gap=2), Spot("task", 13), Spot("error", 0, REST)
        return (*head, *places, Spot("place", 23), Spot("versions", 14), *figures({"since": 6}))
    task = next(cells for from_width, cells in _FAILING_TASK if width >= from_width)
    return (*head, Spot("state", 5, gap=2), Spot("task", task), Spot("error", 0, REST), *figures({"since": 6}))


def failing_row(group: FailingGroup, layout: Sequence[Spot], width: int, view: WallView) -> BlockRow:
    """Return the row of a group, which opens its runs. The row of an acknowledged group is grey."""
    is_stale, is_grey = view.is_stale, group.is_acknowledged or view.is_stale
    strong, weak = (Token.MUTED, Token.FAINT) if is_grey else (Token.BRIGHT, Token.MUTED)
    mark = Token.FAINT if group.is_acknowledged else Token.MUTED if is_stale else Token.ROSE
    state = state_piece(group.state, is_narrow=width < FAILING_WIDE)
    task = group.task if group.task_count <= 1 else formatting.plural(group.task_count, "task")
    tokens = (Token.FAINT, Token.FAINT) if is_grey else (Token.ROSE, Token.TEXT)
    versions, count = group.versions[0] if group.versions else formatting.NONE, len(group.versions)
    versions = formatting.plural(count, "version") if count > 1 else versions
    since = formatting.NONE if group.since is None else formatting.time_or_age(group.since, view.now)
    cells: dict[str, Cell] = {
        "mark": (Piece("✗", mark, is_bold=not is_grey),),
        "count": (Piece(formatting.count(group.count), strong),),
        "state": (Piece(state.text, Token.MUTED) if is_stale else state,),
        "task": (Piece(task, strong),),
        "error": lambda room: error_line(group, *tokens, room),
        "place": lambda room: (Piece(_place(group, room), weak),),
        "versions": (Piece(versions, weak if count == 1 else Token.FAINT),),
        "since": (Piece(since, Token.FAINT if is_stale else weak),),
    }
    opens = ListRuns(group.filter_text, Raw(f"{group.type or ''} {group.message}".strip()), filters=group.filters)
    return BlockRow(placed(layout, width, cells), key=("group", group.identity), opens=opens)


def failing_summary(failing: FailingNow, now: datetime, *, is_narrow: bool, is_short: bool = False) -> Line:
    """Return the text at the right end of the rule: `147 in 4 groups, 12 acknowledged`.

    A narrow wall has no rows of acknowledged groups. A short text leaves out the groups: `147 last hour`.
    """
    if not failing.is_known:
        return (Piece(formatting.NONE, Token.MUTED),)
    if not failing.failed_count:
        return ()
    groups = f" in {formatting.plural(len(failing.groups), 'group' if is_narrow else 'error group')}"
    known = 0 if is_short else sum(group.count for group in failing.groups if group.is_acknowledged)
    since = " last hour" if is_short else ""
    if failing.known_since is not None:
        since = f" since {formatting.time_of_day(failing.known_since, now)}"
    parts = [Piece(f"{formatting.count(failing.failed_count)}{'' if is_short else groups}{since}", Token.MUTED)]
    if known and known == failing.failed_count:
        parts.append(Piece(", acknowledged", Token.MUTED))
    elif known and is_narrow:
        parts += [Piece(", ", Token.MUTED), Piece(formatting.count(known)), Piece(" acknowledged", Token.MUTED)]
    return tuple(parts)


def no_groups_line(failing: FailingNow, now: datetime) -> Line:
    """Return the sentence in place of rows. It claims nothing about a time that was not read."""
    words = NO_FAILURE
    if not failing.is_known:
        words = formatting.NONE
    elif failing.unread_count:
        words = "the errors of these failures are not read yet"
    elif failing.problem and not failing.groups:
        words = refused_words(failing.problem)
    elif failing.groups:
        words = NOTHING
    elif failing.known_since is not None:
        words = f"no run failed since {formatting.time_of_day(failing.known_since, now)}; earlier runs are not read"
    return (Piece(words, Token.FAINT),)


def _place(group: FailingGroup, room: int) -> str:
    if group.frame is None:
        return formatting.NONE
    place = group.frame.file + ("" if group.line is None else f":{group.line}")
    return place if len(place) <= room else place.removeprefix("src/")


# The blocks of errors and of tasks, and the line of runs that ended just now.


def shown_groups(failing: FailingNow, width: int) -> Sequence[FailingGroup]:
    """Return the groups that have rows. A narrow wall only counts those that are acknowledged."""
    return [group for group in failing.groups if width >= WIDE or not group.is_acknowledged]


def failing_block(view: WallView, width: int, most: int) -> list[BlockRow]:
    """Return the error groups in at most `most` rows below their rule."""
    right = _as_of(view) or failing_summary(view.failing, view.now, is_narrow=width < WIDE)
    rule = block_rule(view, "errors of the last hour", width, FactSource.ERRORS, right=right)
    groups = shown_groups(view.failing, width)
    return [rule, *map(indented, failing_rows(view, groups, width - 2 * len(INDENT.text), most, 4))]


def failing_rows(
    view: WallView, groups: Sequence[FailingGroup], limit: int, most: int, digits: int
) -> Sequence[BlockRow]:
    """Return a row for each group, or a sentence. The last row counts the failed runs that no other row has."""
    if not groups:
        return [BlockRow(no_groups_line(view.failing, view.now))]
    layout, unread = failing_layout(view.failing, limit, digits), view.failing.unread_count
    count = len(groups) if len(groups) + bool(unread) <= most else max(1, most - 1)
    rows, rest = [failing_row(each, layout, limit, view) for each in groups[:count]], groups[count:]
    parts = []
    if rest:
        runs = formatting.plural(sum(each.count for each in rest), "failed run")
        parts.append(f"{formatting.count(len(rest))} more with {runs}")
    if unread:
        parts.append(f"{formatting.plural(unread, 'failed run')} whose error is not loaded yet")
    return [*rows, BlockRow((INDENT, Piece(" · ".join(parts), Token.FAINT)))] if parts and most > 1 else rows


def tasks_block(view: WallView, width: int, most: int, *, is_timeline: bool = False) -> list[BlockRow]:
    """Return the tasks, worst first, in at most `most` rows below their rule. The last one counts those without."""
    tasks, limit = view.board.tasks, width - 3
    layout = layout_for(TASK_TIMELINES if is_timeline else TASKS, limit)
    span, marks = view.board.lines.span, []
    if is_timeline:
        at, cells = next((at + 2, cells) for place, at, cells in places(layout, limit) if place.name == "series")
        marks = time_marks(span, at, span.count, max(1, cells // span.count), view.now)
    has_words = any(row.health is not TaskHealth.HEALTHY or row.has_failures for row in tasks)
    is_healthy = view.word == OK and not any(row.has_failures is None for row in tasks)
    order = "all healthy" if is_healthy and not has_words else "worst first"
    title: Line = (Piece("tasks"), Piece(" · ", Token.FAINT), Piece(order, Token.MUTED))
    title = title[:1] if view.is_stale or not tasks else title
    rule = block_rule(view, title, width, FactSource.MINUTES, marks=marks, heads=task_heads(layout, limit, 2))

    def more(rest: Sequence[TaskRow]) -> Line:
        is_known, running = view.word != NOT_KNOWN, sum(row.running or 0 for row in rest)
        if width < WIDE:
            return (INDENT, *folded_line(rest, width - 6, is_known=is_known))
        words = more_words(rest, is_known=is_known) + (f" · {formatting.count(running)} running" if running else "")
        return (INDENT, Piece(words, Token.FAINT))

    rows = listed(tasks, most, lambda each: task_row(each, layout, limit, view), more)
    words = formatting.NONE if view.heard_at is None else "no task ran"
    return [rule, *map(indented, rows or [BlockRow((INDENT, Piece(words, Token.FAINT)))])]


def just_now_block(view: WallView, width: int) -> list[BlockRow]:
    """Return the runs that ended just now, newest first, in one line."""
    line: Line = ()
    for run in view.board.just_now:
        is_failed, took, error = run.status.is_failed, run.took(view.now), run.error_value
        color = Token.ROSE if is_failed else Token.GREEN
        is_grey = view.is_stale or not is_failed
        note = (None if error is None else error.name) or ("" if took is None else brief_duration(took))
        part: Line = (
            *((Piece("    "),) if line else ()),
            Piece(f"{formatting.clock(ended_at(run) or view.now, view.now)} ", Token.FAINT),
            Piece("✗" if is_failed else "✓", Token.MUTED if view.is_stale else color, is_bold=not is_grey),
            Piece(f" {run.fixed.task or formatting.NONE}", Token.MUTED if is_grey else Token.BRIGHT),
            Piece(f" …{run.id[-_SHORT_ID:]}", Token.FAINT),
            Piece(f"  {note}" if note else "", Token.FAINT),
        )
        if line_width(line) + line_width(part) > width - 4:
            break
        line = (*line, *part)
    return [block_rule(view, "just now", width), row_of(line)]


def _as_of(view: WallView) -> Line:
    """Return the last known moment of a stale screen, for the right end of a rule."""
    if not view.is_stale or view.heard_at is None:
        return ()
    return (Piece(f"as of {formatting.time_of_day(view.heard_at, view.now)}", Token.MUTED),)


# The blocks without a row in a list of runs: due schedules, the longest runs, and waitpoints for a person.


_LARGE: Final = 66
"""A row of at least this width has the whole id of its run."""

_NAME: Final = Spot("name", 17)
_DUE: Final[Layouts] = (
    (_LARGE, (_MARK, Spot("name", 18), Spot("words", 0, REST), Spot("end"))),
    (0, (_MARK, Spot("name", 0, REST), Spot("end"))),
)
_LONGEST: Final[Layouts] = (
    (_LARGE, (_MARK, _NAME, Spot("run", 32, gap=0), Spot("took", 8, align="right", gap=2), Spot("p95", 0, REST))),
    (0, (_MARK, Spot("name", 0, REST, gap=0), *figures({"took": 9, "p95": 7}))),
)
_WAITING: Final[Layouts] = (
    (_LARGE, (_MARK, _NAME, Spot("tags", 0, REST, gap=2), Spot("end"))),
    (0, (_MARK, Spot("name", 13), Spot("tags", 0, REST, gap=2), Spot("end"))),
)
_SIMPLE_CRONS: Final = (
    (re.compile(r"\* \* \* \* \*\Z"), "every minute"),
    (re.compile(r"\*/(\d{1,3}) \* \* \* \*\Z"), "every {} min"),
    (re.compile(r"\d{1,2} \* \* \* \*\Z"), "every hour"),
    (re.compile(r"(\d{1,2}) (\d{1,2}) \* \* \*\Z"), "at {1:02}:{0:02}"),
)


def cron_words(cron: Raw) -> str:
    """Return `every minute`, `every 5 min`, `every hour`, `at 02:00`; an expression that is less simple as it is."""
    text = " ".join(cron.split())
    found = ((form.match(text), words) for form, words in _SIMPLE_CRONS)
    return next((words.format(*map(int, match.groups())) for match, words in found if match), text)


def due_block(view: WallView, width: int, most: int, *, has_dash: bool = True) -> list[BlockRow]:
    """Return the schedules that are late, then the next ones."""
    rule = block_rule(view, "due", width, FactSource.SCHEDULES, has_dash=has_dash)
    rows = [_due_row(row, view, width - 4) for row in view.board.due[:most]]
    return [rule, *(rows or _nothing(view, FactSource.SCHEDULES, "no schedule is due"))]


def longest_block(view: WallView, width: int, most: int) -> list[BlockRow]:
    """Return the runs that execute, by how far they are over the p95 of their task."""
    rule = block_rule(view, "slowest compared with normal", width, FactSource.MINUTES)
    rows = [_longest_row(row, view, width - 4) for row in view.board.longest[:most]]
    return [rule, *(rows or _nothing(view, FactSource.RUNS, "no run is executing"))]


def waiting_block(view: WallView, width: int, most: int, *, has_dash: bool = True) -> list[BlockRow]:
    """Return the tokens that wait, oldest first."""
    rule = block_rule(view, "waiting for a token", width, FactSource.TOKENS, has_dash=has_dash)
    rows = [_waiting_row(row, view, width - 4) for row in view.board.waiting[:most]]
    return [rule, *(rows or _nothing(view, FactSource.TOKENS, "no run waits for a token"))]


def nothing_words(view: WallView, source: FactSource, words: str) -> str:
    """Return the words in place of rows of a source: `words`, why it was not read, or `·` until that is known."""
    if (unread := view.board.facts.unread.get(source)) is not None:
        return refused_words(unread.reason) if unread.is_refused else unread.reason
    at = view.verdict.heard_at if source is FactSource.RUNS else read_at(view.board.facts, source)
    is_read = at is not None and all(each.source is not source for each in view.verdict.unread)
    return words if is_read else formatting.NONE


def _nothing(view: WallView, source: FactSource, words: str) -> list[BlockRow]:
    return [row_of((Piece(nothing_words(view, source, words), Token.FAINT),))]


def _due_row(row: DueRow, view: WallView, width: int) -> BlockRow:
    is_late, due = row.is_late and not view.is_stale, formatting.time_of_day(row.due_at, view.now)
    token = Token.AMBER if is_late else Token.MUTED if width >= _LARGE else Token.FAINT
    cells = {
        "mark": (Piece("!" if is_late else "", Token.AMBER),),
        "name": (Piece(row.schedule.task, Token.TEXT if is_late else Token.MUTED),),
        "words": (Piece(f"due {due}, no run" if row.is_late else cron_words(row.schedule.cron), Token.FAINT),),
        "end": (Piece(_due_words(row, view), token),),
    }
    line = placed(layout_for(_DUE, width), width, cells)
    return row_of(line, ("due", row.schedule.id), ListRuns(f"task:{as_value(row.schedule.task)}"))


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
    run_id, is_large = row.run.id, width >= _LARGE
    is_stuck = run_id in view.stuck
    lasts = max(timedelta(), view.timers_at - row.started_at)
    took = waited(lasts, in_minutes=True) if view.is_slow_link else brief_duration(lasts)
    token = Token.MUTED if view.is_stale else Token.AMBER if is_stuck else Token.BLUE
    name, p95 = Piece(row.task, Token.TEXT if is_stuck else Token.MUTED), brief_duration(row.p95)
    short_id = Piece(f" …{run_id[-_SHORT_ID:]}", Token.FAINT)
    cells = {
        "mark": (Piece("!" if is_stuck else "", Token.AMBER),),
        "name": (name,) if is_large else (name, short_id),
        "run": (Piece(run_id, Token.FAINT),),
        "took": (Piece(view.frozen(took), token),),
        "p95": (Piece("p95 ", Token.FAINT), Piece(p95, Token.MUTED)) if is_large else (Piece(p95, Token.FAINT),),
    }
    return row_of(placed(layout_for(_LONGEST, width), width, cells), ("run", run_id), GoToRun(run_id))


def _waiting_row(row: WaitToken, view: WallView, width: int) -> BlockRow:
    amber = Token.AMBER if (row.run_id or row.id) in view.stuck else Token.MUTED
    is_large = width >= _LARGE
    tags: Line = (Piece(", ".join(row.tags) or row.id, Token.MUTED if is_large else Token.FAINT),)
    if is_large and row.run_id is not None:
        tags = (*tags, Piece(f"  …{row.run_id[-_SHORT_ID:]}", Token.FAINT))
    cells = {
        "mark": (Piece("‖", amber),),
        "name": (Piece(RUN_NOT_KNOWN if row.run_id is None else row.task or formatting.NONE, Token.MUTED),),
        "tags": tags,
        "end": (Piece(view.waited(row.created_at), amber),),
    }
    filter_text = f"task:{as_value(row.task)} status:waiting" if row.task is not None else "status:waiting"
    opens = ListRuns(filter_text) if row.run_id is None else GoToRun(row.run_id)
    return row_of(placed(layout_for(_WAITING, width), width, cells), ("token", row.id), opens)


# The blocks that only a wide wall has room for: the newest failure opened, the last 24 hours, the queues.


DAY_ROWS: Final = 4


def newest_block(view: WallView, width: int, most: int) -> list[BlockRow]:
    """Return the newest failure with its error and stack, in at most `most` rows."""
    run, age = view.newest, _as_of(view)
    ended = None if run is None or run.state is None else run.state.finished_at or run.state.updated_at
    if not age and ended is not None:
        age = (Piece(Now(view.now, in_minutes=view.is_slow_link).ago(ended), Token.MUTED),)
    rule = block_rule(view, "newest failure", width, right=age, has_dash=False)
    if run is None:
        line = no_groups_line(view.failing, view.now)
        if view.failing.groups:
            line = (Piece("the runs of these failures are not read yet", Token.FAINT),)
        return [rule, row_of(line)][:most]
    limit = width - 4
    style, error = style_of(run), full_error(run)
    token = Token.MUTED if view.is_stale else style.glyph_token
    head: Line = (
        Piece(f"{style.glyph} {style.word}  ", token, is_bold=not view.is_stale),
        Piece(run.fixed.task or formatting.NONE, Token.BRIGHT, is_bold=True),
        Piece(f"  {run.id}", Token.FAINT),
    )
    lines: list[Line] = [(Piece("its error is not read yet", Token.FAINT),)]
    if error is not None:
        lines = [row.line for row in error_rows(error, ErrorLayout(limit), ("wall", run.id))]
    shown = [BlockRow(), row_of(cut(head, limit), ("newest", run.id), GoToRun(run.id)), BlockRow()]
    return [rule, *shown, *(row_of(cut(line, limit)) for line in lines)][:most]


def day_block(view: WallView, width: int) -> list[BlockRow]:
    """Return the last 24 hours: done and failed in cells of 20 minutes."""
    cells = min(DAY_CELLS, width - 4)
    nothing = Series([None] * DAY_CELLS)
    day = view.day or FourLines(BoardSpan(CELL_SIZES[-1], DAY_CELLS, view.now), nothing, nothing, nothing, nothing)
    marks = time_marks(day.span, 2, cells, 1, view.now)
    rule = block_rule(view, "last 24 hours", width, None, marks=marks, has_dash=False)
    done = day.done.cells[-cells:]
    bars = series_bars("done", done, None, is_stale=view.is_stale)._replace(abnormal_token=Token.ROSE)
    rows = two_row_series(done, bars, view.look, day.failed.is_abnormal[-cells:])
    totals: Line = (
        Piece(_total(view.board.lines.done.last_day), Token.MUTED),
        Piece(" done   ", Token.FAINT),
        Piece(_total(view.board.lines.failed.last_day), Token.MUTED if view.is_stale else Token.ROSE),
        Piece(" failed", Token.FAINT),
    )
    words = "done and failed, 20 minutes per bar"
    said: Line = (Piece(words, Token.FAINT),) if len(words) + 6 + line_width(totals) <= width else ()
    foot = placed((Spot("words", 0, REST), Spot("totals")), width - 4, {"words": said, "totals": totals})
    return [rule, *map(row_of, (*rows, foot))]


def _total(number: int | None) -> str:
    return formatting.NONE if number is None else formatting.count(number)


# The rows of queues, worst first. Their cells are those of the list of queues; wall and overview share the rows.


_QUEUES: Final = (
    _MARK,
    Spot("queue", 18, REST, gap=0),
    Spot("bar", 0, 48, gap=0),
    *figures({"running": 9, "queued": 10, "oldest": 10}),
)


def queue_row(row: QueueRow, layout: Sequence[Spot], width: int, view: WallView) -> BlockRow:
    """Return the row of a queue, which opens its runs. Those of a stale screen are grey."""
    now = Now(view.now, view.timers_at if view.is_stale else None, view.is_slow_link)

    def cell(column: Column[QueueRow]) -> Cell:
        return lambda room: _stale(column.cell(row, now, room), view, column.id)

    cells: dict[str, Cell] = {column.id: cell(column) for column in QUEUE_TABLE.columns}
    cells["mark"] = (health_glyph(row.health),)
    opens = ListRuns(f"queue:{as_value(row.stored_name)}", queue=row.stored_name)
    return BlockRow(placed(layout, width, cells), key=("queue", row.stored_name), opens=opens)


def _stale(line: Line, view: WallView, name: str) -> Line:
    if not view.is_stale:
        return line
    text = plain(line)
    return (Piece(view.frozen(text) if name in {"running", "queued"} else text, Token.MUTED),)


def queues_block(view: WallView, width: int, most: int) -> list[BlockRow]:
    """Return the queues, worst first, with their usage, in at most `most` rows below their rule."""
    limit = width - 5
    heads = task_heads(_QUEUES, limit, 2)
    rule = block_rule(view, "queues", width, FactSource.QUEUES, FactSource.WAITS, heads=heads, has_dash=False)

    def more(rest: Sequence[QueueRow]) -> Line:
        return (INDENT, *more_queues(rest))

    rows = listed(view.board.queues, most, lambda each: queue_row(each, _QUEUES, limit, view), more)
    return [rule, *(map(indented, rows) if rows else _nothing(view, FactSource.QUEUES, "There are no queues."))]


def more_queues(queues: Sequence[QueueRow]) -> Line:
    """Return how many queues have no row."""
    return (Piece(f"{formatting.count(len(queues))} more", Token.FAINT),)
