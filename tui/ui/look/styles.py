"""Turns a `Line` into segments of rich. It is the only place that turns a token into a terminal style.

A line is painted on a `Background`, which may change the tokens of the line: text on the cursor's row is brighter, for
example. The first frame uses this module before Textual is imported.
"""

from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from typing import Final

from rich.color import Color
from rich.segment import Segment
from rich.style import Style

from tui.present.ascii import ascii_line
from tui.present.styled import Line, Piece, Token, cut, fit
from tui.ui.look.own_palette import own_palette
from tui.ui.look.palettes import ColorMode


class Background(StrEnum):
    """The background of a line.

    CURSOR and CURSOR_AWAY are the cursor's row in the focused pane and in other panes. GONE is a row that no longer
    matches the filter, GONE_CURSOR the same row under the cursor. The first piece of a row with a cursor is its edge.
    FAILING, AMBER and NEW lie behind findings of the wall: the worst one, an amber one, and one that just appeared.
    """

    PAGE = "page"
    CURSOR = "cursor"
    CURSOR_AWAY = "cursor away"
    GONE = "gone"
    GONE_CURSOR = "gone under the cursor"
    SURFACE = "surface"
    DIALOG = "dialog"
    DIALOG_CURSOR = "cursor in a dialog"
    BAND = "band"
    FAILING = "worst finding"
    AMBER = "amber finding"
    NEW = "new finding"


_BACKGROUND_COLORS: Final = {
    Background.PAGE: "bg",
    Background.GONE: "bg",
    Background.CURSOR: "cursor",
    Background.GONE_CURSOR: "cursor",
    Background.CURSOR_AWAY: "cursor2",
    Background.SURFACE: "surface",
    Background.DIALOG: "dialog",
    Background.DIALOG_CURSOR: "cursor",
    Background.BAND: "cursor",
    Background.FAILING: "failbg",
    Background.AMBER: "chip",
    Background.NEW: "bg",
}
_BRIGHTER: Final = {Token.FAINT: Token.MUTED, Token.MUTED: Token.TEXT, Token.TEXT: Token.BRIGHT}
_TOKENS_ON_BACKGROUND: Final[Mapping[Background, Mapping[Token, Token]]] = {
    Background.CURSOR: _BRIGHTER,
    Background.DIALOG_CURSOR: _BRIGHTER,
    Background.CURSOR_AWAY: {Token.FAINT: Token.MUTED},
    Background.FAILING: {Token.FAINT: Token.MUTED},
    Background.AMBER: {Token.FAINT: Token.MUTED},
    Background.NEW: dict.fromkeys(Token, Token.BRIGHT),
    Background.GONE: dict.fromkeys(Token, Token.FAINT),
    Background.GONE_CURSOR: {token: Token.MUTED for token in Token if token is not Token.ACCENT},
}
_REVERSED_IF_COLORLESS: Final = frozenset(
    {Background.CURSOR, Background.DIALOG_CURSOR, Background.GONE_CURSOR, Background.BAND, Background.FAILING}
)
_BESIDE_EDGE: Final = {
    Background.CURSOR: Background.PAGE,
    Background.CURSOR_AWAY: Background.PAGE,
    Background.DIALOG_CURSOR: Background.DIALOG,
    Background.GONE_CURSOR: Background.GONE,
}
_WHEN_STALE: Final = {Token.BLUE: Token.MUTED}

# Tokens with a background of their own: (text, background).
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

_NO_COLORS: Final[Mapping[str, str]] = {}
_SOLID: Final = frozenset({*_BLOCKS, Token.HIT})
"""Tokens that are visible on a space."""


