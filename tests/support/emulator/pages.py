"""Reads a list page by page."""

from collections.abc import Callable, Mapping
from typing import TypeVar

from tui.emulator.lists import CursorPage

Row = TypeVar("Row")


def walked(
    read: Callable[[Mapping[str, str]], CursorPage[Row]], query: Mapping[str, str]
) -> tuple[list[Row], list[Row]]:
    """Return the rows of all pages, from the first to the last one, and of all pages on the way back."""
    page = read(query)
    forward = [*page.rows]
    while page.next:
        page = read({**query, "page[after]": page.next})
        forward += page.rows
    back = [*page.rows]
    while page.previous:
        page = read({**query, "page[before]": page.previous})
        back += page.rows
    return forward, back
