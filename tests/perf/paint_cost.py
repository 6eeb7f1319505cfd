"""The least number of bytes that turns one screen into another: the ruler for what the monitor writes.

Moved unchanged from the tool that measured the peers, so that their figures and ours compare.
"""

import collections
import functools
import re
from collections.abc import Sequence

from pyte import graphics as _graphics
from pyte.screens import Char

_PALETTE_INDEX: dict[str, int] = {}
for _i, _hex in enumerate(_graphics.FG_BG_256):
    _PALETTE_INDEX.setdefault(_hex, _i)
_FG_SHORT = {name: str(n) for n, name in {**_graphics.FG_ANSI, **_graphics.FG_AIXTERM}.items()}
_BG_SHORT = {name: str(n) for n, name in {**_graphics.BG_ANSI, **_graphics.BG_AIXTERM}.items()}
_FLAGS = (
    ("bold", "1", "22"),
    ("italics", "3", "23"),
    ("underscore", "4", "24"),
    ("blink", "5", "25"),
    ("reverse", "7", "27"),
    ("strikethrough", "9", "29"),
)


def _colour_code(colour: str, background: bool) -> str:
    """The shortest SGR parameter for exactly this colour."""
    short = (_BG_SHORT if background else _FG_SHORT).get(colour)
    if short:
        return short
    lead = "48" if background else "38"
    if colour in _PALETTE_INDEX:
        return f"{lead};5;{_PALETTE_INDEX[colour]}"
    if re.fullmatch("[0-9a-f]{6}", colour):
        return f"{lead};2;{int(colour[:2], 16)};{int(colour[2:4], 16)};{int(colour[4:], 16)}"
    return "49" if background else "39"


@functools.lru_cache(maxsize=65536)
def _sgr_cost(old: Char, new: Char) -> int:
    """Bytes of the shortest SGR that turns the attributes of `old` into those of `new`."""
    old, new = old._replace(data=""), new._replace(data="")
    if old == new:
        return 0

    def parts(a: Char, b: Char) -> list[str]:
        out = []
        a_dim, b_dim = a.fg.startswith("dim:"), b.fg.startswith("dim:")
        for name, on, off in _FLAGS:
            if getattr(a, name) != getattr(b, name):
                out.append(on if getattr(b, name) else off)
        if a_dim != b_dim:
            out.append("2" if b_dim else "22")
        if a.fg.removeprefix("dim:") != b.fg.removeprefix("dim:"):
            out.append(_colour_code(b.fg.removeprefix("dim:"), False))
        if a.bg != b.bg:
            out.append(_colour_code(b.bg, True))
        return out

    change = len(";".join(parts(old, new))) + 3
    fresh = parts(Char(""), new)
    reset = len(";".join(["", *fresh])) + 3 if fresh else 3
    return min(change, reset)


def _move_cost(at: tuple[int, int] | None, to: tuple[int, int]) -> int:
    """Bytes of the shortest cursor movement (row, column)."""
    row, col = to
    cup = 4 + len(str(row + 1)) + len(str(col + 1)) if col else 3 + (len(str(row + 1)) if row else 0)
    if at is None:
        return cup
    if at == to:
        return 0
    best = cup
    if at[0] == row:
        step = abs(col - at[1])
        best = min(best, 3 if step == 1 else 3 + len(str(step)), 3 + len(str(col + 1)))
        if col < at[1]:
            best = min(best, step)  # backspaces
        if col == 0:
            best = 1
    elif row == at[0] + 1 and col == 0:
        best = min(best, 2)
    return best


def _plain_cost(  # noqa: C901  moved unchanged
    before: Sequence[tuple[Char, ...]], after: Sequence[tuple[Char, ...]]
) -> int:
    total = 0
    at: tuple[int, int] | None = None
    pen = Char("")
    for y, (old, new) in enumerate(zip(before, after, strict=True)):
        if old == new:
            continue
        changed = [x for x in range(len(new)) if old[x] != new[x]]
        runs: list[list[int]] = []
        for x in changed:
            # Rewriting up to three unchanged cells is no dearer than a move.
            if runs and x - runs[-1][1] <= 4 and len({c._replace(data="") for c in new[runs[-1][1] : x + 1]}) == 1:
                runs[-1][1] = x
            else:
                runs.append([x, x])
        for start, stop in runs:
            total += _move_cost(at, (y, start))
            x = start
            while x <= stop:
                cell = new[x]
                total += _sgr_cost(pen, cell)
                pen = cell
                blank = x
                if cell.data == " " and not (cell.underscore or cell.reverse or cell.strikethrough):
                    while blank < len(new) and new[blank] == cell:
                        blank += 1
                if blank == len(new) and blank - x > 3:
                    total += 3  # EL
                    x = blank
                    at = (y, start) if start == blank else (y, min(x, len(new) - 1))
                    at = None if x > stop else at
                    break
                if blank - x > 8 and blank <= stop:
                    total += 3 + len(str(blank - x))  # ECH
                    total += _move_cost((y, x), (y, blank))
                    x = blank
                    continue
                total += len(cell.data.encode())
                x += 1
            at = (y, x) if x < len(new) else None
    return total


def paint_cost(  # noqa: C901  moved unchanged
    before: Sequence[tuple[Char, ...]], after: Sequence[tuple[Char, ...]]
) -> int:
    """Bytes that suffice to turn screen `before` into `after`.

    Arguments are `Screen.snapshot` results of the same size.  The count
    is that of a writer that knows both screens but starts each frame with
    default attributes and the cursor nowhere: the shortest cursor movements,
    the shortest SGR changes for exactly these colours, text, EL/ECH for blanks,
    and, where it is cheaper, one scroll of a region (DECSTBM + SU/SD).  It can
    be reached; a program that also carries attributes and cursor over from the
    frame before, or uses REP, comes out a little below it (htop: about 0.9).
    """
    if len(before) != len(after) or (before and len(before[0]) != len(after[0])):
        before = [tuple(Char(" ") for _ in row) for row in after]
    best = _plain_cost(before, after)
    if best < 80:
        return best
    rows = len(after)
    edge = 3  # a scroll bar at the right edge does not move with the rows
    index: dict[tuple[Char, ...], list[int]] = collections.defaultdict(list)
    for y, row in enumerate(before):
        index[row[:-edge]].append(y)
    votes: collections.Counter[int] = collections.Counter()
    for y, row in enumerate(after):
        if row[:-edge] != before[y][:-edge] and any(c.data != " " for c in row):
            for source in index.get(row[:-edge], ()):
                votes[source - y] += 1
    for shift, count in votes.most_common(2):
        hits = [
            y
            for y in range(rows)
            if 0 <= y + shift < rows and after[y] != before[y] and after[y][:-edge] == before[y + shift][:-edge]
        ]
        if count < 2 or not hits:
            continue
        first, last = min(hits + [y + shift for y in hits]), max(hits + [y + shift for y in hits])
        blank = tuple(Char(" ") for _ in after[0])
        for grow in (0, 1):  # the row next to the block may have moved too and changed a little
            top = max(0, first - grow) if shift < 0 else first
            bottom = min(rows - 1, last + grow) if shift > 0 else last
            moved = list(before)
            for y in range(top, bottom + 1):
                source = y + shift
                moved[y] = before[source] if top <= source <= bottom else blank
            frame = 4 + len(str(top + 1)) + len(str(bottom + 1)) + 3  # set and drop the region
            step = 3 + (len(str(abs(shift))) if abs(shift) > 1 else 0)
            best = min(best, frame + step + _plain_cost(moved, after))
    return best
