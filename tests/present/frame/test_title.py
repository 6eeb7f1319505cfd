"""The title of the terminal's window."""

from dataclasses import replace

import pytest

from tests.present.frame.test_header import ANSWERED, AT, COUNTS, FACTS, PROD, failing
from tests.support.present.samples import HOSTILE
from tui.domain.run import Environment
from tui.domain.text import Raw
from tui.kit.header_words import MAX_TITLE_CELLS, HeaderFacts, supports_title, terminal_title
from tui.store.freshness import Freshness, Level
from tui.text.styled import Piece, line_width

UNKNOWN = Freshness(Level.CONNECTING, None)


@pytest.mark.parametrize(
    ("facts", "title", "in_ascii"),
    [
        (FACTS, "✗41 PROD acme/api", "x41 PROD acme/api"),
        (replace(FACTS, counts=replace(COUNTS, failed=0)), "✗0 PROD acme/api", "x0 PROD acme/api"),
        (
            replace(FACTS, counts=replace(COUNTS, is_failed_partial=True)),
            "✗≥41 PROD acme/api",
            "x>=41 PROD acme/api",
        ),
        (
            replace(FACTS, counts=replace(COUNTS, failed=0, is_failed_partial=True)),
            "PROD acme/api",
            "PROD acme/api",
        ),
        (replace(FACTS, freshness=failing(ANSWERED)), "○ ✗41 PROD acme/api", "o x41 PROD acme/api"),
        (replace(FACTS, environment=None), "✗41 PROD?", "x41 PROD?"),
        (replace(FACTS, freshness=UNKNOWN), "PROD acme/api", "PROD acme/api"),
        (HeaderFacts(AT, UNKNOWN), "trigger-tui", "trigger-tui"),
        (replace(FACTS, branch="fix-1"), "✗41 PROD acme/api fix-1", "x41 PROD acme/api fix-1"),
        (replace(FACTS, environment=replace(PROD, organisation=Raw(""))), "✗41 PROD api", "x41 PROD api"),
    ],
)
def test_title_shows_the_known_parts(facts: HeaderFacts, title: str, in_ascii: str) -> None:
    assert terminal_title(facts) == title
    assert terminal_title(facts, is_ascii=True) == in_ascii


@pytest.mark.parametrize("is_ascii", [True, False])
def test_title_is_clean_and_bounded(is_ascii: bool) -> None:
    for text in (HOSTILE, *HOSTILE, "\x1b]2;mine\x07", "\x9d2;mine\x9c", "a\nb\rc\0", "x" * 10_000, "👨" * 500):
        environment = Environment(Raw(text), text, Raw(text), Raw(text))
        title = terminal_title(replace(FACTS, environment=environment, branch=text), is_ascii=is_ascii)
        assert title.isprintable(), text[:80]
        assert line_width((Piece(title),)) <= MAX_TITLE_CELLS, text[:80]
        assert title.isascii() or not is_ascii, text[:80]


def test_console_and_old_terminals_get_no_title() -> None:
    assert all(
        supports_title(term) for term in ("xterm-256color", "screen", "tmux-256color", "xterm-kitty", "alacritty")
    )
    assert not any(supports_title(term) for term in ("", "linux", "linux-16color", "dumb", "vt100", "eterm-color"))
