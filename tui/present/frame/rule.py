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
"""Cells of a cut left text beside tabs, and of its rest behind its first part: fewer say nothing."""

_LEFT_SHARE: Final = 3
"""The first part of the left text gets a third of the room for texts, if it needs that much."""

_MIN_RIGHT: Final = 40
"""Cells of the first part of the right text beside several tabs, if it needs that many. The tabs are cut for it."""

_RIGHT_EDGES: Final = 3
"""Cells around the right text: a space before it, a space and the end of the rule behind it."""


@dataclass(frozen=True, slots=True)
class RuleText:
    """`─ 1:runs · left ──── right ─`. With `is_stale` it is dashed and amber, with the word STALE after `left`.

    `spare`: the parts of `left` and `right` that a narrow rule omits first, in this order.
    """

    tabs: tuple[Tab, ...] = ()
    left: Line = ()
    right: Line = ()
    is_focused: bool = False
    is_stale: bool = False
    spare: tuple[Line, ...] = ()


def rule_parts(line: Line) -> list[Line]:
    """Return the parts of a text. Each begins with a piece that begins with ` · `, except the first one."""
    parts: list[Line] = []
    for piece in line:
        if not parts or piece.text.startswith(" · "):
            parts.append(())
        parts[-1] = (*parts[-1], piece)
    return parts


def rule_line(text: RuleText, width: int, *, is_colorless: bool = False) -> Line:
    """Return the rule in exactly `width` cells. The left text stands behind the tab that is open.

    A narrow rule omits what is spare. Then it cuts the left text behind its first part, and omits the last parts of the
    right text, of which only the first part is cut.
    """
    dash = "╌" if text.is_stale else "━" if text.is_focused and is_colorless else "─"
    stroke = Token.AMBER if text.is_stale else Token.ACCENT if text.is_focused else Token.LINE
    stale: Line = (Piece("  "), Piece("STALE", Token.AMBER, is_bold=True)) if text.is_stale else ()
    begin = Piece(f"{dash} ", stroke)
    around = line_width((*_head(text, (), begin, width), *stale)) + 2
    left, right = _fitted(text, around, width)
    tail: Line = (Piece(" "), *right, Piece(f" {dash}", stroke)) if right else (Piece(dash, stroke),)
    room = max(0, width - line_width(tail) - 2)
    head = _head(text, left, begin, max(0, room - line_width(stale)))
    left = cut((*head, *stale), room)
    fill = max(0, width - line_width(left) - line_width(tail) - 1)
    return (*left, Piece(" "), Piece(dash * fill, stroke), *tail)


def _fitted(text: RuleText, around: int, width: int) -> tuple[Line, Line]:
    """Return the left and the right text without what has no room beside the `around` cells of the rest."""
    left, right = text.left, text.right
    room = width - around - (_RIGHT_EDGES if right else 1)
    for part in text.spare:
        if line_width(left) + line_width(right) <= room:
            break
        left, right = _without(left, part), _without(right, part)
    # A long left text, which may be a user's own, leaves most of the rule to the right one.
    limit = room - min(_first_cells(left), room // _LEFT_SHARE)
    if len(text.tabs) > 1:
        limit = max(limit, min(_first_cells(right), _MIN_RIGHT))
    right = cut(_leading_parts(right, limit), limit)
    left_room = room - line_width(right)
    if line_width(left) > left_room and left_room - _first_cells(left) < _MIN_LEFT:
        left = rule_parts(left)[0] if left else ()
    return left, right


def _first_cells(line: Line) -> int:
    """Return the cells of the first part of a text."""
    return line_width(rule_parts(line)[0]) if line else 0


def _without(line: Line, part: Line) -> Line:
    for begin in range(len(line) - len(part) + 1):
        if line[begin : begin + len(part)] == part:
            return line[:begin] + line[begin + len(part) :]
    return line


def _leading_parts(line: Line, limit: int) -> Line:
    """Return the first parts that fit into `limit` cells, but at least the first one."""
    parts = rule_parts(line)
    while len(parts) > 1 and sum(map(line_width, parts)) > limit:
        parts.pop()
    return tuple(piece for part in parts for piece in part)


def _head(text: RuleText, left: Line, begin: Piece, room: int) -> Line:
    """Return the tabs with the left text in at most `room` cells."""
    parts: list[list[Piece]] = [[begin], []]
    is_behind = False
    for index, tab in enumerate(text.tabs):
        parts[is_behind] += [*((Piece("   "),) if index else ()), *_tab(tab, is_focused=text.is_focused)]
        is_behind = is_behind or tab.is_open
    before, behind = map(tuple, parts)
    left_room = room - line_width(before) - line_width(behind)
    has_room = not text.tabs or left_room >= min(_MIN_LEFT, line_width(left))
    return cut((*before, *(cut(left, left_room) if has_room else ()), *behind), room)


def _tab(tab: Tab, *, is_focused: bool) -> Line:
    if is_focused and tab.is_open:
        return (Piece(f"{tab.number}:", Token.ACCENT, is_bold=True), Piece(tab.name, Token.BRIGHT, is_bold=True))
    token = Token.TEXT if tab.is_visible or (tab.is_open and not is_focused) else Token.MUTED
    return (Piece(f"{tab.number}:", Token.MUTED), Piece(tab.name, token))
