"""The table of attempts: start, duration, wait, and a bar on the shared time axis."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from tui.domain.attempt import Attempt, AttemptHistory, AttemptStatus
from tui.domain.run import Run
from tui.lazy_dataclass import dataclass
from tui.present import formatting
from tui.present.actions.row_actions import Row, ShowAttempt, ToggleFold
from tui.present.attempts.axis import Axis, round_up
from tui.present.attempts.choice import FOLDED, MAX_UNFOLDED, AttemptKey, groups
from tui.present.attempts.text import attempt_style, gap_before, waited_before
from tui.present.columns import Now, time_in_queue
from tui.present.errors.layout import ErrorLayout
from tui.present.status import style_of_attempt
from tui.present.styled import Line, Piece, Token, cut, fit, line_width, pad

_ROOMY: Final = 76
_MIN_AXIS: Final = 8
_TIME: Final = 7
_MARK: Final = 2
_AFTER_NUMBER: Final = 3
_BEFORE_AXIS: Final = 3
_EDGE: Final = 2
_MAX_WAIT_FACTOR: Final = 4
"""If the first wait is longer than all later times by this factor, the axis starts after it to leave room for bars."""

_BAR_TOKENS: Final = {
    AttemptStatus.EXECUTING: Token.BLUE,
    AttemptStatus.COMPLETED: Token.GREEN,
    AttemptStatus.FAILED: Token.ROSE,
    AttemptStatus.CANCELED: Token.FAINT,
}


def elapsed_words(attempt: Attempt, now: Now) -> str:
    """Return the duration of an attempt so far, or `·` where it is not known."""
    if attempt.duration is not None:
        return formatting.duration(attempt.duration)
    if attempt.started_at is None or attempt.status is not AttemptStatus.EXECUTING:
        return formatting.NONE
    return now.duration((now.frozen_at or now.at) - attempt.started_at)


def attempt_rows(
    run: Run, history: AttemptHistory, now: Now, layout: ErrorLayout, selected: Attempt | None
) -> list[Row]:
    """Return the rows of all attempts, and of the next attempt if it is scheduled."""
    table = _table(run, history, now, layout.limit)
    rows = [Row(table.head(), "head")] if table.is_roomy else []
    previous: Attempt | None = None
    for group in groups(history.attempts, selected, is_open=layout.is_open(FOLDED)):
        if isinstance(group, tuple):
            rows.append(Row(_folded(group), FOLDED, ToggleFold(FOLDED)))
            previous = group[-1]
            continue
        if not history.is_trace_gone and (missing := gap_before(group, previous)):
            rows.append(Row((Piece(f"  {missing}", Token.FAINT),), ("gap", group.number)))
        line = table.row(group, previous, is_selected=group is selected)
        rows.append(Row(line, AttemptKey(group.number), ShowAttempt(group.number)))
        previous = group
    if len(history.attempts) > MAX_UNFOLDED and FOLDED in layout.toggled:
        line = (Piece(f"  ▾ {formatting.plural(len(history.attempts), 'attempt')}", Token.FAINT),)
        rows.append(Row(line, FOLDED, ToggleFold(FOLDED)))
    if history.retry_at is not None and not run.is_final:
        rows.append(Row(table.next(history.retry_at), "next"))
    return [row._replace(line=cut(row.line, layout.limit)) for row in rows]


def _folded(attempts: Sequence[Attempt]) -> Line:
    first, last = attempts[0].number, attempts[-1].number
    pieces = [
        Piece(f"  ⋯ {formatting.plural(len(attempts), 'attempt')}", Token.MUTED),
        Piece(f"  {first} to {last}" if first != last else f"  {first}", Token.FAINT),
    ]
    for style, number in Counter(style_of_attempt(attempt.status) for attempt in attempts).items():
        pieces += [Piece("  "), style.mark, Piece(f" {formatting.count(number)}", Token.MUTED)]
    return tuple(pieces)


@dataclass(frozen=True, slots=True)
class _Table:
    """The attempts, the widths of two columns, and the axis if there is room for one."""

    run: Run
    history: AttemptHistory
    now: Now
    number: int
    start: int
    is_roomy: bool
    axis: Axis | None = None

    @property
    def left(self) -> int:
        """The width of everything left of the axis, including the gap."""
        times = 2 * (self.gap + _TIME) + 1 if self.is_roomy else self.gap + _TIME
        return _MARK + self.number + _AFTER_NUMBER + self.start + times + _BEFORE_AXIS

    @property
    def gap(self) -> int:
        """The gap between columns of times."""
        return 3 if self.is_roomy else 2

    def head(self) -> Line:
        """Return the column titles and the labels of the axis."""
        number, start, took, waited = (Piece(word, Token.FAINT) for word in ("#", "started", "took", "waited"))
        cells = self._cells(Piece(" "), number, start, took, waited)
        return cells if self.axis is None else (*pad(cells, self.left), *self.axis.labels())

    def row(self, attempt: Attempt, previous: Attempt | None, *, is_selected: bool) -> Line:
        """Return the row of one attempt. `previous` is the attempt before it, if known."""
        style = attempt_style(self.run, attempt, self.history)
        is_running = attempt.status is AttemptStatus.EXECUTING and style.word_token is Token.BLUE
        value = Token.TEXT if is_selected else Token.MUTED
        start = formatting.NONE if attempt.started_at is None else formatting.moment(attempt.started_at, self.now.at)
        cells = self._cells(
            style.mark,
            Piece(str(attempt.number), Token.BRIGHT if is_selected else Token.TEXT, is_bold=is_selected),
            Piece(start, value),
            Piece(elapsed_words(attempt, self.now), Token.BLUE if is_running else value),
            Piece(waited_before(self.run, attempt, previous) or formatting.NONE, value if is_selected else Token.FAINT),
        )
        if self.axis is None:
            return cells
        return (*pad(cells, self.left), *attempt_bar(self.run, self.history, attempt, previous, self.axis, self.now))

    def next(self, retry_at: datetime) -> Line:
        """Return the row that says when the next attempt is due."""
        wait = retry_at - (self.now.frozen_at or self.now.at)
        due = (
            f"in {formatting.wait(wait, in_minutes=self.now.in_minutes)}{'~' if self.now.frozen_at else ''}"
            if wait > timedelta()
            else "due"
        )
        cells: Line = (
            *fit((Piece("next", Token.MUTED),), _MARK + self.number + _AFTER_NUMBER),
            *fit((Piece(formatting.moment(retry_at, self.now.at), Token.MUTED),), self.start),
            Piece("  "),
            Piece(due, Token.MUTED),
        )
        if self.axis is None or line_width(cells) >= self.left:
            return cells
        since = self.history.attempts[-1].completed_at if self.history.attempts else None
        return (*pad(cells, self.left), *self.axis.bar(since, retry_at, None, Token.FAINT))

    def _cells(self, mark: Piece, number: Piece, start: Piece, took: Piece, waited: Piece) -> Line:
        gap = Piece(" " * self.gap)
        cells: Line = (
            mark,
            Piece(" "),
            *pad((number,), self.number, "right"),
            Piece(" " * _AFTER_NUMBER),
            *fit((start,), self.start),
            gap,
            *fit((took,), _TIME, "right"),
        )
        return (*cells, gap, *fit((waited,), _TIME, "right")) if self.is_roomy else cells


def _table(run: Run, history: AttemptHistory, now: Now, limit: int) -> _Table:
    moments = [attempt.started_at for attempt in history.attempts] + [history.retry_at]
    start = max((len(formatting.moment(at, now.at)) for at in moments if at is not None), default=len("started"))
    number = max((len(str(attempt.number)) for attempt in history.attempts), default=1)
    table = _Table(run, history, now, number, start, limit >= _ROOMY)
    width = limit - table.left - _EDGE
    axis = axis_of(run, history, now, width) if width >= _MIN_AXIS else None
    return _Table(run, history, now, number, start, table.is_roomy, axis)


def attempt_bar(
    run: Run, history: AttemptHistory, attempt: Attempt, previous: Attempt | None, axis: Axis, now: Now
) -> Line:
    """Return the bar of one attempt, with the wait before it. `previous` is the attempt before it, if known."""
    is_next = previous is not None and previous.number == attempt.number - 1
    since = previous.completed_at if previous and is_next else _queued_at(run) if attempt.number == 1 else None
    is_waiting = attempt_style(run, attempt, history).word_token is Token.MUTED
    token = Token.MUTED if is_waiting else _BAR_TOKENS[attempt.status]
    return axis.bar(since, attempt.started_at, _end(attempt, now), token)


def axis_of(run: Run, history: AttemptHistory, now: Now, width: int) -> Axis | None:
    """Return the axis from the creation to the last end. While the run is live its length is a round time."""
    starts = [attempt.started_at for attempt in history.attempts if attempt.started_at is not None]
    if not starts:
        return None
    ends = [end for attempt in history.attempts if (end := _end(attempt, now)) is not None]
    if history.retry_at is not None and not run.is_final:
        ends.append(history.retry_at)
    begin, first, end = _queued_at(run), min(starts), max(ends + starts)
    if begin is None or begin > first or first - begin > _MAX_WAIT_FACTOR * (end - first):
        begin = first
    span = max(end - begin, timedelta(milliseconds=1))
    return Axis(begin, span if run.is_final else round_up(span), width)


def _queued_at(run: Run) -> datetime | None:
    """Return when the wait for the first attempt began."""
    created = run.created_at
    waited = None if created is None else time_in_queue(run, created)
    return None if created is None or waited is None else created - waited


def _end(attempt: Attempt, now: Now) -> datetime | None:
    """Return where the bar of an attempt ends: at its start if it is over and its end is unknown."""
    started_at, here = attempt.started_at, now.frozen_at or now.at
    if attempt.completed_at is not None:
        return attempt.completed_at
    if attempt.status is not AttemptStatus.EXECUTING:
        return started_at
    return here if started_at is None else started_at + now.drawn(here - started_at)
