"""Payload, output, metadata and schedule as `show` prints them: on one line where they fit, else indented and cut."""

from typing import Final

from rich.cells import cell_len

from tui.domain.run import ABSENT, Json, Run
from tui.present import formatting
from tui.present.detail.values import VALUES, missing_words, value_of
from tui.present.json.text import rows
from tui.present.styled import Line, Piece, Token, fold, wrap
from tui.present.text_block import LABEL, WHOLE, indented, labelled

MAX_ROWS: Final = 60
MAX_ROW_CHARACTERS: Final = 400
"""The length of one key with its value, or of one item. A longer text is cut so that it does not hide the next ones."""

_STORED_APART: Final = "too large for the answer; --json prints the URL to fetch it from"


def body_lines(run: Run, limit: int) -> list[Line]:
    """Return the values of a run in lines of at most `limit` cells; nothing for those that were not read."""
    lines: list[Line] = []
    for label in VALUES:
        value, url = value_of(run, label)
        if value is not ABSENT:
            lines += json_lines(label, value, limit)
        elif run.body is not None:
            words = missing_words(run, label) if url is None else _STORED_APART
            if words is not None:
                lines += labelled(label, [(Piece(row, Token.FAINT),) for row in wrap(words, limit - LABEL)], limit)
    return lines


def json_lines(label: str, value: Json, limit: int) -> list[Line]:
    """Return a labelled JSON value in lines of at most `limit` cells. The last line counts what was cut."""
    room = max(limit - LABEL, LABEL)
    if (short := _on_one_line(value, room)) is not None:
        return labelled(label, [(Piece(short),)], limit)
    shown: list[Line] = []
    cut_lines = cut_characters = 0
    for depth, text in rows(value):
        if len(shown) >= MAX_ROWS:
            cut_lines += 1
            continue
        kept = text
        if len(text) > MAX_ROW_CHARACTERS:
            cut_characters += len(text) - MAX_ROW_CHARACTERS
            kept = f"{text[:MAX_ROW_CHARACTERS]}…"
        indent = min(2 * depth, room // 2)
        shown += indented(fold((Piece(kept),), room - indent), indent)
    first, *others = shown
    lines = labelled(label, [first], limit) + indented(others, LABEL)
    if cut_lines or cut_characters:
        cuts = [formatting.plural(cut_lines, "line")] if cut_lines else []
        cuts += [formatting.plural(cut_characters, "character")] if cut_characters else []
        note = f"… without {' and '.join(cuts)}; {WHOLE}"
        lines += indented([(Piece(row, Token.FAINT),) for row in wrap(note, room)], LABEL)
    return lines


def _on_one_line(value: Json, room: int) -> str | None:
    text = ""
    for _, row in rows(value):
        text += row + (" " if row.endswith(",") else "")
        if len(text) > room:
            return None
    return text if cell_len(text) <= room else None