class LineStyler:
    """Styles lines in one color mode.

    * `is_ascii`: replace all other characters by ASCII
    * `has_gutter_cursor`: the cursor is only the edge of its row, so that a step of it changes two cells
    * `has_true_color`: use colours of 24 bits
    * `own_colors`: colours of the user's own, by role
    """

    def __init__(
        self,
        color_mode: ColorMode,
        *,
        is_ascii: bool,
        has_gutter_cursor: bool = False,
        has_true_color: bool = True,
        own_colors: Mapping[str, str] = _NO_COLORS,
    ) -> None:
        self.color_mode = color_mode
        self.is_ascii = is_ascii
        self.has_gutter_cursor = has_gutter_cursor
        self._palette = own_palette(color_mode, own_colors, has_true_color=has_true_color)
        self.style = cache(self._style)

    @property
    def is_colorless(self) -> bool:
        """Whether the terminal has no colours, so that shapes must show the difference."""
        return self.color_mode is ColorMode.NONE

    @property
    def needs_rules(self) -> bool:
        """Whether rules must separate areas, because all backgrounds look the same."""
        return self.color_mode in {ColorMode.SIXTEEN, ColorMode.NONE}

    def beside_edge(self, background: Background) -> Background:
        """Return the background of a row beside its edge: with a gutter cursor, that of a row without a cursor."""
        return _BESIDE_EDGE.get(background, background) if self.has_gutter_cursor else background

    def segments(
        self, line: Line, width: int, background: Background = Background.PAGE, *, is_stale: bool = False
    ) -> list[Segment]:
        """Style a line, cut or padded to exactly `width` cells. `is_stale` mutes the colour of running work."""
        if self.is_ascii:
            # Before padding: a longer ASCII form may use the free cells. If it is too long it is cut again.
            longer = cut(ascii_line(cut(line, width)), width)
            line = tuple(Piece(piece.text.replace("…", "."), piece.token, is_bold=piece.is_bold) for piece in longer)
        line = fit(line, width)
        if (beside := self.beside_edge(background)) is not background:
            edge, rest = line[0]._replace(text=line[0].text[:1]), line[0]._replace(text=line[0].text[1:])
            # Without colours, the reversed edge shows which pane has the focus.
            at_edge = background if self.is_colorless else Background.PAGE if beside is Background.GONE else beside
            first = self._segments((edge,), at_edge, is_stale=is_stale)
            return [*first, *self._segments((rest, *line[1:]), beside, is_stale=is_stale)]
        return self._segments(line, background, is_stale=is_stale)

    def _segments(self, line: Line, background: Background, *, is_stale: bool) -> list[Segment]:
        """Return the segments of a line. Neighbours of the same style, and spaces after them, share a segment."""
        segments: list[Segment] = []
        text, style, is_text_solid = "", None, False
        for piece in line:
            own = self.style(piece.token, piece.is_bold, background, is_stale)
            is_blank = style is not None and piece.token not in _SOLID and piece.text.isspace()
            if own is style or (is_blank and not is_text_solid):
                text += piece.text
                continue
            if style is not None:
                segments.append(Segment(text, style))
            text, style, is_text_solid = piece.text, own, piece.token in _SOLID
        if style is not None:
            segments.append(Segment(text, style))
        return segments

    def _style(self, token: Token, is_bold: bool, background: Background, is_stale: bool) -> Style:  # noqa: FBT001  cached
        if token in _BLOCKS:
            return self._block(token)
        if is_stale:
            token = _WHEN_STALE.get(token, token)
        token = _TOKENS_ON_BACKGROUND.get(background, {}).get(token, token)
        background_color = self._palette[_BACKGROUND_COLORS[background]]
        if token is Token.HIT:
            return self._build_style("bright", background_color, bold=is_bold, underline=True)
        if self.color_mode is ColorMode.SIXTEEN and token is Token.BRIGHT:
            is_bold = is_bold or background is Background.DIALOG
        is_reversed = self.color_mode is ColorMode.NONE and background in _REVERSED_IF_COLORLESS
        is_reversed = is_reversed or background is Background.NEW
        return self._build_style(token.value, background_color, bold=is_bold, reverse=is_reversed)

    def _block(self, token: Token) -> Style:
        text, background = _BLOCKS[token]
        if self.color_mode is ColorMode.NONE:
            return Style(bold=True, reverse=token not in {Token.CHIP, Token.GREY_CHIP, Token.FIELD})
        if self.color_mode is ColorMode.SIXTEEN and token in {Token.ALARM, Token.BUTTON, Token.MARKED}:
            return Style(color="black", bgcolor=self._palette[background], bold=True)
        return self._build_style(text, self._palette[background], bold=True)

    def _build_style(
        self, color: str, background: str, *, bold: bool = False, underline: bool = False, reverse: bool = False
    ) -> Style:
        # Set every attribute, on or off, so that none is inherited from a neighbour.
        return Style.from_color(Color.parse(self._palette[color]), Color.parse(background)) + Style(
            bold=bold, underline=underline, reverse=reverse
        )
