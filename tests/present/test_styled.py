import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from wcwidth import wcwidth  # A dependency of pyte.

from tests.support.present.samples import HOSTILE, texts
from tui.domain.text import Raw, clean
from tui.text.styled import (
    MAX_LINE_CHARS,
    Line,
    Piece,
    Token,
    cut,
    first_line,
    fit,
    fold,
    joined,
    line_width,
    mark_hits,
    opening_line,
    pad,
    plain,
    wrap,
)

lines = st.lists(st.builds(Piece, texts, st.sampled_from(Token)), max_size=4).map(tuple)
limits = st.integers(0, 30)


def text_of_line(line: Line) -> str:
    return "".join(piece.text for piece in line)


@given(texts)
def test_piece_is_always_clean(text: str) -> None:
    assert Piece(text).text == clean(text)


@given(
    st.text(
        st.sampled_from("👨👩👍🏽🏳🏴❤⚕☀⬛🇫🇷🩷1#\u200d\u200c\ufe0f\u20e3\U000e0067\U000e007f😀यक्षمیخa "), max_size=20
    )
)
def test_terminal_moves_by_the_width_of_a_piece(text: str) -> None:
    piece = Piece(text)
    assert line_width((piece,)) == sum(map(wcwidth, piece.text))


def test_piece_has_no_control_or_bidi_characters() -> None:
    text = Piece(Raw(HOSTILE), Token.ROSE).text
    assert not any(ord(character) < 0x20 or 0x7F <= ord(character) < 0xA0 for character in text)
    assert not set("\u202e\u200b\u2028\ud800") & set(text)
    assert "[bold]" in text  # Never markup.


@given(lines, limits)
def test_cut_line_fits_exactly_and_ends_in_an_ellipsis(line: Line, limit: int) -> None:
    shown = cut(line, limit)
    if line_width(line) <= limit:
        assert shown == line
    elif limit > 0:
        assert line_width(shown) == limit
        assert text_of_line(shown).endswith("…")
        assert text_of_line(line).startswith(text_of_line(shown)[:-1].rstrip(" "))
    else:
        assert shown == ()


def test_cut_never_splits_a_cluster() -> None:
    assert text_of_line(cut((Piece("日本語"),), 4)) == "日 …"
    assert text_of_line(cut((Piece("日本語"),), 5)) == "日本…"
    assert text_of_line(cut((Piece("e\u0301e\u0301e\u0301"),), 2)) == "e\u0301…"
    assert text_of_line(cut((Piece("☀\ufe0f☀\ufe0f☀"),), 2)) == "☀…"


def test_cut_keeps_the_styles() -> None:
    line = (Piece("ab", Token.ROSE, is_bold=True), Piece("cdef", Token.FAINT))
    assert cut(line, 4) == (Piece("ab", Token.ROSE, is_bold=True), Piece("c…", Token.FAINT))


@given(lines, limits, st.sampled_from(["left", "right"]))
def test_padded_line_keeps_its_text_on_its_side(line: Line, limit: int, align: str) -> None:
    shown = pad(line, limit, "left" if align == "left" else "right")
    assert line_width(shown) == max(line_width(line), limit)
    assert (
        text_of_line(shown).startswith(text_of_line(line))
        if align == "left"
        else text_of_line(shown).endswith(text_of_line(line))
    )


@given(lines, limits)
def test_fitted_line_has_the_given_width(line: Line, limit: int) -> None:
    assert line_width(fit(line, limit, "right")) == limit


@given(texts, st.integers(-1, 30))
def test_wrapped_text_fits_and_loses_only_spaces(text: str, limit: int) -> None:
    rows = wrap(text, limit)
    assert rows
    assert all(cell_len(row) <= max(limit, 2) for row in rows)
    signs = clean(text.replace("\r\n", "\n"), lines=True)
    assert "".join(rows).replace(" ", "") == signs.replace("\n", "").replace(" ", "")


@pytest.mark.parametrize(
    ("text", "limit", "rows"),
    [
        ("", 10, [""]),
        ("one two three", 7, ["one two", "three"]),
        ("a\n\n  b", 10, ["a", "", "  b"]),
        ("a\r\nb\rc", 10, ["a", "b␍c"]),
        ("abcdefgh ij", 4, ["abcd", "efgh", "ij"]),
        ("x abcdefgh", 4, ["x", "abcd", "efgh"]),
        ("  abcdefgh", 4, ["  ab", "cdef", "gh"]),
        ("日本語", 3, ["日", "本", "語"]),
        ("a\x1b[31mb", 20, ["a␛[31mb"]),
    ],
)
def test_text_wraps_at_words_and_breaks_long_ones(text: str, limit: int, rows: list[str]) -> None:
    assert wrap(text, limit) == rows


@given(lines, limits)
def test_folded_line_fits_and_loses_nothing(line: Line, limit: int) -> None:
    rows = fold(line, limit)
    assert "".join(map(text_of_line, rows)) == text_of_line(line)
    assert all(line_width(row) <= max(limit, 2) for row in rows)


def test_joined_lines_have_two_spaces_between_them() -> None:
    assert text_of_line(joined([(Piece("a"),), (Piece("b"), Piece("c"))])) == "a  bc"
    assert joined([]) == ()


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('\n[\n  {\n    "code": "too_small"', '[ { "code": "too_small"'),
        ("[GraphQL] failed\nmore", "[GraphQL] failed"),
        ("---", "---"),
        (" \n", ""),
    ],
)
def test_opening_line_is_never_a_bracket_alone(text: str, line: str) -> None:
    assert opening_line(Raw(text)) == line
    assert len(opening_line(Raw(text * 10_000))) <= MAX_LINE_CHARS


def test_first_line_is_the_first_that_is_not_blank() -> None:
    assert first_line(Raw("\n  \nreal\nmore")) == "real"
    assert first_line(Raw("")) == ""
    assert first_line(Raw("one")) == "one"


@pytest.mark.parametrize(
    ("needle", "marked"),
    [
        ("card", ["Card", "card"]),
        ("-card", ["-", "Card"]),
        ("aa", ["aa"]),
        ("nowhere", []),
        ("", []),
    ],
)
def test_matches_are_marked_across_pieces_in_any_case(needle: str, marked: list[str]) -> None:
    line = (Piece("charge-", Token.MUTED), Piece("Card", is_bold=True), Piece("  card aaa"))
    found = mark_hits(line, needle)
    assert [piece.text for piece in found if piece.token is Token.HIT] == marked
    assert plain(found) == plain(line)
    assert [piece.text for piece in found if piece.is_bold] == ["Card"]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", ""),
        (" \n\t\n", ""),
        ("one\ntwo", "one"),
        ("\n\n  one \n", "  one "),
        ("\u2028x", "x"),
        ("x" * 3_999, "x" * 3_999),
        ("x" * 2_000_000, "x" * 3_999 + "…"),
        ("\n" * 10_000 + "deep\nmore", "deep"),
    ],
)
def test_first_line_is_bounded(text: str, line: str) -> None:
    assert first_line(Raw(text)) == line
