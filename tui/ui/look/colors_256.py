"""The 256 colours: the nearest one to any colour, and a filter for what Textual paints by itself.

The first sixteen are never used, because users change them. Those of our own palettes are in `palettes`.
"""

from functools import lru_cache
from typing import Final

from rich.color import Color, ColorType
from rich.segment import Segment
from rich.style import Style
from textual.color import Color as TextualColor
from textual.filter import LineFilter

_LEVELS: Final = (0, 95, 135, 175, 215, 255)
_CUBE_FROM: Final = 16
_GREYS: Final = 24
_MAX_CACHED: Final = 4_096

_Lab = tuple[float, float, float]


def _lab(red: int, green: int, blue: int) -> _Lab:
    """Return a colour in Oklab, where distances are those that people see."""
    r, g, b = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in _parts(red, green, blue)
    )
    long = (0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b) ** (1 / 3)
    medium = (0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b) ** (1 / 3)
    short = (0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b) ** (1 / 3)
    return (
        0.2104542553 * long + 0.7936177850 * medium - 0.0040720468 * short,
        1.9779984951 * long - 2.4285922050 * medium + 0.4505937099 * short,
        0.0259040371 * long + 0.7827717662 * medium - 0.8086757660 * short,
    )


def _parts(*parts: int) -> tuple[float, ...]:
    return tuple(part / 255 for part in parts)


@lru_cache(maxsize=1)
def _table() -> dict[int, _Lab]:
    cube = [(r, g, b) for r in _LEVELS for g in _LEVELS for b in _LEVELS]
    greys = [(8 + 10 * step,) * 3 for step in range(_GREYS)]
    return {number: _lab(*color) for number, color in enumerate([*cube, *greys], _CUBE_FROM)}


@lru_cache(maxsize=_MAX_CACHED)
def nearest(red: int, green: int, blue: int) -> int:
    """Return the number of the colour that looks most like a colour of 24 bits."""
    wanted = _lab(red, green, blue)
    table = _table()
    return min(table, key=lambda number: sum((a - b) ** 2 for a, b in zip(wanted, table[number], strict=True)))


@lru_cache(maxsize=_MAX_CACHED)
def _in_256(style: Style) -> Style:
    return style + Style.from_color(_color(style.color), _color(style.bgcolor))


def _color(color: Color | None) -> Color | None:
    if color is None or color.type is not ColorType.TRUECOLOR or color.triplet is None:
        return color
    return Color.from_ansi(nearest(*color.triplet))


class In256Colors(LineFilter):
    """Replaces colours of 24 bits."""

    def apply(self, segments: list[Segment], background: TextualColor) -> list[Segment]:  # noqa: ARG002  Textual's
        return [
            segment if segment.style is None else Segment(segment.text, _in_256(segment.style), segment.control)
            for segment in segments
        ]
