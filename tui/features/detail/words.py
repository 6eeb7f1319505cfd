"""What is said about a run: its head, why it waits, why it failed, why a part could not be read."""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Final, NamedTuple, assert_never

from tui.domain.errors.error import FrameKind, RunError, parse_stack
from tui.domain.finding import Standstill, StandstillReason
from tui.domain.hold import Hold, HoldKind, QueueState, hold_of
from tui.domain.run import Fixed, Json, Run
from tui.domain.status import EXECUTING_FAMILY
from tui.domain.text import Raw
from tui.features.runs.columns import took
from tui.features.runs.words import (
    meaning_words,
    waiting_words,
)
from tui.kit.words import without_request
from tui.text import formatting
from tui.text.blocks import Now, Row, ShowWhole, tries_again
from tui.text.json import ValuePath
from tui.text.status import style_of
from tui.text.styled import Line, Piece, Token, cut, first_line, fold, joined, line_width, wrap

# Why a run has not started, in words: `20 of 20 places of its queue: 20 send-campaign, longest 2m`.
#
# The name of its queue is not repeated: the fact of the queue has it.


_MAX_NAME: Final = 60


class Situation(NamedTuple):
    """The surroundings of a run when it is shown: the time, and its queue as it was last read."""

    now: Now
    queue: QueueState | None = None


def hold_words(run: Run, situation: Situation) -> str | None:
    """Return why the run has not started; None if it has, or if no answer says why."""
    now = situation.now
    hold = hold_of(run, situation.queue, now.frozen_at or now.at)
    return None if hold is None else _words(hold, now)


def _words(hold: Hold, now: Now) -> str:
    from tui.features.queues.words import full_limit_text, places_text, standstill_text  # noqa: PLC0415  few runs wait

    match hold.kind:
        case HoldKind.DELAY:
            return "delayed" if hold.until is None else f"delayed until {formatting.moment(hold.until, now.at)}"
        case HoldKind.VERSION:
            if hold.may_expire_at is None:
                return "for a version that has its task"
            expires = formatting.time_of_day(hold.may_expire_at, now.at)
            return f"for a version with its task; if pinned to a deployment, until {expires}"
        case HoldKind.RETRY:
            until = "" if hold.until is None else f" at {formatting.moment(hold.until, now.at)}"
            return f"to retry{until}"
        case HoldKind.QUEUE_PAUSED:
            since = "" if hold.since is None else f" since {formatting.time_of_day(hold.since, now.at)}"
            return f"its queue is paused{since}: {hold.queue[:_MAX_NAME] if hold.queue else ''}"
        case HoldKind.QUEUE_LIMIT:
            at = now.frozen_at or now.at
            return places_text(hold.running, hold.limit, hold.holders, at, " of its queue")
        case HoldKind.NAMED_LIMIT:
            return full_limit_text(hold.queue or "", hold.running, hold.limit)
        case HoldKind.ENVIRONMENT_PAUSED | HoldKind.LIMIT_PAUSED | HoldKind.NO_WORKER:
            still = Standstill(StandstillReason(hold.kind.value), hold.since)
            return standstill_text(still, now.frozen_at or now.at, now.at)
        case _:
            assert_never(hold.kind)


# The origin of a run in words: a function of the SDK, or a schedule.


SCHEDULED = "SCHEDULED"
"""The task kind of a run that a schedule started. A list row has no other sign of the schedule."""


def origin_words(fixed: Fixed) -> str:
    """Return `schedule 0 3 * * *` or `batchTrigger()`; empty if the origin is not known.

    The server names the function `trigger` for a scheduled run too, although no code called it. Source:
    tests/wire/recordings/1241-run-detail-scheduled.json.
    """
    function = fixed.trigger_function
    if function in {None, "trigger"} and (fixed.schedule is not None or fixed.task_kind == SCHEDULED):
        schedule = schedule_name(fixed.schedule)
        return f"schedule {schedule}" if schedule else "a schedule"
    return "" if function is None else f"{function}()"


def schedule_name(schedule: Json) -> str:
    """Return the expression of a schedule, else its name or id; empty if it has none."""
    if not isinstance(schedule, dict):
        return ""
    generator = schedule.get("generator")
    inner = generator if isinstance(generator, dict) else {}
    names = (inner.get("expression"), inner.get("description"), schedule.get("externalId"), schedule.get("id"))
    return next((name for name in names if isinstance(name, str) and name), "")


# The error of a failed run on the detail page: name, message, place in the user's code, causes.


ERROR: Final = "error"
"""Names the error among the values of a page that can be shown whole."""

