"""The blocks of the overview: findings, failing groups, tasks, queues, and four series of the last hour."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple

from tui.domain.facts import FactSource
from tui.domain.finding import NOT_KNOWN, OK, Finding, QueueWaits, Verdict
from tui.features.alerts.words import (
    CALM,
    FINDING_TOKENS,
    limit_words,
    listed_counts,
    not_known_alone,
    not_known_sentence,
    overview_sentence,
    own_counts,
    refusals,
    refused_words,
    short_sentence,
    since,
    since_words,
    subject,
    unread_sentence,
    unread_words,
)
from tui.features.overview.hint import MIN_FULL_ROWS, ROWS_BELOW, hint_line
from tui.features.queues.words import queued_text
from tui.features.wall.blocks import PlacedLine, WallLook, any_of, greatest, old_words, series, series_bars, summed
from tui.features.wall.rows import (
    FailingColumns,
    TaskColumns,
    TaskFigure,
    failing_columns,
    failing_row,
    more_words,
    no_groups_line,
    task_columns,
    task_heads,
    task_row,
)
from tui.store.findings.bounds import MAX_WAITS_AGE
from tui.store.findings.rows import Board, FailingGroup, FailingNow, FourLines, QueueHealth, QueueRow, TaskRow
from tui.store.findings.rows import Line as Series
from tui.text import formatting
from tui.text.blocks import selecting_keys, with_key
from tui.text.formatting import waited
from tui.text.styled import Line, Piece, Token, cut, line_width, wrap

# The values that every block of the overview is made from, and a line that may open something.


EDGE: Final = 2
"""Free cells at the right edge. Columns so end below the text of their rule."""


class OverviewView(NamedTuple):
    """The board as it is shown at `now`, in the user's zone.

    `frozen_at`: until when the data is confirmed, if it is stale. `in_minutes`: durations have no seconds.
    """

    board: Board
    failing: FailingNow
    now: datetime
    frozen_at: datetime | None = None
    look: WallLook = WallLook()
    in_minutes: bool = False

    @property
    def is_stale(self) -> bool:
        """Whether nothing confirms the data."""
        return self.frozen_at is not None

    @property
    def at(self) -> datetime:
        """The time until which durations run."""
        return self.frozen_at or self.now

    @property
    def verdict(self) -> Verdict | None:
        """The findings, None before they were judged."""
        return self.board.verdict

    @property
    def lines(self) -> FourLines:
        """The four series."""
        return self.board.lines


class OverviewLine(NamedTuple):
    """A line, and the finding, group, task or queue that it is about. `is_below`: it belongs to the line above it."""

    line: Line = ()
    about: Finding | FailingGroup | TaskRow | QueueRow | None = None
    is_below: bool = False


BLANK: Final = OverviewLine()


# The blocks at the right of the overview: the error groups of the last hour, and the tasks, both worst first.


_GUTTER: Final = 2
"""The wall's rows begin behind a gutter, which the pages of panes have already."""

_WIDE_FAILING: Final = 110
_WIDE_TASKS: Final = 79
_MIN_SERIES: Final = 56
_MIN_QUEUED: Final = 46


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
        return wide._replace(
            count_end=wide.count_end - _GUTTER,
            state_at=wide.state_at - _GUTTER,
            task_at=wide.task_at - _GUTTER,
            error_at=wide.error_at - _GUTTER,
            place_at=_moved(wide.place_at),
            versions_at=_moved(wide.versions_at),
            glyph_at=0,
        )
    digits = max([3, *(len(formatting.count(group.count)) for group in view.failing.groups)])
    count_end = 2 + digits
    task_at = count_end + 9
    task_cells = 8 if limit < _MIN_QUEUED else 11 if limit < _WIDE_TASKS else 16
    return FailingColumns(
        limit, count_end, count_end + 2, task_at, task_at + task_cells + 2, since_end=limit, glyph_at=0
    )


def _moved(at: int | None) -> int | None:
    return None if at is None else at - _GUTTER


def _task_columns(limit: int) -> TaskColumns:
    if limit >= _WIDE_TASKS:
        wide = task_columns(limit + _GUTTER + 1)
        ends = tuple((figure, end - _GUTTER) for figure, end in wide.ends)
        name_at, series_at = wide.name_at - _GUTTER, wide.series_at - _GUTTER
        return TaskColumns(limit, name_at, series_at, wide.cells, ends, _moved(wide.word_at))
    ends = (
        (TaskFigure.FAILED, limit - 23),
        (TaskFigure.P95, limit - 16),
        (TaskFigure.RUNNING, limit - 8),
        (TaskFigure.QUEUED, limit),
    )
    cells = 12 if limit >= _MIN_SERIES else 0
    return TaskColumns(limit, 2, limit - 31 - cells, cells, ends)


