"""Where each pane stands at a size of the terminal: pure arithmetic, no widgets.

What lives here: `plan`. Sizes between the three of the design get the layout of the smaller one, stretched. Source:
DESIGN §7, looks/LOOKS.md.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

LEAST_WIDTH: Final = 60
LEAST_HEIGHT: Final = 15
MEDIUM: Final = (100, 34)
WIDE: Final = (160, 30)
TALL: Final = 50  # of WIDE: from here on the tree has a place of its own beside the attempts
STRIP_HEIGHT: Final = 2
"""On a ground of its own; where there is none, the rule above it is a row more."""

WORKSPACE: Final = "workspace"
LIST, DETAIL, ATTEMPTS, TREE = "runs", "detail", "attempts", "tree"
TABBED: Final = (ATTEMPTS, TREE)
"""The panes that share a place where each cannot have its own."""


@dataclass(frozen=True, slots=True)
class PaneRect:
    """One pane with its rule on top, in cells of the space between header and footer. `tabs` are the panes that share
    the place, itself included, in order; empty: it has it alone.
    """

    x: int
    y: int
    width: int
    height: int
    tabs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PanePlan:
    """Which panes are seen, and where. `hairline` is the column between two of them, from row to row, `joints` the
    rows where rules meet it, each with its character.
    """

    places: Mapping[str, PaneRect]
    strip_height: int = 0
    hairline: tuple[int, int, int] | None = None
    joints: tuple[tuple[int, str], ...] = ()

    @property
    def has_strip(self) -> bool:
        """Whether two lines tell about the selected run."""
        return self.strip_height > 0

    def shows(self, pane: str) -> bool:
        """Whether a pane is seen."""
        return pane in self.places


def is_too_small(width: int, height: int) -> bool:
    """Whether a terminal has no room for anything but one line that says so."""
    return width < LEAST_WIDTH or height < LEAST_HEIGHT


def plan(
    width: int, height: int, *, focused: str, tab: str, is_zoomed: bool, strip_height: int = STRIP_HEIGHT
) -> PanePlan:
    """The places in a space of `width` x `height` cells, which is the terminal without header and footer.

    `focused` is the pane that is seen where only one can be, `tab` the one of those that share a place.
    """
    full = height + 2
    is_narrow = width < MEDIUM[0] or (full < MEDIUM[1] and width < WIDE[0]) or full < WIDE[1]
    if is_zoomed or is_narrow:
        # Where there is one pane anyway, the strip is what a zoom can take.
        return _single(width, height, focused, 0 if is_zoomed and is_narrow else strip_height)
    if width >= WIDE[0]:
        return _wide(width, height, tab, is_tall=full >= TALL)
    return _medium(width, height, tab)


def _single(width: int, height: int, focused: str, strip_height: int) -> PanePlan:
    below = strip_height if focused in {LIST, TREE} else 0
    return PanePlan({focused: PaneRect(0, 0, width, height - below)}, below)


def _medium(width: int, height: int, tab: str) -> PanePlan:
    """The list on top; below it the detail on the left, tabs on the right."""
    top = height * 18 // 38
    left = min(width * 54 // 120, 72)
    places = {
        LIST: PaneRect(0, 0, width, top),
        DETAIL: PaneRect(0, top, left, height - top),
        tab: PaneRect(left + 1, top, width - left - 1, height - top, TABBED),
    }
    return PanePlan(places, hairline=(left, top, height), joints=((top, "┬"),))


def _wide(width: int, height: int, tab: str, *, is_tall: bool) -> PanePlan:
    """The list on the left; on the right detail, attempts and tree, the last two in one place where it is low."""
    left = width * 116 // 200
    x, room = left + 1, width - left - 1
    if is_tall:
        heights = _shares(height, (23, 20, 15))
        stack: Sequence[tuple[str, tuple[str, ...]]] = ((DETAIL, ()), (ATTEMPTS, ()), (TREE, ()))
    else:
        heights = _shares(height, (21, 19))
        stack = ((DETAIL, ()), (tab, TABBED))
    places = {LIST: PaneRect(0, 0, left, height)}
    joints = []
    y = 0
    for (pane, tabs), rows in zip(stack, heights, strict=True):
        places[pane] = PaneRect(x, y, room, rows, tabs)
        joints.append((y, "├" if y else "┬"))
        y += rows
    return PanePlan(places, hairline=(left, 0, height), joints=tuple(joints))


def _shares(height: int, parts: Sequence[int]) -> list[int]:
    whole = sum(parts)
    rows = [height * part // whole for part in parts[:-1]]
    return [*rows, height - sum(rows)]
