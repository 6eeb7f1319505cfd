"""Colours: their contrast, which of them a terminal gets, and what is left of them in ASCII and in 256."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from textual.color import BLACK

from tui.kit.colors import PALETTES, PALETTES_256, ColorMode, Palette, contrast_remarks, detect_color_mode, nearest
from tui.kit.look import In256Colors, Painter
from tui.settings.schema import Colors, FileSettings
from tui.settings.settings import ConfigFile
from tui.text.styled import Piece


def luminance(color: str) -> float:
    """Relative luminance, as WCAG 2 defines it."""
    parts = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def as_hex(palette: Palette) -> Palette:
    return {name: Color.parse(color).get_truecolor().hex for name, color in palette.items()}


MEASURED = [
    as_hex(palettes[mode]) for palettes in (PALETTES, PALETTES_256) for mode in (ColorMode.DARK, ColorMode.LIGHT)
]
READ_ON_A_CURSOR = ("bright", "text", "muted", "accent", "rose", "amber", "blue", "green")


@pytest.mark.parametrize("palette", MEASURED)
def test_every_token_is_readable_on_its_backgrounds(palette: Palette) -> None:
    pairs = [
        (token, ground) for token in READ_ON_A_CURSOR for ground in ("bg", "surface", "dialog", "cursor", "cursor2")
    ]
    pairs += [("faint", ground) for ground in ("bg", "surface", "dialog")]
    pairs += [("bg", "amber"), ("bg", "accent")]
    pairs += [(token, "chip") for token in ("amber", "bright", "text", "muted")]
    pairs += [(token, "failbg") for token in ("rose", "bright", "text", "muted")]
    assert [pair for pair in pairs if contrast(palette[pair[0]], palette[pair[1]]) < 4.5] == []


@pytest.mark.parametrize(
    ("environ", "wanted", "color_mode"),
    [
        ({"COLORTERM": "truecolor", "TERM": "xterm"}, "auto", ColorMode.DARK),
        ({"TERM": "xterm-256color"}, "auto", ColorMode.DARK),
        ({"TERM": "xterm-256color", "COLORFGBG": "0;15"}, "auto", ColorMode.LIGHT),
        ({"TERM": "screen"}, "auto", ColorMode.SIXTEEN),
        ({"TERM": "xterm-256color", "NO_COLOR": "1"}, "dark", ColorMode.NONE),
    ],
)
def test_terminal_gets_the_colours_that_it_supports(
    environ: dict[str, str], wanted: str, color_mode: ColorMode
) -> None:
    assert detect_color_mode(environ, wanted) is color_mode


@pytest.mark.parametrize(
    ("own", "remarks"),
    [
        ({"rose": "#301010"}, ["colors.rose: expected a contrast of 4.5:1 with surface, got 1."]),
        ({"cursor": "#ccd2dc"}, ["colors.cursor: expected a contrast of 4.5:1 with text, got 1."]),
        ({"bg": "#ffffff", "bright": "#fefefe"}, ["colors.bright: ", "colors.bg: "]),
        ({"green": "#7bd88f", "line": "#0f1115"}, []),
    ],
)
def test_own_colour_that_is_hard_to_read_is_one_remark(own: dict[str, str], remarks: list[str]) -> None:
    file = ConfigFile(values=FileSettings(colors=Colors(**own)))
    found = [str(remark) for remark in contrast_remarks(file, ColorMode.DARK, "FILE")]
    assert len(found) == len(remarks)
    assert all(one.startswith(f"FILE: {start}") for one, start in zip(found, remarks, strict=True)), found
    assert list(contrast_remarks(file, ColorMode.SIXTEEN, "FILE")) == []


@given(st.text("⋯…≥━╸▾ ab", max_size=30), st.integers(1, 40))
def test_ascii_line_has_only_ascii_and_keeps_its_width(text: str, width: int) -> None:
    strip = Painter(ColorMode.NONE, is_ascii=True).strip((Piece("  "), Piece(text)), width)
    assert strip.text.isascii()
    assert len(strip.text) == width


def test_colours_of_24_bits_become_the_nearest_of_the_256() -> None:
    assert [nearest(*color) for color in ((255, 255, 255), (0, 0, 0), (97, 95, 94), (255, 0, 0), (16, 17, 21))] == [
        231,
        16,
        59,
        196,
        233,
    ]
    segments = [Segment("a", Style(color="#ff0000", bgcolor="red", bold=True)), Segment("b")]
    (red, plain) = In256Colors().apply(segments, BLACK)
    assert red.style == Style(color="color(196)", bgcolor="red", bold=True)
    assert plain == segments[1]
