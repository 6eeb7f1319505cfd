"""What is said of a typed filter: the words in it that were not understood."""

from tui.present.styled import Line, Piece, Token
from tui.store.filter import Filter


def complaint_line(parsed: Filter) -> Line:
    """The first word that was not understood, and why; empty where all were."""
    return tuple(Piece(complaint.reason, Token.AMBER) for complaint in parsed.complaints[:1])
