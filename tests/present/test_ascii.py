import pytest
from hypothesis import given

from tests.support.present.samples import texts
from tui.text.status import ascii_line, ascii_text
from tui.text.styled import Piece, Token, line_width


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("run_cm…6e3t", "run_c..6e3t"),
        ("service una…", "service un.."),
        ("…", ".."),
        ("Tool '…' did not ans…", "Tool '*' did not an.."),
        ("reading…", "reading."),
        ("reading what else stops…", "reading what else stops."),
        ("a long reading…", "a long readin.."),
        ("  ⋯ 9 frames", "... 9 frames"),
        ("│  ├─ ✗ leaf", "|  |- x leaf"),
        ("   └─ ◐ leaf", "   \\- O leaf"),
        ("▌ ○ Queued  ·", "> . Queued  -"),
        ("of ≥1,204", "of>=1,204"),
        ("日本é", "?????"),
        ("plain", "plain"),
    ],
)
def test_glyphs_have_their_ascii_forms(text: str, shown: str) -> None:
    assert ascii_text(text) == shown


def test_longer_form_at_the_begin_of_a_piece_keeps_the_width() -> None:
    for before, sign, shown in ((" · ", "…", " -.."), ("1 of ", "≥1,709", "1 of>=1,709"), ("ab", "…", "a..")):
        line = (Piece(before), Piece(sign, Token.ROSE))
        assert "".join(piece.text for piece in ascii_line(line)) == shown
        assert line_width(ascii_line(line)) == line_width(line)


@given(texts)
def test_any_text_becomes_ascii_of_the_same_width(text: str) -> None:
    # An ellipsis, a fold mark and `≥` have longer forms in ASCII, which keep the width only behind a space.
    line = (Piece(f"   {text.translate(dict.fromkeys(map(ord, '…⋯≥')))}", Token.ROSE, is_bold=True),)
    shown = ascii_line(line)
    assert all(piece.text.isascii() for piece in shown)
    if "\ufe0f" not in text:
        assert line_width(shown) == line_width(line)
    assert (shown[0].token, shown[0].is_bold) == (Token.ROSE, True)