MAX_MESSAGE_ROWS: Final = 8
MAX_CAUSES: Final = 3


def _last_error(run: Run) -> RunError | None:
    attempts = run.attempts[1].attempts if run.attempts else ()
    return attempts[-1].error if attempts and run.status.is_failed else None


def best_error(run: Run) -> RunError | None:
    """Return the run's error, or the last attempt's error where the run's own has only a code."""
    own, last = run.error_value, _last_error(run)
    return last if last and (own is None or own.has_code_only) else own


def full_error(run: Run) -> RunError | None:
    """Return the error with the most to copy: that of the last attempt if only it has a stack, else the run's own."""
    own, last = run.error_value, _last_error(run)
    return last if last is not None and (own is None or own.has_code_only or not own.stack) else own


def error_rows(run: Run, limit: int) -> list[Row]:
    """Return the error in rows of at most `limit` cells. Enter on a cut message shows all of it."""
    if (error := best_error(run)) is None:
        return []
    name: Line = (Piece(error.name, Token.ROSE), Piece(" ")) if error.name else ()
    indent = line_width(name)
    rows: list[Row] = []
    if indent > limit // 2:
        rows = [Row(line, ("error name", index)) for index, line in enumerate(fold(name, limit))]
        name, indent = (Piece("  "),), 2
    blank: Line = (Piece(" " * indent),)
    room = limit - indent
    texts, is_cut = _message_rows(error.message, room)
    for index, text in enumerate(texts):
        piece = Piece(text, Token.BRIGHT) if text or len(texts) > 1 else Piece("no message", Token.MUTED)
        rows.append(Row((*(blank if index else name), piece), (ERROR, index)))
    if is_cut:
        note = (Piece(f"… {formatting.size(len(error.message))} in all  ", Token.FAINT), *enter_hint("shows the whole"))
        rows.append(Row((*blank, *cut(note, room)), (ERROR, "more"), ShowWhole(ValuePath(ERROR, ()))))
    below = _lines_below(error)
    return rows + [Row((*blank, *cut(line, room)), (ERROR, "below", index)) for index, line in enumerate(below)]


def enter_hint(text: str) -> Line:
    """Return `Enter` and what it does on this row."""
    return (Piece("Enter", Token.MUTED), Piece(f" {text}", Token.FAINT))


def _message_rows(text: Raw, limit: int) -> tuple[list[str], bool]:
    """Return the first rows of a message, and whether there are more. A message may be megabytes long."""
    max_characters = 2 * MAX_MESSAGE_ROWS * max(limit, 2)
    rows = wrap(text.strip()[:max_characters], limit)
    return rows[:MAX_MESSAGE_ROWS], len(rows) > MAX_MESSAGE_ROWS or len(text) > max_characters


def _lines_below(error: RunError) -> list[Line]:
    lines: list[Line] = []
    if error.code is not None and error.code not in error.message:
        lines.append((Piece("code  ", Token.FAINT), Piece(error.code, Token.MUTED)))
    if place := _first_own_place(error.stack, error.message):
        lines.append((Piece(f"at {place}", Token.FAINT),))
    lines += [_cause(cause) for cause in error.causes[:MAX_CAUSES]]
    if len(error.causes) > MAX_CAUSES:
        lines.append((Piece(f"and {formatting.plural(len(error.causes) - MAX_CAUSES, 'more cause')}", Token.FAINT),))
    return lines


def _cause(cause: RunError) -> Line:
    name: Line = (Piece(f"{cause.name} ", Token.ROSE),) if cause.name else ()
    return (Piece("caused by ", Token.FAINT), *name, Piece(first_line(cause.message), Token.MUTED))


@lru_cache(maxsize=16)
def _first_own_place(stack: Raw | None, message: Raw) -> str:
    """Return where the task's own code threw: `src/trigger/charge.ts:20:29`. Empty where the stack does not show it."""
    frames = parse_stack(stack, message) if stack else ()
    if (own := next((frame for frame in frames if frame.kind is FrameKind.OWN), None)) is None:
        return ""
    return ":".join(str(part) for part in (own.short_file, own.line, own.column) if part is not None)


# The head of a run's page: the status with its remarks, then the task and the id.


def title_lines(run: Run, now: Now, limit: int) -> list[Line]:
    """Return status, task and id for `show`, in lines of at most `limit` cells. The id is never cut."""
    style = style_of(run)
    lines = _status_lines((style.mark, Piece(" "), style.name), remarks(run, now), Token.MUTED, limit)
    name: Line = (Piece(run.fixed.task or formatting.NONE, Token.BRIGHT),)
    run_id: Line = (Piece(run.id),)
    whole = joined([name, run_id])
    return lines + ([whole] if len(fold(whole, limit)) == 1 else [*fold(name, limit), *fold(run_id, limit)])


