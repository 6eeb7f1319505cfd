"""The effect of an outage in words: in a gap of the list, in the rule of the list, and in a message."""

from datetime import datetime
from typing import assert_never

from tui.present import formatting
from tui.present.styled import Line, Piece, Token, line_width
from tui.store.missed_runs import Completeness, Gap, MissedRuns

_GUTTER = "  "
_DOT = Piece(" · ", Token.MUTED)


def gap_words(gap: Gap, now: datetime, *, is_short: bool = False) -> str:
    """Return `no data 13:22–13:36`, or `no data for 44 s at 13:22` if both ends are in one minute."""
    begin = formatting.time_of_day(gap.since, now)
    if gap.since.replace(second=0, microsecond=0) == gap.until.replace(second=0, microsecond=0):
        return f"no data for {formatting.wait(gap.until - gap.since)}{'' if is_short else f' at {begin}'}"
    since, until = gap.since.astimezone(now.tzinfo), gap.until.astimezone(now.tzinfo)
    # The date appears once if both ends share it.
    return f"no data {begin}–{formatting.time_of_day(until, until if until.date() == since.date() else now)}"


def gap_line(gap: Gap, missed: MissedRuns, now: datetime, width: int) -> Line:
    """Return the line of a gap, between newer and older runs, in exactly `width` cells if it fits."""
    line = _worded(gap, missed, now, is_short=False)
    if line_width(line) > width - 1:
        line = _worded(gap, missed, now, is_short=True)
    line = (Piece(_GUTTER), *line)
    # The right edge stays free, as in every row of the list.
    room = width - line_width(line) - len(_GUTTER) - 1
    return (*line, Piece(_GUTTER), Piece("╌" * room, Token.LINE)) if room > 0 else line


def gap_remark(gap: Gap, missed: MissedRuns, now: datetime, *, is_short: bool) -> Line:
    """Return the words about a gap for the rule, while the gap's own line is not visible."""
    return _worded(gap, missed, now, is_short=is_short)


def gap_sentence(gap: Gap, missed: MissedRuns, now: datetime) -> str:
    """Return a sentence about a gap for the messages."""
    return f"There was {gap_words(gap, now)}: {', '.join([_extent_words(missed), *_failed_words(missed)])}."


def _worded(gap: Gap, missed: MissedRuns, now: datetime, *, is_short: bool) -> Line:
    extent = Piece(_extent_words(missed, is_short=is_short), Token.TEXT if missed.run_count else Token.MUTED)
    failed = [piece for text in _failed_words(missed) for piece in (_DOT, Piece(text, Token.ROSE, is_bold=True))]
    return (Piece(gap_words(gap, now, is_short=is_short), Token.AMBER), _DOT, extent, *failed)


def _extent_words(missed: MissedRuns, *, is_short: bool = False) -> str:
    """Return `37 runs caught up`, in short `37 runs`, with a remark while the count is not final."""
    runs = formatting.plural(missed.run_count, "run")
    match missed.completeness:
        case Completeness.ALL if not missed.run_count:
            return "nothing missed"
        case Completeness.ALL:
            return runs if is_short else f"{runs} caught up"
        case Completeness.SO_FAR if not missed.run_count:
            return "catching up"
        case Completeness.SO_FAR:
            return f"catching up, {runs}" if is_short else f"catching up, {runs} so far"
        case Completeness.AT_LEAST if not missed.run_count:
            return "what was missed is not known"
        case Completeness.AT_LEAST:
            return f"at least {runs}" if is_short else f"at least {runs} caught up"
        case _:
            assert_never(missed.completeness)


def _failed_words(missed: MissedRuns) -> list[str]:
    return [f"{formatting.count(missed.failed_count)} failed"] if missed.failed_count else []
