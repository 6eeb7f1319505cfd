"""The shortest sequence that moves the cursor."""

from functools import lru_cache
from typing import Final

Place = tuple[int, int]
"""Row and column, from 0."""

_MAX_CACHED: Final = 256
"""The moves of some frames, 0.1 MB. More would fill up for half an hour, to save half a microsecond each."""


@lru_cache(maxsize=_MAX_CACHED)
def move(at: Place | None, to: Place) -> str:
    """From a place, or from anywhere. The cursor does not stand behind the last column."""
    if at == to:
        return ""
    row, column = to
    line = str(row + 1) if row or column else ""
    absolute = f"\x1b[{line};{column + 1}H" if column else f"\x1b[{line}H"
    if at is None:
        return absolute
    ways = [absolute]
    if at[0] == row:
        ways.append(_sideways(at[1], column))
    elif column == 0 and 1 <= row - at[0] <= 2:
        ways.append("\r" + "\n" * (row - at[0]))
    elif at[1] == column:
        ways.append(_step(abs(row - at[0]), "B" if row > at[0] else "A"))
    return min(ways, key=len)


def _sideways(before: int, column: int) -> str:
    if column == 0:
        return "\r"
    distance = column - before
    # Not by the number of the column (CHA): a vt100 lacks it, and it is never more than one byte shorter.
    ways = [_step(abs(distance), "C" if distance > 0 else "D")]
    if distance < 0:
        ways += ["\b" * -distance, "\r" + _step(column, "C")]
    return min(ways, key=len)


def _step(count: int, final: str) -> str:
    return f"\x1b[{count if count > 1 else ''}{final}"
