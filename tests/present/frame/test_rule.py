"""The rule of a pane whose place several panes share."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.present.frame.rule import RuleText, Tab, rule_line
from tui.present.styled import Piece, line_width, plain


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
    assert rule(48, " · checkout · all levels", "logs").startswith("─ 3:attempts   4:tree   5:logs · che…")


@given(st.integers(10, 200), st.text(max_size=40), st.sampled_from(["attempts", "tree", "logs"]), st.booleans())
def test_rule_fills_exactly_its_width(width: int, left: str, open_tab: str, is_stale: bool) -> None:
    tabs = tuple(Tab(number, name, name == open_tab) for number, name in enumerate(("attempts", "tree", "logs"), 3))
    text = RuleText(tabs, (Piece(left),), (Piece("3 runs"),), is_stale=is_stale)
    assert line_width(rule_line(text, width)) == width
