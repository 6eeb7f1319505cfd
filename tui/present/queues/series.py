"""The last hour of a queue as bars on one axis: waiting runs, running ones, how long runs took."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from tui.domain.findings.queue_detail import QueueHour
from tui.present.ascii import NO_BAR
from tui.present.columns import Now
from tui.present.queues.facts import QueueFacts
from tui.present.queues.words import queued_text, share
from tui.present.read_stage import ReadStage
from tui.present.styled import Line, Piece, Token, cut, fit, pad
from tui.present.wall.durations import brief_duration
from tui.store.findings.board import QueueHealth

_BARS: Final = "▁▂▃▄▅▆▇"
"""Without the full block: two rows of bars would touch."""

_UNKNOWN: Final = "░"
_LABEL: Final = 10
_FIGURE: Final = 9
_GAP: Final = 2
_TICK: Final = timedelta(minutes=15)
_MINUTE: Final = timedelta(minutes=1)
_MIN_CELLS: Final = 12
_HOUR: Final = 60

Numbers = Sequence[float | None]


def series_lines(facts: QueueFacts, now: Now, limit: int) -> list[Line]:
    """Return an axis of times and a row for each series, in at most `limit` cells; nothing if the hour is not known.

    While the hour is read, its cells are empty, then unknown, so that nothing moves when it comes.
    """
    hour, row, minutes = facts.hour, facts.row, _minutes(facts)
    room = limit - _LABEL - _FIGURE - _GAP
    if not minutes or room < _MIN_CELLS:
        return []
    size = _minutes_of_cell(minutes, room)
    parts = ([None] * minutes,) * 3 if hour is None else (hour.queued, hour.running, _held(_seconds(hour)))
    queued, running, p95 = (_merged(each, size)[-room:] for each in parts)
    is_slow = facts.normal_p95 is not None and facts.p95 is not None and facts.p95 > 2 * facts.normal_p95
    above = None if facts.normal_p95 is None else 2 * facts.normal_p95.total_seconds()
    is_waiting = row.health in {QueueHealth.AT_LIMIT, QueueHealth.LATE} and row.has_waiting
    axis = _axis(now.at if hour is None else hour.at, minutes, size, len(queued), now)
    figure: Line = (Piece(queued_text(row, "0"), Token.AMBER if is_waiting else Token.TEXT),)
    threshold = _at_limit_from(queued) if is_waiting else None
    known = running or [None] * len(queued)
    took: Line = (Piece(brief_duration(facts.p95), Token.AMBER if is_slow else Token.TEXT),)
    series = (
        ("queued", figure, _bars(queued, threshold)),
        ("running", share(row.running, row.limit), _bars(known, None, top=row.limit)),
        ("p95", () if facts.is_unread else took, _bars(p95, above)),
    )
    is_due = facts.is_unread and facts.stage is ReadStage.DUE
    lines = (_series(label, figure, () if is_due else bars) for label, figure, bars in series)
    return [cut(line, limit) for line in (axis, *lines)]


def cell_words(facts: QueueFacts, limit: int) -> str:
    """Return `last hour, a cell is a minute`."""
    if not (minutes := _minutes(facts)):
        return ""
    size = _minutes_of_cell(minutes, limit - _LABEL - _FIGURE - _GAP)
    return f"last hour, a cell is {'a minute' if size == 1 else f'{size} minutes'}"


def _minutes(facts: QueueFacts) -> int:
    """Return how many minutes are shown."""
    if facts.hour is not None:
        return len(facts.hour.queued)
    return _HOUR if facts.is_unread else 0


def _minutes_of_cell(minutes: int, room: int) -> int:
    return 1 if room >= minutes else 2 if room >= minutes // 2 else 3


def _series(label: str, figure: Line, bars: Line) -> Line:
    head = pad((Piece(label, Token.FAINT),), _LABEL)
    return (*head, *fit(figure, _FIGURE, "right"), Piece(" " * _GAP), *bars)


def _seconds(hour: QueueHour) -> list[float | None]:
    return [None if each is None else each.total_seconds() for each in hour.p95]


def _merged(cells: Sequence[float | None], size: int) -> list[float | None]:
    """Return the greatest of as many neighbours in each cell."""
    groups = [cells[start : start + size] for start in range(0, len(cells), size)]
    return [max((each for each in group if each is not None), default=None) for group in groups]


def _held(cells: Numbers) -> list[float | None]:
    """Return the cells, those in which nothing ended as zero: nothing was slow in them."""
    return [0 if each is None else each for each in cells]


def _at_limit_from(queued: Numbers) -> float:
    """Return the number from which on a waiting queue is not as usual: more than none."""
    return 0 if any(queued) else float("inf")


def _bars(cells: Numbers, above: float | None, *, top: float | None = None) -> Line:
    """Draw a bar for each cell, scaled to the greatest, or to `top` if that is greater.

    Bars `above` a number are amber. Zero is a dot, an unknown cell `░`.
    """
    highest = max((each for each in cells if each is not None), default=0)
    highest = max(highest, top or 0)
    pieces: list[Piece] = []
    for each in cells:
        if each is None:
            text, token = _UNKNOWN, Token.GUIDE
        elif each <= 0:
            text, token = NO_BAR, Token.LINE
        else:
            text = _BARS[min(len(_BARS), max(1, -(-int(each * len(_BARS) * 1000 / highest) // 1000))) - 1]
            token = Token.AMBER if above is not None and each > above else Token.SPARK
        if pieces and pieces[-1].token is token:
            pieces[-1] = Piece(pieces[-1].text + text, token)
        else:
            pieces.append(Piece(text, token))
    return tuple(pieces)


def _axis(until: datetime, minutes: int, size: int, count: int, now: Now) -> Line:
    """Return the times of each quarter of an hour above their cells."""
    last = _start_of(until, _MINUTE)
    first = last - (minutes - 1) * _MINUTE
    first += (-(-minutes // size) - count) * size * _MINUTE
    marks = [" "] * (count + len("00:00"))
    at = _start_of(first, _TICK)
    while at <= last:
        text = f"{at.astimezone(now.at.tzinfo):%H:%M}"
        cell = (at - first) // _MINUTE // size
        if at >= first and cell + len(text) <= count and not "".join(marks[max(0, cell - 1) : cell + 5]).strip():
            marks[cell : cell + len(text)] = text
        at += _TICK
    return (Piece(" " * (_LABEL + _FIGURE + _GAP)), Piece("".join(marks).rstrip(), Token.FAINT))


def _start_of(at: datetime, step: timedelta) -> datetime:
    seconds = step.total_seconds()
    return datetime.fromtimestamp(at.timestamp() // seconds * seconds, at.tzinfo)
