from hypothesis import given
from hypothesis import strategies as st

from tui.present.styled import Piece
from tui.ui.painting import Painter
from tui.ui.theme import Look


@given(st.text("⋯…≥━╸▾ ab", max_size=30), st.integers(1, 40))
def test_a_line_in_ascii_has_nothing_else_and_keeps_its_width(text: str, width: int) -> None:
    strip = Painter(Look.NONE, is_ascii=True).strip((Piece("  "), Piece(text)), width)
    assert strip.text.isascii()
    assert len(strip.text) == width


def test_a_longer_form_takes_room_that_is_empty() -> None:
    strip = Painter(Look.NONE, is_ascii=True).strip((Piece("  "), Piece("⋯ 9 frames")), 20)
    assert strip.text == "  ... 9 frames      "
