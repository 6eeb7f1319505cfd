"""The question before the program ends while actions wait to be sent."""

from collections.abc import Mapping
from typing import Final

from tui.lazy_dataclass import dataclass
from tui.present import formatting
from tui.present.dialogs.confirm import INDENT
from tui.present.styled import Line, Piece, Token, line_width, wrap

WIDTH: Final = 60
_GAP: Final = 2


@dataclass(frozen=True, slots=True)
class LeaveKeys:
    """Whether `y` has an effect yet; if not, whether the terminal is slow or never confirms the drawn dialog."""

    may_answer: bool = False
    is_slow: bool = False
    is_silent: bool = False


def leave_lines(waiting: Mapping[str, int], keys: LeaveKeys, width: int) -> list[Line]:
    """Return the dialog in lines of at most `width` cells. `waiting` counts runs by the title of the action."""
    limit = width - 2 * INDENT
    actions = " and ".join(f"{title} of {formatting.plural(count, 'run')}" for title, count in waiting.items())
    verb = "waits" if len(waiting) == 1 else "wait"
    text = f"{actions} {verb} to be sent. If you quit now, it is not sent." if waiting else "Nothing waits to be sent."
    lines: list[Line] = [
        (),
        (Piece("Quit?", Token.BRIGHT, is_bold=True),),
        *((Piece(row, Token.MUTED),) for row in wrap(text, limit)),
        (),
        _answers(keys, limit),
        (),
    ]
    return [(Piece(" " * INDENT), *line) for line in lines]


def _answers(keys: LeaveKeys, limit: int) -> Line:
    left: Line = (Piece(" Stay ", Token.BUTTON), Piece("  "), Piece("Esc", Token.TEXT, is_bold=True))
    ctrl_c: Line = (Piece("ctrl-c", Token.TEXT, is_bold=True), Piece("  quit", Token.TEXT))
    right: Line = (
        Piece("y", Token.BRIGHT if keys.may_answer else Token.FAINT, is_bold=keys.may_answer),
        Piece(" or ", Token.FAINT),
        *ctrl_c,
    )
    if keys.is_silent:
        right = ctrl_c
    elif keys.is_slow:
        right = (Piece("waiting for the terminal", Token.AMBER), Piece(" or ", Token.FAINT), *ctrl_c)
    if line_width(left) + _GAP + line_width(right) > limit:
        right = ctrl_c
    return (*left, Piece(" " * max(_GAP, limit - line_width(left) - line_width(right))), *right)
