"""Turns a `Line` into a Textual `Strip`. `look.styles` chooses the styles."""

from collections.abc import Callable
from functools import cached_property, lru_cache
from typing import Final

from rich.segment import Segment
from textual.strip import Strip

from tui.present.styled import Line, Token
from tui.ui.look.styles import Background, LineStyler

MAX_BLANKS: Final = 64
"""Empty lines that are kept, by width and background."""


class Painter(LineStyler):
    """Paints lines in one color mode."""

    @cached_property
    def blank(self) -> Callable[..., Strip]:
        """A function that returns an empty line for a width and a background."""
        return lru_cache(MAX_BLANKS)(self._blank)

    def strip(
        self, line: Line, width: int, background: Background = Background.PAGE, *, is_stale: bool = False
    ) -> Strip:
        """Paint a line, cut or padded to exactly `width` cells. `is_stale` mutes the colour of running work."""
        return Strip(self.segments(line, width, background, is_stale=is_stale), width)

    def _blank(self, width: int, background: Background = Background.PAGE) -> Strip:
        """Return an empty line."""
        return Strip([Segment(" " * width, self.style(Token.TEXT, False, background, False))], width)
