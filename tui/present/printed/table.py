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
    whole_id,
)
from tui.present.styled import Line, line_width

# Users of `ls` need the id more than the duration, so the id stays longer.
PRINTED: Final = (
    STATUS,
    TASK,
    replace(RUN, width=None, cell=whole_id, drop_rank=1),
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
