"""Colours: the palettes of each color mode, and tokens turned into the styles of a terminal."""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from functools import cache, lru_cache
from itertools import product
from types import MappingProxyType
from typing import Final, NamedTuple

from rich.color import Color
from rich.segment import Segment
from rich.style import Style

from tui.settings.settings import Complaint, ConfigFile
from tui.text.status import ascii_line
from tui.text.styled import Line, Piece, Token, cut, fit

# The colours of each color mode in one table, and which mode fits a terminal.
#
# `tests/ui/look/test_theme.py` measures their contrasts. The first frame uses this module before Textual is imported.


class ColorMode(StrEnum):
    """The colours to use: 24-bit colours on a dark or a light background, the terminal's own sixteen, or none."""

    DARK = "dark"
    LIGHT = "light"
    SIXTEEN = "16"
    NONE = "none"


Palette = Mapping[str, str]
"""A colour for each name: a hex value, one of the 256, an ANSI name, or `default` for the terminal's own colour."""

_DARK: Final = {
    "bg": "#0f1115", "surface": "#171a21", "cursor": "#242a38", "cursor2": "#1a1e27", "dialog": "#1e232d",
    "line": "#2c323e", "guide": "#596375", "spark": "#5b6678", "bright": "#f4f6fa", "text": "#ccd2dc",
    "muted": "#a2abba", "faint": "#848e9e", "accent": "#b5a1ff", "rose": "#ff7187", "amber": "#eeb55c",
    "blue": "#6db8ff", "green": "#63ad79", "chip": "#3a2c10", "failbg": "#3a1622",
}  # fmt: skip
_LIGHT: Final = {
    "bg": "#fcfcfb", "surface": "#f2f2f0", "cursor": "#e3e5f3", "cursor2": "#eeeff4", "dialog": "#f0f1f4",
    "line": "#d3d6dc", "guide": "#8b93a1", "spark": "#8b93a1", "bright": "#090b0f", "text": "#2b313b",
    "muted": "#4d5562", "faint": "#626a77", "accent": "#5a3bd0", "rose": "#c0163a", "amber": "#855400",
    "blue": "#0a5fb4", "green": "#1b7339", "chip": "#fbe8c4", "failbg": "#fbdde2",
}  # fmt: skip
_SIXTEEN: Final = {
    "bg": "default", "surface": "default", "cursor": "default", "cursor2": "default", "dialog": "default",
    "line": "bright_black", "guide": "bright_black", "spark": "bright_black", "bright": "default", "text": "default",
    "muted": "default", "faint": "default", "accent": "bright_magenta", "rose": "bright_red", "amber": "yellow",
    "blue": "cyan", "green": "green", "chip": "default", "failbg": "default",
}  # fmt: skip
_NONE: Final = dict.fromkeys(_DARK, "default")

# Each is the nearest of the 256 colours, unless another one has more contrast or keeps two meanings distinct.
_DARK_256: Final = {
    "bg": 233, "surface": 234, "cursor": 236, "cursor2": 235, "dialog": 235, "line": 237, "guide": 241, "spark": 242,
    "bright": 255, "text": 252, "muted": 249, "faint": 246, "accent": 141, "rose": 204, "amber": 215, "blue": 75,
    "green": 72, "chip": 236, "failbg": 52,
}  # fmt: skip
_LIGHT_256: Final = {
    "bg": 231, "surface": 255, "cursor": 254, "cursor2": 255, "dialog": 255, "line": 252, "guide": 245, "spark": 246,
    "bright": 232, "text": 236, "muted": 239, "faint": 241, "accent": 56, "rose": 124, "amber": 94, "blue": 25,
    "green": 22, "chip": 230, "failbg": 224,
}  # fmt: skip

PALETTES: Final[Mapping[ColorMode, Palette]] = {
    ColorMode.DARK: _DARK, ColorMode.LIGHT: _LIGHT, ColorMode.SIXTEEN: _SIXTEEN, ColorMode.NONE: _NONE
}  # fmt: skip
PALETTES_256: Final[Mapping[ColorMode, Palette]] = {
    **PALETTES,
    ColorMode.DARK: {name: f"color({number})" for name, number in _DARK_256.items()},
    ColorMode.LIGHT: {name: f"color({number})" for name, number in _LIGHT_256.items()},
}
"""For a terminal without colours of 24 bits and for a slow link: `38;5;141` instead of `38;2;181;161;255`."""


