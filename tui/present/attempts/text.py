"""The attempts of a run as `show` prints them: times, waits and errors, with equal errors printed once."""

from datetime import datetime

from tui.domain.attempt import Attempt, AttemptHistory, AttemptStatus
from tui.domain.errors.error import RunError
from tui.domain.run import Run
from tui.domain.status import RunStatus
from tui.present import formatting
from tui.present.columns import time_in_queue
from tui.present.errors.text import error_lines, sameness
from tui.present.frame.failure import without_request
from tui.present.status import StatusStyle, style_of, style_of_attempt
from tui.present.styled import Line, Piece, Token, wrap
from tui.present.text_block import indented, labelled

TRACE_GONE = "The trace is gone from the server; this is the error of the last attempt."


def missing_words(history: AttemptHistory) -> str:
    """Return a sentence about attempts that may be missing, or an empty text."""
    if not history.missing:
        return ""
    missing = without_request(history.missing)
    text = missing[:1].upper() + missing[1:].rstrip(".")
    return f"{text}; later attempts may be missing, and so may errors."


def attempt_lines(run: Run, history: AttemptHistory, now: datetime, limit: int) -> list[Line]:
    """Return all attempts in order, and when the next one is due."""
    lines: list[Line] = []
    if history.is_trace_gone:
        has_error = any(attempt.error for attempt in history.attempts)
        text = TRACE_GONE if has_error else "The trace is gone from the server."
        lines += [(Piece(row, Token.MUTED),) for row in wrap(text, limit)]
    if missing := missing_words(history):
        lines += [(Piece(row, Token.AMBER),) for row in wrap(missing, limit)]
    previous: Attempt | None = None
    shown: tuple[int, RunError] | None = None
    for attempt in history.attempts:
        if lines:
            lines.append(())
        if not history.is_trace_gone and (gap := gap_before(attempt, previous)):
            lines += [*labelled("", [(Piece(gap, Token.MUTED),)], limit), ()]
        lines += _attempt(run, attempt, attempt_style(run, attempt, history), previous, now, limit)
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


def attempt_style(run: Run, attempt: Attempt, history: AttemptHistory) -> StatusStyle:
    """Return the style of an attempt. For the last one the run has a more exact word, as Crashed or Waiting."""
    is_last = attempt is history.attempts[-1]
    is_finer = (attempt.status is AttemptStatus.FAILED and run.status.is_failed) or (
        attempt.status is AttemptStatus.EXECUTING and run.status is RunStatus.WAITING_TO_RESUME
    )
    return style_of(run) if is_last and is_finer else style_of_attempt(attempt.status)


def _attempt(
    run: Run, attempt: Attempt, style: StatusStyle, previous: Attempt | None, now: datetime, limit: int
) -> list[Line]:
    parts: list[Line] = [(style.mark, Piece(" "), style.name)]
    if attempt.started_at:
        parts.append((Piece(formatting.moment(attempt.started_at, now)),))
    if attempt.duration is not None:
        parts.append((Piece(formatting.duration(attempt.duration)),))
    elif attempt.started_at and attempt.status is AttemptStatus.EXECUTING:
        ended_at = run.state.finished_at if run.state is not None and run.is_final else None
        so_far = formatting.duration((ended_at or now) - attempt.started_at)
        parts.append((Piece(f"{so_far} so far", Token.MUTED if run.is_final else Token.BLUE),))
    if (waited := waited_before(run, attempt, previous)) is not None:
        parts.append(_fact("waited", waited))
    if attempt.completed_at:
        parts.append(_fact("ended", formatting.moment(attempt.completed_at, now)))
    if attempt.retry_delay is not None:
        parts.append(_fact("retry after", formatting.duration(attempt.retry_delay)))
    if attempt.id:
        parts.append(_fact("span", attempt.id))
    return labelled(f"attempt {attempt.number} ", parts, limit)


def gap_before(attempt: Attempt, previous: Attempt | None) -> str:
    """Return which attempts before this one the trace does not show, because it lags or was cut; empty if none."""
    first, last = (previous.number if previous else 0) + 1, attempt.number - 1
    if first > last:
        return ""
    subject = f"attempt {first} is" if first == last else f"attempts {first} to {last} are"
    return f"{subject} not in the trace"


def _fact(label: str, value: str) -> Line:
    return (Piece(f"{label} ", Token.FAINT), Piece(value, Token.MUTED))


def waited_before(run: Run, attempt: Attempt, previous: Attempt | None) -> str | None:
    """Return the wait since the attempt before, or since the creation of the run; None if an attempt is missing."""
    if attempt.started_at is None:
        return None
    if attempt.number == 1:
        since = time_in_queue(run, attempt.started_at)
        return None if since is None else formatting.duration(since)
    if previous is None or previous.number != attempt.number - 1 or previous.completed_at is None:
        return None
    return formatting.duration(attempt.started_at - previous.completed_at)
