"""The table that `ls` prints: whole run ids, fitted to the terminal, or not cut at all in a pipe.

The pages of one table follow each other. Each is aligned in itself, and never narrower than the page before. The list
on the screen uses `columns.columns_for` instead.
"""

from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from datetime import datetime
from typing import Final

from tui.domain.run import Run
from tui.lazy_dataclass import dataclass
from tui.present.columns import (
    AGE,
    COST,
    CREATED,
    GAP,
    RUN,
    STATUS,
    TAGS,
    TASK,
    TOOK,
    VERSION,
    Column,
    Now,
    SizedColumn,
    head,
    row,
)
from tui.present.status import style_of
from tui.present.styled import Line, Piece, line_width


def _whole_id(run: Run, _now: Now) -> Line:
    return (Piece(run.id, style_of(run).row.rest),)


# Users of `ls` need the id more than the duration, so the id stays longer.
PRINTED: Final = (
    STATUS,
    TASK,
    replace(RUN, width=None, cell=_whole_id, drop_rank=1),
    replace(TOOK, drop_rank=2),
    AGE,
    VERSION,
    TAGS,
    COST,
)
# The least width of each flexible column, in the order in which they grow again.
_MIN_WIDTHS: Final = {"status": 15, "task": 12, "tags": 10}
_GLYPH_CELLS = 2


@dataclass
class PrintedTable:
    """The pages of one table. `limit` is the terminal's width in cells; None means that nothing is cut or dropped."""

    limit: int | None
    _slots: list[SizedColumn] = field(default_factory=list)
    _widest: dict[str, int] = field(default_factory=dict)

    def page(self, runs: Sequence[Run], now: datetime) -> list[Line]:
        """Return the lines of one page. The first page with runs starts with the titles."""
        if not runs:
            return []
        is_first, at = not self._slots, Now(now)
        for column in PRINTED:
            cells = (line_width(column.cell(run, at)) for run in runs)
            self._widest[column.id] = max(len(column.title), self._widest.get(column.id, 0), *cells)
        columns = [slot.column for slot in self._slots] if self._slots else list(PRINTED)
        self._slots = fitted(columns, self._widest, self.limit)
        return ([head(self._slots)] if is_first else []) + [row(run, self._slots, at) for run in runs]


def fitted(columns: Sequence[Column], natural: Mapping[str, int], limit: int | None) -> list[SizedColumn]:
    """Return the columns with their widths, so that a line fits into `limit` cells if possible.

    Flexible columns shrink first. Then columns are dropped by their `drop_rank`; those of rank 0 stay.
    """
    if limit is None:
        return [SizedColumn(column, natural[column.id]) for column in columns]
    kept = list(columns)
    while True:
        widths = {column.id: min(natural[column.id], _MIN_WIDTHS.get(column.id, natural[column.id])) for column in kept}
        spare = limit - _GLYPH_CELLS - sum(widths.values()) - GAP * (len(kept) - 1)
        last = max(kept, key=lambda column: column.drop_rank)
        if spare >= 0 or last.drop_rank == 0:
            break
        kept.remove(last)
    for flexible in _MIN_WIDTHS:
        if flexible in widths:
            grown = max(min(spare, natural[flexible] - widths[flexible]), 0)
            widths[flexible] += grown
            spare -= grown
    return [SizedColumn(column, widths[column.id]) for column in kept]


_WIDE: Final = {
    "status": 15,
    "task": 26,
    "run": 29,
    "took": 7,
    "age": 5,
    "created": 11,
    "version": 11,
    "tags": 22,
    "cost": 8,
}
MIN_BOTH_TIMES: Final = 100
"""The narrowest pane with ages and clock times."""

_EDGES: Final = 3  # The gutter and the right edge.


def wide_columns(pane_width: int) -> list[SizedColumn]:
    """Return the columns of the list on the screen, with whole run ids and clock times, for a pane of this width.

    A narrow pane has the clock times in the place of the ages.
    """
    times = (AGE, CREATED) if pane_width >= MIN_BOTH_TIMES else (CREATED,)
    columns = [each for column in PRINTED for each in (times if column is AGE else (column,))]
    slots = fitted(columns, _WIDE, pane_width - _EDGES)
    spare = pane_width - _EDGES - _GLYPH_CELLS - sum(slot.width for slot in slots) - GAP * (len(slots) - 1)
    return [slot._replace(width=slot.width + max(spare, 0)) if slot is slots[-1] else slot for slot in slots]
