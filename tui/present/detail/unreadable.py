"""Why a run, or a part of it, could not be read, and what the user can do about it."""

import re
from typing import Final

from tui.domain.run import Run
from tui.present import formatting
from tui.present.columns import Now
from tui.present.frame.failure import without_request
from tui.present.key_words import tries_again
from tui.present.styled import Line, Piece, Token, wrap

MAX_CHARACTERS: Final = 400
"""Longer answers of the server are cut."""

_STATUS: Final = re.compile(r"(\d{3})\b")
_DECODING_FAILED: Final = "the run could not be read: "


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
    match = _STATUS.match(answer)
    if match is None:
        since = ""
        if run is not None and run.read_at is not None:
            since = f" since {formatting.time_of_day(run.read_at, now.at)}"
        return [
            *_sentence(f"No answer{since}.{tries_again()}", Token.AMBER, limit),
            *_sentence(answer, Token.FAINT, limit),
        ]
    return _refusal_lines(match[1], answer, limit)


def _refusal_lines(status: str, answer: str, limit: int) -> list[Line]:
    match status:
        case "403":
            return _sentence("This key may not read runs (403). The list still works.", Token.AMBER, limit)
        case "401":
            return _sentence("The server refused the key (401). Set TRIGGER_SECRET_KEY again.", Token.AMBER, limit)
        case "404":
            return _sentence("The server does not know this run (404).", Token.AMBER, limit)
        case _:
            code = f" ({status})" if status >= "400" else ""
            lines = _sentence(f"The run could not be read{code}.{tries_again()}", Token.AMBER, limit)
            return lines if answer == status else lines + _sentence(answer, Token.FAINT, limit)


def _sentence(text: str, token: Token, limit: int) -> list[Line]:
    return [(Piece(row, token),) for row in wrap(text[:MAX_CHARACTERS], limit)]
