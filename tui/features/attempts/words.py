"""The attempts of a run as a table on one time axis, and in print."""

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import groupby
from typing import Final, NamedTuple

from tui.domain.error import RunError
from tui.domain.run import QUEUED_FAMILY, Attempt, AttemptHistory, AttemptStatus, Run, RunStatus
from tui.features.errors.error import ErrorLayout, error_lines, error_rows, sameness
from tui.features.runs.columns import short_id, time_in_queue
from tui.features.runs.words import waiting_words
from tui.kit.words import without_request
from tui.lazy_dataclass import dataclass
from tui.text import formatting
from tui.text.bars import BAR, DASH, Tick, TimeWindow, label, round_up, tick_labels, ticks
from tui.text.bars import BarCells as Cells
from tui.text.blocks import Now, ReadStage, Row, ShowAttempt, ToggleFold, indented, labelled, spaced, tries_again
from tui.text.status import StatusStyle, style_of, style_of_attempt
from tui.text.styled import Line, Piece, Token, cut, fit, joined, line_width, pad, wrap

# The time axis that all attempts of a run share. Waiting is dashed, and a running attempt is a bar.
#
# The finest step is half a cell. A bar is at least that long, however short its attempt was.


_US: Final = timedelta(microseconds=1)
_TICK_CELLS: Final = 12
"""Cells between two labels of the axis, at least."""


class Bar(NamedTuple):
    """One attempt on the axis: the wait from `waited_from` to its start, then a bar in `token`.

    Without an end only the wait is drawn, without a start nothing.
    """

    waited_from: datetime | None
    started_at: datetime | None
    ended_at: datetime | None
    token: Token


