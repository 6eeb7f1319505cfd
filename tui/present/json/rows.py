"""Draws the rows of a folding JSON value, and as many of them as a pane has room for."""

from itertools import islice
from typing import Final

from tui.domain.run import Json
from tui.lazy_dataclass import dataclass
from tui.present import formatting
from tui.present.actions.row_actions import Row, ShowWhole, ToggleFold
from tui.present.json.fold import CHUNK_ROWS, FoldedJson, JsonFolds, Path, VisibleRow, indent_of
from tui.present.json.line import TextLine, inline, key_of, literal, preview
from tui.present.styled import ELLIPSIS, Line, Piece, Token, cut, fold, line_width
from tui.present.text_block import LABEL

WRAPPED_ROWS: Final = 2 * CHUNK_ROWS
"""The rows of one wrapped value. More would hide the values below it."""

MAX_COUNTED: Final = 1_000
"""Hidden rows are counted up to this number."""


@dataclass(frozen=True, slots=True)
class ValuePath:
    """The place of a value on a page: its label, and the path within the value."""

    label: str
    path: Path


def step_lines(step: VisibleRow, room: int, *, is_wrapped: bool = False) -> list[Line]:
    """Return the lines of one row within `room` cells (at least 10). A wrapped value may have several."""
    # In a very narrow pane the mark and the key alone may be too wide.
    return [cut(line, room) for line in _lines(step, room, is_wrapped=is_wrapped)]


def _lines(step: VisibleRow, room: int, *, is_wrapped: bool) -> list[Line]:
    margin = _margin(step, room)
    head: Line = (*margin, *key_of(step.label, (room - line_width(margin)) // 2))
    # A root that folds has its mark where other rows have their key.
    rest = max(room - line_width(head), 1) if step.path else max(room - line_width(margin), 1)
    if isinstance(step.value, TextLine):
        return _text_lines(step.value, head, rest, is_wrapped=is_wrapped)
    if step.is_open:
        return [(*head, *cut((Piece(note_of(step.value), Token.FAINT),), rest))]
    if not step.is_foldable:
        line, is_whole = inline(step.value, rest)
        # A scalar that does not fold may still be longer than its row: a number with a thousand digits.
        return [(*head, *line)] if is_whole else _wrapped(step.value, head, rest, is_wrapped=is_wrapped)
    if is_wrapped and step.is_text:
        return _wrapped(step.value, head, rest, is_wrapped=True)
    return [(*head, *preview(step.value, rest, note_of(step.value)))]


class ValueRows:
    """Draws the rows of values and caches them until the value, its folds or the width change.

    A page is rebuilt every second, while only visible rows and the count of hidden ones cost time.
    """

    def __init__(self) -> None:
        self._cache: dict[str, tuple[Json, tuple[JsonFolds, int, bool, int], list[Row]]] = {}

    def rows(
        self, label: str, value: Json, folds: JsonFolds, limit: int, *, is_wrapped: bool = False, max_rows: int = 60
    ) -> list[Row]:
        """Return `value_rows` of these arguments, cached by label."""
        arguments = (folds, limit, is_wrapped, max_rows)
        cached = self._cache.get(label)
        if cached is None or cached[0] is not value or cached[1] != arguments:
            rows = value_rows(label, value, folds, limit, is_wrapped=is_wrapped, max_rows=max_rows)
            cached = self._cache[label] = (value, arguments, rows)
        return cached[2]


def value_rows(
    label: str,
    value: Json,
    folds: JsonFolds,
    limit: int,
    *,
    is_wrapped: bool = False,
    max_rows: int = 60,
) -> list[Row]:
    """Return at most `max_rows` rows of a labelled value, and a row that leads to the rest."""
    room = max(limit - LABEL, LABEL)
    folded = FoldedJson(value, folds, room, is_wrapped=is_wrapped)
    rows: list[Row] = []
    steps = folded.walk()
    for step in islice(steps, max_rows):
        place = ValuePath(label, step.path)
        action = None if not step.is_foldable else ShowWhole(place) if step.is_text else ToggleFold(place)
        for index, line in enumerate(step_lines(step, room, is_wrapped=is_wrapped)):
            shown_label = "" if rows else label
            rows.append(Row(_behind(shown_label, line), None if index else place, action))
    left = sum(1 for _ in islice(steps, MAX_COUNTED))
    if left:
        count = (
            formatting.plural(left, "more line")
            if left < MAX_COUNTED
            else f"{formatting.count(MAX_COUNTED)} or more lines"
        )
        note: Line = (
            Piece(f"… {count}  ", Token.FAINT),
            Piece("Enter", Token.MUTED),
            Piece(" shows the whole", Token.FAINT),
        )
        rows.append(Row(_behind("", cut(note, room)), (label, "more"), ShowWhole(ValuePath(label, ()))))
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
    """Return the size of a folded value: `12 keys`, `120 items`, `13 kB, 4 lines`."""
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
    """Wrap a long value. If rows are missing, the last one says how long the value is."""
    if not is_wrapped:
        return [(*head, *cut(literal(value, rest + 1), rest))]
    max_rows = WRAPPED_ROWS * max(rest, 2)
    rows = fold(literal(value, max_rows), rest)
    if len(rows) > WRAPPED_ROWS or (isinstance(value, str) and len(value) > max_rows):
        note: Line = (Piece(f"  {note_of(value)}", Token.FAINT),)
        last = cut((*rows[WRAPPED_ROWS - 1], Piece(ELLIPSIS)), max(rest - line_width(note), 1))
        rows = [*rows[: WRAPPED_ROWS - 1], cut((*last, *note), rest)]
    indent = Piece(" " * line_width(head))
    return [(*head, *rows[0]), *((indent, *row) for row in rows[1:])]
