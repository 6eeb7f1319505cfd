"""The rows below an opened line of a log: the rest of its message, and its attributes.

Stacks are folded by package, and causes within them fold. The attributes fold like any JSON value.
"""

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import replace
from itertools import islice
from typing import Final, assert_never

from tui.domain.errors.stack import FrameKind, StackFrame
from tui.domain.run import Json
from tui.domain.text import Raw
from tui.domain.traces.logged_text import (
    MAX_LINES,
    Frames,
    InnerError,
    LoggedPart,
    TextLines,
    Unparsed,
    has_stack,
    parse_logged_text,
)
from tui.present import formatting
from tui.present.actions.row_actions import Row, ShowWhole, ToggleFold
from tui.present.errors.frames import frame_rows, function_column, shown_frames
from tui.present.errors.layout import ErrorLayout
from tui.present.errors.stack import counted
from tui.present.json.fold import FoldedJson, Path, VisibleRow, indent_of
from tui.present.json.line import Label, key_of
from tui.present.json.rows import step_lines
from tui.present.logs.columns import rest_of
from tui.present.logs.folds import MESSAGE, AttributePath, Attributes, LineFolds
from tui.present.styled import Line, Piece, Token, cut, first_line, wrap

MAX_ROWS: Final = 300
"""The rows of one opened line. A row below them leads to the whole."""

MAX_OPEN_ERRORS: Final = 3
"""Up to this many errors of an aggregate error begin open."""

STACK_KEYS: Final = ("stack", "stackTrace", "stacktrace")

_INDENT: Final = 2
_MIN_ROOM: Final = 10


def opened_rows(message: Raw, attributes: Attributes, folds: LineFolds, room: int, *, is_wrapped: bool) -> list[Row]:
    """Return the rows below an opened line, in at most `room` cells."""
    room = max(room, _MIN_ROOM)
    layout = ErrorLayout(room, is_wrapped, folds.toggled, opens_all=folds.opens_all)
    rows = _rest_of_message(message, layout)
    if attributes.note:
        rows += [
            Row((Piece(" " * _INDENT), Piece(text, Token.MUTED)), ("note", index))
            for index, text in enumerate(wrap(attributes.note, room - _INDENT))
        ]
    elif attributes.values:
        rows += _attribute_rows(attributes.values, folds, layout)
    return [Row(cut(row.line, room), row.key, row.action) for row in rows]


def _rest_of_message(message: Raw, layout: ErrorLayout) -> list[Row]:
    """Return the message without the first line that is not blank, which stands above."""
    whole = Row((Piece("… ", Token.FAINT), *_hint(len(message))), (MESSAGE, "more"), ShowWhole(MESSAGE))
    rest = rest_of(message)
    if not rest:
        return [] if rest is not None else [whole]
    rows = list(islice(_part_rows(parse_logged_text(rest), layout, (MESSAGE,), 0), MAX_ROWS + 1))
    return rows if len(rows) <= MAX_ROWS else [*rows[:MAX_ROWS], whole]


def _hint(character_count: int) -> Line:
    return (
        Piece(f"{formatting.size(character_count)} in all  ", Token.FAINT),
        Piece("Enter", Token.MUTED),
        Piece(" shows the whole", Token.FAINT),
    )


def _part_rows(
    parts: Sequence[LoggedPart], layout: ErrorLayout, key: tuple[Hashable, ...], depth: int
) -> Iterable[Row]:
    """Yield the rows of a logged text. Errors within errors are indented."""
    margin = Piece(" " * (_INDENT * (depth + 1)))
    inner = replace(layout, limit=max(layout.limit - len(margin.text), _MIN_ROOM))
    for number, part in enumerate(parts):
        here = (*key, number)
        match part:
            case TextLines(lines):
                # Node indents what belongs to an inner error. Here its margin does.
                blank = min((len(line) - len(line.lstrip(" ")) for line in lines if line.strip()), default=0)
                for index, line in enumerate(line[blank:] if depth else line for line in lines):
                    for at, text in enumerate(wrap(Raw(line[: inner.limit * MAX_ROWS]), inner.limit)):
                        yield Row((margin, Piece(text, Token.TEXT)), (*here, index, at))
            case Frames(frames, _):
                for row in _stack(frames, inner, here):
                    yield Row((margin, *row.line), row.key, row.action)
            case InnerError():
                yield from _inner_error(part, inner, here, margin, depth)
            case Unparsed(text):
                for row in _unparsed(text, inner, here):
                    yield Row((margin, *row.line), row.key)
            case _:
                assert_never(part)


def _unparsed(text: Raw, layout: ErrorLayout, key: Hashable) -> Iterable[Row]:
    told = f"from here on as it came: stacks are found in the first {MAX_LINES} lines"
    for words, token in ((told, Token.FAINT), (Raw(text[: layout.limit * MAX_ROWS]), Token.TEXT)):
        for at, line in enumerate(wrap(words, layout.limit)):
            yield Row((Piece(line, token),), (key, token, at))


