"""The sentences of a log: why it has no lines, and below its last line why there are no more."""

from datetime import datetime, timedelta
from typing import Final

from tui.domain.run import Run
from tui.domain.status import RunStatus
from tui.domain.traces.log_line import LogLevel, RunLog
from tui.lazy_dataclass import dataclass
from tui.present import formatting
from tui.present.columns import Now
from tui.present.frame.failure import without_request
from tui.present.key_words import tries_again, with_key
from tui.present.logs.columns import LEVEL_WORDS
from tui.present.read_stage import SHOW_READING_AFTER
from tui.present.status import style_of
from tui.present.styled import Line, Piece, Token, wrap

CUT: Final = "The server sends the first 25,000 rows; later lines are not shown."
NO_LOGS: Final = "No logs. This run wrote none."
SILENCE_FROM: Final = timedelta(seconds=10)
"""From this time without a line on, the last line says so."""

LONG_SILENCE: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class LogReading:
    """What is known about the reading of a log.

    * `log`: the lines read so far, None before the first answer
    * `failure`: why the last read failed
    * `read_at`: when `log` was last confirmed
    * `is_complete`: it was read after the end of the run, so that nothing will be added
    * `follows`: whether it is read again while the run is live
    * `asked_at`: when the user began to wait for the first answer
    """

    log: RunLog | None = None
    failure: str | None = None
    read_at: datetime | None = None
    is_complete: bool = False
    follows: bool = True
    asked_at: datetime | None = None

    def loading_words(self, now: Now) -> str:
        """Return what stands for a log that was not answered: nothing at first, since words would only flicker."""
        is_late = self.asked_at is None or now.at - self.asked_at >= SHOW_READING_AFTER
        return formatting.LOADING if is_late else ""


def failure_sentence(failure: str) -> str:
    """Return why a log could not be read, and what the user can do."""
    reason = without_request(failure).rstrip(".")
    return f"The logs could not be read: {reason}{'' if reason.endswith('?') else '.'}{tries_again()}"


def end_rows(reading: LogReading, run: Run | None, hidden: int, least: LogLevel, now: Now, limit: int) -> list[Line]:
    """Return the rows below the last line: an empty one, and the sentences. Without a log, only a sentence."""
    log = reading.log
    rows: list[Line] = []
    if reading.failure is not None:
        rows += _wrapped(failure_sentence(reading.failure), limit, Token.AMBER)
    if log is None:
        return rows or _wrapped(reading.loading_words(now), limit, Token.MUTED)
    if log.is_cut:
        rows += _wrapped(CUT, limit, Token.AMBER)
    elif reading.is_complete and run is not None and run.is_final:
        text = "The run ended here." if len(log) else NO_LOGS
        rows += _wrapped(f"{text} {_hidden(hidden, least)}".rstrip(), limit, Token.MUTED)
        hidden = 0
    elif run is not None and reading.failure is None:
        rows += _live(reading, run, now, limit)
    if hidden:
        rows += _wrapped(_hidden(hidden, least), limit, Token.MUTED)
    return [(), *rows] if len(log) else rows


def _live(reading: LogReading, run: Run, now: Now, limit: int) -> list[Line]:
    """Return how long there was no line, in a run that may still write some."""
    log = reading.log
    if not reading.follows:
        return _wrapped(f"Not followed.{with_key('follow', 'F', ' {} reads on.')}", limit, Token.MUTED)
    if run.is_final:
        return _wrapped("The run has ended; reading its last lines.", limit, Token.MUTED)
    state = f"the run is {_state(run)}"
    since = log.last_at if log is not None and len(log) else None
    if since is None:
        return _wrapped(f"No lines yet; {state}.", limit, Token.MUTED)
    silence = (now.frozen_at or now.at) - since
    if silence < SILENCE_FROM:
        return _wrapped(f"{state[:1].upper()}{state[1:]}.", limit, Token.FAINT)
    token = Token.AMBER if silence >= LONG_SILENCE else Token.MUTED
    head = Piece(f"no line for {now.duration(silence)}", token)
    whole = (head, Piece(f"  {state}", Token.MUTED))
    return [whole] if sum(len(piece.text) for piece in whole) <= limit else [(head,)]


def _state(run: Run) -> str:
    if run.status is RunStatus.WAITING_FOR_DEPLOY:
        return "still waiting for a version"
    title = style_of(run).name.text
    return f"still {title[:1].lower()}{title[1:]}"


def _hidden(count: int, least: LogLevel) -> str:
    """Return how many lines the level filter hides."""
    if not count:
        return ""
    if least is LogLevel.INFO:
        return f"{formatting.plural(count, 'debug line')} hidden."
    return f"{formatting.plural(count, 'line')} below {LEVEL_WORDS[least]} hidden."


def _wrapped(text: str, limit: int, token: Token) -> list[Line]:
    return [(Piece(row, token),) for row in wrap(text, max(limit, 2))]
