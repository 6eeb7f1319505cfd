"""The attempts of a run, rebuilt from its trace: the REST API of today's servers sends none.

What lives here: the reading of spans named `Attempt N` and `Retry #N delay`, and what the end of the run says about
the last of them where a crash or a lost worker left its span open for ever. What is asked of the server, and when, is
`sources`'. Source: wire/README.md §4, §5, recordings 210-253 with the details 103-149.
"""

import re
from dataclasses import dataclass, replace
from datetime import datetime

from tui.domain.attempt import Attempt, AttemptHistory, AttemptStatus
from tui.domain.error import RunError
from tui.domain.run import Run
from tui.domain.span import Span, Trace, span_of_run
from tui.domain.status import RunStatus
from tui.domain.wait_of_trace import wait_of

_ATTEMPT = re.compile(r"Attempt ([1-9][0-9]{0,8})\Z")
_RETRY_DELAY = re.compile(r"Retry #([1-9][0-9]{0,8}) delay\Z")
# The one internal code that means what the user asked for (TaskRunErrorCodes of @trigger.dev/core).
_CANCELLED_BY_A_PERSON = "TASK_RUN_CANCELLED"


@dataclass(frozen=True, slots=True)
class _Ending:
    """What the run's own state says about its last attempt, for where the trace does not."""

    status: AttemptStatus
    at: datetime | None = None
    error: RunError | None = None


def needs_root_error(run: Run, trace: Trace | None) -> bool:
    """Whether the true error of the run is only in the detail of its own span, which then should be read.

    So it is after a crash, a timeout, an uncaught exception, a lost worker or a system failure, of which REST tells
    the code alone (recordings 109, 111, 147, 149; 269, 284, 285).
    """
    error = _error_of_last_attempt(run, None)
    return error is not None and error.has_code_only and trace is not None and span_of_run(trace, run.id) is not None


def attempts_of(run: Run, trace: Trace | None, root_error: RunError | None = None) -> AttemptHistory:
    """Rebuild the attempts of a run, whose detail was read, from its own trace or that of a run above it.

    `trace` None: the server has none (404). `root_error`: the error in the detail of the run's own span, see
    `needs_root_error`. Where the run counts more attempts than the trace shows (it lags, was cut, is gone), the last
    one is added without an id. An attempt that is over, but nobody knows since when, has no `completed_at`.
    """
    root = None if trace is None else span_of_run(trace, run.id)
    spans, delays = _numbered(root, _ATTEMPT), _numbered(root, _RETRY_DELAY)
    last = max(run.attempt_count or 0, *spans, 0)
    ending = _ending(run, root, last, root_error)
    attempts: list[Attempt] = []
    following: Span | None = None
    for number in sorted({*spans, last} - {0}, reverse=True):
        span = spans.get(number)
        attempt = _attempt(number, span, delays.get(number), ending if number == last else None, following)
        if span is None and number == 1 and run.state is not None:
            attempt = replace(attempt, started_at=run.state.started_at)
        attempts.append(attempt)
        following = span
    newest_delay = max(delays, default=0)
    return AttemptHistory(
        attempts=tuple(reversed(attempts)),
        next_at=delays[newest_delay].ended_at if newest_delay >= max(last, 1) and not run.is_final else None,
        # Just after the trigger there is no trace yet (recording 215): nothing is lost then.
        is_trace_gone=trace is None and (run.is_final or last > 0),
        wait=None if root is None or run.is_final else wait_of(root, spans.get(last)),
    )


def _numbered(root: Span | None, pattern: re.Pattern[str]) -> dict[int, Span]:
    """The direct children of a run's own span that the pattern names, by their number.

    Of several with one number the closed one counts, then the later.
    """
    found: dict[int, Span] = {}
    if root is None:
        return found
    for span in sorted(root.children, key=lambda span: (not span.is_partial, span.started_at)):
        match = pattern.match(span.message)
        if match is not None and span.run_id == root.run_id and span.attempt_number in {None, int(match[1])}:
            found[int(match[1])] = span
    return found


def _attempt(
    number: int, span: Span | None, delay: Span | None, ending: _Ending | None, following: Span | None
) -> Attempt:
    """One attempt, from what there is of it: its span, the wait planned after it, the run's end, the next attempt."""
    error = None if span is None else span.exception
    if span is not None and not span.is_partial:
        status, completed_at = _status_of(span), span.ended_at
    elif delay is not None:
        status, completed_at = AttemptStatus.FAILED, delay.started_at
    elif ending is not None:
        status, completed_at = ending.status, ending.at
    else:
        status, completed_at = AttemptStatus.FAILED, None if following is None else following.started_at
    if ending is not None and ending.error is not None and error is None and delay is None:
        status, error = ending.status, ending.error
    if span is not None and completed_at is not None:
        # The clocks of worker and server differ: no attempt took less than nothing.
        completed_at = max(completed_at, span.started_at)
    return Attempt(
        number=number,
        status=status,
        id=None if span is None else span.id,
        started_at=None if span is None else span.started_at,
        completed_at=completed_at,
        error=error,
        retry_delay=None if delay is None or delay.is_partial else delay.duration,
    )


def _status_of(span: Span) -> AttemptStatus:
    if span.is_cancelled:
        return AttemptStatus.CANCELED
    return AttemptStatus.FAILED if span.is_error or span.exception is not None else AttemptStatus.COMPLETED


def _ending(run: Run, root: Span | None, last: int, root_error: RunError | None) -> _Ending:
    if run.state is None or not run.is_final:
        # A trace that is newer than the run may show an attempt that the run does not count yet.
        is_over = run.is_waiting_to_retry and last <= (run.attempt_count or 0)
        return _Ending(AttemptStatus.FAILED if is_over else AttemptStatus.EXECUTING)
    if run.status is RunStatus.COMPLETED_SUCCESSFULLY:
        status = AttemptStatus.COMPLETED
    else:
        status = AttemptStatus.CANCELED if run.status is RunStatus.CANCELLED else AttemptStatus.FAILED
    at = run.state.finished_at or (None if root is None else root.ended_at)
    return _Ending(status, at, _error_of_last_attempt(run, root_error))


def _error_of_last_attempt(run: Run, root_error: RunError | None) -> RunError | None:
    """The run's error where its last attempt ended in it: not `Canceled by user`, nor an expiry (127, 129, 132)."""
    told = None if run.error is None else run.error[1]
    if run.status.is_failed:
        return root_error or told
    # A worker that was lost leaves a canceled run (recording 147).
    codes = {error.code for error in (told, root_error) if error is not None} - {None, _CANCELLED_BY_A_PERSON}
    return (root_error or told) if codes and run.status is RunStatus.CANCELLED else None
