"""The rule of a pane whose place several panes share."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from tui.kit.words import RuleText, Tab, rule_line
from tui.text.styled import Line, Piece, Token, line_width, plain


def rule(width: int, left: str, open_tab: str, right: str = "3 runs") -> str:
    tabs = tuple(Tab(number, name, name == open_tab) for number, name in enumerate(("attempts", "tree", "logs"), 3))
    return plain(rule_line(RuleText(tabs, (Piece(left),), (Piece(right),)), width))


@pytest.mark.parametrize(
    ("width", "expected"),
    [
        (70, "─ 3:attempts   4:tree · waterfall · checkout   5:logs ────── 3 runs ─"),
        (58, "─ 3:attempts   4:tree · waterfall · c…   5:logs ─ 3 runs ─"),
        (44, "─ 3:attempts   4:tree   5:logs ─ 3 runs ─"),
    ],
)
def test_left_text_stands_behind_the_open_tab(width: int, expected: str) -> None:
    shown = rule(width, " · waterfall · checkout", "tree")
    assert shown.replace("─", "") == expected.replace("─", "")


def test_left_text_of_the_last_tab_is_cut_at_its_end() -> None:
    assert rule(49, " · checkout · all levels", "logs").startswith("─ 3:attempts   4:tree   5:logs · chec…")


def parts(*texts: str, token: Token = Token.TEXT) -> Line:
    return tuple(piece for text in texts for piece in (Piece(" · ", Token.MUTED), Piece(text, token)))


AFTER_AN_OUTAGE = RuleText(
    (Tab(1, "runs"),),
    parts("last 24h", "newest first", token=Token.MUTED),
    (
        Piece("1,472"),
        *parts("no data 12:30–12:31", token=Token.AMBER),
        *parts("209 runs", token=Token.MUTED),
        *parts("6 failed", "196 new"),
    ),
)

ALL = "1,472 · no data 12:30–12:31 · 209 runs · 6 failed · 196 new"


@pytest.mark.parametrize(
    ("width", "left", "right"),
    [
        (60, "", "1,472 · no data 12:30–12:31 · 6 failed"),
        (68, "", "1,472 · no data 12:30–12:31 · 6 failed · 196 new"),
        (80, "", ALL),
        (90, " · last 24h", ALL),
        (120, " · last 24h · newest first", ALL),
    ],
)
def test_narrow_rule_omits_muted_parts_first(width: int, left: str, right: str) -> None:
    shown = plain(rule_line(AFTER_AN_OUTAGE, width))
    assert shown.replace("─", "") == f" 1:runs{left}  {right} "


def test_typed_filter_stays_whole_beside_long_facts() -> None:
    right = (Piece("86 of 1,732"), *parts("1 marked, 1 hidden", "no data 13:09–13:10", "6 failed"))
    shown = plain(rule_line(RuleText((Tab(1, "runs"),), parts("/status:failed", "last 24h"), right), 80))
    assert shown == f"─ 1:runs · /status:failed · last 24h {'─' * 8} 86 of 1,732 · 1 marked, 1 hidden ─"


def test_long_left_text_leaves_the_count_whole() -> None:
    left, right = parts("/order " * 20, "last 24h"), (Piece("76 of 1,671"), *parts("1 marked", "no data 12:30–12:31"))
    shown = plain(rule_line(RuleText((Tab(1, "runs"),), left, right), 60))
    assert shown == "─ 1:runs · /order /order /order … ─ 76 of 1,671 · 1 marked ─"


@pytest.mark.parametrize(
    ("width", "left"),
    [
        (80, " · /order"),
        (92, " · /order · failed, cha…"),
        (120, " · /order · failed, charge-card, last 24h"),
    ],
)
def test_second_filter_is_cut_and_not_omitted(width: int, left: str) -> None:
    filters = parts("/order", "failed, charge-card, last 24h")
    order = parts("newest first", token=Token.MUTED)
    right = (Piece("76 of 1,671"), *parts("1 marked", "no data 12:30–12:31", "6 failed"))
    shown = plain(rule_line(RuleText((Tab(1, "runs"),), (*filters, *order), right), width))
    assert shown.replace("─", "").rstrip() == f" 1:runs{left}  {plain(right)}"


@pytest.mark.parametrize(
    ("width", "expected"),
    [
        (54, "╌ 3:attempts   4:tree   5:…  STALE ╌ match 12 of 123 ╌"),
        (60, "╌ 3:attempts   4:tree   5:logs  STALE ╌╌╌╌ match 12 of 123 ╌"),
    ],
)
def test_other_tabs_leave_a_match_count_whole(width: int, expected: str) -> None:
    tabs = tuple(Tab(number, name, name == "logs") for number, name in enumerate(("attempts", "tree", "logs"), 3))
    text = RuleText(tabs, right=(Piece("match 12 of 123"),), is_stale=True)
    assert plain(rule_line(text, width)) == expected


LENGTHS = st.lists(st.integers(0, 30), max_size=5)


@given(st.sampled_from([40, 80, 120, 200]), LENGTHS, LENGTHS, st.booleans(), st.data())
def test_only_the_first_part_on_the_right_is_cut(
    width: int, left: list[int], right: list[int], is_stale: bool, data: st.DataObject
) -> None:
    names = [f"L{index}{'x' * length}" for index, length in enumerate(left)]
    others = [f"R{index}{'x' * length}" for index, length in enumerate(right)]
    tokens = st.sampled_from([Token.TEXT, Token.MUTED])
    sides = [[piece for name in each for piece in parts(name, token=data.draw(tokens))] for each in (names, others)]
    text = RuleText((Tab(1, "runs"),), tuple(sides[0]), tuple(sides[1]), is_stale=is_stale)
    shown = plain(rule_line(text, width))
    assert cell_len(shown) == width
    for name in others[1:]:
        assert f" · {name} " in shown or name[:2] not in shown


@given(st.integers(10, 200), st.text(max_size=40), st.sampled_from(["attempts", "tree", "logs"]), st.booleans())
def test_rule_fills_exactly_its_width(width: int, left: str, open_tab: str, is_stale: bool) -> None:
    tabs = tuple(Tab(number, name, name == open_tab) for number, name in enumerate(("attempts", "tree", "logs"), 3))
    text = RuleText(tabs, (Piece(left),), (Piece("3 runs"),), is_stale=is_stale)
    assert line_width(rule_line(text, width)) == width
