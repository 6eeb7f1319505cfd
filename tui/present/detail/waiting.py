"""What the code of a run waits for, in words: `waits for a token since 02:08`."""

from datetime import timedelta
from typing import Final, assert_never

from tui.domain.attempt import AttemptHistory, AttemptStatus
from tui.domain.run import Run
from tui.domain.status import EXECUTING_FAMILY
from tui.domain.text import Raw
from tui.domain.wait import Wait, WaitKind
from tui.present import formatting
from tui.present.columns import Now
from tui.present.status import DESCRIPTIONS, DESCRIPTIONS_BY_CODE, UNSURE_DESCRIPTIONS, style_of

DATED_AFTER: Final = timedelta(seconds=60)
"""The age from which a wait has a date. A visible run is read more often than that."""

MAX_RUNNING_AGE: Final = timedelta(seconds=30)
"""Code that ran when the trace was read may wait by now. After this time it is no longer called running."""

_MAX_TASK: Final = 60


def waiting_words(run: Run, now: Now) -> str:
    """Return what the run waits for and since when; empty if it does not wait, or if that is not known."""
    wait = run.wait
    if wait is None:
        return _retry_words(run, now)
    if run.attempts is None or wait.is_over(now.frozen_at or now.at):
        return ""
    read_at = run.attempts[0].read_at
    as_of = f" (as of {formatting.time_of_day(read_at, now.at)})" if now.at - read_at > DATED_AFTER else ""
    return f"waits {_for_what(wait, now)} since {formatting.time_of_day(wait.since, now.at)}{as_of}"


def _retry_words(run: Run, now: Now) -> str:
    """Return `waits for attempt 2, due 13:49:12.500`. A run keeps its status during a wait of less than 30 s."""
    history = run.attempts[1] if run.attempts is not None else AttemptHistory()
    if run.status not in EXECUTING_FAMILY or not history.attempts or history.retry_at is None:
        return ""
    last = history.attempts[-1]
    if last.status is AttemptStatus.EXECUTING or history.retry_at <= (now.frozen_at or now.at):
        return ""
    return f"waits for attempt {last.number + 1}, due {formatting.moment(history.retry_at, now.at)}"


def token_of(run: Run) -> Raw | None:
    """Return the token that the run waits for, if its events contain it."""
    wait = run.wait
    return wait.subject if wait is not None and wait.kind is WaitKind.TOKEN else None


def meaning_words(run: Run, now: Now) -> str:
    """Return the meaning of the status word; empty if the page already says what the run waits for.

    Code is called running only if the trace was read: an executing run may be waiting.
    """
    if run.state is None or run.is_waiting_to_retry or waiting_words(run, now):
        return ""
    word = style_of(run).word
    if word in UNSURE_DESCRIPTIONS and not is_known_to_run(run, now):
        return UNSURE_DESCRIPTIONS[word]
    error = run.error_value
    if word in DESCRIPTIONS_BY_CODE and error is not None and error.code is not None:
        return DESCRIPTIONS_BY_CODE[word]
    return DESCRIPTIONS.get(word, "")


def is_known_to_run(run: Run, now: Now) -> bool:
    """Return whether the trace was read within `MAX_RUNNING_AGE` and shows that the run's code runs."""
    if run.attempts is None or run.state is None or run.wait is not None:
        return False
    stamp, history = run.attempts
    is_newest = run.state.updated_at <= stamp.updated_at and now.at - stamp.read_at <= MAX_RUNNING_AGE
    is_open = bool(history.attempts) and history.attempts[-1].status is AttemptStatus.EXECUTING
    return run.status in EXECUTING_FAMILY and is_newest and is_open and history.is_complete


def _for_what(wait: Wait, now: Now) -> str:
    match wait.kind:
        case WaitKind.TOKEN:
            return "for a token"
        case WaitKind.INPUT:
            return "for input"
        case WaitKind.TIME:
            return _for_how_long(wait, now)
        case WaitKind.RUNS:
            return _for_which_runs(wait)
        case _:
            assert_never(wait.kind)


def _for_how_long(wait: Wait, now: Now) -> str:
    if (lasts := wait.duration) is not None:
        return f"{_rounded(lasts)},"
    if (until := wait.until) is not None:
        return f"until {formatting.moment(until, now.at).partition('.')[0]},"
    return "for a time" if wait.subject is None else f"for {wait.subject[:_MAX_TASK]},"


def _rounded(value: timedelta) -> str:
    """Return `10m` where a running duration would be `10m00s`."""
    text = formatting.duration(value)
    if text.endswith(("m00s", "h00m")):
        return text[:-3]
    return text


def _for_which_runs(wait: Wait) -> str:
    count, task = len(wait.runs), wait.task or wait.subject
    if count > 1:
        return f"for {_children(wait.open_count, count)}"
    if not count:
        return f"for runs of {task[:_MAX_TASK]}" if task else "for children"
    return f"for its child {task[:_MAX_TASK]}" if task else "for a child"


def _children(open_count: int, count: int) -> str:
    if not 0 < open_count < count:
        return f"{formatting.count(count)} children"
    return f"{formatting.count(open_count)} of {formatting.count(count)} children"