# The lines of the overview before there is anything to judge: how to select a run, and that the server is silent.


# The four series of the overview: done, failed, queued, running, with their newest figures and the time axis.


_MIN_SERIES_AT: Final = 19
_BETWEEN: Final = 3
"""Free cells between a figure and its series."""

_NAMES: Final = ("done", "failed", "queued", "running")
_CELL_COUNTS: Final = (60, 30, 20, 15, 12, 10, 6)
"""How many cells an hour may have, so that each is whole minutes."""


def four_series(view: OverviewView, limit: int, *, has_axis: bool = True) -> list[Line]:
    """Return the lines of the series, and that of the axis, in at most `limit` cells."""
    room = limit - _MIN_SERIES_AT
    wanted = view.lines.span.count
    cells = next((count for count in _CELL_COUNTS if count <= room and wanted % count == 0), min(room, wanted))
    if cells < _CELL_COUNTS[-1]:
        cells = 0
    at = max(_MIN_SERIES_AT, min(limit - cells, 20))
    all_four = view.lines.done, view.lines.failed, view.lines.queued, view.lines.running
    lines = [_line(view, name, data, at, cells) for name, data in zip(_NAMES, all_four, strict=True)]
    return [*lines, _axis(view, at, cells)] if has_axis else lines


def _line(view: OverviewView, name: str, data: Series, at: int, cells: int) -> Line:
    line = PlacedLine()
    line.put(0, (Piece(name, Token.FAINT),))
    line.right(at - _BETWEEN, (_figure(view, name, data),))
    if cells:
        line.put(at, _bars(view, name, data, cells))
    return line.line(line.width)


def _bars(view: OverviewView, name: str, data: Series, cells: int) -> Line:
    shown = (summed if name in {"done", "failed"} else greatest)(data.cells, cells)
    bars = series_bars(name, shown, data.normal, is_stale=view.is_stale)
    abnormal = () if view.is_stale or not data.is_abnormal else any_of(data.is_abnormal, cells)
    return series(shown, bars, view.look, abnormal)


def _figure(view: OverviewView, name: str, data: Series) -> Piece:
    """Return the newest figure: not known is `·`, an old level has `~`, an old rate is not shown."""
    is_rate = name in {"done", "failed"}
    if data.now is None:
        return Piece(formatting.NONE, Token.FAINT)
    number = formatting.count(round(data.now))
    if view.is_stale:
        return Piece("" if is_rate else f"{number}~", Token.MUTED)
    if is_rate and 0 < data.now < 1:
        number = f"{data.now:.1f}"
    text = f"{number}/min" if is_rate else number
    is_abnormal = bool(data.is_abnormal) and data.is_abnormal[-1]
    if name == "failed":
        return Piece(text, Token.ROSE if data.now else Token.MUTED, is_bold=bool(data.now))
    return Piece(text, Token.AMBER if is_abnormal and name != "done" else Token.TEXT)


def _axis(view: OverviewView, at: int, cells: int) -> Line:
    if not cells:
        return ()
    line, start = PlacedLine(), view.lines.span.start.astimezone(view.now.tzinfo)
    line.put(at, (Piece(formatting.time_of_day(start, view.now), Token.FAINT),))
    line.right(at + cells, (Piece("now", Token.FAINT),))
    return line.line(at + cells)


# The block `overview`: two lines for each finding, and below it four series of the last hour.


MAX_FINDINGS: Final = 250
"""Findings with lines of their own."""

SHOWN_SOURCES: Final = frozenset({FactSource.MINUTES, FactSource.QUEUES, FactSource.WAITS, FactSource.ERRORS})
"""The sources of the numbers of all blocks of the overview."""

_NAME_AT: Final = 9
_STRIP_NAME_AT: Final = 11
_TICK: Final = "✓"


