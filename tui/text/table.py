"""Tables: columns, their widths in a given width, the line of titles and those of the rows, on a screen and printed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from datetime import datetime
from itertools import accumulate, islice
from operator import attrgetter
from typing import Any, Final, Generic, NamedTuple, TypeVar

from tui.domain.text import Raw
from tui.lazy_dataclass import dataclass
from tui.text import formatting
from tui.text.blocks import Now
from tui.text.styled import Align, Line, Piece, Token, cut, fit, joined, line_width

GAP: Final = 2
GLYPH_CELLS: Final = 2
"""The glyph before the cells of a row, and its space."""

GUTTER_CELLS: Final = 2
EDGES: Final = GUTTER_CELLS + GLYPH_CELLS + 1
"""Cells of a row on the screen that belong to no column: the gutter, the glyph, and the right edge."""

_MIN_CUT: Final = 4
"""In a printed table, a column that can be cut keeps at least this many cells."""

R = TypeVar("R")


class Wish(NamedTuple):
    """How many cells a column needs: `least`, or the column is left out. It gets up to `most` where there is room."""

    least: int
    most: int


@dataclass(frozen=True, slots=True)
class Column(Generic[R]):
    """A column of a list. `cell` returns the cell of a row at a time, for a width in cells.

    * `width`: in cells; 0: it shares the cells that are left, down to `least`
    * `share`, `most`: the part of these cells that it takes, and the most, unless it is the last such column
    * `from_width`: narrower lists omit it; a list has a part of the terminal's width where it stands beside its page
    * `wish`: its cells where the user chose the columns; without one, its width
    * `is_ticking`: the cell depends on the time; other cells are made again only if their row has changed
    * `is_read_later`: the cell is read apart from its row, which stays the same then
    * `meaning`: it in a few words, for the dialog of columns
    * `right_title`: the title of a second value at its right end
    * `drop_rank`: in a narrow print, the greatest is dropped first, 0 never
    * `cut_to`: its width in a print whose lines are full; 0: it is never cut
    * `order`: the order that a click on its title chooses; empty: the one with its id, if there is one
    """

    id: str
    title: str
    cell: Callable[[R, Now, int], Line]
    width: int = 0
    align: Align = "left"
    from_width: int = 0
    least: int = 0
    most: int = 1_000
    share: float = 1.0
    wish: Wish | None = None
    is_ticking: bool = False
    is_read_later: bool = False
    meaning: str = ""
    right_title: str = ""
    drop_rank: int = 0
    cut_to: int = 0
    order: str = ""


def value_cell(value: object, now: Now, token: Token = Token.TEXT) -> Line:
    """Return a value as a cell: a text, a number, a time as an age or as `in 5m`; `·` where it is not known."""
    match value:
        case None:
            return (Piece(formatting.NONE, Token.MUTED),)
        case bool():
            return (Piece("yes" if value else "no", token),)
        case int():
            return (Piece(formatting.count(value), token),)
        case datetime():
            is_past = value <= now.at
            words = now.age(value) if is_past else f"in {formatting.age(now.at, value, in_minutes=now.in_minutes)}"
            return (Piece(words, token),)
        case tuple():
            return joined((Piece(Raw(str(each)), token),) for each in value)
        case _:
            return (Piece(Raw(str(value)), token),)


def shows(name: str, token: Token = Token.TEXT) -> Callable[[Any, Now, int], Line]:
    """Return the cell of a column that shows an attribute of its rows, or one of an attribute: `group.first_seen`."""
    return lambda row, now, _width: value_cell(attrgetter(name)(row), now, token)


class SizedColumn(NamedTuple, Generic[R]):
    """A column and its width in one table."""

    column: Column[R]
    width: int


class Layout(NamedTuple, Generic[R]):
    """Lists from a width on: other widths of columns by their ids, and other columns than those of the table."""

    from_width: int = 0
    widths: Mapping[str, int] = {}
    columns: tuple[Column[R], ...] | None = None


@dataclass(frozen=True, slots=True)
class Table(Generic[R]):
    """The columns of a list, and how they use its width.

    * `glyph`: returns the sign before a row
    * `strong`: the id of the column that is bold in the row under the cursor
    * `layouts`: those of several widths of the list, the widest first
    * `growth`: the columns that can be cut in a print, in the order in which they get the cells that are left; empty:
      from the left
    """

    columns: tuple[Column[R], ...]
    glyph: Callable[[R], Piece]
    strong: str = ""
    layouts: tuple[Layout[R], ...] = ()
    growth: tuple[str, ...] = ()

    def layout(self, width: int) -> Layout[R]:
        """Return the layout of a list of this width."""
        return next((each for each in self.layouts if width >= each.from_width), Layout())

    def slots(self, width: int) -> list[SizedColumn[R]]:
        """Return the columns that a list of this width shows, with their widths, in order."""
        layout = self.layout(width)
        shown = layout.columns or [each for each in self.columns if width >= each.from_width]
        widths = {each.id: layout.widths.get(each.id, each.width) for each in shown}
        flexible = [each for each in shown if not widths[each.id]]
        rest = width - EDGES - sum(widths.values()) - GAP * (len(shown) - 1)
        for each in flexible:
            part = rest if each is flexible[-1] else min(each.most, int(rest * each.share))
            widths[each.id] = max(part, each.least)
            rest -= widths[each.id]
        return [SizedColumn(each, widths[each.id]) for each in shown]

    def head(self, slots: Sequence[SizedColumn[R]], titles: Mapping[str, str] | None = None) -> Line:
        """Return the line of titles. `titles` are other ones, by the ids of columns."""
        cells: list[Line] = []
        for column, width in slots:
            title: Line = (Piece((titles or {}).get(column.id, column.title), Token.FAINT),)
            if column.right_title:
                title = (*fit(title, width - len(column.right_title)), Piece(column.right_title, Token.FAINT))
            cells.append(fit(title, width, column.align))
        return (Piece(" " * GLYPH_CELLS), *joined(cells, " " * GAP))

    def title_at(self, slots: Sequence[SizedColumn[R]], x: int) -> Column[R] | None:
        """Return the column whose title stands in a cell of the line of titles."""
        ends = accumulate((width + GAP for _, width in slots), initial=GLYPH_CELLS)
        return next((slot.column for slot, end in zip(slots, islice(ends, 1, None), strict=True) if x < end), None)

    def row(
        self,
        row: R,
        slots: Sequence[SizedColumn[R]],
        now: Now,
        *,
        is_current: bool = False,
        instead: Mapping[str, Line] | None = None,
    ) -> Line:
        """Return a row as its glyph and its cells. `instead` has the cells of some columns, by their ids."""
        cells: list[Line] = []
        for column, width in slots:
            cell = instead[column.id] if instead and column.id in instead else column.cell(row, now, width)
            if is_current and column.id == self.strong:
                cell = tuple(Piece(piece.text, piece.token, is_bold=True) for piece in cell)
            cells.append(fit(cell, width, column.align))
        return (self.glyph(row), Piece(" "), *joined(cells, " " * GAP))

    def wish_of(self, column: Column[R], width: int = 0) -> Wish:
        """Return how many cells a chosen column needs in a list of this width."""
        usual = self.layout(width).widths.get(column.id, column.width)
        return column.wish or Wish(usual, usual)


def divided(wishes: Sequence[Wish], room: int) -> list[int | None]:
    """Return the width of each column within `room` cells, None for those that do not fit.

    The columns are placed in their order, and one that does not fit makes way for narrower ones after it. The first
    one is always shown, cut if it must be. What is left is given to columns that can grow, in their order, and then to
    the last of those.
    """
    widths: list[int | None] = [None] * len(wishes)
    free = room
    for index, wish in enumerate(wishes):
        least = wish.least if index else max(1, min(wish.least, room))
        cost = least + (GAP if index else 0)
        if cost <= free or index == 0:
            widths[index] = least
            free -= cost
    growing = [index for index, wish in enumerate(wishes) if widths[index] is not None and wish.most > wish.least]
    for index in growing:
        more = min(max(free, 0), wishes[index].most - (widths[index] or 0))
        widths[index] = (widths[index] or 0) + more
        free -= more
    if growing and free > 0:
        widths[growing[-1]] = (widths[growing[-1]] or 0) + free
    return widths


@dataclass
class Print(Generic[R]):
    """A table as commands print it: fitted to a terminal of `limit` cells, or not cut at all (None).

    The pages of one table follow each other. Each is aligned in itself, and never narrower than the page before.
    """

    table: Table[R]
    limit: int | None
    _slots: list[SizedColumn[R]] = field(default_factory=list)
    _widest: dict[str, int] = field(default_factory=dict)

    def page(self, rows: Sequence[R], at: datetime) -> list[Line]:
        """Return the lines of one page. The first page with rows starts with the titles."""
        if not rows:
            return []
        table, now, is_first = self.table, Now(at), not self._slots
        for column in table.columns:
            cells = (line_width(column.cell(row, now, 0)) for row in rows)
            self._widest[column.id] = max(len(column.title), self._widest.get(column.id, 0), *cells)
        columns = [slot.column for slot in self._slots] or list(table.columns)
        self._slots = self._fitted(columns)
        head = [table.head(self._slots)] if is_first else []
        return head + [table.row(row, self._slots, now) for row in rows]

    def _fitted(self, columns: list[Column[R]]) -> list[SizedColumn[R]]:
        """Columns that can be cut shrink first. Then columns are dropped."""
        natural, limit = self._widest, self.limit
        if limit is None:
            return [SizedColumn(each, natural[each.id]) for each in columns]
        while True:
            widths = {each.id: min(natural[each.id], each.cut_to or natural[each.id]) for each in columns}
            spare = limit - GLYPH_CELLS - sum(widths.values()) - GAP * (len(columns) - 1)
            last = max(columns, key=lambda each: each.drop_rank)
            if spare >= 0 or last.drop_rank == 0:
                break
            columns.remove(last)
        for each in self.table.growth or [each.id for each in columns if each.cut_to]:
            if each in widths:
                more = max(min(spare, natural[each] - widths[each]), min(_MIN_CUT - widths[each], 0))
                widths[each] += more
                spare -= more
        return [SizedColumn(each, widths[each.id]) for each in columns]


# A row of cells in places that have gaps of their own, for blocks with several layouts: wall, overview, findings. Which
# place has how many cells is data: one layout for narrow, one for wide rows.


REST: Final = 1_000
Cell = Line | Callable[[int], Line]
"""A cell, or a function that makes it for a width."""


class Spot(NamedTuple):
    """Where a cell stands: after those before it.

    * `cells`: its width; 0 without `grow`: as wide as the cell is
    * `grow`: cells more where there is room; REST: all that are left
    * `gap`: free cells after it
    * `from_width`: narrower rows omit it
    """

    name: str
    cells: int = 0
    grow: int = 0
    align: Align = "left"
    gap: int = 1
    from_width: int = 0


def figures(cells: Mapping[str, int], from_width: int = 0) -> tuple[Spot, ...]:
    """Return the places of figures: their widths, by their names, have the free cells before them."""
    return tuple(Spot(name, width, align="right", gap=0, from_width=from_width) for name, width in cells.items())


def placed(layout: Sequence[Spot], width: int, cells: Mapping[str, Cell]) -> Line:
    """Return a row of at most `width` cells. A place without a cell is blank."""
    pieces: list[Piece] = []
    end = 0
    for place, begin, room in places(layout, width, cells):
        cell = cells.get(place.name, ())
        pieces += [Piece(" " * (begin - end))] if begin > end else []
        pieces += fit(cell if isinstance(cell, tuple) else cell(room), room, place.align)
        end = begin + room
    return tuple(pieces) if end <= width else cut(tuple(pieces), width)


def places(layout: Sequence[Spot], width: int, cells: Mapping[str, Cell] | None = None) -> list[tuple[Spot, int, int]]:
    """Return the places of a row of `width` cells, with the cell where each begins and its width."""
    shown = [each for each in layout if max(0, width) >= each.from_width]
    widths = {each.name: each.cells for each in shown}
    for place in shown:
        if not place.cells and not place.grow and cells is not None:
            cell = cells.get(place.name, ())
            widths[place.name] = line_width(cell) if isinstance(cell, tuple) else 0
    rest = width - sum(widths.values()) - sum(each.gap for each in shown[:-1])
    for place in sorted(shown, key=lambda each: each.grow):
        more = rest if place.grow == REST else max(0, min(rest, place.grow))
        widths[place.name] = max(0, widths[place.name] + more)
        rest -= more
    begins = accumulate((widths[each.name] + each.gap for each in shown), initial=0)
    return [(place, begin, widths[place.name]) for place, begin in zip(shown, begins, strict=False)]
