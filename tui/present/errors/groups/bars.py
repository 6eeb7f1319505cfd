"""Draws the failures of each cell of a span as a bar. A cell without a failure is a dot."""

from collections.abc import Sequence
from typing import Final

from tui.present.ascii import NO_BAR
from tui.present.styled import Line, Piece, Token

_BARS: Final = "▁▂▃▄▅▆▇"
"""Without the full block: two rows of bars would touch."""


def merged_cells(cells: Sequence[int], count: int) -> tuple[int, ...]:
    """Return the cells in `count` cells, each the sum of as many neighbours. `count` divides their number."""
    size = max(1, len(cells) // count)
    return tuple(sum(cells[start : start + size]) for start in range(0, len(cells), size))


def failure_bars(cells: Sequence[int], token: Token = Token.ROSE) -> Line:
    """Draw a bar for each cell, scaled to the greatest. A single failure among thousands is still a visible bar."""
    highest = max(cells, default=0)
    pieces: list[Piece] = []
    for number in cells:
        is_bar = number > 0
        text = _BARS[-(-number * len(_BARS) // highest) - 1] if is_bar else NO_BAR
        if pieces and (pieces[-1].text[0] != NO_BAR) is is_bar:
            pieces[-1] = Piece(pieces[-1].text + text, pieces[-1].token)
        else:
            pieces.append(Piece(text, token if is_bar else Token.LINE))
    return tuple(pieces)