def overview_lines(view: OverviewView, width: int, rows: int, *, has_all: bool = False) -> list[OverviewLine]:
    """Return the block in `rows` lines of at most `width` cells. The series keep their place at its end.

    With `has_all` it has more lines if there are more findings, otherwise these are counted.
    """
    limit = width - EDGE
    is_full = rows >= MIN_FULL_ROWS
    below = [OverviewLine(line) for line in four_series(view, limit, has_axis=is_full)]
    if is_full:
        below += [BLANK, OverviewLine(cut(hint_line(), limit)), *[BLANK] * ROWS_BELOW]
    room = MAX_FINDINGS * 2 if has_all else max(rows - len(below) - 2, 2)
    above = [BLANK, *verdict_lines(view, limit, room)]
    return [*above, *[BLANK] * max(1, rows - len(above) - len(below)), *below]


def verdict_lines(view: OverviewView, limit: int, room: int) -> list[OverviewLine]:
    """Return the findings, or that all is well, in at most `room` lines. Further findings are counted."""
    verdict = view.verdict
    if verdict is None:
        return [OverviewLine((Piece(formatting.NONE, Token.FAINT),))]
    lines: list[OverviewLine] = []
    if verdict.word == NOT_KNOWN:
        lines += _not_known(not_known_sentence(verdict, view.now), limit)
    elif not verdict.findings:
        lines += _calm(verdict, limit)
    lines += [OverviewLine((Piece(text, Token.FAINT),)) for why in refusals(verdict) for text in wrap(why, limit)]
    if verdict.findings:
        # Findings come before sources that may not be read.
        first = [] if verdict.is_known else lines[:2]
        rest = lines[len(first) :]
        unknown = unread_sentence(verdict, view.now) if verdict.is_known else ""
        below = _not_known(unknown, limit) if unknown else []
        shown = _findings(view, verdict.findings, limit, max(2, room - len(first) - len(below)))
        lines = [*first, *shown, *below, *rest]
    return lines[:room]


def strip_lines(view: OverviewView, width: int) -> tuple[Line, Line] | None:
    """Return the first two findings on one line each, for the two lines above the keys. None: nothing was judged."""
    verdict = view.verdict
    if verdict is None:
        return None
    limit = width - 1
    first = verdict.findings[:2]
    name_cells = min(20, max((line_width((Piece(subject(each)),)) for each in first), default=0))
    found = [_strip_line(view, finding, name_cells, limit) for finding in first]
    if verdict.word == NOT_KNOWN:
        known = (Piece("  "), *_word(NOT_KNOWN, Token.AMBER), Piece(f"  {not_known_alone(verdict, view.now)}"))
        found = [cut(known, limit), *found]
    elif not found:
        limited = limit_words(verdict)
        calm = Piece(f", {limited}" if limited else f"  {CALM}", Token.MUTED)
        found = [cut((Piece(f"  {_TICK} ", Token.GREEN), *_word(OK, Token.TEXT), calm), limit)]
    if len(found) < 2 and verdict.word != NOT_KNOWN and verdict.unread:
        line = (Piece("  "), *_word(NOT_KNOWN, Token.AMBER), Piece(f"  {unread_sentence(verdict, view.now)}"))
        found.append(cut(line, limit))
    if len(found) < 2:
        words = f"  The list follows new runs. {selecting_keys()} selects a run."
        found.append(cut((Piece(words, Token.MUTED),), limit))
    return found[0], found[1]


def overview_rule(view: OverviewView) -> Line:
    """Return what bounds the block: `own counts since 14:02`, else of stale data its last moment, `as of 14:32:07`.

    Beside a finding about a queue it says how old its count is: `queues 12 s ago`. Then follow the old numbers.
    """
    since = view.verdict.own_since if view.verdict is not None else None
    texts = [] if since is None else [own_counts(since, view.now)]
    if view.board.is_listed:
        texts = [listed_counts(view.board.own_since, view.now)]
    if view.frozen_at is None:
        age = queues_age(view)
        shown = SHOWN_SOURCES - {FactSource.WAITS} if age else SHOWN_SOURCES
        old = old_words(view.board.ages, view.now, shown, in_minutes=view.in_minutes)
        texts += [each for each in (age, old) if each]
    elif since is None:
        texts = [f"as of {formatting.clock(view.frozen_at, view.now)}"]
    return (Piece(" · ".join(texts), Token.MUTED),) if texts else ()


