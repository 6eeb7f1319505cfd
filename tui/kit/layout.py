"""Computes where each pane is on a terminal of a given size. Pure arithmetic without widgets.

Panes declare a slot, and the layout gives each slot a place. `tui/kit/README.md` describes the four
layouts; the sizes between them stretch the smaller one. `Proportions` are what differs between two views.
"""

from collections.abc import Callable, Mapping, Sequence
from enum import Enum, auto
from typing import Any, Final

from tui.lazy_dataclass import dataclass

MIN_WIDTH: Final = 60
MIN_HEIGHT: Final = 15
STACKED: Final = (80, 40)
MEDIUM: Final = (100, 34)
WIDE: Final = (160, 30)
TALL: Final = 50
"""A wide terminal of at least this height has a place for each slot."""

SUMMARY_HEIGHT: Final = 2
"""Rows of the run summary if it has a background of its own. Otherwise a rule above it takes another row."""

WORKSPACE: Final = "workspace"

MIN_SPLIT_HEIGHT: Final = 15
"""A shared place of at least this height has room for two panes, one above the other."""

LIST_COLUMNS: Final = 116
"""Columns of the list of runs on a terminal of 200."""

MIN_STACKED_HEIGHT: Final = 20
"""A narrow terminal of at least this height has room for two panes, one above the other."""


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
class PaneEntry:
    """A pane that is imported and made when it is first visible.

    * `title`: its name, which it is made with
    * `placement`: where it stands
    * `load`: imports its class, a `Pane`
    * `form_of`: the title of the pane whose number and place it shares as another form of it; empty for most panes
    """

    title: str
    placement: Placement
    load: Callable[[], type[Any]]
    form_of: str = ""


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

    `hairline` is the column between two of them. `joints` are the rows in which rules meet it, each with its character.
    `cover` is the place of what stands over the lower part, `summary` that of the two lines below the panes.
    """

    rects: Mapping[str, PaneRect]
    summary: PaneRect | None = None
    hairline: PaneRect | None = None
    joints: tuple[tuple[int, str], ...] = ()
    cover: PaneRect | None = None

    @property
    def cover_joint(self) -> int | None:
        """The column in which the hairline ends at the cover."""
        line, cover = self.hairline, self.cover
        return line.x if line is not None and cover is not None and line.y + line.height == cover.y else None

    @property
    def has_summary(self) -> bool:
        """Whether the summary of the selected run is visible."""
        return self.summary is not None

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
    has_room_for_one = is_narrow and (width < STACKED[0] or terminal_height < STACKED[1])
    groups = _Groups(panes, recent)
    if proportions.is_stacked and is_narrow and not is_zoomed and terminal_height >= MIN_STACKED_HEIGHT:
        below = summary_height if panes[groups.of(Slot.MAIN)[0]].has_summary else 0
        rows = height - below
        return PanePlan(_stacked(width, rows, groups, rows * 11 // 20), _summary(width, rows, below))
    if is_zoomed or has_room_for_one:
        # Where one pane is visible anyway, a zoom takes the rows of the summary.
        has_summary = panes[recent[0]].has_summary and not (is_zoomed and has_room_for_one)
        below = summary_height if has_summary else 0
        rows = height - below
        return PanePlan(groups.placed(0, 0, width, rows, *Slot), _summary(width, rows, below))
    if width >= WIDE[0]:
        left = _wide_list(width, proportions.main_columns)
        return _wide(width, height, groups, left, is_tall=terminal_height >= TALL)
    top = height * proportions.main_rows // 38
    if is_narrow or not groups.has(Slot.SECOND, Slot.THIRD):
        return PanePlan(_stacked(width, height, groups, top))
    return _medium(width, height, groups, top)


def _summary(width: int, y: int, height: int) -> PaneRect | None:
    return PaneRect(0, y, width, height) if height else None


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

    def placed(self, x: int, y: int, width: int, height: int, *slots: Slot) -> dict[str, PaneRect]:
        """Return the visible pane of these slots in their place."""
        name, tabs = self.of(*slots)
        return {name: PaneRect(x, y, width, height, tabs)}

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


def _stacked(width: int, height: int, groups: _Groups, top: int) -> dict[str, PaneRect]:
    """The main pane on top in `top` rows, all others in one place below it."""
    others = groups.placed(0, top, width, height - top, Slot.FIRST, Slot.SECOND, Slot.THIRD)
    return groups.placed(0, 0, width, top, Slot.MAIN) | others


def _medium(width: int, height: int, groups: _Groups, top: int) -> PanePlan:
    """The main pane on top; below it the first slot on the left, the other two on the right."""
    left = min(width * 54 // 120, 72)
    others = _shared(groups, left + 1, top, width - left - 1, height - top)
    main = groups.placed(0, 0, width, top, Slot.MAIN)
    return _divided(main | groups.placed(0, top, left, height - top, Slot.FIRST), others, left, top, height)


def _wide(width: int, height: int, groups: _Groups, left: int, *, is_tall: bool) -> PanePlan:
    """The main pane on the left; the others on the right, from the top down."""
    x, room = left + 1, width - left - 1
    if not groups.has(Slot.SECOND, Slot.THIRD):
        others = groups.placed(x, 0, room, height, Slot.FIRST)
    elif is_tall:
        first, second = height * 23 // 58, height * 20 // 58
        others = groups.placed(x, 0, room, first, Slot.FIRST)
        others |= groups.placed(x, first, room, second, Slot.SECOND)
        others |= groups.placed(x, first + second, room, height - first - second, Slot.THIRD)
    else:
        first = height * 21 // 40
        others = groups.placed(x, 0, room, first, Slot.FIRST) | _shared(groups, x, first, room, height - first)
    return _divided(groups.placed(0, 0, left, height, Slot.MAIN), others, left, 0, height)


def _divided(left: dict[str, PaneRect], right: dict[str, PaneRect], x: int, top: int, bottom: int) -> PanePlan:
    """Return the plan with a hairline between the panes on the left and those on the right, whose rules meet it."""
    joints = tuple((each.y, "├" if each.y > top else "┬") for each in right.values())
    return PanePlan(left | right, hairline=PaneRect(x, top, 1, bottom - top), joints=joints)