# The first sixteen of the 256 colours are never used, because users change them.


_LEVELS: Final = (0, 95, 135, 175, 215, 255)
_TABLE: Final = (*product(_LEVELS, repeat=3), *((8 + 10 * step,) * 3 for step in range(24)))
"""The red, green and blue of each colour from `_CUBE_FROM` on."""

_CUBE_FROM: Final = 16


@cache
def _own_numbers() -> dict[tuple[int, ...], int]:
    """Return the numbers that our palettes have for their colours."""
    return {
        tuple(Color.parse(color).get_truecolor()): Color.parse(PALETTES_256[mode][name]).number or 0
        for mode in (ColorMode.DARK, ColorMode.LIGHT)
        for name, color in PALETTES[mode].items()
    }


@lru_cache(maxsize=4_096)
def nearest(red: int, green: int, blue: int) -> int:
    """Return the nearest of the 256 colours. A colour of our palettes has the number of our table."""
    if own := _own_numbers().get((red, green, blue)):
        return own
    distances = [(r - red) ** 2 + (g - green) ** 2 + (b - blue) ** 2 for r, g, b in _TABLE]
    return _CUBE_FROM + distances.index(min(distances))


def has_true_color(environ: Mapping[str, str]) -> bool:
    """Return whether a terminal says that it shows colours of 24 bits."""
    return environ.get("COLORTERM", "") in {"truecolor", "24bit"}


def detect_color_mode(environ: Mapping[str, str], wanted: str = "auto") -> ColorMode:
    """Return the color mode for a terminal, from NO_COLOR, COLORTERM, TERM and COLORFGBG.

    `wanted` is the user's setting: `auto` or a color mode. NO_COLOR wins over it.
    """
    if environ.get("NO_COLOR") or environ.get("TERM") == "dumb":
        return ColorMode.NONE
    if wanted != "auto":
        return ColorMode(wanted)
    has_many = has_true_color(environ) or "256color" in environ.get("TERM", "")
    if not has_many and "direct" not in environ.get("TERM", ""):
        return ColorMode.SIXTEEN
    # `15;0` is foreground;background, as numbers of the sixteen colours. 7 and 9 to 15 are light.
    background = environ.get("COLORFGBG", "").rpartition(";")[2]
    return ColorMode.LIGHT if background in {"7", "9", "10", "11", "12", "13", "14", "15"} else ColorMode.DARK


# The user's own colours over those of a palette, and whether text in them can be read.
#
# The first frame uses this module before Textual is imported.


MIN_CONTRAST: Final = 4.5
"""The least contrast of text of WCAG 2.1, success criterion 1.4.3."""

_TEXTS: Final = ("bright", "text", "muted", "accent", "rose", "amber", "blue", "green")
_PAIRS: Final = (
    *product((*_TEXTS, "faint"), ("bg", "surface", "dialog")),
    *product(_TEXTS, ("cursor", "cursor2")),
    *product(("amber", "bright", "text", "muted"), ("chip",)),
    *product(("rose", "bright", "text", "muted"), ("failbg",)),
)
"""The pairs whose contrast is checked. In the row of the cursor, `faint` becomes `muted`."""

_CHANGEABLE: Final = frozenset({ColorMode.DARK, ColorMode.LIGHT})


def own_palette(mode: ColorMode, own: Mapping[str, str], *, has_true_color: bool = True) -> Palette:
    """Return the colours of a mode with the own ones in it. The terminal's sixteen and no colours stay as they are."""
    palette = (PALETTES if has_true_color else PALETTES_256)[mode]
    if not own or mode not in _CHANGEABLE:
        return palette
    return {**palette, **{role: color if has_true_color else _in_256(color) for role, color in own.items()}}


def contrast_remarks(file: ConfigFile, mode: ColorMode, shown: str) -> Iterator[Complaint]:
    """Yield a remark on each own colour with which text is hard to read. `shown` is the file's name."""
    if mode not in _CHANGEABLE:
        return
    own = file.values.colors.filled
    palette = own_palette(mode, own)
    worst: dict[str, tuple[float, str]] = {}
    for text, ground in _PAIRS:
        role, other = (text, ground) if text in own else (ground, text)
        if role in own:
            ratio = contrast(palette[text], palette[ground])
            worst[role] = min(worst.get(role, (ratio, other)), (ratio, other))
    for role, (ratio, other) in worst.items():
        if ratio < MIN_CONTRAST:
            told = f"expected a contrast of {MIN_CONTRAST}:1 with {other}, got {ratio:.1f}:1; it is used anyway"
            yield Complaint(f"colors.{role}", told, is_remark=True, file=shown)


