"""Computes where each pane is on a terminal of a given size. Pure arithmetic without widgets.

Panes declare a slot, and the layout gives each slot a place. `tui/kit/README.md` describes the three
layouts; the sizes between them stretch the smaller one. `Proportions` are what differs between two views.
"""

from collections.abc import Mapping, Sequence
from enum import Enum, auto
from typing import Final

from tui.lazy_dataclass import dataclass

MIN_WIDTH: Final = 60
MIN_HEIGHT: Final = 15
MEDIUM: Final = (100, 34)
WIDE: Final = (160, 30)
TALL: Final = 50
"""From this height on, a wide terminal has a place for each slot."""

SUMMARY_HEIGHT: Final = 2
"""Rows of the run summary if it has a background of its own. Otherwise a rule above it takes another row."""

WORKSPACE: Final = "workspace"

MIN_SPLIT_HEIGHT: Final = 15
"""From this height on, a shared place has room for two panes, one above the other."""

LIST_COLUMNS: Final = 116
"""Columns of the list of runs on a terminal of 200."""

MIN_STACKED_HEIGHT: Final = 20
"""From this height on, a narrow terminal has room for two panes, one above the other."""


class Slot(Enum):
    """The places of a layout. Panes of one slot share its place as tabs.

    `MAIN` is on top or on the left, the others beside or below it in this order. `SECOND` and `THIRD` share a place
    except on tall terminals. A screen has panes in all slots, or in `MAIN` and `FIRST` alone.
    """

    MAIN = auto()
    FIRST = auto()
    SECOND = auto()
    THIRD = auto()


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a pane stands.

    * `has_summary`: the summary of the selected run stands below the pane where it is alone
    * `is_overview`: the pane stands there while nothing is selected, and the others of its slot while something is
    * `is_below`: where the second and the third slot share a place that is high enough, the pane stands below the first
      one of it, unless another pane is in front
    """

    slot: Slot
    has_summary: bool = False
    is_overview: bool = False
    is_below: bool = False

    def is_in(self, *, overview: bool) -> bool:
        """Return whether the pane stands there while nothing is selected (`overview`), or while something is."""
        return self.slot is Slot.MAIN or self.is_overview is overview


@dataclass(frozen=True, slots=True)
class PaneRect:
    """The rectangle of a pane with its rule, in cells of the space between header and footer.

    `tabs` are the panes that share it, in order, this one included; empty if no other pane does.
    """

    x: int
    y: int
    width: int
    height: int
    tabs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PanePlan:
    """The visible panes by name, and their rectangles.

    `hairline` is the column between two of them as x, first row and row after the last. `joints` are the rows in which
    rules meet the hairline, each with its character. `cover` is the place of what stands over the lower part.
    """

    rects: Mapping[str, PaneRect]
    summary_height: int = 0
    hairline: tuple[int, int, int] | None = None
    joints: tuple[tuple[int, str], ...] = ()
    cover: PaneRect | None = None

    @property
    def cover_joint(self) -> int | None:
        """The column in which the hairline ends at the cover."""
        if self.hairline is None or self.cover is None or self.hairline[2] != self.cover.y:
            return None
        return self.hairline[0]

    @property
    def has_summary(self) -> bool:
        """Whether the summary of the selected run is visible."""
        return self.summary_height > 0

    def shows(self, pane: str) -> bool:
        """Return whether a pane is visible."""
        return pane in self.rects


@dataclass(frozen=True, slots=True)
class Proportions:
    """How a view divides its space.

    * `main_rows`: the rows of the main pane, of 38, where it is on top of the others
    * `main_columns`: its columns, of 200, where it is at the left
    * `is_stacked`: on a narrow terminal, the other panes share a place below the main pane
    """

    main_rows: int = 18
    main_columns: int = LIST_COLUMNS
    is_stacked: bool = False


def is_too_small(width: int, height: int) -> bool:
    """Return whether a terminal has room only for one line that says so."""
    return width < MIN_WIDTH or height < MIN_HEIGHT


def list_width(width: int, terminal_height: int) -> int:
    """Return the cells of the main pane in a row, while no pane is zoomed."""
    return _wide_list(width) if width >= WIDE[0] and not _is_narrow(width, terminal_height) else width


def _is_narrow(width: int, terminal_height: int) -> bool:
    return width < MEDIUM[0] or (terminal_height < MEDIUM[1] and width < WIDE[0]) or terminal_height < WIDE[1]


def _wide_list(width: int, main_columns: int = LIST_COLUMNS) -> int:
    return width * main_columns // 200


def plan(
    width: int,
    height: int,
    panes: Mapping[str, Placement],
    *,
    recent: Sequence[str],
    is_zoomed: bool,
    summary_height: int = SUMMARY_HEIGHT,
    proportions: Proportions = Proportions(),  # noqa: B008  frozen
) -> PanePlan:
    """Return the places in a space of `width` x `height` cells: the terminal without header and footer.

    `recent` are all panes, the one with the focus first. The most recent pane of a shared place is the visible one.
    """
    terminal_height = height + 2
    is_narrow = _is_narrow(width, terminal_height)
    if proportions.is_stacked and is_narrow and not is_zoomed and terminal_height >= MIN_STACKED_HEIGHT:
        return _stacked(width, height, _Groups(panes, recent), summary_height)
    if is_zoomed or is_narrow:
        # Where one pane is visible anyway, a zoom takes the rows of the summary.
        has_summary = panes[recent[0]].has_summary and not (is_zoomed and is_narrow)
        below = summary_height if has_summary else 0
        return PanePlan({recent[0]: PaneRect(0, 0, width, height - below)}, below)
    groups = _Groups(panes, recent)
    if not groups.has(Slot.SECOND, Slot.THIRD):
        return _two(width, height, groups, proportions)
    if width >= WIDE[0]:
        return _wide(width, height, groups, proportions, is_tall=terminal_height >= TALL)
    return _medium(width, height, groups, proportions)


@dataclass(frozen=True, slots=True)
class _Groups:
    """The panes by the places that they share."""

    panes: Mapping[str, Placement]
    recent: Sequence[str]

    def has(self, *slots: Slot) -> bool:
        """Return whether a pane has one of these slots."""
        return any(placement.slot in slots for placement in self.panes.values())

    def of(self, *slots: Slot) -> tuple[str, tuple[str, ...]]:
        """Return the visible pane of these slots, and the tabs of their place."""
        names = tuple(name for name, placement in self.panes.items() if placement.slot in slots)
        return min(names, key=self.recent.index), names if len(names) > 1 else ()

    def split(self, name: str) -> tuple[str, str] | None:
        """Return the pane on top and the one below it, if `name` is one of them."""
        shared = [each for each, placement in self.panes.items() if placement.slot in {Slot.SECOND, Slot.THIRD}]
        below = next((each for each in shared if self.panes[each].is_below), None)
        return (shared[0], below) if below is not None and name in {shared[0], below} else None


def _shared(groups: _Groups, x: int, y: int, width: int, height: int) -> dict[str, PaneRect]:
    """Return the panes in the place of the second and the third slot: one, or two of them one above the other."""
    name, tabs = groups.of(Slot.SECOND, Slot.THIRD)
    pair = groups.split(name)
    if pair is None or height < MIN_SPLIT_HEIGHT:
        return {name: PaneRect(x, y, width, height, tabs)}
    top = height * 7 // 20
    return {pair[0]: PaneRect(x, y, width, top, tabs), pair[1]: PaneRect(x, y + top, width, height - top)}


def _stacked(width: int, height: int, groups: _Groups, summary_height: int) -> PanePlan:
    """The main pane on top, all others in one place below it, then the summary if the main pane has one."""
    main, main_tabs = groups.of(Slot.MAIN)
    other, other_tabs = groups.of(Slot.FIRST, Slot.SECOND, Slot.THIRD)
    below = summary_height if groups.panes[main].has_summary else 0
    rows = height - below
    top = rows * 11 // 20
    rects = {main: PaneRect(0, 0, width, top, main_tabs), other: PaneRect(0, top, width, rows - top, other_tabs)}
    return PanePlan(rects, below)


def _two(width: int, height: int, groups: _Groups, proportions: Proportions) -> PanePlan:
    """The main pane, and all others in one place: below it, or on a wide terminal at its right."""
    main, main_tabs = groups.of(Slot.MAIN)
    other, other_tabs = groups.of(Slot.FIRST)
    if width < WIDE[0]:
        top = height * proportions.main_rows // 38
        rects = {main: PaneRect(0, 0, width, top, main_tabs), other: PaneRect(0, top, width, height - top, other_tabs)}
        return PanePlan(rects)
    left = _wide_list(width, proportions.main_columns)
    rects = {
        main: PaneRect(0, 0, left, height, main_tabs),
        other: PaneRect(left + 1, 0, width - left - 1, height, other_tabs),
    }
    return PanePlan(rects, hairline=(left, 0, height), joints=((0, "┬"),))


def _medium(width: int, height: int, groups: _Groups, proportions: Proportions) -> PanePlan:
    """The main pane on top; below it the first slot on the left, the other two on the right."""
    top = height * proportions.main_rows // 38
    left = min(width * 54 // 120, 72)
    main, main_tabs = groups.of(Slot.MAIN)
    first, first_tabs = groups.of(Slot.FIRST)
    others = _shared(groups, left + 1, top, width - left - 1, height - top)
    rects = {main: PaneRect(0, 0, width, top, main_tabs), first: PaneRect(0, top, left, height - top, first_tabs)}
    joints = tuple((each.y, "├" if each.y > top else "┬") for each in others.values())
    return PanePlan(rects | others, hairline=(left, top, height), joints=joints)


def _wide(width: int, height: int, groups: _Groups, proportions: Proportions, *, is_tall: bool) -> PanePlan:
    """The main pane on the left; the others on the right, from the top down."""
    left = _wide_list(width, proportions.main_columns)
    x, room = left + 1, width - left - 1
    main, main_tabs = groups.of(Slot.MAIN)
    first, first_tabs = groups.of(Slot.FIRST)
    heights = _shares(height, (23, 20, 15) if is_tall else (21, 19))
    others = {first: PaneRect(x, 0, room, heights[0], first_tabs)}
    if is_tall:
        y = heights[0]
        for slot, rows in zip((Slot.SECOND, Slot.THIRD), heights[1:], strict=True):
            name, tabs = groups.of(slot)
            others[name] = PaneRect(x, y, room, rows, tabs)
            y += rows
    else:
        others |= _shared(groups, x, heights[0], room, heights[1])
    joints = tuple((each.y, "├" if each.y else "┬") for each in others.values())
    main_rect = PaneRect(0, 0, left, height, main_tabs)
    return PanePlan({main: main_rect, **others}, hairline=(left, 0, height), joints=joints)


def _shares(height: int, parts: Sequence[int]) -> list[int]:
    whole = sum(parts)
    rows = [height * part // whole for part in parts[:-1]]
    return [*rows, height - sum(rows)]
