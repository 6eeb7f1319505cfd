import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.color import Color

from tui.present.styled import Piece, Token
from tui.ui.look.painting import Painter
from tui.ui.look.theme import PALETTES, ColorMode


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
