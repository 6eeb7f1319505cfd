"""The colours of each color mode in one table, and which mode fits a terminal.

`tests/ui/look/test_theme.py` measures their contrasts. The first frame uses this module before Textual is imported.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final


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

PALETTES: Final[Mapping[ColorMode, Palette]] = MappingProxyType(
    {ColorMode.DARK: _DARK, ColorMode.LIGHT: _LIGHT, ColorMode.SIXTEEN: _SIXTEEN, ColorMode.NONE: _NONE}
)

PALETTES_256: Final[Mapping[ColorMode, Palette]] = MappingProxyType(
    {
        mode: {name: f"color({number})" for name, number in numbers.items()}
        for mode, numbers in ((ColorMode.DARK, _DARK_256), (ColorMode.LIGHT, _LIGHT_256))
    }
    | {mode: PALETTES[mode] for mode in (ColorMode.SIXTEEN, ColorMode.NONE)}
)
"""For a terminal without colours of 24 bits and for a slow link: `38;5;141` instead of `38;2;181;161;255`."""


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
