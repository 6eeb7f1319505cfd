"""The tabs of the overview beside the list, as lists of rows. It is imported after the first rows."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from tui.domain.facts import FactSource
from tui.domain.finding import NOT_KNOWN, OK, Finding, QueueWaits, SubjectKind
from tui.features.alerts import words as say
from tui.features.wall import rows as wall_rows
from tui.features.wall.blocks import BlockRow, WallView, listed, old_words
from tui.features.wall.panes import MIN_FULL_ROWS, ROWS_BELOW, OverviewTab, hint_line
from tui.store.findings.board import Line as Series
from tui.store.findings.board import TaskRow
from tui.store.findings.bounds import fresh_waits
from tui.text import formatting
from tui.text.bars import any_of, greatest, summed
from tui.text.blocks import ListRuns, selecting_keys, with_key
from tui.text.styled import Line, Piece, Token, cut, fit, line_width, pad, wrap
from tui.text.table import REST, Spot, figures, placed, places

# The tabs of the overview as lists of rows: findings with the last hour, failing groups, tasks, queues.


EDGE: Final = 2
"""Free cells at the right edge. Columns so end below the text of their rule."""

MAX_ROWS: Final = 500
"""Rows of a tab with the focus, which scrolls. No environment has as many that matter."""

BLANK: Final = BlockRow()


def _faint(text: str) -> BlockRow:
    return BlockRow((Piece(text, Token.FAINT),))


# The error groups of the last hour, worst first.


def failing_rows(view: WallView, width: int, rows: int, *, has_all: bool = False) -> list[BlockRow]:
    """Return a row for each error group of the last hour, or a sentence. The last row counts those without."""
    failing, limit = view.failing, width - EDGE
    shown = wall_rows.failing_rows(view, failing.groups, limit, max(MAX_ROWS if has_all else rows - 1, 2), 3)
    problem = wrap(say.refused_words(failing.problem), limit) if failing.problem and failing.groups else []
    return [BLANK, *shown, *map(_faint, problem)]


def failing_rule(view: WallView, _width: int) -> Line:
    """Return the text at the right end of the rule: `147 since 07:26`, or `147 last hour · since`.

    The last word is the title of the times below it.
    """
    failing = view.failing
    said = wall_rows.failing_summary(failing, view.now, is_narrow=True, is_short=True)
    has_times = failing.groups and failing.known_since is None
    return (*said, Piece(" · ", Token.FAINT), Piece("since", Token.MUTED)) if said and has_times else said


# The tasks, worst first. The titles of their columns stand in the rule.


_WIDE_TASKS: Final = 79
_NARROW_TASKS: Final = (
    Spot("mark", 1),
    Spot("name", 0, REST),
    Spot("series", 12, gap=0, from_width=56),
    *figures({"failed": 8, "p95": 7, "running": 8, "queued": 8}),
)


def _task_layout(limit: int) -> Sequence[Spot]:
    return wall_rows.layout_for(wall_rows.TASKS, limit) if limit >= _WIDE_TASKS else _NARROW_TASKS


def task_rows(view: WallView, width: int, rows: int, *, has_all: bool = False) -> list[BlockRow]:
    """Return a row for each task. The last row counts those without."""
    tasks, limit = view.board.tasks, width - EDGE
    layout, most = _task_layout(limit), max(MAX_ROWS if has_all else rows, 2)

    def more(rest: Sequence[TaskRow]) -> Line:
        return cut((Piece(f"  {wall_rows.more_words(rest, is_known=view.word != NOT_KNOWN)}", Token.FAINT),), limit)

    shown = listed(tasks, most, lambda each: wall_rows.task_row(each, layout, limit, view), more)
    return shown or [BLANK, _faint("no task has run yet")]


def tasks_rule(_view: WallView, width: int) -> Line:
    """Return the titles of the columns of a page of that width, for the right end of its rule."""
    line: Line = ()
    begin = limit = width - EDGE
    for place, first, cells in places(_task_layout(limit), limit):
        if place.align == "right" or place.name == "word":
            title = "health" if place.name == "word" else place.name
            at = first + (cells - len(title) if place.align == "right" else 0)
            begin = min(begin, at)
            line = (*pad(line, at - begin), Piece(title, Token.MUTED))
    return pad(line, limit - begin)


# The queues, worst first.


_FIGURES: Final = figures({"running": 10, "queued": 8, "oldest": 9})
_QUEUES: Final = (Spot("queue", 0, REST, gap=0), *_FIGURES, Spot("", 2, gap=0), Spot("health", 12))


def queue_rows(view: WallView, width: int, rows: int, *, has_all: bool = False) -> list[BlockRow]:
    """Return the titles and a row for each queue, or a sentence about why there is none. The last row counts others."""
    limit, queues = width - EDGE, view.board.queues
    if queues:
        titles = {place.name: (Piece(place.name, Token.MUTED),) for place in (*_FIGURES, _QUEUES[-1])}
        most = max(MAX_ROWS if has_all else rows - 1, 2)
        shown = listed(
            queues, most, lambda each: wall_rows.queue_row(each, _QUEUES, limit, view), wall_rows.more_queues
        )
        return [BlockRow(placed(_QUEUES, limit, titles)), *shown]
    words = wall_rows.nothing_words(view, FactSource.QUEUES, "There are no queues.")
    return [BLANK, *map(_faint, wrap(words, limit))]


# The findings, two rows for each, and four series of the last hour.


MAX_FINDINGS: Final = 250
"""Findings with rows of their own."""

SHOWN_SOURCES: Final = (FactSource.MINUTES, FactSource.QUEUES, FactSource.WAITS, FactSource.ERRORS)
"""The sources of the numbers of all tabs."""

_CELL_COUNTS: Final = (60, 30, 20, 15, 12, 10, 6)
"""How many cells an hour may have, so that each is whole minutes."""

_HEAD: Final = 16
_SERIES_GAP: Final = 3
_INDENT: Final = 9
_FIRST: Final = (Spot("word", 7, gap=2), Spot("name", 0, REST, gap=2), Spot("since or due"))


def overview_rows(view: WallView, width: int, rows: int, *, has_all: bool = False) -> list[BlockRow]:
    """Return the findings and the series in `rows` rows. The series keep their place at the end.

    With `has_all` there are more rows if there are more findings, otherwise these are counted.
    """
    limit = width - EDGE
    is_full = rows >= MIN_FULL_ROWS
    below = [BlockRow(line) for line in hour_lines(view, limit, has_axis=is_full)]
    if is_full:
        below += [BLANK, BlockRow(cut(hint_line(), limit)), *[BLANK] * ROWS_BELOW]
    room = MAX_FINDINGS * 2 if has_all else max(rows - len(below) - 2, 2)
    above = [BLANK, *verdict_rows(view, limit, room)]
    return [*above, *[BLANK] * max(1, rows - len(above) - len(below)), *below]


def hour_lines(view: WallView, limit: int, *, has_axis: bool = True) -> list[Line]:
    """Return the lines of the series, and that of the axis, in at most `limit` cells."""
    room, count = limit - _HEAD - _SERIES_GAP, view.board.lines.span.count
    cells = next((each for each in _CELL_COUNTS if each <= room and count % each == 0), min(room, count))
    cells = cells if cells >= _CELL_COUNTS[-1] else 0
    head = _HEAD if limit - cells < 20 else _HEAD + 1
    layout = (Spot("head", head, gap=_SERIES_GAP), *((Spot("series", cells),) if cells else ()))
    lines = {name: _merged(name, line, cells) for name, line in wall_rows.four_series(view.board.lines).items()}
    width = head + _SERIES_GAP + cells
    rows = wall_rows.series_rows(view, layout, width, lines, usual=Token.TEXT)
    if not has_axis:
        return rows
    start = view.board.lines.span.start.astimezone(view.now.tzinfo)
    begin = fit((Piece(formatting.time_of_day(start, view.now), Token.FAINT),), cells - 3)
    axis = placed(layout, width, {"series": (*begin, Piece("now", Token.FAINT))})
    return [*rows, axis if cells else ()]


def _merged(name: str, line: Series, cells: int) -> Series:
    merge = greatest if name in wall_rows.LEVELS else summed
    return replace(line, cells=merge(line.cells, cells), is_abnormal=any_of(line.is_abnormal, cells))


def verdict_rows(view: WallView, limit: int, room: int) -> list[BlockRow]:
    """Return the findings, or that all is well, in at most `room` rows. Further findings are counted."""
    verdict = view.verdict
    if view.board.verdict is None:
        return [_faint(formatting.NONE)]
    why = [_faint(text) for sentence in say.refusals(verdict) for text in wrap(sentence, limit)]
    silence = _not_known(say.not_known_sentence(verdict, view.now), limit)
    if not verdict.findings:
        return [*(_calm(view, limit) if verdict.word == OK else silence), *why][:room]
    # Findings come before sources that may not be read.
    first = [] if verdict.is_known else silence[:2]
    unknown = say.unread_sentence(verdict, view.now) if verdict.is_known else ""
    below = _not_known(unknown, limit) if unknown else []
    shown = _findings(view, verdict.findings, limit, max(2, room - len(first) - len(below)))
    return [*first, *shown, *below, *why][:room]


def _findings(view: WallView, findings: Sequence[Finding], limit: int, room: int) -> list[BlockRow]:
    fitting = max(1, room // 2)
    shown = say.fitting(findings, fitting if len(findings) <= fitting else max(1, (room - 1) // 2))
    is_old = view.is_stale or not view.verdict.is_known
    rows: list[BlockRow] = []
    for finding in shown:
        cells = say.finding_cells(finding, view.timers_at, view.now, is_old=is_old, is_frozen=view.is_stale)
        queue = finding.subject.key if finding.subject.kind is SubjectKind.QUEUE else ""
        key = ("finding", finding.identity)
        opens = ListRuns(finding.filter_text, queue=queue, cursor=finding.run_id)
        rows.append(BlockRow(placed(_FIRST, limit, cells), key=key, opens=opens))
        rows.append(BlockRow(cut((Piece(" " * _INDENT), *cells["short"]), limit), key=("below", key)))
    if (more := len(findings) - len(shown)) and len(rows) < room:
        shows_all = with_key("wall", "W", "; {} shows all")
        rows.append(_faint(f"{' ' * _INDENT}{formatting.count(more)} more{shows_all}"))
    return rows


def _calm(view: WallView, limit: int) -> list[BlockRow]:
    if limited := say.limit_words(view.verdict):
        return [BlockRow(_ok(f", {limited}"))]
    first, *others = wrap(view.calm, limit - _INDENT)
    return [BlockRow(_ok(f"     {first}")), *(BlockRow((Piece(" " * _INDENT + text, Token.MUTED),)) for text in others)]


def _ok(words: str) -> Line:
    return Piece("✓ ", Token.GREEN), Piece(OK, is_bold=True), Piece(words, Token.MUTED)


def _not_known(text: str, limit: int) -> list[BlockRow]:
    indent = len(NOT_KNOWN) + 2
    first, *others = wrap(text, limit - indent)
    word, words = say.not_known_line(first)
    rows = [(word, words._replace(token=Token.MUTED)), *((Piece(" " * indent + each, Token.MUTED),) for each in others)]
    return [BlockRow(row) for row in rows]


def overview_rule(view: WallView, _width: int = 0) -> Line:
    """Return what bounds the block: `counts since 14:02`, else of stale data its last moment.

    Beside a finding about a queue it says how old its count is: `queues read 12s ago`. Then follow the old numbers.
    """
    board = view.board
    since = view.verdict.own_since
    texts = [] if since is None else [say.counts_words(since, view.now)]
    if board.is_listed:
        texts = [say.counts_words(board.own_since, view.now, is_listed=True)]
    if not view.is_stale:
        age = queues_age(view)
        texts += [age, old_words(view, *(each for each in SHOWN_SOURCES if not age or each is not FactSource.WAITS))]
    elif since is None:
        texts = [f"as of {formatting.clock(view.timers_at, view.now)}"]
    words = " · ".join(each for each in texts if each)
    return (Piece(words, Token.MUTED),) if words else ()


def queues_age(view: WallView) -> str:
    """Return how long ago the waiting runs of the shown findings were counted; empty if that says nothing of them."""
    if not any(isinstance(each.evidence, QueueWaits) for each in view.verdict.findings):
        return ""
    waits = fresh_waits(view.board.facts, view.now)
    if waits is None:
        return ""  # the runs of the store are counted
    return f"queues read {formatting.age(waits.at, view.now, in_minutes=view.is_slow_link)} ago"


TABS: Final = {
    "overview": OverviewTab(overview_rows, overview_rule),
    "errors": OverviewTab(failing_rows, failing_rule),
    "tasks": OverviewTab(task_rows, tasks_rule),
    "queues": OverviewTab(queue_rows),
}


# The two lines above the keys of a narrow terminal.


def strip_lines(view: WallView, width: int) -> tuple[Line, Line] | None:
    """Return the first two findings on one line each. None: nothing was judged."""
    verdict, limit = view.verdict, width - 3
    if view.board.verdict is None:
        return None
    first = say.fitting(verdict.findings, 2)
    name = min(20, max((line_width((Piece(say.subject(each)),)) for each in first), default=0))
    layout = Spot("word", 7, gap=2), Spot("name", name, gap=2), Spot("short", 0, REST, gap=2), Spot("since")
    is_old = view.is_stale or not verdict.is_known
    found: list[Line] = []
    for finding in first:
        cells = say.finding_cells(finding, view.timers_at, view.now, is_old=is_old, is_frozen=view.is_stale)
        found.append(placed(layout, limit, cells))
    if verdict.word == NOT_KNOWN:
        found = [say.not_known_line(say.not_known_alone(verdict, view.now)), *found]
    elif not found:
        limited = say.limit_words(verdict)
        found = [_ok(f", {limited}" if limited else f"  {view.calm}")]
    if verdict.word != NOT_KNOWN and verdict.unread:
        found.append(say.not_known_line(say.unread_sentence(verdict, view.now)))
    found.append((Piece(f"New runs appear at the top. {selecting_keys()} selects a run.", Token.MUTED),))
    first_line, second_line = (cut((Piece("  "), *line), width - 1) for line in found[:2])
    return first_line, second_line
