"""The rows of a stack: the user's own frames are bright, all other frames share one row.

`domain.errors.stack` parses the frames; `errors.stack` prints them.
"""

import re
from collections.abc import Hashable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Final

from rich.cells import cell_len

from tui.domain.errors.stack import FrameKind, StackFrame
from tui.domain.text import Raw, clean
from tui.present import formatting
from tui.present.actions.row_actions import Row, ToggleFold
from tui.present.errors.layout import ErrorLayout
from tui.present.errors.stack import counted
from tui.present.styled import ELLIPSIS, Line, Piece, Token, cut, fit, fold, joined, line_width, plain

MAX_OWN_FRAMES: Final = 20
"""The own frames that are shown of a folded stack. A recursion throws hundreds of equal frames."""

MAX_FRAMES: Final = 2_000
_GAP: Final = 2
_MAX_FOREIGN_FUNCTION: Final = 24
"""The width that functions of other packages may claim, so that the user's own files stay near."""

_MIN_PLACE: Final = 24
"""A path is wrapped beside its function if it has at least this many cells there."""


def function_column(stacks: Iterable[Sequence[StackFrame]], limit: int) -> int:
    """Return the width of the functions of all stacks on one page, so that their files line up."""
    widths = (
        min(line_width(_function(frame, Token.TEXT)), limit if frame.kind is FrameKind.OWN else _MAX_FOREIGN_FUNCTION)
        for frames in stacks
        for frame in islice(frames, MAX_FRAMES)
        if frame.kind is not FrameKind.NOTE
    )
    return min(max(widths, default=0), max(limit // 2 - _GAP, 1))


def shown_frames(
    frames: Sequence[StackFrame], layout: ErrorLayout, key: Hashable, *, begins_open: bool
) -> list[StackFrame]:
    """Return the frames with a row of their own: all of them in an open fold, else the first own ones."""
    if layout.is_open(key, begins_open=begins_open):
        return list(frames[:MAX_FRAMES])
    return [frame for frame in frames if frame.kind is FrameKind.OWN][:MAX_OWN_FRAMES]


def frame_rows(
    frames: Sequence[StackFrame],
    layout: ErrorLayout,
    key: Hashable,
    *,
    column: int,
    first_own: StackFrame | None,
    begins_open: bool = False,
) -> Iterator[Row]:
    """Yield the rows of a stack, its functions in `column` cells. `key` names its fold; `first_own` is highlighted."""
    shown = shown_frames(frames, layout, key, begins_open=begins_open)
    for index, frame in enumerate(shown):
        for part, line in enumerate(_frame(frame, layout, column, is_first=frame is first_own)):
            yield Row(line, (key, index, part))
    if layout.is_open(key, begins_open=begins_open):
        folded: Sequence[StackFrame] = [frame for frame in frames if frame.kind is not FrameKind.OWN]
        mark = "▾"
    else:
        places = {id(frame) for frame in shown}
        folded = [frame for frame in frames if id(frame) not in places]
        mark = "⋯"
    if folded:
        none = "" if any(frame.kind is FrameKind.OWN for frame in frames) else ", none of yours"
        beyond = f", {len(frames) - MAX_FRAMES} more" if mark == "▾" and len(frames) > MAX_FRAMES else ""
        texts = (f"{mark} {counted(folded, is_naming=is_naming)}{none}{beyond}" for is_naming in (True, False))
        text = next((text for text in texts if cell_len(clean(text)) <= layout.limit), None)
        count = sum(frame.kind is not FrameKind.NOTE for frame in folded)
        line = (Piece(text or f"{mark} {formatting.plural(count, 'frame')}{none}", Token.FAINT),)
        yield Row(cut(line, layout.limit), key, ToggleFold(key))


def _frame(frame: StackFrame, layout: ErrorLayout, column: int, *, is_first: bool) -> list[Line]:
    if frame.kind is FrameKind.NOTE:
        return [cut((Piece(frame.text, Token.FAINT),), layout.limit)]
    is_own = frame.kind is FrameKind.OWN
    function = _function(frame, Token.BRIGHT if is_own else Token.MUTED, is_bold=is_first)
    path, position = _place(frame)
    token = Token.BRIGHT if is_first else Token.TEXT if is_own else Token.FAINT
    left = layout.limit - column - _GAP
    if not (layout.is_wrapped and is_own):
        tail = path_tail(path, left - cell_len(position))
        place: Line = (Piece(tail, token, is_bold=is_first), Piece(position, Token.FAINT))
        return [cut(joined((fit(function, column), place)), layout.limit)]
    is_beside = line_width(function) <= column and left >= min(_MIN_PLACE, cell_len(clean(path)) + cell_len(position))
    rows = [
        (*(Piece(text, token, is_bold=is_first) for text in row[:1]), *(Piece(text, Token.FAINT) for text in row[1:]))
        for row in _path_rows(path, position, left if is_beside else layout.limit - 2)
    ]
    if is_beside:
        blank = Piece(" " * (column + _GAP))
        return [joined((fit(function, column), rows[0])), *((blank, *row) for row in rows[1:])]
    return [*fold(function, layout.limit), *((Piece("  "), *row) for row in rows)]


def _path_rows(path: Raw, position: str, limit: int) -> list[tuple[str, ...]]:
    """Break a path behind its slashes into rows, with the position at the end. Each row is a tuple of its texts.

    A folder that is longer than a row is broken where the row is full.
    """
    rows = [""]
    parts = re.split(r"(?<=[/\\])", clean(path))
    for part in parts:
        needed = cell_len(part) + (cell_len(position) if part is parts[-1] else 0)
        if rows[-1] and cell_len(rows[-1]) + needed > limit:
            rows.append("")
        first, *more = (plain(row) for row in fold((Piece(part),), limit))
        rows[-1] += first
        rows += more
    if cell_len(rows[-1]) + cell_len(position) > limit:
        return [*((row,) for row in rows), ("", position)]
    return [*((row,) for row in rows[:-1]), (rows[-1], position)]


def _function(frame: StackFrame, token: Token, *, is_bold: bool = False) -> Line:
    if frame.function is None:
        return (Piece("(anonymous)" if frame.short_file else frame.text, Token.MUTED, is_bold=is_bold),)
    return (Piece("async " if frame.is_async else "", Token.FAINT), Piece(frame.function, token, is_bold=is_bold))


def _place(frame: StackFrame) -> tuple[Raw, str]:
    """Return the file with the line, and the column."""
    line = "" if frame.line is None else f":{frame.line}"
    return Raw((frame.short_file or "") + line), "" if frame.column is None else f":{frame.column}"


def path_tail(path: Raw, limit: int) -> str:
    """Return the end of a path, which matters more than its start: `…/payments/client.ts:88`."""
    text = clean(path)
    if cell_len(text) <= limit:
        return text
    start = max(0, len(text) - limit)
    while start < len(text) and (cell_len(text[start:]) >= limit or cell_len(text[start]) == 0):
        start += 1
    return ELLIPSIS + text[start:]
