"""The page of keys, each with its word and a sentence, and below them what the signs of the header mean.

What lives here: the layout. Which keys there are is asked of the live bindings.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tui.present.frame.header import COUNT_LETTERS
from tui.present.sparkline import spark
from tui.present.styled import Line, Piece, Token, fit, pad, wrap
from tui.store.activity import Minute

_KEY: Final = 16
_WORD: Final = 20
_LETTER_TOKENS: Final = {"P": Token.AMBER, "E": Token.BLUE, "✗": Token.ROSE}
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


@dataclass(frozen=True, slots=True)
class Sign:
    """A sign of the screen, drawn as it stands there, and what it means."""

    mark: Piece
    sentence: str


def header_signs(*, is_colorless: bool = False) -> tuple[Sign, ...]:
    """The letters and bars of the header, in its order."""
    grey, foot, rose = spark([Minute(8, 0), Minute(8, 1), Minute(8, 8)], by_shape=is_colorless)
    return (
        *(Sign(_letter(letter), f"{meaning.capitalize()}.") for letter, meaning in COUNT_LETTERS),
        Sign(grey, "The runs that were created in a minute. The tallest bar is the busiest minute."),
        Sign(foot, "Some of them failed."),
        Sign(rose, "Most of them failed."),
    )


def _letter(letter: str) -> Piece:
    token = _LETTER_TOKENS.get(letter, Token.MUTED)
    return Piece(letter, token, is_bold=token is Token.ROSE)


def sign_lines(title: str, signs: Sequence[Sign], width: int) -> list[Line]:
    """The signs below a title, in lines of at most `width` cells (at least 40)."""
    lines: list[Line] = [(), (Piece(title, Token.BRIGHT, is_bold=True),)]
    for sign in signs:
        lines += _lines_beside(pad((sign.mark,), _KEY), _KEY, sign.sentence, max(width, 40))
    return lines


def _key_lines(key: HelpKey, width: int) -> list[Line]:
    head = fit((Piece(key.keys, Token.TEXT, is_bold=True),), _KEY - 2)
    head = (*head, Piece("  "))
    cells = _KEY
    if width >= _NARROW:
        head = (*head, *fit((Piece(key.word, Token.TEXT),), _WORD - 2), Piece("  "))
        cells += _WORD
    sentence = key.sentence if key.works_now else f"{key.sentence} Not now."
    return _lines_beside(head, cells, sentence, width)


def _lines_beside(head: Line, cells: int, sentence: str, width: int) -> list[Line]:
    """A sentence on the right of a head of so many cells, in lines of at most `width`."""
    first, *others = wrap(sentence, width - cells)
    blank = Piece(" " * cells)
    return [(*head, Piece(first, Token.MUTED)), *((blank, Piece(row, Token.MUTED)) for row in others)]
