"""Tables that commands print: fitted to the terminal, or not cut at all in a pipe."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final, Generic, NamedTuple, TypeVar

from tui.text.styled import Align, Line, Piece, Token, fit, joined, line_width

_GAP: Final = 2
_GLYPH_CELLS: Final = 2

T = TypeVar("T")


class PrintedColumn(NamedTuple, Generic[T]):
    """A column. `least` is its width where the line is full; None: it is never cut. The greatest `drop_rank` is dropped
    first, those of rank 0 never.
    """

    title: str
    cell: Callable[[T, datetime], Line]
    align: Align = "left"
    least: int | None = None
    drop_rank: int = 0


class FittedTable(NamedTuple, Generic[T]):
    """The columns of a table, and the sign before each line.

    The columns `growth` get the cells which are left, in this order. In a very narrow terminal they give cells up, down
    to `min_cut`.
    """

    columns: Sequence[PrintedColumn[T]]
    glyph: Callable[[T], Piece]
    growth: Sequence[str]
    min_cut: int

    def lines(self, rows: Sequence[T], now: datetime, limit: int | None) -> list[Line]:
        """Return a line of titles and one line a row, of at most `limit` cells if possible (None: nothing is cut).

        The columns that can be cut shrink first. Then columns are dropped.
        """
        if not rows:
            return []
        natural = {
            each.title: max(len(each.title), *(line_width(each.cell(row, now)) for row in rows))
            for each in self.columns
        }
        columns, widths = self._fitted(natural, limit)

        def line(cells: Sequence[Line]) -> Line:
            return joined(fit(cell, widths[each.title], each.align) for each, cell in zip(columns, cells, strict=True))

        head = line([(Piece(each.title, Token.FAINT),) for each in columns])
        body = ((self.glyph(row), Piece(" "), *line([each.cell(row, now) for each in columns])) for row in rows)
        return [(Piece(" " * _GLYPH_CELLS), *head), *body]

    def _fitted(self, natural: dict[str, int], limit: int | None) -> tuple[list[PrintedColumn[T]], dict[str, int]]:
        columns = list(self.columns)
        if limit is None:
            return columns, natural
        while True:
            widths = {each.title: min(natural[each.title], each.least or natural[each.title]) for each in columns}
            spare = limit - _GLYPH_CELLS - sum(widths.values()) - _GAP * (len(columns) - 1)
            last = max(columns, key=lambda each: each.drop_rank)
            if spare >= 0 or last.drop_rank == 0:
                break
            columns.remove(last)
        for title in self.growth:
            if title in widths:
                spent = max(min(spare, natural[title] - widths[title]), self.min_cut - widths[title])
                widths[title] += spent
                spare -= spent
        return columns, widths
