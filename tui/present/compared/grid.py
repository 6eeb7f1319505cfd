"""The rows of the page: a label at the left, values beside each other, and `≠` before those that differ."""

from collections.abc import Hashable, Sequence
from typing import Final, NamedTuple

from tui.lazy_dataclass import dataclass
from tui.present.actions.row_actions import Row
from tui.present.styled import Line, Piece, Token, cut, fit, line_width, pad, plain, wrap

LABEL: Final = 14
MARK: Final = 2
GAP: Final = 2
MAX_VALUE_ROWS: Final = 4
"""Rows of one value. A longer one is cut."""

DIFFERS: Final = "≠"


class Marked(NamedTuple):
    """One row of a value, and whether the value is not as in most attempts."""

    line: Line
    is_marked: bool = False


@dataclass(frozen=True, slots=True)
class ComparedGrid:
    """The space of the page: rows of at most `limit` cells, and whether long values wrap."""

    limit: int
    is_wrapped: bool = True

    @property
    def width(self) -> int:
        """The cells of a value that has the whole row."""
        return max(self.limit - LABEL - MARK, 1)

    def column(self, count: int) -> int:
        """Return the cells of a value beside `count - 1` others."""
        return max((self.limit - LABEL) // max(count, 1) - MARK - GAP, 1)

    def heading(self, text: str, right: str = "") -> list[Row]:
        """Return the title of a block in a rule, between empty rows."""
        name: Line = (Piece(text, Token.TEXT), Piece(" "))
        end: Line = (Piece(f" {right}", Token.MUTED),) if right else ()
        stroke = "─" * max(0, self.limit - line_width(name) - line_width(end))
        return [Row(()), Row((*name, Piece(stroke, Token.LINE), *end), ("heading", text)), Row(())]

    def labelled(self, label: str, lines: Sequence[Line], key: Hashable) -> list[Row]:
        """Return lines that have the whole row, the label before the first."""
        heads = [label, *[""] * len(lines)]
        return [
            Row((*pad((Piece(heads[at], Token.FAINT),), LABEL + MARK), *cut(line, self.width)), (key, at))
            for at, line in enumerate(lines)
        ]

    def beside(self, label: str, columns: Sequence[Sequence[Marked]], key: Hashable) -> list[Row]:
        """Return values beside each other, each in as many rows as it needs."""
        width = self.column(len(columns))
        rows = []
        for at in range(max(map(len, columns), default=0)):
            line = pad((Piece("" if at else label, Token.FAINT),), LABEL)
            for column in columns:
                cell = column[at] if at < len(column) else Marked(())
                mark = (Piece(f"{DIFFERS} " if cell.is_marked else " " * MARK, Token.BRIGHT),)
                # One piece: the ASCII form of `⋯` is longer, and takes the place of the spaces before it.
                rest = tuple(
                    Piece(mark[0].text + piece.text, piece.token, is_bold=piece.is_bold) for piece in cell.line[:1]
                )
                cells = (*rest, *cell.line[1:]) if not cell.is_marked and rest else (*mark, *cell.line)
                line = (*line, *fit(cut(cells, MARK + width), MARK + width + GAP))
            rows.append(Row(line, (key, at)))
        return rows

    def value(self, line: Line, width: int, *, is_wide: bool, is_marked: bool = False) -> list[Marked]:
        """Return a value in rows of its column. A marked one is brighter, and its first row has the mark."""
        token = line[0].token if line else Token.TEXT
        token = Token.BRIGHT if is_marked and token is Token.TEXT else token
        text = plain(line)
        rows = wrap(text, width) if is_wide and self.is_wrapped else [text]
        if len(rows) > MAX_VALUE_ROWS:
            rows = [*rows[: MAX_VALUE_ROWS - 1], f"{rows[MAX_VALUE_ROWS - 1]} {' ' * width}"]
        return [Marked(cut((Piece(row, token),), width), is_marked and at == 0) for at, row in enumerate(rows)]
