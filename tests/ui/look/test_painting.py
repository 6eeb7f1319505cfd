import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from textual.color import BLACK

from tui.kit.colors import PALETTES, Background, ColorMode, nearest
from tui.kit.look import In256Colors, Painter
from tui.text.styled import Piece, Token


@given(st.text("⋯…≥━╸▾ ab", max_size=30), st.integers(1, 40))
def test_ascii_line_has_only_ascii_and_keeps_its_width(text: str, width: int) -> None:
    strip = Painter(ColorMode.NONE, is_ascii=True).strip((Piece("  "), Piece(text)), width)
    assert strip.text.isascii()
    assert len(strip.text) == width


def test_longer_ascii_form_uses_free_cells() -> None:
    strip = Painter(ColorMode.NONE, is_ascii=True).strip((Piece("  "), Piece("⋯ 9 frames")), 20)
    assert strip.text == "  ... 9 frames      "


@pytest.mark.parametrize(
    ("color_mode", "grey"),
    [(ColorMode.DARK, "#5b6678"), (ColorMode.LIGHT, "#8b93a1"), (ColorMode.SIXTEEN, "bright_black")],
)
def test_failed_foot_of_a_bar_is_rose_on_grey(color_mode: ColorMode, grey: str) -> None:
    (segment, *_) = Painter(color_mode, is_ascii=False).strip((Piece("▁", Token.TALL_FOOT),), 1)
    assert segment.style is not None
    assert segment.style.bgcolor == Color.parse(grey)
    assert segment.style.color == Color.parse(PALETTES[color_mode]["rose"])


CURSORS = (Background.CURSOR, Background.CURSOR_AWAY, Background.DIALOG_CURSOR)


@pytest.mark.parametrize("color_mode", list(ColorMode))
@pytest.mark.parametrize("cursor", CURSORS)
def test_gutter_cursor_changes_only_the_edge_of_its_row(color_mode: ColorMode, cursor: Background) -> None:
    painter = Painter(color_mode, is_ascii=False, has_gutter_cursor=True)
    row = (Piece("sync-orders ", Token.TEXT), Piece("12s", Token.FAINT))
    below = Background.DIALOG if cursor is Background.DIALOG_CURSOR else Background.PAGE
    current = painter.strip((Piece("▌ ", Token.ACCENT), *row), 30, cursor)
    other = painter.strip((Piece("  "), *row), 30, below)
    assert current.crop(2, 30) == other.crop(2, 30)
    assert current.crop(0, 2) != other.crop(0, 2)


@pytest.mark.parametrize("color_mode", list(ColorMode))
def test_gutter_cursor_differs_in_a_pane_without_focus(color_mode: ColorMode) -> None:
    painter = Painter(color_mode, is_ascii=True, has_gutter_cursor=True)
    focused = painter.strip((Piece("▌ ", Token.ACCENT), Piece("a")), 9, Background.CURSOR)
    away = painter.strip((Piece("▌ ", Token.FAINT), Piece("a")), 9, Background.CURSOR_AWAY)
    assert focused.text == away.text == "> a      "
    assert focused.crop(0, 2) != away.crop(0, 2)


def test_departed_row_is_faint_beside_a_gutter_cursor() -> None:
    painter = Painter(ColorMode.DARK, is_ascii=False, has_gutter_cursor=True)
    edge, task = painter.strip((Piece("▌ ", Token.ACCENT), Piece("a", Token.BRIGHT)), 3, Background.GONE_CURSOR)
    assert edge.style is not None
    assert task.style is not None
    assert edge.style.color == Color.parse(PALETTES[ColorMode.DARK]["accent"])
    assert task.style.color == Color.parse(PALETTES[ColorMode.DARK]["faint"])


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