def head_lines(run: Run, now: Now, limit: int, action: Piece | None) -> list[Line]:
    """Return the head of the detail pane. `action` replaces the status word while an action is pending."""
    style = style_of(run)
    lines = _status_lines((style.mark, Piece(" "), action or style.name), remarks(run, now), Token.TEXT, limit)
    if meaning := meaning_words(run, now):
        lines = _beside(lines, meaning, Token.FAINT, limit)
    name: Line = (Piece(run.fixed.task or formatting.NONE, Token.BRIGHT, is_bold=True),)
    run_id: Line = (Piece(run.id, Token.FAINT),)
    whole = joined([name, run_id])
    return [*lines, whole] if line_width(whole) <= limit else [*lines, cut(name, limit), *fold(run_id, limit)]


def remarks(run: Run, now: Now) -> Iterator[str]:
    """Yield the short remarks that stand beside the status: attempts, running time, what the run waits for."""
    attempt = run.attempt_count or 0
    if run.state is None:
        yield "only its id is known"
    if run.is_waiting_to_retry:
        yield f"waiting to retry after attempt {attempt}"
    elif run.status.is_failed and attempt:
        yield f"after {formatting.plural(attempt, 'attempt')}"
    elif not run.is_final and attempt > 1:
        yield f"attempt {attempt}"
    if run.status in EXECUTING_FAMILY and (elapsed := took(run, now.frozen_at or now.at)) is not None:
        yield f"for {now.duration(elapsed)}"
    if waiting := waiting_words(run, now):
        yield waiting
    if run.is_gone:
        yield "gone from the server" if run.state is not None else "not found"


def _status_lines(status: Line, texts: Iterable[str], token: Token, limit: int) -> list[Line]:
    """Put remarks beside the status while they fit, and each of the others on a line below, unbroken if possible."""
    lines = fold(status, limit)
    for text in texts:
        lines = _beside(lines, text, token, limit)
    return lines


def _beside(lines: list[Line], text: str, token: Token, limit: int) -> list[Line]:
    one = joined([lines[0], (Piece(text, token),)])
    if len(lines) == 1 and line_width(one) <= limit:
        return [one]
    return [*lines, *((Piece("  "), Piece(row, token)) for row in wrap(text, limit - 2))]


# Why a run, or a part of it, could not be read, and what the user can do about it.


MAX_CHARACTERS: Final = 400
"""Longer answers of the server are cut."""

_STATUS: Final = re.compile(r"(\d{3})\b")
_DECODING_FAILED: Final = "the run could not be read: "
_REFUSALS: Final = {
    "401": "The server refused the key (401). Set TRIGGER_SECRET_KEY again.",
    "403": "This key may not read runs (403). The list still works.",
    "404": "The server does not know this run (404).",
}


def failure_lines(run: Run | None, failure: str | None, now: Now, limit: int) -> list[Line]:
    """Return the failure of the last read in lines of at most `limit` cells, or nothing if it succeeded."""
    if run is not None and run.is_gone:
        was_known = " any more" if run.state is not None else ""
        return _sentence(f"The server does not know this run{was_known}.", Token.AMBER, limit)
    if failure is None:
        return []
    answer = without_request(failure)
    if answer.startswith(_DECODING_FAILED):
        return _sentence(f"{answer[0].upper()}{answer[1:]}.{tries_again()}", Token.AMBER, limit)
    if answer == failure or not failure.endswith(answer):
        # The message names no request: only a part of the run is missing, and the message already says which.
        return _sentence(answer, Token.MUTED, limit)
    if (match := _STATUS.match(answer)) is None:
        read_at = None if run is None else run.read_at
        since = "" if read_at is None else f" since {formatting.time_of_day(read_at, now.at)}"
        lines = _sentence(f"No answer{since}.{tries_again()}", Token.AMBER, limit)
        return lines + _sentence(answer, Token.FAINT, limit)
    if (status := match[1]) in _REFUSALS:
        return _sentence(_REFUSALS[status], Token.AMBER, limit)
    code = f" ({status})" if status >= "400" else ""
    lines = _sentence(f"The run could not be read{code}.{tries_again()}", Token.AMBER, limit)
    return lines if answer == status else lines + _sentence(answer, Token.FAINT, limit)


def _sentence(text: str, token: Token, limit: int) -> list[Line]:
    return [(Piece(row, token),) for row in wrap(text[:MAX_CHARACTERS], limit)]
