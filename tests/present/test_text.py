"""Styled lines of any text: clean, cut, padded, wrapped, searched, in ASCII."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from wcwidth import wcwidth  # A dependency of pyte.

from tests.support.present.samples import texts
from tui.domain.text import Raw, clean
from tui.text import styled
from tui.text.status import ascii_line
from tui.text.styled import Line, Piece, Token, line_width, plain

lines = st.lists(st.builds(Piece, texts, st.sampled_from(Token)), max_size=4).map(tuple)
limits = st.integers(0, 30)
EMOJI = "👨👩👍🏽🏳🏴❤⚕☀⬛🇫🇷🩷1#\u200d\u200c\ufe0f\u20e3\U000e0067\U000e007f😀यक्षمیخa "


@given(texts | st.text(st.sampled_from(EMOJI), max_size=20))
def test_piece_is_clean_and_as_wide_as_a_terminal_draws_it(text: str) -> None:
    piece = Piece(text)
    assert piece.text == clean(text)
    assert not any(ord(character) < 0x20 or 0x7F <= ord(character) < 0xA0 for character in piece.text)
    assert not set("\u202e\u200b\u2028\ud800") & set(piece.text)
    assert line_width((piece,)) == sum(map(wcwidth, piece.text))


@given(lines, limits)
def test_cut_line_fits_exactly_and_ends_in_an_ellipsis(line: Line, limit: int) -> None:
    shown = styled.cut(line, limit)
    if line_width(line) <= limit:
        assert shown == line
    elif limit > 0:
        assert line_width(shown) == limit
        assert plain(shown).endswith("…")
        assert plain(line).startswith(plain(shown)[:-1].rstrip(" "))
    else:
        assert shown == ()
    assert line_width(styled.fit(line, limit, "right")) == limit


@pytest.mark.parametrize(
    ("text", "limit", "shown"),
    [
        ("日本語", 4, "日 …"),
        ("日本語", 5, "日本…"),
        ("e\u0301e\u0301e\u0301", 2, "e\u0301…"),
        ("☀\ufe0f☀\ufe0f☀", 2, "☀…"),
    ],
)
def test_cut_never_splits_a_cluster_and_keeps_the_styles(text: str, limit: int, shown: str) -> None:
    assert plain(styled.cut((Piece(text),), limit)) == shown
    line = (Piece("ab", Token.ROSE, is_bold=True), Piece("cdef", Token.FAINT))
    assert styled.cut(line, 4) == (line[0], Piece("c…", Token.FAINT))
    assert styled.joined([line, line]) == (*line, Piece("  "), *line)


@given(lines, limits, st.booleans())
def test_padded_and_folded_lines_lose_nothing(line: Line, limit: int, is_right: bool) -> None:
    shown = styled.pad(line, limit, "right" if is_right else "left")
    assert line_width(shown) == max(line_width(line), limit)
    assert plain(shown).endswith(plain(line)) if is_right else plain(shown).startswith(plain(line))
    rows = styled.fold(line, limit)
    assert "".join(map(plain, rows)) == plain(line)
    assert all(line_width(row) <= max(limit, 2) for row in rows)


@given(texts, st.integers(-1, 30))
def test_wrapped_text_fits_and_loses_only_spaces(text: str, limit: int) -> None:
    rows = styled.wrap(text, limit)
    assert rows
    assert all(cell_len(row) <= max(limit, 2) for row in rows)
    signs = clean(text.replace("\r\n", "\n"), lines=True)
    assert "".join(rows).replace(" ", "") == signs.replace("\n", "").replace(" ", "")


@pytest.mark.parametrize(
    ("text", "first", "opening"),
    [
        ('\n[\n  {\n    "code": "too_small"', "[", '[ { "code": "too_small"'),
        (" \n\t\n", "", ""),
        ("\n\n  one \n", "  one ", "  one "),
        ("\u2028x", "x", "x"),
        ("x" * 2_000_000, "x" * 3_999 + "…", "x" * 3_999 + "…"),
        ("\n" * 10_000 + "deep\nmore", "deep", "deep"),
    ],
)
def test_first_line_is_bounded_and_never_a_bracket_alone(text: str, first: str, opening: str) -> None:
    assert styled.first_line(Raw(text)) == first
    assert styled.opening_line(Raw(text)) == opening


@pytest.mark.parametrize(
    ("needle", "marked"),
    [("card", ["Card", "card"]), ("-card", ["-", "Card"]), ("aa", ["aa"]), ("nowhere", []), ("", [])],
)
def test_matches_are_marked_across_pieces_in_any_case(needle: str, marked: list[str]) -> None:
    line = (Piece("charge-", Token.MUTED), Piece("Card", is_bold=True), Piece("  card aaa"))
    found = styled.mark_hits(line, needle)
    assert [piece.text for piece in found if piece.token is Token.HIT] == marked
    assert plain(found) == plain(line)
    assert [piece.text for piece in found if piece.is_bold] == ["Card"]


@given(texts)
def test_any_text_becomes_ascii_of_the_same_width(text: str) -> None:
    # An ellipsis, a fold mark and `≥` have longer forms in ASCII, which keep the width only behind a space.
    line = (Piece(f"   {text.translate(dict.fromkeys(map(ord, '…⋯≥')))}", Token.ROSE, is_bold=True),)
    shown = ascii_line(line)
    assert all(piece.text.isascii() for piece in shown)
    assert "\ufe0f" in text or line_width(shown) == line_width(line)
    assert (shown[0].token, shown[0].is_bold) == (Token.ROSE, True)
