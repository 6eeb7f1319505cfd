"""The rule of a pane, the footer, and the page of keys."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.bindings import help_rows
from tests.support.present.samples import NOW, drawn, text_of, texts
from tui.features import key_table
from tui.kit.bars import KeyWord, footer_line
from tui.kit.header_words import HeaderFacts, header_line
from tui.kit.page_screen import HelpKey, header_signs, help_lines, legend_lines
from tui.kit.words import RuleText, Tab, rule_line
from tui.store.freshness import Freshness, Level, Minute
from tui.store.indexes import StatusCounts
from tui.text.blocks import spark
from tui.text.status import STATUS_STYLES
from tui.text.styled import Line, Piece, Token, line_width, plain


def tabs(open_tab: str) -> tuple[Tab, ...]:
    return tuple(Tab(number, name, name == open_tab) for number, name in enumerate(("attempts", "tree", "logs"), 3))


def parts(*texts: str, token: Token = Token.TEXT) -> Line:
    return tuple(piece for text in texts for piece in (Piece(" · ", Token.MUTED), Piece(text, token)))


def rule(text: RuleText, *widths: int) -> str:
    return drawn(rule_line(text, width) for width in widths)


RUNS = (Tab(1, "runs"),)
ORDER, GAP = parts("newest first", token=Token.MUTED), parts("no data 12:30–12:31", token=Token.AMBER)
MISSED = *GAP, *parts("209 runs", token=Token.MUTED), *parts("6 failed", "196 new")
AFTER_AN_OUTAGE = RuleText(RUNS, (*parts("last 24h", token=Token.MUTED), *ORDER), (Piece("1,472"), *MISSED))
FACTS = (Piece("76 of 1,671"), *parts("1 marked", "no data 12:30–12:31", "6 failed"))
FILTERED = RuleText(RUNS, (*parts("/order", "failed, charge-card, last 24h"), *ORDER), FACTS)
TREE = RuleText(tabs("tree"), (Piece(" · waterfall · checkout"),), (Piece("3 runs"),))
LOGS = RuleText(tabs("logs"), right=(Piece("match 12 of 123"),), is_stale=True)
LONG = RuleText(RUNS, parts("/order " * 20, "last 24h"), FACTS)

RULES = """
─ 3:attempts   4:tree · waterfall · checkout   5:logs ─────── 3 runs ─
─ 3:attempts   4:tree · waterfall · c…   5:logs ─ 3 runs ─
─ 3:attempts   4:tree   5:logs ──── 3 runs ─

╌ 3:attempts   4:tree   5:logs  STALE ╌╌╌╌ match 12 of 123 ╌
╌ 3:attempts   4:tree   5:…  STALE ╌ match 12 of 123 ╌

─ 1:runs · /order /order /order … ─ 76 of 1,671 · 1 marked ─

─ 1:runs ────────── 1,472 · no data 12:30–12:31 · 6 failed ─
─ 1:runs ──────── 1,472 · no data 12:30–12:31 · 6 failed · 196 new ─
─ 1:runs ───────── 1,472 · no data 12:30–12:31 · 209 runs · 6 failed · 196 new ─
─ 1:runs · last 24h ──────── 1,472 · no data 12:30–12:31 · 209 runs · 6 failed · 196 new ─
─ 1:runs · last 24h · newest first ─────────────────────── 1,472 · no data 12:30–12:31 · 209 runs · 6 failed · 196 new ─

─ 1:runs · /order ──── 76 of 1,671 · 1 marked · no data 12:30–12:31 · 6 failed ─
─ 1:runs · /order · failed, cha… ─ 76 of 1,671 · 1 marked · no data 12:30–12:31 · 6 failed ─
─ 1:runs · /order · failed, charge-card, last 24h ──────────── 76 of 1,671 · 1 marked · no data 12:30–12:31 · 6 failed ─
"""


def test_narrow_rule_omits_muted_parts_first() -> None:
    found = rule(TREE, 70, 58, 44) + rule(LOGS, 60, 54) + rule(LONG, 60)
    assert found + rule(AFTER_AN_OUTAGE, 60, 68, 80, 90, 120) + rule(FILTERED, 80, 92, 120) == RULES


LENGTHS = st.lists(st.integers(0, 30), max_size=5)


@given(st.integers(10, 200), LENGTHS, LENGTHS, st.booleans(), texts, st.data())
def test_rule_fills_its_width_and_cuts_only_the_first_part_on_the_right(
    width: int, left: list[int], right: list[int], is_stale: bool, text: str, data: st.DataObject
) -> None:
    names = [f"L{index}{'x' * length}" for index, length in enumerate(left)]
    others = [f"R{index}{'x' * length}" for index, length in enumerate(right)]
    tokens = st.sampled_from([Token.TEXT, Token.MUTED])
    sides = [[piece for name in each for piece in parts(name, token=data.draw(tokens))] for each in (names, others)]
    shown = rule_line(RuleText(RUNS, tuple(sides[0]), tuple(sides[1]), is_stale=is_stale), width)
    tabbed = rule_line(RuleText(tabs("tree"), (Piece(text),), (Piece("3 runs"),), is_stale=is_stale), width)
    assert line_width(shown) == line_width(tabbed) == width
    assert width < 40 or all(f" · {name} " in plain(shown) or name[:2] not in plain(shown) for name in others[1:])


KEYS = [KeyWord("Enter", "open"), KeyWord("R", "replay"), KeyWord("/", "filter"), KeyWord("f", "server filters")]
KEYS += [KeyWord("x", "next error", 1), KeyWord("C", "cancel", is_denied=True), KeyWord(":", "commands")]
HELP = KeyWord("?", "keys")
NOTICE = (Piece("filters from yesterday 18:02: failed, last 24h · 0 clears"),)

FOOTERS = """
 Enter open   R replay   / filter   f server filters   x next error   C cancel   : commands   ? keys
 Enter open   R replay   / filter   C cancel   ? keys
 Enter open   R replay   ? keys
 ? keys
 Enter open   R replay   ? keys           filters from yesterday 18:02: failed, last 24h · 0 clears
 ? keys   filters from yesterday 18:02: failed, last 24h ·…
