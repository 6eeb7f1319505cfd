"""The page of attempts: their table, then the error of the selected attempt or a sentence why there is none."""

from collections.abc import Hashable
from datetime import timedelta
from functools import lru_cache

from tui.domain.attempt import Attempt, AttemptHistory, AttemptStatus
from tui.domain.errors.error import RunError
from tui.domain.run import Run
from tui.domain.status import QUEUED_FAMILY, RunStatus
from tui.lazy_dataclass import dataclass
from tui.present import formatting
from tui.present.actions.row_actions import Row
from tui.present.attempts.choice import selected_attempt
from tui.present.attempts.sentence import sentence
from tui.present.attempts.table import attempt_rows, elapsed_words
from tui.present.attempts.text import TRACE_GONE, attempt_style, missing_words, waited_before
from tui.present.columns import Now, short_id, time_in_queue, took
from tui.present.detail.waiting import waiting_words
from tui.present.errors.layout import ErrorLayout
from tui.present.errors.rows import error_rows
from tui.present.errors.text import sameness
from tui.present.frame.failure import without_request
from tui.present.key_words import tries_again
from tui.present.read_stage import ReadStage
from tui.present.status import style_of
from tui.present.styled import Line, Piece, Token, cut, joined, line_width
from tui.present.text_block import labelled


@dataclass(frozen=True, slots=True)
class ReadProgress:
    """The last read of the run: how far it has got, and why it failed."""

    stage: ReadStage = ReadStage.DONE
    failure: str | None = None


def attempts_page(run: Run, progress: ReadProgress, now: Now, layout: ErrorLayout, picked: int | None) -> list[Row]:
    """Return the page in rows of at most `layout.limit` cells. `picked` is the attempt that the user selected."""
    history = run.attempts[1] if run.attempts else AttemptHistory()
    selected = selected_attempt(history, picked)
    now = _stopped_at_end(run, now)
    missing = missing_words(history)
    blocks = [_failure(run, progress, layout), sentence(missing, layout, "missing", Token.AMBER) if missing else []]
    if selected is None:
        # Until they are read, an error has no place: they will stand above it.
        is_due = run.attempts is None and progress.stage is ReadStage.DUE and _reason_for_none(run, now) is None
        blocks += [_no_attempts(run, progress, now, layout), [] if is_due else _error_of_run(run, progress, layout)]
    else:
        if history.is_trace_gone:
            has_error = any(attempt.error for attempt in history.attempts)
            blocks.append(sentence(TRACE_GONE if has_error else "The trace is gone from the server.", layout, "gone"))
        blocks.append(attempt_rows(run, history, now, layout, selected))
        facts = _facts(run, history, selected, now, layout)
        error = _error(run, history, selected, progress, layout)
        blocks += [error, facts] if error else [facts]
    rows: list[Row] = []
    for block in blocks:
        if block:
            rows += [Row((), ("above", block[0].key)), *block]
    return [
        row if line_width(row.line) <= layout.limit else row._replace(line=cut(row.line, layout.limit)) for row in rows
    ]


def run_words(run: Run, limit: int) -> Line:
    """Return ` · ✗ Failed charge-card run_…` for the rule of a pane that fills the screen."""
    style = style_of(run)
    name: Line = (Piece(run.fixed.task or formatting.NONE, Token.TEXT),)
    head: Line = (Piece(" · ", Token.FAINT), style.mark, Piece(" "), style.name)
    whole = joined([head, name, (Piece(run.id, Token.FAINT),)])
    return whole if line_width(whole) <= limit else joined([head, name, short_id(run.id, Token.FAINT)])


def number_words(run: Run, history: AttemptHistory, selected: Attempt) -> Line:
    """Return `attempt 3 of 3`. The run's own count of attempts wins if it is greater."""
    last = max(run.attempt_count or 0, history.attempts[-1].number)
    return (Piece(f"attempt {selected.number} of {last}", Token.MUTED),)


def duration_words(run: Run, now: Now) -> Line:
    """Return `6.3s, of it 1.3s running`, or nothing before the start."""
    whole = took(run, now.frozen_at or now.at)
    if whole is None or run.state is None:
        return ()
    running = f", of it {formatting.duration(run.state.compute)} running" if run.state.compute else ""
    return (Piece(now.duration(whole, is_running=not run.is_final), Token.TEXT), Piece(running, Token.MUTED))


def _stopped_at_end(run: Run, now: Now) -> Now:
    """Stop the clock at the end of the run, even where the trace misses that end or cannot be read."""
    ended_at = run.state.finished_at if run.state is not None and run.is_final else None
    return now if ended_at is None else Now(now.at, min(ended_at, now.frozen_at or ended_at))


