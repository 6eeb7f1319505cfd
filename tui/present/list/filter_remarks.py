"""The remark about words of a filter that are not understood."""

from tui.present.styled import Line, Piece, Token
from tui.store.filter import Filter


def complaint_line(parsed: Filter) -> Line:
    """Return the first word that is not understood, and why; empty if there is none."""
    return tuple(Piece(complaint.reason, Token.AMBER) for complaint in parsed.complaints[:1])
