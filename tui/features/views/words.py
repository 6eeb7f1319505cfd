"""The lines of saved views: the dialog that saves one, the menu of their letters, and the page that lists them."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from tui.store.addresses import ListedView, SavedView, lettered, named
from tui.text.blocks import INDENT
from tui.text.styled import Line, Piece, Token, cut, fit, line_width, wrap

FROM_FILE: Final = "from the config file"
NO_VIEWS: Final = "No view is saved yet. S saves what a view shows."
READING: Final = "reading the saved views…"

WIDTH: Final = 68
"""Cells of the dialog that saves a view."""

MAX_ADDRESS_LINES: Final = 3
MENU_WIDTH: Final = 76
MENU_EDGES: Final = 6
"""Lines of the menu around the views."""

_MAX_NAME: Final = 28
_MIN_WORDS: Final = 16


# The dialog that saves a view.


def address_lines(words: str, width: int) -> list[Line]:
    """Return the address that is saved, in words and in at most `MAX_ADDRESS_LINES` lines."""
    label = "   opens  "
    room = width - len(label) - INDENT
    rows = wrap(words, room)
    if len(rows) > MAX_ADDRESS_LINES:
        rows = [*rows[: MAX_ADDRESS_LINES - 1], " ".join(rows[MAX_ADDRESS_LINES - 1 :])]
    return [
        (Piece(" " * len(label) if number else label, Token.FAINT), *cut((Piece(row),), room))
        for number, row in enumerate(rows)
    ]


def letter_remark(letter: str, name: str, views: Sequence[SavedView], before: SavedView | None) -> tuple[str, bool]:
    """Return a sentence about the letter and the name that were typed, and whether nothing can be saved so."""
    if problem := collision_with_file(letter, name, views):
        return problem, True
    if taken := collisions(letter, name, views, before):
        return taken[0].remark, False
    if letter:
        return f"' and {letter} will open it.", False
    return "' and its letter open it, :views lists all.", False


def collision_with_file(letter: str, name: str, views: Sequence[SavedView]) -> str:
    """Return why the config file prevents this letter or name, as a sentence; empty if it does not."""
    configured = [view for view in views if view.is_configured]
    if letter and (other := lettered(configured, letter)) is not None:
        return f"{letter} opens “{other.name}” of the config file: choose another letter."
    if name and (other := named(configured, name)) is not None:
        return f"The config file has a view “{other.name}”: choose another name."
    return ""


class Collision(NamedTuple):
    """What another view would lose: a remark while it is typed, then a question and what follows from `y`."""

    remark: str
    question: str
    consequence: str
    answer: str


def collisions(letter: str, name: str, views: Sequence[SavedView], before: SavedView | None) -> list[Collision]:
    """Return what other own views would lose by this letter and name: their place, their letter."""
    own = [view for view in views if not view.is_configured and (before is None or view.name != before.name)]
    found = []
    if name and (other := named(own, name)) is not None:
        remark = f"There is a view “{other.name}” already."
        gone = "What it opens now is then saved nowhere."
        if other.letter and other.letter != letter:
            gone += f" Its letter {other.letter} then opens nothing."
        found.append(Collision(remark, f"Replace the view “{other.name}”?", gone, "replace"))
    if letter and (other := lettered(own, letter)) is not None and other.name.casefold() != name.casefold():
        remark = f"{letter} opens “{other.name}” now."
        stays = f"“{other.name}” stays, without a letter."
        found.append(Collision(remark, f"Take the letter {letter} from “{other.name}”?", stays, "take it"))
    return found


# The menu of letters.


def menu_lines(views: Sequence[ListedView], cursor: int, top: int, size: tuple[int, int], note: str) -> list[Line]:
    """Return the menu: the views from `top` on, with their letters. `size` is that of the menu in cells and lines."""
    width, rows = size
    names = name_width(views, width)
    lines: list[Line] = [(), (Piece("   Open a view", Token.BRIGHT, is_bold=True),), ()]
    for number, listed in enumerate(views[top : top + rows], top):
        is_here = number == cursor
        edge = Piece(" ▌ " if is_here else "   ", Token.ACCENT)
        lines.append(cut((edge, *_columns(listed, names, is_here=is_here)), width))
    below = len(views) - top - rows
    usual = f"a letter opens its view   ↑ ↓ Enter{f'   {below} below' if below > 0 else ''}" if views else NO_VIEWS
    return [*lines, (), cut((Piece(f"   {note or usual}", Token.TEXT if note else Token.MUTED),), width), ()]


def unknown_letter(letter: str) -> str:
    """Return the sentence about a letter that no view has."""
    return f"No view has the letter {letter}. :views shows all, Esc closes."


# The page of all views.


def view_lines(listed: ListedView, names: int, width: int) -> list[Line]:
    """Return a view in one line of at most `width` cells, and below it what is wrong about it."""
    source: Line = (Piece(f"  {FROM_FILE}", Token.FAINT),) if listed.view.is_configured else ()
    room = width - line_width(source)
    line = (*fit(_columns(listed, names), room), *source) if source else cut(_columns(listed, names), room)
    remarks = wrap(f"{listed.remark}.", max(20, width - 3)) if listed.remark else []
    return [line, *((Piece("   "), Piece(row, Token.AMBER)) for row in remarks)]


def _columns(listed: ListedView, names: int, *, is_here: bool = False) -> Line:
    view = listed.view
    letter = Piece(f"{view.letter or ' '}  ", Token.ACCENT, is_bold=True)
    name = fit((Piece(view.name, Token.BRIGHT if is_here else Token.TEXT, is_bold=is_here),), names)
    return (letter, *name, Piece("  "), Piece(listed.words, Token.MUTED))


def name_width(views: Sequence[ListedView], width: int) -> int:
    """Return the cells for the names of all views."""
    longest = max((line_width((Piece(each.view.name),)) for each in views), default=0)
    return max(1, min(longest, _MAX_NAME, width - _MIN_WORDS))
