"""The rows of a folding JSON value: their mark, their key, and the value or the beginning of it.

What lives here: the look of rows, and the few of them that a pane has room for. Where they come from is `json_fold`.
"""

from dataclasses import dataclass
from itertools import islice
from typing import Final

from tui.domain.run import Json
from tui.present import formatting
from tui.present.actions.row_actions import Row, ShowWhole, ToggleFold
from tui.present.json.fold import CHUNK_ROWS, FoldedJson, JsonFolds, Path, VisibleRow, indent_of
from tui.present.json.line import TextLine, inline, key_of, literal, preview
from tui.present.styled import ELLIPSIS, Line, Piece, Token, cut, fold, line_width
from tui.present.text_block import LABEL

WRAPPED_ROWS: Final = 2 * CHUNK_ROWS
"""Of one value while long ones are wrapped: it must not hide its neighbours."""

COUNTED: Final = 1_000
"""Rows that are counted where they are not shown."""


@dataclass(frozen=True, slots=True)
class ValuePath:
    """Where in a page a value is: under which label, and where within the value."""

    which: str
    path: Path


def step_lines(step: VisibleRow, room: int, *, is_wrapped: bool = False) -> list[Line]:
    """The lines of one row within `room` cells (at least 10): one, or of a long value while it is wrapped more."""
    # Where there is hardly any room the mark and the key alone may be too much.
    return [cut(line, room) for line in _lines(step, room, is_wrapped=is_wrapped)]


def _lines(step: VisibleRow, room: int, *, is_wrapped: bool) -> list[Line]:
    margin = _margin(step, room)
    head: Line = (*margin, *key_of(step.label, (room - line_width(margin)) // 2))
    # A root that folds has its mark where others have their key.
    rest = max(room - line_width(head), 1) if step.path else max(room - line_width(margin), 1)
    if isinstance(step.value, TextLine):
        return _text_lines(step.value, head, rest, is_wrapped=is_wrapped)
    if step.is_open:
        return [(*head, *cut((Piece(note_of(step.value), Token.FAINT),), rest))]
    if not step.is_foldable:
        line, is_whole = inline(step.value, rest)
        # Only what holds no others can be longer than its row and not fold: a number of a thousand digits.
        return [(*head, *line)] if is_whole else _wrapped(step.value, head, rest, is_wrapped=is_wrapped)
    if is_wrapped and step.is_text:
        return _wrapped(step.value, head, rest, is_wrapped=True)
    return [(*head, *preview(step.value, rest, note_of(step.value)))]


class ValueRows:
    """Makes the rows of values, and keeps them for as long as nothing that they are made of changes.

    A page is made anew each second; only what is unfolded, and how many rows are not shown, costs time.
    """

    def __init__(self) -> None:
        self._kept: dict[str, tuple[Json, tuple[JsonFolds, int, bool, int], list[Row]]] = {}

    def rows(
        self, which: str, value: Json, folds: JsonFolds, limit: int, *, is_wrapped: bool = False, most: int = 60
    ) -> list[Row]:
        """As `value_rows`."""
        made_of = (folds, limit, is_wrapped, most)
        kept = self._kept.get(which)
        if kept is None or kept[0] is not value or kept[1] != made_of:
            rows = value_rows(which, value, folds, limit, is_wrapped=is_wrapped, most=most)
            kept = self._kept[which] = (value, made_of, rows)
        return kept[2]


def value_rows(
    which: str,
    value: Json,
    folds: JsonFolds,
    limit: int,
    *,
    is_wrapped: bool = False,
    most: int = 60,
) -> list[Row]:
    """A labelled value in a pane of `limit` cells: at most `most` rows of it, then one that leads to the whole."""
    room = max(limit - LABEL, LABEL)
    folded = FoldedJson(value, folds, room, is_wrapped=is_wrapped)
    rows: list[Row] = []
    steps = folded.walk()
    for step in islice(steps, most):
        place = ValuePath(which, step.path)
        action = None if not step.is_foldable else ShowWhole(place) if step.is_text else ToggleFold(place)
        for index, line in enumerate(step_lines(step, room, is_wrapped=is_wrapped)):
            label = "" if rows else which
            rows.append(Row(_behind(label, line), None if index else place, action))
    left = sum(1 for _ in islice(steps, COUNTED))
    if left:
        count = formatting.plural(left, "more line") if left < COUNTED else f"{formatting.count(COUNTED)} or more lines"
        note: Line = (
            Piece(f"… {count}  ", Token.FAINT),
            Piece("Enter", Token.MUTED),
            Piece(" shows the whole", Token.FAINT),
        )
        rows.append(Row(_behind("", cut(note, room)), (which, "more"), ShowWhole(ValuePath(which, ()))))
    return rows


def _behind(label: str, line: Line) -> Line:
    return (Piece(f"{label:<{LABEL}}", Token.FAINT), *line)


def _margin(step: VisibleRow, room: int) -> Line:
    if isinstance(step.value, TextLine):
        return (Piece(" " * indent_of(len(step.path), room)),)
    mark = "▾ " if step.is_open else "▸ " if step.is_foldable else "  "
    if not step.path:
        return (Piece(mark, Token.FAINT),) if step.is_foldable else ()
    return (Piece(" " * indent_of(len(step.path), room)), Piece(mark, Token.FAINT))


def note_of(value: Json) -> str:
    """What a folded value is in all: `12 keys`, `120 items`, `13 kB, 4 lines`."""
    if isinstance(value, dict):
        return formatting.plural(len(value), "key")
    if isinstance(value, list):
        return formatting.plural(len(value), "item")
    if not isinstance(value, str):
        return ""
    lines = value.count("\n") + 1
    size = formatting.size(len(value.encode("utf-8", "surrogatepass")))
    return f"{size}, {formatting.plural(lines, 'line')}" if lines > 1 else size


def _text_lines(text: str, head: Line, rest: int, *, is_wrapped: bool) -> list[Line]:
    if not is_wrapped:
        return [(*head, *cut((Piece(text[: rest + 1], Token.TEXT),), rest))]
    indent = Piece(" " * line_width(head))
    return [(indent, *row) for row in fold((Piece(text, Token.TEXT),), rest)]


def _wrapped(value: Json, head: Line, rest: int, *, is_wrapped: bool) -> list[Line]:
    """A long value over several rows; the last one tells how long it is if that is not all."""
    if not is_wrapped:
        return [(*head, *cut(literal(value, rest + 1), rest))]
    most = WRAPPED_ROWS * max(rest, 2)
    rows = fold(literal(value, most), rest)
    if len(rows) > WRAPPED_ROWS or (isinstance(value, str) and len(value) > most):
        note: Line = (Piece(f"  {note_of(value)}", Token.FAINT),)
        last = cut((*rows[WRAPPED_ROWS - 1], Piece(ELLIPSIS)), max(rest - line_width(note), 1))
        rows = [*rows[: WRAPPED_ROWS - 1], cut((*last, *note), rest)]
    indent = Piece(" " * line_width(head))
    return [(*head, *rows[0]), *((indent, *row) for row in rows[1:])]
