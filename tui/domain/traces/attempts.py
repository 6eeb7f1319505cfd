"""The attempts and the present wait of a run, found in its trace."""

import re
from dataclasses import replace
from typing import Final

from tui.domain.attempt import Attempt, AttemptHistory, AttemptStatus, Wait, WaitKind
from tui.domain.errors.error import RunError
from tui.domain.ids import TaskId
from tui.domain.run import Run
from tui.domain.status import RunStatus
from tui.domain.traces.span import Span, Trace, span_of_run

# Finds the current wait of a run: an open span in its trace that has the name of one of the SDK's wait functions.
#
# Source: tests/wire/recordings/README.md §5.


_TOKEN: Final = "wait.forToken()"  # noqa: S105  the name of a span
_TIMES: Final = frozenset({"wait.for()", "wait.until()"})
_RUNS: Final = re.compile(r"AndWait\(\)\Z")
_INPUT: Final = re.compile(r"(?:\.in|\binputStream)\.wait(?:WithIdleTimeout)?\(\)\Z")
"""`inputStream.wait()` and `sessions.open(…).in.wait()`, from the source of the SDK; no recording has them."""


def wait_of(root: Span, attempt: Span | None) -> Wait | None:
    """Return the innermost open wait of an attempt, which is the one that began last, or None.

    `root` is the run's root span. The waits of child runs in the same trace do not count.
    """
    if attempt is None or not attempt.is_partial:
        return None
    latest: Span | None = None
    pending = [attempt]
    while pending:
        span = pending.pop()
        if span.run_id != root.run_id:
            continue
        if span.is_partial and _kind_of(span) is not None and (latest is None or span.started_at >= latest.started_at):
            latest = span
        pending.extend(reversed(span.children))
    kind = None if latest is None else _kind_of(latest)
    if latest is None or kind is None:
        return None
    below = [child for child in latest.children if child.run_id != root.run_id and child.level != "DEBUG"]
    tasks = {child.message for child in below}
    runs, open_count = tuple(child.run_id for child in below), sum(child.is_partial for child in below)
    task = TaskId(tasks.pop()) if len(tasks) == 1 else None
    return Wait(kind, latest.started_at, latest.id, latest.wait_subject, runs, open_count, task)


def _kind_of(span: Span) -> WaitKind | None:
    if span.level == "DEBUG":
        return None
    if span.message == _TOKEN:
        return WaitKind.TOKEN
    if span.message in _TIMES:
        return WaitKind.TIME
    if _INPUT.search(span.message):
        return WaitKind.INPUT
    return WaitKind.RUNS if _RUNS.search(span.message) else None


# Rebuilds the attempts of a run from its trace, since the REST API of current servers does not return them.
#
# An attempt is a span named `Attempt N`; the delay before a retry is a span named `Retry #N delay`. After a crash the
# span of the last attempt stays open for ever. Its end is then taken from the run.
# Source: tests/wire/recordings/README.md §4, §5.


_ATTEMPT = re.compile(r"Attempt ([1-9][0-9]{0,8})\Z")
_RETRY_DELAY = re.compile(r"Retry #([1-9][0-9]{0,8}) delay\Z")
# The error code of a run that the user canceled. All other codes are failures.
_CANCELED_BY_USER = "TASK_RUN_CANCELLED"


def needs_root_error(run: Run, trace: Trace | None) -> bool:
    """Return whether the error message of the run must be read from the detail of its root span.

    After a crash, a timeout, an uncaught exception, a lost worker or a system failure, REST returns only an error code.
    Source: tests/wire/recordings/README.md §5.
    """
    error = _error_of_last_attempt(run, None)
    return error is not None and error.has_code_only and trace is not None and span_of_run(trace, run.id) is not None


def attempts_of(run: Run, trace: Trace | None, root_error: RunError | None = None) -> AttemptHistory:
    """Rebuild the attempts of a run from its own trace or from the trace of an ancestor.

    The detail of the run must have been read. `trace` None: the server has no trace (404). `root_error` is the error of
    the run's root span, see `needs_root_error`. If the run counts more attempts than the trace shows, the last one is
    added without an id: the trace may be late, cut or deleted. An attempt that ended at an unknown time has no
    `completed_at`.
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
        retry_at=delays[newest_delay].ended_at if newest_delay >= max(last, 1) and not run.is_final else None,
        # Just after the trigger there is no trace yet: no attempt is lost then.
        is_trace_gone=trace is None and (run.is_final or last > 0),
        wait=None if root is None or run.is_final else wait_of(root, spans.get(last)),
    )


def _numbered(root: Span | None, pattern: re.Pattern[str]) -> dict[int, Span]:
    """Return the direct children of a run's root span whose name matches `pattern`, by the number in the name.

    Of two spans with the same number a closed one wins, then the later one.
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
    number: int, span: Span | None, delay: Span | None, ending: Attempt | None, following: Span | None
) -> Attempt:
    """Build one attempt from its span, the retry delay after it, the run's end and the next attempt's span."""
    error = None if span is None else span.exception
    if span is not None and not span.is_partial:
        status, completed_at = _status_of(span), span.ended_at
    elif delay is not None:
        status, completed_at = AttemptStatus.FAILED, delay.started_at
    elif ending is not None:
        status, completed_at = ending.status, ending.completed_at
    else:
        status, completed_at = AttemptStatus.FAILED, None if following is None else following.started_at
    if ending is not None and ending.error is not None and error is None and delay is None:
        status, error = ending.status, ending.error
    if span is not None and completed_at is not None:
        # The clocks of worker and server differ: without this a duration could be negative.
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


def _ending(run: Run, root: Span | None, last: int, root_error: RunError | None) -> Attempt:
    """Return the end of the last attempt according to the run, for a trace that does not show it."""
    if run.state is None or not run.is_final:
        # The trace may be newer than the run, and show an attempt that the run does not count yet.
        is_over = run.is_waiting_to_retry and last <= (run.attempt_count or 0)
        return Attempt(last, AttemptStatus.FAILED if is_over else AttemptStatus.EXECUTING)
    if run.status is RunStatus.COMPLETED_SUCCESSFULLY:
        status = AttemptStatus.COMPLETED
    else:
        status = AttemptStatus.CANCELED if run.status is RunStatus.CANCELLED else AttemptStatus.FAILED
    at = run.state.finished_at or (None if root is None else root.ended_at)
    return Attempt(last, status, completed_at=at, error=_error_of_last_attempt(run, root_error))


def _error_of_last_attempt(run: Run, root_error: RunError | None) -> RunError | None:
    """Return the run's error if it ended the last attempt, which an expiry or a cancel by the user did not."""
    run_error = run.error_value
    if run.status.is_failed:
        return root_error or run_error
    # The server cancels a run whose worker was lost.
    codes = {error.code for error in (run_error, root_error) if error is not None} - {None, _CANCELED_BY_USER}
    return (root_error or run_error) if codes and run.status is RunStatus.CANCELLED else None
