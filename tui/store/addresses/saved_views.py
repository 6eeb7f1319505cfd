"""Saved views: an address under a name and a letter. Own ones can be changed, those of the config file only listed."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from tui.domain.text import clean
from tui.lazy_dataclass import dataclass
from tui.store.addresses.view_address import MAX_CHARS, read_address

MAX_VIEWS: Final = 200
MAX_NAME_CHARS: Final = 60
LETTERS: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")


@dataclass(frozen=True, slots=True)
class SavedView:
    """A view that was saved by the user, or that the config file defines.

    * `address`: as it was saved, perhaps by another version; `read_address` reads it
    * `letter`: opens the view behind `'`; empty: none does
    """

    name: str
    address: str
    letter: str = ""
    is_configured: bool = False


class ListedView(NamedTuple):
    """A view, the words of its address, and what is wrong about it; `remark` is empty if nothing is."""

    view: SavedView
    words: str
    remark: str = ""


class TooManyViews(ValueError):
    """There is no room for another view."""


def name_problem(name: str) -> str:
    """Return why a view cannot have this name, as a sentence; empty if it can."""
    if not name:
        return "A view needs a name."
    if len(name) > MAX_NAME_CHARS:
        return f"A name has at most {MAX_NAME_CHARS} characters."
    return "" if clean(name) == name and name == name.strip() else "This name has characters that cannot be shown."


def is_valid(view: SavedView) -> bool:
    """Return whether the parts of a view are within their bounds. Its address may still not fit."""
    return (
        0 < len(view.name) <= MAX_NAME_CHARS
        and 0 < len(view.address) <= MAX_CHARS
        and (not view.letter or view.letter in LETTERS)
    )


def named(views: Iterable[SavedView], name: str) -> SavedView | None:
    """Return the view with a name. Case does not matter."""
    return next((view for view in views if view.name.casefold() == name.casefold()), None)


def lettered(views: Iterable[SavedView], letter: str) -> SavedView | None:
    """Return the view that a letter opens: of two, the one of the config file."""
    found = [view for view in views if view.letter == letter]
    return next((view for view in found if view.is_configured), found[0] if found else None)


def with_view(views: Sequence[SavedView], view: SavedView, instead_of: str = "") -> tuple[SavedView, ...]:
    """Return the views with one more, or with it in the place of another name. Another view loses its letter to it.

    Raises `TooManyViews`.
    """
    gone = {view.name.casefold(), (instead_of or view.name).casefold()}
    kept: list[SavedView] = []
    is_placed = False
    for each in views:
        if each.name.casefold() in gone:
            kept += [] if is_placed else [view]
            is_placed = True
        else:
            kept.append(replace(each, letter="") if each.letter and each.letter == view.letter else each)
    if not is_placed:
        kept.append(view)
    if len(kept) > MAX_VIEWS:
        raise TooManyViews
    return tuple(kept)


def without_view(views: Sequence[SavedView], name: str) -> tuple[SavedView, ...]:
    """Return the views without one."""
    return tuple(each for each in views if each.name.casefold() != name.casefold())


def listed_views(views: Sequence[SavedView]) -> tuple[ListedView, ...]:
    """Return all views by their names, with what is wrong about them."""
    by_name = sorted(views, key=lambda view: (view.name.casefold(), view.name, not view.is_configured))
    return tuple(_listed(view, views) for view in by_name)


def _listed(view: SavedView, views: Sequence[SavedView]) -> ListedView:
    read = read_address(view.address)
    problems = [*read.problems[:1]]
    if view.letter and (other := lettered(views, view.letter)) is not None and other is not view:
        where = " of the config file" if other.is_configured else ""
        problems.append(f"{view.letter} opens “{other.name}”{where}")
    words = view.address if read.address is None else read.address.words
    return ListedView(view, words, "; ".join(problems))