def _inner_error(
    error: InnerError, layout: ErrorLayout, key: tuple[Hashable, ...], margin: Piece, depth: int
) -> Iterable[Row]:
    begins_open = error.count <= MAX_OPEN_ERRORS
    is_open = layout.is_open(key, begins_open=begins_open)
    lead = "caused by " if error.kind == "cause" else f"{error.number} of {error.count}  "
    mark = ("▾ " if is_open else "▸ ") if error.parts else ""
    line = (margin, Piece(f"{mark}{lead}", Token.FAINT), Piece(first_line(error.head), Token.BRIGHT))
    yield Row(line, key, ToggleFold(key) if error.parts else None)
    if is_open:
        outer = replace(layout, limit=layout.limit + len(margin.text))
        yield from _part_rows(error.parts, outer, key, depth + 1)


def _stack(frames: Sequence[StackFrame], layout: ErrorLayout, key: Hashable) -> Iterable[Row]:
    """Yield the own frames, and one row for all others by package."""
    column = function_column([shown_frames(frames, layout, key, begins_open=False)[:MAX_ROWS]], layout.limit)
    first_own = next((frame for frame in frames if frame.kind is FrameKind.OWN), None)
    return frame_rows(frames, layout, key, column=column, first_own=first_own)


class _OpenJson(FoldedJson):
    """A value whose top level is always open: each attribute has a row, however short it is. Errors begin open."""

    def _is_foldable(self, path: Path, label: Label, value: Json) -> bool:
        return not path or super()._is_foldable(path, label, value)

    def _step(self, path: Path, label: Label, value: Json) -> VisibleRow:
        step = super()._step(path, label, value)
        if not (path and step.is_foldable and _is_error(value)):
            return step
        return step._replace(is_open=not step.is_open or path in self.folds.found)


def _is_error(value: Json) -> bool:
    """Return whether a value is an error as a logger writes it: an object with a stack."""
    stacks = (value.get(key) for key in STACK_KEYS) if isinstance(value, dict) else ()
    return any(isinstance(stack, str) and has_stack(stack) for stack in stacks)


def _attribute_rows(values: Json, folds: LineFolds, layout: ErrorLayout) -> list[Row]:
    rows: list[Row] = []
    room = layout.limit
    steps = _OpenJson(values, folds.json, room, is_wrapped=layout.is_wrapped).walk()
    next(steps)  # the row of the whole value
    stack: Path | None = None
    for step in steps:
        if stack is not None and step.path[: len(stack)] == stack:
            continue  # a line of its text, which a search unfolds: the stack shows it already
        if len(rows) >= MAX_ROWS:
            rows.append(Row((Piece("  … ", Token.FAINT), *_hint_more()), "more", ShowWhole(AttributePath(()))))
            break
        if step.is_text and step.is_foldable and (parts := _logged_stack(step.value)) is not None:
            rows += _stack_value(step, parts, layout, room)
            stack = step.path
            continue
        place = AttributePath(step.path)
        action = None if not step.is_foldable else ShowWhole(place) if step.is_text else ToggleFold(place)
        for index, line in enumerate(step_lines(step, room, is_wrapped=layout.is_wrapped)):
            rows.append(Row(line, None if index else place, action))
    return rows


def _hint_more() -> Line:
    return (Piece("Enter", Token.MUTED), Piece(" shows the whole", Token.FAINT))


def _logged_stack(text: str) -> tuple[LoggedPart, ...] | None:
    """Return the parts of a text with a stack, None for any other text."""
    if not has_stack(text):
        return None
    parts = parse_logged_text(Raw(text))
    return parts if any(not isinstance(part, TextLines) for part in parts) else None


def _stack_value(step: VisibleRow, parts: Sequence[LoggedPart], layout: ErrorLayout, room: int) -> list[Row]:
    """Return `stack: ▸ 12 frames`, and below it the stack if the user opened it."""
    key = ("stack", step.path)
    is_open = layout.is_open(key)
    margin = Piece(" " * indent_of(len(step.path), room))
    frames = tuple(_frames_of(parts))
    head = (
        margin,
        Piece(f"{'▾' if is_open else '▸'} ", Token.FAINT),
        *key_of(step.label, room // 2),
        Piece(counted(frames), Token.FAINT),
    )
    rows = [Row(head, key, ToggleFold(key))]
    if is_open:
        below = replace(layout, limit=max(layout.limit - len(margin.text), _MIN_ROOM))
        rows += [
            Row((margin, *row.line), row.key, row.action) for row in islice(_part_rows(parts, below, key, 0), MAX_ROWS)
        ]
    return rows


def _frames_of(parts: Iterable[LoggedPart]) -> Iterable[StackFrame]:
    for part in parts:
        if isinstance(part, Frames):
            yield from part.frames
        elif isinstance(part, InnerError):
            yield from _frames_of(part.parts)
