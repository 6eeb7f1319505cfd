"""The page of keys."""

from hypothesis import given
from hypothesis import strategies as st

from tests.support.bindings import help_rows
from tests.support.present.samples import NOW, text_of
from tui.features import key_table
from tui.kit.header_words import HeaderFacts, header_line
from tui.kit.page_screen import HelpKey, header_signs, help_lines, legend_lines
from tui.store.freshness import Freshness, Level, Minute
from tui.store.indexes import StatusCounts
from tui.text.blocks import spark
from tui.text.status import STATUS_STYLES
from tui.text.styled import Line, Token, line_width, plain

ROWS = {name: row for row in help_rows() for name in row.ids}


def help_key(name: str, keys: str, *, works_here: bool = True) -> HelpKey:
    return HelpKey(tuple(keys.split()), name, works_here, ROWS.get(name))


KEYS = {
    "down": help_key("down", "j ↓"),
    "up": help_key("up", "k ↑"),
    "page-down": help_key("page-down", "PgDn ctrl-f"),
    "page-up": help_key("page-up", "PgUp ctrl-b"),
    "wrap": help_key("wrap", "w", works_here=False),
    "wide": help_key("wide", "w"),
    "sort": help_key("sort", "s", works_here=False),
    "cancel": help_key("cancel", "C"),
    "replay": help_key("replay", "R", works_here=False),
    "quit": help_key("quit", "ctrl-q ctrl-c"),
}


def line_with(part: str, width: int = 60) -> Line:
    return next(line for line in help_lines(KEYS, width) if part in plain(line))


def test_help_groups_keys_by_purpose() -> None:
    assert text_of(help_lines(KEYS, 60)).split("\n") == [
        "",
        "move",
        "j k ↓ ↑         down, up",
        "PgDn PgUp       a page down, up; also ctrl-f ctrl-b",
        "",
        "look",
        "w               whole run ids, clock times",
        "",
        "find",
        "s               sort",
        "",
        "act  only capitals change runs",
        "C               cancel",
        "R               replay",
        "",
        "program",
        "ctrl-q ctrl-c   quit",
    ]


def test_help_names_steps_as_the_footer_does() -> None:
    words = {row.id: row.word for row in key_table().rows.values()}
    texts = {row.ids: row.text for row in ROWS.values()}
    for name in ("error", "pane", "match"):
        step = f"next-{name}", f"previous-{name}"
        assert texts[step] == f"next, {words[step[1]]}"


def test_help_stands_in_two_columns_where_there_is_room() -> None:
    lines = text_of(help_lines(KEYS, 77)).split("\n")
    assert lines[1].split() == ["move", "│", "find"]
    assert len(lines) < len(help_lines(KEYS, 60))


def test_key_that_does_nothing_here_is_faint_in_its_place() -> None:
    works, does_not = line_with("cancel"), line_with("replay")
    assert {piece.token for piece in works if piece.text.strip()} == {Token.TEXT}
    assert {piece.token for piece in does_not if piece.text.strip()} == {Token.FAINT}
    assert not any(piece.is_bold for piece in does_not)


def test_key_of_a_binding_without_a_row_is_listed_last() -> None:
    text = text_of(help_lines(KEYS | {"dig": HelpKey(("d",), "dig")}, 60))
    assert text.endswith("more\nd               dig")
    assert "dig" not in text_of(help_lines({"dig": HelpKey(("d",), "dig", works_here=False)}, 60))


def test_legend_shows_every_status_and_the_signs_of_the_header() -> None:
    lines = legend_lines(100)
    text = text_of(lines)
    assert all(f"{look.glyph} {word}" in text for word, look in STATUS_STYLES.items())
    signs = header_signs()
    assert f"header    {signs[0][0].text}  Queued." in text
    marks = [sign[0] for sign in signs]
    counts = StatusCounts(queued=1, delayed=1, pending_version=1, executing=1, waiting=1, failed=1)
    shown = header_line(HeaderFacts(NOW, Freshness(Level.FRESH, NOW), counts=counts), 200)
    letters = [(piece.text[0], piece.token) for piece in shown if piece.text.endswith("1")]
    assert [(mark.text, mark.token) for mark in marks[:-3]] == letters
    assert marks[-3:] == list(spark([Minute(8, 0), Minute(8, 1), Minute(8, 8)]))
    assert any(plain(line).lstrip().startswith("✗  Most") for line in legend_lines(100, is_colorless=True))


def test_legend_explains_what_has_no_key() -> None:
    text = text_of(legend_lines(100))
    assert "slow link To save bytes, the cursor is only an edge" in text
    assert "alerts    A new finding rings, shows" in text
    assert "away      After ten minutes without a key" in text


@given(st.integers(40, 160))
def test_no_line_is_wider_than_its_limit(width: int) -> None:
    assert max(map(line_width, legend_lines(width))) <= width
    assert max(map(line_width, help_lines(KEYS, width))) <= width
