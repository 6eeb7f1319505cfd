"""The keys at the bottom: which fit, and which one always stays."""

from hypothesis import given
from hypothesis import strategies as st

from tests.support.present.samples import texts
from tui.kit.bars import KeyWord, footer_line
from tui.text.styled import Piece, Token, line_width, plain

KEYS = [
    KeyWord("Enter", "open"),
    KeyWord("R", "replay"),
    KeyWord("/", "filter"),
    KeyWord("f", "server filters"),
    KeyWord("x", "next error"),
    KeyWord("z", "zoom"),
    KeyWord(":", "commands"),
]
HELP = KeyWord("?", "keys")
NEED = (Piece("C and R need a connection"),)


def test_wide_footer_shows_every_key() -> None:
    assert plain(footer_line(KEYS, HELP, (), 120)).rstrip() == (
        " Enter open   R replay   / filter   f server filters   x next error   z zoom   : commands   ? keys"
    )


def test_narrow_footer_drops_keys_and_keeps_the_last_one() -> None:
    assert (
        plain(footer_line(KEYS, HELP, (), 60)).rstrip() == " Enter open   R replay   / filter   x next error   ? keys"
    )
    assert plain(footer_line(KEYS, HELP, (), 12)).rstrip() == " ? keys"


def test_notice_stands_at_the_right_and_keys_make_room() -> None:
    line = plain(footer_line([KeyWord("r", "try now"), *KEYS], HELP, NEED, 80))
    assert line.startswith(" r try now   Enter open   ")
    assert "? keys" in line
    assert line.endswith("  C and R need a connection ")


def test_last_key_stays_whole_beside_a_long_notice() -> None:
    line = plain(footer_line(KEYS, HELP, (Piece("filters from yesterday 18:02: failed, last 24h · 0 clears"),), 60))
    assert line.startswith(" ? keys   filters from yesterday")
    assert line.endswith("… ")


@given(st.integers(20, 200), texts, texts)
def test_footer_always_fills_the_width(width: int, word: str, remark: str) -> None:
    right = (Piece(remark),) if remark else ()
    assert line_width(footer_line([KeyWord("a", word), *KEYS], HELP, right, width)) == width


def test_most_needed_key_is_dropped_last_and_keeps_its_place() -> None:
    keys = [KeyWord("s", "sort", 3), KeyWord("x", "next error", 1), KeyWord("z", "zoom", 2)]
    assert plain(footer_line(keys, HELP, (), 40)).rstrip() == " x next error   z zoom   ? keys"


def test_denied_key_is_faint() -> None:
    line = footer_line([KeyWord("C", "cancel", is_denied=True)], HELP, (), 40)
    assert {piece.token for piece in line if "cancel" in piece.text} == {Token.FAINT}
    assert not any(piece.is_bold for piece in line if "C" in piece.text)
