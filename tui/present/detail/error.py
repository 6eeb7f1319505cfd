"""The error of a failed run on the detail page: name, message, place in the user's code, causes."""

from functools import lru_cache
from typing import Final

from tui.domain.errors.error import RunError
from tui.domain.errors.stack import FrameKind, parse_stack
from tui.domain.run import Run
from tui.domain.text import Raw
from tui.present import formatting
from tui.present.actions.row_actions import Row, ShowWhole
from tui.present.json.rows import ValuePath
from tui.present.styled import Line, Piece, Token, cut, first_line, fold, line_width, wrap

ERROR: Final = "error"
"""Names the error among the values of a page that can be shown whole."""

MAX_MESSAGE_ROWS: Final = 8
MAX_CAUSES: Final = 3


def best_error(run: Run) -> RunError | None:
    """Return the run's error, or the last attempt's error where the run's own has only a code."""
    own = run.error_value
    attempts = run.attempts[1].attempts if run.attempts else ()
    last = attempts[-1].error if attempts and run.status.is_failed else None
    return last if last and (own is None or own.has_code_only) else own


def full_error(run: Run) -> RunError | None:
    """Return the error with the most to copy: that of the last attempt if only it has a stack, else the run's own."""
    attempts = run.attempts[1].attempts if run.attempts else ()
    last = attempts[-1].error if attempts and run.status.is_failed else None
    own = run.error_value
    return last if last is not None and (own is None or own.has_code_only or not own.stack) else own


def error_rows(run: Run, limit: int) -> list[Row]:
    """Return the error in rows of at most `limit` cells. Enter on a cut message shows all of it."""
    error = best_error(run)
    if error is None:
        return []
    name: Line = (Piece(error.name, Token.ROSE), Piece(" ")) if error.name else ()
    indent = line_width(name)
    rows: list[Row] = []
    if indent > limit // 2:
        rows = [Row(line, ("error name", index)) for index, line in enumerate(fold(name, limit))]
        name, indent = (Piece("  "),), 2
    blank: Line = (Piece(" " * indent),)
    room = limit - indent
    texts, is_cut = _message_rows(error.message, room)
    for index, text in enumerate(texts):
        piece = Piece(text, Token.BRIGHT) if text or len(texts) > 1 else Piece("no message", Token.MUTED)
        rows.append(Row((*(blank if index else name), piece), (ERROR, index)))
    if is_cut:
        note = (Piece(f"… {formatting.size(len(error.message))} in all  ", Token.FAINT), *enter_hint("shows the whole"))
        rows.append(Row((*blank, *cut(note, room)), (ERROR, "more"), ShowWhole(ValuePath(ERROR, ()))))
    below = _lines_below(error)
    return rows + [Row((*blank, *cut(line, room)), (ERROR, "below", index)) for index, line in enumerate(below)]


def enter_hint(text: str) -> Line:
    """Return `Enter` and what it does on this row."""
    return (Piece("Enter", Token.MUTED), Piece(f" {text}", Token.FAINT))


def _message_rows(text: Raw, limit: int) -> tuple[list[str], bool]:
    """Return the first rows of a message, and whether there are more. A message may be megabytes long."""
    max_characters = 2 * MAX_MESSAGE_ROWS * max(limit, 2)
    rows = wrap(text.strip()[:max_characters], limit)
    return rows[:MAX_MESSAGE_ROWS], len(rows) > MAX_MESSAGE_ROWS or len(text) > max_characters


def _lines_below(error: RunError) -> list[Line]:
    lines: list[Line] = []
    if error.code is not None and error.code not in error.message:
        lines.append((Piece("code  ", Token.FAINT), Piece(error.code, Token.MUTED)))
    if place := _first_own_place(error.stack, error.message):
        lines.append((Piece(f"at {place}", Token.FAINT),))
    lines += [_cause(cause) for cause in error.causes[:MAX_CAUSES]]
    if len(error.causes) > MAX_CAUSES:
        lines.append((Piece(f"and {formatting.plural(len(error.causes) - MAX_CAUSES, 'more cause')}", Token.FAINT),))
    return lines


def _cause(cause: RunError) -> Line:
    name: Line = (Piece(f"{cause.name} ", Token.ROSE),) if cause.name else ()
    return (Piece("caused by ", Token.FAINT), *name, Piece(first_line(cause.message), Token.MUTED))


@lru_cache(maxsize=16)
def _first_own_place(stack: Raw | None, message: Raw) -> str:
    """Return where the task's own code threw: `src/trigger/charge.ts:20:29`. Empty where the stack does not show it."""
    frames = parse_stack(stack, message) if stack else ()
    own = next((frame for frame in frames if frame.kind is FrameKind.OWN), None)
    if own is None:
        return ""
    return ":".join(str(part) for part in (own.short_file, own.line, own.column) if part is not None)
