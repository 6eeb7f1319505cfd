"""From lines with a meaning to strips with colours: the one place that turns a token into a terminal style.

What lives here: the grounds on which a line may stand, and what each does to the tokens on it. No text is made here.
"""

from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from typing import Final

from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from tui.present.ascii import ascii_line
from tui.present.styled import Line, Piece, Token, cut, fit
from tui.ui.look.theme import PALETTES, ColorMode


class Ground(StrEnum):
    """What a line stands on. CURSOR and CURSOR_AWAY are the cursor's row in the focused pane and in others; GONE is a
    row that stopped matching, GONE_CURSOR the same under the cursor.
    """

    PAGE = "page"
    CURSOR = "cursor"
    CURSOR_AWAY = "cursor away"
    GONE = "gone"
    GONE_CURSOR = "gone under the cursor"
    SURFACE = "surface"
    DIALOG = "dialog"
    BAND = "band"


_BACKGROUND: Final = {
    Ground.PAGE: "bg",
    Ground.GONE: "bg",
    Ground.CURSOR: "cursor",
    Ground.GONE_CURSOR: "cursor",
    Ground.CURSOR_AWAY: "cursor2",
    Ground.SURFACE: "surface",
    Ground.DIALOG: "dialog",
    Ground.BAND: "cursor",
}
_LIFTED: Final = {Token.FAINT: Token.MUTED, Token.MUTED: Token.TEXT, Token.TEXT: Token.BRIGHT}
_OF_GROUND: Final[Mapping[Ground, Mapping[Token, Token]]] = {
    Ground.CURSOR: _LIFTED,
    Ground.CURSOR_AWAY: {Token.FAINT: Token.MUTED},
    Ground.GONE: dict.fromkeys(Token, Token.FAINT),
    Ground.GONE_CURSOR: {token: Token.MUTED for token in Token if token is not Token.ACCENT},
}
_DEAD: Final = {Token.BLUE: Token.MUTED}

# Tokens that bring their own background: (text, background).
_BLOCKS: Final = {
    Token.CHIP: ("amber", "chip"),
    Token.GREY_CHIP: ("text", "cursor"),
    Token.ALARM: ("bg", "amber"),
    Token.BUTTON: ("bg", "accent"),
    Token.MARKED: ("bg", "accent"),
    Token.FIELD: ("bright", "bg"),
    Token.TALL_FOOT: ("rose", "spark"),
    Token.LOW_FOOT: ("rose", "line"),
}

_SOLID: Final = frozenset({*_BLOCKS, Token.HIT})
"""Tokens that can be seen on a space."""


class Painter:
    """Paints lines for one look; `is_ascii` draws them with ASCII alone."""

    def __init__(self, look: ColorMode, *, is_ascii: bool) -> None:
        self.look = look
        self.is_ascii = is_ascii
        self._palette = PALETTES[look]
        self.style = cache(self._style)

    @property
    def is_frugal(self) -> bool:
        """Whether rows have no background of their own, so that a cursor repaints its edge and its task alone."""
        return self.look is ColorMode.SIXTEEN

    @property
    def is_colorless(self) -> bool:
        """Whether shape alone has to tell what colour tells elsewhere."""
        return self.look is ColorMode.NONE

    @property
    def is_ruled(self) -> bool:
        """Whether a rule has to part what stands on another ground: all grounds are one."""
        return self.is_frugal or self.is_colorless

    def strip(self, line: Line, width: int, ground: Ground = Ground.PAGE, *, is_stale: bool = False) -> Strip:
        """The line, cut or padded to exactly `width` cells. `is_stale` takes the life out of what moves."""
        if self.is_ascii:
            # Before padding: a longer form takes room that is empty. What grows beyond it is cut again, by one dot.
            longer = cut(ascii_line(cut(line, width)), width)
            line = tuple(Piece(piece.text.replace("…", "."), piece.token, is_bold=piece.is_bold) for piece in longer)
        line = fit(line, width)
        return Strip(self._segments(line, ground, is_stale=is_stale), width)

    def _segments(self, line: Line, ground: Ground, *, is_stale: bool) -> list[Segment]:
        """One segment for neighbours of one style; spaces, which have only their ground, go with what is before."""
        segments: list[Segment] = []
        text, style, text_is_solid = "", None, False
        for piece in line:
            own = self.style(piece.token, piece.is_bold, ground, is_stale)
            is_blank = style is not None and piece.token not in _SOLID and piece.text.isspace()
            if own is style or (is_blank and not text_is_solid):
                text += piece.text
                continue
            if style is not None:
                segments.append(Segment(text, style))
            text, style, text_is_solid = piece.text, own, piece.token in _SOLID
        if style is not None:
            segments.append(Segment(text, style))
        return segments

    def blank(self, width: int, ground: Ground = Ground.PAGE) -> Strip:
        """An empty line."""
        return Strip([Segment(" " * width, self.style(Token.TEXT, False, ground, False))], width)

    def _style(self, token: Token, is_bold: bool, ground: Ground, is_stale: bool) -> Style:  # noqa: FBT001  cached
        if token in _BLOCKS:
            return self._block(token)
        if is_stale:
            token = _DEAD.get(token, token)
        token = _OF_GROUND.get(ground, {}).get(token, token)
        background = self._palette[_BACKGROUND[ground]]
        if token is Token.HIT:
            return self._made("bright", background, bold=is_bold, underline=True)
        if self.look is ColorMode.SIXTEEN and token is Token.BRIGHT and ground is not Ground.CURSOR:
            is_bold = is_bold or ground is Ground.DIALOG
        is_reversed = self.look is ColorMode.NONE and ground in {Ground.CURSOR, Ground.GONE_CURSOR, Ground.BAND}
        return self._made(token.value, background, bold=is_bold, reverse=is_reversed)

    def _block(self, token: Token) -> Style:
        text, background = _BLOCKS[token]
        if self.look is ColorMode.NONE:
            return Style(bold=True, reverse=token not in {Token.CHIP, Token.GREY_CHIP, Token.FIELD})
        if self.look is ColorMode.SIXTEEN and token in {Token.ALARM, Token.BUTTON, Token.MARKED}:
            return Style(color="black", bgcolor=self._palette[background], bold=True)
        return self._made(text, self._palette[background], bold=True)

    def _made(
        self, color: str, background: str, *, bold: bool = False, underline: bool = False, reverse: bool = False
    ) -> Style:
        # Every attribute is said, on or off: what stands next to it must not lend it its own.
        return Style.from_color(Color.parse(self._palette[color]), Color.parse(background)) + Style(
            bold=bold, underline=underline, reverse=reverse
        )
