"""The rules of the wall: a title, marks of time, titles of figures, and a text at the right end."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from tui.present import formatting
from tui.present.styled import Line, Piece, Token, line_width
from tui.present.wall.look import WallLook
from tui.present.wall.placed_line import PlacedLine
from tui.store.findings.board import BoardSpan

_STEPS: Final = (5, 10, 15, 30, 60, 120, 180, 360, 720, 1440)
"""The minutes between marks of time."""

_MIN_MARK_CELLS: Final = 12
_MARK_CELLS: Final = len("┬00:00 ")
STALE: Final = "STALE"


class TimeMark(NamedTuple):
    """A mark of time at a cell of the rule."""

    x: int
    text: str


def block_rule(
    title: Line,
    width: int,
    look: WallLook,
    *,
    marks: Sequence[TimeMark] = (),
    heads: Sequence[tuple[int, str]] = (),
    right: Line = (),
    is_stale: bool = False,
    has_dash: bool = True,
) -> Line:
    """Return the rule in exactly `width` cells. `heads` are titles with the cells where they end.

    A stale rule is dashed and amber, says STALE, and has neither marks nor heads. Without `has_dash`, the title begins
    at once, behind a hairline.
    """
    dash, stroke = ("╌", Token.AMBER) if is_stale else ("─", Token.LINE)
    rule = PlacedLine(dash, stroke)
    stale: Line = (Piece("  "), Piece(STALE, Token.AMBER, is_bold=True)) if is_stale else ()
    rule.put(1 if has_dash else 0, (Piece(" "), *title, *stale, Piece(" ")), width - 3)
    first_head = min((end - len(text) for end, text in heads), default=width)
    if not is_stale:
        for x, text in marks:
            if rule.width < x and x + _MARK_CELLS < first_head:
                tick = Piece("+" if look.is_ascii else "┬", Token.LINE)
                rule.put(x, (tick, Piece(text, Token.FAINT), Piece(" ")))
        begun = False
        for end, text in heads:
            if not begun and rule.width >= end - len(text) - 1:
                continue  # the title is in its place
            if begun:
                rule.put(rule.width, (Piece(" " * max(0, end - len(text) - rule.width)),))
            rule.right(end, (Piece("" if begun else " "), Piece(text, Token.FAINT)))
            begun = True
        if begun and rule.width < width:
            rule.put(rule.width, (Piece(" "),))
    if right and rule.width + line_width(right) + 4 <= width:
        rule.right(width - 1, (Piece(" "), *right, Piece(" ")))
    return rule.line(width)


def time_marks(span: BoardSpan, at: int, cells: int, repeat: int, now: datetime) -> list[TimeMark]:
    """Return the marks of the last `cells` cells of a span that begin at cell `at` of the rule."""
    minutes = span.cell.total_seconds() / 60
    step = next((each for each in _STEPS if each / minutes * repeat >= _MIN_MARK_CELLS), _STEPS[-1])
    start = span.start + (span.count - cells) * span.cell
    local = start.astimezone(now.tzinfo)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    passed = (local - midnight) / timedelta(minutes=step)
    mark = midnight + int(passed + 1) * timedelta(minutes=step)
    marks: list[TimeMark] = []
    while mark < local + cells * span.cell:
        cell = (mark - local) // span.cell
        if (cells - cell) * repeat > _MARK_CELLS - 1 and cell > 0:
            marks.append(TimeMark(at + cell * repeat, f"{mark:%H:%M}"))
        mark += timedelta(minutes=step)
    return marks


def span_words(span: BoardSpan, cells: int, now: datetime, *, is_earlier: bool) -> str:
    """Return `last hour`, `last 40 min`, `last 5 h`, or `12:32–13:32` for a time that has ended."""
    length = cells * span.cell
    if is_earlier:
        start = span.start + (span.count - cells) * span.cell
        begin, end = formatting.time_of_day(start, now), formatting.time_of_day(start + length, now)
        return f"{begin}–{end.rpartition(' ')[2] if begin[:-5] == end[:-5] else end}"
    if length == timedelta(hours=1):
        return "last hour"
    hours = length / timedelta(hours=1)
    return f"last {round(hours)} h" if hours > 1 else f"last {round(hours * 60)} min"
