"""The words of the rule above a log: the task, the level, the search; how many lines, and how fresh they are."""

from typing import Final

from tui.domain.run import Run
from tui.domain.text import Raw
from tui.domain.traces.log_line import LogLevel
from tui.present import formatting
from tui.present.columns import Now
from tui.present.frame.rule import rule_parts
from tui.present.logs.columns import LEVEL_WORDS
from tui.present.logs.end import LogReading
from tui.present.styled import Line, Piece, Token, cut, joined

_MAX_NEEDLE: Final = 24


def left_words(run: Run | None, least: LogLevel, needle: str, *, is_alone: bool) -> Line:
    """Return ` · charge-card · info and up · /invoice`. Beside other panes only what differs from all lines."""
    task, level, search = left_parts(run, least, needle, is_alone=is_alone)
    return (*task, *level, *search)


def left_parts(run: Run | None, least: LogLevel, needle: str, *, is_alone: bool) -> tuple[Line, Line, Line]:
    """Return the task, the level, and the search; empty where there is none."""
    dot = Piece(" · ", Token.FAINT)
    task: Line = (dot, Piece(run.fixed.task or formatting.NONE, Token.TEXT)) if is_alone and run is not None else ()
    has_level = is_alone or least is not LogLevel.DEBUG
    level: Line = (dot, Piece(level_words(least), Token.MUTED)) if has_level else ()
    search: Line = (dot, *cut((Piece(Raw(f"/{needle}"), Token.TEXT),), _MAX_NEEDLE)) if needle else ()
    return task, level, search


def level_words(least: LogLevel) -> str:
    """Return `all levels`, `info and up`, `warn and up`, `errors`."""
    match least:
        case LogLevel.DEBUG:
            return "all levels"
        case LogLevel.ERROR:
            return "errors"
        case _:
            return f"{LEVEL_WORDS[least]} and up"


def right_words(
    reading: LogReading, shown: int, hits: tuple[int, int] | None, run: Run | None, now: Now, *, is_alone: bool
) -> Line:
    """Return `8 of 11 · 7 of 9 hits · follows · 2s ago`.

    The age says how old the lines of a live run are: a logged line causes no update by itself.
    """
    log = reading.log
    if log is None:
        words = "" if reading.failure is not None else reading.loading_words(now)
        return (Piece(words, Token.MUTED),) if words else ()
    whole = len(log)
    at_least = log.is_cut
    count = formatting.plural(whole, "line") if shown == whole else f"{formatting.count(shown)} of {whole:,}"
    parts: list[Line] = [(Piece(f"{'first ' if at_least else ''}{count}", Token.TEXT),)]
    if hits is not None:
        words = f"{hits[0]} of {formatting.plural(hits[1], 'hit')}" if hits[1] else "no hit"
        parts.append((Piece(words, Token.MUTED),))
    is_final = run is not None and run.is_final
    if reading.is_complete and is_final:
        if is_alone and not at_least:
            parts.append((Piece("all read", Token.MUTED),))
    else:
        follows = reading.follows and not at_least
        age = "" if reading.read_at is None else f"{now.age(reading.read_at)} ago"
        token = Token.AMBER if reading.failure is not None else Token.MUTED
        if reading.failure is not None and is_alone:
            # The sentence about it is below the last line, where the window may not be.
            parts.append((Piece("last read failed", Token.AMBER),))
        elif follows and is_alone:
            parts.append((Piece("follows", Token.ACCENT),))
        elif follows and reading.failure is None:
            token = Token.ACCENT  # beside other panes, there is no room for the word
        parts.append((Piece(age, token),))
    return joined(parts, " · ")


def spare_words(parts: tuple[Line, Line, Line], right: Line, *, is_read: bool, has_hits: bool) -> tuple[Line, ...]:
    """Return the parts that a narrow rule omits first: the search, the task, the level.

    Then, so that the hits stay, the parts behind them, and the number of lines. Where the last read failed (not
    `is_read`), the words about it and the amber age stay longer.
    """
    task, level, search = parts
    count, *facts = rule_parts(right) or [()]
    if not has_hits or not facts:
        return search, task, level
    behind = reversed(facts[1:] if is_read else [])
    return (search, task, level, *behind, (*count, facts[0][0]))
