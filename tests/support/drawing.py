"""Draws the screen of a terminal as SVG, with rich's export, or as PNG.

The PNG uses DejaVu Sans Mono from Debian's package fonts-dejavu-core. `tests.screenshots` chooses the screens.
"""

import re
from collections.abc import Iterator, Sequence
from io import StringIO
from itertools import groupby
from pathlib import Path
from typing import Any, Final

from PIL import Image, ImageDraw, ImageFont
from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

from tests.perf.terminal import Terminal

Color = tuple[int, int, int]

GROUND: Final[Color] = (15, 17, 21)
INK: Final[Color] = (204, 210, 220)
SIXTEEN: Final[Sequence[Color]] = (
    *[(15, 17, 21), (255, 113, 135), (99, 173, 121), (238, 181, 92)],
    *[(109, 184, 255), (181, 161, 255), (109, 184, 255), (204, 210, 220)],
)
THEME: Final = TerminalTheme(GROUND, INK, list(SIXTEEN))

FONTS: Final = Path("/usr/share/fonts/truetype/dejavu")
FONT_SIZE: Final = 15
LINE_HEIGHT: Final = 1.2
"""Relative to the font size. At this height, lines and bars of adjacent rows touch."""

GREY: Final[Color] = (112, 120, 133)
"""The ninth of the sixteen colours, "bright black". Terminals draw it as a grey, the Linux console too."""

_FAINT: Final = "dim:"
_MISSPELT: Final = "bfight"
"""pyte's spelling of a bright magenta ground."""

_NAMES: Final = ("black", "red", "green", "brown", "blue", "magenta", "cyan", "white")


def svg(text: Text, columns: int, title: str) -> str:
    """Return styled text as an SVG terminal of this many columns."""
    console = Console(record=True, width=columns, file=StringIO(), force_terminal=True, color_system="truecolor")
    console.print(text, no_wrap=True, crop=False, overflow="ignore")
    drawn = console.export_svg(title=title, theme=THEME, unique_id="trigger-tui")
    # Remove the web font, which would be downloaded.
    drawn = re.sub(r"@font-face \{.*?\}\n", "", drawn, flags=re.DOTALL)
    return drawn.replace("Fira Code", "DejaVu Sans Mono")


def png(terminal: Terminal, path: Path) -> None:
    """Write the screen as a PNG file."""
    plain, bold = (ImageFont.truetype(FONTS / f"DejaVuSansMono{face}.ttf", FONT_SIZE) for face in ("", "-Bold"))
    width, height = round(plain.getlength("M")), round(FONT_SIZE * LINE_HEIGHT)
    columns, rows = terminal.screen.columns, terminal.screen.lines
    image = Image.new("RGB", (columns * width, rows * height), GROUND)
    draw = ImageDraw.Draw(image)
    for y in range(rows):
        x = 0
        for cells in _pieces(_row(terminal, y)):
            ink, ground = colors_of(cells[0])
            left, top = x * width, y * height
            if ground != GROUND:
                draw.rectangle((left, top, left + len(cells) * width - 1, top + height - 1), fill=ground)
            for index, cell in enumerate(cells):
                if cell.data.strip():
                    draw.text((left + index * width, top), cell.data, font=bold if cell.bold else plain, fill=ink)
            if cells[0].underscore:
                draw.line((left, top + height - 3, left + len(cells) * width - 1, top + height - 3), fill=ink)
            x += len(cells)
    image.save(path, optimize=True)


def _row(terminal: Terminal, y: int) -> list[Any]:
    return [terminal.screen.buffer[y][x] for x in range(terminal.screen.columns)]


def _pieces(row: Sequence[Any]) -> Iterator[list[Any]]:
    """Split a row into runs of cells with one style."""
    for _, cells in groupby(row, key=lambda cell: (colors_of(cell), cell.bold, cell.underscore)):
        yield list(cells)


def colors_of(cell: Any) -> tuple[Color, Color]:
    """Return the foreground and the background of a cell."""
    ink, ground = _color(cell.fg.removeprefix(_FAINT), INK), _color(cell.bg, GROUND)
    if cell.fg.startswith(_FAINT):
        ink = _mixed(ink, ground)
    return (ground, ink) if cell.reverse else (ink, ground)


def _color(name: str, default: Color) -> Color:
    if name == "default":
        return default
    if name == "brightblack":
        return GREY
    if (plain := name.removeprefix("bright").removeprefix(_MISSPELT)) in _NAMES:
        return SIXTEEN[_NAMES.index(plain)]
    return int(name[:2], 16), int(name[2:4], 16), int(name[4:], 16)


def _mixed(ink: Color, ground: Color) -> Color:
    red, green, blue = ((6 * front + 4 * back) // 10 for front, back in zip(ink, ground, strict=True))
    return red, green, blue
