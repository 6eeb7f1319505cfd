"""The part of a folding JSON value that is visible on a page: the rows around the cursor.

An open root has no row of its own, because the title of the page describes it.
"""

from tui.present.json.fold import FoldedJson, Path, VisibleRow
from tui.present.json.rows import step_lines
from tui.present.styled import Line

Shown = list[tuple[Path, Line]]
"""Lines with the path of their row. A wrapped row has several lines."""


def visible(folded: FoldedJson, path: Path) -> Path:
    """Return the visible row nearest to a path."""
    found = folded.nearest(path)
    return (0,) if not found and folded.step(()).is_open else found


def moved(folded: FoldedJson, path: Path, rows: int) -> Path:
    """Return the row `rows` further down, or up if negative, clamped to the first or the last row."""
    if rows > 0:
        for _, step in zip(range(rows + 1), folded.walk(path), strict=False):
            path = step.path
        return path
    for _ in range(-rows):
        path = folded.above(path) or path
    return path


def window(folded: FoldedJson, start: Path, at: Path, height: int) -> tuple[Path, Shown]:
    """Return the path of the first visible row, and at most `height` lines.

    The window starts with `start`, unless the row `at` would be cut or lines at the end would stay empty.
    """
    start = min(start, at)
    shown = _from(folded, start, height)
    is_below = shown[-1][0] < at or (len(shown) > height and at >= shown[height][0])
    if is_below or len(shown) < height:
        start = _first_above(folded, at if is_below else folded.last(), height)
        shown = _from(folded, start, height)
    return start, shown[:height]


def _from(folded: FoldedJson, start: Path, height: int) -> Shown:
    """Return the lines from a row on, including all lines of the last row."""
    shown: Shown = []
    for step in folded.walk(start):
        shown += [(step.path, line) for line in _lines(folded, step)]
        if len(shown) > height:
            break
    return shown


def _first_above(folded: FoldedJson, path: Path, height: int) -> Path:
    """Return the first row of a window that ends with this row."""
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
