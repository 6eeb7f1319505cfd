"""The remark about words of a filter that could not be parsed."""

from tui.present.styled import Line, Piece, Token
from tui.store.filter import Filter


def invalid_word_line(parsed: Filter) -> Line:
    """Return why the first invalid word could not be parsed; empty if all words are valid."""
    return tuple(Piece(invalid.reason, Token.AMBER) for invalid in parsed.invalid_words[:1])
