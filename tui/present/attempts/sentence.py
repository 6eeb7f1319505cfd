"""A page without a run: one sentence. It is apart from the page, so that the start imports nothing else of it."""

from collections.abc import Hashable
from typing import Final

from tui.present.actions.row_actions import Row
from tui.present.errors.layout import ErrorLayout
from tui.present.styled import Piece, Token, wrap

NOTHING_SELECTED: Final = "No run is selected."


def sentence(text: str, layout: ErrorLayout, key: Hashable, token: Token = Token.MUTED) -> list[Row]:
    """Wrap a sentence into rows with this key."""
    return [Row((Piece(row, token),), (key, index)) for index, row in enumerate(wrap(text, layout.limit))]
