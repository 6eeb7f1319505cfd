"""The facts of each attempt that are compared: how it ended, its error, how long it took, what it logged."""

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Final

from tui.domain.attempt import Attempt, AttemptHistory, AttemptStatus
from tui.domain.errors.error import RunError
from tui.domain.errors.kinds import kind_of
from tui.domain.run import Run
from tui.domain.text import Raw
from tui.present import formatting
from tui.present.attempts.table import elapsed_words
from tui.present.attempts.text import attempt_style, waited_before
from tui.present.columns import Now
from tui.present.compared.logs import LogCount, LogCounts
from tui.present.compared.stacks import file_words, place_of, stack_of
from tui.present.compared.values import UNKNOWN, ComparedCell, ComparedFact, alike
from tui.present.styled import Piece, Token, opening_line

MAX_MESSAGE_CHARS: Final = 4_000
"""The part of a message that is compared and shown."""

_SHORT_ID: Final = re.compile(r"\b[A-Za-z]{2,8}_(?=[A-Za-z0-9]*\d[A-Za-z])[A-Za-z0-9]{4,}\b")
"""`req_6hK2`: too short to be an id wherever it stands, but it is one if only it differs between two attempts."""

NOT_KNOWN: Final = ComparedCell((Piece(formatting.NONE, Token.MUTED),))
NO_ERROR: Final = ComparedCell((Piece("no error", Token.MUTED),), None, None)


def compared_facts(
    run: Run, history: AttemptHistory, attempts: Sequence[Attempt], now: Now, logs: LogCounts
) -> list[ComparedFact]:
    """Return the facts of these attempts, in the order of the page."""
    took = alike([attempt.duration for attempt in attempts])
    return [
        ComparedFact("status", tuple(_status(run, history, each) for each in attempts)),
        ComparedFact("error", tuple(_type(run, each) for each in attempts), is_wide=True),
        ComparedFact("message", tuple(_message(run, each) for each in attempts), is_wide=True),
        ComparedFact("own frame", tuple(_own_frame(run, each) for each in attempts), is_wide=True),
        ComparedFact("took", tuple(_took(each, now, same) for each, same in zip(attempts, took, strict=True))),
        ComparedFact("waited", tuple(_waited(run, history, each) for each in attempts)),
        ComparedFact("logs", tuple(_logs(each, logs) for each in attempts)),
    ]


def error_of(run: Run, attempt: Attempt) -> RunError | None:
    """Return the error of an attempt. That of the last one may be known from the run alone."""
    history = run.attempts[1] if run.attempts is not None else None
    is_last = history is not None and attempt is history.attempts[-1]
    if attempt.error is not None or not is_last or attempt.status is not AttemptStatus.FAILED:
        return attempt.error
    return run.error_value


def different_errors(run: Run, attempts: Sequence[Attempt]) -> int:
    """Return how many kinds of errors the attempts have."""
    errors = (error_of(run, attempt) for attempt in attempts)
    return len({_kind(error) for error in errors if error is not None})


def _status(run: Run, history: AttemptHistory, attempt: Attempt) -> ComparedCell:
    style = attempt_style(run, attempt, history)
    is_running = attempt.status is AttemptStatus.EXECUTING
    return ComparedCell((Piece(style.word, style.word_token),), style.word, UNKNOWN if is_running else style.word)


def _without_error(attempt: Attempt) -> ComparedCell:
    """Return the cell of an attempt without an error: it had none, or it is not known."""
    is_fine = attempt.status in {AttemptStatus.COMPLETED, AttemptStatus.CANCELED}
    return NO_ERROR if is_fine else NOT_KNOWN


def _type(run: Run, attempt: Attempt) -> ComparedCell:
    error = error_of(run, attempt)
    if error is None:
        return _without_error(attempt)
    name = Raw(error.code) if error.code is not None else error.name
    if name is None:
        return ComparedCell((Piece("without a type", Token.MUTED),), "", "")
    return ComparedCell((Piece(name, Token.ROSE),), name, name)


def _message(run: Run, attempt: Attempt) -> ComparedCell:
    error = error_of(run, attempt)
    if error is None:
        return _without_error(attempt)
    if error.has_code_only:
        return ComparedCell((Piece("The server reports only a code.", Token.MUTED),), error.code, error.code)
    text = Raw(error.message.strip()[:MAX_MESSAGE_CHARS])
    shown = Piece(text if "\n" not in text else f"{opening_line(text)} …") if text else Piece("no message", Token.MUTED)
    return ComparedCell((shown,), text, _kind(error)[1])


def _own_frame(run: Run, attempt: Attempt) -> ComparedCell:
    error = error_of(run, attempt)
    if error is None:
        return _without_error(attempt)
    stack = stack_of(error)
    frame = None if stack is None else stack.first_own
    if frame is None:
        words = "no stack" if stack is None else "none of yours"
        return ComparedCell((Piece(words, Token.MUTED),), words, words)
    return ComparedCell((Piece(file_words(frame) or frame.text),), place_of(frame), place_of(frame))


def _took(attempt: Attempt, now: Now, compared: object) -> ComparedCell:
    words = elapsed_words(attempt, now)
    if attempt.duration is None:
        is_running = attempt.status is AttemptStatus.EXECUTING and attempt.started_at is not None
        return ComparedCell((Piece(f"{words} so far", Token.BLUE),)) if is_running else NOT_KNOWN
    # Not even equal words make two durations the same fact.
    return ComparedCell((Piece(words),), attempt.number, compared)


def _waited(run: Run, history: AttemptHistory, attempt: Attempt) -> ComparedCell:
    previous = next((each for each in history.attempts if each.number == attempt.number - 1), None)
    words = waited_before(run, attempt, previous)
    return NOT_KNOWN if words is None else ComparedCell((Piece(words),), attempt.number)


def _logs(attempt: Attempt, logs: LogCounts) -> ComparedCell:
    if logs.by_attempt is None:
        return NOT_KNOWN
    count = logs.by_attempt.get(attempt.number, LogCount())
    is_running = attempt.status is AttemptStatus.EXECUTING
    line = (Piece(f"{count.words} so far" if is_running and count.lines else count.words, Token.TEXT),)
    return ComparedCell(line) if is_running else ComparedCell(line, count, count)


@lru_cache(maxsize=256)
def _kind(error: RunError) -> tuple[Raw | str | None, Raw, object]:
    """Return type, normalised message and first own frame of an error."""
    stack = stack_of(error)
    frame = None if stack is None or stack.first_own is None else stack.first_own
    place = None if frame is None else (frame.short_file, frame.function)
    message = Raw(_SHORT_ID.sub("id_0", error.message[:MAX_MESSAGE_CHARS]))
    kind = kind_of(replace(error, message=message, stack=None))
    return kind.type, kind.message, place
