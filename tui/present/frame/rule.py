"""The titled rule above a pane: the pane's number and name, and its own texts on both sides."""

from tui.lazy_dataclass import dataclass
from tui.present.styled import Line, Piece, Token, cut, line_width


@dataclass(frozen=True, slots=True)
class Tab:
    """One pane's name in a rule. Panes that share a place on the screen share a rule, with one tab for each."""

    number: int
    name: str
    is_open: bool = True


@dataclass(frozen=True, slots=True)
class RuleText:
    """`─ 1:runs · left ──── right ─`. With `is_stale` it is dashed and amber, with the word STALE after `left`."""

    tabs: tuple[Tab, ...] = ()
    left: Line = ()
    right: Line = ()
    is_focused: bool = False
    is_stale: bool = False


def rule_line(text: RuleText, width: int, *, is_colorless: bool = False) -> Line:
    """Return the rule in exactly `width` cells. The left text is cut first."""
    dash = "╌" if text.is_stale else "━" if text.is_focused and is_colorless else "─"
    stroke = Token.AMBER if text.is_stale else Token.ACCENT if text.is_focused else Token.LINE
    head: list[Piece] = [Piece(f"{dash} ", stroke)]
    for index, tab in enumerate(text.tabs):
        if index:
            head.append(Piece("   "))
        head += _tab(tab, is_focused=text.is_focused)
    head += text.left
    stale: Line = (Piece("  "), Piece("STALE", Token.AMBER, is_bold=True)) if text.is_stale else ()
    tail: Line = (Piece(" "), *text.right, Piece(f" {dash}", stroke)) if text.right else (Piece(dash, stroke),)
    tail = cut(tail, max(width // 2, width - 20))
    room = max(0, width - line_width(tail) - 2)
    left = cut((*cut(tuple(head), max(0, room - line_width(stale))), *stale), room)
    fill = max(0, width - line_width(left) - line_width(tail) - 1)
    return (*left, Piece(" "), Piece(dash * fill, stroke), *tail)


def _tab(tab: Tab, *, is_focused: bool) -> Line:
    if is_focused and tab.is_open:
        return (Piece(f"{tab.number}:", Token.ACCENT, is_bold=True), Piece(tab.name, Token.BRIGHT, is_bold=True))
    token = Token.TEXT if tab.is_open and not is_focused else Token.MUTED
    return (Piece(f"{tab.number}:", Token.MUTED), Piece(tab.name, token))
