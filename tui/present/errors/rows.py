"""The rows of an error on a page: name, message, code, stack, and the chain of causes. Long parts fold."""

from collections.abc import Hashable, Sequence
from functools import lru_cache
from typing import Final

from tui.domain.errors.error import RunError
from tui.domain.errors.stack import FrameKind, StackFrame, parse_stack
from tui.domain.text import Raw
from tui.lazy_dataclass import dataclass
from tui.present import formatting
from tui.present.actions.row_actions import Row, ToggleFold
from tui.present.errors.frames import frame_rows, function_column, shown_frames
from tui.present.errors.layout import ErrorLayout
from tui.present.errors.text import frameless_stack
from tui.present.styled import Line, Piece, Token, cut, fold, line_width, pad, plain, wrap

MAX_FOLDED_ROWS: Final = 40
MAX_ROWS: Final = 2_000
MAX_CAUSES: Final = 20
"""A chain of causes that refers to itself would have no end."""

_ROOMY: Final = 76
_INDENT: Final = 2
_BEFORE_CODE: Final = 3


@dataclass(frozen=True, slots=True)
class _ChainError:
    """One error of the chain with its frames, and the key of its rows."""

    error: RunError
    frames: tuple[StackFrame, ...]
    key: Hashable
    lead: str

    @property
    def stack_key(self) -> Hashable:
        return (self.key, "stack")

    @property
    def begins_open(self) -> bool:
        """Whether the stack starts unfolded: it belongs to the error itself and has no own frame."""
        return not self.lead and not any(frame.kind is FrameKind.OWN for frame in self.frames)


@lru_cache(maxsize=4)
def error_rows(error: RunError, layout: ErrorLayout, key: Hashable, note: str = "") -> tuple[Row, ...]:
    """Return the rows of an error. `key` is the first part of their keys; `note` stands below the message.

    The result is cached: the page is rebuilt every second, and a message may have a million characters.
    """
    links = _chain(error, key)
    indent = _INDENT if layout.limit >= _ROOMY else 0
    inner = ErrorLayout(layout.limit - indent, layout.is_wrapped, layout.toggled, layout.opens_all)
    shown = (shown_frames(link.frames, inner, link.stack_key, begins_open=link.begins_open) for link in links)
    column = function_column(shown, inner.limit)
    own = (frame for link in links for frame in link.frames if frame.kind is FrameKind.OWN)
    first_own = next(own, None)
    rows: list[Row] = []
    for link in links:
        if rows:
            rows.append(Row((), (link.key, "gap")))
        rows += _message_rows(link, layout, "" if link.lead else note)
        stack = _stack_rows(link, inner, column, first_own)
        if stack and not link.lead:
            rows.append(Row((), (link.key, "above the stack")))
        rows += [row._replace(line=(Piece(" " * indent), *row.line)) for row in stack] if indent else stack
    return tuple(rows)


def _chain(error: RunError, key: Hashable) -> list[_ChainError]:
    """Return the error and its causes, depth first."""
    links: list[_ChainError] = []
    pending = [error]
    while pending and len(links) <= MAX_CAUSES:
        each = pending.pop()
        frames = parse_stack(each.stack, each.message) if each.stack else ()
        links.append(_ChainError(each, frames, (key, len(links)), "caused by " if links else ""))
        pending += reversed(each.causes)
    return links


def _message_rows(link: _ChainError, layout: ErrorLayout, note: str) -> list[Row]:
    error, limit = link.error, layout.limit
    head: Line = (Piece(link.lead, Token.FAINT),) if link.lead else ()
    if error.name:
        head += (Piece(error.name, Token.ROSE, is_bold=True), Piece(" "))
    indent = line_width(head)
    above: list[Line] = []
    if indent > limit // 2:
        above, head, indent = fold(head, limit), (), _INDENT
    head = pad(head, indent)
    texts, more = _text_rows(error.message, layout, limit - indent, (link.key, "message"))
    lines: list[Line] = [(Piece(text, Token.BRIGHT),) for text in texts] or [(Piece("no message", Token.MUTED),)]
    code = _code(error)
    if code and len(lines) == 1 and not more:
        longer = (*lines[0], Piece(" " * _BEFORE_CODE), *code)
        if line_width(longer) <= limit - indent:
            lines, code = [longer], ()
    rows = [Row(line, (link.key, "name", index)) for index, line in enumerate(above)]
    blank: Line = (Piece(" " * indent),) if indent else ()
    rows += [Row((*(blank if index else head), *line), (link.key, "text", index)) for index, line in enumerate(lines)]
    rows += [row._replace(line=(*blank, *row.line)) for row in more]
    reason: Line = (Piece("code  ", Token.FAINT), *code) if code else ()
    # A code is one long word. It moves to the left rather than break.
    left = indent if line_width(reason) <= limit - indent else 0
    below = [(Piece(" " * left), *line) for line in fold(reason, limit - left)] if code else []
    below += [(*blank, Piece(row, Token.FAINT)) for row in wrap(note, limit - indent)] if note else []
    return rows + [Row(line, (link.key, "below", index)) for index, line in enumerate(below)]


def _code(error: RunError) -> Line:
    is_in_message = error.code is None or error.code in error.message
    return () if is_in_message else (Piece(error.code or "", Token.MUTED),)


def _text_rows(text: Raw, layout: ErrorLayout, limit: int, key: Hashable) -> tuple[list[str], list[Row]]:
    """Return the first rows of a text, and a row that folds or counts the others, if there are any."""
    if not text.strip():
        return [], []
    is_open = layout.is_open(key)
    max_rows = MAX_ROWS if is_open else MAX_FOLDED_ROWS
    # Wrapping megabytes would take seconds. Only as many characters are wrapped as can fill the rows.
    max_characters = 2 * max_rows * max(limit, 2)
    text = Raw(text.rstrip())
    rows: list[str] = []
    shown_count = 0
    for line in text[:max_characters].replace("\r\n", "\n").split("\n"):
        if len(rows) > max_rows:
            break
        shown_count += len(rows) < max_rows
        rows += wrap(line, limit) if layout.is_wrapped else [plain(cut((Piece(line),), limit))]
    if len(rows) <= max_rows and len(text) <= max_characters:
        is_unfolded = key in layout.toggled and len(rows) > MAX_FOLDED_ROWS
        return rows, [_fold_row(f"▾ {formatting.plural(len(rows), 'line')}", "", key, limit)] if is_unfolded else []
    left_out = text.count("\n") + 1 - shown_count
    reason = f"… {formatting.plural(left_out, 'more line')}" if left_out else f"… {formatting.size(len(text))} in all"
    is_all = len(text) <= 2 * MAX_ROWS * max(limit, 2)
    hint = "" if is_open else f"  Enter shows {'the whole' if is_all else 'more'}"
    return rows[:max_rows], [_fold_row(reason, hint, key, limit)]


def _fold_row(text: str, hint: str, key: Hashable, limit: int) -> Row:
    return Row(cut((Piece(text, Token.MUTED), Piece(hint, Token.FAINT)), limit), key, ToggleFold(key))


def _stack_rows(link: _ChainError, layout: ErrorLayout, column: int, first_own: StackFrame | None) -> Sequence[Row]:
    key = link.stack_key
    if link.frames:
        frames = frame_rows(link.frames, layout, key, column=column, first_own=first_own, begins_open=link.begins_open)
        return list(frames)
    text = frameless_stack(link.error)
    texts, more = _text_rows(text, layout, layout.limit, key)
    return [Row((Piece(row, Token.MUTED),), (key, index)) for index, row in enumerate(texts)] + more
