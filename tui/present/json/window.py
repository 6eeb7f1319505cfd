"""The part of a folding JSON value that a whole page shows: the rows around a cursor, and no others.

What lives here: which rows those are. The root has no row of its own while it is open: the page's title tells what it
is. Only what is seen is made, however much there is.
"""

from tui.present.json.fold import FoldedJson, Path, VisibleRow
from tui.present.json.rows import step_lines
from tui.present.styled import Line

Shown = list[tuple[Path, Line]]
"""Lines with the place of their row; a row that is wrapped has several."""


def visible(folded: FoldedJson, path: Path) -> Path:
    """The row nearest to a place."""
    found = folded.nearest(path)
    return (0,) if not found and folded.step(()).is_open else found


def moved(folded: FoldedJson, path: Path, rows: int) -> Path:
    """The row so many further down, or up if negative; at an end the last one there is."""
    if rows > 0:
        for _, step in zip(range(rows + 1), folded.walk(path), strict=False):
            path = step.path
        return path
    for _ in range(-rows):
        path = folded.above(path) or path
    return path


def window(folded: FoldedJson, start: Path, at: Path, height: int) -> tuple[Path, Shown]:
    """The row that the page begins with, and its lines, at most `height` of them.

    It begins with `start`, unless the row `at` would not be seen whole then, or lines at the end were left empty.
    """
    start = min(start, at)
    shown = _from(folded, start, height)
    is_below = shown[-1][0] < at or (len(shown) > height and at >= shown[height][0])
    if is_below or len(shown) < height:
        start = _first_above(folded, at if is_below else folded.last(), height)
        shown = _from(folded, start, height)
    return start, shown[:height]


def _from(folded: FoldedJson, start: Path, height: int) -> Shown:
    """The lines from a row on, and all of the row that goes beyond the end."""
    shown: Shown = []
    for step in folded.walk(start):
        shown += [(step.path, line) for line in _lines(folded, step)]
        if len(shown) > height:
            break
    return shown


def _first_above(folded: FoldedJson, path: Path, height: int) -> Path:
    """The row from which on everything down to this one is seen."""
    top = visible(folded, ())
    room = height - len(_lines(folded, folded.step(path)))
    while path != top and (above := folded.above(path)) is not None:
        room -= len(_lines(folded, folded.step(above)))
        if room < 0:
            break
        path = above
    return path


def _lines(folded: FoldedJson, step: VisibleRow) -> list[Line]:
    return step_lines(step, folded.room, is_wrapped=folded.is_wrapped)