def queues_age(view: OverviewView) -> str:
    """Return how long ago the waiting runs of the shown findings were counted; empty if that says nothing of them."""
    findings = () if view.verdict is None else view.verdict.findings
    if not any(isinstance(each.evidence, QueueWaits) for each in findings):
        return ""
    read_at = next((each.read_at for each in view.board.ages if each.source is FactSource.WAITS), None)
    if read_at is None or view.now - read_at > MAX_WAITS_AGE:
        return ""  # the runs of the store are counted
    return f"queues {formatting.wait(view.now - read_at, in_minutes=view.in_minutes)} ago"


def _findings(view: OverviewView, findings: Sequence[Finding], limit: int, room: int) -> list[OverviewLine]:
    fitting = max(1, room // 2)
    shown = findings if len(findings) <= fitting else findings[: max(1, (room - 1) // 2)]
    lines = [line for finding in shown for line in _two_lines(view, finding, limit)]
    if (more := len(findings) - len(shown)) and len(lines) < room:
        words = f"{formatting.count(more)} more" + with_key("wall", "W", "; {} shows all")
        lines.append(OverviewLine((Piece(" " * _NAME_AT), Piece(words, Token.FAINT))))
    return lines


def _two_lines(view: OverviewView, finding: Finding, limit: int) -> list[OverviewLine]:
    is_old = view.is_stale or not (view.verdict is not None and view.verdict.is_known)
    first, second = PlacedLine(), PlacedLine()
    first.put(0, _word(finding.word, Token.MUTED if is_old else FINDING_TOKENS[finding.word]))
    words = since_words(finding, view.now)
    room = limit - _NAME_AT - len(words) - 2
    first.put(_NAME_AT, (Piece(subject(finding), Token.MUTED if is_old else Token.BRIGHT, is_bold=not is_old),), room)
    first.right(limit, (Piece(words, Token.FAINT),))
    text = overview_sentence(finding, view.at, view.now, is_frozen=view.is_stale)
    second.put(_NAME_AT, (Piece(text, Token.MUTED if is_old else Token.TEXT),), limit - _NAME_AT)
    return [OverviewLine(first.line(limit), finding), OverviewLine(second.line(limit), finding, is_below=True)]


def _strip_line(view: OverviewView, finding: Finding, name_cells: int, limit: int) -> Line:
    line, time = PlacedLine(), since(finding, view.now)
    is_muted = view.is_stale or view.verdict is None or not view.verdict.is_known
    line.put(2, _word(finding.word, Token.MUTED if is_muted else FINDING_TOKENS[finding.word]))
    named = Piece(subject(finding), Token.MUTED if is_muted else Token.BRIGHT, is_bold=not is_muted)
    line.put(_STRIP_NAME_AT, (named,), name_cells)
    text = short_sentence(finding, view.at, view.now, is_frozen=view.is_stale)
    at = _STRIP_NAME_AT + name_cells + 2
    line.put(at, (Piece(text, Token.MUTED if is_muted else Token.TEXT),), limit - len(time) - 2 - at)
    line.right(limit, (Piece(time, Token.MUTED),))
    return line.line(limit)


def _calm(verdict: Verdict, limit: int) -> list[OverviewLine]:
    lead: Line = (Piece(f"{_TICK} ", Token.GREEN), *_word(OK, Token.TEXT))
    if limited := limit_words(verdict):
        return [OverviewLine((*lead, Piece(f", {limited}", Token.MUTED)))]
    first, *others = wrap(CALM, limit - _NAME_AT)
    indent = Piece(" " * _NAME_AT)
    line = (*lead, Piece(" " * (_NAME_AT - len(OK) - 2)), Piece(first, Token.MUTED))
    return [OverviewLine(line), *(OverviewLine((indent, Piece(text, Token.MUTED))) for text in others)]


def _not_known(text: str, limit: int) -> list[OverviewLine]:
    indent = len(NOT_KNOWN) + 2
    texts = wrap(text, limit - indent)
    first = (*_word(NOT_KNOWN, Token.AMBER), Piece(f"  {texts[0]}", Token.MUTED))
    return [OverviewLine(first), *(OverviewLine((Piece(" " * indent), Piece(each, Token.MUTED))) for each in texts[1:])]


def _word(word: str, token: Token) -> Line:
    return (Piece(word, token, is_bold=True),)


# The block of queues, worst first: running of the limit, queued, oldest, and the health in a word.


_HEALTH_TOKENS: Final = {
    QueueHealth.AT_LIMIT: Token.AMBER,
    QueueHealth.STUCK: Token.AMBER,
    QueueHealth.LATE: Token.AMBER,
    QueueHealth.PAUSED: Token.MUTED,
    QueueHealth.BUSY: Token.MUTED,
}
_WORD_CELLS: Final = 12


def queue_lines(view: OverviewView, width: int, rows: int) -> list[OverviewLine]:
    """Return a line for each queue, or a sentence about why there is none. The last line counts others."""
    limit, queues = width - EDGE, view.board.queues
    if queues:
        room = max(rows - 1, 1)
        shown = queues if len(queues) <= room else queues[: max(room - 1, 1)]
        heads = PlacedLine()
        for title, end in zip(("running", "queued", "oldest"), _ends(limit), strict=True):
            heads.right(end, (Piece(title, Token.MUTED),))
        heads.put(limit - _WORD_CELLS, (Piece("health", Token.MUTED),))
        lines = [OverviewLine(heads.line(limit)), *(OverviewLine(_row(view, queue, limit), queue) for queue in shown)]
        if hidden := len(queues) - len(shown):
            lines.append(OverviewLine((Piece(f"{formatting.count(hidden)} more", Token.FAINT),)))
        return lines
    age = next((each for each in view.board.ages if each.source is FactSource.QUEUES), None)
    why = None if age is None else age.failure if age.refusal is None else refused_words(age.refusal)
    if why is not None:
        return [BLANK, *(OverviewLine((Piece(text, Token.FAINT),)) for text in wrap(why, limit))]
    is_read = age is not None and age.read_at is not None
    return [BLANK, OverviewLine((Piece("There is no queue." if is_read else formatting.NONE, Token.FAINT),))]


def _ends(limit: int) -> tuple[int, int, int]:
    """Return where the figures end: running, queued, oldest."""
    return limit - 31, limit - 23, limit - 14


def _row(view: OverviewView, queue: QueueRow, limit: int) -> Line:
    line, token = PlacedLine(), _HEALTH_TOKENS.get(queue.health, Token.TEXT)
    is_bad = token is Token.AMBER and not view.is_stale
    running_end, queued_end, oldest_end = _ends(limit)
    line.put(0, (Piece(queue.name, Token.BRIGHT if is_bad else Token.TEXT),), running_end - 10)
    running = formatting.NONE if queue.running is None else formatting.count(queue.running)
    most: Line = () if queue.limit is None else (Piece(f"/{formatting.count(queue.limit)}", Token.FAINT),)
    line.right(running_end, (Piece(running, Token.TEXT if queue.running else Token.FAINT), *most))
    queued = Token.FAINT if queue.queued is None else Token.AMBER if is_bad else Token.TEXT
    line.right(queued_end, (Piece(queued_text(queue), queued),))
    oldest = ""
    if queue.oldest_at is not None:
        oldest = waited(view.at - queue.oldest_at, in_minutes=view.in_minutes) + ("~" if view.is_stale else "")
    line.right(oldest_end, (Piece(oldest, Token.AMBER if is_bad else Token.TEXT),))
    line.put(limit - _WORD_CELLS, (Piece(queue.health.value, Token.MUTED if view.is_stale else token),))
    return line.line(limit)


# `time_texts`: the texts of the overview that differ although nothing has changed but the time.


def time_texts(view: OverviewView) -> tuple[str, ...]:
    """Return them. A view with the same board, the same groups and the same texts looks the same."""
    verdict = view.verdict
    if verdict is None:
        return ()
    texts = [f"{view.now:%Y-%m-%d}"]  # a time of another day is its date
    oldest = (each.oldest_at for each in view.board.queues if each.oldest_at is not None)
    texts += [waited(view.at - at, in_minutes=view.in_minutes) for at in oldest]
    for each in verdict.findings:
        texts.append(since(each, view.now))
        texts += (say(each, view.at, view.now, is_frozen=view.is_stale) for say in (short_sentence, overview_sentence))
    texts.append(queues_age(view) if view.frozen_at is None else "")
    texts += [
        old_words(view.board.ages, view.now, SHOWN_SOURCES, in_minutes=view.in_minutes),
        *unread_words(verdict, view.now),
    ]
    if verdict.word == NOT_KNOWN:
        texts += (not_known_sentence(verdict, view.now), not_known_alone(verdict, view.now))
    if verdict.own_since is not None:
        texts.append(own_counts(verdict.own_since, view.now))
    return tuple(texts)
