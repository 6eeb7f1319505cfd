"""The titled rule above a pane: the pane's number and name, and its own texts on both sides."""

from typing import Final

from tui.lazy_dataclass import dataclass
from tui.present.styled import Line, Piece, Token, cut, line_width


@dataclass(frozen=True, slots=True)
class Tab:
    """One pane's name in a rule. Panes that share a place on the screen share a rule, with one tab for each.

    `is_visible`: the pane is shown too, below the one that is open.
    """

    number: int
    name: str
    is_open: bool = True
    is_visible: bool = False


_MIN_LEFT: Final = 8
"""Cells of the left text between tabs, at least: fewer say nothing."""


@dataclass(frozen=True, slots=True)
class RuleText:
    """`─ 1:runs · left ──── right ─`. With `is_stale` it is dashed and amber, with the word STALE after `left`."""

    tabs: tuple[Tab, ...] = ()
    left: Line = ()
    right: Line = ()
    is_focused: bool = False
    is_stale: bool = False


def rule_line(text: RuleText, width: int, *, is_colorless: bool = False) -> Line:
    """Return the rule in exactly `width` cells. The left text stands behind the tab that is open, and is cut first."""
    dash = "╌" if text.is_stale else "━" if text.is_focused and is_colorless else "─"
    stroke = Token.AMBER if text.is_stale else Token.ACCENT if text.is_focused else Token.LINE
    stale: Line = (Piece("  "), Piece("STALE", Token.AMBER, is_bold=True)) if text.is_stale else ()
    tail: Line = (Piece(" "), *text.right, Piece(f" {dash}", stroke)) if text.right else (Piece(dash, stroke),)
    tail = cut(tail, max(width // 2, width - 20))
    room = max(0, width - line_width(tail) - 2)
    head = _head(text, Piece(f"{dash} ", stroke), max(0, room - line_width(stale)))
    left = cut((*head, *stale), room)
    fill = max(0, width - line_width(left) - line_width(tail) - 1)
    return (*left, Piece(" "), Piece(dash * fill, stroke), *tail)


def _head(text: RuleText, begin: Piece, room: int) -> Line:
    """Return the tabs with the left text in at most `room` cells."""
    parts: list[list[Piece]] = [[begin], []]
    is_behind = False
    for index, tab in enumerate(text.tabs):
        parts[is_behind] += [*((Piece("   "),) if index else ()), *_tab(tab, is_focused=text.is_focused)]
        is_behind = is_behind or tab.is_open
    before, behind = map(tuple, parts)
    if not behind:
        return cut((*before, *text.left), room)
    left_room = room - line_width(before) - line_width(behind)
    left = cut(text.left, left_room) if left_room >= min(_MIN_LEFT, line_width(text.left)) else ()
    return cut((*before, *left, *behind), room)


def _tab(tab: Tab, *, is_focused: bool) -> Line:
    if is_focused and tab.is_open:
        return (Piece(f"{tab.number}:", Token.ACCENT, is_bold=True), Piece(tab.name, Token.BRIGHT, is_bold=True))
    token = Token.TEXT if tab.is_visible or (tab.is_open and not is_focused) else Token.MUTED
    return (Piece(f"{tab.number}:", Token.MUTED), Piece(tab.name, token))
