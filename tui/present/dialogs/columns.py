"""The dialog of the columns of a list, and the one for a column by its path."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final

from tui.present.key_words import key_of
from tui.present.own_columns.choice import AUTO, ColumnChoice
from tui.present.styled import Line, Piece, Token, fit, joined, line_width

WIDTH: Final = 76
HEAD_LINES: Final = 3
MIN_ROWS: Final = 3

_NAME: Final = 26
_SIZE: Final = 9
_INDENT: Final = "   "

_KEYS: Final = (
    ((("toggle-column", "space"),), "show, hide"),
    ((("column-down", "J"), ("column-up", "K")), "move"),
    ((("narrower", "<"), ("wider", ">")), "width"),
    ((("clear-width", "0"),), "usual width"),
    ((("reset-columns", "r"),), "reset"),
)
_PATH_KEYS: Final = (
    ((("add-column", "a"),), "add by path"),
    ((("column-type", "t"),), "type"),
    ((("remove-column", "d"),), "remove"),
)
"""Pairs of a binding and its usual key, and what they do."""

_END_KEYS: Final = (("Enter", "keep"), ("Esc", "back"))


def _named(rows: Iterable[tuple[tuple[tuple[str, str], ...], str]]) -> list[tuple[str, str]]:
    """Return keys and words, without those that the user has no keys for."""
    named = [(" ".join(filter(None, (key_of(*binding) for binding in pair))), word) for pair, word in rows]
    return [(keys, word) for keys, word in named if keys]


def head_lines(words: str, note: str, place: str, width: int) -> list[Line]:
    """Return the title with where the columns come from, and at its right end a note and the place of the cursor."""
    title: Line = (Piece(f"{_INDENT}Columns", Token.BRIGHT, is_bold=True), Piece(f"  {words}", Token.MUTED))
    remarks = [Piece(note, Token.AMBER)] if note else []
    if place:
        remarks.append(Piece(place, Token.FAINT))
    remark = (*joined(((each,) for each in remarks), _INDENT), Piece(_INDENT))
    room = max(0, width - line_width(remark))
    return [(), (*fit(title, room), *remark), ()]


def foot_lines(width: int, *, has_paths: bool) -> list[Line]:
    """Return the keys in as many lines as they need. Enter and Esc have the last one."""
    rows: list[list[tuple[str, str]]] = [[]]
    for key in [*_named(_KEYS), *(_named(_PATH_KEYS) if has_paths else [])]:
        if rows[-1] and line_width(keys_line([*rows[-1], key])) > width:
            rows.append([])
        rows[-1].append(key)
    return [(), *(keys_line(keys) for keys in (*rows, _END_KEYS) if keys), ()]


def keys_line(keys: Sequence[tuple[str, str]]) -> Line:
    """Return keys and their effects, as in the footer."""
    line: list[Piece] = []
    for key, words in keys:
        line += [Piece(_INDENT + key, Token.TEXT, is_bold=True), Piece(f" {words}", Token.FAINT)]
    return tuple(line)


def column_line(
    choice: ColumnChoice,
    width: int,
    *,
    is_shown: bool,
    is_current: bool,
    left_out: Collection[str],
    meanings: Mapping[str, str],
) -> Line:
    """Return a column in `width` cells: a mark if it is shown, its name, its width, and what it is."""
    edge = Piece(" ▌" if is_current else "  ", Token.ACCENT)
    mark = Piece("• " if is_shown else "  ", Token.ACCENT)
    token = (Token.BRIGHT if is_current else Token.TEXT) if is_shown else Token.MUTED
    name = fit((Piece(choice.name, token, is_bold=is_current),), _NAME)
    size = fit((Piece(f"{choice.width} cells" if choice.width else "", Token.TEXT),), _SIZE, "right")
    rest: Line = (Piece(meaning(choice, meanings), Token.MUTED if is_shown else Token.FAINT),)
    if is_shown and choice.name in left_out:
        rest = (Piece("does not fit", Token.AMBER),)
    room = max(0, width - len(_INDENT) - 1 - _NAME - _SIZE - 4)
    return (edge, mark, *name, *size, Piece("  "), *fit(rest, room))


def meaning(choice: ColumnChoice, meanings: Mapping[str, str]) -> str:
    """Return what a column shows, in a few words."""
    if choice.path is None:
        return meanings.get(choice.name, "")
    kind = "as it is" if choice.type == AUTO else f"as {choice.type}"
    return f"{kind} {choice.format}".rstrip()


def window_of(cursor: int, top: int, count: int, rows: int) -> int:
    """Return the first of the `rows` lines that are visible, so that the cursor is among them."""
    top = max(cursor - rows + 1, min(top, cursor))
    return max(0, min(top, count - rows))