"""


def test_narrow_footer_drops_keys_and_keeps_the_last_one() -> None:
    lines = [footer_line(KEYS, HELP, (), width) for width in (120, 60, 40, 12)]
    assert drawn([*lines, *(footer_line(KEYS, HELP, NOTICE, width) for width in (100, 60))]) == FOOTERS
    assert {piece.token for piece in lines[0] if "cancel" in piece.text} == {Token.FAINT}


@given(st.integers(20, 200), texts, texts)
def test_footer_always_fills_the_width(width: int, word: str, remark: str) -> None:
    right = (Piece(remark),) if remark else ()
    assert line_width(footer_line([KeyWord("a", word), *KEYS], HELP, right, width)) == width


# The page of keys.

ROWS = {name: row for row in help_rows() for name in row.ids}


def help_keys(*names: tuple[str, str], works_here: bool = True) -> dict[str, HelpKey]:
    return {name: HelpKey(tuple(keys.split()), name, works_here, ROWS.get(name)) for name, keys in names}


HERE = help_keys(("down", "j ↓"), ("up", "k ↑"), ("page-down", "PgDn ctrl-f"), ("page-up", "PgUp ctrl-b"))
HERE |= help_keys(("wide", "w"), ("cancel", "C"), ("quit", "ctrl-q ctrl-c"), ("dig", "d"))
ELSEWHERE = help_keys(("wrap", "w"), ("sort", "s"), ("replay", "R"), ("zag", "z"), works_here=False)

PAGE = """

move
j k ↓ ↑         down, up
PgDn PgUp       a page down, up; also ctrl-f ctrl-b

look
w               whole run ids, clock times

find
s               sort

act  only capitals change runs
C               cancel
R               replay

program
ctrl-q ctrl-c   quit

more
d               dig
"""


def test_help_groups_keys_by_purpose() -> None:
    lines = help_lines(HERE | ELSEWHERE, 60)
    assert drawn(lines) == PAGE
    tokens = {plain(line)[16:22]: {piece.token for piece in line if piece.text.strip()} for line in lines}
    assert [tokens["cancel"], tokens["replay"]] == [{Token.TEXT}, {Token.FAINT}]
    assert plain(help_lines(HERE | ELSEWHERE, 77)[1]).split()[:3] == ["move", "│", "act"], "in two columns"
    words = {row.id: row.word for row in key_table().rows.values()}
    for name in ("error", "pane", "match"):
        step = f"next-{name}", f"previous-{name}"
        assert {row.ids: row.text for row in ROWS.values()}[step] == f"next, {words[step[1]]}"


def test_legend_shows_every_status_and_the_signs_of_the_header() -> None:
    text = text_of(legend_lines(100))
    assert all(f"{look.glyph} {word}" in text for word, look in STATUS_STYLES.items())
    assert all(
        f"\n{word}" in text for word in ("slow link To save bytes", "alerts    A new finding", "away      After ten")
    )
    marks = [sign[0] for sign in header_signs()]
    counts = StatusCounts(queued=1, delayed=1, pending_version=1, executing=1, waiting=1, failed=1)
    shown = header_line(HeaderFacts(NOW, Freshness(Level.FRESH, NOW), counts=counts), 200)
    letters = [(piece.text[0], piece.token) for piece in shown if piece.text.endswith("1")]
    assert [(mark.text, mark.token) for mark in marks[:-3]] == letters
    assert marks[-3:] == list(spark([Minute(8, 0), Minute(8, 1), Minute(8, 8)]))
    assert any(plain(line).lstrip().startswith("✗  Most") for line in legend_lines(100, is_colorless=True))


@pytest.mark.parametrize("width", range(40, 160, 7))
def test_no_line_of_help_is_wider_than_its_limit(width: int) -> None:
    assert max(map(line_width, [*legend_lines(width), *help_lines(HERE | ELSEWHERE, width)])) <= width
