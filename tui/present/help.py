"""The page of keys: each with its word and a sentence.

What lives here: the layout. Which keys there are is asked of the live bindings.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tui.present.styled import Line, Piece, Token, fit, wrap

_KEY: Final = 16
_WORD: Final = 20
_NARROW: Final = 76
"""Below this many cells the word goes: the sentence says the same."""


@dataclass(frozen=True, slots=True)
class HelpKey:
    """One binding: its keys as they are spelled, the word of the footer, the sentence."""

    keys: str
    word: str
    sentence: str
    works_now: bool = True


@dataclass(frozen=True, slots=True)
class HelpGroup:
    """Keys that belong together: of one pane, or of every one."""

    title: str
    keys: tuple[HelpKey, ...]


def help_lines(groups: Sequence[HelpGroup], width: int) -> list[Line]:
    """The groups one below the other, in lines of at most `width` cells (at least 40)."""
    lines: list[Line] = []
    for group in groups:
        if not group.keys:
            continue
        lines += [(), (Piece(group.title, Token.BRIGHT, is_bold=True),)]
        for key in group.keys:
            lines += _key_lines(key, max(width, 40))
    return lines


def _key_lines(key: HelpKey, width: int) -> list[Line]:
    head = fit((Piece(key.keys, Token.TEXT, is_bold=True),), _KEY - 2)
    head = (*head, Piece("  "))
    cells = _KEY
    if width >= _NARROW:
        head = (*head, *fit((Piece(key.word, Token.TEXT),), _WORD - 2), Piece("  "))
        cells += _WORD
    sentence = key.sentence if key.works_now else f"{key.sentence} Not now."
    first, *others = wrap(sentence, width - cells)
    blank = Piece(" " * cells)
    return [(*head, Piece(first, Token.MUTED)), *((blank, Piece(row, Token.MUTED)) for row in others)]
