"""Bars for a few numbers, one cell each: how much happened, minute by minute.

What lives here: the drawing. Counting is the store's.
"""

from collections.abc import Sequence
from typing import Final

from tui.present.styled import Line, Piece, Token
from tui.store.activity import Minute

_BARS: Final = " ▁▂▃▄▅▆▇█"


def spark(minutes: Sequence[Minute]) -> Line:
    """A bar for each minute, against the greatest of them; one with a failure is rose, one without runs blank."""
    most = max((minute.run_count for minute in minutes), default=0)
    return tuple(
        Piece(_bar(minute.run_count, most), Token.ROSE if minute.has_failure else Token.SPARK) for minute in minutes
    )


def _bar(count: int, most: int) -> str:
    steps = len(_BARS) - 1
    # Rounded up: a minute with one run is not a minute without.
    return _BARS[-(-count * steps // most)] if most else _BARS[0]