@dataclass(frozen=True, slots=True)
class Axis:
    """A span of time in `width` cells. Moments outside of it are drawn at its ends."""

    begin: datetime
    span: timedelta
    width: int

    def cells(self, bars: Iterable[Bar]) -> Cells:
        """Draw bars, each over those before it. Where one follows another at once, the later one shows its start."""
        cells = Cells(self.width)
        for waited_from, started_at, ended_at, token in bars:
            if started_at is None:
                continue
            start = self._half_cells(started_at)
            if waited_from is not None:
                # The wait begins at the next whole cell, so that it does not erase the end of the bar before it.
                cells.draw(-(-self._half_cells(waited_from) // 2) * 2, start, DASH, Token.FAINT)
            if ended_at is not None:
                start = min(start, 2 * self.width - 1)
                cells.draw(start, max(start + 1, self._half_cells(ended_at)), BAR, token)
        return cells

    def labels(self) -> Line:
        """Return round times above their cells, starting with `0s`."""
        return tick_labels(ticks(self._window, self.width, _TICK_CELLS) or [Tick(0, label(0))])

    @property
    def _window(self) -> TimeWindow:
        return TimeWindow(0, self.span // _US)

    def _half_cells(self, at: datetime) -> int:
        return max(0, min(2 * self.width, self._window.half_cells((at - self.begin) // _US, self.width)))


# Which attempt is selected, and which attempts have a row of their own when there are very many.


FOLDED: Final[Hashable] = "attempts"
"""The key of the row that folds the middle attempts."""

MAX_UNFOLDED: Final = 12
_FIRST, _LAST = 3, 4


def selected_attempt(history: AttemptHistory, picked: int | None) -> Attempt | None:
    """Return the picked attempt, else the last failed one, else the last; None if there is none."""
    attempts = history.attempts
    chosen = [attempt for attempt in attempts if attempt.number == picked][:1]
    failed = [attempt for attempt in attempts if attempt.status is AttemptStatus.FAILED]
    return (chosen or failed or attempts or (None,))[-1]


def stepped(history: AttemptHistory, selected: Attempt | None, step: int) -> int | None:
    """Return the number of the attempt that is `step` away from the selected one, clamped to the first or the last."""
    if selected is None:
        return None
    numbers = [attempt.number for attempt in history.attempts]
    return numbers[max(0, min(len(numbers) - 1, numbers.index(selected.number) + step))]


Group = Attempt | tuple[Attempt, ...]
"""An attempt with a row of its own, or several that share one."""


def groups(attempts: Sequence[Attempt], selected: Attempt | None, *, is_open: bool) -> list[Group]:
    """Return the attempts in order. Of more than `MAX_UNFOLDED` the middle is folded, except the selected one."""
    if len(attempts) <= MAX_UNFOLDED or is_open:
        return list(attempts)
    shown = {*attempts[:_FIRST], *attempts[-_LAST:], selected}
    found: list[Group] = []
    for is_shown, several in groupby(attempts, shown.__contains__):
        members = tuple(several)
        found += members if is_shown else [members]
    return found


# A sentence in rows.


def sentence(text: str, layout: ErrorLayout, key: Hashable, token: Token = Token.MUTED) -> list[Row]:
    """Wrap a sentence into rows with this key."""
    return [Row((Piece(row, token),), (key, index)) for index, row in enumerate(wrap(text, layout.limit))]


# The attempts of a run as `show` prints them: times, waits and errors, with equal errors printed once.


TRACE_GONE = "The trace is gone from the server; this is the error of the last attempt."


def missing_words(history: AttemptHistory) -> str:
    """Return a sentence about attempts that may be missing, or an empty text."""
    if not history.missing:
        return ""
    missing = without_request(history.missing)
    text = missing[:1].upper() + missing[1:].rstrip(".")
    return f"{text}; later attempts and errors may be missing."


def gone_words(history: AttemptHistory) -> str:
    """Return a sentence about a trace that the server no longer has."""
    return TRACE_GONE if any(attempt.error for attempt in history.attempts) else "The trace is gone from the server."


def attempt_lines(run: Run, now: datetime, limit: int) -> list[Line]:
    """Return all attempts in order, and when the next one is due."""
    lines, history = list[Line](), run.history
    if history.is_trace_gone:
        lines += [(Piece(row, Token.MUTED),) for row in wrap(gone_words(history), limit)]
    if missing := missing_words(history):
        lines += [(Piece(row, Token.AMBER),) for row in wrap(missing, limit)]
    previous: Attempt | None = None
    shown: tuple[int, RunError] | None = None
    for attempt in history.attempts:
        if lines:
            lines.append(())
        if not history.is_trace_gone and (gap := gap_before(attempt, previous)):
            lines += [*labelled("", [(Piece(gap, Token.MUTED),)], limit), ()]
        lines += _attempt(run, attempt, now, limit)
        if attempt.error:
            same = sameness(attempt.error, shown[1]) if shown else None
            if shown and same:
                text = same.replace("the same", f"the same as attempt {shown[0]}", 1)
                lines += indented([(Piece(row, Token.FAINT),) for row in wrap(text, limit - 2)], 2)
            else:
                shown = (attempt.number, attempt.error)
                lines += indented(error_lines(attempt.error, limit - 2), 2)
        previous = attempt
    if history.retry_at is not None and not run.is_final:
        due = formatting.duration(history.retry_at - now)
        at = (Piece(formatting.moment(history.retry_at, now)),)
        lines += labelled("next", [at], limit, remark=f"in {due}" if history.retry_at > now else "due")
    return lines


def attempt_style(run: Run, attempt: Attempt) -> StatusStyle:
    """Return the style of an attempt. For the last one the run has a more exact word, as Crashed or Waiting."""
    is_last = attempt is run.history.attempts[-1]
    is_resting = attempt.status is AttemptStatus.EXECUTING and run.status is RunStatus.WAITING_TO_RESUME
    is_finer = is_resting or (attempt.status is AttemptStatus.FAILED and run.status.is_failed)
    return style_of(run) if is_last and is_finer else style_of_attempt(attempt.status)


def _attempt(run: Run, attempt: Attempt, now: datetime, limit: int) -> list[Line]:
    style = attempt_style(run, attempt)
    parts: list[Line] = [(style.mark, Piece(" "), style.name)]
    if attempt.started_at:
        parts.append((Piece(formatting.moment(attempt.started_at, now)),))
    if attempt.duration is not None:
        parts.append((Piece(formatting.duration(attempt.duration)),))
    elif attempt.started_at and attempt.status is AttemptStatus.EXECUTING:
        ended_at = run.state.finished_at if run.state is not None and run.is_final else None
        so_far = formatting.duration((ended_at or now) - attempt.started_at)
        parts.append((Piece(f"{so_far} so far", Token.MUTED if run.is_final else Token.BLUE),))
    parts += _other_facts(run, attempt, attempt.retry_delay, now)
    return labelled(f"attempt {attempt.number} ", parts, limit)


def gap_before(attempt: Attempt, previous: Attempt | None) -> str:
    """Return which attempts before this one the trace does not show, because it lags or was cut; empty if none."""
    first, last = (previous.number if previous else 0) + 1, attempt.number - 1
    if first > last:
        return ""
    subject = f"attempt {first} is" if first == last else f"attempts {first} to {last} are"
    return f"{subject} not in the trace"


def _other_facts(run: Run, attempt: Attempt, delay: timedelta | None, now: datetime) -> list[Line]:
    facts = (
        ("waited", waited_before(run, attempt)),
        ("ended", attempt.completed_at and formatting.moment(attempt.completed_at, now)),
        ("retry after", None if delay is None else formatting.duration(delay)),
        ("span", attempt.id),
    )
    return [(Piece(f"{label} ", Token.FAINT), Piece(value, Token.MUTED)) for label, value in facts if value]


def waited_before(run: Run, attempt: Attempt) -> str | None:
    """Return the wait since the attempt before, or since the creation of the run; None if an attempt is missing."""
    if attempt.started_at is None:
        return None
    if attempt.number == 1:
        since = time_in_queue(run, attempt.started_at)
        return None if since is None else formatting.duration(since)
    if (previous := run.history.before(attempt)) is None or previous.completed_at is None:
        return None
    return formatting.duration(attempt.started_at - previous.completed_at)


# The table of attempts: start, duration, wait, and a bar on the shared time axis.


_ROOMY: Final = 76
_MIN_AXIS: Final = 8
_TIME: Final = 7
_MARK: Final = 2
_AFTER_NUMBER: Final = 3
_BEFORE_AXIS: Final = 3
_EDGE: Final = 2
_MAX_WAIT_FACTOR: Final = 4
"""If the first wait is this many times as long as everything after it, the axis starts at the first attempt."""


def elapsed_words(attempt: Attempt, now: Now) -> str:
    """Return the duration of an attempt so far, or `·` where it is not known."""
    if attempt.duration is not None:
        return formatting.duration(attempt.duration)
    if attempt.started_at is None or attempt.status is not AttemptStatus.EXECUTING:
        return formatting.NONE
    return now.duration(now.until - attempt.started_at)


def attempt_rows(run: Run, now: Now, layout: ErrorLayout, selected: Attempt | None) -> list[Row]:
    """Return the rows of all attempts, and of the next attempt if it is scheduled."""
    table, history = _Table(run, now, layout.limit), run.history
    rows = [Row(table.head(), "head")] if table.is_roomy else []
    previous: Attempt | None = None
    for group in groups(history.attempts, selected, is_open=layout.is_open(FOLDED)):
        if isinstance(group, tuple):
            rows.append(Row(_folded(group), FOLDED, ToggleFold(FOLDED)))
            previous = group[-1]
            continue
        if not history.is_trace_gone and (missing := gap_before(group, previous)):
            rows.append(Row((Piece(f"  {missing}", Token.FAINT),), ("gap", group.number)))
        is_selected = group is selected
        line = table.row(group, is_selected=is_selected)
        shows = ShowAttempt(group.number)  # also the key of the row
        rows.append(Row(line, shows, shows, is_selected))
        previous = group
    if len(history.attempts) > MAX_UNFOLDED and FOLDED in layout.toggled:
        line = (Piece(f"  ▾ {formatting.plural(len(history.attempts), 'attempt')}", Token.FAINT),)
        rows.append(Row(line, FOLDED, ToggleFold(FOLDED)))
    if history.retry_at is not None and not run.is_final:
        rows.append(Row(table.next(history.retry_at), "next"))
    return rows


def _folded(attempts: Sequence[Attempt]) -> Line:
    first, last = attempts[0].number, attempts[-1].number
    pieces = [
        Piece(f"  ⋯ {formatting.plural(len(attempts), 'attempt')}", Token.MUTED),
        Piece(f"  {first} to {last}" if first != last else f"  {first}", Token.FAINT),
    ]
    for style, number in Counter(style_of_attempt(attempt.status) for attempt in attempts).items():
        pieces += [Piece("  "), style.mark, Piece(f" {formatting.count(number)}", Token.MUTED)]
    return tuple(pieces)


class _Table:
    """The attempts, the widths of two columns, and the axis if there is room for one."""

    def __init__(self, run: Run, now: Now, limit: int) -> None:
        history = run.history
        moments = [attempt.started_at for attempt in history.attempts] + [history.retry_at]
        self.run = run
        self.now = now
        self.number = max((len(str(attempt.number)) for attempt in history.attempts), default=1)
        self.start = max(
            (len(formatting.moment(at, now.at)) for at in moments if at is not None), default=len("started")
        )
        self.is_roomy = limit >= _ROOMY
        self.gap = 3 if self.is_roomy else 2
        """The gap between columns of times."""
        times = 2 * (self.gap + _TIME) + 1 if self.is_roomy else self.gap + _TIME
        self.left = _MARK + self.number + _AFTER_NUMBER + self.start + times + _BEFORE_AXIS
        """The width of everything left of the axis, including the gap."""
        width = limit - self.left - _EDGE
        self.axis = axis_of(run, now, width) if width >= _MIN_AXIS else None

    def head(self) -> Line:
        """Return the column titles and the labels of the axis."""
        cells = self._cells(Piece(" "), *(Piece(word, Token.FAINT) for word in ("#", "started", "took", "waited")))
        return cells if self.axis is None else (*pad(cells, self.left), *self.axis.labels())

    def row(self, attempt: Attempt, *, is_selected: bool) -> Line:
        """Return the row of one attempt."""
        style = attempt_style(self.run, attempt)
        is_running = attempt.status is AttemptStatus.EXECUTING and style.word_token is Token.BLUE
        value = Token.TEXT if is_selected else Token.MUTED
        start = formatting.NONE if attempt.started_at is None else formatting.moment(attempt.started_at, self.now.at)
        cells = self._cells(
            style.mark,
            Piece(str(attempt.number), Token.BRIGHT if is_selected else Token.TEXT, is_bold=is_selected),
            Piece(start, value),
            Piece(elapsed_words(attempt, self.now), Token.BLUE if is_running else value),
            Piece(waited_before(self.run, attempt) or formatting.NONE, value if is_selected else Token.FAINT),
        )
        return self._with_bar(cells, attempt_bar(self.run, attempt, self.now))

    def next(self, retry_at: datetime) -> Line:
        """Return the row that says when the next attempt is due."""
        wait = retry_at - self.now.until
        due = "due"
        if wait > timedelta():
            due = f"in {formatting.wait(wait, in_minutes=self.now.in_minutes)}{'~' if self.now.frozen_at else ''}"
        head = fit((Piece("next", Token.MUTED),), _MARK + self.number + _AFTER_NUMBER)
        start = fit((Piece(formatting.moment(retry_at, self.now.at), Token.MUTED),), self.start)
        cells = (*head, *start, Piece("  "), Piece(due, Token.MUTED))
        return cells if line_width(cells) >= self.left else self._with_bar(cells, next_bar(self.run))

    def _with_bar(self, cells: Line, bar: Bar) -> Line:
        return cells if self.axis is None else (*pad(cells, self.left), *self.axis.cells([bar]).line())

    def _cells(self, mark: Piece, number: Piece, start: Piece, took: Piece, waited: Piece) -> Line:
        gap = Piece(" " * self.gap)
        head = (mark, Piece(" "), *pad((number,), self.number, "right"), Piece(" " * _AFTER_NUMBER))
        cells = (*head, *fit((start,), self.start), gap, *fit((took,), _TIME, "right"))
        return (*cells, gap, *fit((waited,), _TIME, "right")) if self.is_roomy else cells


def attempt_bar(run: Run, attempt: Attempt, now: Now) -> Bar:
    """Return the bar of one attempt, with the wait before it."""
    previous = run.history.before(attempt)
    since = previous.completed_at if previous else _queued_at(run) if attempt.number == 1 else None
    return Bar(since, attempt.started_at, _end(attempt, now), attempt_style(run, attempt).glyph_token)


def next_bar(run: Run) -> Bar:
    """Return the wait for the next attempt."""
    history = run.history
    since = history.attempts[-1].completed_at if history.attempts else None
    return Bar(since, history.retry_at, None, Token.FAINT)


def axis_of(run: Run, now: Now, width: int) -> Axis | None:
    """Return the axis from the creation to the last end. While the run is live its length is a round time."""
    history = run.history
    if not (starts := [attempt.started_at for attempt in history.attempts if attempt.started_at is not None]):
        return None
    ends = [end for attempt in history.attempts if (end := _end(attempt, now)) is not None]
    ends += [history.retry_at] if history.retry_at is not None and not run.is_final else []
    begin, first, end = _queued_at(run), min(starts), max(ends + starts)
    if begin is None or begin > first or first - begin > _MAX_WAIT_FACTOR * (end - first):
        begin = first
    span = max(end - begin, timedelta(milliseconds=1))
    return Axis(begin, span if run.is_final else round_up(span // _US) * _US, width)


def _queued_at(run: Run) -> datetime | None:
    """Return when the wait for the first attempt began."""
    created = run.created_at
    waited = None if created is None else time_in_queue(run, created)
    return None if created is None or waited is None else created - waited


def _end(attempt: Attempt, now: Now) -> datetime | None:
    """Return where the bar of an attempt ends: at its start if it is over and its end is unknown."""
    started_at, here = attempt.started_at, now.until
    if attempt.completed_at is not None:
        return attempt.completed_at
    if attempt.status is not AttemptStatus.EXECUTING:
        return started_at
    return here if started_at is None else started_at + now.drawn(here - started_at)


# The page of attempts: their table, then the error of the selected attempt or a sentence why there is none.


@dataclass(frozen=True, slots=True)
class ReadProgress:
    """The last read of the run: how far it has got, and why it failed."""

    stage: ReadStage = ReadStage.DONE
    failure: str | None = None


def attempts_page(run: Run, progress: ReadProgress, now: Now, layout: ErrorLayout, picked: int | None) -> list[Row]:
    """Return the page in rows of at most `layout.limit` cells. `picked` is the attempt that the user selected."""
    history = run.history
    selected = selected_attempt(history, picked)
    now = stopped_at_end(run, now)
    missing = missing_words(history)
    blocks = [_failure(run, progress, layout), sentence(missing, layout, "missing", Token.AMBER) if missing else []]
    if selected is None:
        # Until the attempts are read, no error is shown: it would move down when they appear above it.
        is_due = run.attempts is None and progress.stage is ReadStage.DUE and _reason_for_none(run, now) is None
        blocks += [
            _no_attempts(run, progress, now, layout),
            [] if is_due else _error(run, None, progress.stage, layout),
        ]
    else:
        if history.is_trace_gone:
            blocks.append(sentence(gone_words(history), layout, "gone"))
        blocks.append(attempt_rows(run, now, layout, selected))
        blocks += [_error(run, selected, progress.stage, layout), _facts(run, selected, now, layout)]
    return within(spaced(blocks), layout.limit)


def within(rows: Iterable[Row], limit: int) -> list[Row]:
    """Return the rows, with those cut that are wider than `limit` cells."""
    return [row._replace(line=cut(row.line, limit)) for row in rows]


def run_words(run: Run, limit: int) -> Line:
    """Return ` · ✗ Failed charge-card run_…` for the rule of a pane that fills the screen, or the task alone."""
    style, name, dot = style_of(run), Piece(run.fixed.task or formatting.NONE, Token.TEXT), Piece(" · ", Token.FAINT)
    head: Line = (dot, style.mark, Piece(" "), style.name)
    ids = (Piece(run.id, Token.FAINT),), short_id(run.id, Token.FAINT)
    wholes = (joined([head, (name,), each]) for each in ids)
    return next((whole for whole in wholes if line_width(whole) <= limit), cut((dot, name), limit))


def duration_words(run: Run, now: Now) -> Line:
    """Return `6.3s, of it 1.3s running`, or nothing before the start."""
    if (whole := run.took(now.until)) is None or run.state is None:
        return ()
    running = f", {formatting.duration(run.state.compute)} of it running" if run.state.compute else ""
    return (Piece(now.duration(whole, is_running=not run.is_final), Token.TEXT), Piece(running, Token.MUTED))


def stopped_at_end(run: Run, now: Now) -> Now:
    """Stop the clock at the end of the run, even where the trace misses that end or cannot be read."""
    ended_at = run.state.finished_at if run.state is not None and run.is_final else None
    return now if ended_at is None else Now(now.at, min(ended_at, now.frozen_at or ended_at))


def _failure(run: Run, progress: ReadProgress, layout: ErrorLayout) -> list[Row]:
    if run.is_gone:
        return sentence("This run is no longer on the server; this is its last known state.", layout, "gone")
    if progress.failure is None:
        return []
    if (text := without_request(progress.failure)) != progress.failure and progress.failure.endswith(text):
        text = f"the run could not be read: {text}"
    text = text[:1].upper() + text[1:].rstrip(".") + "."
    # A retry helps only if nothing has been read yet.
    return sentence(text if run.attempts else f"{text}{tries_again()}", layout, "failure", Token.AMBER)


def _no_attempts(run: Run, progress: ReadProgress, now: Now, layout: ErrorLayout) -> list[Row]:
    """Return why there are no attempts."""
    if (reason := _reason_for_none(run, now)) is not None:
        return sentence(reason, layout, "none")
    if progress.failure is None and run.attempts is None:
        is_quiet = (run.error_value is not None and run.error_value.has_code_only) or progress.stage is ReadStage.DUE
        return [] if is_quiet else sentence(formatting.LOADING, layout, "loading")
    return sentence("The server reports no attempts.", layout, "none") if run.attempts else []


def _reason_for_none(run: Run, now: Now) -> str | None:
    """Return why no attempt has started, or None if one may have."""
    state, ttl = run.state, run.fixed.ttl
    if state is None or state.started_at is not None or (run.attempt_count or 0) > 0:
        return None
    match run.status:
        case RunStatus.EXPIRED:
            return f"Never started. It expired after its time to live{f' of {ttl}' if ttl else ''}."
        case RunStatus.CANCELLED:
            return "Never started. It was canceled first."
        case RunStatus.COMPLETED_SUCCESSFULLY:
            return None
        case status if status.is_failed:
            return "Never started."
        case RunStatus.DELAYED if state.delayed_until is not None:
            wait = state.delayed_until - now.at
            due = f", in {formatting.duration(wait, in_minutes=now.in_minutes)}" if wait > timedelta() else ""
            return f"Not started yet. Delayed until {formatting.moment(state.delayed_until, now.at)}{due}."
        case RunStatus.WAITING_FOR_DEPLOY:
            return f"Not started yet. Waiting{_for_how_long(run, now)} for a version that has the task."
        case status if status in QUEUED_FAMILY:
            where = f" in {run.fixed.queue}" if run.fixed.queue else ""
            return f"Not started yet. Queued{_for_how_long(run, now)}{where}."
        case _:
            return "Not started yet. A worker has dequeued it."


def _for_how_long(run: Run, now: Now) -> str:
    queued = time_in_queue(run, now.until)
    return "" if queued is None or queued < timedelta() else f" for {now.duration(queued)}"


def _error(run: Run, selected: Attempt | None, stage: ReadStage, layout: ErrorLayout) -> list[Row]:
    """Return the error of the selected attempt, or the run's own where no attempt has one."""
    attempts = run.history.attempts
    if selected is not None and selected.error is not None:
        return _error_rows_of(selected.error, stage, layout, selected.number, equal_errors(attempts, selected))
    ended_badly = selected is None or selected.status in {AttemptStatus.FAILED, AttemptStatus.CANCELED}
    if run.error_value is None or not ended_badly or (selected is not None and selected is not attempts[-1]):
        return []
    return _error_rows_of(run.error_value, stage, layout, "run")


def _error_rows_of(error: RunError, stage: ReadStage, layout: ErrorLayout, key: Hashable, note: str = "") -> list[Row]:
    """Return the rows of an error. If only its code is known, a sentence says whether more is being read."""
    if not error.has_code_only:
        return list(error_rows(error, layout, ("error", key), note))
    code: list[Line] = labelled("code", [(Piece(error.code or "", Token.TEXT),)], layout.limit)
    why = {ReadStage.DUE: "", ReadStage.LATE: "reading the error…"}.get(stage, "The server sends only a code.")
    reason = sentence(why, layout, "why") if why else [Row((), ("why", 0))]  # its place is kept
    rows = [*reason, *(Row(line, ("code", index)) for index, line in enumerate(code))]
    if error.stack:
        rows += [Row((), "above the error"), *error_rows(error, layout, ("error", key), note)]
    return rows


@lru_cache(maxsize=8)
def equal_errors(attempts: tuple[Attempt, ...], selected: Attempt) -> str:
    """Return `the same in all 3 attempts, except for numbers` if other attempts failed alike, else an empty text."""
    if selected.error is None:
        return ""
    compared = ((each.number, sameness(each.error, selected.error)) for each in attempts if each.error is not None)
    same = {number: how for number, how in compared if how is not None}
    if len(same) < 2:
        return ""
    but = "" if set(same.values()) == {"the same"} else ", except for numbers"
    if len(same) == len(attempts):
        return f"the same in {'both' if len(same) == 2 else f'all {len(same)}'} attempts{but}"
    if len(same) == 2:
        return f"the same in attempt {next(number for number in same if number != selected.number)}{but}"
    return f"the same in {len(same)} of {len(attempts)} attempts{but}"


def _facts(run: Run, selected: Attempt, now: Now, layout: ErrorLayout) -> list[Row]:
    """Return the other facts of the selected attempt, starting with its status."""
    style, history = attempt_style(run, selected), run.history
    parts: list[Line] = [(style.mark, Piece(" "), Piece(style.word, style.word_token))]
    if selected.status is AttemptStatus.EXECUTING:
        parts.append((Piece(f"{elapsed_words(selected, now)} so far", style.row.took),))
        if selected is history.attempts[-1] and (waiting := waiting_words(run, now)):
            parts.append((Piece(waiting, Token.TEXT),))
    parts += _other_facts(run, selected, selected.retry_delay or None, now.at)
    return [Row(line, ("facts", index)) for index, line in enumerate(labelled("attempt", parts, layout.limit))]
