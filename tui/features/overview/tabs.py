"""Where the tabs of the overview stand, and the lines of the first one before there is anything to judge."""

from typing import Final

from tui.kit.layout import Placement, Slot
from tui.text.blocks import key_of, selecting_keys
from tui.text.styled import Line, Piece, Token

PLACES: Final = {
    "overview": Placement(Slot.FIRST, is_overview=True),
    "failing now": Placement(Slot.SECOND, is_overview=True),
    "tasks": Placement(Slot.THIRD, is_overview=True, is_below=True),
    "queues": Placement(Slot.SECOND, is_overview=True),
}

MIN_FULL_ROWS: Final = 15
"""Below this height, the overview has no such line, and no time axis."""


ROWS_BELOW: Final = 1
"""Empty rows below the line."""


def hint_line() -> Line:
    """Return the sentence: `j or ↓ selects a run, x a failed one`, with a stop."""
    failed = key_of("next-error", "x")
    words = f"{selecting_keys()} selects a run" + (f", {failed} a failed one." if failed else ".")
    return (Piece(words, Token.FAINT),)


def unheard_line() -> Line:
    """Return the verdict while the server has not answered once: `NOT KNOWN  nothing was read from the server yet`."""
    from tui.domain.finding import NOT_KNOWN  # noqa: PLC0415  not needed where the server answers

    return (Piece(NOT_KNOWN, Token.AMBER, is_bold=True), Piece("  nothing was read from the server yet", Token.MUTED))