def contrast(one: str, other: str) -> float:
    """Return the contrast of two hex colours, from 1 to 21, as WCAG 2.1 defines it."""
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def _luminance(color: str) -> float:
    red, green, blue = (_linear(int(color[start : start + 2], 16)) for start in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(part: int) -> float:
    """Return the light of a red, green or blue from 0 to 255."""
    share = part / 255
    return share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4


def _in_256(color: str) -> str:
    return f"color({nearest(*Color.parse(color).get_truecolor())})"


# Turns a `Line` into segments of rich. It is the only place that turns a token into a terminal style.
#
# A line is painted on a `Background`, which may change the tokens of the line: text on the cursor's row is brighter,
# for example. The first frame uses this module before Textual is imported.


class Background(StrEnum):
    """The background of a line.

    CURSOR and CURSOR_AWAY are the cursor's row in the focused pane and in other panes. GONE is a row that no longer
    matches the filter, GONE_CURSOR the same row under the cursor. The first character of a row with a cursor is its
    edge. FAILING, AMBER and NEW lie behind findings of the wall: the worst one, an amber one, and one that just
    appeared.
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


class _Ground(NamedTuple):
    """How a background looks: its colour, and the tokens that change on it.

    * `is_reversed`: without colours, its lines are reversed
    * `beside`: with a gutter cursor only the edge of a row shows the cursor; the rest of the row has this background
    """

    color: str
    tokens: Mapping[Token, Token] = MappingProxyType({})
    is_reversed: bool = False
    beside: Background | None = None


_BRIGHTER: Final = {Token.FAINT: Token.MUTED, Token.MUTED: Token.TEXT, Token.TEXT: Token.BRIGHT}
_LEGIBLE: Final = {Token.FAINT: Token.MUTED}
_GROUNDS: Final = {
    Background.PAGE: _Ground("bg"),
    Background.CURSOR: _Ground("cursor", _BRIGHTER, is_reversed=True, beside=Background.PAGE),
    Background.CURSOR_AWAY: _Ground("cursor2", _LEGIBLE, beside=Background.PAGE),
    Background.GONE: _Ground("bg", dict.fromkeys(Token, Token.FAINT)),
    Background.GONE_CURSOR: _Ground(
        "cursor",
        {token: Token.MUTED for token in Token if token is not Token.ACCENT},
        is_reversed=True,
        beside=Background.GONE,
    ),
    Background.SURFACE: _Ground("surface"),
    Background.DIALOG: _Ground("dialog"),
    Background.DIALOG_CURSOR: _Ground("cursor", _BRIGHTER, is_reversed=True, beside=Background.DIALOG),
    Background.BAND: _Ground("cursor", is_reversed=True),
    Background.FAILING: _Ground("failbg", _LEGIBLE, is_reversed=True),
    Background.AMBER: _Ground("chip", _LEGIBLE),
    Background.NEW: _Ground("bg", dict.fromkeys(Token, Token.BRIGHT)),
}

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
        own_colors: Mapping[str, str] = MappingProxyType({}),
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

    def segments(
        self, line: Line, width: int, background: Background = Background.PAGE, *, is_stale: bool = False
    ) -> list[Segment]:
        """Style a line, cut or padded to exactly `width` cells. `is_stale` mutes the colour of running work."""
        if self.is_ascii:
            # Before padding: a longer ASCII form may use the free cells. If it is too long it is cut again.
            longer = cut(ascii_line(cut(line, width)), width)
            line = tuple(Piece(piece.text.replace("…", "."), piece.token, is_bold=piece.is_bold) for piece in longer)
        line = fit(line, width)
        if self.has_gutter_cursor and (beside := _GROUNDS[background].beside) is not None:
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
            token = Token.MUTED if token is Token.BLUE else token
        ground = _GROUNDS[background]
        token = ground.tokens.get(token, token)
        background_color = self._palette[ground.color]
        if token is Token.HIT:
            return self._build_style("bright", background_color, bold=is_bold, underline=True)
        if self.color_mode is ColorMode.SIXTEEN and token is Token.BRIGHT:
            is_bold = is_bold or background is Background.DIALOG
        is_reversed = (self.is_colorless and ground.is_reversed) or background is Background.NEW
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
