"""The rule of a pane, and the footer."""

from hypothesis import given
from hypothesis import strategies as st

from tests.support.present.samples import drawn, texts
from tui.kit.bars import KeyWord, footer_line
from tui.kit.words import RuleText, Tab, rule_line
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
NAMES = tuple(
    Tab(number, name, number == 1) for number, name in enumerate(("runs", "detail", "attempts", "tree", "logs"), 1)
)
ALL = RuleText(NAMES, parts("last 24h", "newest first", token=Token.MUTED), (Piece("540"), Piece(" · 4 new")))
TYPED = RuleText(NAMES, parts("/status:failed task:p"), (Piece("0 of 546"),))

RULES = """
─ 3:attempts  4:tree · waterfall · checkout  5:logs ───────── 3 runs ─
─ 4:tree · waterfall · checkout ───────────────── 3 runs ─
─ 4:tree · waterfall · checkout ─── 3 runs ─

╌ 3:attempts  4:tree  5:logs  STALE ╌╌╌╌╌╌ match 12 of 123 ╌
╌ 5:logs  STALE ╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌ match 12 of 123 ╌

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

NAMED = """
─ 1:runs · last 24h  2:detail  3:attempts  4:tree  5:logs ──────── 540 · 4 new ─
─ 1:runs · last 24h · newest first  2:detail  3:attempts  4:tree  5:logs ───────────── 540 · 4 new ─

─ 1:runs · /status:failed task:p ──────────────────────────────────── 0 of 546 ─
"""


def test_narrow_rule_omits_muted_parts_first() -> None:
    assert rule(ALL, 80, 100) + rule(TYPED, 80) == NAMED
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