def _failure(run: Run, progress: ReadProgress, layout: ErrorLayout) -> list[Row]:
    if run.is_gone:
        return sentence("The server does not know this run any more; this is what was known of it.", layout, "gone")
    if progress.failure is None:
        return []
    text = without_request(progress.failure)
    if text != progress.failure and progress.failure.endswith(text):
        text = f"the run could not be read: {text}"
    text = text[:1].upper() + text[1:].rstrip(".") + "."
    # A retry helps only if nothing has been read yet.
    return sentence(text if run.attempts else f"{text}{tries_again()}", layout, "failure", Token.AMBER)


def _no_attempts(run: Run, progress: ReadProgress, now: Now, layout: ErrorLayout) -> list[Row]:
    """Return why there are no attempts."""
    reason = _reason_for_none(run, now)
    if reason is not None:
        return sentence(reason, layout, "none")
    if progress.failure is None and run.attempts is None:
        is_shown_below = run.error_value is not None and run.error_value.has_code_only
        is_quiet = is_shown_below or progress.stage is ReadStage.DUE
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
            return "Never started. It was canceled before."
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
            return "Not started yet. A worker has taken it."


def _for_how_long(run: Run, now: Now) -> str:
    queued = time_in_queue(run, now.frozen_at or now.at)
    return "" if queued is None or queued < timedelta() else f" for {now.duration(queued)}"


def _error_of_run(run: Run, progress: ReadProgress, layout: ErrorLayout) -> list[Row]:
    """Return the run's own error, where no attempt has one."""
    error = run.error_value
    return [] if error is None else _error_rows_of(error, progress, layout, "run")


def _error(
    run: Run, history: AttemptHistory, selected: Attempt, progress: ReadProgress, layout: ErrorLayout
) -> list[Row]:
    if selected.error is not None:
        note = equal_errors(history.attempts, selected)
        return _error_rows_of(selected.error, progress, layout, selected.number, note)
    is_last = selected is history.attempts[-1]
    if is_last and selected.status in {AttemptStatus.FAILED, AttemptStatus.CANCELED}:
        return _error_of_run(run, progress, layout)
    return []


def _error_rows_of(
    error: RunError, progress: ReadProgress, layout: ErrorLayout, key: Hashable, note: str = ""
) -> list[Row]:
    """Return the rows of an error. If only its code is known, a sentence says whether more is being read."""
    if not error.has_code_only:
        return list(error_rows(error, layout, ("error", key), note))
    code: list[Line] = labelled("code", [(Piece(error.code or "", Token.TEXT),)], layout.limit)
    why = {ReadStage.DUE: "", ReadStage.LATE: "reading why…"}.get(progress.stage, "The server reports only a code.")
    reason = sentence(why, layout, "why") if why else [Row((), ("why", 0))]  # its place is kept
    rows = [*reason, *(Row(line, ("code", index)) for index, line in enumerate(code))]
    if error.stack:
        rows += [Row((), "above the error"), *error_rows(error, layout, ("error", key), note)]
    return rows


@lru_cache(maxsize=8)
def equal_errors(attempts: tuple[Attempt, ...], selected: Attempt) -> str:
    """Return `the same in all 3 attempts, but for the numbers` if other attempts failed alike, else an empty text."""
    if selected.error is None:
        return ""
    errors = [(attempt.number, attempt.error) for attempt in attempts if attempt.error is not None]
    alike = {number: sameness(error, selected.error) for number, error in errors}
    same = [number for number, how in alike.items() if how is not None]
    if len(same) < 2:
        return ""
    but = ", but for the numbers" if any(how != "the same" for how in alike.values() if how) else ""
    if len(same) == len(attempts):
        return f"the same in {'both' if len(same) == 2 else f'all {len(same)}'} attempts{but}"
    others = [number for number in same if number != selected.number]
    if len(others) == 1:
        return f"the same in attempt {others[0]}{but}"
    return f"the same in {len(same)} of {len(attempts)} attempts{but}"


def _facts(run: Run, history: AttemptHistory, selected: Attempt, now: Now, layout: ErrorLayout) -> list[Row]:
    """Return the other facts of the selected attempt, starting with its status."""
    style = attempt_style(run, selected, history)
    parts: list[Line] = [(style.mark, Piece(" "), Piece(style.word, style.word_token))]
    if selected.status is AttemptStatus.EXECUTING:
        parts.append((Piece(f"{elapsed_words(selected, now)} so far", style.row.took),))
        waiting = waiting_words(run, now) if selected is history.attempts[-1] else ""
        if waiting:
            parts.append((Piece(waiting, Token.TEXT),))
    previous = next((attempt for attempt in history.attempts if attempt.number == selected.number - 1), None)
    parts += [
        (Piece(f"{label} ", Token.FAINT), Piece(value, Token.MUTED))
        for label, value in (
            ("waited", waited_before(run, selected, previous)),
            ("ended", selected.completed_at and formatting.moment(selected.completed_at, now.at)),
            ("retry after", selected.retry_delay and formatting.duration(selected.retry_delay)),
            ("span", selected.id),
        )
        if value
    ]
    lines = labelled("attempt", parts, layout.limit)
    return [Row(line, ("facts", index)) for index, line in enumerate(lines)]
