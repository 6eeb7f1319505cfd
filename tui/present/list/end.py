"""The line below the last run of the list, and the words for how far back the list reaches.

The line says which runs the filter did not search, or that older runs exist. Enter on it asks the server for more.
While this search runs, the line shows its progress.
"""

from datetime import datetime
from typing import Final

from tui.domain.search import SearchProgress, SearchStep
from tui.domain.update import HistoryRead
from tui.lazy_dataclass import dataclass
from tui.present import formatting
from tui.present.frame.failure import without_request
from tui.present.styled import Line, Piece, Token, cut, line_width

NOT_A_RUN: Final = "this line is not a run: it says what the list does not show"
NOT_A_RUN_SENTENCE: Final = f"{NOT_A_RUN.capitalize()}."

ASKS_SERVER: Final = "here asks the server"
_SHORTER: Final = {ASKS_SERVER: "here asks"}
"""Short forms for narrow panes."""

_DOT: Final = Piece(" · ", Token.FAINT)


@dataclass(frozen=True, slots=True)
class ListEndFacts:
    """What is known about runs that the list does not show.

    * `since`: the start of the shown period
    * `history`: how far back the list was read
    * `progress`: the progress of the server search
    * `found`: the number of runs that match the typed filter
    * `is_filtered`: there is a typed filter
    * `failed_count`: the number of failed runs; None unless the filter searches errors
    * `unread_count`: those of them whose error was never read
    * `filters_queues`: the filter names a queue, and the server's run lists do not contain queues
    """

    now: datetime
    since: datetime
    history: HistoryRead | None
    progress: SearchProgress
    found: int = 0
    is_filtered: bool = False
    unread_count: int | None = None
    failed_count: int | None = None
    filters_queues: bool = False


def reach_words(history: HistoryRead | None, run_count: int, now: datetime) -> str | None:
    """Return `newest 5,048, back to 21:40` if a limit ended the read of the list, else None."""
    if history is None or not history.is_cut:
        return None
    return f"newest {formatting.count(run_count)}, back to {formatting.time_of_day(history.reached, now)}"


def end_line(facts: ListEndFacts, width: int) -> Line | None:
    """Return the last line in at most `width` cells, or None if there is nothing to say."""
    if facts.progress.step is not None:
        return _fitted(_running(facts), ("Esc", "stops"), width)
    parts = _parts(facts)
    if not parts:
        return None
    if facts.is_filtered:
        parts.insert(0, Piece(f"{formatting.count(facts.found)} found", Token.TEXT))
    return _fitted(parts, end_key(facts), width)


def end_key(facts: ListEndFacts) -> tuple[str, str] | None:
    """Return the key for the last line and its effect, or None if there is nothing left to ask.

    On a run, Enter does something else: hence `here`.
    """
    progress = facts.progress
    if progress.step is not None:
        return None
    if not facts.is_filtered:
        return ("Enter", "here loads more") if progress.has_lists else None
    if progress == SearchProgress():
        return "Enter", ASKS_SERVER
    if progress.failure and progress.has_lists:
        return "Enter", "here tries again"
    if progress.skips_older and facts.filters_queues:
        return "Enter", "here asks again"  # New runs may have arrived, and their queues are unknown.
    if _unread(facts) or (progress.has_lists and not (progress.is_at_end or progress.skips_older)):
        return "Enter", "here loads more"
    return None


def _fitted(parts: list[Piece], key: tuple[str, str] | None, width: int) -> Line:
    """Join the parts with dots and append the key. Too long parts are cut, so that the key stays visible."""
    line: list[Piece] = []
    for part in parts:
        line += [_DOT, part] if line else [part]
    tail = _tail(key)
    if key is not None and line_width(tuple(line)) + line_width(tail) > width:
        tail = _tail((key[0], _SHORTER.get(key[1], key[1])))
    return (*cut(tuple(line), max(0, width - line_width(tail))), *tail)


def _tail(key: tuple[str, str] | None) -> Line:
    return () if key is None else (Piece("   "), Piece(key[0], is_bold=True), Piece(f" {key[1]}", Token.FAINT))


def _parts(facts: ListEndFacts) -> list[Piece]:
    """Return what was not searched, the most important first, then what was searched."""
    progress, parts = facts.progress, list[Piece]()
    if progress.failure:
        parts.append(Piece(f"stopped: {without_request(progress.failure)}", Token.AMBER))
    if unread := _unread(facts):
        parts.append(Piece(f"{formatting.plural(unread, 'error')} not read", Token.AMBER))
    elif progress.unreadable_count:
        parts.append(Piece(f"{formatting.plural(progress.unreadable_count, 'error')} cannot be read", Token.AMBER))
    if facts.filters_queues and not progress.answers:
        parts.append(Piece("queues not read", Token.AMBER))
    # What was searched comes last, because a narrow screen cuts the end.
    done = [Piece(answer, Token.TEXT) for answer in progress.answers]
    is_all_read = facts.failed_count and not _unread(facts) and not progress.unreadable_count
    if is_all_read and progress.needs_errors and progress != SearchProgress():
        done.insert(0, Piece(f"all {formatting.plural(facts.failed_count or 0, 'error')} read", Token.MUTED))
    return [*parts, *_older(facts), *done]


def _older(facts: ListEndFacts) -> list[Piece]:
    """Return how far back the list was not searched."""
    progress, history, parts = facts.progress, facts.history, list[Piece]()
    if progress.skips_older:
        return []
    if history is None or not history.is_complete:
        return [Piece("still reading older runs", Token.MUTED)] if facts.is_filtered else []
    if not facts.is_filtered and not history.is_cut:
        return []
    if progress.is_at_end:
        parts.append(Piece(f"searched back to {_time(progress.reached or facts.since, facts.now)}", Token.MUTED))
    elif facts.is_filtered or history.is_cut:
        reached = progress.reached or (history.reached if history.is_cut else facts.since)
        verb = "searched" if facts.is_filtered else "read"
        token = Token.AMBER if history.is_cut else Token.MUTED
        parts.append(Piece(f"older than {_time(reached, facts.now)} not {verb}", token))
    return parts


def _running(facts: ListEndFacts) -> list[Piece]:
    progress = facts.progress
    match progress.step:
        case SearchStep.ERRORS | SearchStep.OLDER_ERRORS if progress.error_count:
            what = (
                f"{formatting.count(progress.errors_read)} of {formatting.plural(progress.error_count, 'error')} read"
            )
        case SearchStep.ERRORS | SearchStep.OLDER_ERRORS:
            what = "the server looks through its errors"
        case SearchStep.LIST:
            what = "still reading older runs"
        case SearchStep.IDS:
            what = "by id"
        case SearchStep.NAMES:
            what = f"by name, {formatting.plural(progress.older_read, 'run')} read"
        case _:
            back = "" if progress.reached is None else f", back to {_time(progress.reached, facts.now)}"
            what = f"{formatting.plural(progress.older_read, 'older run')} read{back}"
    return [Piece(f"searching, {what}" if facts.is_filtered else f"loading more, {what}", Token.TEXT)]


def _unread(facts: ListEndFacts) -> int:
    progress = facts.progress
    return max(0, (facts.unread_count or 0) - progress.unreadable_count) if progress.needs_errors else 0


def _time(at: datetime, now: datetime) -> str:
    return formatting.time_of_day(at, now)
