"""The dialog that asks for a column by its path: what is typed, and what the selected run has there."""

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Final, NamedTuple

from tui.domain.run import ABSENT, Absent, Json, Run
from tui.present.columns import short_id
from tui.present.dialogs.columns import keys_line
from tui.present.own_columns.cell_value import Unshown, cell_value, plain_text
from tui.present.own_columns.choice import ColumnChoice, problem_of
from tui.present.own_columns.column_path import METADATA, PAYLOAD, ROOTS, ColumnPath, key_text, leading_path
from tui.present.own_columns.value_formats import KINDS
from tui.present.styled import Line, Piece, Token, cut, wrap

HINT: Final = "metadata.progress bar"
MIN_WIDTH: Final = 56
MAX_KEYS: Final = 40
"""Keys of an object that are named."""

MAX_KEY_CHARS: Final = 40
MAX_SEARCHED: Final = 2_000
"""Keys of an object among which those are searched that begin as the typed text."""

_INDENT: Final = "   "
_QUOTED: Final = 'a key with a dot is quoted: payload."order.id"'


class TypedColumn(NamedTuple):
    """What was typed: the column, or why it is none. `path` is its valid start."""

    choice: ColumnChoice | None
    problem: str
    path: ColumnPath | None


def read_typed(text: str) -> TypedColumn:
    """Read `PATH [TYPE [FORMAT]]`."""
    text = text.strip()
    path, end = leading_path(text)
    rest = text[end:]
    if path is None:
        return TypedColumn(None, f"a path begins with {', '.join(ROOTS[:-1])} or {ROOTS[-1]}" if text else "", None)
    if rest and not rest[0].isspace():
        return TypedColumn(None, _QUOTED if rest != "." else "", path)
    kind, _, form = rest.strip().partition(" ")
    choice = ColumnChoice(str(path), type=kind or "auto", format=form.strip())
    problem = problem_of(choice, (), has_paths=True)
    return TypedColumn(None if problem else choice, problem or "", path)


def path_lines(typed: TypedColumn, run: Run | None, width: int) -> list[Line]:
    """Return a problem or what the selected run has there, then the types, and the keys in the last line."""
    about = (
        (Piece(f"{_INDENT}{typed.problem}", Token.AMBER),)
        if typed.problem
        else (Piece(_INDENT), *_found_line(typed.path, run))
    )
    kinds = wrap(f"types: {' '.join(KINDS)}", width - 2 * len(_INDENT))
    types = [(Piece(f"{_INDENT}{row}", Token.FAINT),) for row in kinds]
    return [cut(about, width), *types, keys_line((("Enter", "add"), ("Esc", "back")))]


def _found_line(path: ColumnPath | None, run: Run | None) -> Line:
    if path is None:
        return (Piece("a path into metadata, payload or output, type, format", Token.MUTED),)
    if run is None:
        return (Piece("no run is selected to show its value", Token.MUTED),)
    of_run: Line = (*short_id(run.id, Token.MUTED), Piece(": ", Token.MUTED))
    root = _root_of(run, path)
    if root is ABSENT:
        return (*of_run, Piece(f"its {path.root} is not read, or there is none", Token.MUTED))
    value = path.find(root)
    if isinstance(value, dict) and value:
        return (*of_run, Piece("keys  ", Token.FAINT), Piece(_named(value), Token.TEXT))
    if value is ABSENT:
        above = _nearest(path, root)
        return (*of_run, Piece("nothing there; keys  ", Token.MUTED), Piece(_named(above), Token.TEXT))
    shown = cell_value(value)
    return (*of_run, Piece("" if isinstance(shown, Unshown) else plain_text(shown), Token.TEXT))


def _nearest(path: ColumnPath, root: Json) -> Sequence[str]:
    """Return the keys of the deepest object on a path."""
    for length in range(len(path.steps) - 1, -1, -1):
        value = ColumnPath(path.root, path.steps[:length]).find(root)
        if isinstance(value, dict):
            begun = str(path.steps[length])
            return [key for key in islice(value, MAX_SEARCHED) if key.startswith(begun)] or list(
                islice(value, MAX_KEYS)
            )
    return ()


def _named(keys: Iterable[str]) -> str:
    return ", ".join(key_text(key[:MAX_KEY_CHARS]) for key in islice(keys, MAX_KEYS))


def _root_of(run: Run, path: ColumnPath) -> Json | Absent:
    if path.root == METADATA:
        return ABSENT if run.metadata is None else run.metadata_values
    if run.body is None:
        return ABSENT
    return run.body[1].payload if path.root == PAYLOAD else run.body[1].output
